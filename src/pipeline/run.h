#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/progress.h"
#include "data/dataset.h"
#include "data/split.h"
#include "methods/families.h"
#include "pipeline/recipe.h"
#include "pipeline/stage.h"

namespace tessera {

/// Stages in their order.
enum class Stage { data, embed, tokenize, train, evaluate };
const char* to_string(Stage stage);

/// Where runs live and who listens.
struct RunContext {
  std::filesystem::path runs = "runs";  ///< folder of all runs and of their shared cache, `.cache`
  Reporter* reporter = &silent_reporter();
  std::function<void(const std::string&)> log;  ///< one line at a time; may be empty
  bool force = false;                           ///< work again even where nothing has changed
};

/// One run: a recipe, and the folder with what its stages leave.
///
///     runs/<name>/recipe.toml          the recipe with every default
///     runs/<name>/<stage>/stage.json   hash of the stage's inputs, seconds, outputs
///     runs/<name>/train/               model.safetensors, train.jsonl (while it trains: the checkpoint)
///     runs/<name>/evaluate/            metrics.json, examples.json, ranks-<split>-<protocol>.npy
///     runs/<name>/metrics.json, train.jsonl, report.html
///     runs/.cache/<stage>-<hash>/      outputs of data, embed and tokenize, shared by every run with the same inputs
///
/// A stage whose hash has not changed is skipped. What a stage needs is loaded when it is first asked for. Not
/// thread-safe.
class Run {
 public:
  /// @param recipe  resolved
  Run(Recipe recipe, RunContext context);
  /// A run that exists, for questions. @param name  below the runs folder, or a path
  /// @throws Error(config) if there is none, naming the nearest; Error(data) if a stage has not been run
  static std::unique_ptr<Run> open(const std::string& name, RunContext context);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// Brings every stage up to `last` up to date. @throws Error
  void up_to(Stage last);

  const Recipe& recipe() const { return recipe_; }
  const RunContext& context() const { return context_; }
  std::filesystem::path folder() const;
  std::filesystem::path stage_folder(Stage stage) const { return folder() / to_string(stage); }
  /// The finished stage. @throws Error(data) if it is not finished, saying which command does it
  const StageRecord& record(Stage stage);

  const Dataset& dataset();
  const Split& split();
  const Matrix* vectors();   ///< null when the recipe has no [embed]
  const SemanticIds* ids();  ///< null when the recipe has no [tokenize]
  const Trie* trie();        ///< as ids()
  const Retriever& retriever();

 private:
  struct Loaded;
  StageRecord work(Stage stage, const std::string& hash);
  StageRecord work_shared(Stage stage, const std::string& hash);
  void fill_shared(Stage stage, const std::filesystem::path& folder, StageRecord& record);
  std::optional<StageRecord> copy_of_training(const std::string& hash);
  StageRecord train(const std::string& hash);
  StageRecord evaluate(const std::string& hash);
  /// [retrieve] without the options that only answering reads, or those alone.
  nlohmann::json retrieve_options(bool answering) const;
  std::string hash_of(Stage stage);
  bool wanted(Stage stage) const;
  void log(const std::string& line) const;
  RetrieveInputs inputs();
  void write_recipe() const;

  Recipe recipe_;
  RunContext context_;
  std::string name_;
  std::filesystem::path folder_;
  std::map<Stage, StageRecord> records_;
  std::unique_ptr<Loaded> loaded_;
};

/// The folder of a run: a path that holds a recipe.toml, or a name below `runs`.
/// @throws Error(config) naming the nearest run
std::filesystem::path find_run(const std::string& name, const std::filesystem::path& runs);

}  // namespace tessera
