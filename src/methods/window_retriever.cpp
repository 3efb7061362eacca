#include "methods/window_retriever.h"

#include <torch/torch.h>

#include "methods/history_batch.h"
#include "nn/table_rows.h"

namespace tessera {

using at::Tensor;

WindowRetriever::WindowRetriever(std::string name, WindowOptions options, int64_t state_dim)
    : DenseRetriever({std::move(name), options.length, options.validation, options.train}),
      options_(std::move(options)),
      state_dim_(state_dim) {}

void WindowRetriever::build(Parameters& weights, const RetrieveInputs& inputs) {
  const int64_t d = options_.model_dim;
  const double scale = 1.0 / static_cast<double>(d);
  num_users_ = inputs.data.users.size();
  item_ = weights.normal("item", {num_items() + 1, d}, scale);  // the last row is padding, and never read
  user_ = weights.normal("user", {num_users_ + 1, d}, scale);   // the last row is nobody, likewise
  output_ = weights.normal("output", {num_items(), state_dim_}, 1.0 / static_cast<double>(state_dim_));
  output_bias_ = weights.constant("output_bias", {num_items()}, 0);
  build_network(weights);
}

std::vector<Chunk> WindowRetriever::make_examples(const Split& split) const {
  return make_target_windows(split, options_.length, options_.targets);
}

/// @param items  [B, L]; @param users  [B]
Tensor WindowRetriever::states(const Tensor& items, const Tensor& users) const {
  const Tensor real = (items != num_items()).to(at::kFloat).unsqueeze(-1);
  const Tensor known = (users != num_users_).to(at::kFloat).unsqueeze(-1);
  return state_of(table_rows(item_, items) * real, real, table_rows(user_, users) * known);
}

/// @param items  [B, n]; @return [B, n]
Tensor WindowRetriever::score(const Tensor& states, const Tensor& items) const {
  return (table_rows(output_, items) * states.unsqueeze(1)).sum(-1) +
         output_bias_.index_select(0, items.flatten()).view_as(items);
}

Tensor WindowRetriever::loss_of(std::span<const Chunk> examples) {
  const WindowBatch batch = read_windows(split(), examples, num_items(), options_.length, options_.targets, device());
  const Tensor state = states(batch.items, batch.users);
  const Tensor answers = batch.answers.repeat({1, options_.negatives});
  const Tensor random = at::randint(num_items(), answers.sizes(), answers.options());
  const Tensor counts = batch.valid.repeat({1, options_.negatives}) * (random != answers).to(at::kFloat);
  return window_loss({score(state, batch.answers), batch.valid, score(state, random), counts});
}

Tensor WindowRetriever::scores(const Questions& questions) const {
  std::vector<int64_t> users;
  for (const UserId user : questions.users)
    users.push_back(index(user) >= 0 && index(user) < num_users_ ? index(user) : num_users_);
  const auto read = pad_histories(questions.histories, num_items(), Padding::left, device(), options_.length);
  return at::addmm(output_bias_, states(read.items, at::tensor(users).to(device())), output_.t());
}

}  // namespace tessera
