#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "base/array_file.h"
#include "base/array_layout.h"
#include "base/error.h"

namespace tessera {
namespace {

constexpr uint64_t kMaxSafetensorsHeader = 100'000'000;
constexpr std::string_view kMetadataKey = "__metadata__";

struct SafetensorsName {
  DType type;
  const char* name;
};
constexpr SafetensorsName kSafetensorsNames[] = {
    {DType::u8, "U8"},   {DType::i8, "I8"},     {DType::i16, "I16"}, {DType::i32, "I32"}, {DType::i64, "I64"},
    {DType::f16, "F16"}, {DType::bf16, "BF16"}, {DType::f32, "F32"}, {DType::f64, "F64"}, {DType::boolean, "BOOL"}};

/// Where a tensor lies in the data.
struct TensorExtent {
  std::string name;
  DType type;
  std::vector<int64_t> shape;
  uint64_t begin, end;
};

/// Parses JSON, refusing a key that stands twice in one object and anything nested deeper than the format needs.
nlohmann::json parse_header(std::string_view text, const std::string& file) {
  std::vector<std::set<std::string>> keys;  // of the objects open now
  const auto check = [&](int depth, nlohmann::json::parse_event_t event, nlohmann::json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    TESSERA_CHECK(depth <= 4, corrupt, "{}: the safetensors header is nested too deeply", file);
    if (event == Event::object_start) {
      keys.emplace_back();
    } else if (event == Event::object_end) {
      keys.pop_back();
    } else if (event == Event::key) {
      const auto key = parsed.get<std::string>();
      TESSERA_CHECK(keys.back().insert(key).second, corrupt, "{}: the safetensors header names \"{}\" twice", file,
                    key);
    }
    return true;
  };
  try {
    return nlohmann::json::parse(text, check);
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::corrupt, "{}: the safetensors header is not valid JSON: {}", file, error.what());
  }
}

/// A header that was read, one tensor at a time.
struct SafetensorsHeader {
  const std::string& file;
  uint64_t data_size;

  TensorExtent parse_tensor(const std::string& name, const nlohmann::json& entry) const {
    const auto check = [&](bool holds, std::string_view what) {
      TESSERA_CHECK(holds, corrupt, "{}: tensor \"{}\": {}", file, name, what);
    };
    check(entry.is_object() && entry.size() == 3 && entry.contains("dtype") && entry.contains("shape") &&
              entry.contains("data_offsets"),
          "wanted exactly dtype, shape and data_offsets");
    const auto &dtype = entry["dtype"], &shape = entry["shape"], &offsets = entry["data_offsets"];
    check(dtype.is_string(), "dtype is not a string");
    check(shape.is_array() && shape.size() <= 32, "shape is not a list of up to 32 numbers");
    TensorExtent extent{name, parse_type(name, dtype.get<std::string>()), {}, 0, 0};
    for (const auto& dimension : shape) {
      check(dimension.is_number_unsigned() && dimension.get<uint64_t>() <= std::numeric_limits<int64_t>::max(),
            "shape holds something else than numbers from 0 to 2^63-1");
      extent.shape.push_back(dimension.get<int64_t>());
    }
    check(
        offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() && offsets[1].is_number_unsigned(),
        "data_offsets is not a pair of numbers from 0");
    extent.begin = offsets[0].get<uint64_t>();
    extent.end = offsets[1].get<uint64_t>();
    TESSERA_CHECK(extent.begin <= extent.end && extent.end <= data_size, corrupt,
                  "{}: tensor \"{}\" lies at {} to {}, the file holds {} bytes of data", file, name, extent.begin,
                  extent.end, data_size);
    const std::optional<int64_t> wanted = checked_size_bytes(extent.type, extent.shape);
    TESSERA_CHECK(wanted && static_cast<uint64_t>(*wanted) == extent.end - extent.begin, corrupt,
                  "{}: tensor \"{}\" of {} with shape [{}] needs {} bytes, its data_offsets give {}", file, name,
                  to_string(extent.type), fmt::join(extent.shape, ", "), wanted ? std::to_string(*wanted) : "too many",
                  extent.end - extent.begin);
    return extent;
  }

