#include "serve/learn_fusion.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"

namespace tessera::serve {

namespace {

constexpr int64_t kCandidates = 100;  ///< of the text, and of the model
constexpr int64_t kLeastCases = 20;
constexpr int kSteps = 500;
constexpr size_t kTogether = 32;

/// A search that ended in a click, and what could be ranked.
struct SearchCase {
  const Case* asked;
  std::string query;
  std::vector<LexicalHit> text;
  Results personal;
};

/// The rows of the log that a case's answer may be: the user's last ones of that item with a query.
std::string query_of(const BehaviourLog& log, const std::vector<int64_t>& begins, const Case& c) {
  const auto u = static_cast<size_t>(index(c.user));
  for (int64_t row = begins[u + 1] - 1; row >= begins[u]; --row)
    if (log.item[row] == c.target && log.query[row] >= 0 && log.actions.name(log.action[row]) != "impression")
      return log.queries.name(log.query[row]);
  return "";
}

std::vector<int64_t> rows_of_users(const BehaviourLog& log, int64_t users) {
  std::vector<int64_t> begins(static_cast<size_t>(users) + 1, log.size());
  for (int64_t row = log.size() - 1; row >= 0; --row) begins[static_cast<size_t>(index(log.user[row]))] = row;
  for (size_t u = begins.size() - 1; u-- > 0;) begins[u] = std::min(begins[u], begins[u + 1]);
  return begins;
}

class Learner {
 public:
  Learner(const ServingModel& model, const LexicalOptions& lexical, const FusionOptions& options)
      : model_(model), index_(lexical), options_(options), items_(model.items()) {
    const Catalogue& items = model.dataset().items;
    std::vector<LexicalChange> documents;
    for (int32_t i = 0; i < items.size(); ++i) documents.push_back({ItemId{i}, &items[ItemId{i}]});
    index_.apply(documents, 1);
    begins_ = rows_of_users(model.dataset().log, model.dataset().users.size());
  }

  std::vector<SearchCase> cases(const std::vector<Case>& all, int64_t most, Progress& progress) const {
    std::vector<SearchCase> found;
    for (const Case& c : all) {
      if (static_cast<int64_t>(found.size()) >= most) break;
      std::string query = query_of(model_.dataset().log, begins_, c);
      if (!query.empty()) found.push_back({&c, std::move(query), {}, {}});
    }
    for (size_t begin = 0; begin < found.size(); begin += kTogether) {
      const std::span<SearchCase> part = std::span(found).subspan(begin, std::min(kTogether, found.size() - begin));
      rank(part);
      progress.add(static_cast<int64_t>(part.size()));
    }
    return found;
  }

  /// Both parts of every candidate's score, the clicked one first; empty if it is not among them.
  std::vector<std::pair<double, double>> features(const SearchCase& c) const {
    FusionOptions linear = options_;
    linear.fusion = "linear";
    linear.lexical_weight = 1;
    linear.personal_weight = 0;
    const std::vector<FusedHit> text = fuse(c.text, c.personal, 1, linear);
    std::swap(linear.lexical_weight, linear.personal_weight);
    std::map<ItemId, std::pair<double, double>> parts;
    for (const FusedHit& hit : text) parts[hit.item].first = hit.score;
    for (const FusedHit& hit : fuse(c.text, c.personal, 1, linear)) parts[hit.item].second = hit.score;
    const auto clicked = parts.find(c.asked->target);
    if (clicked == parts.end()) return {};
    std::vector<std::pair<double, double>> out = {clicked->second};
    for (const auto& [item, part] : parts)
      if (item != c.asked->target) out.push_back(part);
    return out;
  }

  SearchQuality quality(const std::vector<SearchCase>& cases, const FusionOptions& options, double text_weight,
                        double personal_weight) const {
    FusionOptions fusion = options;
    fusion.lexical_weight = text_weight;
    fusion.personal_weight = personal_weight;
    SearchQuality sum;
    for (const SearchCase& c : cases) {
      const std::vector<FusedHit> hits = fuse(c.text, c.personal, 1, fusion);
      const auto at =
          std::find_if(hits.begin(), hits.end(), [&](const FusedHit& hit) { return hit.item == c.asked->target; });
      if (at == hits.end()) continue;
      const auto rank = static_cast<double>(at - hits.begin()) + 1;
      sum.mrr += 1 / rank;
      if (rank <= 10) sum.hr10 += 1, sum.ndcg10 += 1 / std::log2(rank + 1);
    }
    const auto n = static_cast<double>(std::max<size_t>(1, cases.size()));
    return {sum.hr10 / n, sum.mrr / n, sum.ndcg10 / n};
  }

