#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/file_descriptor.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr size_t kWriteBuffer = 1 << 20;

/// When a process started, in clock ticks since boot: tells a process from an older one with the same id. 0: unknown.
uint64_t process_start(int64_t pid) {
  std::string text;
  try {
    text = read_file(fmt::format("/proc/{}/stat", pid));
  } catch (const Error&) {
    return 0;
  }
  size_t at = text.rfind(')');  // the second field is the program's name, which may hold anything
  if (at == std::string::npos) return 0;
  for (int field = 2; field < 22 && at != std::string::npos; ++field) at = text.find(' ', at + 1);
  return at == std::string::npos ? 0 : std::strtoull(text.c_str() + at, nullptr, 10);
}

/// ".NAME.tmp-PID-START-COUNT": names the process, so that a leftover can be told from work in progress.
std::string temporary_name(const std::string& name) {
  static std::atomic<uint64_t> counter{0};
  return fmt::format(".{}.tmp-{}-{}-{}", name, getpid(), process_start(getpid()), counter++);
}

/// Whether the text behind ".tmp-" in a temporary name belongs to a process that has ended.
bool is_leftover(const std::string& owner) {
  char* end = nullptr;
  errno = 0;
  const long pid = std::strtol(owner.c_str(), &end, 10);
  if (end == owner.c_str() || errno != 0 || pid <= 0 || pid > 1 << 30) return false;
  if (kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH) return true;
  if (*end != '-') return false;
  const uint64_t start = std::strtoull(end + 1, nullptr, 10), running = process_start(pid);
  return start != 0 && running != 0 && start != running;
}

void remove_leftovers(const fs::path& folder, const std::string& prefix) {
  std::error_code error;
  std::vector<fs::path> found;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.starts_with(prefix) && is_leftover(name.substr(prefix.size()))) found.push_back(it->path());
  }
  for (const fs::path& path : found) fs::remove_all(path, error);  // another process may do the same: not an error
}

/// The path without a trailing slash, absolute.
fs::path full_path(const fs::path& path) {
  TESSERA_CHECK(!path.empty(), io, "cannot write to an empty path");
  fs::path full = fs::absolute(path).lexically_normal();
  if (!full.has_filename()) full = full.parent_path();
  TESSERA_CHECK(full.has_filename(), io, "{}: cannot be written: it is the root folder", path.string());
  return full;
}

void sync_tree(const fs::path& folder) {
  std::error_code error;
  fs::recursive_directory_iterator it(folder, error), end;
  for (; !error && it != end; it.increment(error)) {
    if (it->is_symlink()) continue;
    if (it->is_directory()) {
      sync_folder(it->path());
    } else if (it->is_regular_file()) {
      const FileDescriptor file = open_for_reading(it->path());
      TESSERA_CHECK(fsync(file.get()) == 0, io, "{}: cannot be flushed to disk: {}", it->path().string(),
                    std::strerror(errno));
    }
  }
  TESSERA_CHECK(!error, io, "{}: cannot be listed: {}", folder.string(), error.message());
  sync_folder(folder);
}

}  // namespace

struct AtomicFile::State {
  fs::path path, temporary;
  FileDescriptor file;
  std::string buffer;

  void write_all(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(file.get(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      TESSERA_CHECK(count >= 0, io, "{}: cannot be written: {}", path.string(), std::strerror(errno));
      bytes.remove_prefix(static_cast<size_t>(count));
    }
  }
};

AtomicFile::AtomicFile(fs::path path) : state_(std::make_unique<State>()) {
  state_->path = full_path(path);
  state_->temporary = state_->path.parent_path() / temporary_name(state_->path.filename().string());
  state_->file = FileDescriptor(open(state_->temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  TESSERA_CHECK(state_->file.get() >= 0, io, "{}: cannot be written: {}", path.string(), std::strerror(errno));
}

AtomicFile::~AtomicFile() {
  if (state_->file.get() >= 0) unlink(state_->temporary.c_str());
}

void AtomicFile::write(std::string_view bytes) {
  TESSERA_CHECK(state_->file.get() >= 0, internal, "{}: written after commit", state_->path.string());
  if (state_->buffer.size() + bytes.size() > kWriteBuffer) {
    state_->write_all(state_->buffer);
    state_->buffer.clear();
  }
  if (bytes.size() >= kWriteBuffer) {
    state_->write_all(bytes);
  } else {
    state_->buffer += bytes;
  }
}

void AtomicFile::commit() {
  State& state = *state_;
  const std::string name = state.path.string();
  TESSERA_CHECK(state.file.get() >= 0, internal, "{}: committed twice", name);
  state.write_all(state.buffer);
  state.buffer.clear();
  TESSERA_CHECK(fsync(state.file.get()) == 0, io, "{}: cannot be flushed to disk: {}", name, std::strerror(errno));
  TESSERA_CHECK(std::rename(state.temporary.c_str(), state.path.c_str()) == 0, io, "{}: cannot be replaced: {}", name,
                std::strerror(errno));
  TESSERA_CHECK(state.file.close(), io, "{}: cannot be closed: {}", name, std::strerror(errno));
  sync_folder(state.path.parent_path());
}

void write_file(const fs::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

AtomicFolder::AtomicFolder(fs::path target) : target_(full_path(target)) {
  std::error_code error;
  const fs::path parent = target_.parent_path();
  fs::create_directories(parent, error);
  TESSERA_CHECK(!error, io, "{}: cannot be created: {}", parent.string(), error.message());
  TESSERA_CHECK(!fs::exists(target_, error) || fs::is_directory(target_, error), io,
                "{}: is in the way: a folder of that name is to be written, remove the file first", target_.string());
  const std::string name = target_.filename().string();
  remove_leftovers(parent, fmt::format(".{}.tmp-", name));
  path_ = parent / temporary_name(name);
  TESSERA_CHECK(mkdir(path_.c_str(), 0777) == 0, io, "{}: cannot be created: {}", path_.string(), std::strerror(errno));
}

AtomicFolder::~AtomicFolder() {
  if (committed_) return;
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

void AtomicFolder::commit() {
  TESSERA_CHECK(!committed_, internal, "{}: committed twice", target_.string());
  sync_tree(path_);
  if (std::rename(path_.c_str(), target_.c_str()) != 0) {
    TESSERA_CHECK(errno == ENOTEMPTY || errno == EEXIST, io, "{}: cannot be replaced: {}", target_.string(),
                  std::strerror(errno));
    // A full folder is in the way: swap the two in one step, or move the old one aside where that is not to be had.
    fs::path old = path_;
    if (renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) != 0) {
      old = target_.parent_path() / temporary_name(target_.filename().string());
      TESSERA_CHECK(std::rename(target_.c_str(), old.c_str()) == 0, io, "{}: cannot be moved aside: {}",
                    target_.string(), std::strerror(errno));
      if (std::rename(path_.c_str(), target_.c_str()) != 0) {
        const int reason = errno;
        (void)std::rename(old.c_str(), target_.c_str());
        fail(ErrorKind::io, "{}: cannot be replaced: {}", target_.string(), std::strerror(reason));
      }
    }
    std::error_code ignored;  // the new folder stands; what is left of the old one goes with the next AtomicFolder
    fs::remove_all(old, ignored);
  }
  committed_ = true;
  sync_folder(target_.parent_path());
}

}  // namespace tessera
