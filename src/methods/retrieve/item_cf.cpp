// Item-to-item co-occurrence: the training-free floor that every learned retriever has to beat.
// After Linden, Smith and York, Amazon.com recommendations: item-to-item collaborative filtering, IEEE Internet Comput.
// 2003.
//
//   n_ij     = sum over training histories of d^-distance_power for j at distance d <= window from i
//              (times `backward` where j came before i)
//   score(j) = sum over the last `last_n` items i of the history, newest first, of decay^age n_ij / (n_i^norm
//   pop_j^damping)
// Items are then filled up to k by popularity. Ours: the training histories alone are counted, never validation items;
// defaults were chosen on Beauty's validation cases. Untuned reference, history masked: Beauty R@10 .0802 / N@10 .0513,
// Sports .0420 / .0266. Ours with the defaults: .0863 / .0539 and .0515 / .0322.
#include <algorithm>
#include <cmath>

#include "methods/catalog.h"
#include "methods/cooccurrence.h"
#include "methods/votes_retriever.h"

namespace tessera::methods::item_cf {

namespace {

struct Options {
  int64_t window = 5;
  double distance_power = 0.75;
  double backward = 0.3;
  VoterOptions voters;
  double damping = 0.2;
  double norm = 0.3;
  template <class F>
  void fields(F& f) {
    f("window", window, "pairs of a history count up to this distance", range(1, 1000));
    f("distance_power", distance_power, "a pair at distance d counts d^-p", range(0, 10));
    f("backward", backward, "weight of pairs against the order of time; 0: directed", range(0, 1));
    voters.fields(f);
    f("damping", damping, "exponent of the popularity that a candidate is divided by", range(0, 2));
    f("norm", norm, "exponent of the co-occurrence total that a voter is divided by", range(0, 2));
  }
};

class ItemCf : public VotesRetriever {
 public:
  explicit ItemCf(const Options& options) : VotesRetriever("item-cf", options.voters), options_(options) {}

 private:
  SparseMatrix votes(const RetrieveInputs& inputs, const MethodContext&) const override {
    const int64_t num_items = inputs.data.items.size();
    SparseMatrix similar =
        cooccurrence(inputs.split, num_items, {options_.window, options_.distance_power, options_.backward});
    std::vector<int64_t> counts = inputs.split.train_counts;
    counts.resize(static_cast<size_t>(num_items), 0);
    for (int64_t i = 0; i < similar.rows; ++i) {
      double total = 0;
      for (int64_t e = similar.begin(i); e < similar.end(i); ++e) total += similar.values[static_cast<size_t>(e)];
      for (int64_t e = similar.begin(i); e < similar.end(i); ++e) {
        const auto j = static_cast<size_t>(similar.columns[static_cast<size_t>(e)]);
        const double popularity = static_cast<double>(std::max<int64_t>(counts[j], 1));
        similar.values[static_cast<size_t>(e)] /=
            static_cast<float>(std::pow(total, options_.norm) * std::pow(popularity, options_.damping));
      }
    }
    return similar;
  }

  Options options_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, ItemCf>("item-cf",
                                      "distance-weighted, popularity-damped co-occurrence: the training-free floor",
                                      "Linden, Smith and York, IEEE Internet Computing 2003", "");
}

}  // namespace tessera::methods::item_cf