 private:
  DType parse_type(const std::string& tensor, const std::string& name) const {
    for (const SafetensorsName& known : kSafetensorsNames) {
      if (name == known.name) return known.type;
    }
    fail(ErrorKind::unsupported,
         "{}: tensor \"{}\" has element type \"{}\", wanted one of U8 to I64, F16 to F64, BF16, BOOL", file, tensor,
         name.substr(0, 40));
  }
};

/// The format's own rule: together the tensors cover the data, with neither overlap nor hole.
void check_extents(std::vector<TensorExtent> extents, uint64_t data_size, const std::string& file) {
  std::sort(extents.begin(), extents.end(), [](const TensorExtent& a, const TensorExtent& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  uint64_t covered = 0;
  for (const TensorExtent& extent : extents) {
    TESSERA_CHECK(extent.begin == covered, corrupt,
                  "{}: tensor \"{}\" starts at {}, {} what lies before it, ending at {}", file, extent.name,
                  extent.begin, extent.begin < covered ? "overlapping" : "leaving a hole behind", covered);
    covered = extent.end;
  }
  TESSERA_CHECK(covered == data_size, corrupt, "{}: the tensors cover {} bytes of data, the file holds {}", file,
                covered, data_size);
}

}  // namespace

SafetensorsFile::SafetensorsFile(const std::filesystem::path& path) : path_(path.string()) {
  const auto storage = std::make_shared<ArrayStorage>(path);
  const std::string_view text = storage->file.text();
  TESSERA_CHECK(text.size() >= 8, corrupt, "{}: is not a safetensors file: it has {} bytes", path_, text.size());
  uint64_t length = 0;
  std::memcpy(&length, text.data(), sizeof length);
  TESSERA_CHECK(
      length <= kMaxSafetensorsHeader && length <= text.size() - 8, corrupt,
      "{}: is not a safetensors file, or cut off: the header claims {} bytes, of {} left in the file (limit {})", path_,
      length, text.size() - 8, kMaxSafetensorsHeader);
  TESSERA_CHECK(length > 0 && text[8] == '{', corrupt, "{}: the safetensors header does not start with '{{'", path_);
  const nlohmann::json json = parse_header(text.substr(8, length), path_);
  TESSERA_CHECK(json.is_object(), corrupt, "{}: the safetensors header is not a JSON object", path_);

  const auto data = storage->file.bytes().subspan(8 + length);
  const SafetensorsHeader header{path_, data.size()};
  std::vector<TensorExtent> extents;
  for (const auto& [name, entry] : json.items()) {
    if (name != kMetadataKey) {
      extents.push_back(header.parse_tensor(name, entry));
      continue;
    }
    TESSERA_CHECK(entry.is_object(), corrupt, "{}: __metadata__ is not an object of strings", path_);
    for (const auto& [key, value] : entry.items()) {
      TESSERA_CHECK(value.is_string(), corrupt, "{}: __metadata__ \"{}\" is not a string", path_, key);
      metadata_[key] = value.get<std::string>();
    }
  }
  check_extents(extents, data.size(), path_);
  for (const TensorExtent& extent : extents) {
    const auto bytes = data.subspan(extent.begin, extent.end - extent.begin);
    ArrayView& view = tensors_[extent.name];
    view.type = extent.type;
    view.shape = extent.shape;
    view.bytes = storage->aligned(bytes, size_bytes(extent.type));
  }
  file_ = share_file(storage);
}

const ArrayView& SafetensorsFile::at(const std::string& name) const {
  const auto found = tensors_.find(name);
  if (found != tensors_.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [known, view] : tensors_) {
    if (names.size() == 20) {
      names.push_back(fmt::format("... ({} in all)", tensors_.size()));
      break;
    }
    names.push_back(known);
  }
  fail(ErrorKind::corrupt, "{}: has no tensor \"{}\"; it holds {}", path_, name,
       names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")));
}

void write_safetensors(const std::filesystem::path& path, const std::map<std::string, ArrayView>& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<const std::pair<const std::string, ArrayView>*> order;
  for (const auto& entry : tensors) {
    TESSERA_CHECK(entry.first != kMetadataKey, internal, "{}: a tensor cannot be called {}", path.string(),
                  kMetadataKey);
    check_array_bytes(entry.second, fmt::format("{}: tensor \"{}\"", path.string(), entry.first));
    order.push_back(&entry);
  }
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return size_bytes(a->second.type) > size_bytes(b->second.type);
  });
  nlohmann::json json = nlohmann::json::object();
  if (!metadata.empty()) json[std::string(kMetadataKey)] = metadata;
  uint64_t offset = 0;
  for (const auto* entry : order) {
    const ArrayView& array = entry->second;
    const auto known = std::find_if(std::begin(kSafetensorsNames), std::end(kSafetensorsNames),
                                    [&](const SafetensorsName& name) { return name.type == array.type; });
    json[entry->first] = {
        {"dtype", known->name}, {"shape", array.shape}, {"data_offsets", {offset, offset + array.bytes.size()}}};
    offset += array.bytes.size();
  }
  std::string header;
  try {
    header = json.dump();
  } catch (const nlohmann::json::exception& error) {
    fail(ErrorKind::data, "{}: a name or metadata value is not valid UTF-8: {}", path.string(), error.what());
  }
  header.append((64 - (8 + header.size()) % 64) % 64, ' ');
  const uint64_t length = header.size();
  TESSERA_CHECK(length <= kMaxSafetensorsHeader, data, "{}: the header has {} bytes, the format allows {}",
                path.string(), length, kMaxSafetensorsHeader);
  AtomicFile file(path);
  file.write(std::string_view(reinterpret_cast<const char*>(&length), sizeof length));
  file.write(header);
  for (const auto* entry : order) file.write(entry->second.bytes);
  file.commit();
}

}  // namespace tessera
