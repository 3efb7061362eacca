#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

inline constexpr size_t kMaxStoreName = 32;
inline constexpr size_t kMaxStoreKey = 4096;
inline constexpr size_t kMaxStoreValue = 16u << 20;
inline constexpr size_t kMaxStoreId = 256;
inline constexpr size_t kMaxBatchOperations = 100'000;
inline constexpr size_t kMaxBatchBytes = 64u << 20;

/// Operations that a Store applies together and in order (Store::commit). Every operation is checked when it is added:
/// one that cannot be is Error(data), and the batch stays as it was. Not thread-safe.
///
/// An event that may be sent twice carries an id:
///   batch.begin_once("events", "", id).append("events", "", event).append("history", user, event, 1000).end_once();
/// If `id` was seen in that list before, within the store's window of ids, every operation in between is skipped and
/// reported as duplicate.
class WriteBatch {
 public:
  enum class Kind : uint8_t { put, erase, append, erase_list };
  static constexpr size_t kNoGuard = static_cast<size_t>(-1);

  struct Operation {
    Kind kind;
    std::string name, key, value;
    uint64_t keep = 0;        ///< append: entries kept, 0 for all
    size_t guard = kNoGuard;  ///< index into guards(): applied only if that id is new
  };
  struct Guard {
    std::string list, key, id;
    size_t first_operation;  ///< it is decided just before this one
  };

  WriteBatch& put(std::string_view collection, std::string_view key, std::string_view value);
  /// Erasing what is not there is no error.
  WriteBatch& erase(std::string_view collection, std::string_view key);
  /// Adds an entry with the list's next sequence number (from 1, without gaps). `keep` above 0 drops all but the newest
  /// so many; numbers are not reused.
  WriteBatch& append(std::string_view list, std::string_view key, std::string_view value, uint64_t keep = 0);
  /// begin_once + append + end_once.
  WriteBatch& append_once(std::string_view list, std::string_view key, std::string_view value, std::string_view id,
                          uint64_t keep = 0);
  /// Forgets the list: entries, ids and numbering, which starts again from 1.
  WriteBatch& erase_list(std::string_view list, std::string_view key);
  /// The operations until end_once() are skipped if `id` (1 to 256 bytes) was seen in this list. They do not nest.
  WriteBatch& begin_once(std::string_view list, std::string_view key, std::string_view id);
  WriteBatch& end_once();

  const std::vector<Operation>& operations() const { return operations_; }
  const std::vector<Guard>& guards() const { return guards_; }
  size_t size() const { return operations_.size(); }
  bool empty() const { return operations_.empty(); }
  size_t num_bytes() const { return num_bytes_; }  ///< of names, keys, values and ids
  bool inside_once() const { return open_guard_ != kNoGuard; }
  void clear();

 private:
  WriteBatch& add(Operation operation);

  std::vector<Operation> operations_;
  std::vector<Guard> guards_;
  size_t num_bytes_ = 0, open_guard_ = kNoGuard;
};

/// Error(data) unless the text can name a collection or list. `what` goes into the message.
void check_store_name(std::string_view what, std::string_view name);
/// Error(data) unless the bytes can be a key of a collection (list: false) or list.
void check_store_key(std::string_view key, bool list);
/// Error(data) unless the text can name a snapshot.
void check_snapshot_name(std::string_view name);

}  // namespace tessera
