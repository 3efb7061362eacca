// Residual k-means (handbook 1.4): semantic IDs by clustering vectors, then what the clusters leave over, and so on.
//
//   r_0 = x;   c_l = argmin_k |r_{l-1} - C_l[k]|^2;   r_l = r_{l-1} - C_l[c_l]
// Used for TIGER-like IDs by OneRec (arXiv:2502.18965) and QARM (arXiv:2411.11739). Distances are |C|^2 - 2 r.C, one
// matrix product a block of rows; start by k-means++ (Arthur and Vassilvitskii, SODA'07); an empty cluster is re-seeded
// with the farthest point of the largest one. Items with equal codes are told apart by one more level (TIGER, sec. 3.1)
// or left alone. Ours: `balance` > 0 caps a cluster at that multiple of the mean size, by letting the nearest points
// choose first. No number of its own: see the collision rate in the quality report and the retrievers in
// docs/results.md.
#include <algorithm>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "methods/catalog.h"
#include "methods/kmeans.h"
#include "methods/linear_algebra.h"

namespace tessera::methods::rq_kmeans {

namespace {

struct Options {
  int64_t levels = 3;
  std::vector<int64_t> codebook_size = {256};
  std::string init = "k-means++";
  int64_t iterations = 50;
  int64_t restarts = 1;
  double tolerance = 1e-4;
  double balance = 0.0;
  std::string collision = "append";
  bool normalise = false;
  template <class F>
  void fields(F& f) {
    f("levels", levels, "codebooks", range(1, 16));
    f("codebook_size", codebook_size, "codes of every level, or one number a level", range(1, 1 << 20));
    f("init", init, "first centres", one_of({"k-means++", "random"}));
    f("iterations", iterations, "rounds of k-means at most", range(1, 10000));
    f("restarts", restarts, "runs a level; the one with the smallest error is kept", range(1, 100));
    f("tolerance", tolerance, "stop when a round lowers the error by less than this share", range(0, 1));
    f("balance", balance, "largest cluster as a multiple of the mean size; 0: no limit", range(0, 1e9));
    f("collision", collision, "append a level that tells equal codes apart, or none", one_of({"append", "none"}));
    f("normalise", normalise, "scale vectors to length 1 first (zero vectors stay zero)");
  }
};

/// As assign_nearest with at most `capacity` points a centre: the (point, centre) pairs with the smallest distance go
/// first; a point whose centre is full tries its next one.
void assign_balanced(const Matrix& points, std::span<const float> norms, int64_t capacity, Clustering& found) {
  const int64_t num_centres = found.centres.rows;
  Matrix distances(points.rows, num_centres);
  for_each_distance(points, found.centres, [&](int64_t i, std::span<const float> row) {
    std::copy(row.begin(), row.end(), distances.row(i).begin());
  });
  std::vector<int64_t> room(static_cast<size_t>(num_centres), capacity);
  std::vector<int64_t> waiting(static_cast<size_t>(points.rows));
  std::iota(waiting.begin(), waiting.end(), 0);
  while (!waiting.empty()) {
    for (const int64_t i : waiting) {  // nearest centre with room
      float best = std::numeric_limits<float>::infinity();
      for (int64_t k = 0; k < num_centres; ++k) {
        const float d = distances.row(i)[static_cast<size_t>(k)];
        if (room[static_cast<size_t>(k)] > 0 && d < best) {
          best = d;
          found.code[static_cast<size_t>(i)] = static_cast<int32_t>(k);
        }
      }
      found.distance[static_cast<size_t>(i)] = std::max(norms[static_cast<size_t>(i)] + best, 0.0f);
    }
    std::stable_sort(waiting.begin(), waiting.end(), [&](int64_t a, int64_t b) {
      return found.distance[static_cast<size_t>(a)] < found.distance[static_cast<size_t>(b)];
    });
    std::vector<int64_t> refused;
    for (const int64_t i : waiting) {
      auto& left = room[static_cast<size_t>(found.code[static_cast<size_t>(i)])];
      if (left > 0) {
        --left;
      } else {
        refused.push_back(i);
      }
    }
    waiting = std::move(refused);
  }
}

Clustering cluster(const Matrix& points, int64_t num_centres, const Options& options, Random random) {
  const std::vector<float> norms = squared_norms(points);
  const int64_t capacity =
      options.balance > 0 ? std::max<int64_t>(static_cast<int64_t>(options.balance * static_cast<double>(points.rows) /
                                                                   static_cast<double>(num_centres)),
                                              (points.rows + num_centres - 1) / num_centres)
                          : points.rows;
  Clustering found;
  found.centres = first_centres(points, norms, num_centres, options.init, random);
  found.code.assign(static_cast<size_t>(points.rows), 0);
  found.distance.assign(static_cast<size_t>(points.rows), 0.0f);
  const auto assign_points = [&] {
    if (capacity < points.rows) {
      assign_balanced(points, norms, capacity, found);
    } else {
      assign_nearest(points, norms, found);
    }
    found.error = std::accumulate(found.distance.begin(), found.distance.end(), 0.0);
  };
  assign_points();
  for (int64_t i = 0; i < options.iterations; ++i) {
    const double before = found.error;
    move_centres(points, found);
    assign_points();
    if (before - found.error <= options.tolerance * before) break;
  }
  return found;
}

class RqKmeans : public Tokenizer {
 public:
  explicit RqKmeans(Options options) : options_(std::move(options)) {
    const auto sizes = static_cast<int64_t>(options_.codebook_size.size());
    TESSERA_CHECK(sizes == 1 || sizes == options_.levels, config,
                  "[rq-kmeans] codebook_size has {} numbers, wanted 1 or {} (one a level)", sizes, options_.levels);
    TESSERA_CHECK(options_.balance == 0 || options_.balance >= 1, config,
                  "[rq-kmeans] balance is {}, wanted 0 (no limit) or at least 1", options_.balance);
  }

