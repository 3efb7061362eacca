#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/file.h"
#include "store/rocks_store.h"
#include "store/snapshot_manifest.h"

namespace tessera::rocks {
namespace {

namespace fs = std::filesystem;

SnapshotInfo info_of(const SnapshotManifest& manifest) {
  return {manifest.name, manifest.created_at, manifest.size_bytes(), manifest.files.size()};
}

/// Whether something of this name is there, a link that leads nowhere too.
bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

/// Folders of snapshots are never reached through a link: nothing is written or removed elsewhere.
void check_snapshots_folder(const fs::path& folder) {
  std::error_code error;
  TESSERA_CHECK(!is_there(folder) || fs::is_directory(fs::symlink_status(folder, error)), corrupt,
                "{}: is a link or a file, wanted a folder: remove it", folder.string());
}

}  // namespace

SnapshotInfo RocksStore::snapshot(std::string_view name) {
  check_snapshot_name(name);
  const std::scoped_lock lock(snapshot_mutex_);
  check_snapshots_folder(folder_.snapshots());
  const fs::path target = folder_.snapshot(name);
  TESSERA_CHECK(!is_there(target), data, "there is a snapshot \"{}\" already: erase it first, or take another name",
                name);
  const auto held = database();
  AtomicFolder fresh(target);
  const fs::path data = fresh.path() / "data";
  rocksdb::Checkpoint* made = nullptr;
  check_status(rocksdb::Checkpoint::Create(&held->db(), &made), target.string());
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  // 0: the memtable is flushed first, so that tables, which can be linked, hold everything.
  check_status(checkpoint->CreateCheckpoint(data.string(), 0),
               fmt::format("{}: the snapshot could not be written, nothing is left of it", target.string()));
  const int64_t now =
      std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  const SnapshotManifest manifest = describe_snapshot(data, name, now);
  write_file(fresh.path() / "manifest.json", manifest.to_json());
  fresh.commit();
  return info_of(manifest);
}

std::vector<SnapshotInfo> RocksStore::snapshots() {
  const std::scoped_lock lock(snapshot_mutex_);
  check_snapshots_folder(folder_.snapshots());
  std::vector<SnapshotInfo> out;
  std::error_code error;
  if (!is_there(folder_.snapshots())) return out;
  for (fs::directory_iterator it(folder_.snapshots(), error), end; !error && it != end; it.increment(error)) {
    try {
      check_snapshot_name(it->path().filename().string());
      out.push_back(info_of(read_manifest(it->path())));
    } catch (const Error&) {
      continue;  // not a snapshot, or a damaged one: restore() says what is wrong with it
    }
  }
  TESSERA_CHECK(!error, io, "{}: cannot be listed: {}", folder_.snapshots().string(), error.message());
  std::sort(out.begin(), out.end(), [](const SnapshotInfo& a, const SnapshotInfo& b) { return a.name < b.name; });
  return out;
}

void RocksStore::restore(std::string_view name) {
  check_snapshot_name(name);
  const std::scoped_lock lock(snapshot_mutex_);
  check_snapshots_folder(folder_.snapshots());
  const fs::path source = folder_.snapshot(name);
  TESSERA_CHECK(is_there(source), data, "there is no snapshot \"{}\"", name);
  const SnapshotManifest manifest = read_manifest(source);
  const fs::path state = folder_.next_state();
  std::error_code ignored;
  fs::remove_all(state, ignored);  // of a restore that failed before
  {
    AtomicFolder fresh(state);
    unpack_snapshot(source, manifest, fresh.path());
    fresh.commit();
  }
  std::shared_ptr<Database> database;
  try {
    database = Database::open(state, options_.cache_bytes);
  } catch (const Error&) {
    fs::remove_all(state, ignored);
    throw;
  }
  swap_database(std::move(database));  // where it fails, the unused state goes with the next restore or open
}

void RocksStore::swap_database(std::shared_ptr<Database> fresh) {
  const std::scoped_lock lock(write_mutex_);
  folder_.use(fresh->folder());
  resume_ = false;
  const std::scoped_lock pointer_lock(database_mutex_);
  database_->retire();
  database_.swap(fresh);
}

void RocksStore::erase_snapshot(std::string_view name) {
  check_snapshot_name(name);
  const std::scoped_lock lock(snapshot_mutex_);
  check_snapshots_folder(folder_.snapshots());
  const fs::path target = folder_.snapshot(name);
  TESSERA_CHECK(is_there(target), data, "there is no snapshot \"{}\"", name);
  // Renamed first: what a crash leaves of it is no longer a snapshot, and goes with the next open.
  const fs::path doomed = folder_.snapshots() / fmt::format(".{}.erased", name);
  std::error_code error;
  fs::remove_all(doomed, error);
  fs::rename(target, doomed, error);
  TESSERA_CHECK(!error, io, "{}: cannot be erased: {}", target.string(), error.message());
  fs::remove_all(doomed, error);
  TESSERA_CHECK(!error, io, "{}: cannot be erased wholly: {}", target.string(), error.message());
}

}  // namespace tessera::rocks
