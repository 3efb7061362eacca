#pragma once

#include <cstdint>

#include "data/split.h"
#include "methods/linear_algebra.h"

namespace tessera {

/// Who had what in training, each pair once: [num_users, num_items], every value 1, items ascending within a user.
/// The validation and test items of a user are not in it.
SparseMatrix interactions(const Split& split, int64_t num_items);

}  // namespace tessera
