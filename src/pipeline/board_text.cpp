#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "pipeline/board.h"
#include "pipeline/html.h"

namespace tessera {
namespace {

using html::escape;
using nlohmann::json;

/// ".0912": a share in four digits, without the zero that all of them have.
std::string share_text(double value) {
  std::string text = fmt::format("{:.4f}", value);
  return text.starts_with("0.") ? text.substr(1) : text;
}

std::string column_title(const std::string& metric) {
  std::string title = metric;
  std::transform(title.begin(), title.end(), title.begin(), [](unsigned char c) { return std::toupper(c); });
  return title;
}

std::string time_text(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  if (seconds < 60) return fmt::format("{:.0f} s", seconds);
  const auto whole = std::lround(seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole / 60 % 60);
}

std::string count_text(double count) {
  if (count >= 1e6) return fmt::format("{:.1f}M", count / 1e6);
  if (count >= 1e3) return fmt::format("{:.0f}k", count / 1e3);
  return fmt::format("{:.0f}", count);
}

/// The value of a row, or nothing.
const json* value_at(const json& row, const std::string& protocol, const std::string& metric) {
  const auto values = row.find("values");
  if (values == row.end() || !values->contains(protocol) || !values->at(protocol).contains(metric)) return nullptr;
  return &values->at(protocol).at(metric);
}

double best_of(const json& table, const std::string& protocol, const std::string& metric) {
  double best = -1;
  for (const json& row : table.at("rows"))
    if (const json* value = value_at(row, protocol, metric)) best = std::max(best, value->value("mean", 0.0));
  return best;
}

/// ".0912 [.0876, .0951]", with the spread of the seeds behind it.
std::string interval_text(const json& value) {
  std::string text = fmt::format("[{}, {}]", share_text(value.value("low", 0.0)), share_text(value.value("high", 0.0)));
  if (value.contains("sd")) text += fmt::format(" ±{}", share_text(value.value("sd", 0.0)));
  return text;
}

/// "+.0012": with the sign that a difference needs, unless it rounds to zero.
std::string change_text(double value) {
  const std::string size = share_text(std::abs(value));
  return size == share_text(0) ? size : (value < 0 ? "−" : "+") + size;
}

/// Of the row from the table's reference: "−.0102 [−.0130, −.0075]".
std::string difference_text(const json& row, const std::string& protocol) {
  const json by = row.value("difference", json::object()).value(protocol, json::object());
  if (by.empty()) return "";
  return fmt::format("{} [{}, {}]", change_text(by.value("mean", 0.0)), change_text(by.value("low", 0.0)),
                     change_text(by.value("high", 0.0)));
}

/// Heading of the differences; empty where the table has no reference.
std::string difference_title(const json& table, const std::string& metric) {
  const std::string reference = table.value("reference", "");
  return reference.empty() ? "" : fmt::format("{} against {}", column_title(metric), reference);
}

std::string reported_text(const json& row, const std::vector<std::string>& columns) {
  std::string text;
  for (const json& one : row.at("reported")) {
    if (!text.empty()) text += "; ";
    text += one.value("by", "") + " ";
    bool first = true;
    for (const std::string& metric : columns) {
      const json& values = one.at("values");
      text += fmt::format("{}{}", first ? "" : "/", values.contains(metric) ? share_text(values.at(metric)) : "–");
      first = false;
    }
    if (!one.value("protocol", "").empty()) text += " (" + one.value("protocol", "") + ")";
  }
  return text;
}

/// What is not as it should be with a row; why a run failed is told by the page and the log, not by what is published.
std::string state_text(const json& row) {
  const std::string state = row.value("state", "");
  if (state == "skipped") return "not run: " + row.value("why", "");
  if (state == "failed") return "failed";
  if (state == "not run") return "not run yet";
  return row.contains("why") ? "a further run failed" : "";
}

/// As one cell of a Markdown table.
std::string cell_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<') out += '\\';
    out += c == '\n' || c == '\r' ? ' ' : c;
  }
  return out;
}

/// Training time, parameters, answering time and seeds of a finished row.
std::vector<std::string> cost_cells(const json& row) {
  if (row.value("state", "") != "done") return {"", "", "", ""};
  return {row.contains("parameters") ? count_text(row.at("parameters").get<double>()) : "",
          time_text(row.value("train_seconds", 0.0)),
          row.contains("answer_us") ? fmt::format("{:.0f} µs", row.at("answer_us").get<double>()) : "",
          std::to_string(row.at("seeds").size())};
}

