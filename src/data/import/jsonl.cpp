// Our own schema as JSONL (architecture, section 4): items.jsonl, users.jsonl and events.jsonl, each of them optional
// but for one of items and events.
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "data/import/flat_row.h"
#include "data/import/importer.h"
#include "data/item_json.h"

namespace tessera {

namespace {

namespace fs = std::filesystem;

/// {"user": "u7", "attributes": {...}}
void add_user_row(const nlohmann::json& row, Dataset& dataset) {
  const auto name = row.find("user");
  TESSERA_CHECK(name != row.end() && name->is_string() && !name->get_ref<const std::string&>().empty(), data,
                "wanted a string 'user' that is not empty");
  const auto attributes = row.find("attributes");
  TESSERA_CHECK(attributes == row.end() || attributes->is_object(), data, "attributes must be an object");
  const int64_t known = dataset.users.size();
  dataset.users.add(name->get_ref<const std::string&>());
  TESSERA_CHECK(dataset.users.size() > known, data, "user '{}' is listed twice", name->get_ref<const std::string&>());
  dataset.user_attributes.push_back(attributes == row.end() ? std::string() : to_line(*attributes));
}

EventRow event_of(const FlatRow& row) {
  EventRow event;
  event.user = row.text("user");
  event.item = row.text("item");
  event.action = row.text("action");
  event.query = row.text("query");
  event.request = row.text("request");
  event.scene = row.text("scene");
  const FlatRow::Value time = row.find("time");
  TESSERA_CHECK(time.kind == FlatRow::Kind::string || time.kind == FlatRow::Kind::number, data, "it has no time");
  event.time = parse_time_field(time.text);
  if (const auto position = row.find("position"); position.kind != FlatRow::Kind::absent) {
    TESSERA_CHECK(position.kind == FlatRow::Kind::number, data, "position must be a number, found {}", position.text);
    event.position = parse_integer(position.text, "position");
    TESSERA_CHECK(event.position >= 0, data, "position must be 0 or more, found {}", position.text);
  }
  if (const auto value = row.find("value"); value.kind != FlatRow::Kind::absent) {
    TESSERA_CHECK(value.kind == FlatRow::Kind::number, data, "value must be a number, found {}", value.text);
    event.value = parse_number(value.text, "value");
  }
  return event;
}

}  // namespace

void import_jsonl(ImportJob& job, const fs::path& source) {
  const fs::path folder = folder_of(source);
  const auto events = fs::is_directory(source) ? find_file(folder, "events.jsonl") : std::optional(source);
  const auto items = find_file(folder, "items.jsonl");
  const auto users = find_file(folder, "users.jsonl");
  TESSERA_CHECK(items || events, data, "{}: holds neither items.jsonl nor events.jsonl", folder.string());
  Dataset& dataset = job.dataset;
  if (items) {
    for_each_line(*items, [&](std::string_view text, int64_t line) {
      if (trimmed(text).empty()) return;
      job.row(*items, line, [&] { dataset.items.add(item_from_json(parse_object(text))); });
    });
  } else {
    job.note("there is no items.jsonl: items have ids, but no texts");
  }
  if (users) {
    for_each_line(*users, [&](std::string_view text, int64_t line) {
      if (trimmed(text).empty()) return;
      job.row(*users, line, [&] { add_user_row(parse_object(text), dataset); });
    });
  }
  if (!events || (items && fs::equivalent(*events, *items))) {
    job.note("there is no events.jsonl: the dataset has no behaviour");
    return;
  }
  EventSink sink(dataset, !items);
  FlatRow row;
  for_each_line(*events, [&](std::string_view text, int64_t line) {
    if (trimmed(text).empty()) return;
    job.row(*events, line, [&] {
      row.parse(text);
      sink.add(event_of(row));
    });
  });
  if (users) dataset.user_attributes.resize(static_cast<size_t>(dataset.users.size()));
}

}  // namespace tessera
