#include "methods/validation.h"

#include <algorithm>
#include <numeric>

#include "base/random.h"
#include "eval/metrics.h"

namespace tessera {

Validation::Validation(const Split& split, const ValidationOptions& options, uint64_t seed) {
  const std::vector<Case>& all = options.on == "test" ? split.test : split.valid;
  std::vector<size_t> cases(all.size());
  std::iota(cases.begin(), cases.end(), size_t{0});
  Random(seed, "validation").shuffle(std::span(cases));
  if (static_cast<int64_t>(cases.size()) > options.users) cases.resize(static_cast<size_t>(options.users));
  for (const size_t place : cases) {
    const Case& c = all[place];
    Request request;
    request.history = split.history(c);
    request.user = c.user;
    if (options.protocol == "filtered") request.exclude = request.history;
    requests_.push_back(request);
    targets_.push_back(c.target);
  }
}

std::vector<std::pair<std::string, double>> Validation::score(const Answer& answer) const {
  const std::vector<Results> answers = answer(requests_);
  std::vector<int32_t> ranks(answers.size(), kNotFound);
  for (size_t i = 0; i < answers.size(); ++i) {
    const auto& items = answers[i].items;
    const auto place = std::find(items.begin(), items.end(), targets_[i]);
    if (place != items.end()) ranks[i] = static_cast<int32_t>(place - items.begin()) + 1;
  }
  return {{"ndcg@10", ndcg(ranks, 10)}, {"hr@10", hit_rate(ranks, 10)}};
}

}  // namespace tessera
