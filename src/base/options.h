#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tessera {

/// What an option's value may be, beside its type. Empty members allow everything.
struct Allowed {
  std::optional<double> low, high;   ///< closed interval for numbers (each element of a list)
  std::vector<std::string> choices;  ///< for strings
};
inline Allowed range(double low, double high) {
  return {low, high, {}};
}
inline Allowed at_least(double low) {
  return {low, std::nullopt, {}};
}
inline Allowed one_of(std::vector<std::string> choices) {
  return {std::nullopt, std::nullopt, std::move(choices)};
}

/// A borrowed reference to the field of an options struct.
using OptionRef = std::variant<bool*, int64_t*, double*, std::string*, std::vector<int64_t>*, std::vector<double>*,
                               std::vector<std::string>*>;

/// One declared option.
struct OptionField {
  std::string name, help;
  OptionRef value;
  Allowed allowed;
};

/// The declared options of a struct: one declaration is parser, validator, help and resolved recipe.
///
///     struct Options {
///       int64_t levels = 3;
///       template <class F> void fields(F& f) { f("levels", levels, "codebooks per item", range(1, 8)); }
///     };
///     Options options;
///     assign(options, table, "[tokenize]");
class OptionList {
 public:
  template <class T>
  void operator()(std::string_view name, T& value, std::string_view help, Allowed allowed = {}) {
    fields_.push_back({std::string(name), std::string(help), &value, std::move(allowed)});
  }
  const std::vector<OptionField>& fields() const { return fields_; }

  /// Sets every option that the table names. Integers are accepted where a float is wanted.
  /// @param table  JSON object (null: empty); @param where  what it is called in messages, e.g. "[tokenize]"
  /// @throws Error(config) for an unknown key (naming the nearest), a wrong type or a value not allowed
  void assign(const nlohmann::json& table, std::string_view where) const;
  /// @return JSON object with the present value of every option
  nlohmann::json dump() const;
  /// @return one line an option: name, type, default, range, help
  std::string help() const;

 private:
  std::vector<OptionField> fields_;
};

template <class Options>
OptionList list_options(Options& options) {
  OptionList list;
  options.fields(list);
  return list;
}

template <class Options>
void assign(Options& options, const nlohmann::json& table, std::string_view where) {
  list_options(options).assign(table, where);
}

/// @return the candidate with the smallest edit distance, or "" when none is near
std::string nearest(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace tessera
