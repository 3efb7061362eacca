#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Keys and small values of the RocksDB store. One column family holds everything under a tag byte: one write-ahead log
/// and one memtable, so that a batch over collections and lists is one record, and recovery never has to align
/// families.
///
///   "s"                                    -> schema version, as text
///   "m" name 00 key                        -> value of a collection's entry
///   "h" name 00 key                        -> ListHead
///   "e" name 00 escaped(key) 00 01 number  -> value of a list's entry
///   "i" name 00 escaped(key) 00 01 id      -> "" : the id is within the list's window
///   "w" name 00 escaped(key) 00 01 number  -> the id that was seen as number-th
///
/// Names hold no 00. escaped() writes 00 as 00 ff, so that keys keep their order and none is the beginning of another.
/// Numbers are 8 bytes, big endian. Bytewise order of these keys is (tag, name, key, number).
namespace tessera::rocks {

inline constexpr int kSchemaVersion = 1;
inline constexpr std::string_view kSchemaKey = "s";

/// The numbers of a list: entries first <= n < next are kept, ids first_id <= n < next_id are remembered.
struct ListHead {
  uint64_t first = 1, next = 1, first_id = 1, next_id = 1;

  std::string encode() const;
  /// @throws Error(corrupt) unless it is 32 bytes whose numbers are in order
  static ListHead decode(std::string_view bytes);
};

/// tag name 00: the beginning of all keys of a collection ("m") or of all heads of a list ("h").
std::string name_prefix(char tag, std::string_view name);
/// tag name 00 key
std::string plain_key(char tag, std::string_view name, std::string_view key);
/// tag name 00 escaped(key) 00 01: the beginning of all entries ("e"), ids ("i") or numbered ids ("w") of a list.
std::string list_prefix(char tag, std::string_view name, std::string_view key);
/// prefix and number
std::string numbered(std::string_view prefix, uint64_t number);
/// The number at the end of a key made by numbered(). @throws Error(corrupt) unless the key is prefix and 8 bytes
uint64_t number_of(std::string_view key, std::string_view prefix);
/// The smallest key greater than every key that begins with `prefix` (whose last byte is not ff).
std::string prefix_end(std::string prefix);

}  // namespace tessera::rocks
