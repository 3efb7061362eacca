// The documented calls of Typesense's API, and what its JavaScript client and its InstantSearch adapter send.
#include <gtest/gtest.h>

#include <set>

#include "base/error.h"
#include "faces/faces_fixture.h"
#include "http/url.h"
#include "serve/face_typesense.h"

namespace tessera {
namespace {

class TypesenseFace : public test::FacesTest {
 protected:
  static std::string search(const std::string& parameters) {
    return "/collections/items/documents/search?" + parameters;
  }
  /// A word that some title holds.
  static std::string word() {
    const std::string& title = item(0).title;
    return title.substr(title.rfind(' ') + 1);
  }
  /// By value: a loop would outlive the answer that they are a part of.
  Json hits(const std::string& parameters) { return get(search(parameters)).at("hits"); }
  Json one_of_many(const Json& object, const std::string& query = "") {
    return json(200, "POST", "/multi_search" + query, {{"searches", Json::array({object})}}).at("results").at(0);
  }
};

TEST_F(TypesenseFace, ASearchAnswersFieldByField) {
  const Json answer =
      get(search("q=" + percent_encode(word()) + "&query_by=title,description&sort_by=_text_match:desc"));
  ASSERT_GT(answer.at("found").get<int>(), 0);
  EXPECT_EQ(answer.at("out_of").get<int64_t>(), service_->shelf().view()->num_live());
  EXPECT_EQ(answer.at("page"), 1);
  EXPECT_EQ(answer.at("request_params"),
            Json({{"collection_name", "items"}, {"first_q", word()}, {"per_page", 10}, {"q", word()}}));
  EXPECT_TRUE(answer.at("search_time_ms").is_number_integer());
  EXPECT_EQ(answer.at("search_cutoff"), false);
  EXPECT_EQ(answer.at("facet_counts"), Json::array());
  const Json& hit = answer.at("hits").at(0);
  EXPECT_TRUE(hit.at("document").at("id").is_string());
  EXPECT_TRUE(hit.at("text_match").is_number_integer());
  EXPECT_EQ(hit.at("text_match_info").at("score"), std::to_string(hit.at("text_match").get<int64_t>()));
  EXPECT_GE(hit.at("text_match_info").at("tokens_matched").get<int>(), 1);
  ASSERT_FALSE(hit.at("highlights").empty());
  for (const Json& highlight : hit.at("highlights")) {
    EXPECT_NE(highlight.at("snippet").get<std::string>().find("<mark>"), std::string::npos);
    EXPECT_FALSE(highlight.at("matched_tokens").empty());
    const auto by_field = hit.at("highlight").find(highlight.at("field").get<std::string>());
    if (by_field != hit.at("highlight").end()) {
      EXPECT_EQ(by_field->at("snippet"), highlight.at("snippet"));
    }
  }
}

TEST_F(TypesenseFace, FiltersOrdersAndPages) {
  const Json all = get(search("q=*&filter_by=price:%3E0&sort_by=price:desc&per_page=250"));
  EXPECT_EQ(all.at("found"), all.at("hits").size());
  for (size_t i = 1; i < all.at("hits").size(); ++i)
    EXPECT_GE(all.at("hits")[i - 1].at("document").at("price").get<double>(),
              all.at("hits")[i].at("document").at("price").get<double>());
  EXPECT_FALSE(all.at("hits").at(0).contains("text_match")) << "among all items there is no match";
  const Json second = get(search("q=*&filter_by=price:%3E0&sort_by=_text_match:desc,price:desc&per_page=5&page=2"));
  EXPECT_EQ(second.at("page"), 2);
  ASSERT_EQ(second.at("hits").size(), 5u);
  EXPECT_EQ(second.at("hits")[0].at("document"), all.at("hits")[5].at("document"));
  const Json window = get(search("q=*&filter_by=price:%3E0&sort_by=price:desc&offset=5&limit=3&page=9"));
  EXPECT_EQ(window.at("hits").size(), 3u);
  EXPECT_EQ(window.at("hits")[0].at("document"), all.at("hits")[5].at("document"));
  const Json fields = get(search("q=*&include_fields=id,price&per_page=1")).at("hits").at(0).at("document");
  EXPECT_TRUE(fields.contains("id"));
  EXPECT_FALSE(fields.contains("title"));
  EXPECT_FALSE(get(search("q=*&exclude_fields=title&per_page=1")).at("hits").at(0).at("document").contains("title"));
}

TEST_F(TypesenseFace, FacetsCountWhatTheFilterLeaves) {
  const Json answer = get(search("q=*&facet_by=brand,price&max_facet_values=3&per_page=0"));
  EXPECT_TRUE(answer.at("hits").empty());
  const Json& facets = answer.at("facet_counts");
  ASSERT_EQ(facets.size(), 2u);
  EXPECT_EQ(facets[0].at("field_name"), "brand");
  EXPECT_EQ(facets[0].at("sampled"), false);
  EXPECT_LE(facets[0].at("counts").size(), 3u);
  const Json& top = facets[0].at("counts").at(0);
  EXPECT_EQ(top.at("highlighted"), top.at("value"));
  EXPECT_GT(top.at("count").get<int>(), 0);
  EXPECT_TRUE(facets[0].at("stats").contains("total_values"));
  for (const char* name : {"min", "max", "avg", "sum"}) EXPECT_TRUE(facets[1].at("stats").contains(name));
  // InstantSearch asks once for each facet itself, so a filter on the brand leaves one brand.
  const Json chosen = get(search("q=*&facet_by=brand&filter_by=" +
                                 percent_encode("brand:=[`" + top.at("value").get<std::string>() + "`]")));
  EXPECT_EQ(chosen.at("facet_counts")[0].at("counts").size(), 1u);
  EXPECT_EQ(chosen.at("found"), top.at("count"));
  const Json within = get(search("q=*&facet_by=brand&facet_query=" +
                                 percent_encode("brand:" + top.at("value").get<std::string>().substr(0, 2))));
  EXPECT_NE(within.at("facet_counts")[0].at("counts").at(0).at("highlighted").get<std::string>().find("<mark>"),
            std::string::npos);
  std::set<std::string> names;
  const Json every = get(search("q=*&facet_by=*&per_page=0"));
  for (const Json& facet : every.at("facet_counts")) names.insert(facet.at("field_name"));
  EXPECT_TRUE(names.contains("brand") && names.contains("category") && names.size() > 3);
}

TEST_F(TypesenseFace, HighlightsAreMarkedAsAsked) {
  const std::string q = "q=" + percent_encode(word()) + "&query_by=title";
  const Json marked = get(search(q + "&highlight_start_tag=__ais-highlight__&highlight_end_tag=__/ais-highlight__"));
  EXPECT_NE(marked.at("hits")[0].at("highlights")[0].at("snippet").get<std::string>().find("__ais-highlight__"),
            std::string::npos);
  for (const Json& hit : hits(q + "&highlight_fields=title"))
    for (const Json& highlight : hit.at("highlights")) EXPECT_EQ(highlight.at("field"), "title");
  for (const Json& hit : hits(q + "&highlight_fields=none"))
    EXPECT_TRUE(hit.at("highlights").empty() && hit.at("highlight").empty());
}

TEST_F(TypesenseFace, HitsArePinnedAndHidden) {
  const std::string a = item(4).id, b = item(5).id;
  const Json answer = get(search("q=*&pinned_hits=" + percent_encode(a + ":1") + "&hidden_hits=" + percent_encode(b)));
  EXPECT_EQ(answer.at("hits")[0].at("document").at("id"), a);
  EXPECT_EQ(answer.at("hits")[0].at("curated"), true);
  for (const Json& hit : hits("q=*&per_page=250&hidden_hits=" + percent_encode(b)))
    EXPECT_NE(hit.at("document").at("id"), b);
}

TEST_F(TypesenseFace, TheParametersOfEveryClientAreTaken) {
  get(search("q=" + percent_encode(word()) +
             "&query_by=title,brand&query_by_weights=4,1&num_typos=2,1&prefix=true,false&drop_tokens_threshold=1"
             "&typo_tokens_threshold=1&highlight_full_fields=title&highlight_affix_num_tokens=4&snippet_threshold=30"
             "&exhaustive_search=false&use_cache=true&cache_ttl=60&enable_overrides=true&split_join_tokens=fallback"
             "&text_match_type=max_score&infix=off,off&prioritize_exact_match=true&enable_highlight_v1=false"
             "&facet_strategy=automatic&limit_hits=100&search_cutoff_ms=30000&min_len_1typo=4&stopwords=en"
             "&conversation=false&group_limit=3&sort_by=_text_match(buckets:%2010):desc,price:asc"));
}

TEST_F(TypesenseFace, WhatIsNotThereIsRefusedByName) {
  for (const char* name : {"group_by=brand", "vector_query=x", "voice_query=x", "preset=listing", "infix=always",
                           "conversation=true", "nl_query=true"}) {
    const Json problem = json(400, "GET", search(std::string("q=*&") + name));
    EXPECT_EQ(problem.at("param"), std::string(name).substr(0, std::string(name).find('='))) << name;
    EXPECT_NE(problem.at("message").get<std::string>().find("not supported"), std::string::npos);
  }
  EXPECT_EQ(json(400, "GET", search("q=*&fliter_by=x")).at("code"), "unknown_parameter");
  EXPECT_EQ(json(400, "GET", search("q=*&per_page=ten")).at("param"), "per_page");
  EXPECT_EQ(json(400, "GET", search("q=*&prefix=maybe")).at("param"), "prefix");
  EXPECT_EQ(json(400, "GET", search("q=*&sort_by=price(missing_values:%20first):asc")).at("param"), "sort_by");
  json(422, "GET", search("q=*&filter_by=price:%3E"));
  const Json unknown = json(404, "GET", search("q=a&query_by=nowhere"));
  EXPECT_EQ(unknown.at("message"), "Could not find a field named `nowhere` in the schema.");
  get(search("q=a&query_by=nowhere&validate_field_names=false"));
  json(404, "GET", "/collections/products/documents/search?q=*");
  get("/collections/" + percent_encode(service_->models().active()->dataset().name) + "/documents/search?q=*");
  json(501, "POST", "/multi_search", {{"union", true}, {"searches", Json::array({{{"collection", "items"}}})}});
}

TEST_F(TypesenseFace, SearchesOfOneRequestAreAnsweredInTheirOrder) {
  // The documentation's example: two searches, what they share in the query string.
  const Json body = {{"searches",
                      {{{"collection", "items"}, {"q", word()}, {"filter_by", "price:=[0..100000]"}},
                       {{"collection", "brands"}, {"q", "Nike"}},
                       {{"collection", "items"}, {"q", "*"}, {"per_page", 2}},
                       {{"collection", "items"}, {"q", "*"}, {"filter_by", "price:>"}},
                       7}}};
  HttpHeaders plain = header("Content-Type", "text/plain");  // as browsers send it, to spare a preflight
  const Json results = json(200, "POST", "/multi_search?query_by=title&per_page=3", body, plain).at("results");
  ASSERT_EQ(results.size(), 5u);
  EXPECT_EQ(results[0].at("request_params").at("q"), word());
  EXPECT_EQ(results[0].at("request_params").at("per_page"), 3) << "from the query string";
  EXPECT_EQ(results[1].at("code"), 404);
  EXPECT_NE(results[1].at("error").get<std::string>().find("Collection not found"), std::string::npos);
  EXPECT_EQ(results[2].at("hits").size(), 2u) << "its own comes over the query string's";
  EXPECT_EQ(results[3].at("code"), 422);
  EXPECT_EQ(results[4].at("code"), 422);
  EXPECT_EQ(json(200, "POST", "/multi_search", {{"searches", Json::array()}}), Json({{"results", Json::array()}}));
  EXPECT_EQ(json(400, "POST", "/multi_search", Json::object()).at("param"), "searches");
  Json many = Json::array();
  for (int i = 0; i < 51; ++i) many.push_back({{"collection", "items"}, {"q", "*"}});
  EXPECT_EQ(json(400, "POST", "/multi_search", {{"searches", many}}).at("param"), "searches");
}

TEST_F(TypesenseFace, NumbersListsAndTruthsComeAsTheyLike) {
  const Json answer = one_of_many({{"collection", "items"},
                                   {"q", word()},
                                   {"query_by", {"title", "description"}},
                                   {"per_page", "4"},
                                   {"num_typos", 1},
                                   {"prefix", false},
                                   {"page", 1}});
  EXPECT_EQ(answer.at("request_params").at("per_page"), 4);
  EXPECT_EQ(one_of_many({{"collection", "items"}, {"q", {{"a", 1}}}}).at("code"), 400);
}

TEST_F(TypesenseFace, APersonGetsAnAnswerOfTheirOwn) {
  const Json everybody = one_of_many({{"collection", "items"}, {"q", "*"}, {"personalize", 0}});
  EXPECT_EQ(everybody.at("personalized"), false);
  const std::string user = service_->models().active()->dataset().users.names()[3];
  EXPECT_EQ(one_of_many({{"collection", "items"}, {"q", "*"}, {"user_id", user}}).at("personalized"), true);
  const Json by_header = json(200, "GET", search("q=*&per_page=3"), {}, header("X-TYPESENSE-USER-ID", user.c_str()));
  EXPECT_EQ(by_header.at("hits"), get(search("q=*&per_page=3&user_id=" + percent_encode(user))).at("hits"));
}

TEST_F(TypesenseFace, DocumentsAreCreatedReadChangedAndDeleted) {
  const Json sent = {{"id", "124"},           {"company_name", "Stark Industries"},
                     {"num_employees", 5215}, {"country", "USA"},
                     {"price", 9.5},          {"title", "Arc reactor"}};
  Json wanted = sent;
  wanted["num_employees"] = "5215";
  wanted["available"] = true;
  const auto same = [&](Json document) {
    document["available"] = true;  // left out or not
    EXPECT_EQ(document, wanted);
  };
  same(json(201, "POST", "/collections/items/documents", sent));
  same(get("/collections/items/documents/124"));
  const Json twice = json(409, "POST", "/collections/items/documents", sent);
  EXPECT_EQ(twice.at("message"), "A document with id 124 already exists.");
  const Json found = get(search("q=arc%20reactor&query_by=company_name,title&filter_by=num_employees:%3E100"));
  EXPECT_EQ(found.at("hits").at(0).at("document").at("country"), "USA");
  EXPECT_EQ(get(search("q=*&filter_by=country:=USA&include_fields=country")).at("hits").at(0).at("document"),
            Json({{"country", "USA"}}));
  same(json(200, "POST", "/collections/items/documents?action=upsert", sent));
  const Json patched = json(200, "PATCH", "/collections/items/documents/124", {{"country", "UK"}, {"price", nullptr}});
  EXPECT_EQ(patched.at("country"), "UK");
  EXPECT_EQ(patched.at("company_name"), "Stark Industries");
  EXPECT_FALSE(patched.contains("price"));
  json(404, "POST", "/collections/items/documents?action=update", {{"id", "nobody"}, {"price", 1}});
  EXPECT_EQ(
      json(200, "POST", "/collections/items/documents?action=emplace", {{"id", "124"}, {"price", 3}}).at("country"),
      "UK");
  json(400, "POST", "/collections/items/documents?action=replace", sent);
  EXPECT_EQ(json(200, "DELETE", "/collections/items/documents/124").at("id"), "124");
  EXPECT_EQ(json(404, "DELETE", "/collections/items/documents/124").at("message"),
            "Could not find a document with id: 124");
  json(404, "GET", "/collections/items/documents/124");
}

TEST_F(TypesenseFace, ImportAnswersLineByLineWithoutAnEndBehindTheLast) {
  const std::string lines =
      "{\"id\":\"m1\",\"title\":\"one\",\"shelf\":\"import\"}\n{\"id\":\"m1\",\"title\":\"again\"}\n\nnot json\n"
      "{\"id\":\"m2\",\"title\":\"two\",\"shelf\":\"import\",\"price\":-4}\n{\"title\":\"three\",\"shelf\":\"import\"}";
  const HttpResponse answer = call("POST", "/collections/items/documents/import?action=create&return_id=true", lines,
                                   header("Content-Type", "text/plain"));
  EXPECT_EQ(answer.status, 200);
  EXPECT_NE(answer.body.back(), '\n');
  std::vector<Json> results;
  std::string_view rest = answer.body;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    results.push_back(Json::parse(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  ASSERT_EQ(results.size(), 5u);
  EXPECT_EQ(results[0], Json({{"success", true}, {"id", "m1"}}));
  EXPECT_EQ(results[1].at("code"), 409);
  EXPECT_EQ(results[2].at("code"), 400);
  EXPECT_EQ(results[2].at("document"), "not json");
  EXPECT_EQ(results[3].at("success"), false);
  EXPECT_EQ(results[4].at("success"), true);
  EXPECT_FALSE(results[4].at("id").get<std::string>().empty()) << "one was made up";
  EXPECT_EQ(get("/collections/items/documents/m1").at("title"), "one");
  const HttpResponse update =
      call("POST", "/collections/items/documents/import?action=emplace",
           "{\"id\":\"m1\",\"price\":4}\n{\"id\":\"m1\",\"brand\":\"b\"}", header("Content-Type", "text/plain"));
  EXPECT_EQ(update.body, "{\"success\":true}\n{\"success\":true}");
  const Json both = get("/collections/items/documents/m1");
  EXPECT_EQ(both.at("price"), 4);
  EXPECT_EQ(both.at("brand"), "b");
  const HttpResponse dump =
      call("GET", "/collections/items/documents/export?filter_by=shelf:=import&include_fields=title");
  EXPECT_EQ(std::count(dump.body.begin(), dump.body.end(), '\n'), 1);
  EXPECT_EQ(json(200, "DELETE", "/collections/items/documents?filter_by=shelf:=import"), Json({{"num_deleted", 2}}));
  json(400, "DELETE", "/collections/items/documents");
}

TEST_F(TypesenseFace, TheCollectionTellsItsFields) {
  const Json list = get("/collections");
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].at("name"), "items");
  EXPECT_EQ(list[0], get("/collections/items"));
  std::set<std::string> names;
  for (const Json& field : list[0].at("fields")) names.insert(field.at("name"));
  for (const char* name : {"title", "brand", "price", "categories"}) EXPECT_TRUE(names.contains(name)) << name;
  json(404, "GET", "/collections/other");
}

TEST(TypesenseShapes, TextsFromOutsideNeverEndInAnythingButAnError) {
  const live::LiveCatalogue catalogue;
  const std::string alphabet = "title_match:desc,()*`[]<>= 0123true.-&|";
  uint64_t state = 7;
  const auto random = [&](size_t n) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<size_t>(state >> 33) % n;
  };
  const char* names[] = {"q",           "query_by",    "sort_by",   "facet_by",        "per_page",       "page",
                         "offset",      "prefix",      "num_typos", "include_fields",  "exclude_fields", "infix",
                         "personalize", "hidden_hits", "preset",    "highlight_fields"};
  for (int i = 0; i < 20'000; ++i) {
    serve::TypesenseParameters parameters;
    for (size_t n = random(4) + 1; n > 0; --n) {
      std::string value;
      for (size_t m = random(24); m > 0; --m) value += alphabet[random(alphabet.size())];
      parameters[names[random(std::size(names))]] = value;
    }
    try {
      serve::question_of_typesense(parameters, *catalogue.view());
    } catch (const Error&) {
    }
  }
}

}  // namespace
}  // namespace tessera
