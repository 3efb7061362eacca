#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "live/live_catalogue.h"
#include "pipeline/serving_model.h"
#include "serve/event.h"
#include "store/store.h"

namespace tessera::serve {

/// What a person did with one item.
struct HistoryEntry {
  std::string item, action;
  int64_t time = 0;
  uint64_t sequence = 0;  ///< of the store; 0: from the dataset
};

/// Who did what: the dataset's log, and the events since, durable in the store (lists `events` and `history`). A
/// person's history is that of the dataset, then the events.
class Behaviour {
 public:
  /// @param store  borrowed; @param keep  events that a person's history holds at most
  Behaviour(Store& store, int64_t keep) : store_(store), keep_(static_cast<uint64_t>(keep)) {}

  /// Appends the events, all in one durable step. @return for each whether it was seen before
  /// @throws Error(io)
  std::vector<bool> record(const std::vector<Event>& events);

  /// The newest n, oldest first. Searches and impressions are not in it.
  /// @param user  id or "" ; @param session  id or "": what a session did comes behind what the user did
  std::vector<HistoryEntry> history(const ServingModel& model, const std::string& user, const std::string& session,
                                    size_t n) const;
  /// As items of a view; those that are not there any more are left out.
  std::vector<ItemId> history_items(const ServingModel& model, const live::CatalogueView& view, const std::string& user,
                                    const std::string& session, size_t n) const;
  /// Whether the user is in the dataset or has events or attributes.
  bool known(const ServingModel& model, const std::string& user) const;

  /// Forgets a person: attributes, the history since the dataset and that of the dataset. Events that came before stay
  /// in the list of all events, which only grows, but are not shown any more.
  void forget(const std::string& user);
  /// Of the newest n events of everybody those of people who are not forgotten since, oldest first.
  std::vector<ListEntry> latest(size_t n) const;
  uint64_t num_events() const { return store_.extent("events", "").size(); }

 private:
  bool forgotten(const std::string& user) const;

  Store& store_;
  uint64_t keep_;
};

}  // namespace tessera::serve
