#include "http/json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/random.h"

namespace tessera {
namespace {

using nlohmann::json;

/// The problem that the call throws.
template <class Body>
Problem problem_from(Body&& body) {
  try {
    body();
  } catch (const ProblemError& error) {
    return error.problem();
  }
  ADD_FAILURE() << "no problem was thrown";
  return {};
}

TEST(Json, ParsesWhatIsRight) {
  const json value = parse_json(R"({"a":[1,-2,3.5,"x\u00fc",null,true],"b":{}})");
  EXPECT_EQ(value["a"][3], "xü");
  EXPECT_EQ(value["a"].size(), 6u);
  EXPECT_EQ(parse_json("7"), 7);
  EXPECT_EQ(parse_json(" \n\"a\" "), "a");
}

TEST(Json, RefusesWhatIsWrongAndSaysWhere) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"", "byte 0 of 0"},         {"{\"a\":1", "byte 6 of 6"},
      {"[1,2,]", "byte 6 of 6"},   {"{\"a\":NaN}", "byte 6 of 9"},
      {"1e999", "byte 5 of 5"},    {"[1] 2", "byte 5 of 5"},
      {"\"\xff\"", "byte 2 of 3"}, {"{'a':1}", "byte 2 of 7"},
      {"[1,// x\n2]", "byte 4"},   {"\"a\nb\"", "byte 3 of 5"},
      {"\"\\ud800\"", "byte"},     {"[01]", "byte 3 of 4"},
  };
  for (const auto& [text, where] : cases) {
    const Problem problem = problem_from([&text = text] { parse_json(text); });
    EXPECT_EQ(problem.code, ProblemCode::malformed_json) << text;
    EXPECT_NE(problem.detail.find(where), std::string::npos) << text << ": " << problem.detail;
  }
}

TEST(Json, RefusesTheSameKeyTwice) {
  const Problem problem = problem_from([] { parse_json(R"({"a":1,"b":{"c":1,"c":2}})"); });
  EXPECT_EQ(problem.code, ProblemCode::duplicate_json_key);
  EXPECT_NE(problem.detail.find("\"c\" comes twice in one object (at byte 21"), std::string::npos) << problem.detail;
  EXPECT_NO_THROW(parse_json(R"([{"a":1},{"a":2}])"));
}

TEST(Json, LimitsDepthSizeAndCount) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_NO_THROW(parse_json(nested(64)));
  EXPECT_NE(problem_from([&] { parse_json(nested(65)); }).detail.find("deeper than 64"), std::string::npos);
  EXPECT_THROW(parse_json(std::string(10'000'000, '[')), ProblemError);
  EXPECT_EQ(problem_from([] { parse_json("[1,2,3]", {6, 64, 100}); }).code, ProblemCode::body_too_large);
  EXPECT_NO_THROW(parse_json("[1,2,3]", {100, 64, 4}));
  EXPECT_NE(problem_from([] {
              parse_json("[1,2,3]", {100, 64, 3});
            }).detail.find("more than 3 values"),
            std::string::npos);
}

TEST(Json, SurvivesRandomText) {
  Random random(3, "json");
  const std::string seed = R"({"q":"shoe","n":[1,2.5e3,{"x":null}],"f":true,"u":"\u00e9"})";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = seed;
    for (uint64_t k = random.below(4); k-- > 0;) text[random.below(text.size())] = static_cast<char>(random.below(256));
    try {
      const json value = parse_json(text);
      EXPECT_TRUE(json::accept(text));
      EXPECT_EQ(value, json::parse(text));
    } catch (const ProblemError& error) {
      if (error.problem().code == ProblemCode::malformed_json) {
        EXPECT_FALSE(json::accept(text)) << text;
      }
    }
  }
}

TEST(Json, ReadsTypedFields) {
  const json object =
      parse_json(R"({"q":"red","k":10,"x":0.5,"w":3.0,"on":true,"ids":["a","b"],"nothing":null,"o":{}})");
  EXPECT_EQ(require_string(object, "q", 10), "red");
  EXPECT_EQ(require_integer(object, "k", 1, 250), 10);
  EXPECT_EQ(require_integer(object, "w", 1, 250), 3);
  EXPECT_EQ(require_number(object, "x", 0, 1), 0.5);
  EXPECT_EQ(optional_bool(object, "on"), true);
  EXPECT_EQ(optional_strings(object, "ids", 2, 1)->size(), 2u);
  EXPECT_EQ(optional_string(object, "nothing", 1), std::nullopt);
  EXPECT_EQ(optional_number(object, "none", 0, 1), std::nullopt);
  EXPECT_NE(optional_object(object, "o"), nullptr);
  EXPECT_EQ(optional_array(object, "none", 1), nullptr);
}

