#include "store/snapshot_manifest.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>

#include "base/error.h"

namespace tessera {
namespace {

using nlohmann::json;

constexpr int kManifestVersion = 1;
constexpr const char* kManifestSchema = "tessera-snapshot";

bool is_plain_file_name(std::string_view name) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  };
  return !name.empty() && name.size() <= 64 && name[0] != '.' &&
         std::all_of(name.begin(), name.end(), [&](char c) { return c == '.' || letter(c); });
}

bool is_hash(std::string_view hash) {
  return hash.size() == 32 &&
         std::all_of(hash.begin(), hash.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

/// Reads the fields of one object: each must be there, and no other.
class ManifestObject {
 public:
  ManifestObject(const json& value, std::string_view where, size_t num_fields) : value_(value), where_(where) {
    TESSERA_CHECK(value.is_object() && value.size() == num_fields, corrupt, "{}: wanted an object with {} fields",
                  where, num_fields);
  }
  std::string text(const char* field) const {
    const json& found = at(field);
    TESSERA_CHECK(found.is_string(), corrupt, "{}: \"{}\" is no text", where_, field);
    return found.get<std::string>();
  }
  uint64_t number(const char* field) const {
    const json& found = at(field);
    TESSERA_CHECK(found.is_number_unsigned() && found.get<uint64_t>() <= 1ull << 53, corrupt,
                  "{}: \"{}\" is no whole number from 0 to 2^53", where_, field);
    return found.get<uint64_t>();
  }
  const json& at(const char* field) const {
    const auto found = value_.find(field);
    TESSERA_CHECK(found != value_.end(), corrupt, "{}: lacks \"{}\"", where_, field);
    return *found;
  }

 private:
  const json& value_;
  std::string_view where_;
};

/// Depth and size are bounded before a tree is built: a manifest has three levels.
json parse_json(std::string_view text, std::string_view where) {
  TESSERA_CHECK(text.size() <= kMaxManifestBytes, corrupt, "{}: has {} bytes, wanted at most {}", where, text.size(),
                kMaxManifestBytes);
  bool too_deep = false;
  const auto shallow = [&](int depth, json::parse_event_t, json&) {
    too_deep |= depth > 4;
    return depth <= 4;
  };
  json value = json::parse(text, shallow, false);
  TESSERA_CHECK(!too_deep && !value.is_discarded(), corrupt, "{}: is not the JSON of a manifest", where);
  return value;
}

}  // namespace

uint64_t SnapshotManifest::size_bytes() const {
  uint64_t sum = 0;
  for (const File& file : files) sum += file.size;
  return sum;
}

std::string SnapshotManifest::to_json() const {
  json out = {{"schema", kManifestSchema}, {"version", kManifestVersion}, {"name", name}, {"created_at", created_at}};
  json& list = out["files"] = json::array();
  for (const File& file : files) list.push_back({{"name", file.name}, {"size", file.size}, {"hash", file.hash}});
  return out.dump(1) + "\n";
}

SnapshotManifest SnapshotManifest::parse(std::string_view text, std::string_view where) {
  const json value = parse_json(text, where);
  TESSERA_CHECK(value.is_object() && value.value("schema", json()) == kManifestSchema, corrupt,
                "{}: is not the manifest of a snapshot", where);
  const ManifestObject top(value, where, 5);
  const uint64_t version = top.number("version");
  TESSERA_CHECK(version <= kManifestVersion, unsupported, "{}: has version {}, this program reads up to {}", where,
                version, kManifestVersion);
  TESSERA_CHECK(version == kManifestVersion, corrupt, "{}: has version {}", where, version);
  SnapshotManifest manifest;
  manifest.name = top.text("name");
  manifest.created_at = static_cast<int64_t>(top.number("created_at"));
  const json& list = top.at("files");
  TESSERA_CHECK(list.is_array() && list.size() <= kMaxManifestFiles, corrupt, "{}: \"files\" is no list of up to {}",
                where, kMaxManifestFiles);
  std::unordered_set<std::string> names;
  for (const json& entry : list) {
    const ManifestObject object(entry, where, 3);
    File file{object.text("name"), object.number("size"), object.text("hash")};
    TESSERA_CHECK(is_plain_file_name(file.name), corrupt,
                  "{}: a file's name is not a plain one: no folders, dots in front or links", where);
    TESSERA_CHECK(is_hash(file.hash), corrupt, "{}: the hash of {} is not 32 hex digits", where, file.name);
    TESSERA_CHECK(names.insert(file.name).second, corrupt, "{}: names {} twice", where, file.name);
    manifest.files.push_back(std::move(file));
  }
  return manifest;
}

}  // namespace tessera
