#include "methods/pair_examples.h"

#include <torch/torch.h>

#include <limits>

#include "base/parallel.h"

namespace tessera {

using at::Tensor;

PairExamples::PairExamples(const SparseMatrix& had, const NegativeSamplerOptions& options,
                           std::span<const int64_t> train_counts, uint64_t seed)
    : offsets_(had.offsets), sampler_(options, train_counts, seed) {
  for (const int32_t item : had.columns) items_.push_back(ItemId{item});
  for (int64_t u = 0; u < had.rows; ++u) user_.insert(user_.end(), had.end(u) - had.begin(u), static_cast<int32_t>(u));
}

PairExamples::Batch PairExamples::batch(std::span<const int64_t> examples, int64_t num_negatives) const {
  const auto size = static_cast<int64_t>(examples.size());
  const int64_t draw = at::randint(std::numeric_limits<int64_t>::max(), {1}, at::kLong).item<int64_t>();
  Batch out{at::empty({size}, at::kLong), at::empty({size}, at::kLong), at::empty({size, num_negatives}, at::kLong)};
  int64_t* users = out.users.data_ptr<int64_t>();
  int64_t* positives = out.positives.data_ptr<int64_t>();
  int64_t* negatives = out.negatives.data_ptr<int64_t>();
  parallel_for(size, 1024, [&](int64_t first, int64_t last) {
    std::vector<ItemId> drawn(static_cast<size_t>(num_negatives));
    for (int64_t b = first; b < last; ++b) {
      const auto e = static_cast<size_t>(examples[static_cast<size_t>(b)]);
      const auto u = static_cast<size_t>(user_[e]);
      users[b] = user_[e];
      positives[b] = index(items_[e]);
      sampler_.sample(std::span(items_).subspan(offsets_[u], offsets_[u + 1] - offsets_[u]), draw, b, drawn);
      for (int64_t n = 0; n < num_negatives; ++n)
        negatives[b * num_negatives + n] = index(drawn[static_cast<size_t>(n)]);
    }
  });
  return out;
}

Tensor bpr_loss(const Tensor& positive, const Tensor& negative) {
  return at::softplus(negative - positive.unsqueeze(1)).mean();
}

}  // namespace tessera
