#include "cli/table.h"

#include <algorithm>
#include <cstdint>

namespace tessera::cli {
namespace {

/// The code point at `at`, which moves behind it. A broken byte counts as one character.
uint32_t next_code_point(std::string_view text, size_t& at) {
  const auto byte = static_cast<unsigned char>(text[at++]);
  const int more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : byte >= 0xC0 ? 1 : 0;
  uint32_t code = more == 3 ? byte & 0x07 : more == 2 ? byte & 0x0F : more == 1 ? byte & 0x1F : byte;
  for (int i = 0; i < more && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80; ++i)
    code = code << 6 | (static_cast<unsigned char>(text[at++]) & 0x3F);
  return code;
}

int code_point_width(uint32_t code) {
  if (code < 0x20 || (code >= 0x7F && code < 0xA0) || (code >= 0x300 && code < 0x370)) return 0;
  const bool wide = (code >= 0x1100 && code < 0x1160) || (code >= 0x2E80 && code < 0xA4D0) ||
                    (code >= 0xAC00 && code < 0xD7A4) || (code >= 0xF900 && code < 0xFB00) ||
                    (code >= 0xFE30 && code < 0xFE70) || (code >= 0xFF00 && code < 0xFF61) ||
                    (code >= 0x1F300 && code < 0x1F700) || (code >= 0x20000 && code < 0x30000);
  return wide ? 2 : 1;
}

}  // namespace

int display_width(std::string_view text) {
  int width = 0;
  for (size_t at = 0; at < text.size();) width += code_point_width(next_code_point(text, at));
  return width;
}

std::string fit_width(std::string_view text, int width) {
  std::string clean;
  for (const char c : text) clean += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
  if (display_width(clean) <= width) return clean;
  int used = 0;
  size_t at = 0, end = 0;
  while (at < clean.size()) {
    used += code_point_width(next_code_point(clean, at));
    if (used > width - 1) break;
    end = at;
  }
  return clean.substr(0, end) + "…";
}

TextTable::TextTable(std::vector<std::string> header, std::vector<bool> left) : left_(std::move(left)) {
  rows_.push_back(std::move(header));
}

void TextTable::add(std::vector<std::string> row) {
  rows_.push_back(std::move(row));
}

std::string TextTable::text() const {
  std::vector<int> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()), 0);
    for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line;
    for (size_t i = 0; i < row.size(); ++i) {
      const std::string pad(static_cast<size_t>(widths[i] - display_width(row[i])), ' ');
      if (i > 0) line += "  ";
      line += i < left_.size() && left_[i] ? row[i] + pad : pad + row[i];
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

}  // namespace tessera::cli
