#include "data/import.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <csignal>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "base/temporary_folder.h"
#include "data/import/csv_reader.h"
#include "data/import/encoding.h"
#include "data/import/flat_row.h"
#include "data/item_json.h"
#include "data/small_dataset.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;
using test::put_bytes;
using test::TemporaryFolder;

/// Writes files into a folder and imports them.
class Import : public ::testing::Test {
 protected:
  void file(const std::string& name, const std::string& text) { put_bytes(folder_ / name, text); }
  Dataset import(const std::string& source = "", double max_bad = 0) {
    ImportOptions options;
    options.source = (folder_ / source).string();
    options.max_bad = max_bad;
    return import_dataset(options, silent_reporter(), report_);
  }
  /// Expects the import to fail with Error(kind) that holds the text.
  void refused(ErrorKind kind, const std::string& text, const std::string& source = "") {
    test::expect_error(kind, text, [&] { import(source); });
  }
  std::string bad(size_t i) const {
    const BadRow& row = report_.examples.at(i);
    return fs::path(row.file).filename().string() + ":" + std::to_string(row.line) + ": " + row.reason;
  }
  TemporaryFolder folder_;
  ImportReport report_;
};

std::vector<std::string> item_ids(const Dataset& dataset) {
  std::vector<std::string> ids;
  for (const ItemId item : dataset.log.item) ids.push_back(dataset.items[item].id);
  return ids;
}

TEST_F(Import, SequencesAlone) {
  file("log.txt", "u1 a b a\r\n\nu2\tb  c\n");
  const Dataset dataset = import("log.txt");
  EXPECT_EQ(report_.format, "sequences");
  EXPECT_EQ(dataset.name, "log");
  EXPECT_EQ(dataset.users.names(), (std::vector<std::string>{"u1", "u2"}));
  EXPECT_EQ(item_ids(dataset), (std::vector<std::string>{"a", "b", "a", "b", "c"}));
  EXPECT_EQ(dataset.log.time, (std::vector<int64_t>{0, 1, 2, 0, 1}));
  EXPECT_EQ(dataset.log.actions.name(dataset.log.action[0]), "order");
  EXPECT_EQ(report_.rows, 2);
  EXPECT_EQ(report_.notes.size(), 2u);
}

TEST_F(Import, SequencesWithItemsAndQueries) {
  file("interactions.txt", "7 2 1\n8 1 1 2\n");
  file("items.jsonl",
       R"({"id": 1, "asin": "B1", "keywords": "red lamp", "brand": "X", "categories": [["A", "B"]], "query_ids": [1]})"
       "\n"
       R"({"id": 2, "asin": "B2", "title": "Chair", "keywords": "oak", "categories": []})"
       "\n");
  file("queries.tsv", "query_id\tquery\titems\n1\tlamps\t1\n2\told chairs\t1\n");
  file("search.txt", "7 2 0\n8 1 1 2\n");
  const Dataset dataset = import();
  EXPECT_EQ(item_ids(dataset), (std::vector<std::string>{"B2", "B1", "B1", "B1", "B2"}));
  EXPECT_EQ(dataset.items[ItemId{0}].title, "red lamp");
  EXPECT_EQ(dataset.items[ItemId{1}].title, "Chair");
  EXPECT_EQ(dataset.items[ItemId{1}].description, "oak");
  EXPECT_EQ(dataset.log.query, (std::vector<int32_t>{1, -1, 0, 0, 1}));
}

