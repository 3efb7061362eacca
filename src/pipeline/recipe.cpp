#include "pipeline/recipe.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "methods/catalog.h"

namespace tessera {
namespace {

using nlohmann::json;

constexpr std::array<const char*, 8> kSections = {"run",      "data",     "split",    "embed",
                                                  "tokenize", "retrieve", "evaluate", "serve"};

/// "tiger.toml:12: " for a key that stands in the file, else "tiger.toml: ".
std::string place_of(const Recipe& recipe, const std::string& key) {
  const auto line = recipe.lines.find(key);
  if (line == recipe.lines.end()) return recipe.origin + ": ";
  return fmt::format("{}:{}: ", recipe.origin, line->second);
}

std::string did_you_mean(const std::string& near) {
  return near.empty() ? "" : fmt::format("; did you mean \"{}\"?", near);
}

void check_sections(const Recipe& recipe) {
  const std::vector<std::string> names(kSections.begin(), kSections.end());
  for (const auto& [section, table] : recipe.tree.items()) {
    const bool known = std::find(names.begin(), names.end(), section) != names.end();
    TESSERA_CHECK(known, config, "{}there is no section [{}] in a recipe{} (there are: {})", place_of(recipe, section),
                  section, did_you_mean(nearest(section, names)), fmt::join(names, ", "));
    TESSERA_CHECK(table.is_object(), config, "{}{} is a value, wanted a section [{}]", place_of(recipe, section),
                  section, section);
  }
}

/// @param path  of the table: "retrieve", "retrieve.codes"
void check_keys(const Recipe& recipe, const std::string& path, const json& table, std::vector<std::string> known) {
  for (const auto& [key, value] : table.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    fail(ErrorKind::config, "{}[{}] has no key \"{}\"{} (it has: {})", place_of(recipe, path + "." + key), path, key,
         did_you_mean(nearest(key, known)), fmt::join(known, ", "));
  }
}

template <class Options>
Options read_section(const Recipe& recipe, const std::string& section) {
  Options options;
  if (recipe.has(section)) assign(options, recipe.tree.at(section), "[" + section + "]");
  return options;
}

template <class Options>
void resolve_plain(Recipe& recipe, const std::string& section) {
  Options defaults;
  std::vector<std::string> known;
  const OptionList list = list_options(defaults);
  for (const OptionField& field : list.fields()) known.push_back(field.name);
  if (recipe.has(section)) check_keys(recipe, section, recipe.tree.at(section), known);
  Options options = read_section<Options>(recipe, section);
  recipe.tree[section] = list_options(options).dump();
}

/// A method's table with all defaults filled in. @param path  of the table: "retrieve", "retrieve.codes"
json complete_method(const Recipe& recipe, const std::string& family, const std::string& path, const json& table) {
  TESSERA_CHECK(table.contains("name") && table.at("name").is_string(), config,
                "{}[{}] does not say which method it is: add name = \"...\" (`tessera methods` lists them)",
                place_of(recipe, path), path);
  const MethodInfo& info = find_method(family, table.at("name").get<std::string>());
  json merged = info.defaults_for ? info.defaults_for(table) : info.defaults();
  std::vector<std::string> known = {"name"};
  for (const auto& [key, value] : merged.items()) known.push_back(key);
  // A method made of others, such as concat, takes their options in tables of their names.
  const json parts = table.value("parts", json::array());
  for (const json& part : parts) {
    if (!part.is_string()) continue;
    json options = find_method(family, part.get<std::string>()).defaults();
    if (table.value(part.get<std::string>(), json()).is_object()) options.update(table.at(part.get<std::string>()));
    merged[part.get<std::string>()] = std::move(options);
    known.push_back(part.get<std::string>());
  }
  // Others name the tables, and each of these names its method.
  for (const auto& [key, kind] : info.parts) {
    json part = table.value(key, json::object());
    TESSERA_CHECK(part.is_object(), config, "{}[{}] {} is a value, wanted a table such as {} = {{ name = {} }}",
                  place_of(recipe, path + "." + key), path, key, key, merged.at(key).at("name").dump());
    if (!part.contains("name")) {
      json usual = merged.at(key);
      usual.update(part);
      part = std::move(usual);
    }
    merged[key] = complete_method(recipe, kind, path + "." + key, part);
  }
  check_keys(recipe, path, table, known);
  for (const auto& [key, value] : table.items())
    if (!value.is_object()) merged[key] = value;
  merged["name"] = table.at("name");
  return merged;
}

void resolve_method(Recipe& recipe, const std::string& family) {
  json& table = recipe.tree.at(family);
  table = complete_method(recipe, family, family, table);
  // A method checks its options when it is made; making it now finds a wrong value before hours of work.
  if (family == "embed") make_embedder(table);
  if (family == "tokenize") make_tokenizer(table);
  if (family == "retrieve") make_retriever(table);
}

void check_stages(const Recipe& recipe) {
  TESSERA_CHECK(!recipe.has("tokenize") || recipe.has("embed"), config,
                "{}[tokenize] needs vectors: add a section [embed], such as name = \"text-svd\"",
                place_of(recipe, "tokenize"));
  if (!recipe.has("retrieve")) return;
  const std::string name = recipe.tree.at("retrieve").at("name").get<std::string>();
  const std::string& needs = find_method("retrieve", name).needs;
  const auto needed = [&](const char* what) { return needs.find(what) != std::string::npos; };
  TESSERA_CHECK(!needed("vectors") || recipe.has("embed"), config,
                "{}retrieve method '{}' needs item vectors: add a section [embed]", place_of(recipe, "retrieve"), name);
  TESSERA_CHECK(!needed("ids") || recipe.has("tokenize"), config,
                "{}retrieve method '{}' needs semantic IDs: add the sections [embed] and [tokenize]",
                place_of(recipe, "retrieve"), name);
}

std::string default_name(const Recipe& recipe) {
  const std::filesystem::path origin(recipe.origin);
  std::string name = origin.stem().string();
  const std::string parent = recipe.folder.filename().string();
  if (!parent.empty() && parent != "recipes" && parent != ".") name = parent + "-" + name;
  std::replace_if(
      name.begin(), name.end(),
      [](char c) { return !std::isalnum(static_cast<unsigned char>(c)) && c != '.' && c != '-' && c != '_'; }, '-');
  return name.empty() || name[0] == '.' || name[0] == '-' ? "run" : name;
}

}  // namespace

RunOptions Recipe::run() const {
  return read_section<RunOptions>(*this, "run");
}
DataOptions Recipe::data() const {
  return read_section<DataOptions>(*this, "data");
}
SplitOptions Recipe::split() const {
  return read_section<SplitOptions>(*this, "split");
}
EvaluateOptions Recipe::evaluate() const {
  return read_section<EvaluateOptions>(*this, "evaluate");
}

void check_run_name(const std::string& name) {
  const bool good = !name.empty() && name.size() <= 120 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '-' || c == '_';
  }) && std::isalnum(static_cast<unsigned char>(name[0]));
  TESSERA_CHECK(good, config,
                "\"{}\" cannot name a run: it becomes a folder, so use up to 120 letters, digits, dots, dashes and "
                "underscores, a letter or digit first",
                name);
}

