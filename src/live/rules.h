#pragma once

#include <nlohmann/json_fwd.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "live/filter.h"
#include "live/hit.h"

namespace tessera::live {

/// One merchandising rule. As JSON:
///
///     {"id": "summer", "query": "sun cream", "match": "contains", "scene": "search",
///      "pins": [{"item": "B01", "position": 1}], "hides": ["B02"],
///      "boosts": [{"filter": "brand:=Nivea", "factor": 1.5, "add": 0}],
///      "from": "2026-06-01T00:00:00Z", "until": "2026-09-01T00:00:00Z", "enabled": true}
struct Rule {
  struct Pin {
    std::string item;
    int64_t position = 1;  ///< in the whole answer, from 1
  };
  struct Boost {
    Filter filter;
    double factor = 1;  ///< above 0; above 1 raises
    double add = 0;
  };
  std::string id;
  std::string query;      ///< "": every query, and requests without one
  bool contains = false;  ///< the words of `query` stand together somewhere in the request's; otherwise they are all
  std::string scene;      ///< "": every scene
  std::vector<Pin> pins;
  std::vector<std::string> hides;
  std::vector<Boost> boosts;
  std::optional<int64_t> from, until;  ///< seconds since 1970 UTC; active in [from, until)
  bool enabled = true;
  std::vector<std::string> query_words;  ///< of `query`, made by rule_from_json
};

/// @throws Error(data) with the field, what was found and what was wanted: an unknown field, an empty id, a position
/// not
///   in 1..1000, the same item pinned twice or pinned and hidden, a factor not in (0, 1e6], an `add` not finite, a
///   filter that does not parse, `until` not after `from`, more than 100 pins or boosts or 1000 hides, or a rule that
///   does nothing
Rule rule_from_json(const nlohmann::json& value);
/// What rule_from_json reads back; fields with their default value are left out.
nlohmann::json to_json(const Rule& rule);

/// The rules of a service, by id. A value: copy, change, publish. Concurrent reads are safe.
class Rules {
 public:
  /// New, or in place of the rule with its id. @throws Error(overload) beyond 10 000 rules
  void put(Rule rule);
  /// @return whether it was there
  bool erase(std::string_view id);
  const Rule* find(std::string_view id) const;
  const std::vector<Rule>& all() const { return rules_; }  ///< ascending by id

  /// The enabled rules for a request, ascending by id. Borrowed from this object.
  /// @param query  as the person wrote it, or ""; compared by words (text/tokenise.h)
  /// @param now    seconds since 1970 UTC
  std::vector<const Rule*> active(std::string_view query, std::string_view scene, int64_t now) const;

 private:
  std::vector<Rule> rules_;
};

struct ApplyOptions {
  /// Boosts change the order: false where the request asks for one of its own (`sort_by`).
  bool reorder = true;
  /// Pins outside of this set are dropped; nullptr: a pin needs no more than its item to be live.
  const ItemSet* allowed = nullptr;
  FilterCache* cache = nullptr;  ///< of the LiveCatalogue, or nullptr
};

/// Applies rules, in the order given, to an answer that is not cut into pages yet:
/// 1. Hidden items go; hiding beats pinning.
/// 2. A boosted hit's score s becomes s * factor when s >= 0, s / factor when s < 0 (log-probabilities), plus `add`;
///    of several boosts one after the other. A filter with a field that no item has boosts nothing. If a boost met
///    a hit, hits are put in order by score, descending, equal ones as they were.
/// 3. Pinned items are put at their positions, from the front, by (position, rule): each is taken out of the hits, or
///    comes in with score 0; where a position is taken, at the next free one; beyond the end, at the end. An item
///    pinned twice follows the first rule.
/// The result depends on nothing but the arguments.
void apply_rules(const std::vector<const Rule*>& rules, std::vector<Hit>& hits, const CatalogueView& view,
                 const ApplyOptions& options = {});

}  // namespace tessera::live
