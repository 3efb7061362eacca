#include "pipeline/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "pipeline/html_style.h"

namespace tessera::html {
namespace {

constexpr double kWidth = 500, kHeight = 240;
constexpr double kLeft = 56, kRight = 16, kTop = 14, kBottom = 40;

/// A closed range of numbers and where it lies on the page.
struct Axis {
  double low, high, from, to;
  double place(double value) const { return from + (value - low) / (high - low) * (to - from); }
};

/// Round steps that cut the range into about `count` parts.
std::vector<double> ticks(double low, double high, int count) {
  const double raw = (high - low) / count;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  const double fraction = raw / power;
  const double step = (fraction < 1.5 ? 1 : fraction < 3 ? 2 : fraction < 7 ? 5 : 10) * power;
  std::vector<double> values;
  for (double value = std::ceil(low / step) * step; value <= high + step * 1e-9; value += step)
    values.push_back(std::abs(value) < step * 1e-9 ? 0 : value);
  return values;
}

std::string tick_label(double value) {
  const double size = std::abs(value);
  if (size >= 1e6) return fmt::format("{:.3g}M", value / 1e6);
  if (size >= 1e4) return fmt::format("{:.3g}k", value / 1e3);
  return fmt::format("{:.4g}", value);
}

std::pair<Axis, Axis> fit_axes(const std::vector<Series>& series) {
  double x_low = INFINITY, x_high = -INFINITY, y_low = INFINITY, y_high = -INFINITY;
  for (const Series& line : series) {
    for (const auto& [x, y] : line.points) {
      x_low = std::min(x_low, x), x_high = std::max(x_high, x);
      y_low = std::min(y_low, y), y_high = std::max(y_high, y);
    }
  }
  if (x_high <= x_low) x_low -= 0.5, x_high += 0.5;
  const double margin = y_high > y_low ? (y_high - y_low) * 0.06 : std::max(std::abs(y_high) * 0.1, 1e-3);
  return {{x_low, x_high, kLeft, kWidth - kRight}, {y_low - margin, y_high + margin, kHeight - kBottom, kTop}};
}

std::string chart_grid(const Axis& x, const Axis& y, std::string_view x_label, std::string_view y_label) {
  std::string svg;
  for (const double value : ticks(y.low, y.high, 5)) {
    svg += fmt::format("<line class=\"grid\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>", kLeft, kWidth - kRight,
                       y.place(value), y.place(value));
    svg += fmt::format("<text class=\"tick\" x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>", kLeft - 8,
                       y.place(value) + 4, tick_label(value));
  }
  for (const double value : ticks(x.low, x.high, 8))
    svg += fmt::format("<text class=\"tick\" x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>", x.place(value),
                       kHeight - kBottom + 18, tick_label(value));
  svg += fmt::format("<text class=\"axis\" x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>", kWidth - kRight,
                     kHeight - 4, escape(x_label));
  svg += fmt::format("<text class=\"axis\" x=\"{}\" y=\"{}\">{}</text>", kLeft + 6, kTop + 8, escape(y_label));
  return svg;
}

}  // namespace

std::string escape(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string grouped(int64_t value) {
  std::string digits = std::to_string(value);
  const size_t first = digits[0] == '-' ? 1 : 0;
  for (size_t at = digits.size(); at > first + 3;) digits.insert(at -= 3, ",");
  return digits;
}

std::string page(std::string_view title, std::string_view body) {
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<meta name=\"color-scheme\" content=\"light "
      "dark\"><title>{}</title>\n<style>{}</style></head>\n<body><main>\n{}\n"
      "</main></body></html>\n",
      escape(title), kStyleSheet, body);
}

std::string line_chart(const std::vector<Series>& series, std::string_view x_label, std::string_view y_label) {
  std::vector<Series> shown;
  for (const Series& line : series) {
    Series clean{line.name, {}};
    for (const auto& point : line.points)
      if (std::isfinite(point.first) && std::isfinite(point.second)) clean.points.push_back(point);
    if (!clean.points.empty()) shown.push_back(std::move(clean));
  }
  if (shown.empty()) return "";
  const auto [x, y] = fit_axes(shown);
  std::string svg = fmt::format("<svg class=\"chart\" viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">", kWidth,
                                kHeight, escape(y_label));
  svg += chart_grid(x, y, x_label, y_label);
  std::string legend;
  for (size_t i = 0; i < shown.size(); ++i) {
    std::string points;
    for (const auto& [px, py] : shown[i].points) points += fmt::format("{:.1f},{:.1f} ", x.place(px), y.place(py));
    const size_t color = i % 6 + 1;
    svg += fmt::format("<polyline class=\"line c{}\" points=\"{}\"/>", color, points);
    if (shown[i].points.size() <= 60)
      for (const auto& [px, py] : shown[i].points)
        svg += fmt::format(
            "<circle class=\"dot c{}\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.6\"><title>{} {:.5g}</title></circle>", color,
            x.place(px), y.place(py), escape(shown[i].name), py);
    legend += fmt::format("<span class=\"key c{}\">{}</span>", color, escape(shown[i].name));
  }
  svg += "</svg>";
  return shown.size() > 1 ? fmt::format("<div class=\"legend\">{}</div>{}", legend, svg) : svg;
}

std::string bar_chart(const std::vector<Bar>& bars) {
  double top = 0;
  for (const Bar& bar : bars)
    if (bar.value) top = std::max(top, *bar.value);
  // Room for intervals; the wide ones of a few cases are cut off rather than press all bars flat.
  top = top > 0 ? top * 1.5 : 1;
  std::string out = "<div class=\"bars\">";
  for (const Bar& bar : bars) {
    out += fmt::format("<div class=\"bar-label\">{}<small>{}</small></div><div class=\"bar-track\">", escape(bar.label),
                       escape(bar.note));
    if (bar.value) {
      out += fmt::format("<span class=\"bar-fill\" style=\"width:{:.2f}%\"></span>", *bar.value / top * 100);
      if (bar.high > bar.low)
        out += fmt::format("<span class=\"bar-interval\" style=\"left:{:.2f}%;width:{:.2f}%\"></span>",
                           bar.low / top * 100, (bar.high - bar.low) / top * 100);
    }
    out += fmt::format("</div><div class=\"bar-value\">{}</div>", bar.value ? fmt::format("{:.4f}", *bar.value) : "–");
  }
  return out + "</div>";
}

std::string usage_strip(const std::vector<int64_t>& counts) {
  if (counts.empty()) return "";
  constexpr double width = 720, height = 64;
  // At most this many columns; a column of several codes shows their mean.
  const size_t columns = std::min<size_t>(counts.size(), 256);
  const auto highest = static_cast<double>(std::max<int64_t>(1, *std::max_element(counts.begin(), counts.end())));
  std::string svg = fmt::format("<svg class=\"strip\" viewBox=\"0 0 {} {}\" preserveAspectRatio=\"none\" role=\"img\">",
                                width, height);
  const double step = width / static_cast<double>(columns);
  for (size_t column = 0; column < columns; ++column) {
    const size_t begin = column * counts.size() / columns, end = (column + 1) * counts.size() / columns;
    double mean = 0;
    for (size_t i = begin; i < end; ++i) mean += static_cast<double>(counts[i]) / static_cast<double>(end - begin);
    const double share = mean / highest;
    const double tall = mean > 0 ? std::max(2.0, share * (height - 2)) : 0;
    svg += fmt::format(
        "<rect class=\"{}\" x=\"{:.2f}\" y=\"{:.2f}\" width=\"{:.2f}\" height=\"{:.2f}\" opacity=\"{:.2f}\"/>",
        mean > 0 ? "used" : "dead", column * step, mean > 0 ? height - tall : height - 3, std::max(0.5, step * 0.86),
        mean > 0 ? tall : 3, mean > 0 ? 0.35 + 0.65 * std::sqrt(share) : 1.0);
  }
  return svg + "</svg>";
}

}  // namespace tessera::html
