#include <algorithm>
#include <cmath>
#include <memory>

#include "base/error.h"
#include "cli/program.h"
#include "cli/results.h"

namespace tessera::cli {
namespace {

struct SimilarFlags {
  std::string run, item;
  int64_t k = 10;
};

/// The k nearest by cosine of the embed stage's vectors.
Results nearest_items(const Matrix& vectors, ItemId item, int64_t k) {
  const auto query = vectors.row(index(item));
  const auto dot = [&](std::span<const float> a, std::span<const float> b) {
    double sum = 0;
    for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
    return sum;
  };
  std::vector<std::pair<float, int32_t>> scored;
  for (int64_t i = 0; i < vectors.rows; ++i) {
    if (i == index(item)) continue;
    const double length = std::sqrt(dot(vectors.row(i), vectors.row(i)) * dot(query, query));
    scored.emplace_back(length > 0 ? static_cast<float>(-dot(query, vectors.row(i)) / length) : 0.0f,
                        static_cast<int32_t>(i));
  }
  const auto count = std::min<int64_t>(k, static_cast<int64_t>(scored.size()));
  std::partial_sort(scored.begin(), scored.begin() + count, scored.end());
  Results results;
  for (int64_t i = 0; i < count; ++i) {
    results.items.push_back(ItemId{scored[static_cast<size_t>(i)].second});
    results.scores.push_back(-scored[static_cast<size_t>(i)].first);
  }
  return results;
}

void similar_command(const SimilarFlags& flags, const Program& program) {
  const auto run = Run::open(flags.run, program.run_context());
  const ItemId item = run->dataset().items.at(flags.item);
  Results results;
  if (const Matrix* vectors = run->vectors()) {
    results = nearest_items(*vectors, item, flags.k);
  } else {
    // Without vectors: what the run's method answers to somebody who saw just this item.
    Request request;
    request.history = {&item, 1};
    request.exclude = request.history;
    request.k = std::min(flags.k, run->dataset().items.size() - 1);
    if (request.k > 0) results = run->retriever().recommend({&request, 1}).at(0);
  }
  if (static_cast<int64_t>(results.items.size()) < flags.k)
    program.log(fmt::format("note: {} other items there are, fewer than -k {}", results.items.size(), flags.k));
  if (program.json_output) return print_json({{"item", flags.item}, {"items", answers_json(*run, results)}});
  print(answers_text(*run, results));
}

}  // namespace

void add_similar(CLI::App& app, Program& program) {
  auto flags = std::make_shared<SimilarFlags>();
  CLI::App* command = app.add_subcommand("similar", "Items like an item");
  command->add_option("RUN", flags->run, "name or folder of a run")->required();
  command->add_option("--item", flags->item, "the item's id")->required();
  command->add_option("-k", flags->k, "answers")->check(CLI::Range(1, 100000))->capture_default_str();
  command->callback([flags, &program] { program.action = [flags, &program] { similar_command(*flags, program); }; });
}

}  // namespace tessera::cli
