#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace tessera {

/// What a check of a dataset found.
enum class Verdict {
  pass,
  warn,  ///< usable, but somebody should look
  fail,  ///< not usable as it is
};
const char* to_string(Verdict verdict);  ///< "PASS"

struct CheckResult {
  std::string name;  ///< "item-texts"
  Verdict verdict = Verdict::pass;
  std::string message;                ///< one sentence with the numbers
  int64_t count = 0;                  ///< how many rows are concerned
  std::vector<std::string> examples;  ///< up to five of them
};

struct CheckReport {
  std::string dataset;
  std::vector<CheckResult> results;
  /// The worst of all.
  Verdict verdict() const;
  /// {"dataset", "verdict", "checks": [{"name", "verdict", "message", "count", "examples"}]}
  nlohmann::json dump() const;
};

/// Looks at everything that can be wrong with a dataset in memory: references, order, duplicates, texts, prices, users
/// with short histories, skew. Changes nothing and never throws on bad content.
CheckReport check_dataset(const Dataset& dataset);

}  // namespace tessera
