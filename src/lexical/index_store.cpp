#include "lexical/index_store.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/file.h"
#include "lexical/xapian_call.h"

namespace tessera {

namespace {

constexpr const char* kStateStart = "tessera-lexical 1 ";
constexpr const char* kFingerprintKey = "tessera.options";

/// Changes with every start of the machine; "" where the system does not say.
std::string boot_id() {
  const int file = ::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  if (file < 0) return "";
  char text[64];
  const ssize_t size = ::read(file, text, sizeof text);
  ::close(file);
  std::string id(text, size > 0 ? static_cast<size_t>(size) : 0);
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

std::filesystem::path make_temporary() {
  std::string name = (std::filesystem::temp_directory_path() / "tessera-lexical-XXXXXX").string();
  TESSERA_CHECK(::mkdtemp(name.data()) != nullptr, io, "{}: a temporary folder for the text index cannot be made: {}",
                name, std::strerror(errno));
  return name;
}

/// @throws Error(config) if the folder holds something that is not ours: it would be taken for a damaged index
void check_folder(const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    const bool ours = name == "lock" || name == "glass" || name.starts_with("state") || name.starts_with(".state");
    TESSERA_CHECK(ours, config, "{}: holds '{}', which is not of a text index; give it a folder of its own",
                  folder.string(), name);
  }
}

bool flush_file(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool flushed = ::fsync(file) == 0;
  ::close(file);
  return flushed;
}

}  // namespace

IndexStore::IndexStore(const std::filesystem::path& folder, const std::string& fingerprint)
    : folder_(folder), temporary_(folder.empty()) {
  try {
    if (temporary_) folder_ = make_temporary();
    database_ = folder_ / "glass";
    std::filesystem::create_directories(folder_);
    check_folder(folder_);
    lock();
    xapian_call("text index " + folder_.string(), [&] {
      if (open_existing(fingerprint)) return;
      writer_.close();
      std::filesystem::remove_all(database_);
      writer_ = Xapian::WritableDatabase(database_.string(),
                                         Xapian::DB_CREATE | Xapian::DB_NO_SYNC | Xapian::DB_BACKEND_GLASS);
      writer_.set_metadata(kFingerprintKey, fingerprint);
      writer_.commit();
    });
    write_state(true);
    open_ = true;
  } catch (const std::filesystem::filesystem_error& error) {
    close();
    fail(ErrorKind::io, "text index {}: {}", folder_.string(), error.what());
  } catch (...) {
    close();
    throw;
  }
}

IndexStore::~IndexStore() {
  close();
}

void IndexStore::lock() {
  const auto path = folder_ / "lock";
  lock_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  TESSERA_CHECK(lock_ >= 0, io, "{}: cannot be opened: {}", path.string(), std::strerror(errno));
  TESSERA_CHECK(::flock(lock_, LOCK_EX | LOCK_NB) == 0, io,
                "{}: the text index is in use by another process; stop it or take another folder", folder_.string());
}

bool IndexStore::open_existing(const std::string& fingerprint) {
  if (!std::filesystem::exists(database_)) return false;
  const auto state_path = folder_ / "state";
  const std::string state = std::filesystem::exists(state_path) ? read_file(state_path) : "";
  if (!state.starts_with(kStateStart)) {
    start_reason_ = "its state file is missing or of another version";
    return false;
  }
  const std::string rest = state.substr(std::strlen(kStateStart));
  if (!rest.starts_with("closed") && (boot_id().empty() || rest != "open " + boot_id() + "\n")) {
    start_reason_ = "the machine stopped while it was open";
    return false;
  }
  try {
    writer_ = Xapian::WritableDatabase(database_.string(), Xapian::DB_OPEN | Xapian::DB_NO_SYNC);
    if (writer_.get_metadata(kFingerprintKey) == fingerprint) return true;
    start_reason_ = "it was made with other options";
  } catch (const Xapian::DatabaseLockError&) {
    throw;
  } catch (const Xapian::Error& error) {
    start_reason_ = "it is damaged: " + error.get_msg();
  }
  return false;
}

Xapian::Database IndexStore::open_reader() const {
  return Xapian::Database(database_.string());
}

int64_t IndexStore::size_bytes() const {
  int64_t size = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(database_, ignored)) {
    const auto bytes = entry.file_size(ignored);
    if (!ignored) size += static_cast<int64_t>(bytes);
  }
  return size;
}

void IndexStore::write_state(bool open) const {
  if (!temporary_)
    write_file(folder_ / "state", std::string(kStateStart) + (open ? "open " : "closed ") + boot_id() + "\n");
}

/// The state says "closed" only after every file reached the disk; else it stays "open", which is safe.
void IndexStore::close() noexcept {
  try {
    writer_.close();
    if (temporary_) {
      if (!folder_.empty()) std::filesystem::remove_all(folder_);
    } else if (open_) {
      bool flushed = flush_file(database_);
      for (const auto& entry : std::filesystem::directory_iterator(database_)) flushed &= flush_file(entry.path());
      if (flushed) write_state(false);
    }
  } catch (...) {
    // Nothing depends on a clean end: the next start sees "open".
  }
  if (lock_ >= 0) ::close(lock_);
  lock_ = -1;
}

}  // namespace tessera
