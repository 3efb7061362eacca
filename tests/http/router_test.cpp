#include "http/router.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "base/temporary_folder.h"

namespace tessera {
namespace {

using test::expect_error;

Route route(std::string method, std::string pattern, Scope scope = Scope::search) {
  Route row;
  row.method = std::move(method);
  row.pattern = std::move(pattern);
  row.scope = scope;
  row.summary = "A test.";
  row.handler = answer_with([](const HttpRequest&) { return HttpResponse(); });
  return row;
}

/// "pattern name=value ..." of the match, or the code of the problem.
std::string matched(const Router& router, std::string_view method, std::string_view path) {
  try {
    const Router::Match match = router.match(method, path);
    std::string text = match.route->pattern;
    for (const NameValue& parameter : match.parameters.all()) text += " " + parameter.name + "=" + parameter.value;
    return text;
  } catch (const ProblemError& error) {
    return error.problem().name();
  }
}

void fill(Router& router) {
  for (const char* pattern : {"/", "/v1/items/{id}", "/v1/items/import", "/v1/items/{id}/similar",
                              "/v1/models/{name}:activate", "/v1/models/{name}", "/console/{file...}", "/v1/search"}) {
    router.add(route("GET", pattern));
  }
  router.add(route("POST", "/v1/search"));
  router.add(route("PUT", "/v1/items/{id}"));
}

TEST(Router, MatchesTheMostSpecificRoute) {
  Router router;
  fill(router);
  const std::vector<std::pair<const char*, const char*>> cases{
      {"/", "/"},
      {"/v1/search", "/v1/search"},
      {"/v1/search/", "/v1/search"},
      {"/v1/%73earch", "/v1/search"},
      {"/v1/items/a%2Fb%20c", "/v1/items/{id} id=a/b c"},
      {"/v1/items/..", "/v1/items/{id} id=.."},
      {"/v1/items/import", "/v1/items/import"},
      {"/v1/items/x/similar", "/v1/items/{id}/similar id=x"},
      {"/v1/models/m:activate", "/v1/models/{name}:activate name=m"},
      {"/v1/models/m%3Aactivate", "/v1/models/{name} name=m:activate"},
      {"/v1/models/:activate", "/v1/models/{name} name=:activate"},
      {"/console/js/a.js", "/console/{file...} file=js/a.js"},
      {"/console/../secret", "route_not_found"},
      {"/console/%2e%2e/secret", "route_not_found"},
      {"/console/a%2f..%2fb", "route_not_found"},
      {"/console/a%5Cb", "route_not_found"},
      {"/console//a", "route_not_found"},
      {"/console", "route_not_found"},
      {"/v1//search", "route_not_found"},
      {"/v1/items/", "route_not_found"},
      {"/v1/items//", "route_not_found"},
      {"//", "route_not_found"},
      {"/V1/search", "route_not_found"},
  };
  for (const auto& [path, wanted] : cases) EXPECT_EQ(matched(router, "GET", path), wanted) << path;
  EXPECT_EQ(matched(router, "HEAD", "/v1/search"), "/v1/search");
  EXPECT_EQ(matched(router, "DELETE", "/v1/search"), "method_not_allowed");
  EXPECT_EQ(matched(router, "BREW", "/v1/items/7"), "method_not_allowed");
  EXPECT_EQ(matched(router, "PUT", "/v1/items/import"), "/v1/items/{id} id=import");
  EXPECT_EQ(router.allowed("/v1/items/7"), "GET, HEAD, PUT, OPTIONS");
  EXPECT_EQ(router.allowed("/nothing"), "");
  EXPECT_EQ(router.routes().size(), 10u);
}

TEST(Router, NamesTheNearestRoute) {
  Router router;
  fill(router);
  const auto detail = [&](const char* path) {
    try {
      router.match("GET", path);
    } catch (const ProblemError& error) {
      return error.problem().detail;
    }
    return std::string("matched");
  };
  EXPECT_EQ(detail("/v1/serach"), "There is no such path; near is /v1/search.");
  EXPECT_EQ(detail("/v1/item/anything-goes-here"), "There is no such path; near is /v1/items/{id}.");
  EXPECT_EQ(detail("/completely/else/where/over/there"), "There is no such path.");
}

TEST(Router, RefusesBadTables) {
  Router router;
  fill(router);
  expect_error(ErrorKind::config, "are the same", [&] { router.add(route("GET", "/v1/items/{other}")); });
  expect_error(ErrorKind::config, "method", [&] { router.add(route("HEAD", "/x")); });
  expect_error(ErrorKind::config, "begin with /", [&] { router.add(route("GET", "x")); });
  expect_error(ErrorKind::config, "is empty", [&] { router.add(route("GET", "/a//b")); });
  expect_error(ErrorKind::config, "closing", [&] { router.add(route("GET", "/{a")); });
  expect_error(ErrorKind::config, "must be the last", [&] { router.add(route("GET", "/{a...}/b")); });
  expect_error(ErrorKind::config, ":verb", [&] { router.add(route("GET", "/{a}x")); });
  expect_error(ErrorKind::config, "name", [&] { router.add(route("GET", "/{}")); });
  expect_error(ErrorKind::config, "literal", [&] { router.add(route("GET", "/a{b}")); });
  expect_error(ErrorKind::config, "only GET may be open", [&] { router.add(route("POST", "/x", Scope::none)); });
  Route bare = route("GET", "/y");
  bare.summary = "";
  expect_error(ErrorKind::config, "no summary", [&] { router.add(bare); });
}

TEST(Router, SurvivesRandomPaths) {
  Router router;
  fill(router);
  Random random(5, "paths");
  for (int i = 0; i < 20'000; ++i) {
    std::string path = "/";
    for (uint64_t k = random.below(20); k-- > 0;) path += "/%.:2Fv1itemsx"[random.below(14)];
    const std::string result = matched(router, "GET", path);
    if (result.rfind("/console/", 0) == 0) {
      EXPECT_EQ(result.find(".."), std::string::npos) << path;
    }
  }
}

}  // namespace
}  // namespace tessera
