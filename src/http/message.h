#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/problem.h"
#include "http/scope.h"

namespace tessera {

struct Route;

struct NameValue {
  std::string name;
  std::string value;
};

/// Header fields in order of arrival; names compare without case. Not thread-safe, like everything in this file.
class HttpHeaders {
 public:
  void add(std::string name, std::string value) { fields_.push_back({std::move(name), std::move(value)}); }
  /// Replaces all fields of the name by one.
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);
  /// @return the first value of the name, or "" when there is none
  std::string_view get(std::string_view name) const;
  bool has(std::string_view name) const { return count(name) > 0; }
  size_t count(std::string_view name) const;
  const std::vector<NameValue>& all() const { return fields_; }

 private:
  std::vector<NameValue> fields_;
};

/// Decoded parameters; one name may come several times. Names compare with case.
class HttpParameters {
 public:
  void add(std::string name, std::string value) { values_.push_back({std::move(name), std::move(value)}); }
  /// Replaces all values of the name by one.
  void set(std::string_view name, std::string value);
  void remove(std::string_view name);
  /// @return the first value, or nothing
  std::optional<std::string_view> find(std::string_view name) const;
  /// @return the first value, or "" when there is none
  std::string_view get(std::string_view name) const { return find(name).value_or(std::string_view()); }
  const std::vector<NameValue>& all() const { return values_; }

 private:
  std::vector<NameValue> values_;
};

/// Who asks, as far as the key says. No secret is in here.
struct Identity {
  std::string key_id;           ///< "" for a request without a key
  ScopeSet scopes;              ///< what the key may do
  std::string embedded_params;  ///< a JSON object that a scoped key brings; it overrides the request. "" without one
};

/// One request, owned. Everything in it is checked as far as HTTP goes: sizes, percent-encoding, UTF-8 of path and
/// query.
struct HttpRequest {
  using Clock = std::chrono::steady_clock;

  std::string method;              ///< as sent: "GET"
  std::string target;              ///< as sent: "/v1/items/a%2Fb?x=1"; the gateway takes keys out
  std::string path;                ///< the target without the query, still percent-encoded
  HttpParameters path_parameters;  ///< decoded, by the names of the route's pattern
  HttpParameters query;            ///< decoded; "+" is a space
  HttpHeaders headers;
  std::string body;                                       ///< decoded by Content-Encoding
  std::string request_id;                                 ///< from X-Request-ID if that is usable, else made here
  std::string peer;                                       ///< address of the other end, without port
  Identity identity;                                      ///< set by the gateway
  Clock::time_point start;                                ///< when the head was complete
  Clock::time_point deadline = Clock::time_point::max();  ///< after this the server answers 503 by itself
  const Route* route = nullptr;                           ///< the row of the router's table, set by the gateway
};

/// One answer. Content-Length, Date, Connection, X-Request-ID and compression are the server's work.
struct HttpResponse {
  HttpResponse() = default;
  explicit HttpResponse(int status, std::string body = "", std::string content_type = "application/json")
      : status(status), content_type(std::move(content_type)), body(std::move(body)) {}
  /// The server renders the problem, with request id and path, when it sends the answer.
  HttpResponse(Problem problem) : status(problem.status()), problem(std::move(problem)) {}  // NOLINT: on purpose

  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  HttpHeaders headers;
  std::optional<Problem> problem;
};

/// The reason phrase of a status code; "Unknown" for one without.
std::string_view reason_phrase(int status);

/// ASCII, without case.
bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace tessera
