// Latent semantic analysis of the catalogue's text: TF-IDF, then a truncated singular value decomposition.
// Deerwester et al., Indexing by latent semantic analysis, JASIS 1990; randomised SVD: Halko et al., arXiv:0909.4061.
//
//   w(item, word) = ln(1 + sum_fields weight_f tf_f(word)) * ln((N + 1) / (df(word) + 1)), rows scaled to length 1
//   vectors = U S^power, rows scaled to length 1
// The stand-in for a sentence encoder where there is no checkpoint (handbook 6). Beside words, a brand is one feature,
// and so is every prefix of a category path and every attribute value: "Beauty > Makeup > Nails" is closer to its
// siblings than its words alone tell. Ours: features are 64-bit hashes (no vocabulary is kept), `power` shades between
// U (0) and U S (1).
#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "base/error.h"
#include "base/parallel.h"
#include "methods/catalog.h"
#include "methods/item_features.h"
#include "methods/linear_algebra.h"
#include "methods/svd_vectors.h"

namespace tessera::methods::text_svd {

namespace {

struct Options {
  ItemFeatureWeights weights;
  int64_t min_df = 2;
  double max_df = 0.5;
  int64_t max_features = 100000;
  SvdVectorOptions svd{.dim = 256};
  template <class F>
  void fields(F& f) {
    weights.fields(f);
    f("min_df", min_df, "items that must have a feature", at_least(1));
    f("max_df", max_df, "largest share of items that may have a feature", range(0, 1));
    f("max_features", max_features, "features kept, the most frequent first", at_least(1));
    svd.fields(f);
  }
};

/// The kept features: hash -> (column, idf).
using Columns = std::unordered_map<uint64_t, std::pair<int32_t, float>>;

Columns choose_columns(const std::vector<std::vector<ItemFeature>>& bags, const Options& options) {
  std::unordered_map<uint64_t, int64_t> frequency;
  for (const auto& bag : bags) {
    for (const auto& [feature, weight] : bag) ++frequency[feature];
  }
  const auto num_items = static_cast<double>(bags.size());
  std::vector<std::pair<int64_t, uint64_t>> kept;  // (-df, feature): the most frequent first, then by hash
  for (const auto& [feature, df] : frequency) {
    if (df >= options.min_df && static_cast<double>(df) <= options.max_df * num_items) kept.emplace_back(-df, feature);
  }
  std::sort(kept.begin(), kept.end());
  if (static_cast<int64_t>(kept.size()) > options.max_features) kept.resize(static_cast<size_t>(options.max_features));
  Columns columns;
  for (size_t c = 0; c < kept.size(); ++c) {
    const double df = static_cast<double>(-kept[c].first);
    columns[kept[c].second] = {static_cast<int32_t>(c), static_cast<float>(std::log((num_items + 1) / (df + 1)))};
  }
  return columns;
}

SparseMatrix tf_idf(const std::vector<std::vector<ItemFeature>>& bags, const Columns& columns) {
  SparseMatrix matrix;
  matrix.rows = static_cast<int64_t>(bags.size());
  matrix.cols = static_cast<int64_t>(columns.size());
  std::vector<std::pair<int32_t, float>> row;
  for (const auto& bag : bags) {
    row.clear();
    double norm = 0;
    for (const auto& [feature, weight] : bag) {
      const auto found = columns.find(feature);
      if (found == columns.end()) continue;
      const float value = std::log1p(weight) * found->second.second;
      row.emplace_back(found->second.first, value);
      norm += static_cast<double>(value) * value;
    }
    std::sort(row.begin(), row.end());
    const double scale = norm > 0 ? 1.0 / std::sqrt(norm) : 0.0;
    for (const auto& [column, value] : row) {
      matrix.columns.push_back(column);
      matrix.values.push_back(static_cast<float>(value * scale));
    }
    matrix.offsets.push_back(static_cast<int64_t>(matrix.columns.size()));
  }
  return matrix;
}

class TextSvd : public Embedder {
 public:
  explicit TextSvd(Options options) : options_(std::move(options)) {}

  Matrix embed(const Dataset& data, const Split&, const MethodContext& context) override {
    Progress progress(context.reporter, "embed text-svd", 3, "steps");
    std::vector<std::vector<ItemFeature>> bags(static_cast<size_t>(data.items.size()));
    parallel_for(data.items.size(), 256, [&](int64_t first, int64_t last) {
      for (int64_t i = first; i < last; ++i) {
        bags[static_cast<size_t>(i)] = item_features(data.items[ItemId{static_cast<int32_t>(i)}], options_.weights);
      }
    });
    progress.add();
    const Columns columns = choose_columns(bags, options_);
    TESSERA_CHECK(!columns.empty(), data,
                  "[text-svd] no word stands in {} items or more: the catalogue of {} items has too little text (lower "
                  "min_df, raise max_df, or use \"ppmi-svd\")",
                  options_.min_df, data.items.size());
    const SparseMatrix matrix = tf_idf(bags, columns);
    progress.note(fmt::format("{} features", columns.size()));
    progress.add();
    Matrix vectors = svd_vectors(matrix, options_.svd, context.seed);
    progress.add();
    return vectors;
  }

 private:
  Options options_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, TextSvd>("text-svd", "TF-IDF of the items' text, reduced by a randomised SVD",
                                       "Deerwester et al., JASIS 1990; Halko et al., arXiv:0909.4061", "");
}

}  // namespace tessera::methods::text_svd
