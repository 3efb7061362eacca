// STAR, its retrieval stage: what items say about themselves and who had them together, without any training.
// Lee, Kraft, Jin, Mehta, Xu, Hong, Chi and Yi, STAR: a simple training-free approach for recommendations using large
// language models, 2024, arXiv:2410.16458.
//
//   score(x) = 1/n sum over the last n items j of the history of r_j lambda^(t_j) (a R_S(x, j) + (1 - a) R_C(x, j))
//   R_S  cosine of the item vectors;  R_C  |U_x and U_j| / sqrt(|U_x| |U_j|), the cosine of who had them
// t_j counts from 0 at the newest item; both matrices have an empty diagonal. Defaults (lambda .7, a .5, n 3) as there.
// As R_S is linear in the item vectors, one product with sum w_j v_j scores all of them; R_C is sparse and added.
//
// Ours: the vectors are those of the embed stage, made without a language model; ratings r_j are 1. Who has no history
// is answered by popularity. The ranking stage, a language model that reorders the answer, is not part of this method.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "methods/catalog.h"
#include "methods/interactions.h"
#include "methods/item_votes.h"

namespace tessera::methods::star {

namespace {

struct Options {
  double semantic = 0.5;
  VoterOptions voters;
  Options() {
    voters.last_n = 3;
    voters.decay = 0.7;
  }
  template <class F>
  void fields(F& f) {
    f("semantic", semantic, "weight a of the item vectors against 1 - a of who had items together", range(0, 1));
    voters.fields(f);
  }
};

class Star : public Retriever {
 public:
  explicit Star(Options options) : options_(std::move(options)) {}

  void train(const RetrieveInputs& inputs, const MethodContext& context) override {
    Progress progress(context.reporter, "train star", 1, "passes");
    const SparseMatrix items = interactions(inputs.split, inputs.data.items.size());
    together_ = ItemVotes(had_together(items), inputs.split.train_counts);
    prepare(inputs);
    progress.add();
  }
  std::vector<Results> recommend(std::span<const Request> requests) const override;
  int64_t batch_size() const override { return 2048; }
  void save(const std::filesystem::path& folder) const override { together_.save(folder, "star"); }
  void load(const std::filesystem::path& folder, const RetrieveInputs& inputs) override {
    together_ = ItemVotes::load(folder, inputs.data.items.size());
    prepare(inputs);
  }
  std::map<std::string, double> facts() const override {
    return {{"parameters", static_cast<double>(together_.num_entries())}};
  }

 private:
  static constexpr int64_t kBlock = 32;

  /// R_C. @param items  [num_users, num_items]
  static SparseMatrix had_together(const SparseMatrix& items);

  void prepare(const RetrieveInputs& inputs) {
    TESSERA_CHECK(inputs.vectors != nullptr, config, "star needs item vectors: add an [embed] stage");
    TESSERA_CHECK(inputs.vectors->rows == inputs.data.items.size(), shape, "star: {} vectors for {} items",
                  inputs.vectors->rows, inputs.data.items.size());
    trie_ = inputs.trie;
    vectors_ = *inputs.vectors;
    normalise_rows(vectors_);
    packed_.emplace(vectors_, true);
  }

  /// Adds what the row of scores cannot hold as one product: R_C, and the empty diagonal of R_S.
  void add_pairs(const Request& request, std::span<float> scores) const {
    const auto semantic = static_cast<float>(options_.semantic);
    const SparseMatrix& together = together_.votes();
    for_each_voter(request.history, options_.voters, vectors_.rows, [&](int32_t item, float weight) {
      float self = 0;
      for (const float value : vectors_.row(item)) self += value * value;
      scores[static_cast<size_t>(item)] -= semantic * weight * self;
      for (int64_t e = together.begin(item); e < together.end(item); ++e) {
        scores[static_cast<size_t>(together.columns[static_cast<size_t>(e)])] +=
            (1 - semantic) * weight * together.values[static_cast<size_t>(e)];
      }
    });
  }

