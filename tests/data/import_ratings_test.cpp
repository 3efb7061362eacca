#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/temporary_folder.h"
#include "data/import.h"
#include "data/import/python_literal.h"
#include "data/small_dataset.h"

namespace tessera {
namespace {

using test::put_bytes;

/// Small files in the layouts of the published rating sets.
class ImportRatings : public ::testing::Test {
 protected:
  void file(const std::string& name, const std::string& text) { put_bytes(folder_ / name, text); }
  Dataset import(const std::string& source = "") {
    ImportOptions options;
    options.source = (folder_ / source).string();
    options.max_bad = max_bad_;
    options.all_items = all_items_;
    return import_dataset(options, silent_reporter(), report_);
  }
  test::TemporaryFolder folder_;
  ImportReport report_;
  double max_bad_ = 0;
  bool all_items_ = false;
};

TEST_F(ImportRatings, MovieLens100k) {
  file("u.data", "196\t242\t3\t881250949\n186\t302\t3\t891717742\n196\t302\t5\t881250000\n");
  file("u.item",
       "242|Kolya (1996)|24-Jan-1997||http://us.imdb.com/M/title-exact?Kolya|0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0|0|0|0\n"
       "302|Caf\xE9 (1997)|01-Jan-1997||http://us.imdb.com/|0|0|0|0|0|0|1|0|0|0|1|0|1|0|0|1|0|0|0\n"
       "303|Nobody's (1997)|01-Jan-1997||http://us.imdb.com/|0|0|0|0|0|0|1|0|0|0|1|0|1|0|0|1|0|0|0\n");
  file("u.user", "196|49|M|writer|55105\n186|39|F|executive|00000\n1|20|F|student|12345\n");
  const Dataset dataset = import();
  EXPECT_EQ(report_.format, "movielens");
  EXPECT_EQ(dataset.items.size(), 2);
  EXPECT_EQ(dataset.users.size(), 2);
  const Item& kolya = dataset.items[dataset.items.at("242")];
  EXPECT_EQ(kolya.title, "Kolya (1996)");
  EXPECT_EQ(kolya.attributes.at("year"), "1996");
  EXPECT_EQ(kolya.categories, (std::vector<std::vector<std::string>>{{"Comedy"}}));
  const Item& cafe = dataset.items[dataset.items.at("302")];
  EXPECT_EQ(cafe.title, "Caf\xC3\xA9 (1997)");
  EXPECT_EQ(cafe.categories,
            (std::vector<std::vector<std::string>>{{"Crime"}, {"Film-Noir"}, {"Musical"}, {"Sci-Fi"}}));
  EXPECT_EQ(dataset.log.time, (std::vector<int64_t>{881250000, 881250949, 891717742}));
  EXPECT_EQ(dataset.log.value[0], 5.0f);
  EXPECT_EQ(dataset.log.actions.name(dataset.log.action[0]), "rating");
  EXPECT_EQ(nlohmann::json::parse(dataset.user_attributes[0])["occupation"], "writer");
  all_items_ = true;
  EXPECT_EQ(import("u.data").items.size(), 3);
}

TEST_F(ImportRatings, MovieLens1m) {
  file("ratings.dat", "1::1193::5::978300760\n1::661::3::978302109\n2::1193::4.5::978298413\n2::9::9::978298413\n");
  file("movies.dat",
       "661::James and the Giant Peach (1996)::Animation|Children's|Musical\n1193::Cuckoo's Nest: One (1975)::Drama\n");
  file("users.dat", "1::F::1::10::48067\n2::M::56::16::70072\n");
  max_bad_ = 0.2;
  const Dataset dataset = import();
  EXPECT_EQ(dataset.log.size(), 3);
  EXPECT_EQ(report_.bad_rows, 1);
  EXPECT_NE(report_.examples[0].reason.find("between 0 and 5"), std::string::npos);
  EXPECT_EQ(dataset.items[dataset.items.at("661")].categories.size(), 3u);
  EXPECT_EQ(dataset.items[dataset.items.at("1193")].title, "Cuckoo's Nest: One (1975)");
  EXPECT_EQ(nlohmann::json::parse(dataset.user_attributes[1])["gender"], "M");
}

TEST_F(ImportRatings, MovieLensLatest) {
  file("ratings.csv", "userId,movieId,rating,timestamp\n1,1,4.0,964982703\n1,3,0.5,964981247\n");
  file("movies.csv",
       "movieId,title,genres\n1,\"American President, The (1995)\",Comedy|Drama\n3,Odd,(no genres listed)\n");
  const Dataset dataset = import();
  EXPECT_EQ(dataset.items[dataset.items.at("1")].title, "American President, The (1995)");
  EXPECT_EQ(dataset.items[dataset.items.at("1")].attributes.at("year"), "1995");
  EXPECT_TRUE(dataset.items[dataset.items.at("3")].categories.empty());
  EXPECT_EQ(dataset.items[dataset.log.item[0]].id, "3");
  file("ratings.csv", "user,movie,rating,timestamp\n1,1,4.0,964982703\n");
  test::expect_error(ErrorKind::data, "wanted the header 'userId,movieId,rating,timestamp'", [&] { import(); });
}

TEST_F(ImportRatings, MovieLensBadRows) {
  file("u.data", "1\t2\t3\n1\t2\tx\t5\n1\t2\tnan\t5\n1\t2\t3\t5.5\n\t2\t3\t5\n1\t2\t3\t5\n");
  file("u.item", "2|Film\n");
  max_bad_ = 1;
  const Dataset dataset = import();
  EXPECT_EQ(dataset.log.size(), 1);
  EXPECT_EQ(report_.bad_rows, 6);
  EXPECT_EQ(report_.examples[0].reason, "3 fields between '<tab>', wanted 4");
  ASSERT_EQ(report_.notes.size(), 1u);
  EXPECT_EQ(report_.notes[0], "1 rated movies have no title");
}

TEST_F(ImportRatings, Amazon2014) {
  file(
      "reviews_Beauty_5.json",
      R"({"reviewerID": "A1", "asin": "B1", "reviewerName": "x", "helpful": [3, 4], "reviewText": "good \"thing\"", "overall": 5.0, "summary": "s", "unixReviewTime": 1391040000, "reviewTime": "01 30, 2014"})"
      "\n"
      R"({"reviewerID": "A1", "asin": "B2", "overall": 1.0, "unixReviewTime": 1391030000})"
      "\n");
  file(
      "meta_Beauty.json",
      R"({'asin': 'B1', 'description': "It's \"so\" good\n", 'title': 'Nail &amp; Polish \xe9', 'price': 9.99, 'salesRank': {'Beauty': 5}, 'imUrl': u'http://x', 'brand': 'OPI', 'categories': [['Beauty', 'Nails'], ['Gifts']], 'related': {'also_bought': ['B7', 'B8']}})"
      "\n"
      R"({'asin': 'B9', 'title': 'Unrated'})"
      "\n");
  const Dataset dataset = import();
  EXPECT_EQ(report_.format, "amazon");
  ASSERT_EQ(dataset.items.size(), 2);
  const Item& item = dataset.items[dataset.items.at("B1")];
  EXPECT_EQ(item.title, "Nail & Polish \xC3\xA9");
  EXPECT_EQ(item.description, "It's \"so\" good\n");
  EXPECT_EQ(item.price, 9.99);
  EXPECT_EQ(item.brand, "OPI");
  EXPECT_EQ(item.categories, (std::vector<std::vector<std::string>>{{"Beauty", "Nails"}, {"Gifts"}}));
  EXPECT_EQ(dataset.items[dataset.log.item[0]].id, "B2");
  EXPECT_EQ(dataset.log.time[1], 1391040000);
  ASSERT_EQ(report_.notes.size(), 1u);
  EXPECT_EQ(report_.notes[0], "1 reviewed items have no metadata");
  EXPECT_EQ(import("reviews_Beauty_5.json").items.size(), 2);
}

