#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/options.h"
#include "data/split.h"
#include "methods/families.h"

namespace tessera {

struct ValidationOptions {
  int64_t users = 5000;
  std::string protocol = "unfiltered";
  std::string on = "valid";
  template <class F>
  void fields(F& f) {
    f("validate_users", users, "validation cases scored during training", at_least(1));
    f("validate_protocol", protocol, "filtered: items of the history are never answered",
      one_of({"filtered", "unfiltered"}));
    f("validate_on", on, "cases that select the weights; test: a mistake of some published results, to measure it",
      one_of({"valid", "test"}));
  }
};

/// The validation cases that choose a training's best weights: a sample that depends on the seed alone.
class Validation {
 public:
  using Answer = std::function<std::vector<Results>(std::span<const Request>)>;

  /// @param split  borrowed; must outlive this
  Validation(const Split& split, const ValidationOptions& options, uint64_t seed);

  /// NDCG@10, which selects, and HR@10 of what `answer` gives to all cases (k = 10).
  std::vector<std::pair<std::string, double>> score(const Answer& answer) const;

  std::span<const Request> requests() const { return requests_; }
  std::span<const ItemId> targets() const { return targets_; }

 private:
  std::vector<Request> requests_;
  std::vector<ItemId> targets_;
};

}  // namespace tessera
