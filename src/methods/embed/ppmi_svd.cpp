// Item vectors from behaviour: shifted positive PMI of co-occurrence in training histories, reduced by an SVD.
// Levy and Goldberg, Neural word embedding as implicit matrix factorisation, NeurIPS 2014; smoothing and U S^p:
// Levy, Goldberg and Dagan, TACL 2015. It factorises what item2vec (arXiv:1603.04259) samples.
//
//   M_ij = max(0, ln(n_ij / (p_i q_j)) - ln(shift)),   q_j proportional to n_j^smoothing
// n counts pairs at distance d <= window with weight 1/d, both ways. Items without behaviour get zero vectors.
#include <cmath>

#include "base/error.h"
#include "methods/catalog.h"
#include "methods/cooccurrence.h"
#include "methods/svd_vectors.h"

namespace tessera::methods::ppmi_svd {

namespace {

struct Options {
  int64_t window = 5;
  double distance_power = 1.0;
  double smoothing = 0.75;
  double shift = 1.0;
  SvdVectorOptions svd{.dim = 128, .power = 0.5};
  template <class F>
  void fields(F& f) {
    f("window", window, "items count as neighbours up to this distance", range(1, 1000));
    f("distance_power", distance_power, "a pair at distance d counts d^-p", range(0, 10));
    f("smoothing", smoothing, "exponent of the context distribution", range(0, 1));
    f("shift", shift, "negative samples it stands for: ln(shift) is taken off", range(1, 1000));
    svd.fields(f);
  }
};

/// Counts become shifted positive PMI; entries that fall to zero are dropped.
SparseMatrix shifted_ppmi(const SparseMatrix& counts, double smoothing, double shift) {
  std::vector<double> totals(static_cast<size_t>(counts.rows), 0.0);
  double total = 0, smoothed = 0;
  for (int64_t i = 0; i < counts.rows; ++i) {
    for (int64_t e = counts.begin(i); e < counts.end(i); ++e) {
      totals[static_cast<size_t>(i)] += counts.values[static_cast<size_t>(e)];
    }
    total += totals[static_cast<size_t>(i)];
    smoothed += std::pow(totals[static_cast<size_t>(i)], smoothing) * (totals[static_cast<size_t>(i)] > 0 ? 1 : 0);
  }
  SparseMatrix result;
  result.rows = counts.rows;
  result.cols = counts.cols;
  for (int64_t i = 0; i < counts.rows; ++i) {
    for (int64_t e = counts.begin(i); e < counts.end(i); ++e) {
      const int32_t j = counts.columns[static_cast<size_t>(e)];
      const double p = totals[static_cast<size_t>(i)] / total;
      const double q = std::pow(totals[static_cast<size_t>(j)], smoothing) / smoothed;
      const double pmi = std::log(counts.values[static_cast<size_t>(e)] / total / (p * q)) - std::log(shift);
      if (!(pmi > 0)) continue;
      result.columns.push_back(j);
      result.values.push_back(static_cast<float>(pmi));
    }
    result.offsets.push_back(static_cast<int64_t>(result.columns.size()));
  }
  return result;
}

class PpmiSvd : public Embedder {
 public:
  explicit PpmiSvd(Options options) : options_(std::move(options)) {}

  Matrix embed(const Dataset& data, const Split& split, const MethodContext& context) override {
    Progress progress(context.reporter, "embed ppmi-svd", 2, "steps");
    const SparseMatrix counts = cooccurrence(split, data.items.size(), {options_.window, options_.distance_power, 1.0});
    TESSERA_CHECK(counts.num_entries() > 0, data,
                  "[ppmi-svd] no training history holds two different items within {} steps: there is nothing to learn "
                  "from (use \"text-svd\")",
                  options_.window);
    const SparseMatrix matrix = shifted_ppmi(counts, options_.smoothing, options_.shift);
    progress.note(fmt::format("{} pairs", matrix.num_entries()));
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
  return method_info<Options, PpmiSvd>("ppmi-svd", "shifted positive PMI of co-occurrence in training histories, SVD",
                                       "Levy and Goldberg, NeurIPS 2014; TACL 2015", "");
}

}  // namespace tessera::methods::ppmi_svd
