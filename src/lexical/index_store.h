#pragma once

#include <xapian.h>

#include <filesystem>
#include <string>

namespace tessera {

/// The folder of a Glass database that can be built anew at any time. Its files are not flushed on commit, which makes
/// a commit cheap: they survive a crash of the process, and a crash of the machine is noticed.
///     lock     held while open, so that two processes do not share it
///     state    "tessera-lexical 1 <open|closed> <boot id>"; closed: everything was flushed before
///     glass/   the database
class IndexStore {
 public:
  /// @param folder  "": a temporary folder, removed with the object
  /// @param fingerprint  of the options; a database made with another is removed
  /// @throws Error(config | io)
  IndexStore(const std::filesystem::path& folder, const std::string& fingerprint);
  ~IndexStore();
  IndexStore(const IndexStore&) = delete;
  IndexStore& operator=(const IndexStore&) = delete;

  Xapian::WritableDatabase& writer() { return writer_; }
  /// A reader of its own, at the last commit.
  Xapian::Database open_reader() const;
  const std::string& start_reason() const { return start_reason_; }
  int64_t size_bytes() const;

 private:
  void lock();
  bool open_existing(const std::string& fingerprint);
  void write_state(bool open) const;
  void close() noexcept;

  std::filesystem::path folder_, database_;
  bool temporary_ = false;
  int lock_ = -1;      ///< a descriptor; -1: none
  bool open_ = false;  ///< the constructor came to its end
  std::string start_reason_;
  Xapian::WritableDatabase writer_;
};

}  // namespace tessera
