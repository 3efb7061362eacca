#include "cli/results.h"

#include <fmt/ranges.h>

#include <cmath>

#include "cli/table.h"
#include "pipeline/html.h"

namespace tessera::cli {

using nlohmann::json;

namespace {

constexpr int kTitleWidth = 60;

std::string mean_of(const json& table, const std::string& key) {
  return table.contains(key) ? fmt::format("{:.4f}", table.at(key).value("mean", 0.0)) : "-";
}

std::string interval_of(const json& table, const std::string& key) {
  if (!table.contains(key)) return "-";
  return fmt::format("[{:.4f}, {:.4f}]", table.at(key).value("low", 0.0), table.at(key).value("high", 0.0));
}

}  // namespace

std::string metrics_text(const json& metrics) {
  std::string out;
  for (const auto& [split, part] : metrics.at("splits").items()) {
    for (const char* protocol : {"filtered", "unfiltered"}) {
      if (!part.contains(protocol)) continue;
      const json& table = part.at(protocol);
      out += fmt::format("{}{} · {} · {} · {} cases · {:.0f} users/s\n", out.empty() ? "" : "\n",
                         metrics.value("run", ""), split, protocol, html::grouped(part.value("cases", int64_t{0})),
                         table.value("users_per_second", 0.0));
      TextTable rows({"k", "HR", "", "NDCG", "", "MRR"}, {});
      for (const json& k : metrics.at("options").at("k")) {
        const std::string cut = k.dump();
        rows.add({cut, mean_of(table, "hr@" + cut), interval_of(table, "hr@" + cut), mean_of(table, "ndcg@" + cut),
                  interval_of(table, "ndcg@" + cut), mean_of(table, "mrr@" + cut)});
      }
      out += rows.text();
    }
  }
  return out;
}

std::string quality_text(const json& quality) {
  TextTable rows({"level", "codes", "used", "perplexity", "entropy", "Gini", "unexplained"}, {});
  int64_t level = 1;
  for (const json& facts : quality.at("levels"))
    rows.add({std::to_string(level++), facts.value("size", json()).dump(),
              fmt::format("{:.1f}%", 100 * facts.value("utilisation", 0.0)),
              fmt::format("{:.1f}", facts.value("perplexity", 0.0)), fmt::format("{:.3f}", facts.value("entropy", 0.0)),
              fmt::format("{:.3f}", facts.value("gini", 0.0)),
              facts.contains("reconstruction_error")
                  ? fmt::format("{:.1f}%", 100 * facts.value("reconstruction_error", 0.0))
                  : "-"});
  return rows.text() + fmt::format(
                           "unique IDs {:.2f}% of items, largest bucket {}, next item among nearest {}: vectors "
                           "{:.2f}%, codes {:.2f}%\n",
                           100 * quality.value("icr", 0.0), quality.value("largest_bucket", int64_t{0}),
                           quality.value("hit_rate_k", int64_t{0}), 100 * quality.value("hit_rate", 0.0),
                           100 * quality.value("hit_rate_ids", 0.0));
}

json answers_json(Run& run, const Results& results) {
  json list = json::array();
  for (size_t i = 0; i < results.items.size(); ++i) {
    const Item& item = run.dataset().items[results.items[i]];
    json row = {{"rank", i + 1}, {"item", item.id}, {"title", display_name(item)}, {"score", results.scores[i]}};
    if (std::isfinite(item.price)) row["price"] = item.price;
    if (const SemanticIds* ids = run.ids()) row["semantic_id"] = ids->of(results.items[i]);
    list.push_back(std::move(row));
  }
  return list;
}

std::string answers_text(Run& run, const Results& results) {
  bool priced = false;
  for (const ItemId id : results.items) priced |= std::isfinite(run.dataset().items[id].price);
  const SemanticIds* ids = run.ids();
  std::vector<std::string> header = {"rank", "title", "item"};
  if (priced) header.push_back("price");
  header.push_back("score");
  if (ids != nullptr) header.push_back("semantic ID");
  TextTable rows(header, {false, true, true});
  for (size_t i = 0; i < results.items.size(); ++i) {
    const Item& item = run.dataset().items[results.items[i]];
    std::vector<std::string> row = {std::to_string(i + 1), fit_width(display_name(item), kTitleWidth),
                                    fit_width(item.id, 24)};
    if (priced) row.push_back(std::isfinite(item.price) ? fmt::format("{:.2f}", item.price) : "-");
    row.push_back(fmt::format("{:.4f}", results.scores[i]));
    if (ids != nullptr) row.push_back(fmt::format("{}", fmt::join(ids->of(results.items[i]), "-")));
    rows.add(std::move(row));
  }
  return rows.text();
}

}  // namespace tessera::cli