TEST_F(ImportRatings, Amazon2018) {
  file("Beauty_5.json",
       R"({"overall": 4.0, "verified": true, "reviewerID": "A1", "asin": "B1", "unixReviewTime": 1444089600})"
       "\n");
  file(
      "meta_Beauty.json",
      R"({"category": ["Beauty", "Nails"], "description": ["Long", "text"], "title": "Polish", "feature": ["quick"], "price": "$1,012.50", "asin": "B1", "brand": "OPI"})"
      "\n");
  const Dataset dataset = import();
  const Item& item = dataset.items[ItemId{0}];
  EXPECT_EQ(item.description, "quick Long text");
  EXPECT_EQ(item.price, 1012.5);
  EXPECT_EQ(item.categories, (std::vector<std::vector<std::string>>{{"Beauty", "Nails"}}));
}

TEST_F(ImportRatings, Amazon2023) {
  file(
      "All_Beauty.jsonl",
      R"({"rating": 5.0, "title": "Such a lovely scent", "text": "...", "images": [], "asin": "B00YQ6X8EO", "parent_asin": "B00P", "user_id": "AGK", "timestamp": 1588687728923, "helpful_vote": 0, "verified_purchase": true})"
      "\n");
  file(
      "meta_All_Beauty.jsonl",
      R"({"main_category": "All Beauty", "title": "Howard LC0008", "average_rating": 4.8, "rating_number": 10, "features": ["Natural"], "description": ["Soft."], "price": null, "images": [], "videos": [], "store": "Howard Products", "categories": ["Beauty", "Hair"], "details": {"Brand": "Howard", "Weight": 1.5, "Rank": {"a": 1}}, "parent_asin": "B00P", "bought_together": null})"
      "\n");
  const Dataset dataset = import("All_Beauty.jsonl");
  EXPECT_EQ(report_.format, "amazon");
  const Item& item = dataset.items[ItemId{0}];
  EXPECT_EQ(item.id, "B00P");
  EXPECT_EQ(item.brand, "Howard Products");
  EXPECT_EQ(item.description, "Natural Soft.");
  EXPECT_TRUE(std::isnan(item.price));
  EXPECT_EQ(item.attributes, (std::map<std::string, std::string>{{"Brand", "Howard"}, {"Weight", "1.5"}}));
  EXPECT_EQ(dataset.log.time[0], 1588687728);
}

