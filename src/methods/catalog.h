#pragma once

#include <nlohmann/json_fwd.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "methods/families.h"

namespace tessera {

struct CatalogEntry {
  std::string family;  ///< "embed", "tokenize", "retrieve"
  MethodInfo info;
};

/// Every method of catalog.def, in its order.
const std::vector<CatalogEntry>& catalog();

/// @throws Error(config) for an unknown name, listing the family's methods and the nearest one
const MethodInfo& find_method(std::string_view family, std::string_view name);

/// Makes a method from its recipe table: `name` picks it, the other keys are its options.
/// @throws Error(config)
std::unique_ptr<Embedder> make_embedder(const nlohmann::json& table);
std::unique_ptr<Tokenizer> make_tokenizer(const nlohmann::json& table);
std::unique_ptr<Retriever> make_retriever(const nlohmann::json& table);

/// A MethodInfo whose options are the struct `Options` and whose class is `Method(Options)`.
/// Usage: `return method_info<Options, TextSvd>("text-svd", "...", "paper", "");`
template <class Options, class Method>
MethodInfo method_info(std::string name, std::string summary, std::string paper, std::string needs,
                       std::vector<std::string> answer_options = {});

}  // namespace tessera

#include "methods/method_info.h"
