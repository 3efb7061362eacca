#pragma once

namespace tessera::cli {

/// What `tessera demo` runs, in order. They are part of the program, so that the demo works from any folder.
struct DemoRecipe {
  const char* name;
  const char* text;
};

/// Shared by all: the last click of a user is the answer, as for the ceilings of the simulated shop.
inline constexpr const char* kDemoCommon = R"toml(
[split]
actions = ["click"]
min_user_events = 3

[evaluate]
k = [5, 10, 20]
users = 1000
examples = 10
)toml";

inline constexpr DemoRecipe kDemoRecipes[] = {
    {"popular", R"toml(
[retrieve]
name = "popular"
)toml"},
    {"item-cf", R"toml(
[retrieve]
name = "item-cf"
)toml"},
    {"sasrec", R"toml(
[retrieve]
name = "sasrec"
loss = "softmax"
model_dim = 64
layers = 1
max_history = 30
batch_size = 32
dropout = 0.3
max_minutes = 0.75
validate_users = 1000
validate_every_epochs = 2
)toml"},
    {"tiger", R"toml(
[embed]
name = "concat"
parts = ["text-svd", "ppmi-svd"]
[embed.text-svd]
dim = 96
[embed.ppmi-svd]
dim = 64

[tokenize]
name = "rq-kmeans"
levels = 3
codebook_size = [128]
iterations = 20

[retrieve]
name = "tiger"
model_dim = 96
heads = 4
head_dim = 24
ff_dim = 256
encoder_layers = 2
decoder_layers = 2
max_history = 20
beam = 20
batch_size = 32
max_minutes = 2.0
validate_users = 500
validate_beam = 10
validate_every_epochs = 4
warmup_steps = 100
)toml"},
};

}  // namespace tessera::cli
