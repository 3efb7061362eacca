#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/progress.h"
#include "lexical/lexical_index.h"
#include "pipeline/serving_model.h"
#include "serve/fusion.h"

namespace tessera::serve {

/// How well a ranking finds what was clicked after a search.
struct SearchQuality {
  double hr10 = 0, mrr = 0, ndcg10 = 0;
};

struct LearnedFusion {
  double lexical_weight = 1, personal_weight = 1;
  int64_t fitted_on = 0, tested_on = 0;          ///< searches of the validation and test cases
  std::map<std::string, SearchQuality> quality;  ///< on the test cases: "text", "personal", "rrf", "linear"
};

/// Learns the weights of the linear fusion from the log: validation cases whose answer was found by a search, ranked
/// among what the text matches, by a conditional logit (the clicked item against the others of its search). Then
/// measures text alone, the model's order of the matches alone, RRF and the learned fusion on the test cases that came
/// from a search. Histories end before the case, as in every evaluation; the model saw the training part only.
/// @param most  cases of each kind at most, the first ones by user
/// @throws Error(data) if fewer than 20 cases have a query: a log without searches
LearnedFusion learn_fusion(const ServingModel& model, const LexicalOptions& lexical, const FusionOptions& options,
                           int64_t most, Reporter& reporter);

nlohmann::json to_json(const LearnedFusion& learned);

/// The file of a run that keeps it.
std::filesystem::path fusion_file(const std::filesystem::path& run);
/// Takes the weights of that file over into the options, as a linear fusion.
/// @throws Error(data) if there is none, saying what makes it; Error(corrupt)
void read_learned_fusion(const std::filesystem::path& run, FusionOptions& options);

}  // namespace tessera::serve
