#pragma once

#include "base/ids.h"

namespace tessera::live {

/// An item of an answer.
struct Hit {
  ItemId item{};
  double score = 0;     ///< higher is better
  bool pinned = false;  ///< a rule put it where it is
  friend bool operator==(const Hit&, const Hit&) = default;
};

}  // namespace tessera::live
