#include "live/filter.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <set>

#include "base/error.h"
#include "live/columns.h"
#include "live/shop.h"
#include "text/normalise.h"
#include "text/tokenise.h"

namespace tessera::live {
namespace {

/// A condition in two forms that share no code: its text, and what it means for an item.
struct Oracle {
  std::string text;
  std::function<bool(const Item&)> accepts;
};

std::string plain_fold(std::string_view text) {
  std::string folded = normalise(text);
  while (!folded.empty() && std::isspace(static_cast<unsigned char>(folded.front()))) folded.erase(0, 1);
  while (!folded.empty() && std::isspace(static_cast<unsigned char>(folded.back()))) folded.pop_back();
  return folded;
}

std::string join(const std::vector<std::string>& names, size_t n) {
  std::string joined;
  for (size_t i = 0; i < n; ++i) joined += (i == 0 ? "" : " > ") + names[i];
  return joined;
}

/// All texts of an item's field that a filter may meet.
std::vector<std::string> texts_of(const Item& item, const std::string& field) {
  std::vector<std::string> texts;
  if (field == "id") return {item.id};
  if (field == "title") texts = {item.title};
  if (field == "description") texts = {item.description};
  if (field == "brand") texts = {item.brand};
  for (const auto& path : item.categories) {
    for (size_t n = 1; n <= path.size(); ++n) {
      if (field == "category" || field == "categories") {
        texts.push_back(path[n - 1]);
        texts.push_back(join(path, n));
      }
      if (field == "category.lvl" + std::to_string(n - 1)) texts.push_back(join(path, n));
    }
  }
  const std::string attribute = field.starts_with("attributes.") ? field.substr(11) : field;
  if (const auto it = item.attributes.find(attribute); it != item.attributes.end()) {
    texts.push_back(it->second);
    for (std::string rest = it->second; !rest.empty();) {
      const size_t comma = rest.find(", ");
      texts.push_back(rest.substr(0, comma));
      rest = comma == std::string::npos ? "" : rest.substr(comma + 2);
    }
  }
  std::erase_if(texts, [](const std::string& text) { return plain_fold(text).empty(); });
  return texts;
}

std::optional<double> as_number(const std::string& text) {
  const std::string folded = plain_fold(text);
  if (folded.empty() || folded.find_first_not_of("0123456789.+-e") != std::string::npos) return std::nullopt;
  char* end = nullptr;
  const double value = std::strtod(folded.c_str(), &end);
  if (end != folded.c_str() + folded.size()) return std::nullopt;
  return value;
}

bool text_meets(const std::string& text, const std::string& value, bool exact, bool prefix, bool is_attribute) {
  const std::string have = plain_fold(text), want = plain_fold(value);
  if (is_attribute && !prefix && as_number(text) && as_number(value) && *as_number(text) == *as_number(value))
    return true;
  const auto wanted = tokenise(value);
  if (exact || wanted.empty()) return prefix ? have.substr(0, want.size()) == want : have == want;
  const auto words = tokenise(text);
  for (size_t i = 0; i < wanted.size(); ++i) {
    bool found = false;
    for (const auto& word : words) {
      found = found ||
              (prefix && i + 1 == wanted.size() ? word.substr(0, wanted[i].size()) == wanted[i] : word == wanted[i]);
    }
    if (!found) return false;
  }
  return true;
}

Oracle random_text_condition(Random& random) {
  static const std::vector<std::string> kFields = {
      "title",         "description",       "brand", "category", "categories", "category.lvl0",
      "category.lvl1", "attributes.colour", "size",  "id"};
  static const std::vector<std::string> kValues = {"nike",
                                                   "Nik",
                                                   "adidas",
                                                   "balance",
                                                   "new balance",
                                                   "Apple, Inc.",
                                                   "inc",
                                                   "strasse",
                                                   "资生堂",
                                                   "資生",
                                                   "red",
                                                   "RED blue",
                                                   "shoe",
                                                   "e.g",
                                                   "don't",
                                                   "don’t",
                                                   "do",
                                                   "3.5",
                                                   "3",
                                                   "mp3",
                                                   "new",
                                                   "crème",
                                                   "naive",
                                                   "nails",
                                                   "Beauty > Nails",
                                                   "beauty > red nails",
                                                   "A > B",
                                                   "red, blue",
                                                   "10",
                                                   "9",
                                                   "cm",
                                                   "M",
                                                   "i1",
                                                   "i10",
                                                   "~~",
                                                   "run",
                                                   "u.s",
                                                   "a_b",
                                                   "(new)"};
  const std::string field = kFields[random.below(kFields.size())];
  const bool negated = random.chance(0.25), exact = random.chance(0.5), list = random.chance(0.4);
  Oracle oracle;
  oracle.text =
      field + ":" + (negated ? "!" : "") + (exact ? "=" : "") + (random.chance(0.3) ? " " : "") + (list ? "[" : "");
  std::vector<std::pair<std::string, bool>> any;
  for (uint64_t n = list ? 1 + random.below(3) : 1; n > 0; --n) {
    const std::string value = kValues[random.below(kValues.size())];
    const bool prefix = random.chance(0.25);
    const bool quote = value.find_first_of(",()") != std::string::npos || random.chance(0.3);
    if (!any.empty()) oracle.text += random.chance(0.5) ? "," : " , ";
    oracle.text += (quote ? "`" + value + "`" : value) + (prefix ? "*" : "");
    any.emplace_back(value, prefix);
  }
  if (list) oracle.text += "]";
  const bool is_attribute = field == "attributes.colour" || field == "size";
  oracle.accepts = [=](const Item& item) {
    bool found = false;
    for (const std::string& text : texts_of(item, field)) {
      for (const auto& [value, prefix] : any) {
        found = found || (field == "id" ? (prefix ? text.substr(0, value.size()) == value : text == value)
                                        : text_meets(text, value, exact, prefix, is_attribute));
      }
    }
    return found != negated;
  };
  return oracle;
}

std::vector<double> numbers_of(const Item& item, const std::string& field) {
  if (field == "price") return std::isnan(item.price) ? std::vector<double>{} : std::vector<double>{item.price};
  if (field == "created_at") {
    return item.created_at == 0 ? std::vector<double>{} : std::vector<double>{static_cast<double>(item.created_at)};
  }
  std::vector<double> numbers;
  for (const std::string& text : texts_of(item, field)) {
    if (const auto number = as_number(text)) numbers.push_back(*number);
  }
  return numbers;
}

Oracle random_number_condition(Random& random) {
  static const std::vector<std::string> kFields = {"price", "created_at", "attributes.size"};
  const std::string field = kFields[random.below(3)];
  const auto number = [&] {
    if (field == "created_at") return 1'700'000'000.0 + static_cast<double>(random.below(20)) * 86400;
    return static_cast<double>(random.below(44)) / 4 - 1;
  };
  using Test = std::function<bool(double)>;
  std::vector<Test> any;
  const auto comparison = [&]() -> std::string {
    const double bound = number();
    switch (random.below(4)) {
      case 0:
        any.push_back([=](double x) { return x < bound; });
        return fmt::format("<{}", bound);
      case 1:
        any.push_back([=](double x) { return x <= bound; });
        return fmt::format("<= {}", bound);
      case 2:
        any.push_back([=](double x) { return x > bound; });
        return fmt::format(">{}", bound);
      default:
        any.push_back([=](double x) { return x >= bound; });
        return fmt::format(">={}", bound);
    }
  };
  const bool negated = random.chance(0.25), list = random.chance(0.6);
  std::string text = field + ":";
  if (!list && !negated) {
    text += comparison();
  } else if (!list) {
    const double equal = number();
    text += fmt::format("!={}", equal);
    any.push_back([=](double x) { return x == equal; });
  } else {
    text += negated ? "![" : "[";
    for (uint64_t n = 1 + random.below(3); n > 0; --n) {
      if (!any.empty()) text += ", ";
      if (random.chance(0.4)) {
        text += comparison();
        continue;
      }
      const double low = number(), high = number();
      text += fmt::format("{}..{}", low, high);
      any.push_back([=](double x) { return x >= low && x <= high; });
    }
    text += "]";
  }
  return {text, [=](const Item& item) {
            bool found = false;
            for (const double x : numbers_of(item, field)) {
              for (const Test& test : any) found = found || test(x);
            }
            return found != negated;
          }};
}

Oracle random_filter(Random& random, int depth) {
  const double what = random.uniform();
  if (depth == 0 || what < 0.3) {
    if (random.chance(0.15)) {
      const bool yes = random.chance(0.5), negated = random.chance(0.3);
      return {fmt::format("{}:{}{}", random.chance(0.5) ? "in_stock" : "available", negated ? "!=" : "", yes),
              [=](const Item& item) { return (item.available == yes) != negated; }};
    }
    return random.chance(0.5) ? random_text_condition(random) : random_number_condition(random);
  }
  const Oracle a = random_filter(random, depth - 1);
  if (what < 0.4) return {"!(" + a.text + ")", [=](const Item& item) { return !a.accepts(item); }};
  const Oracle b = random_filter(random, depth - 1), c = random_filter(random, depth - 1);
  if (what < 0.6) {  // && binds closer
    return {fmt::format("({} || {} && {})", a.text, b.text, c.text),
            [=](const Item& item) { return a.accepts(item) || (b.accepts(item) && c.accepts(item)); }};
  }
  if (what < 0.8) {
    return {fmt::format("(({})&&{} && {})", a.text, b.text, c.text),
            [=](const Item& item) { return a.accepts(item) && b.accepts(item) && c.accepts(item); }};
  }
  return {fmt::format("({}||{})", a.text, b.text),
          [=](const Item& item) { return a.accepts(item) || b.accepts(item); }};
}

void expect_same(const Oracle& oracle, const CatalogueView& view, FilterCache& cache) {
  const Filter filter = Filter::parse(oracle.text, {.max_bytes = 1 << 16, .max_operators = 1000, .max_depth = 100});
  const auto set = cache.evaluate(filter, view);
  for (int32_t i = 0; i < view.size(); ++i) {
    const ItemId item{i};
    const bool wanted = view.is_live(item) && oracle.accepts(view.item(item));
    ASSERT_EQ(set->contains(item), wanted) << oracle.text << " on " << view.item(item).title << " | "
                                           << view.item(item).brand << " | " << view.item(item).id;
  }
}

void follow_random_filters(uint64_t seed, int rounds, int items, int filters) {
  LiveCatalogue catalogue;
  FilterCache cache(16);
  Random random(seed, "test.filter.model");
  Item all;  // every attribute is known from the start
  all.id = "i0";
  all.attributes = {{"colour", "red"}, {"size", "1"}};
  catalogue.apply({Change::put(all)});
  for (int round = 0; round < rounds; ++round) {
    std::vector<Change> changes;
    for (uint64_t n = random.below(static_cast<uint64_t>(items) / 2); n > 0; --n) {
      std::string id = "i" + std::to_string(random.below(static_cast<uint64_t>(items)));
      changes.push_back(random.chance(0.2) ? Change::erase(id) : Change::put(random_item(id, random)));
    }
    catalogue.apply(std::move(changes));
    const auto view = catalogue.view();
    for (int n = 0; n < filters; ++n) {
      expect_same(random_filter(random, static_cast<int>(random.below(4))), *view, cache);
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Filter, EqualsABruteForceEvaluator) {
  follow_random_filters(1, 12, 150, 60);
}

TEST(FilterSlow, EqualsABruteForceEvaluatorOverSeveralChunks) {
  follow_random_filters(2, 10, 4000, 40);
}

std::string error_of(const std::string& text, const FilterLimits& limits = {}) {
  try {
    Filter::parse(text, limits);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::data);
    return error.what();
  }
  return "no error";
}

TEST(Filter, SaysWhereAndWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"price:<", "at position 8: wanted a value, found the end"},
      {"price:<cheap", "at position 8: wanted a number, found \"cheap\""},
      {"price:[1..]", "at position 8: wanted a number"},
      {"price:5*", "wanted a number"},
      {"price<5", "at position 6: wanted ':' after the field \"price\", found \"<5\""},
      {"brand:=", "wanted a value"},
      {"brand:=[]", "wanted a value"},
      {"brand:=[a,]", "at position 11: wanted a value"},
      {"brand:=[a b", "wanted ',' or ']', found the end"},
      {"brand:<b", "at position 7: wanted no comparison, brand is not a number"},
      {"brand:=`a", "wanted a value with a back-tick at both ends"},
      {"brand:=a`b`", "at position 9: wanted values with such signs between back-ticks"},
      {"brand:=a (b)", "at position 10: wanted values with such signs between back-ticks"},
      {"brand:=a price:<5)", "at position 18: wanted no ')' without a '('"},
      {"(brand:=a", "at position 10: wanted '&&', '||' or ')', found the end"},
      {"brand:=`a` b", "wanted '&&', '||' or the end, found \"b\""},
      {"brand:=a &&", "at position 12: wanted a field name, found the end"},
      {"&& brand:=a", "at position 1: wanted a field name"},
      {"in_stock:yes", "at position 10: wanted true or false, found \"yes\""},
      {"created_at:>yesterday", "wanted a time in seconds or such as 2026-03-01T00:00:00Z"},
      {"`brand:=a", "wanted a field name with a back-tick at both ends"},
      {":=a", "wanted a field name"},
      {"\xff:\xff`", "wanted values with such signs"},
  };
  for (const auto& [text, wanted] : cases) {
    EXPECT_NE(error_of(text).find(wanted), std::string::npos) << text << ": " << error_of(text);
  }
}

TEST(Filter, HoldsItsLimits) {
  EXPECT_NE(error_of("brand:=" + std::string(5000, 'x')).find("5007 bytes of text, wanted at most 4096"),
            std::string::npos);
  std::string many = "price:1";
  for (int i = 0; i < 101; ++i) many += "||price:1";
  EXPECT_NE(error_of(many).find("at most 100 operators"), std::string::npos);
  EXPECT_EQ(error_of(many.substr(0, 7 + 100 * 9)), "no error");
  EXPECT_NE(error_of(std::string(17, '(') + "price:1" + std::string(17, ')')).find("at most 16 levels"),
            std::string::npos);
  EXPECT_EQ(error_of(std::string(16, '(') + "price:1" + std::string(16, ')')), "no error");
  EXPECT_NE(error_of(std::string(90, '!') + "price:1").find("at most 16 levels"), std::string::npos);
}

TEST(Filter, ReadsTheFormsOfTypesense) {
  LiveCatalogue catalogue;
  Item item;
  item.id = "B/01";
  item.title = "Jonathan's R&B record";
  item.brand = "United States, Minor";
  item.categories = {{"Cell Phones", "Accessories"}};
  item.price = 20;
  item.created_at = 1772323200;  // 2026-03-01
  item.attributes = {{"Skin: Type", "dry"}, {"brand", "other"}, {"dots", "a..b"}};
  catalogue.apply({Change::put(item)});
  const auto view = catalogue.view();
  for (const std::string text : {"",
                                 "  ",
                                 "price:20",
                                 "price: = 20.0",
                                 "price:=[`20`]",
                                 "price:[10..20]",
                                 "price:[ 1 .. 5 , 20 ]",
                                 "price:[<5,>=20]",
                                 "price:!=[1,2]",
                                 "price:![1..19]",
                                 "in_stock:=[`true`]",
                                 "available:[true,false]",
                                 "available:!=false",
                                 "brand:=`United States, Minor`",
                                 "brand:united",
                                 "brand: minor states",
                                 "brand:=united*",
                                 "brand:=`united st`*",
                                 "brand:[x,uni*]",
                                 "brand:*",
                                 "category:accessories",
                                 "category:=Cell Phones",
                                 "category:=Cell Phones > Accessories",
                                 "category.lvl1:=[`Cell Phones > Accessories`]",
                                 "categories.lvl0:=Cell Phones",
                                 "title:R&B",
                                 "title:=jon*",
                                 "title:!~~",
                                 "id:B/01",
                                 "id:=[B/01,x]",
                                 "id:*",
                                 "created_at:>=2026-03-01",
                                 "created_at:<2026-03-01T00:00:01Z",
                                 "created_at:1772323200",
                                 "created_at:[2026-02-01..2026-03-01]",
                                 "`attributes.Skin: Type`:=dry",
                                 "dots:=[a..b]",
                                 "attributes.brand:=other",
                                 "(price:<50 && (brand:!=Nike)) || title:x",
                                 "!(brand:=Nike)",
                                 "!!price:20",
                                 "!brand:Nike"}) {
    EXPECT_EQ(Filter::parse(text).evaluate(*view).count(), 1) << text;
  }
  for (const std::string text :
       {"brand:=other", "price:<20", "price:>20", "id:b/01", "brand:state", "brand:=united", "!*:1"}) {
    if (text == "!*:1") {
      EXPECT_THROW(Filter::parse(text).evaluate(*view), Error);
    } else {
      EXPECT_EQ(Filter::parse(text).evaluate(*view).count(), 0) << text;
    }
  }
}

TEST(Filter, NamesTheNearestField) {
  LiveCatalogue catalogue;
  Item item;
  item.id = "a";
  item.attributes["colour"] = "red";
  catalogue.apply({Change::put(item)});
  const auto message = [&](const std::string& text) {
    try {
      Filter::parse(text).evaluate(*catalogue.view());
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  EXPECT_NE(message("color:=red").find("no field \"color\"; did you mean 'colour'?"), std::string::npos);
  EXPECT_NE(message("price:1 || !prise:2").find("did you mean 'price'?"), std::string::npos);
  EXPECT_NE(message("zzzzzzzzzzz:2").find("wanted one of id, title"), std::string::npos);
  EXPECT_EQ(message("colour:=blue"), "no error");
}

TEST(Filter, WithoutDropsOwnConjunctsOnly) {
  const auto field = [](const char* name) { return *parse_field(name); };
  const Filter filter = Filter::parse("(price:<5 && brand:=a) && (brand:=b || brand:!=c) && (brand:=d || price:>1)");
  EXPECT_EQ(filter.root().children.size(), 4);
  EXPECT_EQ(filter.without(field("brand")).root().children.size(), 2);
  EXPECT_EQ(filter.without(field("price")).root().children.size(), 3);
  EXPECT_EQ(filter.without(field("title")).text(), filter.text());
  EXPECT_NE(filter.without(field("brand")).text(), filter.without(field("price")).text());
  EXPECT_TRUE(Filter::parse("brand:=a").without(field("brand")).accepts_all());
  EXPECT_FALSE(Filter::parse("brand:=a || price:1").without(field("brand")).accepts_all());
  const Filter levels = Filter::parse("category.lvl0:=a && category.lvl1:=b && category:=c");
  EXPECT_EQ(levels.without(field("category.lvl1")).root().children.size(), 2);
  EXPECT_EQ(levels.without(field("category.lvl0")).root().kind, FilterNode::Kind::condition);
  EXPECT_TRUE(Filter().without(field("brand")).accepts_all());
}

TEST(FilterCache, KeepsTheLatestAndForgetsByCountAndBytes) {
  LiveCatalogue catalogue;
  Item item;
  item.id = "a";
  item.price = 3;
  catalogue.apply({Change::put(item)});
  FilterCache cache(2);
  const auto view = catalogue.view();
  const auto first = cache.evaluate(Filter::parse("price:<5"), *view);
  EXPECT_EQ(cache.evaluate(Filter::parse("price:<5"), *view), first);
  cache.evaluate(Filter::parse("price:<6"), *view);
  cache.evaluate(Filter::parse("price:<5"), *view);
  cache.evaluate(Filter::parse("price:<7"), *view);
  EXPECT_EQ(cache.size(), 2);
  EXPECT_EQ(cache.evaluate(Filter::parse("price:<5"), *view), first);
  item.price = 9;
  catalogue.apply({Change::put(item)});
  EXPECT_EQ(cache.evaluate(Filter::parse("price:<5"), *catalogue.view())->count(), 0);
  FilterCache tiny(100, 1);
  EXPECT_EQ(tiny.evaluate(Filter::parse("price:<5"), *view)->count(), 1);
  EXPECT_EQ(tiny.size(), 0);
}

TEST(Filter, GivesUpAtItsDeadline) {
  LiveCatalogue catalogue;
  Random random(5, "test.filter.deadline");
  catalogue.apply({Change::put(random_item("a", random))});
  const auto view = catalogue.view();
  const auto now = std::chrono::steady_clock::now();
  EXPECT_THROW(Filter::parse("title:red").evaluate(*view, now), Error);
  EXPECT_THROW(Filter::parse("id:a*").evaluate(*view, now), Error);
  EXPECT_NO_THROW(Filter::parse("title:red").evaluate(*view, now + std::chrono::hours(1)));
  EXPECT_NO_THROW(Filter::parse("price:<5").evaluate(*view, now)) << "what is short is done";
  make_columns(*view);
}

TEST(Filter, RandomTextIsParsedOrRefused) {
  Random random(3, "test.filter.noise");
  const std::string signs = "price:brand=<>![]()`*.,&|| &&  0123~\xc3\xa9\xff";
  LiveCatalogue catalogue;
  catalogue.apply({Change::put(random_item("a", random))});
  int parsed = 0;
  for (int n = 0; n < 20000; ++n) {
    std::string text = random.chance(0.5) ? "brand:" : "";
    for (uint64_t k = random.below(24); k > 0; --k) text += signs[random.below(signs.size())];
    try {
      const Filter filter = Filter::parse(text);
      ++parsed;
      if (!filter.unknown_field(*catalogue.view())) filter.evaluate(*catalogue.view());
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::data) << text;
    }
  }
  EXPECT_GT(parsed, 100);
}

}  // namespace
}  // namespace tessera::live
