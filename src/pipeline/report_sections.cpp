#include "pipeline/report_sections.h"

#include <algorithm>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/progress.h"
#include "pipeline/html.h"

namespace tessera {
namespace {

using html::escape;
using nlohmann::json;

/// A section, or "" when it has no content.
std::string card(const std::string& title, const std::string& hint, const std::string& content) {
  if (content.empty()) return "";
  return fmt::format("<section class=\"card\"><h2>{}</h2><p class=\"hint\">{}</p>{}</section>", escape(title),
                     escape(hint), content);
}

json child(const json& from, const std::string& key) {
  return from.is_object() && from.contains(key) ? from.at(key) : json();
}

double number(const json& from, const std::string& key) {
  const json value = child(from, key);
  return value.is_number() ? value.get<double>() : 0.0;
}

std::string text(const json& from, const std::string& key) {
  const json value = child(from, key);
  return value.is_string() ? value.get<std::string>() : "";
}

/// The split that the report is about: test where it was measured.
std::string main_split(const json& metrics) {
  const json splits = child(metrics, "splits");
  if (!splits.is_object() || splits.empty()) return "";
  return splits.contains("test") ? "test" : splits.begin().key();
}

json protocol_of(const json& metrics, const std::string& protocol) {
  return child(child(child(metrics, "splits"), main_split(metrics)), protocol);
}

std::vector<std::string> protocols_of(const json& metrics) {
  std::vector<std::string> names;
  for (const char* name : {"filtered", "unfiltered"})
    if (protocol_of(metrics, name).is_object()) names.push_back(name);
  return names;
}

/// The cut-offs measured, ascending.
std::vector<int64_t> cuts_of(const json& metrics) {
  std::vector<int64_t> cuts;
  for (const json& k : child(child(metrics, "options"), "k"))
    if (k.is_number_integer()) cuts.push_back(k.get<int64_t>());
  std::sort(cuts.begin(), cuts.end());
  return cuts;
}

std::string tile(const std::string& name, const std::string& value, const std::string& range) {
  return fmt::format(
      "<div class=\"tile\"><div class=\"name\">{}</div><div class=\"value\">{}</div><div "
      "class=\"range\">{}</div></div>",
      escape(name), escape(value), escape(range));
}

std::string interval_text(const json& interval) {
  return fmt::format("{:.4f} to {:.4f}", number(interval, "low"), number(interval, "high"));
}

}  // namespace

std::string tiles_section(const json& metrics) {
  const std::vector<int64_t> cuts = cuts_of(metrics);
  if (cuts.empty()) return "";
  const int64_t k = std::find(cuts.begin(), cuts.end(), 10) != cuts.end() ? 10 : cuts.back();
  std::string tiles;
  double rate = 0;
  for (const std::string& protocol : protocols_of(metrics)) {
    const json table = protocol_of(metrics, protocol);
    for (const char* name : {"hr", "ndcg"}) {
      const json value = child(table, fmt::format("{}@{}", name, k));
      if (value.is_object())
        tiles += tile(fmt::format("{}@{} · {}", name[0] == 'h' ? "HR" : "NDCG", k, protocol),
                      fmt::format("{:.4f}", number(value, "mean")), interval_text(value));
    }
    rate = std::max(rate, number(table, "users_per_second"));
  }
  tiles += tile("answers", fmt::format("{}/s", human_count(rate)), "users, whole catalogue ranked");
  const double seconds = number(child(child(metrics, "stages"), "train"), "seconds");
  tiles += tile("training", human_duration(seconds), "wall clock");
  return fmt::format("<div class=\"tiles\">{}</div>", tiles);
}

namespace {

/// "HR@10" for "hr@10".
std::string heading(std::string metric) {
  for (char& c : metric) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return metric;
}

std::string leaderboard_table(const RunSummary& run, const std::vector<RunSummary>& rivals, const std::string& split,
                              const std::string& protocol, const std::vector<int64_t>& cuts) {
  std::vector<std::string> columns;
  for (const char* name : {"hr", "ndcg"})
    for (const int64_t k : cuts) columns.push_back(fmt::format("{}@{}", name, k));
  std::map<std::string, double> best;
  for (const RunSummary& rival : rivals)
    for (const std::string& column : columns)
      if (const auto value = metric_of(rival.metrics, split, protocol, column))
        best[column] = std::max(best[column], *value);
  std::string out = "<div class=\"scroll\"><table class=\"board\"><tr><th>run</th><th>method</th>";
  for (const std::string& column : columns) out += fmt::format("<th>{}</th>", escape(heading(column)));
  out += "<th>users/s</th></tr>";
  for (const RunSummary& rival : rivals) {
    out += fmt::format("<tr{}><td>{}</td><td>{}</td>", rival.name == run.name ? " class=\"self\"" : "",
                       escape(rival.name), escape(text(rival.metrics, "method")));
    for (const std::string& column : columns) {
      const auto value = metric_of(rival.metrics, split, protocol, column);
      const bool is_best = value && rivals.size() > 1 && *value >= best[column];
      out +=
          fmt::format("<td{}>{}</td>", is_best ? " class=\"best\"" : "", value ? fmt::format("{:.4f}", *value) : "–");
    }
    out +=
        fmt::format("<td>{}</td></tr>", human_count(number(protocol_of(rival.metrics, protocol), "users_per_second")));
  }
  return out + "</table></div>";
}

}  // namespace

std::string leaderboard_section(const RunSummary& run, const std::vector<RunSummary>& all) {
  const std::string split = main_split(run.metrics);
  const auto cases = [&](const RunSummary& summary) {
    return text(child(child(summary.metrics, "splits"), split), "cases_hash");
  };
  std::vector<RunSummary> rivals;
  for (const RunSummary& other : all)
    if (!cases(other).empty() && cases(other) == cases(run)) rivals.push_back(other);
  const bool listed =
      std::any_of(rivals.begin(), rivals.end(), [&](const RunSummary& r) { return r.name == run.name; });
  if (!listed) rivals.push_back(run);
  const std::vector<int64_t> cuts = cuts_of(run.metrics);
  std::string content;
  for (const std::string& protocol : protocols_of(run.metrics)) {
    const std::string key = fmt::format("ndcg@{}", cuts.empty() ? 10 : cuts[cuts.size() / 2]);
    std::stable_sort(rivals.begin(), rivals.end(), [&](const RunSummary& a, const RunSummary& b) {
      return metric_of(a.metrics, split, protocol, key).value_or(-1) >
             metric_of(b.metrics, split, protocol, key).value_or(-1);
    });
    content += fmt::format("<h3>{}</h3>{}", escape(protocol), leaderboard_table(run, rivals, split, protocol, cuts));
  }
  return card(
      "Leaderboard",
      fmt::format("Every run on the same {} cases. Filtered: what a user already had is never answered.", split),
      content);
}

std::string metrics_section(const json& metrics) {
  std::string content;
  for (const std::string& protocol : protocols_of(metrics)) {
    const json table = protocol_of(metrics, protocol);
    std::string rows;
    for (const int64_t k : cuts_of(metrics)) {
      rows += fmt::format("<tr><td>k = {}</td>", k);
      for (const char* name : {"hr", "ndcg", "mrr"}) {
        const json value = child(table, fmt::format("{}@{}", name, k));
        rows += fmt::format("<td>{:.4f}<small>{}</small></td>", number(value, "mean"), interval_text(value));
      }
      rows += "</tr>";
    }
    const json shown = child(table, "exposure");
    content += fmt::format(
        "<div><h3>{}</h3><table><tr><th></th><th>HR</th><th>NDCG</th><th>MRR</th></tr>{}</table>"
        "<p class=\"hint\">Coverage of the catalogue {:.1f}% · Gini of exposure {:.3f} · mean popularity of what was "
        "shown {:.1f} "
        "· from outside the top fifth {:.1f}%</p></div>",
        escape(protocol), rows, 100 * number(shown, "coverage"), number(shown, "gini"),
        number(shown, "mean_popularity"), 100 * number(shown, "tail_share"));
  }
  const double repeats =
      protocols_of(metrics).empty() ? 0 : number(protocol_of(metrics, protocols_of(metrics)[0]), "repeat_target_share");
  return card("Metrics",
              fmt::format("With intervals. In {:.1f}% of the cases the answer is already in the history; filtered "
                          "answers cannot hit those.",
                          100 * repeats),
              content.empty() ? "" : "<div class=\"two\">" + content + "</div>");
}

std::string breakdown_section(const json& metrics) {
  const std::vector<std::string> protocols = protocols_of(metrics);
  if (protocols.empty()) return "";
  const json table = protocol_of(metrics, protocols[0]);
  const auto bars = [&](const char* key) {
    std::vector<html::Bar> list;
    for (const json& row : child(table, key)) {
      if (number(row, "cases") < 1) continue;
      html::Bar bar{text(row, "label"), html::grouped(static_cast<int64_t>(number(row, "cases"))) + " cases",
                    std::nullopt};
      const json hr = child(row, "hr");
      if (hr.is_object()) bar.value = number(hr, "mean"), bar.low = number(hr, "low"), bar.high = number(hr, "high");
      list.push_back(std::move(bar));
    }
    return list.empty() ? std::string() : html::bar_chart(list);
  };
  const std::string left = bars("by_history"), right = bars("by_target");
  if (left.empty() && right.empty()) return "";
  const json rows = child(table, "by_history");
  const auto k = rows.empty() ? 10 : static_cast<int64_t>(number(rows[0], "k"));
  return card("Where it works", fmt::format("HR@{}, {}, with intervals.", k, protocols[0]),
              fmt::format("<div class=\"two\"><div><h3>events in the history</h3>{}</div><div><h3>training events of "
                          "the answer</h3>{}</div></div>",
                          left, right));
}

std::string codes_section(const json& quality) {
  const json levels = child(quality, "levels"), usage = child(quality, "usage");
  if (!levels.is_array() || !usage.is_array()) return "";
  std::string content;
  for (size_t level = 0; level < std::min(levels.size(), usage.size()); ++level) {
    std::vector<int64_t> counts;
    for (const json& count : usage[level])
      if (count.is_number_integer()) counts.push_back(count.get<int64_t>());
    const json& facts = levels[level];
    content += fmt::format(
        "<h3>level {}</h3>{}<p class=\"hint\">{} of {} codes used ({:.1f}%) · perplexity {:.0f} · Gini {:.3f} · most "
        "used: {} items{}</p>",
        level + 1, html::usage_strip(counts), html::grouped(static_cast<int64_t>(number(facts, "used"))),
        html::grouped(static_cast<int64_t>(number(facts, "size"))), 100 * number(facts, "utilisation"),
        number(facts, "perplexity"), number(facts, "gini"), counts.empty() ? "0" : html::grouped(counts[0]),
        child(facts, "reconstruction_error").is_number()
            ? fmt::format(" · unexplained {:.1f}%", 100 * number(facts, "reconstruction_error"))
            : "");
  }
  const std::string hint = fmt::format(
      "Items a code has, most used code first; red: codes without any item. {:.1f}% of the items share their semantic "
      "ID with nobody "
      "(largest bucket: {}). Nearest {} vectors hold the next item of {:.1f}% of validation pairs, rebuilt from codes "
      "{:.1f}%.",
      100 * number(quality, "icr"), html::grouped(static_cast<int64_t>(number(quality, "largest_bucket"))),
      static_cast<int64_t>(number(quality, "hit_rate_k")), 100 * number(quality, "hit_rate"),
      100 * number(quality, "hit_rate_ids"));
  return card("Semantic IDs", hint, content);
}

namespace {

std::string item_line(const json& item) {
  std::string line = escape(text(item, "title"));
  const std::string id = text(item, "id");
  std::string small = id == text(item, "title") ? "" : escape(id);
  if (child(item, "price").is_number())
    small += fmt::format("{}{:.2f}", small.empty() ? "" : " · ", number(item, "price"));
  return small.empty() ? line : fmt::format("{} <small>{}</small>", line, small);
}

std::string example_user(const json& user) {
  std::string history, answers;
  const json items = child(user, "history");
  const auto length = static_cast<int64_t>(number(user, "history_length"));
  for (const json& item : items) history += fmt::format("<li>{}</li>", item_line(item));
  for (const json& item : child(user, "recommended"))
    answers += fmt::format("<li{}>{}</li>", child(item, "hit") == json(true) ? " class=\"hit\"" : "", item_line(item));
  const auto rank = static_cast<int64_t>(number(user, "rank"));
  const std::string badge = rank > 0 ? fmt::format("<span class=\"badge hit\">hit at {}</span>", rank)
                                     : "<span class=\"badge miss\">not found</span>";
  return fmt::format(
      "<div class=\"user\"><h3>user {} {}</h3><div class=\"two\"><div><p class=\"hint\">history ({} events{}), oldest "
      "first</p>"
      "<ol start=\"{}\">{}</ol><p class=\"hint\">came next: <b>{}</b></p></div><div><p "
      "class=\"hint\">recommended</p><ol>{}</ol></div></div></div>",
      escape(text(user, "user")), badge, length,
      length > static_cast<int64_t>(items.size()) ? fmt::format(", the last {} shown", items.size()) : "",
      length - static_cast<int64_t>(items.size()) + 1, history, item_line(child(user, "answer")), answers);
}

}  // namespace

std::string examples_section(const json& examples) {
  if (!examples.is_object() || examples.empty()) return "";
  const json part = examples.contains("test") ? examples.at("test") : examples.begin().value();
  std::string content;
  for (const json& user : child(part, "users")) content += example_user(user);
  return card("What it recommends",
              fmt::format("Users drawn at random, half of them among the hits ({}).", text(part, "protocol")), content);
}

std::string stages_section(const json& metrics, const std::string& recipe) {
  std::string rows;
  for (const char* stage : {"data", "embed", "tokenize", "train"}) {
    const json facts = child(child(metrics, "stages"), stage);
    if (facts.is_object())
      rows += fmt::format("<tr><td>{}</td><td>{}</td></tr>", stage, human_duration(number(facts, "seconds")));
  }
  return card(
      "How it was made", "Wall clock of each stage, and the recipe with every default.",
      fmt::format(
          "<table "
          "style=\"max-width:320px\">{}</table><p></p><details><summary>recipe.toml</summary><pre>{}</pre></details>",
          rows, escape(recipe)));
}

}  // namespace tessera
