#pragma once

#include <memory>
#include <string>

#include "base/temporary_folder.h"
#include "pipeline/run.h"
#include "pipeline/tiny_world.h"
#include "serve/service.h"

namespace tessera::test {

/// The service over a small run that is trained here, on a free port of the loopback.
class ConsoleShop {
 public:
  ConsoleShop() {
    Dataset data = tiny_dataset();
    Dataset shop;
    shop.name = data.name;
    shop.users = data.users;
    shop.log = data.log;
    for (Item item : data.items.items()) {
      const int i = static_cast<int>(shop.items.size());
      item.title = i == 0 ? "<b>Tom & \"Jerry\"</b> lamp"
                          : "lamp shape" + std::to_string(i % 4) + " colour" + std::to_string(i % 6);
      item.categories = {{"Home", i % 2 == 0 ? "Lamps" : "Lights"}};
      shop.items.add(std::move(item));
    }
    save_dataset(shop, folder_ / "data");
    Recipe recipe = parse_recipe(kRecipe, "tiger.toml");
    apply_set(recipe, "data=" + (folder_ / "data").string());
    apply_set(recipe, "name=tiger");
    resolve_recipe(recipe);
    RunContext context;
    context.runs = folder_ / "runs";
    tessera::Run(recipe, context).up_to(Stage::train);
    serve::ServeOptions options;
    options.listen = "127.0.0.1:0";
    options.deadline_ms = 60'000;
    service_ = std::make_unique<serve::Service>("tiger", context, options);
    service_->start();
  }
  serve::Service& service() { return *service_; }
  std::string address() const { return service_->address(); }

 private:
  static constexpr const char* kRecipe = R"toml(
[embed]
name = "text-svd"
dim = 4
max_df = 1.0
[tokenize]
name = "rq-kmeans"
levels = 2
codebook_size = [4]
[retrieve]
name = "tiger"
model_dim = 16
heads = 2
head_dim = 8
ff_dim = 32
encoder_layers = 1
decoder_layers = 1
max_steps = 30
beam = 10
[evaluate]
resamples = 50
)toml";
  TemporaryFolder folder_;
  std::unique_ptr<serve::Service> service_;
};

}  // namespace tessera::test
