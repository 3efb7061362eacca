#include "pipeline/recipe.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "pipeline/tiny_world.h"

namespace tessera {
namespace {

using test::error_of;
using test::TemporaryFolder;

constexpr const char* kPopular = "[data]\nsource = \"somewhere\"\n\n[retrieve]\nname = \"popular\"\n";

Recipe resolved(const std::string& text) {
  Recipe recipe = parse_recipe(text, "tiny.toml");
  resolve_recipe(recipe);
  return recipe;
}

void expect_error(const std::string& text, const std::vector<std::string>& parts) {
  const std::string message = error_of([&] { resolved(text); });
  for (const std::string& part : parts)
    EXPECT_NE(message.find(part), std::string::npos) << message << "\nlacks: " << part;
}

TEST(Recipe, FillsInEveryDefault) {
  const Recipe recipe = resolved(kPopular);
  EXPECT_EQ(recipe.run().seed, 42);
  EXPECT_EQ(recipe.run().name, "tiny");
  EXPECT_EQ(recipe.evaluate().k, (std::vector<int64_t>{5, 10, 20}));
  EXPECT_EQ(recipe.section("split").at("protocol"), "leave-one-out");
  EXPECT_TRUE(recipe.section("retrieve").contains("half_life_days"));
  EXPECT_FALSE(recipe.has("embed"));
}

TEST(Recipe, ResolvedTextReadsBackTheSame) {
  Recipe recipe = parse_recipe(
      "[data]\nsource = 'a \"b\" \\ c'\n[embed]\nname = \"concat\"\nparts = [\"text-svd\", \"ppmi-svd\"]\n"
      "[embed.text-svd]\ndim = 32\n[tokenize]\nname=\"rq-kmeans\"\n[retrieve]\nname = \"popular\"\n",
      "tiny.toml");
  resolve_recipe(recipe);
  EXPECT_EQ(recipe.section("embed").at("text-svd").at("dim"), 32);
  EXPECT_TRUE(recipe.section("embed").at("ppmi-svd").contains("window"));
  Recipe again = parse_recipe(to_toml(recipe), "again.toml");
  resolve_recipe(again);
  EXPECT_EQ(again.tree, recipe.tree);
}

TEST(Recipe, TablesOfAMethodAreMethods) {
  const std::string eager = "[data]\nsource=\"x\"\n[retrieve]\nname=\"eager\"\n";
  Recipe recipe = parse_recipe(eager +
                                   "behaviour = { name = \"item-table\", model = { name = \"sasrec\" } }\n"
                                   "codes = { branching = 32 }\n",
                               "tiny.toml");
  apply_set(recipe, "retrieve.semantic.dim=48");
  resolve_recipe(recipe);
  const auto& table = recipe.section("retrieve");
  EXPECT_EQ(table.at("behaviour").at("tensor"), "item");
  EXPECT_TRUE(table.at("behaviour").at("model").contains("max_history"));
  EXPECT_EQ(table.at("codes").at("name"), "balanced-kmeans");
  EXPECT_EQ(table.at("codes").at("branching"), 32);
  EXPECT_EQ(table.at("semantic").at("name"), "text-svd");
  EXPECT_EQ(table.at("semantic").at("dim"), 48);
  Recipe again = parse_recipe(to_toml(recipe), "again.toml");
  resolve_recipe(again);
  EXPECT_EQ(again.tree, recipe.tree);
  expect_error(eager + "codes = { branchin = 3 }\n", {"tiny.toml:5", "[retrieve.codes]", "did you mean \"branching\""});
  expect_error(eager + "codes = 3\n", {"tiny.toml:5", "codes", "wanted a table"});
  expect_error(eager + "behaviour = { name = \"ppmi\" }\n", {"ppmi", "ppmi-svd"});
}

TEST(Recipe, ADefaultMayDependOnTheVariant) {
  const std::string eager = "[data]\nsource=\"x\"\n[retrieve]\nname=\"eager\"\nvariant=\"released\"\nbeam=7\n";
  const Recipe recipe = resolved(eager);
  EXPECT_EQ(recipe.section("retrieve").at("model_dim"), 96);
  EXPECT_EQ(recipe.section("retrieve").at("beam"), 7);
  EXPECT_EQ(recipe.section("retrieve").at("codes").at("branching"), 128);
}

TEST(Recipe, UnknownNamesGetTheNearest) {
  expect_error("[data]\nsource=\"x\"\n[retreive]\nname=\"popular\"\n",
               {"tiny.toml:3", "[retreive]", "did you mean \"retrieve\""});
  expect_error("[data]\nsource=\"x\"\nmax_bda = 0.5\n", {"tiny.toml:3", "max_bda", "did you mean \"max_bad\""});
  expect_error("[data]\nsource=\"x\"\n[retrieve]\nname=\"popluar\"\n", {"popluar", "popular"});
  expect_error("[data]\nsource=\"x\"\n[retrieve]\nname=\"popular\"\nhalf_live_days=3\n",
               {"tiny.toml:5", "half_live_days", "half_life_days"});
}

TEST(Recipe, LettersWhereOnlySpaceMayBeAreAnError) {
  for (const char* text :
       {"a = 1\xC9\xB5\n", "a = 2020-01-01\xC9\xB5", "\xE3\x81\x82 = 1\n", "a.1.c=19702-5\xE0\xB9-P"})
    expect_error(text, {"tiny.toml:", "not TOML"});
}

TEST(Recipe, AHeaderThatEndsWithItsLineIsAnError) {
  // Assertions of the TOML library ended the program here, in builds that have them.
  for (const char* text : {"[\nname]\n", "[ \n", "[[\nname]]\n"}) expect_error(text, {"tiny.toml:", "not TOML"});
}

TEST(Recipe, WrongValuesAreRefused) {
  expect_error("[data]\nsource = 3\n", {"[data] source", "3", "string"});
  expect_error("[data]\nsource=\"x\"\n[evaluate]\nk = [0]\n", {"[evaluate] k", "1 to 1000"});
  expect_error("[data]\nsource=\"x\"\n[evaluate]\nk = []\n", {"tiny.toml:4", "empty"});
  expect_error("[data]\nsource=\"x\"\n[evaluate]\nsplits = [\"train\"]\n", {"train", "valid, test"});
  expect_error("[retrieve]\nname=\"popular\"\n", {"no source", "--set data="});
  expect_error("data = 3\n", {"wanted a section"});
  expect_error("[data]\nsource=\"x\"\n[retrieve]\nmodel_dim=3\n", {"which method"});
  expect_error("[run]\nname=\"../up\"\n[data]\nsource=\"x\"\n", {"../up", "cannot name a run"});
}

TEST(Recipe, MissingStagesAreNamed) {
  expect_error("[data]\nsource=\"x\"\n[tokenize]\nname=\"rq-kmeans\"\n", {"needs vectors", "[embed]"});
  expect_error("[data]\nsource=\"x\"\n[retrieve]\nname=\"tiger\"\n", {"semantic IDs", "[tokenize]"});
}

TEST(Recipe, NotTomlNamesLineAndColumn) {
  const std::string message = error_of([] { parse_recipe("[data]\nsource = = 3\n", "bad.toml"); });
  EXPECT_NE(message.find("bad.toml:2:"), std::string::npos) << message;
  EXPECT_NE(error_of([] { parse_recipe(std::string(2 << 20, ' '), "big.toml"); }), "");
  EXPECT_NE(error_of([] { load_recipe("no/such/recipe.toml"); }), "");
}

TEST(RecipeSet, TakesTomlAndBareWords) {
  Recipe recipe = parse_recipe(kPopular, "tiny.toml");
  apply_set(recipe, "evaluate.k=[1, 2]");
  apply_set(recipe, "run.seed=7");
  apply_set(recipe, "run.name=1234");
  apply_set(recipe, "data=some/where else");
  apply_set(recipe, "split.test_from=2014-05-01");
  apply_set(recipe, "retrieve=item-cf");
  apply_set(recipe, "embed.text-svd.dim=64");
  apply_set(recipe, "variant=released");
  EXPECT_EQ(recipe.tree["evaluate"]["k"], nlohmann::json({1, 2}));
  EXPECT_EQ(recipe.tree["run"]["seed"], 7);
  EXPECT_EQ(recipe.tree["run"]["name"], "1234");
  EXPECT_EQ(recipe.tree["data"]["source"], "some/where else");
  EXPECT_EQ(recipe.tree["split"]["test_from"], "2014-05-01");
  EXPECT_EQ(recipe.tree["retrieve"]["name"], "item-cf");
  EXPECT_EQ(recipe.tree["embed"]["text-svd"]["dim"], 64);
  EXPECT_EQ(recipe.tree["retrieve"]["variant"], "released");
}

TEST(RecipeSet, RefusesWhatIsNoAssignment) {
  Recipe recipe = parse_recipe(kPopular, "tiny.toml");
  for (const char* bad :
       {"", "=3", "evaluate.k", "lonely=3", "evaluate.=3", ".k=3", "evaluate.k=[1,", "evaluate.k=\"x"})
    EXPECT_NE(error_of([&] { apply_set(recipe, bad); }), "") << bad;
}

TEST(RecipeSource, IsFoundAboveTheRecipe) {
  TemporaryFolder folder;
  std::filesystem::create_directories(folder / "project/recipes/tiny");
  std::filesystem::create_directories(folder / "kept/shop-data");
  write_file(folder / "project/recipes/tiny/popular.toml",
             "[data]\nsource = \"../kept/shop-data\"\n[retrieve]\nname=\"popular\"\n");
  Recipe recipe = load_recipe(folder / "project/recipes/tiny/popular.toml");
  resolve_recipe(recipe);
  EXPECT_EQ(recipe.run().name, "tiny-popular");
  EXPECT_EQ(find_source(recipe), folder / "kept/shop-data");
  apply_set(recipe, "data=not-there");
  EXPECT_NE(error_of([&] { find_source(recipe); }).find("--set data="), std::string::npos);
}

}  // namespace
}  // namespace tessera
