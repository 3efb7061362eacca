#include <fmt/format.h>

#include "pipeline/compare.h"
#include "pipeline/html.h"

namespace tessera {
namespace {

using html::escape;
using nlohmann::json;

std::string value_cell(const json& row, const std::string& metric) {
  const json& value = row.at("values").at(metric);
  std::string cell = fmt::format("<td>{:.4f}<small>{:.4f} to {:.4f}</small>", value.value("mean", 0.0),
                                 value.value("low", 0.0), value.value("high", 0.0));
  if (row.contains("differences")) {
    const json& difference = row.at("differences").at(metric);
    const double mean = difference.value("mean", 0.0), p = difference.value("p", 1.0);
    const char* kind = p >= 0.05 ? "" : (mean > 0 ? " class=\"up\"" : " class=\"down\"");
    cell += fmt::format("<small><span{}>{:+.4f}</span> [{:+.4f}, {:+.4f}] p = {:.3g}</small>", kind, mean,
                        difference.value("low", 0.0), difference.value("high", 0.0), p);
  }
  return cell + "</td>";
}

}  // namespace

std::string comparison_html(const json& comparison) {
  std::string body = fmt::format(
      "<h1>Comparison</h1><p class=\"lead\">{} split. Intervals of {:.0f}%; under each value its paired difference "
      "from the first "
      "run, coloured where p &lt; 0.05.</p>",
      escape(comparison.value("split", "")), 100 * comparison.value("level", 0.95));
  for (const json& table : comparison.at("tables")) {
    body += fmt::format("<section class=\"card\"><h2>{}</h2><div class=\"scroll\"><table><tr><th>run</th>",
                        escape(table.value("protocol", "")));
    for (const json& metric : comparison.at("metrics"))
      body += fmt::format("<th>{}</th>", escape(metric.get<std::string>()));
    body += "</tr>";
    for (const json& row : table.at("rows")) {
      body += fmt::format("<tr><td>{}<small>{}{}</small></td>", escape(row.value("run", "")),
                          escape(row.value("method", "")),
                          row.contains("note") ? " · " + escape(row.value("note", "")) : "");
      for (const json& metric : comparison.at("metrics")) body += value_cell(row, metric.get<std::string>());
      body += "</tr>";
    }
    body += "</table></div></section>";
  }
  return html::page("Comparison · Tessera", body);
}

}  // namespace tessera