 private:
  void rank(std::span<SearchCase> part) const {
    std::vector<std::unique_ptr<ItemFilter>> filters;
    std::vector<Request> requests;
    std::vector<SearchCase*> asked;
    for (SearchCase& c : part) {
      LexicalQuery query;
      query.text = c.query.substr(0, static_cast<size_t>(kMaxQueryBytes));
      query.limit = kCandidates;
      query.all_matches = true;
      LexicalResult result = index_.search(query);
      c.text = std::move(result.hits);
      if (result.matches.empty()) continue;
      filters.push_back(std::make_unique<ItemFilter>(ItemFilter::allow(items_->trie, result.matches)));
      Request request;
      request.history = model_.split().history(*c.asked);
      request.user = c.asked->user;
      request.filter = filters.back().get();
      request.k = std::min<int64_t>(kCandidates, static_cast<int64_t>(result.matches.size()));
      requests.push_back(request);
      asked.push_back(&c);
    }
    std::vector<Results> results = model_.recommend(requests, *items_);
    for (size_t i = 0; i < asked.size(); ++i) asked[i]->personal = std::move(results[i]);
  }

  const ServingModel& model_;
  LexicalIndex index_;
  FusionOptions options_;
  std::shared_ptr<const ModelItems> items_;
  std::vector<int64_t> begins_;
};

/// Conditional logit by gradient ascent: P(clicked) = e^(w f_clicked) / sum e^(w f). @return the two weights, not
/// negative
std::pair<double, double> fit(const std::vector<std::vector<std::pair<double, double>>>& cases) {
  double a = 1, b = 1;
  const double rate = 4.0 / static_cast<double>(cases.size());
  for (int step = 0; step < kSteps; ++step) {
    double slope_a = 0, slope_b = 0;
    for (const auto& candidates : cases) {
      double total = 0, mean_a = 0, mean_b = 0;
      for (const auto& [x, y] : candidates) {
        const double weight = std::exp(a * x + b * y - a - b);
        total += weight, mean_a += weight * x, mean_b += weight * y;
      }
      slope_a += candidates.front().first - mean_a / total;
      slope_b += candidates.front().second - mean_b / total;
    }
    a = std::max(0.0, a + rate * slope_a);
    b = std::max(0.0, b + rate * slope_b);
  }
  return {a, b};
}

}  // namespace

LearnedFusion learn_fusion(const ServingModel& model, const LexicalOptions& lexical, const FusionOptions& options,
                           int64_t most, Reporter& reporter) {
  const Split& split = model.split();
  const Learner learner(model, lexical, options);
  Progress progress(reporter, "fusion", 2 * most, "searches");
  const std::vector<SearchCase> valid = learner.cases(split.valid, most, progress);
  std::vector<std::vector<std::pair<double, double>>> fitted;
  for (const SearchCase& c : valid)
    if (auto candidates = learner.features(c); candidates.size() > 1) fitted.push_back(std::move(candidates));
  TESSERA_CHECK(
      static_cast<int64_t>(fitted.size()) >= kLeastCases, data,
      "only {} validation answers of the log were found by a search that matches them, at least {} are needed: "
      "leave fusion at \"rrf\"",
      fitted.size(), kLeastCases);
  LearnedFusion learned;
  std::tie(learned.lexical_weight, learned.personal_weight) = fit(fitted);
  const std::vector<SearchCase> test = learner.cases(split.test, most, progress);
  FusionOptions linear = options, rrf = options;
  linear.fusion = "linear";
  rrf.fusion = "rrf";
  learned.fitted_on = static_cast<int64_t>(fitted.size());
  learned.tested_on = static_cast<int64_t>(test.size());
  learned.quality["text"] = learner.quality(test, linear, 1, 0);
  learned.quality["personal"] = learner.quality(test, linear, 1e-9, 1);
  learned.quality["rrf"] = learner.quality(test, rrf, options.lexical_weight, options.personal_weight);
  learned.quality["linear"] = learner.quality(test, linear, learned.lexical_weight, learned.personal_weight);
  return learned;
}

nlohmann::json to_json(const LearnedFusion& learned) {
  nlohmann::json quality = nlohmann::json::object();
  for (const auto& [name, q] : learned.quality)
    quality[name] = {{"hr@10", q.hr10}, {"mrr", q.mrr}, {"ndcg@10", q.ndcg10}};
  return {{"lexical_weight", learned.lexical_weight},
          {"personal_weight", learned.personal_weight},
          {"fitted_on", learned.fitted_on},
          {"tested_on", learned.tested_on},
          {"test", quality}};
}

std::filesystem::path fusion_file(const std::filesystem::path& run) {
  return run / "fusion.json";
}

void read_learned_fusion(const std::filesystem::path& run, FusionOptions& options) {
  const std::filesystem::path file = fusion_file(run);
  TESSERA_CHECK(std::filesystem::is_regular_file(file), data,
                "fusion is \"learned\", but nothing was learned for the run {}: `tessera fusion {}` does",
                run.filename().string(), run.string());
  const nlohmann::json json = nlohmann::json::parse(read_file(file), nullptr, false);
  const bool good = json.is_object() && json.contains("lexical_weight") && json["lexical_weight"].is_number() &&
                    json.contains("personal_weight") && json["personal_weight"].is_number();
  TESSERA_CHECK(good, corrupt, "{}: wanted an object with the numbers lexical_weight and personal_weight",
                file.string());
  options.fusion = "linear";
  options.lexical_weight = json["lexical_weight"].get<double>();
  options.personal_weight = json["personal_weight"].get<double>();
}

}  // namespace tessera::serve
