#include <sstream>

#include "base/error.h"
#include "base/file.h"
#include "pipeline/recipe.h"
#include "pipeline/toml_parser.h"

namespace tessera {
namespace {

using nlohmann::json;

constexpr size_t kLargestRecipe = 1 << 20;

/// Turns TOML nodes into JSON and keeps the line of every key.
class TomlToJson {
 public:
  TomlToJson(const std::string& origin, std::map<std::string, int>& lines) : origin_(origin), lines_(lines) {}

  json table(const toml::table& table, const std::string& path) {
    json object = json::object();
    for (const auto& [key, node] : table) {
      const std::string name(key.str());
      const std::string full = path.empty() ? name : path + "." + name;
      lines_[full] = static_cast<int>(key.source().begin.line);
      object[name] = value(node, full);
    }
    return object;
  }

 private:
  json value(const toml::node& node, const std::string& path) {
    if (const auto* table_node = node.as_table()) return table(*table_node, path);
    if (const auto* array = node.as_array()) {
      json list = json::array();
      for (const toml::node& element : *array) list.push_back(value(element, path));
      return list;
    }
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* integer = node.as_integer()) return integer->get();
    if (const auto* number = node.as_floating_point()) return number->get();
    if (const auto* boolean = node.as_boolean()) return boolean->get();
    return moment(node, path);
  }

  /// Dates and times stay what was written: options take them as RFC 3339 text.
  json moment(const toml::node& node, const std::string& path) {
    std::ostringstream text;
    if (const auto* date = node.as_date()) {
      text << date->get();
    } else if (const auto* date_time = node.as_date_time()) {
      text << date_time->get();
    } else {
      fail(ErrorKind::config, "{}:{}: {} is a time of day, which no option takes", origin_, node.source().begin.line,
           path);
    }
    return text.str();
  }

  const std::string& origin_;
  std::map<std::string, int>& lines_;
};

toml::table parse_toml(std::string_view text, const std::string& origin) {
  try {
    return toml::parse(text, origin);
  } catch (const toml::parse_error& error) {
    fail(ErrorKind::config, "{}:{}:{}: not TOML: {}", origin, error.source().begin.line, error.source().begin.column,
         error.description());
  }
}

/// The value of an assignment: TOML, or else a bare word.
json parse_set_value(const std::string& text, std::string_view assignment) {
  const std::string line = "value = " + text;
  const bool quoted = !text.empty() && (text[0] == '"' || text[0] == '\'' || text[0] == '[' || text[0] == '{');
  std::map<std::string, int> lines;
  const std::string origin = "--set";
  try {
    const toml::table table = toml::parse(line, origin);
    if (table.size() == 1) return TomlToJson(origin, lines).table(table, "").at("value");
  } catch (const toml::parse_error& error) {
    TESSERA_CHECK(!quoted, config, "--set {}: the value is not TOML: {}", assignment, error.description());
  }
  return text;
}

std::string long_key(const std::string& key) {
  if (key == "data") return "data.source";
  if (key == "name" || key == "seed") return "run." + key;
  if (key == "embed" || key == "tokenize" || key == "retrieve") return key + ".name";
  if (key == "variant") return "retrieve.variant";
  return key;
}

}  // namespace

Recipe parse_recipe(std::string_view toml, std::string origin) {
  TESSERA_CHECK(toml.size() <= kLargestRecipe, config, "{}: {} bytes are too many for a recipe, which may have {}",
                origin, toml.size(), kLargestRecipe);
  Recipe recipe;
  recipe.origin = std::move(origin);
  const toml::table table = parse_toml(toml, recipe.origin);
  recipe.tree = TomlToJson(recipe.origin, recipe.lines).table(table, "");
  return recipe;
}

Recipe load_recipe(const std::filesystem::path& file) {
  TESSERA_CHECK(std::filesystem::exists(file), config, "there is no recipe {}", file.string());
  TESSERA_CHECK(std::filesystem::is_regular_file(file), config, "{} is not a file, wanted a recipe (.toml)",
                file.string());
  Recipe recipe = parse_recipe(read_file(file), file.string());
  recipe.folder = file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
  return recipe;
}

void apply_set(Recipe& recipe, std::string_view assignment) {
  const size_t equals = assignment.find('=');
  TESSERA_CHECK(equals != std::string_view::npos && equals > 0, config, "--set {}: wanted section.key=value",
                assignment);
  const std::string key = long_key(std::string(assignment.substr(0, equals)));
  const std::string text(assignment.substr(equals + 1));
  const size_t dot = key.find('.');
  TESSERA_CHECK(dot != std::string::npos && dot > 0 && dot + 1 < key.size(), config,
                "--set {}: \"{}\" names no key; wanted section.key=value, such as retrieve.layers=4", assignment, key);
  json* table = &recipe.tree;
  size_t begin = 0;
  for (size_t end = dot; end != std::string::npos; begin = end + 1, end = key.find('.', begin)) {
    table = &(*table)[key.substr(begin, end - begin)];
    if (table->is_null()) *table = json::object();
    TESSERA_CHECK(table->is_object(), config, "--set {}: {} is a value, not a section", assignment, key.substr(0, end));
  }
  // A path or a name is text even where it looks like a number.
  const bool is_text = key == "data.source" || key == "run.name";
  json value = parse_set_value(text, assignment);
  if (is_text && !value.is_string()) value = text;
  (*table)[key.substr(begin)] = std::move(value);
  recipe.lines.erase(key);
}

}  // namespace tessera
