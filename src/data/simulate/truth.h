#pragma once

#include <string>
#include <vector>

#include "data/simulate/user_model.h"

namespace tessera::shop {

/// truth.json: the model's parameters, what some users like, and how well the best rankings do. JSON text.
std::string describe_truth(const World& world, const std::vector<Ceiling>& ceilings, int64_t num_cases,
                           const BehaviourLog& log);

}  // namespace tessera::shop
