#include "data/import/importer.h"

#include <charconv>
#include <cmath>

#include "base/file.h"
#include "data/time.h"

namespace tessera {

namespace {

constexpr size_t kMaxExamples = 20;
constexpr size_t kMaxReasonBytes = 300;
constexpr int64_t kRowsPerReport = 4096;
constexpr int64_t kMaxActions = 256;
constexpr int64_t kMaxScenes = 32767;

struct StopReading {};

}  // namespace

void ImportJob::count(int64_t rows) {
  const int64_t before = report.rows / kRowsPerReport;
  report.rows += rows;
  if (report.rows / kRowsPerReport != before) progress_.set(report.rows);
}

void ImportJob::remember(const std::filesystem::path& file, int64_t line, const std::string& reason, int64_t num_rows) {
  report.bad_rows += num_rows;
  if (report.examples.size() < kMaxExamples) {
    report.examples.push_back({file.string(), line, reason.substr(0, kMaxReasonBytes)});
  }
}

ItemId EventSink::item(std::string_view id) {
  if (const auto found = dataset_.items.find(id)) return *found;
  Item item;
  item.id = std::string(id);
  return dataset_.items.add(std::move(item));
}

uint8_t EventSink::action(std::string_view name) {
  if (name == last_action_name_) return last_action_;
  Vocabulary& actions = dataset_.log.actions;
  TESSERA_CHECK(actions.find(name) || actions.size() < kMaxActions, data,
                "action '{}' would be the {}th kind; {} is the limit", name, actions.size() + 1, kMaxActions);
  last_action_ = static_cast<uint8_t>(actions.add(name));
  last_action_name_ = std::string(name);
  return last_action_;
}

void EventSink::add(const EventRow& row) {
  BehaviourLog& log = dataset_.log;
  TESSERA_CHECK(!row.user.empty(), data, "it has no user");
  TESSERA_CHECK(!row.item.empty(), data, "it has no item");
  TESSERA_CHECK(!row.action.empty(), data, "it has no action");
  TESSERA_CHECK(row.time >= kMinTime && row.time <= kMaxTime, data, "time {} is outside of the years 1 to 9999",
                row.time);
  TESSERA_CHECK(row.position >= -1 && row.position < std::numeric_limits<int32_t>::max(), data,
                "position must be 0 or more, found {}", row.position);
  TESSERA_CHECK(std::isnan(row.value) || std::isfinite(static_cast<float>(row.value)), data, "value {} is out of range",
                row.value);
  TESSERA_CHECK(row.scene.empty() || log.scenes.find(row.scene) || log.scenes.size() < kMaxScenes, data,
                "scene '{}' would be the {}th; {} is the limit", row.scene, log.scenes.size() + 1, kMaxScenes);
  TESSERA_CHECK(open_catalogue_ || dataset_.items.find(row.item), data, "item '{}' is not in the catalogue", row.item);
  const uint8_t action_id = action(row.action);
  const ItemId item_id = item(row.item);
  log.add(static_cast<UserId>(dataset_.users.add(row.user)), item_id, action_id, row.time);
  if (!row.query.empty()) log.query.back() = log.queries.add(row.query);
  if (!row.request.empty()) {
    const auto next = static_cast<int32_t>(requests_.size());
    log.request.back() = requests_.emplace(std::hash<std::string_view>{}(row.request), next).first->second;
  }
  if (!row.scene.empty()) log.scene.back() = static_cast<int16_t>(log.scenes.add(row.scene));
  log.position.back() = static_cast<int32_t>(row.position);
  log.value.back() = static_cast<float>(row.value);
}

void RatingSink::rating(std::string_view user, std::string_view item, double rating, int64_t time) {
  TESSERA_CHECK(!user.empty(), data, "it has no user");
  TESSERA_CHECK(!item.empty(), data, "it has no item");
  TESSERA_CHECK(rating >= 0 && rating <= 5, data, "a rating must be between 0 and 5, found {}", rating);
  TESSERA_CHECK(time >= kMinTime && time <= kMaxTime, data, "time {} is outside of the years 1 to 9999", time);
  static constexpr uint8_t kRating = 5;  // its number in every new BehaviourLog
  const int32_t number = ids_.add(item);
  dataset_.log.add(static_cast<UserId>(dataset_.users.add(user)), static_cast<ItemId>(number), kRating, time);
  dataset_.log.value.back() = static_cast<float>(rating);
}

void RatingSink::describe(Item item) {
  TESSERA_CHECK(!item.id.empty(), data, "it has no id");
  if (!all_items_ && !ids_.find(item.id)) return;
  const auto number = static_cast<size_t>(ids_.add(item.id));
  if (items_.size() <= number) items_.resize(static_cast<size_t>(ids_.size()));
  TESSERA_CHECK(items_[number].id.empty(), data, "item '{}' is listed twice", item.id);
  items_[number] = std::move(item);
}

int64_t RatingSink::finish() {
  int64_t without = 0;
  items_.resize(static_cast<size_t>(ids_.size()));
  for (int32_t i = 0; i < ids_.size(); ++i) {
    Item& item = items_[static_cast<size_t>(i)];
    without += item.id.empty();
    item.id = ids_.name(i);
    dataset_.items.add(std::move(item));
  }
  return without;
}

std::optional<std::filesystem::path> find_file(const std::filesystem::path& folder, const std::string& name) {
  for (const char* ending : {"", ".gz", ".zst"}) {
    std::filesystem::path path = folder / (name + ending);
    if (std::filesystem::is_regular_file(path)) return path;
  }
  return std::nullopt;
}

std::string first_line(const std::filesystem::path& path) {
  std::string first;
  try {
    for_each_line(path, [&](std::string_view text, int64_t) {
      first = std::string(text);
      throw StopReading();
    });
  } catch (const StopReading&) {
  }
  return first;
}

std::string plain_name(const std::filesystem::path& path) {
  const std::string ending = path.extension().string();
  return ending == ".gz" || ending == ".zst" ? path.stem().string() : path.filename().string();
}

std::filesystem::path folder_of(const std::filesystem::path& source) {
  if (std::filesystem::is_directory(source)) return source;
  return source.has_parent_path() ? source.parent_path() : std::filesystem::path(".");
}

int64_t parse_integer(std::string_view text, const char* what) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  TESSERA_CHECK(error == std::errc() && end == text.data() + text.size(), data, "{} must be a whole number, found '{}'",
                what, text);
  return value;
}

double parse_number(std::string_view text, const char* what) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  TESSERA_CHECK(error == std::errc() && end == text.data() + text.size() && std::isfinite(value), data,
                "{} must be a finite number, found '{}'", what, text);
  return value;
}

int64_t parse_time_field(std::string_view text) {
  const auto time = parse_time(text);
  TESSERA_CHECK(time, data, "time must be RFC 3339 such as 2026-03-02T10:00:00Z or seconds since 1970, found '{}'",
                text);
  return *time;
}

std::vector<std::string_view> split_text(std::string_view text, std::string_view separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + separator.size());
  }
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

}  // namespace tessera
