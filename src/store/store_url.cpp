#include "store/store_url.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/error.h"

namespace tessera {
namespace {

constexpr std::string_view kForms =
    "wanted a path, rocksdb:PATH, redis://HOST:PORT[/DB] or redis+cluster://HOST:PORT[,HOST:PORT...]";

std::optional<int> small_number(std::string_view text, int highest) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number < 0 || number > highest) {
    return std::nullopt;
  }
  return number;
}

bool is_scheme(std::string_view text) {
  return text.size() >= 2 && text[0] >= 'a' && text[0] <= 'z' && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
         });
}

/// Takes what is behind the last/first `mark` off the text; nullopt without one.
std::optional<std::string_view> cut_behind(std::string_view& text, char mark) {
  const size_t at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view behind = text.substr(at + 1);
  text = text.substr(0, at);
  return behind;
}

std::string percent_decoded(std::string_view text) {
  std::string out;
  const auto digit = [](char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    TESSERA_CHECK(
        i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0, config,
        "store URL: a % in the user or password is not followed by two hex digits: write a percent sign as %25");
    out.push_back(static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2])));
    i += 2;
  }
  return out;
}

void parse_query(std::string_view query, StoreUrl& url) {
  TESSERA_CHECK(query.starts_with("prefix="), config, "store URL: \"?{}\" is not known: wanted ?prefix=NAME", query);
  const std::string_view prefix = query.substr(7);
  const bool good = !prefix.empty() && prefix.size() <= 32 && std::all_of(prefix.begin(), prefix.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  TESSERA_CHECK(good, config, "store URL: \"{}\" cannot be a prefix: wanted 1 to 32 of A-Z a-z 0-9 _ -", prefix);
  url.prefix = prefix;
}

void parse_credentials(std::string_view text, StoreUrl& url) {
  const auto password = cut_behind(text, ':');
  TESSERA_CHECK(password && !password->empty(), config,
                "store URL: wanted USER:PASSWORD or :PASSWORD in front of the @");
  url.user = percent_decoded(text);
  url.password = percent_decoded(*password);
}

void parse_redis(std::string_view rest, StoreUrl& url) {
  if (const size_t at = rest.rfind('@'); at != std::string_view::npos) {
    parse_credentials(rest.substr(0, at), url);
    rest.remove_prefix(at + 1);
  }
  if (const auto query = cut_behind(rest, '?')) parse_query(*query, url);
  if (const auto database = cut_behind(rest, '/'); database && !database->empty()) {
    const auto number = small_number(*database, 1023);
    TESSERA_CHECK(number && (url.kind == StoreUrl::Kind::redis || *number == 0), config,
                  "store URL: \"/{}\" is no database: wanted a number to 1023, and none with a cluster", *database);
    url.database = *number;
  }
  while (true) {
    const auto more = cut_behind(rest, ',');
    url.hosts.push_back(parse_host_port(rest, 6379));
    if (!more) break;
    rest = *more;
  }
  TESSERA_CHECK(url.kind == StoreUrl::Kind::redis_cluster || url.hosts.size() == 1, config,
                "store URL: {} servers are named, redis:// is one: wanted redis+cluster:// ?", url.hosts.size());
}

}  // namespace

std::string HostPort::text() const {
  return host.find(':') == std::string::npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

HostPort parse_host_port(std::string_view text, int default_port) {
  HostPort out{std::string(text), default_port};
  std::optional<std::string_view> port;
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    TESSERA_CHECK(end != std::string_view::npos, config, "store URL: \"{}\" has no ] behind its address", text);
    out.host = text.substr(1, end - 1);
    std::string_view behind = text.substr(end + 1);
    TESSERA_CHECK(behind.empty() || behind[0] == ':', config, "store URL: \"{}\" is no HOST:PORT", text);
    port = cut_behind(behind, ':');
  } else if (std::count(text.begin(), text.end(), ':') == 1) {
    std::string_view host = text;
    port = cut_behind(host, ':');
    out.host = host;
  }
  if (port) {
    const auto number = small_number(*port, 65535);
    TESSERA_CHECK(number && *number > 0, config, "store URL: \"{}\" is no port: wanted 1 to 65535", *port);
    out.port = *number;
  }
  TESSERA_CHECK(text.starts_with('[') || out.host.find(':') == std::string::npos, config,
                "store URL: \"{}\" is no HOST:PORT: an IPv6 address stands in brackets", text);
  const bool good =
      !out.host.empty() && out.host.size() <= 255 && std::all_of(out.host.begin(), out.host.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
               c == '_' || c == ':';
      });
  TESSERA_CHECK(good, config, "store URL: \"{}\" is no HOST:PORT", text);
  return out;
}

StoreUrl parse_store_url(std::string_view url) {
  StoreUrl out;
  TESSERA_CHECK(!url.empty(), config, "store URL: is empty: {}", kForms);
  TESSERA_CHECK(url.find('\0') == std::string_view::npos, config, "store URL: holds a zero byte: {}", kForms);
  std::string_view scheme = url;
  const auto rest = cut_behind(scheme, ':');
  if (!rest || !is_scheme(scheme)) {
    out.path = url;
    return out;
  }
  if (scheme == "rocksdb") {
    out.path = rest->starts_with("//") ? rest->substr(2) : *rest;
    TESSERA_CHECK(!out.path.empty(), config, "store URL: rocksdb: names no path: {}", kForms);
    return out;
  }
  TESSERA_CHECK((scheme == "redis" || scheme == "redis+cluster") && rest->starts_with("//"), config,
                "store URL: \"{}:\" is not known: {}", scheme, kForms);
  out.kind = scheme == "redis" ? StoreUrl::Kind::redis : StoreUrl::Kind::redis_cluster;
  parse_redis(rest->substr(2), out);
  return out;
}

}  // namespace tessera