TEST_F(Import, SequencesKeepBadRowsOut) {
  file("interactions.txt", "u1 1 2\nu2 1 9\nu3\nu1 2\nu4 2\nu\xFF 1\n");
  file("items.jsonl", "{\"id\": 1}\n{\"id\": 2}\n{\"id\": 2}\nnonsense\n{\"title\": \"x\"}\n");
  const Dataset dataset = import("", 1);
  EXPECT_EQ(dataset.users.names(), (std::vector<std::string>{"u1", "u4"}));
  EXPECT_EQ(dataset.log.size(), 3);
  EXPECT_EQ(report_.rows, 11);
  EXPECT_EQ(report_.bad_rows, 7);
  EXPECT_NE(bad(0).find("items.jsonl:3: item 2 is listed twice"), std::string::npos) << bad(0);
  EXPECT_NE(bad(1).find("items.jsonl:4: not JSON"), std::string::npos) << bad(1);
  EXPECT_NE(bad(2).find("items.jsonl:5: "), std::string::npos) << bad(2);
  EXPECT_EQ(bad(3), "interactions.txt:2: item '9' is not in items.jsonl");
  EXPECT_EQ(bad(4), "interactions.txt:3: user 'u3' has no items");
  EXPECT_NE(bad(5).find("interactions.txt:4: user 'u1' has a line already"), std::string::npos);
  EXPECT_EQ(bad(6), "interactions.txt:6: the user is not UTF-8");
  const auto provenance = nlohmann::json::parse(dataset.provenance);
  EXPECT_EQ(provenance["bad_rows"], 7);
  EXPECT_EQ(provenance["importer"], "sequences");
}

TEST_F(Import, SearchLogThatDoesNotFit) {
  file("interactions.txt", "0 a\n1 a b\n2 a\n3 b\n4 b\n");
  file("queries.tsv", "query_id\tquery\titems\n1\tx\t1\n");
  file("search.txt", "0 1\n1 1\n9 1\n3 5\n");
  import("", 1);
  EXPECT_EQ(report_.events, 1);
  EXPECT_EQ(bad(0), "search.txt:4: query 5 is not in queries.tsv");
  EXPECT_EQ(bad(1), "interactions.txt:2: line 2 of search.txt has 1 queries for 2 items");
  EXPECT_EQ(bad(2), "interactions.txt:3: line 3 of search.txt is of user '9', not '2'");
  EXPECT_EQ(bad(3), "interactions.txt:4: line 4 of search.txt cannot be used");
  EXPECT_EQ(bad(4), "interactions.txt:5: search.txt has no line 5");
}

TEST_F(Import, TooManyBadRows) {
  std::string text;
  for (int i = 0; i < 99; ++i) text += "u" + std::to_string(i) + " a\n";
  file("log.txt", text + "bad\n");
  EXPECT_NO_THROW(import("log.txt", 0.01));
  test::expect_error(ErrorKind::data, "log.txt:100: user 'bad' has no items", [&] { import("log.txt", 0.0099); });
  test::expect_error(ErrorKind::data, "1 of 100 rows are bad (1.00%", [&] { import("log.txt", 0); });
  EXPECT_EQ(report_.bad_rows, 1);
  test::expect_error(ErrorKind::data, "--max-bad", [&] { import("log.txt", 0); });
}

TEST_F(Import, RemembersTwentyBadRows) {
  std::string text;
  for (int i = 0; i < 50; ++i) text += "u" + std::to_string(i) + "\n";
  file("log.txt", text + "good a\n");
  import("log.txt", 1);
  EXPECT_EQ(report_.bad_rows, 50);
  EXPECT_EQ(report_.examples.size(), 20u);
}

TEST_F(Import, Jsonl) {
  file(
      "items.jsonl",
      R"({"id":"B01","title":"Lacquer","brand":"OPI","categories":[["Beauty","Nails"]],"price":9.5,"attributes":{"colour":"red","n":2},)"
      R"("available":false,"created_at":"2026-03-01T00:00:00Z"})"
      "\n{\"id\":7}\n");
  file("users.jsonl", "{\"user\":\"u7\",\"attributes\":{\"age\":31}}\n");
  file(
      "events.jsonl",
      R"({"user":"u7","item":"B01","action":"click","time":"2026-03-02T10:00:00Z","query":"red nail polish","request":"r1","position":3})"
      "\n"
      R"({"user":"u8","item":7,"action":"wishlist","time":1772445600,"value":-2.5,"scene":"home"})"
      "\n"
      R"( { "user" : "u7" , "item" : "B01" , "action" : "order", "time":"2026-03-02T09:00:00Z", "query":"caf\u00e9", "extra":{"a":[1]}, "request":"r1" } )"
      "\n");
  const Dataset dataset = import();
  const BehaviourLog& log = dataset.log;
  EXPECT_EQ(report_.format, "jsonl");
  ASSERT_EQ(log.size(), 3);
  EXPECT_EQ(item_ids(dataset), (std::vector<std::string>{"B01", "B01", "7"}));
  EXPECT_EQ(log.time, (std::vector<int64_t>{1772442000, 1772445600, 1772445600}));
  EXPECT_EQ(log.queries.name(log.query[0]), "caf\xC3\xA9");
  EXPECT_EQ(log.queries.name(log.query[1]), "red nail polish");
  EXPECT_EQ(log.query[2], -1);
  EXPECT_EQ(log.request, (std::vector<int32_t>{0, 0, -1}));
  EXPECT_EQ(log.position, (std::vector<int32_t>{-1, 3, -1}));
  EXPECT_EQ(log.actions.name(log.action[2]), "wishlist");
  EXPECT_EQ(log.scenes.name(log.scene[2]), "home");
  EXPECT_EQ(log.value[2], -2.5f);
  EXPECT_TRUE(std::isnan(log.value[0]));
  EXPECT_EQ(dataset.user_attributes, (std::vector<std::string>{"{\"age\":31}", ""}));
  const Item& item = dataset.items[ItemId{0}];
  EXPECT_EQ(item.attributes.at("n"), "2");
  EXPECT_EQ(item.price, 9.5);
  EXPECT_FALSE(item.available);
  EXPECT_EQ(item.created_at, 1772323200);
}