/// What the whole board took; nothing where no run is finished.
std::string cost_text(const json& board) {
  const auto runs = board.value("finished_runs", int64_t{0});
  if (runs == 0) return "";
  return fmt::format("{} finished run{}: training and answers took {}, what several runs share counted once.", runs,
                     runs == 1 ? "" : "s", time_text(board.value("seconds", 0.0)));
}

constexpr const char* kCostTitles[] = {"parameters", "training", "an answer", "seeds"};

std::string markdown_row(const json& table, const json& row, const std::string& protocol,
                         const std::vector<std::string>& columns) {
  const bool compares = !table.value("reference", "").empty();
  std::string line = "| " + cell_text(row.value("label", ""));
  if (const std::string state = state_text(row); !state.empty()) line += " (" + cell_text(state) + ")";
  line += " |";
  for (const std::string& metric : columns) {
    const json* value = value_at(row, protocol, metric);
    if (value == nullptr) {
      line += " |";
      continue;
    }
    const double mean = value->value("mean", 0.0);
    const bool best = mean >= best_of(table, protocol, metric);
    line += fmt::format(" {}{}{} {} |", best ? "**" : "", share_text(mean), best ? "**" : "", interval_text(*value));
  }
  if (compares) line += " " + difference_text(row, protocol) + " |";
  if (protocol == "filtered") {
    for (const std::string& cell : cost_cells(row)) line += " " + cell + " |";
    line += " " + cell_text(reported_text(row, columns)) + " |";
  }
  return line + "\n";
}

/// What the rows' small print says, below their table.
std::string markdown_notes(const json& table) {
  std::string out;
  for (const json& row : table.at("rows"))
    if (const std::string note = row.value("note", ""); !note.empty())
      out += fmt::format("{}*{}*: {}", out.empty() ? "\n" : "; ", cell_text(row.value("label", "")), cell_text(note));
  return out.empty() ? out : out + ".\n";
}

std::string html_value(const json& table, const json& row, const std::string& protocol, const std::string& metric) {
  const json* value = value_at(row, protocol, metric);
  if (value == nullptr) return "<td></td>";
  const double mean = value->value("mean", 0.0);
  const bool best = mean >= best_of(table, protocol, metric);
  return fmt::format("<td>{}{}{}<small>{}</small></td>", best ? "<b>" : "", share_text(mean), best ? "</b>" : "",
                     escape(interval_text(*value)));
}

std::string html_table(const json& table, const std::string& protocol, const std::vector<std::string>& columns,
                       const std::string& metric) {
  std::string out = fmt::format("<h3>{}</h3><div class=\"scroll\"><table><tr><th>method</th>", protocol);
  for (const std::string& column : columns) out += "<th>" + escape(column_title(column)) + "</th>";
  const std::string difference = difference_title(table, metric);
  if (!difference.empty()) out += "<th>" + escape(difference) + "</th>";
  if (protocol == "filtered")
    for (const char* title : kCostTitles) out += fmt::format("<th>{}</th>", title);
  out += "</tr>";
  for (const json& row : table.at("rows")) {
    std::string small = row.value("note", "");
    if (std::string state = state_text(row); !state.empty()) {
      if (row.contains("why") && row.value("state", "") != "skipped") state += ": " + row.value("why", "");
      small += (small.empty() ? "" : " · ") + state;
    }
    const std::string reported = protocol == "filtered" ? reported_text(row, columns) : "";
    if (!reported.empty()) small += (small.empty() ? "" : " · ") + ("reported: " + reported);
    out += fmt::format("<tr><td style=\"white-space:normal;min-width:13em;max-width:22em\">{}<small>{}</small></td>",
                       escape(row.value("label", "")), escape(small));
    for (const std::string& column : columns) out += html_value(table, row, protocol, column);
    if (!difference.empty()) out += "<td>" + escape(difference_text(row, protocol)) + "</td>";
    if (protocol == "filtered")
      for (const std::string& cell : cost_cells(row)) out += "<td>" + escape(cell) + "</td>";
    out += "</tr>";
  }
  return out + "</table></div>";
}

/// The measured rows of a table, the one with the highest filtered value first.
std::vector<const json*> best_first(const json& table, const std::string& metric) {
  std::vector<const json*> rows;
  for (const json& row : table.at("rows"))
    if (value_at(row, "filtered", metric) != nullptr) rows.push_back(&row);
  std::stable_sort(rows.begin(), rows.end(), [&](const json* a, const json* b) {
    return value_at(*a, "filtered", metric)->value("mean", 0.0) > value_at(*b, "filtered", metric)->value("mean", 0.0);
  });
  return rows;
}

