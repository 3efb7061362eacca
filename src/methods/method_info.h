#pragma once

// The template behind method_info(); included by catalog.h only.

#include <nlohmann/json.hpp>

#include <type_traits>

namespace tessera {

template <class Options, class Method>
MethodInfo method_info(std::string name, std::string summary, std::string paper, std::string needs,
                       std::vector<std::string> answer_options) {
  MethodInfo info;
  info.name = name;
  info.summary = std::move(summary);
  info.paper = std::move(paper);
  info.needs = std::move(needs);
  info.answer_options = std::move(answer_options);
  info.defaults = [] {
    Options options;
    return list_options(options).dump();
  };
  info.help = [] {
    Options options;
    return list_options(options).help();
  };
  const auto make = [name](const nlohmann::json& table) {
    Options options;
    assign(options, table, "[" + name + "]");
    return std::make_unique<Method>(options);
  };
  if constexpr (std::is_base_of_v<Embedder, Method>) info.make_embedder = make;
  if constexpr (std::is_base_of_v<Tokenizer, Method>) info.make_tokenizer = make;
  if constexpr (std::is_base_of_v<Retriever, Method>) info.make_retriever = make;
  return info;
}

}  // namespace tessera
