#include "methods/item_features.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "base/random.h"
#include "text/tokenise.h"

namespace tessera {

namespace {

/// Collects the features of one item.
class FeatureBag {
 public:
  void words(std::string_view text, double weight) {
    if (weight <= 0 || text.empty()) return;
    for (const std::string& word : tokenise(text)) add("w:" + word, weight);
  }
  void add(const std::string& name, double weight) {
    if (weight > 0) features_.emplace_back(stream_id(name), static_cast<float>(weight));
  }
  /// Ascending, each feature once.
  std::vector<ItemFeature> take() {
    std::stable_sort(features_.begin(), features_.end(),
                     [](const ItemFeature& a, const ItemFeature& b) { return a.first < b.first; });
    std::vector<ItemFeature> merged;
    for (const auto& [feature, weight] : features_) {
      if (!merged.empty() && merged.back().first == feature) {
        merged.back().second += weight;
      } else {
        merged.emplace_back(feature, weight);
      }
    }
    return merged;
  }

 private:
  std::vector<ItemFeature> features_;
};

}  // namespace

std::vector<ItemFeature> item_features(const Item& item, const ItemFeatureWeights& weights) {
  FeatureBag bag;
  bag.words(item.title, weights.title);
  bag.words(item.description, weights.description);
  bag.words(item.brand, weights.brand);
  if (!item.brand.empty()) bag.add("b:" + item.brand, weights.brand);
  for (const auto& path : item.categories) {
    std::string prefix = "c:";
    for (const std::string& name : path) {
      bag.words(name, weights.categories);
      bag.add(prefix += name + '\x1f', weights.categories);
    }
  }
  for (const auto& [name, value] : item.attributes) {
    bag.words(value, weights.attributes);
    bag.add("a:" + name + '\x1f' + value, weights.attributes);
  }
  return bag.take();
}

}  // namespace tessera
