#include "store/rocks_keys.h"

#include "base/error.h"

namespace tessera::rocks {
namespace {

void add_number(std::string& out, uint64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(number >> shift));
}

uint64_t read_number(std::string_view bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < 8; ++i) number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return number;
}

}  // namespace

std::string ListHead::encode() const {
  std::string out;
  out.reserve(32);
  for (const uint64_t number : {first, next, first_id, next_id}) add_number(out, number);
  return out;
}

ListHead ListHead::decode(std::string_view bytes) {
  TESSERA_CHECK(bytes.size() == 32, corrupt, "store: the head of a list has {} bytes, wanted 32: restore a snapshot",
                bytes.size());
  const ListHead head{read_number(bytes), read_number(bytes.substr(8)), read_number(bytes.substr(16)),
                      read_number(bytes.substr(24))};
  TESSERA_CHECK(head.first >= 1 && head.first <= head.next && head.first_id >= 1 && head.first_id <= head.next_id,
                corrupt, "store: the head of a list holds entries {}..{} and ids {}..{}: restore a snapshot",
                head.first, head.next, head.first_id, head.next_id);
  return head;
}

std::string name_prefix(char tag, std::string_view name) {
  std::string out(1, tag);
  out += name;
  out.push_back('\0');
  return out;
}

std::string plain_key(char tag, std::string_view name, std::string_view key) {
  std::string out;
  out.reserve(2 + name.size() + key.size());
  out.push_back(tag);
  out += name;
  out.push_back('\0');
  out += key;
  return out;
}

std::string list_prefix(char tag, std::string_view name, std::string_view key) {
  std::string out;
  out.reserve(12 + name.size() + key.size());
  out.push_back(tag);
  out += name;
  out.push_back('\0');
  for (const char c : key) {
    out.push_back(c);
    if (c == '\0') out.push_back('\xff');
  }
  out.push_back('\0');
  out.push_back('\x01');
  return out;
}

std::string numbered(std::string_view prefix, uint64_t number) {
  std::string out;
  out.reserve(prefix.size() + 8);
  out += prefix;
  add_number(out, number);
  return out;
}

uint64_t number_of(std::string_view key, std::string_view prefix) {
  TESSERA_CHECK(key.size() == prefix.size() + 8 && key.starts_with(prefix), corrupt,
                "store: a list holds a key of {} bytes, wanted {}: restore a snapshot", key.size(), prefix.size() + 8);
  return read_number(key.substr(prefix.size()));
}

std::string prefix_end(std::string prefix) {
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace tessera::rocks
