#include "pipeline/evaluate.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "eval/metrics.h"

namespace tessera {
namespace {

using nlohmann::json;

/// Checks one answer against its request and gives the target's rank.
class AnswerChecker {
 public:
  explicit AnswerChecker(int64_t num_items) : seen_(static_cast<size_t>(num_items), -1) {}

  int32_t check(const Results& results, const Request& request, ItemId target, int64_t case_number) {
    const auto size = static_cast<int64_t>(results.items.size());
    TESSERA_CHECK(size <= request.k && results.scores.size() == results.items.size(), internal,
                  "case {}: the method answered {} items with {} scores, wanted at most {} of each", case_number, size,
                  results.scores.size(), request.k);
    // A case marks excluded items with 2n and shown ones with 2n + 1, so the marks need no clearing.
    for (const ItemId item : request.exclude) seen_[static_cast<size_t>(index(item))] = 2 * case_number;
    int32_t rank = kNotFound;
    for (size_t i = 0; i < results.items.size(); ++i) {
      const int32_t item = index(results.items[i]);
      TESSERA_CHECK(item >= 0 && static_cast<size_t>(item) < seen_.size(), internal,
                    "case {}: the method answered item {}, the catalogue has {}", case_number, item, seen_.size());
      int64_t& mark = seen_[static_cast<size_t>(item)];
      TESSERA_CHECK(mark < 2 * case_number, internal, "case {}: the method answered item {}, which is {}", case_number,
                    item, mark % 2 == 0 ? "excluded" : "in the answer already");
      mark = 2 * case_number + 1;
      if (results.items[i] == target) rank = static_cast<int32_t>(i) + 1;
    }
    return rank;
  }

