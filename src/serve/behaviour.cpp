#include "serve/behaviour.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "data/item_json.h"

namespace tessera::serve {

namespace {

bool makes_history(const Event& event) {
  return !event.item.empty() && event.action != "impression" && event.action != "search";
}

/// Names of lists are short, so sessions share the list of users behind a byte that no id has.
std::string session_key(const std::string& session) {
  return std::string("\x01") + session;
}

}  // namespace

std::vector<bool> Behaviour::record(const std::vector<Event>& events) {
  WriteBatch batch;
  std::vector<size_t> operation;  // the first one of each event
  for (const Event& event : events) {
    operation.push_back(batch.size());
    if (!event.id.empty()) batch.begin_once("events", "", event.id);
    batch.append("events", "", to_line(event_to_json(event)));
    if (makes_history(event)) {
      const std::string line =
          to_line(nlohmann::json{{"item", event.item}, {"action", event.action}, {"time", event.time}});
      if (!event.user.empty()) batch.append("history", event.user, line, keep_);
      if (!event.session.empty()) batch.append("history", session_key(event.session), line, keep_);
    }
    if (!event.id.empty()) batch.end_once();
  }
  const CommitResult result = store_.commit(batch);
  std::vector<bool> duplicates;
  for (const size_t at : operation) duplicates.push_back(result.operations.at(at).duplicate);
  return duplicates;
}

bool Behaviour::forgotten(const std::string& user) const {
  return !user.empty() && store_.get("forgotten", user).has_value();
}

std::vector<HistoryEntry> Behaviour::history(const ServingModel& model, const std::string& user,
                                             const std::string& session, size_t n) const {
  std::vector<HistoryEntry> out;
  const auto read = [&](const std::string& key) {
    for (const ListEntry& entry : store_.tail("history", key, n)) {
      const nlohmann::json json = parse_object(entry.value);
      out.push_back({json.at("item").get<std::string>(), json.at("action").get<std::string>(),
                     json.at("time").get<int64_t>(), entry.sequence});
    }
  };
  if (!user.empty()) {
    read(user);
    const Dataset& data = model.dataset();
    const auto number = data.users.find(user);
    if (number && out.size() < n && !forgotten(user)) {
      const auto old = model.split().all.of(UserId{*number});
      const auto last = old.last(std::min(old.size(), n - out.size()));
      std::vector<HistoryEntry> before;
      for (const ItemId item : last) before.push_back({data.items[item].id, "", 0, 0});
      out.insert(out.begin(), before.begin(), before.end());
    }
  }
  if (!session.empty()) read(session_key(session));
  if (out.size() > n) out.erase(out.begin(), out.end() - static_cast<int64_t>(n));
  return out;
}

std::vector<ItemId> Behaviour::history_items(const ServingModel& model, const live::CatalogueView& view,
                                             const std::string& user, const std::string& session, size_t n) const {
  std::vector<ItemId> items;
  for (const HistoryEntry& entry : history(model, user, session, n))
    if (const auto item = view.find_slot(entry.item)) items.push_back(*item);
  return items;
}

bool Behaviour::known(const ServingModel& model, const std::string& user) const {
  if (store_.extent("history", user).next > 1) return true;
  if (store_.get("users", user)) return true;
  if (forgotten(user)) return false;
  return model.dataset().users.find(user).has_value();
}

std::vector<ListEntry> Behaviour::latest(size_t n) const {
  std::vector<ListEntry> entries = store_.tail("events", "", n);
  std::erase_if(entries, [&](const ListEntry& entry) {
    const std::string user = parse_object(entry.value).value("user", "");
    const auto mark = user.empty() ? std::nullopt : store_.get("forgotten", user);
    return mark && entry.sequence < std::stoull(*mark);
  });
  return entries;
}

void Behaviour::forget(const std::string& user) {
  // Each in a step of its own: over a cluster they may lie on different machines. The mark comes first.
  store_.commit(WriteBatch().put("forgotten", user, std::to_string(store_.extent("events", "").next)));
  store_.commit(WriteBatch().erase("users", user));
  store_.commit(WriteBatch().erase_list("history", user));
  WriteBatch rows;  // of the gorse face: `feedback` by (user, item, type), `feedback_by_item` by (item, user, type)
  const std::string prefix = user + '\0';
  for (std::string after = prefix;;) {
    const auto entries = store_.scan("feedback", after, 1000);
    for (const StoreEntry& entry : entries) {
      if (entry.key.compare(0, prefix.size(), prefix) != 0) break;
      const size_t end = entry.key.find('\0', prefix.size());
      rows.erase("feedback", entry.key);
      rows.erase("feedback_by_item",
                 entry.key.substr(prefix.size(), end - prefix.size()) + '\0' + user + entry.key.substr(end));
    }
    if (entries.size() < 1000 || entries.back().key.compare(0, prefix.size(), prefix) != 0) break;
    after = entries.back().key;
  }
  if (!rows.empty()) store_.commit(rows);
}

}  // namespace tessera::serve
