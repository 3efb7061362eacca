// The tree search against scoring every item.

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

#include "base/array_file.h"
#include "methods/catalog.h"
#include "methods/tiny_world.h"

namespace tessera {
namespace {

nlohmann::json small_tdm() {
  return {{"name", "tdm"},   {"dim", 16},        {"hidden", {16}}, {"max_history", 8}, {"rounds", 2},        {"gap", 2},
          {"max_epochs", 2}, {"batch_size", 64}, {"beam", 60},     {"patience", 0},    {"precision", "fp32"}};
}

TEST(Tdm, ABeamAsWideAsTheCatalogueFindsWhatAScanFinds) {
  const TinyWorld& world = tiny_world();
  const TemporaryFolder folder("tdm_scan");
  const auto beam = make_retriever(small_tdm());
  beam->train(world.inputs(), {3, silent_reporter(), {}});
  beam->save(folder.path());
  nlohmann::json options = small_tdm();
  options["search"] = "scan";
  const auto scan = make_retriever(options);
  scan->load(folder.path(), world.inputs());

  std::vector<Request> requests;
  for (const Case& c : world.split.test) {
    const auto history = world.split.history(c);
    requests.push_back({history, c.user, requests.size() % 2 == 0 ? history : std::span<const ItemId>(), nullptr, 10});
  }
  const auto one = beam->recommend(requests), two = scan->recommend(requests);
  for (size_t i = 0; i < requests.size(); ++i) {
    ASSERT_EQ(one[i].items.size(), 10u);
    for (size_t n = 0; n < 10; ++n) EXPECT_NEAR(one[i].scores[n], two[i].scores[n], 1e-4);
  }

  // Two trainings with a new tree between them left every item at one leaf.
  std::set<int32_t> leaves;
  const NpyFile file(folder.path() / "leaves.npy");
  for (const int32_t item : file.array().as<int32_t>()) leaves.insert(item);
  EXPECT_EQ(leaves.size(), static_cast<size_t>(TinyWorld::kItems));
}

}  // namespace
}  // namespace tessera
