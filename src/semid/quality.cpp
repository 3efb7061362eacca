#include "semid/quality.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"
#include "semid/trie.h"

namespace tessera {

namespace {

/// Entropy in nats of counts that sum to `total`.
template <class Counts>
double entropy_of(const Counts& counts, double total) {
  double sum = 0;
  for (const int64_t count : counts) {
    if (count > 0) sum -= static_cast<double>(count) / total * std::log(static_cast<double>(count) / total);
  }
  return std::max(sum, 0.0);
}

/// sum_i (2i - n - 1) x_(i) / (n sum x), i from 1, x ascending.
double gini_of(std::vector<int64_t> counts) {
  std::sort(counts.begin(), counts.end());
  const auto n = static_cast<double>(counts.size());
  double weighted = 0, total = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    weighted += (2.0 * static_cast<double>(i + 1) - n - 1.0) * static_cast<double>(counts[i]);
    total += static_cast<double>(counts[i]);
  }
  return total > 0 ? weighted / (n * total) : 0.0;
}

std::vector<int64_t> node_counts(const Trie& trie, int64_t depth) {
  const auto firsts = trie.firsts(depth);
  std::vector<int64_t> counts(firsts.size() - 1);
  for (size_t node = 0; node < counts.size(); ++node) counts[node] = firsts[node + 1] - firsts[node];
  return counts;
}

LevelQuality level_quality(const SemanticIds& ids, int64_t level) {
  LevelQuality quality;
  quality.size = ids.level_sizes[static_cast<size_t>(level)];
  // Only used codes are counted one by one: a level may declare far more codes than there are items.
  std::vector<int32_t> codes;
  codes.reserve(static_cast<size_t>(ids.num_items()));
  for (int64_t i = 0; i < ids.num_items(); ++i)
    codes.push_back(ids.codes[static_cast<size_t>(i * ids.levels() + level)]);
  std::sort(codes.begin(), codes.end());
  std::vector<int64_t> counts;
  for (size_t i = 0; i < codes.size(); ++i) {
    if (i == 0 || codes[i] != codes[i - 1]) counts.push_back(0);
    ++counts.back();
  }
  quality.used = static_cast<int64_t>(counts.size());
  quality.utilisation = static_cast<double>(quality.used) / quality.size;
  quality.entropy = entropy_of(counts, static_cast<double>(std::max<size_t>(codes.size(), 1)));
  quality.normalised_entropy = quality.size > 1 ? quality.entropy / std::log(quality.size) : 1.0;
  quality.perplexity = std::exp(quality.entropy);
  quality.gini_used = gini_of(counts);
  // With z empty codes before them, the used counts keep their order: G = (n' G' + z) / (n' + z).
  const double empty = static_cast<double>(quality.size) - static_cast<double>(quality.used);
  quality.gini = codes.empty() ? 0.0 : (static_cast<double>(quality.used) * quality.gini_used + empty) / quality.size;
  return quality;
}

void add_reconstruction_errors(QualityReport& report, const SemanticIds& ids, const Matrix& vectors) {
  TESSERA_CHECK(vectors.rows == ids.num_items(), shape, "{} vectors for the semantic IDs of {} items", vectors.rows,
                ids.num_items());
  Matrix residual = vectors;
  double norm = 0;
  for (const float value : vectors.values) norm += static_cast<double>(value) * value;
  for (size_t l = 0; l < ids.codebooks.size(); ++l) {
    const Matrix& book = ids.codebooks[l];
    TESSERA_CHECK(book.cols == vectors.cols, shape, "codebook {} has dimension {}, the vectors have {}", l, book.cols,
                  vectors.cols);
    double error = 0;
    for (int64_t i = 0; i < residual.rows; ++i) {
      const auto centre = book.row(ids.of(ItemId{static_cast<int32_t>(i)})[l]);
      const auto row = residual.row(i);
      for (size_t j = 0; j < row.size(); ++j) {
        row[j] -= centre[j];
        error += static_cast<double>(row[j]) * row[j];
      }
    }
    report.levels[l].reconstruction_error = norm > 0 ? error / norm : 0.0;
  }
}

/// Items nearer to the trigger than the target is, up to k of them.
bool is_near(const Matrix& unit, const ItemPair& pair, int64_t k) {
  const auto trigger = unit.row(index(pair.first));
  const auto cosine = [&](int64_t item) {
    const float* row = unit.values.data() + item * unit.cols;
    float sum = 0;
    for (size_t j = 0; j < trigger.size(); ++j) sum += trigger[j] * row[j];
    return sum;
  };
  const int64_t target = index(pair.second);
  const float wanted = cosine(target);
  if (wanted == 0.0f) return false;
  int64_t before = 0;
  for (int64_t item = 0; item < unit.rows && before < k; ++item) {
    if (item == index(pair.first) || item == target) continue;
    const float score = cosine(item);
    if (score > wanted || (score == wanted && item < target)) ++before;
  }
  return before < k;
}

}  // namespace