  SemanticIds fit(const Matrix& vectors, const MethodContext& context) override {
    TESSERA_CHECK(vectors.rows >= 1 && vectors.cols >= 1, shape, "[rq-kmeans] vectors are [{}, {}], nothing to cluster",
                  vectors.rows, vectors.cols);
    const auto levels = static_cast<size_t>(options_.levels);
    SemanticIds ids;
    ids.codes.resize(static_cast<size_t>(vectors.rows) * levels);
    Matrix residual = vectors;
    if (options_.normalise) normalise_rows(residual);
    Progress progress(context.reporter, "tokenize rq-kmeans", options_.levels * options_.restarts, "fits");
    for (size_t l = 0; l < levels; ++l) {
      const int64_t size = options_.codebook_size[options_.codebook_size.size() == 1 ? 0 : l];
      Clustering best;
      for (int64_t restart = 0; restart < options_.restarts; ++restart) {
        const uint64_t unit = l * 1000 + static_cast<uint64_t>(restart);
        Clustering now = cluster(residual, size, options_, Random(context.seed, "rq-kmeans", unit));
        if (restart == 0 || now.error < best.error) best = std::move(now);
        progress.note(fmt::format("level {}, error {:.5g}", l, best.error / static_cast<double>(vectors.rows)));
        progress.add();
      }
      for (int64_t i = 0; i < vectors.rows; ++i) {
        const int32_t code = best.code[static_cast<size_t>(i)];
        ids.codes[static_cast<size_t>(i) * levels + l] = code;
        const auto row = residual.row(i);
        const auto centre = best.centres.row(code);
        for (size_t j = 0; j < row.size(); ++j) row[j] -= centre[j];
      }
      ids.level_sizes.push_back(static_cast<int32_t>(size));
      ids.codebooks.push_back(std::move(best.centres));
    }
    if (options_.collision == "append") append_collision_level(ids);
    ids.metadata = {{"method", "rq-kmeans"},
                    {"normalise", options_.normalise ? "1" : "0"},
                    {"options", list_options(options_).dump().dump()}};
    return ids;
  }

 private:
  Options options_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, RqKmeans>("rq-kmeans", "residual k-means: semantic IDs from coarse to fine",
                                        "handbook 1.4; OneRec, arXiv:2502.18965", "vectors");
}

}  // namespace tessera::methods::rq_kmeans
