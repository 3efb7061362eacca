#pragma once

#include <nlohmann/json.hpp>

#include "base/matrix.h"
#include "data/split.h"
#include "semid/semantic_ids.h"

namespace tessera {

/// The quality report of semid/quality.h with the embedding hit rate on validation pairs, and for each level how many
/// items each code has (`usage`, most used first).
/// @param vectors  what the IDs were made from, [num_items, dim]
nlohmann::json token_report(const SemanticIds& ids, const Matrix& vectors, const Split& split, uint64_t seed);

}  // namespace tessera
