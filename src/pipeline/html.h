#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::html {

/// Text made safe for elements and quoted attributes.
std::string escape(std::string_view text);

/// A whole page with the house's style sheet, light and dark, without any outside resource.
/// @param body  HTML, escaped by the caller
std::string page(std::string_view title, std::string_view body);

/// One line of a chart.
struct Series {
  std::string name;
  std::vector<std::pair<double, double>> points;  ///< x ascending
};

/// Line chart as inline SVG. Empty series are left out; no points at all gives "".
std::string line_chart(const std::vector<Series>& series, std::string_view x_label, std::string_view y_label);

/// One bar: a value with its interval.
struct Bar {
  std::string label;
  std::string note;  ///< small text behind the label
  std::optional<double> value;
  double low = 0, high = 0;
};

/// Horizontal bars with intervals.
std::string bar_chart(const std::vector<Bar>& bars);

/// How often each code of a level is used, most used first, as a strip of columns: height and colour follow the count.
std::string usage_strip(const std::vector<int64_t>& counts);

/// "12,101".
std::string grouped(int64_t value);

}  // namespace tessera::html
