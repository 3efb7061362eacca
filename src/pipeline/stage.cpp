#include "pipeline/stage.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

bool outputs_exist(const StageRecord& record) {
  return std::all_of(record.outputs.begin(), record.outputs.end(),
                     [&](const std::string& name) { return fs::exists(record.folder / name); });
}

/// Whether every field has its type; a record that somebody broke counts as no record.
bool well_formed(const json& object) {
  const auto text = [&](const char* key) { return object.contains(key) && object.at(key).is_string(); };
  if (!object.is_object() || object.value("schema", json()) != kStageSchema) return false;
  if (!text("stage") || !text("hash") || !text("folder")) return false;
  if (!object.contains("seconds") || !object.at("seconds").is_number()) return false;
  if (!object.contains("outputs") || !object.at("outputs").is_array()) return false;
  const json& outputs = object.at("outputs");
  return std::all_of(outputs.begin(), outputs.end(), [](const json& name) { return name.is_string(); });
}

}  // namespace

std::optional<StageRecord> read_stage(const fs::path& stage_folder) {
  const fs::path file = stage_folder / "stage.json";
  if (!fs::is_regular_file(file)) return std::nullopt;
  const json object = json::parse(read_file(file), nullptr, false);
  if (object.is_discarded() || !well_formed(object)) return std::nullopt;
  StageRecord record;
  record.stage = object.at("stage").get<std::string>();
  record.hash = object.at("hash").get<std::string>();
  record.seconds = object.at("seconds").get<double>();
  record.outputs = object.at("outputs").get<std::vector<std::string>>();
  record.folder = (stage_folder / object.at("folder").get<std::string>()).lexically_normal();
  record.facts = object.value("facts", json::object());
  if (!outputs_exist(record)) return std::nullopt;
  return record;
}

void write_stage(const fs::path& stage_folder, const StageRecord& record) {
  // A path inside the runs folder is kept relative, so that the whole of it can be moved.
  fs::path folder = fs::relative(record.folder, stage_folder);
  if (folder.empty() || std::distance(folder.begin(), folder.end()) > 4) folder = fs::absolute(record.folder);
  const json object = {{"schema", kStageSchema},    {"stage", record.stage},     {"hash", record.hash},
                       {"seconds", record.seconds}, {"outputs", record.outputs}, {"folder", folder.generic_string()},
                       {"facts", record.facts}};
  write_file(stage_folder / "stage.json", object.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

std::string stage_hash(const std::string& stage, const json& inputs) {
  ContentHash hash;
  hash.add(fmt::format("tessera stage {} schema {}\n", stage, kStageSchema));
  hash.add(inputs.dump(-1, ' ', false, json::error_handler_t::replace));
  return hash.hex();
}

std::string hash_source(const fs::path& source) {
  ContentHash hash;
  if (fs::is_regular_file(source)) {
    hash.add(source.filename().string());
    hash.add_file(source);
    return hash.hex();
  }
  TESSERA_CHECK(fs::is_directory(source), io, "{}: neither a file nor a folder", source.string());
  std::vector<fs::path> files;
  for (auto entry = fs::recursive_directory_iterator(source); entry != fs::recursive_directory_iterator(); ++entry) {
    if (entry->is_directory() && entry->path().filename() == "images") entry.disable_recursion_pending();
    if (entry->is_regular_file()) files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    hash.add(fmt::format("\n{} {}\n", fs::relative(file, source).generic_string(), fs::file_size(file)));
    hash.add_file(file);
  }
  return hash.hex();
}

FileLock::FileLock(const fs::path& file, Wait wait, const std::string& what) {
  std::error_code ignored;
  fs::create_directories(file.parent_path(), ignored);
  descriptor_ = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  TESSERA_CHECK(descriptor_ >= 0, io, "{}: cannot be opened for writing: {}", file.string(), std::strerror(errno));
  int result;
  do {
    result = ::flock(descriptor_, LOCK_EX | (wait == Wait::no ? LOCK_NB : 0));
  } while (result != 0 && errno == EINTR);
  if (result == 0) return;
  const int reason = errno;
  ::close(descriptor_);
  TESSERA_CHECK(reason != EWOULDBLOCK, io, "{} is being worked on by another process; wait for it, or use another name",
                what);
  fail(ErrorKind::io, "{}: cannot be locked: {}", file.string(), std::strerror(reason));
}

FileLock::~FileLock() {
  ::close(descriptor_);
}

}  // namespace tessera
