#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera {

/// One JSON object of plain fields: the row of a behaviour log. Rows without escapes and nesting, which nearly all are,
/// are taken apart in place; every other row goes through the full JSON parser, so that what is accepted is always
/// JSON.
class FlatRow {
 public:
  enum class Kind { absent, string, number, boolean, other };
  struct Value {
    Kind kind = Kind::absent;
    std::string_view text;  ///< a string's content, or the number or word as written
  };

  /// Takes the line apart; the views live until the next call, as long as the line does.
  /// @throws Error(data) if it is no JSON object
  void parse(std::string_view line);
  /// The field's value; kind absent if it is not there or null. The last one counts when a key is repeated.
  Value find(std::string_view key) const;
  /// The text of a string or whole number, "" if absent. @throws Error(data) for anything else
  std::string_view text(std::string_view key) const;

 private:
  bool scan(std::string_view line);
  void parse_fully(std::string_view line);

  std::vector<std::pair<std::string_view, Value>> fields_;
  std::vector<std::string> owned_;  ///< texts of a row that was parsed fully
};

}  // namespace tessera
