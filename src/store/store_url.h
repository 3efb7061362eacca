#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tessera {

struct HostPort {
  std::string host;
  int port = 0;
  bool operator==(const HostPort&) const = default;
  std::string text() const;  ///< "host:port", with brackets around an IPv6 address
};

/// What open_store's URL says.
struct StoreUrl {
  enum class Kind { rocksdb, redis, redis_cluster };
  Kind kind = Kind::rocksdb;
  std::string path;             ///< rocksdb
  std::vector<HostPort> hosts;  ///< redis: one; cluster: one or more to start from
  std::string user, password;   ///< empty: none
  int database = 0;             ///< redis, 0 to 1023
  std::string prefix = "tessera";
};

/// @throws Error(config) for anything that open_store does not take; the message shows no password
StoreUrl parse_store_url(std::string_view url);

/// "HOST:PORT", "[IPv6]:PORT", or without a port `default_port`. @throws Error(config)
HostPort parse_host_port(std::string_view text, int default_port);

}  // namespace tessera