// ---- the picture: a line of kLine pixels a row, labels, then bars, then the value

constexpr double kPictureWidth = 960, kLine = 24, kRight = 60, kHead = 52, kFoot = 16, kLetter = 7;
constexpr const char* kPictureStyle =
    "<style>.ranking text{font:13px system-ui,sans-serif;fill:#1b2330}.ranking .soft{fill:#5c6878}.ranking .bar{fill:"
    "#2f6fde}.ranking .range{stroke:#1b2330;stroke-width:1.5;opacity:.6}.ranking .other{fill:#e08a1e;stroke:#fff}"
    ".ranking .told{stroke:#c7392f;stroke-width:2.5}.ranking .ground{fill:#fff}@media (prefers-color-scheme:dark){"
    ".ranking text{fill:#e7ecf3}.ranking .soft{fill:#98a4b5}.ranking .bar{fill:#4d7fd6}.ranking .range{stroke:#e7ecf3}"
    ".ranking .other{stroke:#1a202a}.ranking .ground{fill:#1a202a}}</style>";

/// The marks of one row around the height `y`.
/// @param left  where bars begin
/// @param scale  pixels of a value of 1
std::string picture_row(const json& row, const std::string& metric, double y, double left, double scale) {
  const auto x = [&](double value) { return left + value * scale; };
  const json& ours = *value_at(row, "filtered", metric);
  const double mean = ours.value("mean", 0.0);
  std::string out = fmt::format(
      "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>"
      "<rect class=\"bar\" x=\"{}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"14\" rx=\"3\"/>"
      "<line class=\"range\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>"
      "<text class=\"soft\" x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>",
      left - 10, y + 4.5, escape(row.value("label", "")), left, y - 7, mean * scale, x(ours.value("low", 0.0)),
      x(ours.value("high", 0.0)), y, y, kPictureWidth - 8, y + 4.5, share_text(mean));
  if (const json* other = value_at(row, "unfiltered", metric))
    out +=
        fmt::format("<circle class=\"other\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4.5\"/>", x(other->value("mean", 0.0)), y);
  for (const json& one : row.at("reported"))
    if (one.at("values").contains(metric)) {
      const double told = x(one.at("values").at(metric).get<double>());
      out += fmt::format("<line class=\"told\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>", told, told,
                         y - 10, y + 10);
    }
  return out;
}

/// The largest value that the picture of these rows shows.
double picture_range(const std::vector<const json*>& rows, const std::string& metric) {
  double most = 0;
  for (const json* row : rows) {
    most = std::max(most, value_at(*row, "filtered", metric)->value("high", 0.0));
    if (const json* other = value_at(*row, "unfiltered", metric)) most = std::max(most, other->value("mean", 0.0));
    for (const json& one : row->at("reported")) most = std::max(most, one.at("values").value(metric, 0.0));
  }
  return most;
}

std::string table_picture(const json& table, const std::string& metric) {
  const auto rows = best_first(table, metric);
  if (rows.empty()) return "";
  size_t longest = 0;
  for (const json* row : rows) longest = std::max(longest, row->value("label", "").size());
  const double left = std::min(20 + kLetter * static_cast<double>(longest), kPictureWidth / 2);
  const double scale = (kPictureWidth - left - kRight) / std::max(picture_range(rows, metric), 1e-9);
  const double legend = std::min(left, 300.0);  // further right its last words would be cut off
  const double height = kHead + kLine * static_cast<double>(rows.size()) + kFoot;
  std::string out = fmt::format(
      "<svg class=\"ranking\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" role=\"img\" "
      "aria-label=\"{}\">{}"
      "<rect class=\"ground\" width=\"100%\" height=\"100%\"/>"
      "<text x=\"{}\" y=\"28\" font-weight=\"600\">{}</text>",
      kPictureWidth, height, escape(table.value("title", "")), kPictureStyle, legend, escape(column_title(metric)));
  out += fmt::format(
      "<rect class=\"bar\" x=\"{0}\" y=\"17\" width=\"22\" height=\"14\" rx=\"3\"/><text class=\"soft\" x=\"{1}\" "
      "y=\"28\">filtered, 95% interval</text><circle class=\"other\" cx=\"{2}\" cy=\"24\" r=\"4.5\"/><text "
      "class=\"soft\" x=\"{3}\" y=\"28\">unfiltered</text><line class=\"told\" x1=\"{4}\" x2=\"{4}\" y1=\"14\" "
      "y2=\"34\"/><text class=\"soft\" x=\"{5}\" y=\"28\">reported by others (protocols differ)</text>",
      legend + 80, legend + 110, legend + 270, legend + 282, legend + 370, legend + 380);
  double y = kHead + kLine / 2;
  for (const json* row : rows) {
    out += picture_row(*row, metric, y, left, scale);
    y += kLine;
  }
  return out + "</svg>\n";
}

}  // namespace

