#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/options.h"
#include "data/import.h"
#include "data/split.h"

namespace tessera {

/// `[run]`: what this run is called and where its random numbers start.
struct RunOptions {
  std::string name;
  int64_t seed = 42;
  template <class F>
  void fields(F& f) {
    f("name", name, "folder of the run below the runs folder; letters, digits, dot, dash and underscore");
    f("seed", seed, "start of every random stream", range(0, 9007199254740991.0));
  }
};

/// `[data]`: where behaviour and items come from. The source is a file or folder to import, or a dataset folder,
/// relative to the working folder or to one above the recipe's.
using DataOptions = ImportOptions;

/// `[evaluate]`: what is measured, and how precisely.
struct EvaluateOptions {
  std::vector<int64_t> k = {5, 10, 20};
  std::vector<std::string> splits = {"test"};
  std::vector<std::string> protocols = {"filtered", "unfiltered"};
  int64_t users = 0;
  int64_t batch = 0;
  int64_t resamples = 1000;
  double level = 0.95;
  int64_t examples = 5;
  template <class F>
  void fields(F& f) {
    f("k", k, "cut-offs of the metrics", range(1, 1000));
    f("splits", splits, "cases to answer", one_of({"valid", "test"}));
    f("protocols", protocols, "filtered: items of the history are never answered; unfiltered: every item may be",
      one_of({"filtered", "unfiltered"}));
    f("users", users, "cases to draw at random; 0: all", at_least(0));
    f("batch", batch, "requests a batch; 0: the method's own", range(0, 1 << 20));
    f("resamples", resamples, "bootstrap resamples behind each interval", range(1, 1000000));
    f("level", level, "level of the intervals", range(0.5, 0.9999));
    f("examples", examples, "users whose answers are written into the report", range(0, 1000));
  }
};

/// A recipe: TOML sections as a tree of JSON, and where each key was written. A section is `[run]`, `[data]`,
/// `[split]`, `[embed]`, `[tokenize]`, `[retrieve]`, `[evaluate]` or `[serve]`; the method sections name their method
/// with `name`. What `[serve]` holds is the service's to check (serve/options.h).
struct Recipe {
  nlohmann::json tree = nlohmann::json::object();
  std::string origin;                ///< for messages: the file's name
  std::map<std::string, int> lines;  ///< "tokenize.levels" -> line in the file; keys from --set are not there
  std::filesystem::path folder;      ///< of the file; empty where there is none

  bool has(const std::string& section) const { return tree.contains(section); }
  const nlohmann::json& section(const std::string& name) const { return tree.at(name); }
  RunOptions run() const;
  DataOptions data() const;
  SplitOptions split() const;
  EvaluateOptions evaluate() const;
};

/// @param origin  what to call the text in messages
/// @throws Error(config) with line and column for text that is not TOML, or holds what a recipe cannot
Recipe parse_recipe(std::string_view toml, std::string origin);

/// @throws Error(io | config)
Recipe load_recipe(const std::filesystem::path& file);

/// Applies `section.key=value`. The value is TOML; a bare word is a string. `data=PATH`, `name=NAME`, `seed=N` stand
/// for data.source, run.name and run.seed; `embed=`, `tokenize=` and `retrieve=` for the `name` of those sections.
/// @throws Error(config)
void apply_set(Recipe& recipe, std::string_view assignment);

/// Checks every section and key, tries every method's options, and fills in all defaults.
/// @throws Error(config) with file and line, naming the nearest key for one that is unknown
void resolve_recipe(Recipe& recipe);

/// The recipe as TOML, sections in their usual order.
std::string to_toml(const Recipe& recipe);

/// The source of [data] as a path that exists: as it stands, or else below a folder above the recipe's own.
/// @throws Error(config) listing where it was looked for
std::filesystem::path find_source(const Recipe& recipe);

/// @throws Error(config) unless the name can be that of a run's folder
void check_run_name(const std::string& name);

}  // namespace tessera