  Options options_;
  const Trie* trie_ = nullptr;
  ItemVotes together_;                  // R_C
  Matrix vectors_;                      // [num_items, dim], rows of length 1 or 0
  std::optional<PackedMatrix> packed_;  // the same transposed
};

SparseMatrix Star::had_together(const SparseMatrix& items) {
  const SparseMatrix users = transpose(items);
  const auto popularity = [&](int64_t item) { return static_cast<double>(users.end(item) - users.begin(item)); };
  std::vector<std::vector<std::pair<int32_t, float>>> rows(static_cast<size_t>(items.cols));
  parallel_for(items.cols, 64, [&](int64_t first, int64_t last) {
    std::vector<int32_t> beside;
    for (int64_t x = first; x < last; ++x) {
      beside.clear();
      for (int64_t e = users.begin(x); e < users.end(x); ++e) {
        const int64_t u = users.columns[static_cast<size_t>(e)];
        beside.insert(beside.end(), items.columns.begin() + items.begin(u), items.columns.begin() + items.end(u));
      }
      std::sort(beside.begin(), beside.end());
      for (auto it = beside.begin(); it != beside.end();) {
        const auto next = std::find_if(it, beside.end(), [&](int32_t j) { return j != *it; });
        if (*it != x) {
          const double cosine = static_cast<double>(next - it) / std::sqrt(popularity(x) * popularity(*it));
          rows[static_cast<size_t>(x)].emplace_back(*it, static_cast<float>(cosine));
        }
        it = next;
      }
    }
  });
  SparseMatrix out;
  out.rows = out.cols = items.cols;
  for (const auto& row : rows) {
    for (const auto& [j, cosine] : row) {
      out.columns.push_back(j);
      out.values.push_back(cosine);
    }
    out.offsets.push_back(out.num_entries());
  }
  return out;
}

std::vector<Results> Star::recommend(std::span<const Request> requests) const {
  std::vector<Results> answers(requests.size());
  parallel_for(static_cast<int64_t>(requests.size()), kBlock, [&](int64_t first, int64_t last) {
    std::vector<float> scores(static_cast<size_t>(kBlock * packed_->padded_cols()));
    for (int64_t begin = first; begin < last; begin += kBlock) {
      const int64_t count = std::min(kBlock, last - begin);
      Matrix query(count, vectors_.cols);
      for (int64_t b = 0; b < count; ++b) {
        for_each_voter(requests[static_cast<size_t>(begin + b)].history, options_.voters, vectors_.rows,
                       [&](int32_t item, float weight) {
                         const auto vector = vectors_.row(item);
                         const float share = static_cast<float>(options_.semantic) * weight;
                         for (size_t j = 0; j < vector.size(); ++j) query.row(b)[j] += share * vector[j];
                       });
      }
      packed_->multiply(query.values.data(), count, scores.data());
      for (int64_t b = 0; b < count; ++b) {
        const Request& request = requests[static_cast<size_t>(begin + b)];
        const Allowance allowed(request, trie_, vectors_.rows);
        const auto row = std::span(scores).subspan(static_cast<size_t>(b * packed_->padded_cols()),
                                                   static_cast<size_t>(vectors_.rows));
        add_pairs(request, row);
        Results& results = answers[static_cast<size_t>(begin + b)];
        if (!request.history.empty()) results = top_k(std::span<const float>(row), request.k, allowed);
        fill_up(results, request.k, together_.order(), allowed);
      }
    }
  });
  return answers;
}

}  // namespace

MethodInfo info() {
  return method_info<Options, Star>("star", "item vectors and who had items together, without training",
                                    "Lee et al., STAR: A Simple Training-free Approach for Recommendations using Large "
                                    "Language Models, 2024, arXiv:2410.16458",
                                    "vectors", {"semantic", "last_n", "decay"});
}

}  // namespace tessera::methods::star
