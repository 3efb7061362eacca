#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "base/error.h"
#include "base/file.h"
#include "base/file_descriptor.h"
#include "store/snapshot_manifest.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr size_t kCopyBuffer = 1 << 20;

/// Opens a plain file, never through a link. @throws Error(corrupt) if it is anything else
FileDescriptor open_plain(const fs::path& path, uint64_t& size) {
  FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  TESSERA_CHECK(file.get() >= 0 || (errno != ELOOP && errno != ENOENT && errno != ENXIO), corrupt,
                "{}: {}: a snapshot holds plain files only", path.string(),
                errno == ENOENT ? "is missing" : "is a link or a device");
  TESSERA_CHECK(file.get() >= 0, io, "{}: cannot be opened: {}", path.string(), std::strerror(errno));
  struct stat info {};
  TESSERA_CHECK(fstat(file.get(), &info) == 0, io, "{}: cannot be looked at: {}", path.string(), std::strerror(errno));
  TESSERA_CHECK(S_ISREG(info.st_mode), corrupt, "{}: is not a plain file: a snapshot holds nothing else",
                path.string());
  size = static_cast<uint64_t>(info.st_size);
  return file;
}

void check_real_folder(const fs::path& path) {
  struct stat info {};
  TESSERA_CHECK(lstat(path.c_str(), &info) == 0, corrupt, "{}: is missing: the snapshot is not whole", path.string());
  TESSERA_CHECK(S_ISDIR(info.st_mode), corrupt, "{}: is a link or a file, wanted a folder", path.string());
}

/// Names directly in a folder. @throws Error(io)
std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  TESSERA_CHECK(!error, io, "{}: cannot be listed: {}", folder.string(), error.message());
  std::sort(names.begin(), names.end());
  return names;
}

std::string hash_of(const fs::path& path, uint64_t& size) {
  const FileDescriptor file = open_plain(path, size);
  ContentHash hash;
  std::string buffer(kCopyBuffer, '\0');
  while (const size_t count = read_some(file.get(), buffer.data(), buffer.size(), path)) {
    hash.add(std::string_view(buffer).substr(0, count));
  }
  return hash.hex();
}

void copy_plain(const fs::path& from, const fs::path& to) {
  uint64_t size = 0;
  const FileDescriptor source = open_plain(from, size);
  FileDescriptor target(open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666));
  TESSERA_CHECK(target.get() >= 0, io, "{}: cannot be written: {}", to.string(), std::strerror(errno));
  std::string buffer(kCopyBuffer, '\0');
  while (size_t count = read_some(source.get(), buffer.data(), buffer.size(), from)) {
    for (const char* at = buffer.data(); count > 0;) {
      const ssize_t written = ::write(target.get(), at, count);
      if (written < 0 && errno == EINTR) continue;
      TESSERA_CHECK(written >= 0, io, "{}: cannot be written: {}", to.string(), std::strerror(errno));
      at += written;
      count -= static_cast<size_t>(written);
    }
  }
  TESSERA_CHECK(target.close(), io, "{}: cannot be closed: {}", to.string(), std::strerror(errno));
}

}  // namespace

SnapshotManifest describe_snapshot(const fs::path& data, std::string_view name, int64_t created_at) {
  SnapshotManifest manifest{std::string(name), created_at, {}};
  for (const std::string& file : names_in(data)) {
    SnapshotManifest::File entry{file, 0, {}};
    entry.hash = hash_of(data / file, entry.size);
    manifest.files.push_back(std::move(entry));
  }
  return manifest;
}

SnapshotManifest read_manifest(const fs::path& snapshot) {
  check_real_folder(snapshot);
  const std::string where = (snapshot / "manifest.json").string();
  uint64_t size = 0;
  std::string text;
  {
    const FileDescriptor file = open_plain(where, size);
    TESSERA_CHECK(size <= kMaxManifestBytes, corrupt, "{}: has {} bytes, wanted at most {}", where, size,
                  kMaxManifestBytes);
    text.resize(size);
    size_t filled = 0;
    while (filled < size) {
      const size_t count = read_some(file.get(), text.data() + filled, size - filled, where);
      if (count == 0) break;
      filled += count;
    }
    text.resize(filled);
  }
  SnapshotManifest manifest = SnapshotManifest::parse(text, where);
  TESSERA_CHECK(manifest.name == snapshot.filename().string(), corrupt, "{}: is the manifest of another snapshot",
                where);
  for (const std::string& name : names_in(snapshot)) {
    TESSERA_CHECK(name == "manifest.json" || name == "data", corrupt, "{}: does not belong into a snapshot",
                  (snapshot / name).string());
  }
  const fs::path data = snapshot / "data";
  check_real_folder(data);
  std::map<std::string, uint64_t> wanted;
  for (const SnapshotManifest::File& file : manifest.files) wanted[file.name] = file.size;
  for (const std::string& name : names_in(data)) {
    const auto found = wanted.find(name);
    TESSERA_CHECK(found != wanted.end(), corrupt, "{}: is not in the manifest of its snapshot", (data / name).string());
    uint64_t found_size = 0;
    (void)open_plain(data / name, found_size);
    TESSERA_CHECK(found_size == found->second, corrupt, "{}: has {} bytes, its manifest says {}",
                  (data / name).string(), found_size, found->second);
    wanted.erase(found);
  }
  TESSERA_CHECK(wanted.empty(), corrupt, "{}: is missing", (data / wanted.begin()->first).string());
  return manifest;
}

void unpack_snapshot(const fs::path& snapshot, const SnapshotManifest& manifest, const fs::path& target) {
  for (const SnapshotManifest::File& file : manifest.files) {
    const fs::path from = snapshot / "data" / file.name, to = target / file.name;
    // Tables are never changed, only removed: a link is as good as a copy. linkat does not follow links.
    const bool linked = file.name.ends_with(".sst") && linkat(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), 0) == 0;
    if (!linked) copy_plain(from, to);
    uint64_t size = 0;
    const std::string hash = hash_of(to, size);
    TESSERA_CHECK(size == file.size && hash == file.hash, corrupt,
                  "{}: was changed: {} bytes with hash {}, its manifest says {} bytes and {}", from.string(), size,
                  hash, file.size, file.hash);
  }
}

}  // namespace tessera
