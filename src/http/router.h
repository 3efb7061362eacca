#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"
#include "http/reply.h"

namespace tessera {

/// Answers one request, at once or later through the reply, from any thread. Called on an io thread: it must not block,
/// so long work goes to a thread of the service. Exceptions become problems.
using HttpHandler = std::function<void(HttpRequest, Reply)>;

/// One row of the table.
struct Route {
  std::string method;   ///< "GET"; GET answers HEAD too
  std::string pattern;  ///< "/v1/items/{id}", "/v1/models/{name}:activate", "/console/{file...}"
  Scope scope = Scope::admin;
  std::string summary;  ///< one sentence for the documentation
  HttpHandler handler;
  size_t body_limit = 0;              ///< bytes after decompression; 0: the server's limit
  int deadline_ms = 0;                ///< 0: the server's
  bool even_when_overloaded = false;  ///< health and metrics answer beyond max_in_flight
};

/// A handler that answers at once.
HttpHandler answer_with(std::function<HttpResponse(const HttpRequest&)> make);

/// The table of routes. Filled before the server starts; afterwards all const functions are thread-safe.
///
/// Patterns are segments between "/": a literal, `{name}` (one segment, percent-decoded, may hold an encoded "/"),
/// `{name}:verb` (a segment that ends with ":verb"), or `{name...}` at the end (one or more segments, decoded; "." and
/// ".." segments, backslashes and empty segments never match). Literals beat `{name}:verb` beats `{name}` beats
/// `{name...}`, from left to right. One "/" at the end of a path is ignored; empty segments elsewhere match nothing.
class Router {
 public:
  Router();
  ~Router();
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// @throws Error(config) for a bad pattern or method, a second route of the same method and shape, no handler or
  ///         summary, or scope `none` for another method than GET
  void add(Route route);

  struct Match {
    const Route* route = nullptr;  ///< lives as long as the router
    HttpParameters parameters;     ///< decoded
  };
  /// @param path  percent-encoded, without query
  /// @return the route, with HEAD served by GET
  /// @throws ProblemError(route_not_found) naming the nearest route; ProblemError(method_not_allowed), see allowed()
  Match match(std::string_view method, std::string_view path) const;

  /// The methods of the path for the header Allow, e.g. "GET, HEAD, PUT"; "" if no route has the path. "*" has all.
  std::string allowed(std::string_view path) const;

  /// All rows in the order in which they were added.
  std::vector<const Route*> routes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tessera
