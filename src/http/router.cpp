#include "http/router.h"

#include <algorithm>
#include <array>

#include "base/options.h"
#include "http/url.h"

namespace tessera {

enum class RouteSegmentKind { literal, verb, parameter, tail };  // in the order of preference

struct RouteSegment {
  RouteSegmentKind kind = RouteSegmentKind::literal;
  std::string text;    ///< the literal, or the name
  std::string suffix;  ///< of a verb: ":activate"
};

struct CompiledRoute {
  Route route;
  std::vector<RouteSegment> segments;
};

namespace {

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> parts;
  if (!path.empty()) path.remove_prefix(1);
  if (path.empty()) return parts;
  if (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  while (true) {
    const size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

bool is_parameter_name(std::string_view name) {
  return !name.empty() &&
         std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_' || c == '-'; });
}

RouteSegment parse_segment(std::string_view text, std::string_view pattern, bool last) {
  const auto bad = [&] [[noreturn]] (std::string_view why) {
    fail(ErrorKind::config, "route {}: the segment \"{}\" {}", pattern, text, why);
  };
  if (text.empty()) bad("is empty");
  if (text[0] != '{') {
    if (text.find_first_of("{}%?#") != std::string_view::npos) bad("has {, }, %, ? or # in a literal");
    return {RouteSegmentKind::literal, std::string(text), ""};
  }
  const size_t end = text.find('}');
  if (end == std::string_view::npos) bad("has no closing }");
  std::string_view name = text.substr(1, end - 1);
  const std::string_view suffix = text.substr(end + 1);
  RouteSegment segment{RouteSegmentKind::parameter, "", std::string(suffix)};
  if (name.size() > 3 && name.substr(name.size() - 3) == "...") {
    name.remove_suffix(3);
    segment.kind = RouteSegmentKind::tail;
    if (!last || !suffix.empty()) bad("must be the last, without a suffix");
  } else if (!suffix.empty()) {
    segment.kind = RouteSegmentKind::verb;
    if (suffix[0] != ':' || !is_parameter_name(suffix.substr(1))) bad("has a suffix that is not \":verb\"");
  }
  if (!is_parameter_name(name)) bad("has a name that is not of a-z, _ and -");
  segment.text = name;
  return segment;
}

bool match_tail(std::string_view raw_rest, std::string_view name, HttpParameters& parameters) {
  std::string whole;
  while (true) {
    const size_t slash = raw_rest.find('/');
    const auto part = percent_decode(raw_rest.substr(0, slash));
    if (!part || part->empty() || *part == "." || *part == ".." || part->find_first_of("/\\") != std::string::npos) {
      return false;
    }
    whole += *part;
    if (slash == std::string_view::npos) break;
    whole += '/';
    raw_rest.remove_prefix(slash + 1);
  }
  parameters.set(name, std::move(whole));
  return true;
}

bool match_segment(const RouteSegment& segment, std::string_view raw, HttpParameters& parameters) {
  if (segment.kind == RouteSegmentKind::literal) {
    if (raw == segment.text) return true;
    return raw.find('%') != std::string_view::npos && percent_decode(raw) == segment.text;
  }
  if (segment.kind == RouteSegmentKind::verb) {
    if (raw.size() <= segment.suffix.size() || raw.substr(raw.size() - segment.suffix.size()) != segment.suffix) {
      return false;
    }
    raw.remove_suffix(segment.suffix.size());
  }
  auto decoded = percent_decode(raw);
  if (!decoded || decoded->empty()) return false;
  parameters.set(segment.text, std::move(*decoded));
  return true;
}

bool match_route(const CompiledRoute& compiled, const std::vector<std::string_view>& parts,
                 HttpParameters& parameters) {
  const std::vector<RouteSegment>& segments = compiled.segments;
  const bool has_tail = !segments.empty() && segments.back().kind == RouteSegmentKind::tail;
  if (has_tail ? parts.size() < segments.size() : parts.size() != segments.size()) return false;
  for (size_t i = 0; i < segments.size(); ++i) {
    if (segments[i].kind == RouteSegmentKind::tail) {
      const char* begin = parts[i].data();
      const size_t size = static_cast<size_t>(parts.back().data() + parts.back().size() - begin);
      return match_tail({begin, size}, segments[i].text, parameters);
    }
    if (!match_segment(segments[i], parts[i], parameters)) return false;
  }
  return true;
}

/// Whether a is to be tried before b.
bool is_preferred(const CompiledRoute& a, const CompiledRoute& b) {
  const size_t shared = std::min(a.segments.size(), b.segments.size());
  for (size_t i = 0; i < shared; ++i) {
    if (a.segments[i].kind != b.segments[i].kind) return a.segments[i].kind < b.segments[i].kind;
  }
  return a.segments.size() > b.segments.size();
}

bool is_same_shape(const CompiledRoute& a, const CompiledRoute& b) {
  return std::equal(a.segments.begin(), a.segments.end(), b.segments.begin(), b.segments.end(),
                    [](const RouteSegment& x, const RouteSegment& y) {
                      if (x.kind != y.kind || x.suffix != y.suffix) return false;
                      return x.kind != RouteSegmentKind::literal || x.text == y.text;
                    });
}

constexpr std::array<std::string_view, 5> kRouteMethods{"GET", "POST", "PUT", "PATCH", "DELETE"};

}  // namespace

struct Router::Impl {
  std::vector<std::unique_ptr<CompiledRoute>> by_order;
  std::vector<const CompiledRoute*> by_preference;
  std::vector<std::string> patterns;

  std::string nearest_pattern(std::string_view path) const;
};

std::string Router::Impl::nearest_pattern(std::string_view path) const {
  if (path.size() > 64) return "";
  // Parameters cost nothing: a pattern is compared with the path's own text in their places.
  const std::vector<std::string_view> parts = split_path(path);
  std::vector<std::string> filled;
  for (const auto& compiled : by_order) {
    std::string text;
    for (size_t i = 0; i < compiled->segments.size(); ++i) {
      const RouteSegment& segment = compiled->segments[i];
      const bool own = segment.kind == RouteSegmentKind::literal || i >= parts.size();
      text.append("/").append(own ? std::string_view(segment.text) : parts[i]);
    }
    filled.push_back(text);
  }
  const std::string best = nearest(path, filled);
  const auto found = std::find(filled.begin(), filled.end(), best);
  return best.empty() || found == filled.end() ? "" : patterns[static_cast<size_t>(found - filled.begin())];
}

Router::Router() : impl_(std::make_unique<Impl>()) {}
Router::~Router() = default;

void Router::add(Route route) {
  TESSERA_CHECK(std::find(kRouteMethods.begin(), kRouteMethods.end(), route.method) != kRouteMethods.end(), config,
                "route {} {}: the method must be one of {}", route.method, route.pattern,
                fmt::join(kRouteMethods, ", "));
  TESSERA_CHECK(!route.pattern.empty() && route.pattern[0] == '/', config, "route \"{}\" must begin with /",
                route.pattern);
  TESSERA_CHECK(route.handler != nullptr && !route.summary.empty(), config, "route {} {} has no handler or no summary",
                route.method, route.pattern);
  TESSERA_CHECK(route.scope != Scope::none || route.method == "GET", config,
                "route {} {}: only GET may be open to everybody", route.method, route.pattern);
  auto compiled = std::make_unique<CompiledRoute>();
  const std::vector<std::string_view> parts = split_path(route.pattern);
  for (size_t i = 0; i < parts.size(); ++i) {
    compiled->segments.push_back(parse_segment(parts[i], route.pattern, i + 1 == parts.size()));
  }
  for (const auto& other : impl_->by_order) {
    TESSERA_CHECK(other->route.method != route.method || !is_same_shape(*other, *compiled), config,
                  "routes {} {} and {} are the same", route.method, other->route.pattern, route.pattern);
  }
  impl_->patterns.push_back(route.pattern);
  compiled->route = std::move(route);
  const CompiledRoute* added = compiled.get();
  impl_->by_order.push_back(std::move(compiled));
  auto& sorted = impl_->by_preference;
  sorted.insert(std::upper_bound(sorted.begin(), sorted.end(), added,
                                 [](const auto* a, const auto* b) { return is_preferred(*a, *b); }),
                added);
}

Router::Match Router::match(std::string_view method, std::string_view path) const {
  const std::vector<std::string_view> parts = split_path(path);
  const std::string_view wanted = method == "HEAD" ? "GET" : method;
  bool path_exists = false;
  for (const CompiledRoute* compiled : impl_->by_preference) {
    if (path_exists && compiled->route.method != wanted) continue;
    Match match;
    if (!match_route(*compiled, parts, match.parameters)) continue;
    if (compiled->route.method == wanted) {
      match.route = &compiled->route;
      return match;
    }
    path_exists = true;
  }
  if (path_exists) {
    throw ProblemError({ProblemCode::method_not_allowed,
                        fmt::format("The path takes {}, not {}.", allowed(path), method.substr(0, 20)), "", 0});
  }
  const std::string near = impl_->nearest_pattern(path);
  throw ProblemError({ProblemCode::route_not_found,
                      near.empty() ? "There is no such path." : fmt::format("There is no such path; near is {}.", near),
                      "", 0});
}

std::string Router::allowed(std::string_view path) const {
  const std::vector<std::string_view> parts = split_path(path);
  std::string text;
  for (const std::string_view method : kRouteMethods) {
    const bool has = std::any_of(impl_->by_order.begin(), impl_->by_order.end(), [&](const auto& compiled) {
      HttpParameters ignored;
      return compiled->route.method == method && (path == "*" || match_route(*compiled, parts, ignored));
    });
    if (!has) continue;
    text.append(text.empty() ? "" : ", ").append(method);
    if (method == "GET") text += ", HEAD";
  }
  return text.empty() ? text : text + ", OPTIONS";
}

std::vector<const Route*> Router::routes() const {
  std::vector<const Route*> rows;
  for (const auto& compiled : impl_->by_order) rows.push_back(&compiled->route);
  return rows;
}

HttpHandler answer_with(std::function<HttpResponse(const HttpRequest&)> make) {
  return [make = std::move(make)](HttpRequest request, Reply reply) { reply.send(make(request)); };
}

}  // namespace tessera