TEST_F(Import, JsonlBadEvents) {
  file("items.jsonl", "{\"id\":\"a\"}\n");
  const std::vector<std::pair<std::string, std::string>> rows = {
      {R"({"user":"u","item":"b","action":"click","time":1})", "item 'b' is not in the catalogue"},
      {R"({"item":"a","action":"click","time":1})", "no user"},
      {R"({"user":"u","action":"click","time":1})", "no item"},
      {R"({"user":"u","item":"a","time":1})", "no action"},
      {R"({"user":"u","item":"a","action":"click"})", "no time"},
      {R"({"user":"u","item":"a","action":"click","time":"soon"})", "time must be"},
      {R"({"user":"u","item":"a","action":"click","time":1.5})", "time must be"},
      {R"({"user":"u","item":"a","action":"click","time":1,"position":-1})", "position"},
      {R"({"user":"u","item":"a","action":"click","time":1,"position":99999999999})", "position"},
      {R"({"user":"u","item":"a","action":"click","time":1,"position":"3"})", "position"},
      {R"({"user":"u","item":"a","action":"click","time":1,"value":1e300})", "value"},
      {R"({"user":"u","item":"a","action":"click","time":1,"value":NaN})", "not JSON"},
      {R"({"user":["u"],"item":"a","action":"click","time":1})", "user must be a string"},
      {R"({"user":true,"item":"a","action":"click","time":1})", "user must be a string"},
      {R"(["user"])", "JSON object"},
      {R"({"user":"u","item":"a","action":"click","time":1)", "not JSON"},
      {R"({"user":"u","item":"a","action":"click","time":1} x)", "not JSON"},
      {R"({"user":"u","item":"a","action":"click","time":01})", "not JSON"},
      {"{\"user\":\"\xFF\",\"item\":\"a\",\"action\":\"click\",\"time\":1}", "not JSON"},
      {"{\"user\":\"u\x01\",\"item\":\"a\",\"action\":\"click\",\"time\":1}", "not JSON"}};
  std::string text;
  for (const auto& [row, reason] : rows) text += row + "\n";
  file("events.jsonl", text);
  const Dataset dataset = import("", 1);
  EXPECT_EQ(dataset.log.size(), 0);
  ASSERT_EQ(report_.examples.size(), rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(report_.examples[i].line, static_cast<int64_t>(i) + 1);
    EXPECT_NE(bad(i).find(rows[i].second), std::string::npos) << bad(i);
  }
}

TEST_F(Import, JsonlWithoutItems) {
  file("events.jsonl", "{\"user\":\"u\",\"item\":\"x\",\"action\":\"view\",\"time\":5}\n");
  EXPECT_EQ(import("events.jsonl").items[ItemId{0}].id, "x");
  EXPECT_EQ(report_.notes.size(), 1u);
}

TEST_F(Import, TooManyActions) {
  std::string text;
  for (int i = 0; i < 260; ++i) {
    text += fmt::format("{{\"user\":\"u\",\"item\":\"x\",\"action\":\"a{}\",\"time\":5}}\n", i);
  }
  file("events.jsonl", text);
  EXPECT_EQ(import("", 1).log.actions.size(), 256);
  EXPECT_EQ(report_.bad_rows, 10);
}

