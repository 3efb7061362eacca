// Balanced hierarchical k-means: the codes of EAGER (KDD 2024, arXiv:2406.14017, sec. 3.2), after RecForest and TDM.
//
// The items are cut into K clusters of one size, each of these again, and so on; an item's ID is its path. A node's
// assignment is greedy: of all (item, centre) pairs the nearest goes first, unless the item has its place or the centre
// its share (handbook 3.2). Then the centres move to their means, until the labels stay or `iterations` rounds are
// over.
//   sizes     floor(n / K), and one more for n mod K of them: no padding by copies of items, which the official code
//   has depth     as many levels as K^depth >= items needs, so that on the last one every item is a leaf of its own
// The greedy order needs no sort of all n K pairs: each item waits in a heap with its nearest centre that has room, and
// looks for the next one when it is full. Codes of the last level count the items of a node. `balanced = false` is
// plain hierarchical k-means, for comparison. No number of its own: see eager in docs/results.md.
#include <algorithm>
#include <limits>
#include <numeric>
#include <queue>
#include <tuple>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"
#include "methods/catalog.h"
#include "methods/kmeans.h"
#include "methods/linear_algebra.h"

namespace tessera::methods::balanced_kmeans {

namespace {

struct Options {
  int64_t branching = 256;
  int64_t depth = 0;
  bool balanced = true;
  std::string init = "k-means++";
  int64_t iterations = 100;
  std::string collision = "refuse";
  bool normalise = false;
  template <class F>
  void fields(F& f) {
    f("branching", branching, "clusters of a node", range(2, 1 << 20));
    f("depth", depth, "levels; 0: as few as give every item a leaf of its own", range(0, 16));
    f("balanced", balanced, "clusters of a node differ by one item at most; false: plain hierarchical k-means");
    f("init", init, "first centres", one_of({"k-means++", "random"}));
    f("iterations", iterations, "rounds of k-means at most", range(1, 10000));
    f("collision", collision, "items that share a leaf: append a level that tells them apart, or refuse",
      one_of({"append", "refuse"}));
    f("normalise", normalise, "scale vectors to length 1 first (zero vectors stay zero)");
  }
};

/// Items of one node and the seed of its clustering.
struct Node {
  std::vector<int32_t> items;  ///< ascending
  uint64_t path = 0;           ///< its place among the nodes of its level
};

/// Greedy assignment to clusters of n / K or n / K + 1 points. Ties go to the lower point, then to the lower centre.
void assign_evenly(const Matrix& points, std::span<const float> norms, Clustering& found) {
  const int64_t num_centres = found.centres.rows, least = points.rows / num_centres;
  int64_t larger = points.rows % num_centres;  // centres that may still take one more
  Matrix distances(points.rows, num_centres);
  struct Wish {
    float distance;
    int32_t point, centre;
    bool operator>(const Wish& other) const {
      return std::tie(distance, point, centre) > std::tie(other.distance, other.point, other.centre);
    }
  };
  std::vector<Wish> wishes(static_cast<size_t>(points.rows));
  for_each_distance(points, found.centres, [&](int64_t i, std::span<const float> row) {
    std::copy(row.begin(), row.end(), distances.row(i).begin());
    const auto best = std::min_element(row.begin(), row.end());
    wishes[static_cast<size_t>(i)] = {std::max(norms[static_cast<size_t>(i)] + *best, 0.0f), static_cast<int32_t>(i),
                                      static_cast<int32_t>(best - row.begin())};
  });
  std::vector<int64_t> size(static_cast<size_t>(num_centres), 0);
  const auto has_room = [&](int64_t centre) {
    const int64_t now = size[static_cast<size_t>(centre)];
    return now < least || (now == least && larger > 0);
  };
  std::priority_queue<Wish, std::vector<Wish>, std::greater<>> waiting(std::greater<>(), std::move(wishes));
  while (!waiting.empty()) {
    Wish wish = waiting.top();
    waiting.pop();
    const auto point = static_cast<size_t>(wish.point);
    if (has_room(wish.centre)) {
      if (size[static_cast<size_t>(wish.centre)]++ == least) --larger;
      found.code[point] = wish.centre;
      found.distance[point] = wish.distance;
      continue;
    }
    float best = std::numeric_limits<float>::infinity();
    for (int64_t k = 0; k < num_centres; ++k) {
      const float d = distances.row(wish.point)[static_cast<size_t>(k)];
      if (d < best && has_room(k)) best = d, wish.centre = static_cast<int32_t>(k);
    }
    wish.distance = std::max(norms[point] + best, 0.0f);
    waiting.push(wish);
  }
}

/// The cluster of each row of `points`, which are more than centres.
std::vector<int32_t> cluster_node(const Matrix& points, const Options& options, Random random) {
  const std::vector<float> norms = squared_norms(points);
  Clustering found;
  found.centres = first_centres(points, norms, options.branching, options.init, random);
  found.code.assign(static_cast<size_t>(points.rows), 0);
  found.distance.assign(static_cast<size_t>(points.rows), 0.0f);
  std::vector<int32_t> before;
  for (int64_t round = 0; round < options.iterations; ++round) {
    options.balanced ? assign_evenly(points, norms, found) : assign_nearest(points, norms, found);
    if (found.code == before) break;
    before = found.code;
    move_centres(points, found);
  }
  return before;
}

/// The branch that each item of a node takes: its place where there is a branch for everyone, else its cluster.
std::vector<int32_t> branches(const Node& node, const Matrix& vectors, const Options& options, const Random& random) {
  const auto count = static_cast<int64_t>(node.items.size());
  std::vector<int32_t> branch(node.items.size());
  std::iota(branch.begin(), branch.end(), 0);
  if (count <= options.branching) return branch;
  Matrix points(count, vectors.cols);
  for (int64_t i = 0; i < count; ++i) {
    const auto from = vectors.row(node.items[static_cast<size_t>(i)]);
    std::copy(from.begin(), from.end(), points.row(i).begin());
  }
  return cluster_node(points, options, random);
}

class BalancedKmeans : public Tokenizer {
 public:
  explicit BalancedKmeans(Options options) : options_(std::move(options)) {}

