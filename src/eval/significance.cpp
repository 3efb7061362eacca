#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"
#include "eval/metrics.h"

namespace tessera {

namespace {

void check_resampling(std::span<const float> values, int64_t resamples, double level) {
  TESSERA_CHECK(resamples >= 1, config, "bootstrap resamples is {}, must be at least 1", resamples);
  TESSERA_CHECK(level > 0 && level < 1, config, "bootstrap level is {}, must be between 0 and 1, such as 0.95", level);
  for (size_t i = 0; i < values.size(); ++i) {
    TESSERA_CHECK(std::isfinite(values[i]), data, "value of case {} is {}; only finite values can be resampled", i,
                  values[i]);
  }
}

double mean_of(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

/// Means of `resamples` samples drawn with replacement, ascending. Each resample has its own random stream, so the
/// means do not depend on how they are spread over threads.
std::vector<double> resampled_means(std::span<const float> values, int64_t resamples, uint64_t seed) {
  std::vector<double> means(static_cast<size_t>(resamples));
  const auto num_values = static_cast<uint64_t>(values.size());
  parallel_for(resamples, 8, [&](int64_t begin, int64_t end) {
    for (int64_t resample = begin; resample < end; ++resample) {
      Random random(seed, "eval.bootstrap", static_cast<uint64_t>(resample));
      double sum = 0;
      for (uint64_t i = 0; i < num_values; ++i) sum += values[random.below(num_values)];
      means[static_cast<size_t>(resample)] = sum / static_cast<double>(num_values);
    }
  });
  std::sort(means.begin(), means.end());
  return means;
}

/// The value below which a share of an ascending sequence lies, interpolated between neighbours.
double quantile(std::span<const double> ascending, double share) {
  const double place = share * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<size_t>(place);
  const size_t above = std::min(below + 1, ascending.size() - 1);
  return std::lerp(ascending[below], ascending[above], place - static_cast<double>(below));
}

Interval percentile_interval(std::span<const float> values, std::span<const double> means, double level) {
  return {mean_of(values), quantile(means, (1 - level) / 2), quantile(means, (1 + level) / 2)};
}

}  // namespace

Interval bootstrap(std::span<const float> values, int64_t resamples, double level, uint64_t seed) {
  check_resampling(values, resamples, level);
  if (values.empty()) return {};
  return percentile_interval(values, resampled_means(values, resamples, seed), level);
}

Difference paired_difference(std::span<const float> a, std::span<const float> b, int64_t resamples, double level,
                             uint64_t seed) {
  TESSERA_CHECK(a.size() == b.size(), shape,
                "paired difference of {} and {} cases: both runs must have answered the same cases", a.size(),
                b.size());
  std::vector<float> differences(a.size());
  for (size_t i = 0; i < a.size(); ++i) differences[i] = a[i] - b[i];
  check_resampling(differences, resamples, level);
  if (differences.empty()) return {};
  const std::vector<double> means = resampled_means(differences, resamples, seed);
  // The observed sample counts as one more resample, so that no p-value is 0 (Davison and Hinkley 1997, sec. 4.2).
  const auto not_above = std::upper_bound(means.begin(), means.end(), 0.0) - means.begin();
  const auto not_below = means.end() - std::lower_bound(means.begin(), means.end(), 0.0);
  const auto fewer = static_cast<double>(std::min(not_above, not_below));
  Difference result;
  result.interval = percentile_interval(differences, means, level);
  result.p_value = std::min(1.0, 2 * (fewer + 1) / static_cast<double>(resamples + 1));
  return result;
}

}  // namespace tessera
