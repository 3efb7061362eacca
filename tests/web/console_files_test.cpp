// The files of the console, as they are inside the program, and how they are served.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>

#include "http/client.h"
#include "serve/console_files.h"
#include "web/console_shop.h"

namespace tessera {
namespace {

using Json = nlohmann::json;
using serve::console_files;
using serve::ConsoleFile;

std::set<std::string> matches(std::string_view text, const std::string& pattern) {
  const std::string whole(text);
  const std::regex regex(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator at(whole.begin(), whole.end(), regex), end; at != end; ++at) found.insert((*at)[1].str());
  return found;
}

TEST(ConsoleFiles, AreInTheProgramAsTheyAreInTheFolder) {
  std::set<std::string> names;
  for (const ConsoleFile& file : console_files()) {
    names.insert(std::string(file.name));
    std::ifstream in(std::filesystem::path(TESSERA_SOURCE_DIR) / "web" / file.name, std::ios::binary);
    EXPECT_TRUE(std::string(std::istreambuf_iterator<char>(in), {}) == file.bytes) << file.name << " is older in here";
    EXPECT_EQ(file.etag.front(), '"');
    EXPECT_EQ(file.etag.back(), '"');
  }
  EXPECT_TRUE(names.contains("index.html"));
  size_t in_folder = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(TESSERA_SOURCE_DIR) / "web")) {
    EXPECT_TRUE(names.contains(entry.path().filename().string())) << entry.path();
    ++in_folder;
  }
  EXPECT_EQ(names.size(), in_folder);
}

