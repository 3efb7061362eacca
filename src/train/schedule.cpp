#include "train/schedule.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace tessera {

double Schedule::rate(int64_t step, double clock) const {
  const auto now = static_cast<double>(step), warm = static_cast<double>(warmup_steps);
  if (step <= warmup_steps) return peak * now / warm;
  if (shape == "constant") return peak;
  if (shape == "inverse-sqrt") return peak * std::sqrt(std::max(1.0, warm) / now);
  const double left = std::max(1.0, static_cast<double>(total_steps) - warm);
  const double progress = std::clamp(std::max((now - 1 - warm) / left, clock), 0.0, 1.0);
  if (shape == "linear") return peak * (1 - progress);
  TESSERA_CHECK(shape == "cosine", config, "schedule '{}' is unknown; use constant, cosine, linear or inverse-sqrt",
                shape);
  return peak * 0.5 * (1 + std::cos(3.14159265358979323846 * progress));
}

}  // namespace tessera
