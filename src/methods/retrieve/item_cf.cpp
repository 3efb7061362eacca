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
#include "methods/item_votes.h"

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

class ItemCf : public Retriever {
 public:
  explicit ItemCf(Options options) : options_(std::move(options)) {}

  void train(const RetrieveInputs& inputs, const MethodContext& context) override {
    Progress progress(context.reporter, "train item-cf", 1, "passes");
    trie_ = inputs.trie;
    SparseMatrix similar = cooccurrence(inputs.split, inputs.data.items.size(),
                                        {options_.window, options_.distance_power, options_.backward});
    std::vector<int64_t> counts = inputs.split.train_counts;
    counts.resize(static_cast<size_t>(inputs.data.items.size()), 0);
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
    votes_ = ItemVotes(std::move(similar), std::move(counts));
    progress.add();
  }

  std::vector<Results> recommend(std::span<const Request> requests) const override {
    return votes_.answer(requests, options_.voters, trie_);
  }
  int64_t batch_size() const override { return 2048; }
  void save(const std::filesystem::path& folder) const override { votes_.save(folder, "item-cf"); }
  void load(const std::filesystem::path& folder, const RetrieveInputs& inputs) override {
    votes_ = ItemVotes::load(folder, inputs.data.items.size());
    trie_ = inputs.trie;
  }
  std::map<std::string, double> facts() const override {
    return {{"parameters", static_cast<double>(votes_.num_entries())}};
  }

 private:
  Options options_;
  const Trie* trie_ = nullptr;
  ItemVotes votes_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, ItemCf>("item-cf",
                                      "distance-weighted, popularity-damped co-occurrence: the training-free floor",
                                      "Linden, Smith and York, IEEE Internet Computing 2003", "");
}

}  // namespace tessera::methods::item_cf