std::string board_picture(const json& board) {
  const json& tables = board.at("tables");
  return tables.empty() ? "" : table_picture(tables.at(0), board.value("metric", "hr@10"));
}

std::string board_markdown(const json& board) {
  const auto columns = board.at("columns").get<std::vector<std::string>>();
  const std::string metric = board.value("metric", "hr@10");
  std::string out;
  for (const json& table : board.at("tables")) {
    out += fmt::format("{}### {}\n\n", out.empty() ? "" : "\n", table.value("title", ""));
    if (!table.value("note", "").empty()) out += table.value("note", "") + "\n\n";
    const bool measured = std::any_of(table.at("rows").begin(), table.at("rows").end(),
                                      [](const json& row) { return row.contains("values"); });
    for (const char* protocol : {"filtered", "unfiltered"}) {
      if (protocol == std::string("unfiltered") && !measured) continue;
      std::string rule = "|---|";
      out += fmt::format("{}| {} |", protocol == std::string("filtered") ? "" : "\n", protocol);
      for (const std::string& column : columns) {
        out += " " + column_title(column) + " |";
        rule += "---|";
      }
      if (const std::string title = difference_title(table, metric); !title.empty()) {
        out += " " + cell_text(title) + " |";
        rule += "---|";
      }
      if (protocol == std::string("filtered")) {
        for (const char* title : kCostTitles) out += fmt::format(" {} |", title);
        std::string titles;
        for (const std::string& column : columns) titles += (titles.empty() ? "" : "/") + column_title(column);
        out += " reported, " + titles + " |";
        rule += "---|---|---|---|---|";
      }
      out += "\n" + rule + "\n";
      for (const json& row : table.at("rows"))
        if (protocol == std::string("filtered") || row.contains("values"))
          out += markdown_row(table, row, protocol, columns);
    }
    out += markdown_notes(table);
  }
  if (const std::string cost = cost_text(board); !cost.empty()) out += "\n" + cost + "\n";
  return out;
}

std::string board_html(const json& board) {
  const auto columns = board.at("columns").get<std::vector<std::string>>();
  std::string body = fmt::format(
      "<style>main{{max-width:1400px}}</style><h1>{}</h1><p class=\"lead\">Item level, full catalogue. "
      "Brackets are 95% bootstrap intervals over test cases, of their mean over the seeds; ± is the standard "
      "deviation of the seeds' means; differences are paired by test case. The best value of a column is bold. "
      "Reported numbers are others', in the order of the columns. {}</p>",
      escape(board.value("title", "")), escape(cost_text(board)));
  for (const json& table : board.at("tables")) {
    body += fmt::format("<section class=\"card\"><h2>{}</h2><p>{}</p>", escape(table.value("title", "")),
                        escape(table.value("note", "")));
    const std::string metric = board.value("metric", "hr@10");
    body += table_picture(table, metric);
    for (const char* protocol : {"filtered", "unfiltered"}) body += html_table(table, protocol, columns, metric);
    body += "</section>";
  }
  return html::page(board.value("title", "") + " · Tessera", body);
}

std::string with_board_section(const std::string& text, const std::string& name, const std::string& section) {
  const std::string begin = fmt::format("<!-- board {} -->\n", name),
                    end = fmt::format("<!-- end of board {} -->\n", name);
  const size_t from = text.find(begin), to = text.find(end);
  if (from == std::string::npos && to == std::string::npos) {
    const char* gap = text.empty() || text.ends_with("\n\n") ? "" : text.ends_with('\n') ? "\n" : "\n\n";
    return text + gap + begin + section + end;
  }
  TESSERA_CHECK(from != std::string::npos && to != std::string::npos && from < to, data,
                "the results file has only one of \"{}\" and \"{}\", or in the wrong order; put both or none",
                begin.substr(0, begin.size() - 1), end.substr(0, end.size() - 1));
  return text.substr(0, from + begin.size()) + section + text.substr(to);
}

}  // namespace tessera