void resolve_recipe(Recipe& recipe) {
  check_sections(recipe);
  resolve_plain<RunOptions>(recipe, "run");
  resolve_plain<DataOptions>(recipe, "data");
  resolve_plain<SplitOptions>(recipe, "split");
  resolve_plain<EvaluateOptions>(recipe, "evaluate");
  json& name = recipe.tree["run"]["name"];
  if (name.get<std::string>().empty()) name = default_name(recipe);
  check_run_name(name.get<std::string>());
  TESSERA_CHECK(!recipe.tree["data"]["source"].get<std::string>().empty(), config,
                "{}[data] has no source: add source = \"FOLDER\", or --set data=FOLDER", place_of(recipe, "data"));
  for (const char* list : {"k", "splits", "protocols"})
    TESSERA_CHECK(!recipe.tree["evaluate"][list].empty(), config,
                  "{}[evaluate] {} is an empty list, wanted at least one",
                  place_of(recipe, std::string("evaluate.") + list), list);
  for (const char* family : {"embed", "tokenize", "retrieve"})
    if (recipe.has(family)) resolve_method(recipe, family);
  check_stages(recipe);
}

std::filesystem::path find_source(const Recipe& recipe) {
  namespace fs = std::filesystem;
  const fs::path source = recipe.data().source;
  if (fs::exists(source)) return fs::absolute(source).lexically_normal();
  std::vector<std::string> tried = {fs::absolute(source).lexically_normal().string()};
  if (source.is_relative() && !recipe.folder.empty()) {
    fs::path above = fs::absolute(recipe.folder).lexically_normal();
    for (int depth = 0; depth < 4 && above.has_relative_path(); ++depth, above = above.parent_path()) {
      const fs::path candidate = (above / source).lexically_normal();
      if (fs::exists(candidate)) return candidate;
      tried.push_back(candidate.string());
    }
  }
  fail(ErrorKind::config, "{}the data \"{}\" is not there; looked at {}. Give its place with --set data=PATH",
       place_of(recipe, "data.source"), source.string(), fmt::join(tried, ", "));
}

namespace {

std::string toml_string(const std::string& text) {
  std::string out = json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  for (size_t at = 0; (at = out.find('\x7f', at)) != std::string::npos;) out.replace(at, 1, "\\u007F");
  return out;
}

std::string toml_key(const std::string& key) {
  const bool bare = !key.empty() && std::all_of(key.begin(), key.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '-';
  });
  return bare ? key : toml_string(key);
}

std::string toml_value(const json& value) {
  if (value.is_string()) return toml_string(value.get<std::string>());
  if (value.is_array()) {
    std::vector<std::string> parts;
    for (const json& element : value) parts.push_back(toml_value(element));
    return fmt::format("[{}]", fmt::join(parts, ", "));
  }
  if (value.is_object()) {
    std::vector<std::string> parts;
    for (const auto& [key, element] : value.items()) parts.push_back(toml_key(key) + " = " + toml_value(element));
    return fmt::format("{{ {} }}", fmt::join(parts, ", "));
  }
  return value.dump();
}

}  // namespace

std::string to_toml(const Recipe& recipe) {
  std::string out;
  for (const char* section : kSections) {
    if (!recipe.has(section)) continue;
    out += fmt::format("{}[{}]\n", out.empty() ? "" : "\n", section);
    const json& table = recipe.tree.at(section);
    if (table.contains("name")) out += "name = " + toml_value(table.at("name")) + "\n";
    for (const auto& [key, value] : table.items())
      if (key != "name") out += toml_key(key) + " = " + toml_value(value) + "\n";
  }
  return out;
}

}  // namespace tessera
