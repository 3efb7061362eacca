#include <memory>
#include <set>

#include "base/error.h"
#include "cli/program.h"
#include "cli/results.h"

namespace tessera::cli {
namespace {

struct RecommendFlags {
  std::string run, user;
  std::vector<std::string> history, exclude;
  std::string brand;
  double max_price = 0;
  bool has_history = false, available = false, seen = false;
  int64_t k = 10;
};

UserId find_user(const Dataset& data, const std::string& name) {
  const auto number = data.users.find(name);
  if (number) return UserId{*number};
  const std::string near = data.users.size() <= 100000 ? nearest(name, data.users.names()) : "";
  fail(ErrorKind::data,
       "there is no user \"{}\" among the {} of {}{}; a person who is not in the log is asked for with --history", name,
       data.users.size(), data.name, near.empty() ? "" : fmt::format(" (a near one: \"{}\")", near));
}

/// Items that the flags forbid, as one list.
std::vector<ItemId> excluded_items(const Dataset& data, const RecommendFlags& flags, std::span<const ItemId> history) {
  std::set<ItemId> out;
  if (!flags.seen) out.insert(history.begin(), history.end());
  for (const std::string& id : flags.exclude) out.insert(data.items.at(id));
  for (int32_t i = 0; i < data.items.size(); ++i) {
    const Item& item = data.items[ItemId{i}];
    const bool dear = flags.max_price > 0 && !(item.price <= flags.max_price);
    if (dear || (flags.available && !item.available) || (!flags.brand.empty() && item.brand != flags.brand))
      out.insert(ItemId{i});
  }
  return {out.begin(), out.end()};
}

void recommend_command(const RecommendFlags& flags, const Program& program) {
  TESSERA_CHECK(flags.user.empty() != !flags.has_history, config,
                "say whose answer it is: either --user ID or --history ID,ID,...");
  const auto run = Run::open(flags.run, program.run_context());
  const Dataset& data = run->dataset();
  Request request;
  std::vector<ItemId> history;
  if (flags.has_history) {
    for (const std::string& id : flags.history)
      if (!id.empty()) history.push_back(data.items.at(id));
  } else {
    request.user = find_user(data, flags.user);
    const auto events = run->split().all.of(request.user);
    history.assign(events.begin(), events.end());
  }
  if (history.empty()) program.log("note: the history is empty, so the answer is what suits everybody");
  const std::vector<ItemId> excluded = excluded_items(data, flags, history);
  request.history = history;
  request.exclude = excluded;
  const auto allowed = data.items.size() - static_cast<int64_t>(excluded.size());
  request.k = std::min(flags.k, allowed);
  if (request.k < flags.k)
    program.log(fmt::format("note: {} items may be answered, fewer than -k {}; here they all are", allowed, flags.k));
  Results results;
  if (request.k > 0) results = run->retriever().recommend({&request, 1}).at(0);
  if (program.json_output) {
    nlohmann::json out = {{"run", run->recipe().run().name}, {"items", answers_json(*run, results)}};
    if (!flags.has_history) out["user"] = flags.user;
    for (const ItemId item : history) out["history"].push_back(data.items[item].id);
    return print_json(out);
  }
  print(answers_text(*run, results));
}

}  // namespace

void add_recommend(CLI::App& app, Program& program) {
  auto flags = std::make_shared<RecommendFlags>();
  CLI::App* command = app.add_subcommand("recommend", "What a person may want next");
  command->add_option("RUN", flags->run, "name or folder of a run")->required();
  command->add_option("--user", flags->user, "a user of the log: all that they did is the history");
  CLI::Option* history =
      command->add_option("--history", flags->history, "item ids, oldest first, with commas between")->delimiter(',');
  command->add_option("-k", flags->k, "answers")->check(CLI::Range(1, 100000))->capture_default_str();
  command->add_option("--exclude", flags->exclude, "items never to answer")->delimiter(',');
  command->add_option("--brand", flags->brand, "only this brand");
  command->add_option("--max-price", flags->max_price, "only items at this price or less")->check(CLI::PositiveNumber);
  command->add_flag("--available", flags->available, "only items that can be bought now");
  command->add_flag("--include-seen", flags->seen, "items of the history may be answered too");
  command->callback([flags, history, &program] {
    flags->has_history = history->count() > 0;
    program.action = [flags, &program] { recommend_command(*flags, program); };
  });
}

}  // namespace tessera::cli
