#include "methods/catalog.h"

#include <nlohmann/json.hpp>

#include "base/error.h"

// catalog.def holds one METHOD(family, file) a line; each file defines tessera::methods::<file>::info().
#define METHOD(family, file)         \
  namespace tessera::methods::file { \
  MethodInfo info();                 \
  }
#include "methods/catalog.def"
#undef METHOD

namespace tessera {

const std::vector<CatalogEntry>& catalog() {
  static const std::vector<CatalogEntry> entries = {
#define METHOD(family, file) {#family, methods::file::info()},
#include "methods/catalog.def"
#undef METHOD
  };
  return entries;
}

const MethodInfo& find_method(std::string_view family, std::string_view name) {
  std::vector<std::string> names;
  for (const CatalogEntry& entry : catalog()) {
    if (entry.family != family) continue;
    if (entry.info.name == name) return entry.info;
    names.push_back(entry.info.name);
  }
  const std::string near = nearest(name, names);
  fail(ErrorKind::config, "no {} method is called '{}'{} (there are: {})", family, name,
       near.empty() ? "" : fmt::format("; did you mean '{}'?", near), fmt::join(names, ", "));
}

namespace {

/// Splits a recipe table into the method it names and that method's options.
std::pair<const MethodInfo*, nlohmann::json> choose(std::string_view family, const nlohmann::json& table) {
  TESSERA_CHECK(table.is_object() && table.contains("name") && table.at("name").is_string(), config,
                "[{}] needs a `name`, such as name = \"{}\"", family,
                family == "embed" ? "text-svd" : (family == "tokenize" ? "rq-kmeans" : "tiger"));
  nlohmann::json options = table;
  options.erase("name");
  return {&find_method(family, table.at("name").get<std::string>()), std::move(options)};
}

}  // namespace

std::unique_ptr<Embedder> make_embedder(const nlohmann::json& table) {
  const auto [info, options] = choose("embed", table);
  return info->make_embedder(options);
}

std::unique_ptr<Tokenizer> make_tokenizer(const nlohmann::json& table) {
  const auto [info, options] = choose("tokenize", table);
  return info->make_tokenizer(options);
}

std::unique_ptr<Retriever> make_retriever(const nlohmann::json& table) {
  const auto [info, options] = choose("retrieve", table);
  return info->make_retriever(options);
}

}  // namespace tessera