TEST(Json, NamesTheFieldAndTheRange) {
  const json object =
      parse_json(R"({"q":"red","k":1000,"x":"a","big":1e300,"half":2.5,"ids":["a",7],"u":18446744073709551615})");
  const auto detail = [&](auto&& call) { return problem_from([&] { call(); }); };
  Problem problem = detail([&] { require_integer(object, "k", 1, 250); });
  EXPECT_EQ(problem.param, "k");
  EXPECT_EQ(problem.detail, "\"k\" is 1000; it must be a whole number from 1 to 250.");
  EXPECT_EQ(detail([&] { require_string(object, "none", 5); }).code, ProblemCode::missing_parameter);
  EXPECT_EQ(detail([&] { require_string(object, "q", 2); }).detail,
            "\"q\" is a text of 3 bytes; it must be a text of at most 2 bytes.");
  EXPECT_EQ(detail([&] { require_number(object, "x", 0, 1); }).detail,
            "\"x\" is \"a\"; it must be a number from 0 to 1.");
  EXPECT_EQ(detail([&] { optional_integer(object, "big", 0, 9); }).param, "big");
  EXPECT_EQ(detail([&] { optional_integer(object, "half", 0, 9); }).param, "half");
  EXPECT_EQ(detail([&] { optional_integer(object, "u", 0, INT64_MAX); }).param, "u");
  EXPECT_EQ(detail([&] { optional_strings(object, "ids", 5, 5); }).param, "ids[1]");
  EXPECT_EQ(detail([&] { optional_strings(object, "ids", 1, 5); }).param, "ids");
  EXPECT_EQ(detail([&] { optional_bool(object, "k"); }).param, "k");
  EXPECT_EQ(detail([&] { optional_object(object, "k"); }).param, "k");
  problem = detail([&] { refuse_unknown(json{{"filterby", 1}}, {"q", "filter_by"}); });
  EXPECT_EQ(problem.code, ProblemCode::unknown_parameter);
  EXPECT_NE(problem.detail.find("did you mean \"filter_by\""), std::string::npos);
  EXPECT_NO_THROW(refuse_unknown(json{{"q", 1}}, {"q"}));
}

TEST(Json, ReadsQueryParameters) {
  HttpRequest request;
  request.query.add("page", "3");
  request.query.add("x", "0.25");
  request.query.add("on", "1");
  request.query.add("bad", "3x");
  request.query.add("nan", "nan");
  EXPECT_EQ(query_integer(request, "page", 1, 10), 3);
  EXPECT_EQ(query_number(request, "x", 0, 1), 0.25);
  EXPECT_EQ(query_bool(request, "on"), true);
  EXPECT_EQ(query_string(request, "bad", 2), "3x");
  EXPECT_EQ(query_integer(request, "none", 1, 10), std::nullopt);
  for (const char* name : {"bad", "nan", "x"}) {
    EXPECT_EQ(problem_from([&] { query_integer(request, name, 0, 9); }).param, name);
  }
  EXPECT_EQ(problem_from([&] { query_number(request, "nan", 0, 1); }).param, "nan");
  EXPECT_EQ(problem_from([&] { query_bool(request, "bad"); }).param, "bad");
  EXPECT_EQ(problem_from([&] { query_string(request, "bad", 1); }).param, "bad");
}

TEST(Json, ReadsBodiesByType) {
  HttpRequest request;
  EXPECT_EQ(parse_body_object(request), json::object());
  request.body = "{\"a\":1}";
  for (const char* type : {"", "application/json", "application/json; charset=utf-8", "text/plain"}) {
    request.headers.set("Content-Type", type);
    EXPECT_EQ(parse_body_object(request)["a"], 1) << type;
  }
  request.headers.set("Content-Type", "text/html");
  EXPECT_EQ(problem_from([&] { parse_body_object(request); }).code, ProblemCode::unsupported_media_type);
  request.headers.set("Content-Type", "application/json");
  request.body = "[1]";
  EXPECT_EQ(problem_from([&] { parse_body_object(request); }).code, ProblemCode::malformed_json);
}

}  // namespace
}  // namespace tessera
