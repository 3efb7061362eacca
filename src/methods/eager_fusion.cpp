#include "methods/eager_fusion.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace tessera {

namespace {

size_t place_of_item(const EagerCandidates& candidates, ItemId item) {
  return static_cast<size_t>(std::lower_bound(candidates.items.begin(), candidates.items.end(), item) -
                             candidates.items.begin());
}

/// The larger number; one that is not known does not count.
float larger_known(float a, float b) {
  return std::isnan(a) || b > a ? b : a;
}

float fused_score(const EagerCandidates& candidates, size_t place, const std::string& fusion,
                  std::span<const double> temperatures) {
  float best = std::numeric_limits<float>::quiet_NaN();
  double sum = 0;
  for (size_t s = 0; s < candidates.scores.size(); ++s) {
    const float score = candidates.scores[s][place];
    best = larger_known(best, score);
    sum += fusion == "calibrated" ? score / temperatures[s] : score;
  }
  return fusion == "sum" || fusion == "calibrated" ? static_cast<float>(sum) : best;
}

/// Solves (H + damping I) x = g for the small symmetric positive H by Gauss elimination.
std::vector<double> solve(std::vector<std::vector<double>> h, std::vector<double> g) {
  const size_t n = g.size();
  for (size_t i = 0; i < n; ++i) h[i][i] += 1e-9;
  for (size_t i = 0; i < n; ++i) {
    for (size_t r = i + 1; r < n; ++r) {
      const double factor = h[r][i] / h[i][i];
      for (size_t c = i; c < n; ++c) h[r][c] -= factor * h[i][c];
      g[r] -= factor * g[i];
    }
  }
  for (size_t i = n; i-- > 0;) {
    for (size_t c = i + 1; c < n; ++c) g[i] -= h[i][c] * g[c];
    g[i] /= h[i][i];
  }
  return g;
}

/// Adds one case's gradient and negative Hessian of its log-likelihood. @return the log-likelihood
double add_case(const EagerAnswered& answered, std::span<const double> weights, std::vector<double>& gradient,
                std::vector<std::vector<double>>& hessian) {
  const size_t streams = weights.size(), count = answered.candidates.items.size();
  std::vector<double> p(count, 0.0), mean(streams, 0.0);
  for (size_t s = 0; s < streams; ++s)
    for (size_t i = 0; i < count; ++i) p[i] += weights[s] * answered.candidates.scores[s][i];
  const double wanted = p[answered.target], largest = *std::max_element(p.begin(), p.end());
  double total = 0;
  for (double& value : p) total += value = std::exp(value - largest);
  for (size_t i = 0; i < count; ++i) {
    p[i] /= total;
    for (size_t s = 0; s < streams; ++s) mean[s] += p[i] * answered.candidates.scores[s][i];
  }
  for (size_t s = 0; s < streams; ++s) {
    gradient[s] += answered.candidates.scores[s][answered.target] - mean[s];
    for (size_t t = 0; t < streams; ++t)
      for (size_t i = 0; i < count; ++i)
        hessian[s][t] +=
            p[i] * (answered.candidates.scores[s][i] - mean[s]) * (answered.candidates.scores[t][i] - mean[t]);
  }
  return wanted - largest - std::log(total);
}

}  // namespace

EagerCandidates eager_union(std::span<const BeamAnswer> lists) {
  EagerCandidates out;
  for (const BeamAnswer& list : lists) out.items.insert(out.items.end(), list.items.begin(), list.items.end());
  std::sort(out.items.begin(), out.items.end());
  out.items.erase(std::unique(out.items.begin(), out.items.end()), out.items.end());
  out.scores.assign(lists.size(), std::vector<float>(out.items.size(), std::numeric_limits<float>::quiet_NaN()));
  for (size_t s = 0; s < lists.size(); ++s) eager_fill(out, s, lists[s]);
  return out;
}

std::vector<ItemId> eager_unknown(const EagerCandidates& candidates, size_t stream) {
  std::vector<ItemId> items;
  for (size_t i = 0; i < candidates.items.size(); ++i)
    if (std::isnan(candidates.scores[stream][i])) items.push_back(candidates.items[i]);
  return items;
}

void eager_fill(EagerCandidates& candidates, size_t stream, const BeamAnswer& scores) {
  for (size_t i = 0; i < scores.items.size(); ++i)
    candidates.scores[stream][place_of_item(candidates, scores.items[i])] = scores.scores[i];
}

bool eager_needs_all(const std::string& fusion) {
  return fusion != "own";
}

Results eager_fuse(const EagerCandidates& candidates, int64_t k, const std::string& fusion,
                   std::span<const double> temperatures) {
  std::vector<std::pair<float, ItemId>> found;
  found.reserve(candidates.items.size());
  for (size_t i = 0; i < candidates.items.size(); ++i)
    found.emplace_back(fused_score(candidates, i, fusion, temperatures), candidates.items[i]);
  BeamAnswer best = ranked(std::move(found), k);
  return {std::move(best.items), std::move(best.scores)};
}

std::vector<double> fit_temperatures(std::span<const EagerAnswered> cases, size_t streams) {
  constexpr int kRounds = 50;
  std::vector<double> weights(streams, 1.0);
  double before = -std::numeric_limits<double>::infinity();
  std::vector<double> kept = weights, step(streams, 0.0);
  for (int round = 0; round < kRounds && !cases.empty(); ++round) {
    std::vector<double> gradient(streams, 0.0);
    std::vector<std::vector<double>> hessian(streams, std::vector<double>(streams, 0.0));
    double now = 0;
    for (const EagerAnswered& answered : cases) now += add_case(answered, weights, gradient, hessian);
    if (now >= before) {
      if (now - before < 1e-9 * std::abs(now)) break;
      before = now;
      kept = weights;
      step = solve(hessian, gradient);
    } else {
      for (double& value : step) value /= 2;  // the step was too long
    }
    for (size_t s = 0; s < streams; ++s) weights[s] = std::clamp(kept[s] + step[s], 0.05, 20.0);
  }
  std::vector<double> temperatures;
  for (const double weight : kept) temperatures.push_back(1.0 / weight);
  return temperatures;
}

}  // namespace tessera