TEST_F(Import, Csv) {
  file("items.csv",
       "\xEF\xBB\xBFid,title,categories,price,colour,available\r\n"
       "a,\"Lamp, \"\"big\"\"\",Home > Light | Gifts,9.5,red,no\r\n"
       "b,\"two\nlines\",,,,\n");
  file("events.csv", "user;item;action;time;value;shop\nu1;a;order;2026-03-02;3;x\nu1;b;click;1;;y\n");
  const Dataset dataset = import();
  EXPECT_EQ(report_.format, "csv");
  const Item& lamp = dataset.items[ItemId{0}];
  EXPECT_EQ(lamp.title, "Lamp, \"big\"");
  EXPECT_EQ(lamp.categories, (std::vector<std::vector<std::string>>{{"Home", "Light"}, {"Gifts"}}));
  EXPECT_EQ(lamp.attributes.at("colour"), "red");
  EXPECT_FALSE(lamp.available);
  EXPECT_EQ(dataset.items[ItemId{1}].title, "two\nlines");
  EXPECT_EQ(item_ids(dataset), (std::vector<std::string>{"b", "a"}));
  EXPECT_EQ(dataset.log.value[1], 3.0f);
  ASSERT_EQ(report_.notes.size(), 1u);
  EXPECT_NE(report_.notes[0].find("column 'shop'"), std::string::npos);
}

TEST_F(Import, CsvBadRows) {
  file("events.csv", "user,item,action,time\nu,a,click,1\nu,a,click\nu,\"a,click,1\nu,b,click,2\n");
  const Dataset dataset = import("", 1);
  EXPECT_EQ(dataset.log.size(), 1);
  EXPECT_EQ(report_.rows, 4);
  EXPECT_EQ(report_.bad_rows, 3);
  EXPECT_EQ(bad(0), "events.csv:3: 3 fields, the header names 4");
  EXPECT_EQ(bad(1), "events.csv:4: a quote is not closed before the end of the file");
}

TEST_F(Import, CsvHeader) {
  file("events.csv", "user,itme,action,time\n");
  refused(ErrorKind::data, "is it 'itme'?");
  file("events.csv", "user,user,item,action,time\n");
  refused(ErrorKind::data, "there twice");
  file("events.csv", "");
  refused(ErrorKind::data, "is empty");
}

TEST_F(Import, RefusesWhatItDoesNotKnow) {
  refused(ErrorKind::io, "no such file", "missing");
  refused(ErrorKind::data, "not recognised");
  file("x.bin", "?");
  refused(ErrorKind::data, "not recognised", "x.bin");
  file("events.jsonl", "");
  refused(ErrorKind::data, "no items and no events");
  file("dataset.json", "{}");
  refused(ErrorKind::data, "is a dataset already");
  ImportOptions options;
  test::expect_error(ErrorKind::config, "no source", [&] { import_dataset(options, silent_reporter(), report_); });
  options.source = (folder_ / "events.jsonl").string();
  options.format = "excel";
  test::expect_error(ErrorKind::config, "excel", [&] { import_dataset(options, silent_reporter(), report_); });
}

TEST_F(Import, KilledImportLeavesNothing) {
  std::string text;
  for (int i = 0; i < 20000; ++i) text += "u" + std::to_string(i) + " a b c d e\n";
  file("log.txt", text);
  for (const int delay_us : {500, 5000, 20000, 60000, 120000}) {
    const pid_t child = fork();
    if (child == 0) {
      Dataset dataset = import("log.txt");
      save_dataset(dataset, folder_ / "d");
      _exit(0);
    }
    usleep(static_cast<useconds_t>(delay_us));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    if (fs::exists(folder_ / "d")) {
      EXPECT_EQ(load_dataset(folder_ / "d").log.size(), 100000);
    }
  }
  Dataset dataset = import("log.txt");
  save_dataset(dataset, folder_ / "d");
  EXPECT_EQ(load_dataset(folder_ / "d").content_hash, dataset.content_hash);
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    const std::string name = entry.path().filename().string();
    EXPECT_TRUE(name == "d" || name == "log.txt") << name;
  }
}

