#include "data/simulate/simulate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/array_file.h"
#include "base/error.h"
#include "base/file.h"
#include "base/parallel.h"
#include "data/simulate/ceiling.h"
#include "data/simulate/picture.h"
#include "data/simulate/session.h"
#include "data/simulate/truth.h"

namespace tessera {
namespace {

using shop::CeilingCase;
using shop::UserLog;
using shop::World;

constexpr int64_t kItemsPerBatch = 1000;
constexpr int64_t kUsersPerBatch = 1000;
constexpr int32_t kItemsPerFolder = 1000;

void check_options(SimulateOptions options) {
  // The declaration is the validator: what it would refuse in a recipe is refused here as well.
  OptionList list = list_options(options);
  list.assign(list.dump(), "simulate");
}

/// The items' text, and their pictures and pixel vectors where wanted.
void fill_catalogue(const World& world, SimulatedShop& out, Reporter& reporter) {
  const SimulateOptions& options = world.options;
  const auto seed = static_cast<uint64_t>(options.seed);
  const int size = static_cast<int>(options.picture_size);
  Progress progress(reporter, "simulate items", options.items, "items");
  out.pixels = Matrix(options.items, shop::kPixelDim);
  if (options.pictures) out.pictures.resize(static_cast<size_t>(options.items));
  for (int64_t first = 0; first < options.items; first += kItemsPerBatch) {
    const int64_t count = std::min(kItemsPerBatch, options.items - first);
    std::vector<Item> items(static_cast<size_t>(count));
    parallel_for(count, 16, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const auto number = static_cast<int32_t>(first + i);
        const shop::ShopItem& item = world.shop[number];
        Item described = describe_item(world.lexicon, item, number, seed);
        const std::vector<uint8_t> rgb = draw_item(world.lexicon, item, size);
        shop::pixel_vector(rgb, size, out.pixels.row(number));
        if (options.pictures) {
          described.image = fmt::format("images/{:03}/{}.png", number / kItemsPerFolder, described.id);
          out.pictures[static_cast<size_t>(number)] = shop::encode_png(rgb, size);
        }
        items[static_cast<size_t>(i)] = std::move(described);
      }
    });
    for (Item& item : items) out.data.items.add(std::move(item));
    progress.add(count);
  }
}

void append_log(const World& world, const UserLog& from, UserId user, const std::vector<int16_t>& scenes,
                int32_t& num_requests, BehaviourLog& log) {
  std::vector<int32_t> queries;
  queries.reserve(from.queries.size());
  for (const std::string& text : from.queries) queries.push_back(log.queries.add(text));
  const auto cart = *log.actions.find("cart"), order = *log.actions.find("order");
  for (const shop::ShopEvent& e : from.events) {
    log.add(user, static_cast<ItemId>(e.item), e.action, e.time);
    log.query.back() = e.query < 0 ? -1 : queries[static_cast<size_t>(e.query)];
    log.request.back() = num_requests + e.request;
    log.position.back() = e.position;
    log.scene.back() = scenes[static_cast<size_t>(e.scene)];
    if (e.action == cart || e.action == order) log.value.back() = static_cast<float>(world.shop[e.item].price);
  }
  num_requests += from.num_requests;
}

/// @return the cases that the ceiling is measured on
std::vector<CeilingCase> fill_log(const World& world, Dataset& data, Reporter& reporter) {
  const SimulateOptions& options = world.options;
  Progress progress(reporter, "simulate users", options.users, "users");
  BehaviourLog& log = data.log;
  std::vector<int16_t> scenes;
  for (int s = 0; s < shop::kNumScenes; ++s)
    scenes.push_back(static_cast<int16_t>(log.scenes.add(shop::scene_name(s))));
  std::vector<CeilingCase> cases;
  const int64_t stride = std::max<int64_t>(1, options.users / std::max<int64_t>(1, options.ceiling_users));
  int32_t num_requests = 0;
  for (int64_t first = 0; first < options.users; first += kUsersPerBatch) {
    const int64_t count = std::min(kUsersPerBatch, options.users - first);
    std::vector<UserLog> logs(static_cast<size_t>(count));
    parallel_for(count, 8, [&](int64_t begin, int64_t end) {
      for (int64_t u = begin; u < end; ++u) {
        logs[static_cast<size_t>(u)] = shop::simulate_user(world, static_cast<uint64_t>(first + u));
      }
    });
    for (int64_t u = 0; u < count; ++u) {
      UserLog& from = logs[static_cast<size_t>(u)];
      const auto user = static_cast<UserId>(data.users.add(fmt::format("u{:06}", first + u)));
      append_log(world, from, user, scenes, num_requests, log);
      const bool wanted = (first + u) % stride == 0 && static_cast<int64_t>(cases.size()) < options.ceiling_users;
      if (wanted && from.last.item >= 0) cases.push_back({static_cast<uint64_t>(first + u), std::move(from.last)});
    }
    progress.add(count);
  }
  log.sort();
  return cases;
}

