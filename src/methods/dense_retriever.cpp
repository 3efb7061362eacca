#include "methods/dense_retriever.h"

#include <torch/torch.h>

#include <algorithm>

#include "base/error.h"
#include "methods/request_batches.h"
#include "methods/top_k.h"
#include "methods/train_facts.h"
#include "nn/device.h"

namespace tessera {

using at::Tensor;

DenseRetriever::DenseRetriever(Settings settings)
    : settings_(std::move(settings)), device_(choose_device(settings_.train.device)) {}

std::vector<Chunk> DenseRetriever::make_examples(const Split& split) const {
  return make_chunks(split, settings_.max_history);
}

bool DenseRetriever::bf16() const {
  return use_bf16(settings_.train.precision, device_);
}

void DenseRetriever::prepare(const RetrieveInputs& inputs, uint64_t seed) {
  num_items_ = inputs.data.items.size();
  trie_ = inputs.trie;
  weights_.emplace(seed, device_);
  build(*weights_, inputs);
}

void DenseRetriever::train(const RetrieveInputs& inputs, const MethodContext& context) {
  prepare(inputs, context.seed);
  split_ = &inputs.split;
  examples_ = make_examples(*split_);
  TESSERA_CHECK(!examples_.empty(), data, "{}: no user has two training items", settings_.name);
  pretrain(inputs, context);
  validation_.emplace(*split_, settings_.validation, context.seed);
  summary_ =
      train_model(*this, settings_.train, context.seed, context.reporter, "train " + settings_.name, context.folder);
  validation_.reset();
  examples_ = {};
  split_ = nullptr;
}

Tensor DenseRetriever::loss(std::span<const int64_t> examples) {
  std::vector<Chunk> batch;
  for (const int64_t example : examples) batch.push_back(examples_[static_cast<size_t>(example)]);
  return loss_of(batch);
}

std::vector<std::pair<std::string, double>> DenseRetriever::validate() {
  return validation_->score([&](std::span<const Request> requests) { return recommend(requests); });
}

std::vector<Results> DenseRetriever::recommend(std::span<const Request> requests) const {
  std::vector<Results> results(requests.size());
  // Scores of a batch take at most some 16 MB on a CPU.
  const int64_t batch = device_.is_cpu() ? std::clamp((int64_t{4} << 20) / num_items_, int64_t{8}, int64_t{128}) : 1024;
  for_each_batch(requests, batch, device_.is_cpu(), [&](std::span<const size_t> places) {
    const c10::InferenceMode inference;
    Questions questions;
    for (const size_t i : places) {
      const auto& all = requests[i].history;
      questions.histories.push_back(all.last(std::min(all.size(), static_cast<size_t>(settings_.max_history))));
      questions.users.push_back(requests[i].user);
    }
    const Tensor rows = scores(questions).to(at::kCPU).contiguous();  // [B, N]
    for (size_t b = 0; b < places.size(); ++b) {
      const Request& request = requests[places[b]];
      const std::span row(rows.data_ptr<float>() + static_cast<int64_t>(b) * num_items_,
                          static_cast<size_t>(num_items_));
      results[places[b]] = top_k(row, request.k, Allowance(request, trie_, num_items_));
    }
  });
  return results;
}

void DenseRetriever::save(const std::filesystem::path& folder) const {
  weights_->save(folder / "model.safetensors", {{"method", settings_.name}});
}

void DenseRetriever::load(const std::filesystem::path& folder, const RetrieveInputs& inputs) {
  prepare(inputs, 0);
  weights_->load(folder / "model.safetensors");
}

std::map<std::string, double> DenseRetriever::facts() const {
  return train_facts(summary_, weights_);
}

}  // namespace tessera