TEST_F(ImportRatings, AmazonBadRows) {
  file("reviews_X.json",
       "{\"reviewerID\": \"A\", \"asin\": \"B\", \"overall\": 7, \"unixReviewTime\": 1}\n"
       "{\"asin\": \"B\", \"overall\": 3, \"unixReviewTime\": 1}\n"
       "{\"reviewerID\": \"A\", \"asin\": \"B\", \"overall\": 3, \"unixReviewTime\": 1.5}\n"
       "{'reviewerID': \n"
       "[1]\n"
       "{\"reviewerID\": \"A\", \"asin\": \"B\", \"overall\": 3, \"unixReviewTime\": 1}\n");
  file("meta_X.json", "{'asin': 'B'}\n{'asin': 'B'}\n");
  max_bad_ = 1;
  const Dataset dataset = import();
  EXPECT_EQ(dataset.log.size(), 1);
  EXPECT_EQ(report_.bad_rows, 6);
  max_bad_ = 0.01;
  test::expect_error(ErrorKind::data, "reviews_X.json:1: a rating must be", [&] { import(); });
}

TEST(PythonLiteral, Reads) {
  const auto value =
      parse_python_literal(R"( {'a': [1, -2.5, None, True,], "b": (u'x', 'it\'s'), 'c': {}, 'd': '\u4e2d\x41\q'} )");
  EXPECT_EQ(value, nlohmann::json::parse(R"({"a":[1,-2.5,null,true],"b":["x","it's"],"c":{},"d":"中A\\q"})"));
}

TEST(PythonLiteral, Refuses) {
  for (const char* text : {"", "{", "{'a'}", "{'a': }", "{'a': 1 'b': 2}", "['a' 'b']", "{1: 2}", "'abc", "'\\",
                           "'\\u12'", "nan", "inf", "{'a': 1} x", "[,]", "{,}", "\xFF", "'\xFF'", "x'a'", "()("}) {
    EXPECT_THROW(parse_python_literal(text), Error) << text;
  }
  EXPECT_THROW(parse_python_literal(std::string(100000, '[')), Error);
}

}  // namespace
}  // namespace tessera