/// Membership follows the budget; the region says nothing.
std::vector<std::string> describe_users(const World& world) {
  constexpr std::array<const char*, 4> kRegions = {"north", "east", "south", "west"};
  std::vector<std::string> attributes(static_cast<size_t>(world.options.users));
  parallel_for(world.options.users, 256, [&](int64_t begin, int64_t end) {
    for (int64_t u = begin; u < end; ++u) {
      const double budget = make_user(world, static_cast<uint64_t>(u)).budget;
      const char* tier = budget > 0.55 ? "gold" : budget > 0 ? "silver" : "basic";
      Random random(static_cast<uint64_t>(world.options.seed), "shop.user.region", static_cast<uint64_t>(u));
      attributes[static_cast<size_t>(u)] =
          nlohmann::json{{"membership", tier}, {"region", kRegions[random.below(kRegions.size())]}}.dump();
    }
  });
  return attributes;
}

void write_picture(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  TESSERA_CHECK(!file.fail(), io, "{}: cannot be written (is the disk full?)", path.string());
}

}  // namespace

SimulatedShop simulate_shop(const SimulateOptions& options, Reporter& reporter) {
  check_options(options);
  const auto seed = static_cast<uint64_t>(options.seed);
  const shop::Lexicon lexicon = shop::make_lexicon(options.language, seed);
  const shop::ShopItems items = make_items(lexicon, options);
  const World world{lexicon, items, options, {}, {}};

  SimulatedShop out;
  out.data.name = fmt::format("simulated-shop-{}", options.language);
  fill_catalogue(world, out, reporter);
  const std::vector<CeilingCase> cases = fill_log(world, out.data, reporter);
  out.data.user_attributes = describe_users(world);
  out.popularity = items.popularity;
  out.ceilings = measure_ceilings(world, cases);
  out.truth = describe_truth(world, out.ceilings, static_cast<int64_t>(cases.size()), out.data.log);
  SimulateOptions copy = options;
  out.data.provenance = nlohmann::json{{"importer", "simulate"}, {"options", list_options(copy).dump()}}.dump();
  return out;
}

void save_shop(SimulatedShop& shop, const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  AtomicFolder whole(folder);
  // The dataset is written by its owner into a folder of its own and then moved up: one commit for everything.
  const fs::path inner = whole.path() / "dataset";
  save_dataset(shop.data, inner);
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(inner)) files.push_back(entry.path());
  for (const fs::path& file : files) fs::rename(file, whole.path() / file.filename());
  fs::remove(inner);

  fs::create_directory(whole.path() / "vectors");
  write_npy(whole.path() / "vectors" / "pixels.npy", view_of(shop.pixels));
  write_file(whole.path() / "truth.json", shop.truth);
  const auto num_pictures = static_cast<int64_t>(shop.pictures.size());
  for (int64_t i = 0; i < num_pictures; i += kItemsPerFolder) {
    const Item& item = shop.data.items[static_cast<ItemId>(i)];
    fs::create_directories((whole.path() / item.image).parent_path());
  }
  parallel_for(num_pictures, 64, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      write_picture(whole.path() / shop.data.items[static_cast<ItemId>(i)].image,
                    shop.pictures[static_cast<size_t>(i)]);
    }
  });
  whole.commit();
}

}  // namespace tessera
