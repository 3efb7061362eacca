#pragma once

#include <vector>

#include "data/simulate/session.h"

namespace tessera::shop {

/// One user's last click with what is needed to rank for it.
struct CeilingCase {
  uint64_t user = 0;
  LastClick last;
};

/// Ranks all items on sale for every case, in the four ways of truth.json.
std::vector<Ceiling> measure_ceilings(const World& world, const std::vector<CeilingCase>& cases);

}  // namespace tessera::shop
