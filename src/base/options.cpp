#include "base/options.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <type_traits>

#include "base/error.h"

namespace tessera {
namespace {

using nlohmann::json;

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};

template <class T>
std::string type_name() {
  if constexpr (std::is_same_v<T, bool>) {
    return "boolean";
  } else if constexpr (std::is_same_v<T, int64_t>) {
    return "integer";
  } else if constexpr (std::is_same_v<T, double>) {
    return "number";
  } else if constexpr (std::is_same_v<T, std::string>) {
    return "string";
  } else {
    return "list of " + type_name<typename T::value_type>() + "s";
  }
}

std::string describe_allowed(const Allowed& allowed) {
  if (!allowed.choices.empty()) return fmt::format("one of {}", fmt::join(allowed.choices, ", "));
  if (allowed.low && allowed.high) return fmt::format("{:.12g} to {:.12g}", *allowed.low, *allowed.high);
  if (allowed.low) return fmt::format("at least {:.12g}", *allowed.low);
  if (allowed.high) return fmt::format("at most {:.12g}", *allowed.high);
  return "";
}

/// The value as text for a message, cut when long.
std::string show_value(const json& value) {
  if (value.is_number_float() && !std::isfinite(value.get<double>())) return fmt::format("{}", value.get<double>());
  std::string text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  if (text.size() > 80) {
    size_t end = 77;
    while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    text = text.substr(0, end) + "...";
  }
  return text;
}

/// Where a value stands, and what it must be.
struct ValueContext {
  std::string name;  ///< "[tokenize] levels"
  const Allowed& allowed;
  std::string type;  ///< "integer"

  [[noreturn]] void refuse(const json& value) const {
    const std::string limits = describe_allowed(allowed);
    fail(ErrorKind::config, "{} is {}, wanted {}{}{}", name, show_value(value), type, limits.empty() ? "" : ", ",
         limits);
  }
  void check_number(const json& value, double number) const {
    if (!std::isfinite(number)) refuse(value);
    if ((allowed.low && number < *allowed.low) || (allowed.high && number > *allowed.high)) refuse(value);
  }
};

template <class T>
T parse_value(const json& value, const ValueContext& context) {
  if constexpr (IsVector<T>::value) {
    if (!value.is_array()) context.refuse(value);
    T list;
    for (size_t i = 0; i < value.size(); ++i) {
      const ValueContext element{fmt::format("{}[{}]", context.name, i), context.allowed,
                                 type_name<typename T::value_type>()};
      list.push_back(parse_value<typename T::value_type>(value[i], element));
    }
    return list;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_boolean()) context.refuse(value);
    return value.get<bool>();
  } else if constexpr (std::is_same_v<T, int64_t>) {
    if (!value.is_number_integer()) context.refuse(value);
    if (value.is_number_unsigned() && value.get<uint64_t>() > std::numeric_limits<int64_t>::max())
      context.refuse(value);
    const auto number = value.get<int64_t>();
    context.check_number(value, static_cast<double>(number));
    return number;
  } else if constexpr (std::is_same_v<T, double>) {
    if (!value.is_number()) context.refuse(value);
    const auto number = value.get<double>();
    context.check_number(value, number);
    return number;
  } else {
    if (!value.is_string()) context.refuse(value);
    auto text = value.get<std::string>();
    const auto& choices = context.allowed.choices;
    if (!choices.empty() && std::find(choices.begin(), choices.end(), text) == choices.end()) context.refuse(value);
    return text;
  }
}

/// Edit distance with transpositions of neighbours (optimal string alignment).
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> cost(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) {
    for (size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, cost[i - 1][j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
    }
  }
  return cost[a.size()][b.size()];
}

}  // namespace

void OptionList::assign(const json& table, std::string_view where) const {
  if (table.is_null()) return;
  TESSERA_CHECK(table.is_object(), config, "{} is {}, wanted a table of options", where, show_value(table));
  for (const auto& entry : table.items()) {
    const std::string& key = entry.key();
    const json& value = entry.value();
    const auto field =
        std::find_if(fields_.begin(), fields_.end(), [&](const OptionField& f) { return f.name == key; });
    if (field == fields_.end()) {
      std::vector<std::string> names;
      for (const OptionField& f : fields_) names.push_back(f.name);
      const std::string near = nearest(key, names);
      fail(ErrorKind::config, "{} has no option \"{}\"{}; its options are {}", where, key.substr(0, 80),
           near.empty() ? "" : fmt::format(" (did you mean \"{}\"?)", near),
           names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
    }
    std::visit(
        [&](auto* target) {
          using T = std::remove_pointer_t<decltype(target)>;
          *target = parse_value<T>(value, {fmt::format("{} {}", where, key), field->allowed, type_name<T>()});
        },
        field->value);
  }
}

json OptionList::dump() const {
  json table = json::object();
  for (const OptionField& field : fields_) {
    std::visit([&](const auto* value) { table[field.name] = *value; }, field.value);
  }
  return table;
}

std::string OptionList::help() const {
  size_t width = 0;
  for (const OptionField& field : fields_) width = std::max(width, field.name.size());
  std::string text;
  for (const OptionField& field : fields_) {
    const auto [type, value] = std::visit(
        [](const auto* target) {
          return std::pair{type_name<std::remove_cvref_t<decltype(*target)>>(), show_value(json(*target))};
        },
        field.value);
    const std::string limits = describe_allowed(field.allowed);
    text += fmt::format("  {:<{}}  {}, default {}{}{}: {}\n", field.name, width, type, value,
                        limits.empty() ? "" : ", ", limits, field.help);
  }
  return text;
}

std::string nearest(std::string_view name, const std::vector<std::string>& candidates) {
  if (name.size() > 200) return "";
  std::string best;
  size_t best_distance = std::max<size_t>(1, name.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    if (candidate.size() > 200) continue;
    const size_t distance = edit_distance(name, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

}  // namespace tessera
