#include "methods/factor_model.h"

#include <algorithm>

#include "base/array_file.h"
#include "base/error.h"
#include "base/parallel.h"
#include "methods/top_k.h"

namespace tessera {

namespace {

bool all_zero(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float value) { return value == 0; });
}

}  // namespace

FactorModel::FactorModel(Matrix users, Matrix items, std::vector<int64_t> train_counts)
    : users_(std::move(users)), items_(std::move(items)) {
  TESSERA_CHECK(users_.cols == items_.cols, shape, "users have {} factors, items {}", users_.cols, items_.cols);
  packed_.emplace(items_, true);
  train_counts.resize(static_cast<size_t>(items_.rows), 0);
  order_ = popularity_order(train_counts);
}

std::vector<Results> FactorModel::answer(std::span<const Request> requests, const Trie* trie, bool always,
                                         const FoldIn& fold_in) const {
  std::vector<Results> answers(requests.size());
  constexpr int64_t kBlock = 32;
  parallel_for(static_cast<int64_t>(requests.size()), kBlock, [&](int64_t first, int64_t last) {
    std::vector<float> scores(static_cast<size_t>(kBlock * packed_->padded_cols()));
    for (int64_t begin = first; begin < last; begin += kBlock) {
      const int64_t count = std::min(kBlock, last - begin);
      Matrix vectors(count, items_.cols);
      for (int64_t b = 0; b < count; ++b) {
        const Request& request = requests[static_cast<size_t>(begin + b)];
        const int64_t user = index(request.user);
        const auto row = vectors.row(b);
        if (!always && user >= 0 && user < users_.rows) std::copy_n(users_.row(user).data(), row.size(), row.data());
        if (all_zero(row) && !request.history.empty()) fold_in(request.history, row);
      }
      packed_->multiply(vectors.values.data(), count, scores.data());
      for (int64_t b = 0; b < count; ++b) {
        const Request& request = requests[static_cast<size_t>(begin + b)];
        const Allowance allowed(request, trie, items_.rows);
        Results& results = answers[static_cast<size_t>(begin + b)];
        const auto row = std::span(scores).subspan(static_cast<size_t>(b * packed_->padded_cols()),
                                                   static_cast<size_t>(items_.rows));
        if (!all_zero(vectors.row(b))) results = top_k(row, request.k, allowed);
        fill_up(results, request.k, order_, allowed);
      }
    }
  });
  return answers;
}

void FactorModel::save(const std::filesystem::path& folder, const std::string& method) const {
  write_safetensors(folder / "model.safetensors", {{"users", view_of(users_)}, {"items", view_of(items_)}},
                    {{"method", method}});
}

FactorModel FactorModel::load(const std::filesystem::path& folder, const RetrieveInputs& inputs) {
  const auto path = folder / "model.safetensors";
  const SafetensorsFile source(path);
  Matrix users = to_matrix(source.at("users"), path.string() + ": users");
  Matrix items = to_matrix(source.at("items"), path.string() + ": items");
  TESSERA_CHECK(items.rows == inputs.data.items.size() && users.rows == inputs.split.all.num_users(), shape,
                "{} was trained on {} users and {} items, the dataset has {} and {}", path.string(), users.rows,
                items.rows, inputs.split.all.num_users(), inputs.data.items.size());
  return FactorModel(std::move(users), std::move(items), inputs.split.train_counts);
}

void add_mean_row(const Matrix& items, std::span<const ItemId> history, std::span<float> vector) {
  for (const ItemId item : history) {
    TESSERA_CHECK(index(item) >= 0 && index(item) < items.rows, data, "a history holds item {}, the catalogue has {}",
                  index(item), items.rows);
    for (size_t j = 0; j < vector.size(); ++j)
      vector[j] += items.row(index(item))[j] / static_cast<float>(history.size());
  }
}

}  // namespace tessera
