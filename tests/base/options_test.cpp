#include "base/options.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/temporary_folder.h"

namespace tessera {
namespace {

using nlohmann::json;
using test::expect_error;

struct SampleOptions {
  bool shared = false;
  int64_t levels = 3;
  double rate = 0.001;
  std::string loss = "hinge";
  std::vector<int64_t> sizes{256, 256};
  std::vector<double> betas{0.9, 0.999};
  std::vector<std::string> views;
  int64_t seed = 0;
  template <class F>
  void fields(F& f) {
    f("shared", shared, "one codebook for all levels");
    f("levels", levels, "codebooks per item", range(1, 8));
    f("rate", rate, "learning rate", range(0, 1));
    f("loss", loss, "the loss", one_of({"hinge", "softmax"}));
    f("sizes", sizes, "codes per level", at_least(2));
    f("betas", betas, "of Adam", range(0, 1));
    f("views", views, "parts of an item", one_of({"text", "image"}));
    f("seed", seed, "of everything");
  }
};

SampleOptions parse(const json& table) {
  SampleOptions options;
  assign(options, table, "[tokenize]");
  return options;
}

void refuse(const json& table, std::string_view message) {
  expect_error(ErrorKind::config, message, [&] { parse(table); });
}

TEST(Options, AssignsEveryType) {
  const SampleOptions options = parse({{"shared", true},
                                       {"levels", 4},
                                       {"rate", 1},
                                       {"loss", "softmax"},
                                       {"sizes", {64, 128, 256}},
                                       {"betas", {0, 0.5}},
                                       {"views", {"image", "text"}},
                                       {"seed", -5}});
  EXPECT_TRUE(options.shared);
  EXPECT_EQ(options.levels, 4);
  EXPECT_EQ(options.rate, 1.0);
  EXPECT_EQ(options.loss, "softmax");
  EXPECT_EQ(options.sizes, (std::vector<int64_t>{64, 128, 256}));
  EXPECT_EQ(options.betas, (std::vector<double>{0, 0.5}));
  EXPECT_EQ(options.views, (std::vector<std::string>{"image", "text"}));
  EXPECT_EQ(options.seed, -5);
}

TEST(Options, WhatIsNotNamedKeepsItsDefault) {
  EXPECT_EQ(parse(json::object()).levels, 3);
  EXPECT_EQ(parse(json()).levels, 3);
  EXPECT_EQ(parse({{"rate", 0.5}}).sizes.size(), 2u);
}

TEST(Options, UnknownKeyNamesTheNearest) {
  refuse({{"levles", 4}}, "[tokenize] has no option \"levles\" (did you mean \"levels\"?)");
  refuse({{"zzz", 4}}, "its options are shared, levels, rate");
}

TEST(Options, WrongTypes) {
  refuse({{"levels", "4"}}, "[tokenize] levels is \"4\", wanted integer, 1 to 8");
  refuse({{"levels", 4.0}}, "levels is 4.0, wanted integer");
  refuse({{"levels", true}}, "levels is true");
  refuse({{"levels", nullptr}}, "levels is null");
  refuse({{"shared", 1}}, "shared is 1, wanted boolean");
  refuse({{"rate", "fast"}}, "wanted number");
  refuse({{"rate", false}}, "wanted number");
  refuse({{"loss", 3}}, "wanted string, one of hinge, softmax");
  refuse({{"sizes", 64}}, "sizes is 64, wanted list of integers");
  refuse({{"sizes", {64, "x"}}}, "sizes[1] is \"x\"");
  refuse(json::array({1, 2}), "[tokenize] is [1,2], wanted a table");
}

TEST(Options, ValuesNotAllowed) {
  refuse({{"levels", 9}}, "[tokenize] levels is 9, wanted integer, 1 to 8");
  refuse({{"levels", -1}}, "levels is -1");
  refuse({{"rate", 1.5}}, "rate is 1.5, wanted number, 0 to 1");
  refuse({{"rate", std::nan("")}}, "rate is nan");
  refuse({{"rate", HUGE_VAL}}, "rate is inf");
  refuse({{"betas", {0.5, std::nan("")}}}, "betas[1] is nan");
  refuse({{"loss", "hing"}}, "loss is \"hing\"");
  refuse({{"sizes", {64, 1}}}, "sizes[1] is 1, wanted integer, at least 2");
  refuse({{"views", {"text", "smell"}}}, "views[1] is \"smell\", wanted string, one of text, image");
}

TEST(Options, IntegersAtTheEdge) {
  EXPECT_EQ(parse({{"seed", INT64_MAX}}).seed, INT64_MAX);
  EXPECT_EQ(parse({{"seed", INT64_MIN}}).seed, INT64_MIN);
  EXPECT_EQ(parse({{"seed", static_cast<uint64_t>(INT64_MAX)}}).seed, INT64_MAX);
  refuse({{"seed", static_cast<uint64_t>(INT64_MAX) + 1}}, "seed is 9223372036854775808");
  refuse(json::parse(R"({"seed": 99999999999999999999})"), "seed is 1e+20");
}

TEST(Options, LongAndBrokenTextIsCutInMessages) {
  try {
    parse({{"loss", std::string(100'000, 'x')}});
    FAIL();
  } catch (const Error& error) {
    EXPECT_LT(std::string_view(error.what()).size(), 300u);
  }
  refuse({{"loss", "\xff\xfe"}}, "wanted string");
  refuse({{std::string(100'000, 'x'), 1}}, "has no option");
}

TEST(Options, DumpAndAssignAreInverse) {
  SampleOptions options = parse({{"levels", 5}, {"sizes", {8, 9}}, {"views", {"text"}}});
  const json table = list_options(options).dump();
  EXPECT_EQ(table.size(), 8u);
  SampleOptions again = parse(table);
  EXPECT_EQ(list_options(again).dump(), table);
}

TEST(Options, HelpHasOneLineEach) {
  SampleOptions options;
  const std::string help = list_options(options).help();
  EXPECT_EQ(std::count(help.begin(), help.end(), '\n'), 8);
  EXPECT_NE(help.find("levels  integer, default 3, 1 to 8: codebooks per item"), std::string::npos) << help;
}

TEST(Options, Nearest) {
  EXPECT_EQ(nearest("tigre", {"lcrec", "tiger", "letter"}), "tiger");
  EXPECT_EQ(nearest("qqqqq", {"lcrec", "tiger"}), "");
  EXPECT_EQ(nearest("", {"a"}), "a");
  EXPECT_EQ(nearest("x", {}), "");
  EXPECT_EQ(nearest(std::string(1'000'000, 'x'), {"tiger"}), "");
}

}  // namespace
}  // namespace tessera