  SemanticIds fit(const Matrix& vectors, const MethodContext& context) override {
    TESSERA_CHECK(vectors.rows >= 1 && vectors.cols >= 1, shape,
                  "[balanced-kmeans] vectors are [{}, {}], nothing to cluster", vectors.rows, vectors.cols);
    const int64_t depth = levels_for(vectors.rows);
    Matrix points = vectors;
    if (options_.normalise) normalise_rows(points);
    SemanticIds ids;
    ids.codes.resize(static_cast<size_t>(vectors.rows * depth));
    Progress progress(context.reporter, "tokenize balanced-kmeans", depth, "levels");
    std::vector<Node> nodes(1);
    nodes[0].items.resize(static_cast<size_t>(vectors.rows));
    std::iota(nodes[0].items.begin(), nodes[0].items.end(), 0);
    for (int64_t level = 0; level < depth; ++level) {
      nodes = split(nodes, points, level, depth, context.seed, ids);
      progress.note(fmt::format("{} nodes", nodes.size()));
      progress.add();
    }
    finish(nodes, ids);
    return ids;
  }

 private:
  /// Levels of the tree. @throws Error(config) if there are too few leaves
  int64_t levels_for(int64_t items) const {
    int64_t depth = 0;
    for (int64_t leaves = 1; leaves < items || depth == 0; ++depth) leaves *= options_.branching;
    if (options_.depth == 0) return depth;
    TESSERA_CHECK(options_.depth >= depth || options_.collision == "append", config,
                  "[balanced-kmeans] {} levels of {} have fewer leaves than the {} items: wanted depth = {} (or 0), a "
                  "larger branching, or collision = \"append\"",
                  options_.depth, options_.branching, items, depth);
    return options_.depth;
  }

  /// Cuts every node and writes the codes of the level. @return the nodes below, from the left
  std::vector<Node> split(const std::vector<Node>& nodes, const Matrix& points, int64_t level, int64_t depth,
                          uint64_t seed, SemanticIds& ids) const {
    std::vector<std::vector<int32_t>> found(nodes.size());
    const auto cut = [&](int64_t n) {
      const Node& node = nodes[static_cast<size_t>(n)];
      const Random random(seed, "balanced-kmeans", static_cast<uint64_t>(level) << 48 | node.path);
      found[static_cast<size_t>(n)] = branches(node, points, options_, random);
    };
    // One large node is worked on by all threads, of many nodes each thread takes its own.
    if (nodes.size() == 1) cut(0);
    if (nodes.size() > 1) {
      parallel_for(static_cast<int64_t>(nodes.size()), 1, [&](int64_t first, int64_t last) {
        for (int64_t n = first; n < last; ++n) cut(n);
      });
    }
    std::vector<Node> below;
    int32_t widest = 0;
    for (size_t n = 0; n < nodes.size(); ++n) {
      const int32_t most = *std::max_element(found[n].begin(), found[n].end()) + 1;
      std::vector<Node> children(static_cast<size_t>(most));
      for (size_t i = 0; i < found[n].size(); ++i) {
        const int32_t item = nodes[n].items[i], code = found[n][i];
        ids.codes[static_cast<size_t>(item) * static_cast<size_t>(depth) + static_cast<size_t>(level)] = code;
        children[static_cast<size_t>(code)].items.push_back(item);
      }
      for (Node& child : children) {
        if (child.items.empty()) continue;
        child.path = below.size();
        below.push_back(std::move(child));
      }
      widest = std::max(widest, most);
    }
    ids.level_sizes.push_back(widest);
    return below;
  }

  void finish(const std::vector<Node>& leaves, SemanticIds& ids) {
    size_t most = 0;
    for (const Node& leaf : leaves) most = std::max(most, leaf.items.size());
    TESSERA_CHECK(most == 1 || options_.collision == "append", config,
                  "[balanced-kmeans] {} items share a leaf, wanted 1: add depth, or collision = \"append\"", most);
    if (most > 1) append_collision_level(ids);
    ids.metadata = {{"method", "balanced-kmeans"},
                    {"normalise", options_.normalise ? "1" : "0"},
                    {"options", list_options(options_).dump().dump()}};
  }

  Options options_;
};

}  // namespace

MethodInfo info() {
  return method_info<Options, BalancedKmeans>(
      "balanced-kmeans", "hierarchical k-means with clusters of one size: an ID is a path in a balanced tree",
      "EAGER, KDD 2024, arXiv:2406.14017", "vectors");
}

}  // namespace tessera::methods::balanced_kmeans
