#include "store/rocks_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "store/rocks_database.h"

namespace tessera::rocks {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kStatePrefix = "state-";

/// The number of a state's folder, if that is what the name says.
std::optional<uint64_t> state_number(std::string_view name) {
  if (!name.starts_with(kStatePrefix) || name.size() < kStatePrefix.size() + 6 || name.size() > 24) return std::nullopt;
  name.remove_prefix(kStatePrefix.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number == 0) return std::nullopt;
  return number;
}

std::string state_name(uint64_t number) {
  return fmt::format("{}{:06}", kStatePrefix, number);
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    found.push_back(it->path());
  TESSERA_CHECK(!error, io, "{}: cannot be listed: {}", folder.string(), error.message());
  return found;
}

}  // namespace

RocksFolder::RocksFolder(const fs::path& folder) {
  std::error_code error;
  path_ = fs::absolute(folder, error).lexically_normal();
  if (!path_.has_filename()) path_ = path_.parent_path();
  TESSERA_CHECK(!error && path_.has_filename(), config, "\"{}\" cannot be the folder of a store", folder.string());
  fs::create_directories(path_, error);
  TESSERA_CHECK(!error, io, "{}: the folder cannot be made: {}", path_.string(), error.message());
  lock();
  find_state();
  remove_leftovers();
}

void RocksFolder::lock() {
  const fs::path file = path_ / "lock";
  // Looked at before anything is written: a folder of something else stays as it is.
  bool ours = false, other = false;
  for (const fs::path& entry : entries_of(path_)) {
    const std::string name = entry.filename().string();
    ours |= name == "current" || name == "lock" || state_number(name).has_value();
    other |= name[0] != '.' && name != "lost+found";
  }
  TESSERA_CHECK(ours || !other, config, "{}: holds other files: name an empty folder, or one that does not exist yet",
                path_.string());
  lock_ = FileDescriptor(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
  TESSERA_CHECK(lock_.get() >= 0, io, "{}: cannot be opened: {}", file.string(), std::strerror(errno));
  if (flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
    char owner[32] = {};
    const ssize_t size = pread(lock_.get(), owner, sizeof owner - 1, 0);
    const std::string_view text(owner, size > 0 ? static_cast<size_t>(size) : 0);
    const std::string_view pid = text.substr(0, text.find('\n'));
    fail(ErrorKind::io,
         "{}: is already open{}{}: a store is for one process at a time; stop that one, or name another folder",
         path_.string(), pid.empty() ? "" : " in process ", pid);
  }
  const std::string pid = fmt::format("{}\n", getpid());
  // The process id is for the message above only: a full disk must not keep the store from being read.
  if (ftruncate(lock_.get(), 0) == 0) (void)!pwrite(lock_.get(), pid.data(), pid.size(), 0);
}

void RocksFolder::find_state() {
  const fs::path current = path_ / "current";
  std::vector<std::string> states;
  for (const fs::path& entry : entries_of(path_)) {
    if (state_number(entry.filename().string())) states.push_back(entry.filename().string());
  }
  std::error_code error;
  if (fs::exists(fs::symlink_status(current, error))) {
    std::string name = read_file(current);
    if (name.ends_with('\n')) name.pop_back();
    TESSERA_CHECK(state_number(name).has_value(), corrupt, "{}: does not name a state, e.g. {}", current.string(),
                  state_name(1));
    TESSERA_CHECK(fs::is_directory(fs::symlink_status(path_ / name, error)), corrupt,
                  "{}: names {}, which is not there: restore the folder from a backup", current.string(), name);
    state_ = name;
    return;
  }
  // `current` is written last when a store is made, and nothing is acknowledged before that.
  TESSERA_CHECK(states.size() <= 1, corrupt,
                "{}: is missing, and there are {} states: write the name of the right one into it", current.string(),
                states.size());
  if (states.empty()) {
    AtomicFolder fresh(path_ / state_name(1));
    Database::create(fresh.path());
    fresh.commit();
    states.push_back(state_name(1));
  }
  write_file(current, states[0] + "\n");
  state_ = states[0];
}

void RocksFolder::remove_leftovers() {
  std::error_code ignored;
  for (const fs::path& entry : entries_of(path_)) {
    const std::string name = entry.filename().string();
    if ((state_number(name) && name != state_) || name.starts_with(".state-") || name.starts_with(".current.")) {
      fs::remove_all(entry, ignored);
    }
  }
  if (!fs::is_directory(fs::symlink_status(snapshots(), ignored))) return;
  for (const fs::path& entry : entries_of(snapshots())) {
    if (entry.filename().string().starts_with('.')) fs::remove_all(entry, ignored);
  }
}

fs::path RocksFolder::next_state() const {
  return path_ / state_name(*state_number(state_) + 1);
}

void RocksFolder::use(const fs::path& state) {
  const fs::path current = path_ / "current";
  const std::string name = state.filename().string();
  try {
    write_file(current, name + "\n");
  } catch (const Error&) {
    // The rename may have been done before the failure: what the file says is what counts.
    if (read_file(current) != name + "\n") throw;
  }
  state_ = name;
}

}  // namespace tessera::rocks