TEST(FlatRow, AgreesWithTheFullParser) {
  // Rows put together at random from pieces that are nearly JSON: what the fast path takes, the parser must take too,
  // with the same values.
  const std::vector<std::string> pieces = {"{",  "}",        "\"a\"",        "\"b\\n\"", ":",         ",", "1", "-0.5",
                                           "01", "1e3",      "true",         "null",     " ",         "[", "]", "\"\"",
                                           "-",  "\xC3\xA9", "\"\xC3\xA9\"", "\"\xC3\"", "{\"a\":1}", "\\"};
  Random random(1, "test.flat_row");
  FlatRow row;
  int accepted = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = "{";
    const auto fields = random.below(4);
    for (uint64_t i = 0; i < fields; ++i) {
      if (i > 0) text += ",";
      text += random.chance(0.9) ? "\"a\"" : pieces[random.below(pieces.size())];
      text += random.chance(0.95) ? ":" : pieces[random.below(pieces.size())];
      text += pieces[random.below(pieces.size())];
    }
    text += random.chance(0.95) ? "}" : pieces[random.below(pieces.size())];
    const nlohmann::json truth = nlohmann::json::parse(text, nullptr, false);
    bool parsed = true;
    try {
      row.parse(text);
    } catch (const Error&) {
      parsed = false;
    }
    ASSERT_EQ(parsed, truth.is_object()) << text;
    if (!parsed || !truth.contains("a")) continue;
    ++accepted;
    const FlatRow::Value value = row.find("a");
    const nlohmann::json& a = truth["a"];
    if (a.is_string()) {
      ASSERT_EQ(value.text, a.get<std::string>()) << text;
    } else if (a.is_number()) {
      ASSERT_EQ(std::stod(std::string(value.text)), a.get<double>()) << text;
    } else {
      ASSERT_EQ(value.kind == FlatRow::Kind::absent, a.is_null()) << text;
    }
  }
  EXPECT_GT(accepted, 1000);
}

TEST(CsvReader, RandomRecordsComeBack) {
  const TemporaryFolder folder;
  Random random(2, "test.csv");
  const std::string letters = "ab,;\"\n\xC3\xA9 ";
  std::vector<std::vector<std::string>> wanted;
  std::string text;
  for (int r = 0; r < 500; ++r) {
    std::vector<std::string> record;
    for (int f = 0; f < 3; ++f) {
      std::string field, quoted;
      const auto length = random.below(6);
      for (uint64_t i = 0; i < length; ++i) {
        const size_t at = random.below(letters.size());
        field += letters[at] == '\xC3' || letters[at] == '\xA9' ? "\xC3\xA9" : std::string(1, letters[at]);
      }
      for (const char c : field) quoted += c == '"' ? "\"\"" : std::string(1, c);
      record.push_back(field);
      text += (f == 0 ? "" : ",") + ("\"" + quoted + "\"");
    }
    text += r % 2 == 0 ? "\n" : "\r\n";
    wanted.push_back(std::move(record));
  }
  put_bytes(folder / "x.csv", text);
  std::vector<std::vector<std::string>> found;
  for_each_record(
      folder / "x.csv", ',',
      [&](const CsvRecord& record) { found.emplace_back(record.fields.begin(), record.fields.end()); },
      [](int64_t line, int64_t, const char* reason) { ADD_FAILURE() << line << ": " << reason; });
  EXPECT_EQ(found, wanted);
}

TEST(Encoding, Utf8) {
  EXPECT_TRUE(is_utf8("plain ascii that is longer than a word"));
  EXPECT_TRUE(is_utf8("\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80"));
  for (const char* bytes :
       {"\xFF", "\xC3", "\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE4\xB8", "abcdefgh\x80"}) {
    EXPECT_FALSE(is_utf8(bytes));
  }
  EXPECT_EQ(utf8_or_latin1("caf\xE9"), "caf\xC3\xA9");
  EXPECT_EQ(utf8_or_latin1("caf\xC3\xA9"), "caf\xC3\xA9");
  EXPECT_EQ(without_entities("a &amp; b&#39;s &lt;x&gt; &unknown; &"), "a & b's <x> &unknown; &");
}

}  // namespace
}  // namespace tessera