 private:
  std::vector<int64_t> seen_;
};

json to_json(const Interval& interval) {
  return {{"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}};
}

/// A part of the cases with its own numbers.
struct Bucket {
  std::string label;
  int64_t low, high;  ///< closed interval of the value that decides
};

/// Intervals of the breakdowns are drawn, not quoted: fewer resamples do.
constexpr int64_t kBucketResamples = 200;

json measure_buckets(const std::vector<Bucket>& buckets, const std::vector<int64_t>& values,
                     std::span<const int32_t> ranks, const EvaluateOptions& options, int64_t k, uint64_t seed) {
  json list = json::array();
  for (const Bucket& bucket : buckets) {
    std::vector<int32_t> part;
    for (size_t i = 0; i < ranks.size(); ++i)
      if (values[i] >= bucket.low && values[i] <= bucket.high) part.push_back(ranks[i]);
    json row = {{"label", bucket.label}, {"cases", part.size()}, {"k", k}};
    if (!part.empty()) {
      const int64_t resamples = std::min(options.resamples, kBucketResamples);
      row["hr"] = to_json(bootstrap(case_values(part, "hr", k), resamples, options.level, seed));
      row["ndcg"] = to_json(bootstrap(case_values(part, "ndcg", k), resamples, options.level, seed));
    }
    list.push_back(std::move(row));
  }
  return list;
}

int64_t breakdown_k(const EvaluateOptions& options) {
  const auto& k = options.k;
  return std::find(k.begin(), k.end(), 10) != k.end() ? 10 : *std::max_element(k.begin(), k.end());
}

constexpr int64_t kAnyNumber = std::numeric_limits<int64_t>::max();

}  // namespace

RankedCases rank_cases(const Retriever& retriever, const Split& split, std::span<const Case> cases,
                       const RankSettings& settings, Reporter& reporter) {
  RankedCases ranked;
  ranked.k = settings.k;
  ranked.offsets.push_back(0);
  AnswerChecker checker(static_cast<int64_t>(split.train_counts.size()));
  const int64_t batch = settings.batch > 0 ? settings.batch : std::max<int64_t>(1, retriever.batch_size());
  const auto total = static_cast<int64_t>(cases.size());
  Progress progress(reporter, settings.label, total, "users");
  std::vector<Request> requests;
  for (int64_t begin = 0; begin < total; begin += batch) {
    const int64_t end = std::min(total, begin + batch);
    requests.clear();
    for (int64_t i = begin; i < end; ++i) {
      const Case& c = cases[static_cast<size_t>(i)];
      Request request;
      request.history = split.history(c);
      request.user = c.user;
      request.k = settings.k;
      if (settings.filtered) request.exclude = request.history;
      requests.push_back(request);
    }
    const auto start = std::chrono::steady_clock::now();
    const std::vector<Results> answers = retriever.recommend(requests);
    ranked.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    TESSERA_CHECK(answers.size() == requests.size(), internal, "the method answered {} of {} requests", answers.size(),
                  requests.size());
    for (size_t i = 0; i < answers.size(); ++i) {
      const int64_t number = begin + static_cast<int64_t>(i);
      ranked.ranks.push_back(checker.check(answers[i], requests[i], cases[static_cast<size_t>(number)].target, number));
      for (const ItemId item : answers[i].items) ranked.shown.push_back(index(item));
      ranked.scores.insert(ranked.scores.end(), answers[i].scores.begin(), answers[i].scores.end());
      ranked.offsets.push_back(static_cast<int64_t>(ranked.shown.size()));
    }
    progress.set(end);
  }
  return ranked;
}

std::vector<Case> choose_cases(const std::vector<Case>& cases, int64_t users, uint64_t seed) {
  if (users <= 0 || users >= static_cast<int64_t>(cases.size())) return cases;
  std::vector<int64_t> order(cases.size());
  std::iota(order.begin(), order.end(), 0);
  Random(seed, "evaluate.users").shuffle(std::span(order));
  order.resize(static_cast<size_t>(users));
  std::sort(order.begin(), order.end());
  std::vector<Case> chosen;
  for (const int64_t i : order) chosen.push_back(cases[static_cast<size_t>(i)]);
  return chosen;
}

json measure(const RankedCases& ranked, const Split& split, std::span<const Case> cases, const EvaluateOptions& options,
             uint64_t seed) {
  json out = json::object();
  for (const int64_t k : options.k)
    for (const char* metric : {"hr", "ndcg", "mrr"})
      out[fmt::format("{}@{}", metric, k)] =
          to_json(bootstrap(case_values(ranked.ranks, metric, k), options.resamples, options.level, seed));

  const Exposure shown = exposure(ranked.shown, split.train_counts);
  out["exposure"] = {{"k", ranked.k},
                     {"coverage", shown.coverage},
                     {"gini", shown.gini},
                     {"mean_popularity", shown.mean_popularity},
                     {"tail_share", shown.tail_share}};
  std::vector<int64_t> history_length, target_events;
  int64_t repeats = 0;
  for (const Case& c : cases) {
    const auto history = split.history(c);
    history_length.push_back(c.end - c.begin);
    target_events.push_back(split.train_counts[static_cast<size_t>(index(c.target))]);
    repeats += std::find(history.begin(), history.end(), c.target) != history.end();
  }
  const int64_t k = breakdown_k(options);
  const std::vector<Bucket> lengths = {{"0", 0, 0},       {"1-2", 1, 2},     {"3-5", 3, 5},          {"6-10", 6, 10},
                                       {"11-20", 11, 20}, {"21-50", 21, 50}, {"51+", 51, kAnyNumber}};
  const std::vector<Bucket> targets = {
      {"cold (0)", 0, 0}, {"1-4", 1, 4}, {"5-19", 5, 19}, {"20-99", 20, 99}, {"100+", 100, kAnyNumber}};
  out["by_history"] = measure_buckets(lengths, history_length, ranked.ranks, options, k, seed);
  out["by_target"] = measure_buckets(targets, target_events, ranked.ranks, options, k, seed);
  const auto total = static_cast<double>(cases.size());
  out["cases"] = cases.size();
  out["repeat_target_share"] = cases.empty() ? 0.0 : static_cast<double>(repeats) / total;
  out["seconds"] = ranked.seconds;
  out["users_per_second"] = ranked.seconds > 0 ? total / ranked.seconds : 0.0;
  return out;
}

std::string hash_cases(const Split& split, std::span<const Case> cases) {
  ContentHash hash;
  for (const Case& c : cases) {
    const auto history = split.history(c);
    const std::array<int32_t, 2> ends = {index(c.user), index(c.target)};
    hash.add({reinterpret_cast<const char*>(ends.data()), sizeof ends});
    hash.add({reinterpret_cast<const char*>(history.data()), history.size_bytes()});
  }
  return hash.hex();
}

namespace {

constexpr int64_t kExampleHistory = 12;
constexpr int64_t kExampleAnswers = 10;

json describe_item(const Dataset& data, ItemId item) {
  const Item& facts = data.items[item];
  json out = {{"id", facts.id}, {"title", display_name(facts)}};
  if (std::isfinite(facts.price)) out["price"] = facts.price;
  return out;
}

std::vector<int64_t> choose_examples(const RankedCases& ranked, int64_t count, uint64_t seed) {
  std::vector<int64_t> hits, misses;
  for (size_t i = 0; i < ranked.ranks.size(); ++i) {
    const bool hit = ranked.ranks[i] != kNotFound && ranked.ranks[i] <= kExampleAnswers;
    (hit ? hits : misses).push_back(static_cast<int64_t>(i));
  }
  Random random(seed, "evaluate.examples");
  random.shuffle(std::span(hits));
  random.shuffle(std::span(misses));
  const auto size = [](const std::vector<int64_t>& list) { return static_cast<int64_t>(list.size()); };
  const int64_t num_hits = std::min(size(hits), std::max((count + 1) / 2, count - size(misses)));
  hits.resize(static_cast<size_t>(num_hits));
  misses.resize(static_cast<size_t>(std::min(size(misses), count - num_hits)));
  hits.insert(hits.end(), misses.begin(), misses.end());
  return hits;
}

}  // namespace

json example_answers(const RankedCases& ranked, const Dataset& data, const Split& split, std::span<const Case> cases,
                     int64_t count, uint64_t seed) {
  json list = json::array();
  for (const int64_t i : choose_examples(ranked, count, seed)) {
    const Case& c = cases[static_cast<size_t>(i)];
    const auto history = split.history(c);
    const auto first = std::max<int64_t>(0, static_cast<int64_t>(history.size()) - kExampleHistory);
    json row = {{"user", data.users.name(index(c.user))},
                {"history_length", history.size()},
                {"history", json::array()},
                {"answer", describe_item(data, c.target)},
                {"rank", ranked.ranks[static_cast<size_t>(i)]},
                {"recommended", json::array()}};
    for (const ItemId item : history.subspan(static_cast<size_t>(first)))
      row["history"].push_back(describe_item(data, item));
    const int64_t begin = ranked.offsets[static_cast<size_t>(i)];
    const int64_t end = std::min(ranked.offsets[static_cast<size_t>(i) + 1], begin + kExampleAnswers);
    for (int64_t at = begin; at < end; ++at) {
      const ItemId item{ranked.shown[static_cast<size_t>(at)]};
      json answer = describe_item(data, item);
      answer["score"] = ranked.scores[static_cast<size_t>(at)];
      answer["hit"] = item == c.target;
      row["recommended"].push_back(std::move(answer));
    }
    list.push_back(std::move(row));
  }
  return list;
}

void export_answers(const RankedCases& ranked, const Dataset& data, std::span<const Case> cases,
                    const std::filesystem::path& file) {
  AtomicFile out(file);
  std::string line;
  const auto quoted = [](const std::string& text) {
    return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    line = "{\"user\":" + quoted(data.users.name(index(cases[i].user))) + ",\"items\":[";
    for (int64_t at = ranked.offsets[i]; at < ranked.offsets[i + 1]; ++at) {
      if (at > ranked.offsets[i]) line += ',';
      const auto place = static_cast<size_t>(at);
      line += "{\"item\":" + quoted(data.items[ItemId{ranked.shown[place]}].id);
      const float score = ranked.scores[place];
      line += fmt::format(",\"score\":{}}}", std::isfinite(score) ? fmt::format("{}", score) : "null");
    }
    line += "]}\n";
    out.write(line);
  }
  out.commit();
}

}  // namespace tessera
