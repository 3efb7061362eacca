#pragma once

#include <nlohmann/json_fwd.hpp>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/matrix.h"
#include "base/options.h"
#include "base/progress.h"
#include "data/dataset.h"
#include "data/split.h"
#include "semid/item_filter.h"
#include "semid/semantic_ids.h"
#include "semid/trie.h"

namespace tessera {

/// What every method may use while it works.
struct MethodContext {
  uint64_t seed = 42;
  Reporter& reporter;
  std::filesystem::path folder;  ///< of its stage: checkpoints and train.jsonl go here; may be empty in tests
};

// ---- embed ----------------------------------------------------------------------------------------------------------

/// Items in, vectors out. One object a recipe table.
class Embedder {
 public:
  virtual ~Embedder() = default;
  /// @return [num_items, dim], every value finite. Fitted on training behaviour only.
  virtual Matrix embed(const Dataset& data, const Split& split, const MethodContext& context) = 0;
};

// ---- tokenize -------------------------------------------------------------------------------------------------------

/// Vectors in, semantic IDs out.
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;
  /// @param vectors  [num_items, dim]
  virtual SemanticIds fit(const Matrix& vectors, const MethodContext& context) = 0;
};

// ---- retrieve -------------------------------------------------------------------------------------------------------

/// One question: what does this person want next?
struct Request {
  std::span<const ItemId> history;     ///< oldest first; may be empty
  UserId user = UserId{-1};            ///< -1: not known
  std::span<const ItemId> exclude;     ///< never answered, e.g. the history itself ("filtered")
  const ItemFilter* filter = nullptr;  ///< only these items; null: all. Made with the trie given to train/load
  int64_t k = 10;
  int64_t beam = 0;  ///< of a generator; 0: the one of its options
};

/// Items best first, with scores (comparable within one answer only).
struct Results {
  std::vector<ItemId> items;
  std::vector<float> scores;
};

/// What a retriever learns from. Borrowed; outlives the call only where a method says so.
struct RetrieveInputs {
  const Dataset& data;
  const Split& split;
  const Matrix* vectors = nullptr;   ///< [num_items, dim] of the embed stage, if the recipe has one
  const SemanticIds* ids = nullptr;  ///< of the tokenize stage, if the recipe has one
  const Trie* trie = nullptr;        ///< built from ids; null when there are none
};

/// The whole catalogue in, the top k out.
class Retriever {
 public:
  virtual ~Retriever() = default;
  /// Learns. Resumes by itself from a checkpoint in context.folder.
  virtual void train(const RetrieveInputs& inputs, const MethodContext& context) = 0;
  /// Answers a batch of requests. k results come back whenever k allowed items exist.
  /// The score order is descending; ties go to the lower item.
  virtual std::vector<Results> recommend(std::span<const Request> requests) const = 0;
  /// Whether recommend_among() answers: generators do, to whom an item is its codes.
  virtual bool takes_new_items() const { return false; }
  /// As recommend(), over the items as they are now: those of the training, whose codes may have changed, and newer
  /// ones behind them. Filters are made with this trie. Concurrent calls are safe.
  /// @throws Error(unsupported) unless takes_new_items()
  virtual std::vector<Results> recommend_among(std::span<const Request> requests, const SemanticIds& ids,
                                               const Trie& trie) const;
  /// Largest useful batch for recommend().
  virtual int64_t batch_size() const { return 256; }
  /// Writes `model.safetensors` into the folder.
  virtual void save(const std::filesystem::path& folder) const = 0;
  /// Reads it back; `inputs` are those of train(). @throws Error(corrupt | io | shape)
  virtual void load(const std::filesystem::path& folder, const RetrieveInputs& inputs) = 0;
  /// Facts for the report: "parameters", "train_seconds", ...
  virtual std::map<std::string, double> facts() const { return {}; }
};

// ---- the catalog ----------------------------------------------------------------------------------------------------

/// A method as the catalog knows it: one line in catalog.def, one `MethodInfo info()` in the method's file.
struct MethodInfo {
  std::string name;                          ///< as in recipes: "rq-kmeans"
  std::string summary;                       ///< one line
  std::string paper;                         ///< reference, or "" where there is none
  std::string needs;                         ///< inputs beside the dataset, comma-separated: "vectors", "ids"
  std::vector<std::string> answer_options;   ///< options that only answering reads: changing them needs no new training
  std::map<std::string, std::string> parts;  ///< options that are tables of a method each, by family: "codes" ->
                                             ///< "tokenize". The defaults hold their `name`
  std::function<nlohmann::json()> defaults;  ///< options with their defaults
  std::function<nlohmann::json(const nlohmann::json& options)> defaults_for;  ///< where they depend on a chosen option;
                                                                              ///< else empty
  std::function<std::string()> help;                                          ///< one line an option
  std::function<std::unique_ptr<Embedder>(const nlohmann::json& options)> make_embedder;
  std::function<std::unique_ptr<Tokenizer>(const nlohmann::json& options)> make_tokenizer;
  std::function<std::unique_ptr<Retriever>(const nlohmann::json& options)> make_retriever;
};

}  // namespace tessera
