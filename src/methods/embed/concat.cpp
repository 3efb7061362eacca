// Several embedders side by side, each scaled to a weight: text says what an item is, behaviour what it goes with.
//
//   [embed]
//   name = "concat"
//   parts = ["text-svd", "ppmi-svd"]
//   weights = [1.0, 0.5]
//   [embed.text-svd]
//   dim = 192
// Every part's rows are scaled to length 1 (zero rows stay zero), then times its weight. `pca_dim` rotates and cuts the
// whole.
#include <algorithm>

#include "base/error.h"
#include "methods/catalog.h"
#include "methods/linear_algebra.h"

namespace tessera::methods::concat {

namespace {

struct Options {
  std::vector<std::string> parts;
  std::vector<double> weights;
  int64_t pca_dim = 0;
  template <class F>
  void fields(F& f) {
    f("parts", parts, "embedders to put side by side; [embed.PART] holds a part's own options");
    f("weights", weights, "length of each part's vectors (none named: 1 each)", range(0, 1e6));
    f("pca_dim", pca_dim, "dimensions kept by a PCA of the whole; 0: no PCA", range(0, 4096));
  }
};

/// Principal components of the rows.
Matrix pca(const Matrix& rows, int64_t dim, uint64_t seed) {
  std::vector<double> mean(static_cast<size_t>(rows.cols), 0.0);
  for (int64_t i = 0; i < rows.rows; ++i) {
    for (int64_t j = 0; j < rows.cols; ++j) mean[static_cast<size_t>(j)] += rows.row(i)[static_cast<size_t>(j)];
  }
  SparseMatrix centred;
  centred.rows = rows.rows;
  centred.cols = rows.cols;
  for (int64_t i = 0; i < rows.rows; ++i) {
    for (int64_t j = 0; j < rows.cols; ++j) {
      centred.columns.push_back(static_cast<int32_t>(j));
      centred.values.push_back(static_cast<float>(rows.row(i)[static_cast<size_t>(j)] -
                                                  mean[static_cast<size_t>(j)] / static_cast<double>(rows.rows)));
    }
    centred.offsets.push_back(static_cast<int64_t>(centred.columns.size()));
  }
  Svd svd = randomised_svd(centred, dim, 16, 4, seed);
  scale_columns(svd.left, svd.values, 1.0);
  return std::move(svd.left);
}

class Concat : public Embedder {
 public:
  Concat(Options options, std::vector<std::unique_ptr<Embedder>> parts)
      : options_(std::move(options)), parts_(std::move(parts)) {}

  Matrix embed(const Dataset& data, const Split& split, const MethodContext& context) override {
    std::vector<Matrix> vectors;
    int64_t dim = 0;
    for (size_t p = 0; p < parts_.size(); ++p) {
      vectors.push_back(parts_[p]->embed(data, split, context));
      TESSERA_CHECK(vectors.back().rows == data.items.size(), shape, "[concat] part '{}' gave {} vectors for {} items",
                    options_.parts[p], vectors.back().rows, data.items.size());
      normalise_rows(vectors.back());
      dim += vectors.back().cols;
    }
    Matrix joined(data.items.size(), dim);
    for (int64_t i = 0; i < joined.rows; ++i) {
      auto out = joined.row(i).begin();
      for (size_t p = 0; p < vectors.size(); ++p) {
        const auto weight = options_.weights.empty() ? 1.0f : static_cast<float>(options_.weights[p]);
        out = std::transform(vectors[p].row(i).begin(), vectors[p].row(i).end(), out,
                             [&](float value) { return weight * value; });
      }
    }
    return options_.pca_dim > 0 ? pca(joined, options_.pca_dim, context.seed) : joined;
  }

 private:
  Options options_;
  std::vector<std::unique_ptr<Embedder>> parts_;
};

std::unique_ptr<Embedder> make(const nlohmann::json& table) {
  TESSERA_CHECK(table.is_object(), config, "[concat] options must be a table");
  nlohmann::json own = nlohmann::json::object(), nested = nlohmann::json::object();
  for (const auto& [key, value] : table.items()) (value.is_object() ? nested : own)[key] = value;
  Options options;
  assign(options, own, "[concat]");
  TESSERA_CHECK(!options.parts.empty(), config, "[concat] needs parts, such as parts = [\"text-svd\", \"ppmi-svd\"]");
  TESSERA_CHECK(options.weights.empty() || options.weights.size() == options.parts.size(), config,
                "[concat] has {} weights for {} parts", options.weights.size(), options.parts.size());
  for (const auto& [key, value] : nested.items()) {
    const bool known = std::find(options.parts.begin(), options.parts.end(), key) != options.parts.end();
    const std::string near = nearest(key, options.parts);
    TESSERA_CHECK(known, config, "[concat] has a table '{}', but no such part{}", key,
                  near.empty() ? "" : fmt::format("; did you mean '{}'?", near));
  }
  std::vector<std::unique_ptr<Embedder>> parts;
  for (size_t p = 0; p < options.parts.size(); ++p) {
    const std::string& name = options.parts[p];
    TESSERA_CHECK(std::count(options.parts.begin(), options.parts.end(), name) == 1, config,
                  "[concat] names the part '{}' twice", name);
    nlohmann::json part = nested.value(name, nlohmann::json::object());
    part["name"] = name;
    parts.push_back(make_embedder(part));
  }
  return std::make_unique<Concat>(std::move(options), std::move(parts));
}

}  // namespace

MethodInfo info() {
  MethodInfo info;
  info.name = "concat";
  info.summary = "several embedders side by side, each with a weight";
  info.defaults = [] {
    Options options;
    return list_options(options).dump();
  };
  info.help = [] {
    Options options;
    return list_options(options).help();
  };
  info.make_embedder = make;
  return info;
}

}  // namespace tessera::methods::concat
