#include <gtest/gtest.h>
#include <torch/torch.h>
#include <nlohmann/json.hpp>

#include <cmath>
#include <set>

#include "base/array_file.h"
#include "base/error.h"
#include "base/file.h"
#include "decode/beam_search.h"
#include "methods/catalog.h"
#include "methods/eager_codes.h"
#include "methods/eager_fusion.h"
#include "methods/eager_losses.h"
#include "methods/eager_search.h"
#include "methods/tiny_world.h"

namespace tessera {
namespace {

using at::Tensor;

constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();

T5Options small() {
  return {
      .model_dim = 16, .heads = 2, .head_dim = 8, .ff_dim = 32, .encoder_layers = 1, .decoder_layers = 2, .dropout = 0};
}

/// Two streams over the tiny world: its own codes (6 classes of 10 places, then one code), and a flat one of 60.
struct Net {
  Parameters parameters{7, at::kCPU};
  std::vector<EagerStream> streams;
  EagerEncoder encoder;

  explicit Net(bool causal = true) {
    SemanticIds flat;
    flat.level_sizes = {4, 15};
    for (int32_t i = 0; i < TinyWorld::kItems; ++i) flat.codes.insert(flat.codes.end(), {i % 4, i / 4});
    streams.emplace_back("behaviour", tiny_world().ids, at::kCPU);
    streams.emplace_back("semantic", flat, at::kCPU);
    T5Options sizes = small();
    sizes.decoder_layers = 0;
    encoder = {T5(parameters, sizes, ""), parameters.normal("items", {TinyWorld::kItems + 1, 16}, 1.0), causal, {}};
    for (EagerStream& stream : streams) stream.make_weights(parameters, small());
  }
};

std::vector<Request> some_requests(int64_t k) {
  std::vector<Request> requests(6);
  for (size_t i = 0; i < requests.size(); ++i) {
    requests[i].history = tiny_world().split.history(tiny_world().split.test[i]).first(i);
    requests[i].k = k;
  }
  return requests;
}

// ---- codes and their softmax ----------------------------------------------------------------------------------------

TEST(EagerStream, ProbabilitiesOfAllItemsSumToOne) {
  for (const bool causal : {true, false}) {
    const Net net(causal);
    for (const bool engine : {true, false}) {
      const EagerSearch search(net.streams, net.encoder, {.max_history = 12, .engine = engine});
      for (const EagerCandidates& found : search.candidates(some_requests(TinyWorld::kItems), nullptr, 1, false)) {
        ASSERT_EQ(found.items.size(), static_cast<size_t>(TinyWorld::kItems));
        for (const auto& scores : found.scores) {
          double sum = 0;
          for (const float score : scores) sum += std::exp(score);
          EXPECT_NEAR(sum, 1.0, 1e-4);
        }
      }
    }
  }
}

TEST(EagerSearch, EnginesAgreeWithTensors) {
  for (const bool causal : {true, false}) {
    Net net(causal);
    if (causal) net.encoder.add_codes(net.streams[1]);
    const auto requests = some_requests(8);
    const auto fast = EagerSearch(net.streams, net.encoder, {.max_history = 12}).candidates(requests, nullptr, 8, true);
    const auto slow = EagerSearch(net.streams, net.encoder, {.max_history = 12, .decode_batch = 4, .engine = false})
                          .candidates(requests, nullptr, 8, true);
    for (size_t i = 0; i < requests.size(); ++i) {
      ASSERT_EQ(fast[i].items, slow[i].items);
      for (size_t s = 0; s < 2; ++s)
        for (size_t j = 0; j < fast[i].items.size(); ++j) EXPECT_NEAR(fast[i].scores[s][j], slow[i].scores[s][j], 1e-4);
    }
  }
}

TEST(EagerSearch, WhatOtherStreamsFoundIsScoredAsByTeacherForcing) {
  const Net net;
  const EagerSearch search(net.streams, net.encoder, {.max_history = 12});
  const auto few = search.candidates(some_requests(5), nullptr, 5, true);
  const auto all = search.candidates(some_requests(TinyWorld::kItems), nullptr, 5, false);
  for (size_t i = 0; i < few.size(); ++i) {
    EXPECT_GE(few[i].items.size(), 5u);
    for (size_t j = 0; j < few[i].items.size(); ++j)
      for (size_t s = 0; s < 2; ++s)
        EXPECT_NEAR(few[i].scores[s][j], all[i].scores[s][static_cast<size_t>(index(few[i].items[j]))], 1e-4);
  }
}

TEST(EagerSearch, FiltersSpeakOfTheRecipesTrie) {
  const Net net;
  SemanticIds other;
  other.level_sizes = {60};
  for (int32_t i = 0; i < TinyWorld::kItems; ++i) other.codes.push_back(59 - i);
  const Trie trie(other);
  const std::vector<ItemId> allowed{ItemId{2}, ItemId{17}, ItemId{44}};
  const ItemFilter filter = ItemFilter::allow(trie, allowed);
  auto requests = some_requests(10);
  for (Request& request : requests) request.filter = &filter;
  const EagerSearch search(net.streams, net.encoder, {.max_history = 12});
  for (const EagerCandidates& found : search.candidates(requests, &trie, 4, true)) EXPECT_EQ(found.items, allowed);
  EXPECT_THROW(search.candidates(requests, nullptr, 4, true), Error);
}

TEST(EagerStream, AnUntrainedHeadGuessesAmongTheChildrenOnly) {
  Net net;
  {
    const torch::NoGradGuard no_grad;
    for (auto& [name, tensor] : net.parameters.all()) Tensor(tensor).zero_();
  }
  const std::vector<std::span<const ItemId>> histories(2, tiny_world().split.all.of(UserId{0}).first(3));
  const Tensor memory = net.encoder.encode(histories, 3, false);
  const Tensor rows = torch::tensor({0, 5}, at::kLong), items = torch::tensor({7, 33}, at::kLong);
  for (const bool summary : {false, true}) {
    const auto one = net.streams[0].decode(memory, net.encoder.prefix_mask(3, 1), rows, items, 3, summary, false);
    EXPECT_NEAR(one.loss.item<double>(), (std::log(6.0) + std::log(10.0) + 0.0) / 3, 1e-6);
    EXPECT_EQ(one.summary.defined(), summary);
    const auto two = net.streams[1].decode(memory, net.encoder.prefix_mask(3, 1), rows, items, 3, summary, false);
    EXPECT_NEAR(two.loss.item<double>(), (std::log(4.0) + std::log(15.0)) / 2, 1e-6);
  }
}

TEST(EagerStream, TheLossIsTheScoreOfTheSearch) {
  for (const bool causal : {true, false}) {
    const Net net(causal);
    const auto history = tiny_world().split.all.of(UserId{1}).first(4);
    Request request;
    request.history = history;
    request.k = TinyWorld::kItems;
    const auto found = EagerSearch(net.streams, net.encoder, {.max_history = 12})
                           .candidates(std::span(&request, 1), nullptr, 1, false)[0];
    const std::vector<std::span<const ItemId>> histories{history};
    const Tensor memory = net.encoder.encode(histories, 4, false), none = net.encoder.length_mask(histories, 4);
    for (size_t s = 0; s < 2; ++s) {
      const auto decoded = net.streams[s].decode(memory, none, torch::tensor({0}, at::kLong),
                                                 torch::tensor({23}, at::kLong), 1, true, false);
      EXPECT_NEAR(-decoded.loss.item<double>() * static_cast<double>(net.streams[s].levels()), found.scores[s][23],
                  1e-4);
    }
  }
}

TEST(EagerEncoder, ACausalPrefixIsItsOwnHistory) {
  const Net net;
  const auto history = tiny_world().split.all.of(UserId{2}).first(5);
  const std::vector<std::span<const ItemId>> whole{history}, part{history.first(3)};
  const Tensor together = net.encoder.encode(whole, 5, false), alone = net.encoder.encode(part, 3, false);
  EXPECT_TRUE(at::allclose(together.narrow(1, 0, 4), alone, 1e-4, 1e-5));
  const Tensor mask = net.encoder.prefix_mask(2, 1);  // [1, 2, 3]
  EXPECT_LT(mask[0][0][2].item<float>(), -1e8);
  EXPECT_EQ(mask[0][1][2].item<float>(), 0.0f);
}

// ---- losses ---------------------------------------------------------------------------------------------------------

TEST(EagerContrast, SmoothL1IsTheMeanOverElements) {
  const Tensor vectors = torch::tensor({{0.0f, 0.0f}, {1.0f, 3.0f}});
  const Tensor guess = torch::tensor({{0.5f, 0.0f}, {1.0f, 1.0f}}), items = torch::tensor({0, 1}, at::kLong);
  // 0.5 * 0.5^2, 0, 0, 2 - 0.5
  EXPECT_NEAR(eager_contrast(guess, items, vectors, {.contrast = "smooth-l1"}).item<float>(), (0.125 + 1.5) / 4, 1e-6);
}

TEST(EagerContrast, TheAnswerIsNeverAmongItsNegatives) {
  const Tensor guess = torch::tensor({{2.0f, -1.0f}}), items = torch::tensor({0}, at::kLong);
  const EagerContrastOptions options{.contrast = "infonce", .temperature = 0.5, .negatives = 64};
  EXPECT_NEAR(eager_contrast(guess, items, torch::ones({1, 2}), options).item<float>(), 0.0f, 1e-6);
  // Two items: n of 64 draws are the other one, whose logit is -2 against 4.
  const Tensor vectors = torch::tensor({{1.0f, 0.0f}, {0.0f, 1.0f}});
  torch::manual_seed(5);
  const double n = torch::randint(2, {64}, at::kLong).sum().item<double>();
  torch::manual_seed(5);
  EXPECT_NEAR(eager_contrast(guess, items, vectors, options).item<double>(), std::log(1 + n * std::exp(-2.0 - 4.0)),
              1e-5);
}

TEST(EagerTransfer, OtherNodesAreSiblingsAndNeverTheTruth) {
  const Net net;
  const Tensor items = torch::arange(60).repeat({20});
  for (const EagerStream& stream : net.streams) {
    const Tensor path = stream.paths().index_select(0, items), other = other_nodes(stream, path);
    for (int64_t l = 0; l < stream.levels(); ++l) {
      EXPECT_TRUE((other.select(1, l) != path.select(1, l)).all().item<bool>());
      if (l == 2) continue;  // the world's last level has no siblings
      const auto [first, last] = stream.children(l, l == 0 ? torch::zeros_like(items) : path.select(1, l - 1));
      EXPECT_TRUE((other.select(1, l) >= first).logical_and(other.select(1, l) < last).all().item<bool>());
      EXPECT_EQ(std::get<0>(at::_unique(other.select(1, l))).size(0), stream.trie().num_nodes(l + 1));
    }
  }
}

TEST(EagerTransfer, HalfOfTheCodesAreChosen) {
  for (const auto& [levels, wanted] : {std::pair<int64_t, int64_t>{1, 1}, {2, 1}, {3, 1}, {4, 2}}) {
    const Tensor chosen = choose_half(500, levels, at::kCPU);
    EXPECT_TRUE((chosen.sum(1) == wanted).all().item<bool>());
    EXPECT_TRUE((chosen.sum(0) > 0).all().item<bool>());
  }
}

TEST(EagerTransfer, TheRestOfTheCodesIsAnotherPath) {
  for (const EagerStream& stream : Net().streams) {
    const int64_t levels = stream.levels(), rows = 600;
    const Tensor items = torch::arange(rows) % TinyWorld::kItems, path = stream.paths().index_select(0, items);
    const Tensor replaced = choose_rest(rows, levels, at::kCPU), other = other_path(stream, path, replaced);
    for (int64_t l = 0; l < levels; ++l) {
      const Tensor wrong = replaced.select(1, l), node = other.select(1, l);
      EXPECT_TRUE(at::equal(node.masked_select(~wrong), path.select(1, l).masked_select(~wrong)));
      if (l == 0) {
        EXPECT_FALSE((node == path.select(1, 0)).logical_and(wrong).any().item<bool>());
        EXPECT_NEAR(wrong.to(at::kFloat).mean().item<double>(), 1.0 / static_cast<double>(levels), 0.08);
        continue;
      }
      EXPECT_FALSE((replaced.select(1, l - 1) & ~wrong).any().item<bool>()) << "a code behind a replaced one is left";
      const auto [first, last] = stream.children(l, other.select(1, l - 1));
      const Tensor fits = (first <= node).logical_and(node < last);
      EXPECT_TRUE(fits.logical_or(~replaced.select(1, l - 1)).all().item<bool>()) << "no path of the tree";
    }
    EXPECT_TRUE(replaced.select(1, levels - 1).all().item<bool>());
  }
}

TEST(EagerTransfer, WithoutKnowledgeItCostsWhatGuessingCosts) {
  Net net;
  const auto made = [&](bool reconstruct, bool recognise) {
    Parameters parameters(1, at::kCPU);
    const EagerTransfer transfer(parameters, small(), net.streams[1],
                                 {.reconstruct = reconstruct, .recognise = recognise});
    const torch::NoGradGuard no_grad;
    if (recognise)
      for (auto& [name, tensor] : parameters.all())
        if (name == "transfer.judge") Tensor(tensor).zero_();
    return transfer.loss(torch::arange(60), torch::ones({60, 16}), false).item<double>();
  };
  EXPECT_NEAR(made(false, true), 2 * std::log(2.0), 1e-5);
  {
    const torch::NoGradGuard no_grad;
    for (auto& [name, tensor] : net.parameters.all())
      if (name == "semantic.tokens") Tensor(tensor).zero_();
  }
  // Each masked code costs log 4 or log 15; one of the two is masked in each row.
  const double cost = made(true, false);
  EXPECT_GT(cost, std::log(4.0));
  EXPECT_LT(cost, std::log(15.0));
  const double share = (cost - std::log(4.0)) / (std::log(15.0) - std::log(4.0)) * 60;
  EXPECT_NEAR(share, std::round(share), 1e-3) << "rows whose second code is masked";
}

TEST(EagerTransfer, ADetachedGuideTakesNoGradient) {
  const Net net;
  for (const bool detach : {true, false}) {
    Parameters parameters(1, at::kCPU);
    const EagerTransfer transfer(parameters, small(), net.streams[0], {.detach = detach});
    const Tensor guide = torch::ones({4, 16}).requires_grad_(true);
    transfer.loss(torch::arange(4), guide, false).backward();
    EXPECT_EQ(guide.grad().defined(), !detach);
    for (const auto& [name, tensor] : parameters.all()) EXPECT_TRUE(tensor.grad().defined()) << name;
  }
}

TEST(EagerTransfer, AHiddenCodeIsNotSeen) {
  const Net net;
  Parameters parameters(1, at::kCPU);
  const EagerTransfer transfer(parameters, small(), net.streams[1], {});
  const Tensor guide = torch::ones({1, 16}), hidden = torch::tensor({{true, false}});
  const Tensor one = transfer.states(torch::tensor({{2, 9}}, at::kLong), hidden, guide, false);
  EXPECT_TRUE(at::equal(one, transfer.states(torch::tensor({{4, 9}}, at::kLong), hidden, guide, false)));
  EXPECT_FALSE(at::equal(one, transfer.states(torch::tensor({{2, 10}}, at::kLong), hidden, guide, false)));
}

TEST(EagerEncoder, ReadsAnItemWithTheTokensOfItsCodes) {
  Net net;
  for (const EagerStream& stream : net.streams) net.encoder.add_codes(stream);
  const Tensor table = net.encoder.table();
  EXPECT_FALSE(table.requires_grad());
  for (const int64_t item : {0, 17, 59}) {
    Tensor wanted = net.encoder.items[item];
    for (const EagerStream& stream : net.streams)
      for (int64_t l = 0; l < stream.levels(); ++l)
        wanted = wanted + stream.tokens()[stream.level_begin(l) + stream.paths()[item][l].item<int64_t>()];
    EXPECT_TRUE(at::allclose(net.encoder.read(torch::tensor({{item}}, at::kLong)).flatten(), wanted, 1e-5, 1e-5));
    EXPECT_TRUE(at::allclose(table[item], wanted, 1e-5, 1e-5));
  }
}

// ---- fusion ---------------------------------------------------------------------------------------------------------

EagerCandidates three() {
  EagerCandidates out;
  out.items = {ItemId{3}, ItemId{5}, ItemId{8}};
  out.scores = {{-1.0f, -4.0f, -2.0f}, {-6.0f, -1.5f, -2.5f}};
  return out;
}

std::vector<int32_t> order_of(const Results& results) {
  std::vector<int32_t> items;
  for (const ItemId item : results.items) items.push_back(index(item));
  return items;
}

TEST(EagerFusion, RulesRankAsTheySay) {
  const std::vector<double> even{1, 1}, first{0.5, 10};
  EXPECT_EQ(order_of(eager_fuse(three(), 3, "sum", even)), (std::vector<int32_t>{8, 5, 3}));       // -4.5, -5.5, -7
  EXPECT_EQ(order_of(eager_fuse(three(), 3, "max", even)), (std::vector<int32_t>{3, 5, 8}));       // -1, -1.5, -2
  EXPECT_EQ(order_of(eager_fuse(three(), 2, "calibrated", first)), (std::vector<int32_t>{3, 8}));  // -2.6, -4.25, -8.15
  EXPECT_NEAR(eager_fuse(three(), 1, "calibrated", first).scores[0], -2.6f, 1e-5);
  EXPECT_EQ(eager_fuse(three(), 3, "sum", even).scores, (std::vector<float>{-4.5f, -5.5f, -7.0f}));
}

TEST(EagerFusion, OwnScoresAreThoseOfTheListsAndItemsComeOnce) {
  const std::vector<BeamAnswer> lists{{{ItemId{4}, ItemId{1}}, {-1.0f, -3.0f}},
                                      {{ItemId{1}, ItemId{9}}, {-2.0f, -2.0f}}};
  EagerCandidates found = eager_union(lists);
  EXPECT_EQ(found.items, (std::vector<ItemId>{ItemId{1}, ItemId{4}, ItemId{9}}));
  EXPECT_EQ(eager_unknown(found, 0), (std::vector<ItemId>{ItemId{9}}));
  EXPECT_EQ(eager_unknown(found, 1), (std::vector<ItemId>{ItemId{4}}));
  const Results own = eager_fuse(found, 5, "own", {});
  EXPECT_EQ(order_of(own), (std::vector<int32_t>{4, 1, 9}));  // ties go to the lower item
  EXPECT_EQ(own.scores, (std::vector<float>{-1.0f, -2.0f, -2.0f}));
  eager_fill(found, 1, {{ItemId{4}}, {-0.5f}});
  EXPECT_TRUE(eager_unknown(found, 1).empty());
  EXPECT_EQ(eager_fuse(found, 1, "max", {}).scores, (std::vector<float>{-0.5f}));
}

TEST(EagerFusion, TemperaturesAreFoundAgain) {
  // Answers drawn from softmax(score_0 / 2 + score_1 / 0.5).
  Random random(3, "tests.eager");
  std::vector<EagerAnswered> cases(4000);
  for (EagerAnswered& answered : cases) {
    std::vector<double> p;
    for (int32_t i = 0; i < 6; ++i) answered.candidates.items.push_back(ItemId{i});
    answered.candidates.scores.assign(2, {});
    for (int i = 0; i < 6; ++i) {
      for (auto& scores : answered.candidates.scores) scores.push_back(static_cast<float>(random.normal()));
      p.push_back(std::exp(answered.candidates.scores[0].back() / 2 + answered.candidates.scores[1].back() / 0.5));
    }
    answered.target = random.weighted(p);
  }
  const std::vector<double> found = fit_temperatures(cases, 2);
  EXPECT_NEAR(1 / found[0], 0.5, 0.06);
  EXPECT_NEAR(1 / found[1], 2.0, 0.12);
  EXPECT_EQ(fit_temperatures({}, 2), (std::vector<double>{1.0, 1.0}));
}

// ---- the method -----------------------------------------------------------------------------------------------------

nlohmann::json tiny_eager() {
  return {{"name", "eager"},
          {"behaviour", {{"name", "ppmi-svd"}, {"dim", 8}}},
          {"semantic", {{"name", "text-svd"}, {"dim", 8}}},
          {"codes", {{"branching", 8}}},
          {"model_dim", 16},
          {"heads", 2},
          {"head_dim", 8},
          {"ff_dim", 16},
          {"decoder_layers", 1},
          {"max_steps", 2},
          {"batch_size", 16},
          {"warmup_steps", 0},
          {"precision", "fp32"}};
}

TEST(Eager, EveryChoiceOfStreamsLossesAndFusionTrainsAndAnswers) {
  std::vector<nlohmann::json> choices;
  for (const char* streams :
       {"both", "behaviour", "semantic", "behaviour-random", "semantic-random", "two-behaviour", "two-semantic"})
    choices.push_back({{"streams", streams}});
  for (const char* fusion : {"own", "max", "calibrated"}) choices.push_back({{"fusion", fusion}});
  choices.push_back({{"contrast", "infonce"}, {"contrast_negatives", 20}, {"encoder", "bidirectional"}});
  choices.push_back({{"contrast", "none"}, {"reconstruct", false}, {"recognise", false}});
  choices.push_back({{"guide_direction", "behaviour-to-semantic"}, {"detach", false}, {"min_history", 0}});
  for (const nlohmann::json& choice : choices) {
    nlohmann::json options = tiny_eager();
    options.update(choice);
    const auto eager = make_retriever(options);
    eager->train(tiny_world().inputs(), {1, silent_reporter(), {}});
    for (const Results& results : eager->recommend(some_requests(7)))
      EXPECT_EQ(results.items.size(), 7u) << choice.dump();
  }
}

/// Trains, saves and reads the items' table.
std::vector<float> items_after(nlohmann::json change) {
  const TemporaryFolder folder("eager_switch");
  nlohmann::json options = tiny_eager();
  options.update(change);
  const auto eager = make_retriever(options);
  eager->train(tiny_world().inputs(), {1, silent_reporter(), folder.path()});
  eager->save(folder.path());
  const SafetensorsFile file(folder.path() / "model.safetensors");
  const auto items = file.at("items").as<float>();
  return {items.begin(), items.end()};
}

TEST(Eager, EverySwitchReachesTheWeights) {
  const std::vector<float> usual = items_after(nlohmann::json::object());
  EXPECT_EQ(items_after(nlohmann::json::object()), usual) << "the same training twice";
  for (const nlohmann::json& change : std::vector<nlohmann::json>{{{"contrast", "none"}},
                                                                  {{"contrast", "infonce"}},
                                                                  {{"contrast_weight", 2}},
                                                                  {{"contrast_semantic", 3}},
                                                                  {{"reconstruct", false}},
                                                                  {{"recognise", false}},
                                                                  {{"transfer_weight", 0.5}},
                                                                  {{"transfer_hides", "rest"}},
                                                                  {{"guide_direction", "behaviour-to-semantic"}},
                                                                  {{"detach", false}},
                                                                  {{"streams", "two-behaviour"}},
                                                                  {{"read", "items-and-codes"}},
                                                                  {{"encoder", "bidirectional"}},
                                                                  {{"table_rate", 10}}})
    EXPECT_NE(items_after(change), usual) << change.dump();
  for (const char* fusion : {"own", "max", "calibrated"})
    EXPECT_EQ(items_after({{"fusion", fusion}, {"beam", 7}}), usual) << "what only answering reads: " << fusion;
}

TEST(Eager, TransferNeedsItsParts) {
  const nlohmann::json none{{"reconstruct", false}, {"recognise", false}, {"detach", false}};
  EXPECT_EQ(items_after(none), items_after({{"transfer_weight", 0}, {"detach", false}}));
  EXPECT_EQ(items_after({{"contrast", "none"}}), items_after({{"contrast_weight", 0}}));
}

TEST(Eager, AModelFolderIsCheckedBeforeItIsBelieved) {
  const TemporaryFolder folder("eager_folder");
  nlohmann::json options = tiny_eager();
  options["fusion"] = "calibrated";
  const auto eager = make_retriever(options);
  eager->train(tiny_world().inputs(), {1, silent_reporter(), folder.path()});
  eager->save(folder.path());
  const auto load = [&] {
    auto loaded = make_retriever(options);
    loaded->load(folder.path(), tiny_world().inputs());
    return loaded;
  };
  const auto wanted = eager->recommend(some_requests(9)), found = load()->recommend(some_requests(9));
  for (size_t i = 0; i < wanted.size(); ++i) {
    EXPECT_EQ(found[i].items, wanted[i].items);
    EXPECT_EQ(found[i].scores, wanted[i].scores) << "temperatures are not those of before";
  }

  const auto expect_corrupt = [&](const char* what) {
    try {
      load();
      ADD_FAILURE() << what << " was believed";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::corrupt) << what << ": " << error.what();
    }
  };
  const auto file = folder.path() / "model.safetensors";
  const std::string model = read_file(file);
  for (const char* temperature : {"", "0", "-1", "inf", "nan", "x"}) {
    const SafetensorsFile tensors(file);
    auto metadata = tensors.metadata();
    metadata["temperature.semantic"] = temperature;
    if (*temperature == 0) metadata.erase("temperature.semantic");
    write_safetensors(folder.path() / "changed", tensors.tensors(), metadata);
    std::filesystem::rename(folder.path() / "changed", file);
    expect_corrupt(temperature);
    write_file(file, model);
  }
  const auto codes = folder.path() / "codes.semantic.safetensors";
  SemanticIds ids = load_semantic_ids(codes);
  for (const char* dim : {"", "0", "50000000000"}) {
    ids.metadata["dim"] = dim;
    save_semantic_ids(ids, codes);
    expect_corrupt(dim);
  }
  std::filesystem::copy_file(folder.path() / "codes.behaviour.safetensors", codes,
                             std::filesystem::copy_options::overwrite_existing);
  expect_corrupt("the other stream's codes");
}

TEST(Eager, StreamsAreMadeAsTheirNamesSay) {
  const EagerParts parts{{{"name", "ppmi-svd"}, {"dim", 8}},
                         {{"name", "text-svd"}, {"dim", 12}},
                         {{"name", "balanced-kmeans"}, {"branching", 8}}};
  const MethodContext context{3, silent_reporter(), {}};
  const auto both = fit_eager_codes("both", parts, tiny_world().inputs(), context);
  EXPECT_EQ(both[0].ids.metadata.at("dim"), "8");
  EXPECT_EQ(both[1].ids.metadata.at("dim"), "12");
  const auto twice = fit_eager_codes("two-semantic", parts, tiny_world().inputs(), context);
  EXPECT_EQ(twice[0].ids.codes, both[1].ids.codes);
  EXPECT_EQ(twice[0].vectors.values, twice[1].vectors.values);
  EXPECT_NE(twice[0].ids.codes, twice[1].ids.codes);
  const auto random = fit_eager_codes("semantic-random", parts, tiny_world().inputs(), context);
  EXPECT_EQ(random[1].name, "random");
  EXPECT_EQ(random[1].vectors.cols, 12);
}

TEST(Eager, TheReleasedVariantHasDefaultsOfItsOwn) {
  const MethodInfo& info = find_method("retrieve", "eager");
  const nlohmann::json paper = info.defaults(), released = info.defaults_for({{"variant", "released"}});
  EXPECT_EQ(paper.at("model_dim"), 128);
  EXPECT_EQ(paper.at("codes").at("branching"), 256);
  EXPECT_EQ(released.at("model_dim"), 96);
  EXPECT_EQ(released.at("contrast"), "none");
  EXPECT_EQ(released.at("reconstruct"), false);
  EXPECT_EQ(released.at("recognise"), false);
  EXPECT_EQ(paper.at("contrast"), "smooth-l1");
  EXPECT_EQ(released.at("codes").at("branching"), 128);
  EXPECT_THROW(make_retriever({{"name", "eager"}, {"behaviour", "ppmi-svd"}}), Error);
  EXPECT_THROW(make_retriever({{"name", "eager"}, {"codes", {{"name", "balanced-kmeanz"}}}}), Error);
  EXPECT_THROW(make_retriever({{"name", "eager"}, {"codes", {{"branchin", 8}}}}), Error);
  EXPECT_THROW(make_retriever({{"name", "eager"}, {"model_dim", 100}, {"heads", 8}}), Error);
}

}  // namespace
}  // namespace tessera