QualityReport measure_quality(const SemanticIds& ids, const Matrix* vectors) {
  const Trie trie(ids);
  QualityReport report;
  report.num_items = ids.num_items();
  report.semantic_levels = ids.codebooks.empty() ? ids.levels() : static_cast<int64_t>(ids.codebooks.size());
  TESSERA_CHECK(report.semantic_levels <= ids.levels(), shape, "{} codebooks for {} levels", report.semantic_levels,
                ids.levels());
  const double total = static_cast<double>(std::max<int64_t>(report.num_items, 1));
  double before = 0;
  for (int64_t l = 0; l < ids.levels(); ++l) {
    LevelQuality level = level_quality(ids, l);
    const double joint = entropy_of(node_counts(trie, l + 1), total);
    level.conditional_entropy = std::max(joint - before, 0.0);
    level.prefixes = trie.num_nodes(l + 1);
    before = joint;
    report.levels.push_back(level);
  }
  double space = 1;
  for (int64_t l = 0; l < report.semantic_levels; ++l) space *= ids.level_sizes[static_cast<size_t>(l)];
  int64_t alone = 0;
  for (const int64_t count : node_counts(trie, report.semantic_levels)) {
    ++report.distinct;
    report.largest_bucket = std::max(report.largest_bucket, count);
    alone += count == 1 ? 1 : 0;
  }
  if (report.num_items > 0) {
    report.icr = static_cast<double>(alone) / total;
    report.collision_rate = 1.0 - report.icr;
    report.duplicate_rate = 1.0 - static_cast<double>(report.distinct) / total;
    report.cur_total = static_cast<double>(report.distinct) / space;
    report.cur_fair = static_cast<double>(report.distinct) / std::min(total, space);
  }
  if (vectors != nullptr && !ids.codebooks.empty()) add_reconstruction_errors(report, ids, *vectors);
  return report;
}

Matrix dequantise(const SemanticIds& ids, int64_t num_levels) {
  TESSERA_CHECK(num_levels >= 1 && num_levels <= static_cast<int64_t>(ids.codebooks.size()), shape,
                "cannot rebuild vectors from {} levels, there are {} codebooks", num_levels, ids.codebooks.size());
  Matrix vectors(ids.num_items(), ids.codebooks[0].cols);
  for (int64_t i = 0; i < vectors.rows; ++i) {
    const auto codes = ids.of(ItemId{static_cast<int32_t>(i)});
    const auto row = vectors.row(i);
    for (int64_t l = 0; l < num_levels; ++l) {
      const auto centre = ids.codebooks[static_cast<size_t>(l)].row(codes[static_cast<size_t>(l)]);
      for (size_t j = 0; j < row.size(); ++j) row[j] += centre[j];
    }
  }
  return vectors;
}

std::vector<ItemPair> held_out_pairs(const Split& split, int64_t limit, uint64_t seed) {
  std::vector<ItemPair> pairs;
  for (const Case& c : split.valid) {
    const auto history = split.history(c);
    if (!history.empty() && history.back() != c.target) pairs.emplace_back(history.back(), c.target);
  }
  Random random(seed, "quality.pairs");
  random.shuffle(std::span(pairs));
  if (static_cast<int64_t>(pairs.size()) > limit) pairs.resize(static_cast<size_t>(limit));
  return pairs;
}

double embedding_hit_rate(const Matrix& vectors, std::span<const ItemPair> pairs, int64_t k) {
  if (pairs.empty()) return 0.0;
  for (const auto& [first, second] : pairs) {
    for (const ItemId item : {first, second}) {
      TESSERA_CHECK(index(item) >= 0 && index(item) < vectors.rows, data, "a pair names item {}, there are {} vectors",
                    index(item), vectors.rows);
    }
  }
  Matrix unit = vectors;
  for (int64_t i = 0; i < unit.rows; ++i) {
    double norm = 0;
    for (const float value : unit.row(i)) norm += static_cast<double>(value) * value;
    if (norm == 0) continue;
    for (float& value : unit.row(i)) value = static_cast<float>(value / std::sqrt(norm));
  }
  std::vector<uint8_t> hits(pairs.size());
  parallel_for(static_cast<int64_t>(pairs.size()), 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      hits[static_cast<size_t>(i)] = is_near(unit, pairs[static_cast<size_t>(i)], k) ? 1 : 0;
    }
  });
  return static_cast<double>(std::count(hits.begin(), hits.end(), 1)) / static_cast<double>(pairs.size());
}

std::string to_json(const QualityReport& report) {
  nlohmann::ordered_json json = {{"num_items", report.num_items},
                                 {"semantic_levels", report.semantic_levels},
                                 {"distinct", report.distinct},
                                 {"largest_bucket", report.largest_bucket},
                                 {"icr", report.icr},
                                 {"collision_rate", report.collision_rate},
                                 {"duplicate_rate", report.duplicate_rate},
                                 {"cur_total", report.cur_total},
                                 {"cur_fair", report.cur_fair}};
  for (const LevelQuality& level : report.levels) {
    nlohmann::ordered_json entry = {{"size", level.size},
                                    {"used", level.used},
                                    {"utilisation", level.utilisation},
                                    {"entropy", level.entropy},
                                    {"normalised_entropy", level.normalised_entropy},
                                    {"perplexity", level.perplexity},
                                    {"conditional_entropy", level.conditional_entropy},
                                    {"gini", level.gini},
                                    {"gini_used", level.gini_used},
                                    {"prefixes", level.prefixes}};
    if (level.reconstruction_error) entry["reconstruction_error"] = *level.reconstruction_error;
    json["levels"].push_back(std::move(entry));
  }
  if (report.hit_rate) json["hit_rate"] = *report.hit_rate;
  if (report.hit_rate_ids) json["hit_rate_ids"] = *report.hit_rate_ids;
  if (report.hit_rate || report.hit_rate_ids) {
    json["hit_rate_k"] = report.hit_rate_k;
    json["hit_rate_pairs"] = report.hit_rate_pairs;
  }
  return json.dump();
}

}  // namespace tessera
