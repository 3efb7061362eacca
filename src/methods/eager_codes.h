#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

#include "methods/families.h"

namespace tessera {

/// The methods that EAGER is made of: recipe tables with a `name` each.
struct EagerParts {
  nlohmann::json behaviour, semantic;  ///< embedders
  nlohmann::json codes;                ///< the tokenizer of both
};

/// A code set and the vectors it was made from.
struct EagerCodes {
  std::string name;  ///< "behaviour", "semantic", "random", "behaviour-2", "semantic-2"
  SemanticIds ids;   ///< metadata["dim"] is the length of the vectors
  Matrix vectors;    ///< [num_items, dim]
};

/// Names of the code sets behind `streams` ("both", "semantic-random", ...), in order.
std::vector<std::string> eager_stream_names(const std::string& streams);

/// Embeds and tokenizes for each stream. A second stream of one kind has the same vectors and another seed, a random
/// one has normal vectors as long as the first stream's. Files of the parts go into folders of their names.
std::vector<EagerCodes> fit_eager_codes(const std::string& streams, const EagerParts& parts,
                                        const RetrieveInputs& inputs, const MethodContext& context);

}  // namespace tessera
