// Swing: items are alike when pairs of otherwise different people had both.
// Yang, Zhu, Zhang, Wu and Chen, Large scale product graph construction for recommendation in e-commerce, 2020,
// arXiv:2010.05525.
//
//   s(i, j) = sum over pairs of users u, v who both had i and j of w_u w_v / (alpha + |I_u and I_v|),  w_u = |I_u|^-1/2
// A pair of users with little else in common says more than one that shares a whole taste, so a casual click counts for
// little. An answer adds up s over the last items of a history; items without a swing follow by popularity.
//
// The sum is over unordered pairs of two users (over ordered ones it doubles, which no order of answers sees).
// Ours: `last_n`, `decay` and `damping`, chosen on Beauty's validation cases (recipes/beauty/swing.toml). A log as
// sparse as Beauty's has few swings: most items that occur together share one person only. The paper's offline numbers
// are on Taobao's log and cannot be compared.
#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "base/random.h"
#include "methods/catalog.h"
#include "methods/interactions.h"
#include "methods/votes_retriever.h"

namespace tessera::methods::swing {

namespace {

struct Options {
  double alpha = 1.0;
  bool user_weight = true;
  double damping = 0.0;
  int64_t max_users = 1000;
  VoterOptions voters;
  template <class F>
  void fields(F& f) {
    f("alpha", alpha, "added to the number of items that two users share", range(0, 1e6));
    f("user_weight", user_weight, "a user of n items counts n^-1/2 in each pair");
    f("damping", damping, "exponent of the popularity that a candidate is divided by", range(0, 2));
    f("max_users", max_users, "users of one item that are paired at most, drawn at random", range(1, 1 << 20));
    voters.fields(f);
  }
};

/// Computes rows of s; one a thread.
class Rows {
 public:
  /// @param items  [num_users, num_items], @param users  its transpose
  Rows(const SparseMatrix& items, const SparseMatrix& users, const Options& options, uint64_t seed)
      : items_(items),
        users_(users),
        options_(options),
        seed_(seed),
        marked_(static_cast<size_t>(items.cols), -1),
        scores_(static_cast<size_t>(items.cols), 0.0) {}

  /// s(i, .) without its diagonal, columns ascending.
  void compute(int32_t i, std::vector<std::pair<int32_t, float>>& row) {
    const std::vector<int32_t> users = users_of(i);
    for (size_t a = 0; a < users.size(); ++a) {
      const int32_t u = users[a];
      for (const int32_t j : items_of(u)) marked_[static_cast<size_t>(j)] = u;
      for (size_t b = a + 1; b < users.size(); ++b) add(i, u, users[b]);
      for (const int32_t j : items_of(u)) marked_[static_cast<size_t>(j)] = -1;
    }
    std::sort(touched_.begin(), touched_.end());
    row.clear();
    for (const int32_t j : touched_) {
      row.emplace_back(j, static_cast<float>(scores_[static_cast<size_t>(j)]));
      scores_[static_cast<size_t>(j)] = 0;
    }
    touched_.clear();
  }

 private:
  std::span<const int32_t> items_of(int32_t user) const {
    return std::span(items_.columns).subspan(items_.begin(user), items_.end(user) - items_.begin(user));
  }
  std::vector<int32_t> users_of(int32_t item) const {
    const auto all = std::span(users_.columns).subspan(users_.begin(item), users_.end(item) - users_.begin(item));
    std::vector<int32_t> users(all.begin(), all.end());
    if (static_cast<int64_t>(users.size()) > options_.max_users) {
      Random(seed_, "swing.users", static_cast<uint64_t>(item)).shuffle(std::span(users));
      users.resize(static_cast<size_t>(options_.max_users));
      std::sort(users.begin(), users.end());
    }
    return users;
  }
  double weight(int32_t user) const {
    return options_.user_weight ? 1 / std::sqrt(static_cast<double>(items_of(user).size())) : 1.0;
  }
  /// Adds the pair (u, v) to every item beside i that both had; those of u are marked.
  void add(int32_t i, int32_t u, int32_t v) {
    shared_.clear();
    for (const int32_t j : items_of(v)) {
      if (marked_[static_cast<size_t>(j)] == u) shared_.push_back(j);
    }
    if (shared_.size() < 2) return;  // nothing but i
    const double score = weight(u) * weight(v) / (options_.alpha + static_cast<double>(shared_.size()));
    for (const int32_t j : shared_) {
      if (j == i) continue;
      if (scores_[static_cast<size_t>(j)] == 0) touched_.push_back(j);
      scores_[static_cast<size_t>(j)] += score;
    }
  }

  const SparseMatrix& items_;
  const SparseMatrix& users_;
  const Options& options_;
  uint64_t seed_;
  std::vector<int32_t> marked_;  // [num_items]: the user whose item it is
  std::vector<double> scores_;   // [num_items]
  std::vector<int32_t> touched_, shared_;
};

class Swing : public VotesRetriever {
 public:
  explicit Swing(const Options& options) : VotesRetriever("swing", options.voters), options_(options) {}

 private:
  SparseMatrix votes(const RetrieveInputs& inputs, const MethodContext& context) const override {
    const int64_t num_items = inputs.data.items.size();
    const SparseMatrix items = interactions(inputs.split, num_items), users = transpose(items);
    std::vector<std::vector<std::pair<int32_t, float>>> rows(static_cast<size_t>(num_items));
    parallel_for(num_items, 32, [&](int64_t first, int64_t last) {
      Rows work(items, users, options_, context.seed);
      for (int64_t i = first; i < last; ++i) work.compute(static_cast<int32_t>(i), rows[static_cast<size_t>(i)]);
    });
    SparseMatrix out;
    out.rows = out.cols = num_items;
    for (const auto& row : rows) {
      for (const auto& [j, score] : row) {
        const auto popularity = static_cast<double>(users.end(j) - users.begin(j));
        out.columns.push_back(j);
        out.values.push_back(static_cast<float>(score / std::pow(popularity, options_.damping)));
      }
      out.offsets.push_back(out.num_entries());
    }
    return out;
  }

  Options options_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, Swing>("swing", "items are alike when pairs of otherwise different people had both",
                                     "Yang et al., Large Scale Product Graph Construction for Recommendation in "
                                     "E-commerce, 2020, arXiv:2010.05525",
                                     "", {"last_n", "decay"});
}

}  // namespace tessera::methods::swing
