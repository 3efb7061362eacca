#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tessera::cli {

/// Columns a terminal needs for UTF-8 text; wide for Chinese, Japanese and Korean, none for control characters.
int display_width(std::string_view text);

/// Cut to a width, with an ellipsis where something went; control characters become spaces.
std::string fit_width(std::string_view text, int width);

/// Text in aligned columns.
class TextTable {
 public:
  /// @param left  columns that are aligned to the left; the others stand to the right
  TextTable(std::vector<std::string> header, std::vector<bool> left);
  void add(std::vector<std::string> row);
  std::string text() const;

 private:
  std::vector<bool> left_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace tessera::cli