TEST(ConsoleFiles, NameOnlyEachOther) {
  std::set<std::string> names;
  for (const ConsoleFile& file : console_files()) names.insert(std::string(file.name));
  for (const ConsoleFile& file : console_files()) {
    for (const std::string& name : matches(file.bytes, R"re(from "\./([^"]+)")re"))
      EXPECT_TRUE(names.contains(name)) << name;
    if (file.name.ends_with(".html")) {
      for (const std::string& name : matches(file.bytes, R"re((?:src|href)="([^"#]+)")re"))
        EXPECT_TRUE(names.contains(name)) << name;
    }
    for (const std::string& host : matches(file.bytes, R"re((?:https?:)?//([a-z0-9.-]+\.[a-z]+))re"))
      EXPECT_EQ(host, "www.w3.org") << file.name;  // the name of the SVG language, which nobody fetches
  }
}

TEST(ConsoleFiles, MakeNoMarkupOfTexts) {
  for (const ConsoleFile& file : console_files()) {
    for (const char* way : {"innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"})
      EXPECT_EQ(file.bytes.find(way), std::string_view::npos) << file.name << " has " << way;
    if (!file.name.ends_with(".html")) continue;
    EXPECT_EQ(file.bytes.find(" style="), std::string_view::npos);
    EXPECT_EQ(file.bytes.find(" on"), std::string_view::npos);
    EXPECT_EQ(file.bytes.find("<style"), std::string_view::npos);
  }
}

/// The routes, over the network.
class ConsoleRoutesSlow : public testing::Test {
 protected:
  ConsoleRoutesSlow() : client_(ClientOptions{.port = shop_.service().port()}) {}
  Json get(const std::string& target, int status = 200) {
    const HttpResponse response = client_.get(target);
    EXPECT_EQ(response.status, status) << target << ": " << response.body;
    return Json::parse(response.body, nullptr, false);
  }
  test::ConsoleShop shop_;
  HttpClient client_;
};

TEST_F(ConsoleRoutesSlow, FilesComeWithAPolicyAndAreAskedForOnce) {
  EXPECT_EQ(client_.get("/").headers.get("Location"), "console/");
  EXPECT_EQ(client_.get("/console").headers.get("Location"), "console/");
  for (const ConsoleFile& file : console_files()) {
    const std::string target = file.name == "index.html" ? "/console/" : "/console/" + std::string(file.name);
    const HttpResponse first = client_.get(target);
    EXPECT_EQ(first.status, 200);
    EXPECT_EQ(first.body, file.bytes);
    EXPECT_EQ(first.content_type, file.content_type);
    const std::string_view policy = first.headers.get("Content-Security-Policy");
    EXPECT_NE(policy.find("default-src 'none'"), std::string_view::npos);
    EXPECT_NE(policy.find("frame-ancestors 'none'"), std::string_view::npos);
    EXPECT_EQ(policy.find("unsafe"), std::string_view::npos);
    EXPECT_EQ(first.headers.get("X-Content-Type-Options"), "nosniff");
    EXPECT_EQ(first.headers.get("Referrer-Policy"), "no-referrer");
    HttpHeaders headers;
    headers.add("If-None-Match", "\"other\", W/" + std::string(file.etag));
    const HttpResponse again = client_.send("GET", target, "", headers);
    EXPECT_EQ(again.status, 304);
    EXPECT_TRUE(again.body.empty());
  }
  for (const char* bad : {"/console/nothing.js", "/console/../v1/users", "/console/%2e%2e/x", "/console/a/index.html"})
    EXPECT_EQ(client_.get(bad).status, 404) << bad;
}

TEST_F(ConsoleRoutesSlow, AFileNeedsNoKeyAndTheTreeDoes) {
  KeyWish wish;
  wish.scopes = {Scope::search};
  const std::string secret = shop_.service().keys().create(wish).secret;
  EXPECT_EQ(client_.get("/console/").status, 200);
  EXPECT_EQ(client_.get("/v1/semantic_ids").status, 401);
  client_.set_header("X-API-Key", secret);
  EXPECT_EQ(client_.get("/v1/semantic_ids").status, 403);
}

TEST_F(ConsoleRoutesSlow, TheTreeHoldsEveryItemOnceOnEachLevel) {
  const Json root = get("/v1/semantic_ids");
  EXPECT_EQ(root["items"], 24);
  EXPECT_EQ(root["live"], 24);
  ASSERT_EQ(root["usage"].size(), root["levels"].get<size_t>());
  for (const Json& level : root["usage"]) {
    int64_t items = 0, used = 0;
    for (const Json& count : level["counts"]) items += count.get<int64_t>(), used += count > 0;
    EXPECT_EQ(items, 24);
    EXPECT_EQ(level["used"], used);
    EXPECT_EQ(level["dead"].size(), level["size"].get<size_t>() - static_cast<size_t>(used));
    EXPECT_LE(level["perplexity"].get<double>(), static_cast<double>(used) + 1e-9);
  }
  // Every path down to the leaves adds up.
  std::vector<std::pair<std::string, int64_t>> open = {{"", 24}};
  int64_t leaves = 0;
  while (!open.empty()) {
    const auto [path, items] = open.back();
    open.pop_back();
    const Json node = get("/v1/semantic_ids?path=" + path);
    EXPECT_EQ(node["items"], items) << path;
    if (node["path"].size() == node["levels"]) {
      leaves += items;
      EXPECT_EQ(node["children"].size(), 0u);
      EXPECT_EQ(node["examples"][0]["semantic_id"], node["path"]);
      continue;
    }
    int64_t below = 0;
    for (const Json& child : node["children"]) {
      below += child["items"].get<int64_t>();
      open.emplace_back(path + (path.empty() ? "" : ",") + std::to_string(child["code"].get<int>()), child["items"]);
    }
    EXPECT_EQ(below, items);
  }
  EXPECT_EQ(leaves, 24);
}

TEST_F(ConsoleRoutesSlow, AnErasedItemIsCountedAsSuch) {
  EXPECT_EQ(client_.send("DELETE", "/v1/items/i3").status, 200);
  const Json root = get("/v1/semantic_ids");
  EXPECT_EQ(root["items"], 24);
  EXPECT_EQ(root["live"], 23);
}

TEST_F(ConsoleRoutesSlow, BadPathsAreRefused) {
  for (const char* bad : {"x", "1,,2", "-1", "1,2x", "99999999999", "%2C", "1%202"})
    EXPECT_EQ(get(std::string("/v1/semantic_ids?path=") + bad, 400)["param"], "path") << bad;
  std::string deep = "0";
  for (int i = 0; i < 100; ++i) deep += ",0";
  get("/v1/semantic_ids?path=" + deep, 400);
  get("/v1/semantic_ids?path=3000", 404);
  get("/v1/semantic_ids?path=0,0,0,0,0,0", 404);
}

}  // namespace
}  // namespace tessera
