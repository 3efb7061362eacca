// User-based collaborative filtering: what people with a like history had.
// After Resnick et al., GroupLens, CSCW 1994, and Herlocker et al., An algorithmic framework for performing
// collaborative filtering, SIGIR 1999 (shrinkage of neighbours that share little); for implicit data as in Aiolli,
// RecSys 2013.
//
//   sim(u, v) = overlap / (sqrt(|I_u| |I_v|) + shrinkage),  overlap = sum over shared items of decay^age / pop^damping
//   score(j)  = sum over the `neighbours` nearest v who had j of sim(u, v), times `before` where v had j no later than
//               the last item that v shares with u
// With decay = 1, damping = 0, before = 1, shrinkage = 0 it is the plain cosine. The history of the request is
// compared, not that of its user, so that an event changes the next answer and unknown people are answered too; the
// user's own training history is left out. Ours: age decay, damping and `before`, chosen on Beauty's validation cases
// (recipes/beauty/user-cf.toml).
#include <algorithm>
#include <cmath>

#include "base/array_file.h"
#include "base/error.h"
#include "base/parallel.h"
#include "methods/catalog.h"
#include "methods/item_votes.h"

namespace tessera::methods::user_cf {

namespace {

struct Options {
  int64_t neighbours = 100;
  double shrinkage = 0.0;
  double damping = 0.0;
  double before = 1.0;
  bool repeats = false;
  VoterOptions voters;
  Options() { voters.decay = 1.0; }
  template <class F>
  void fields(F& f) {
    f("neighbours", neighbours, "most similar users whose items are answered", range(1, 1 << 20));
    f("shrinkage", shrinkage, "added to the denominator of the cosine", range(0, 1e6));
    f("damping", damping, "exponent of the popularity that a shared item is divided by", range(0, 2));
    f("before", before, "weight of what a neighbour had before the last shared item, against 1 for what came after",
      range(0, 1));
    f("repeats", repeats, "items of the history get votes too");
    voters.fields(f);
  }
};

class UserCf : public Retriever {
 public:
  explicit UserCf(Options options) : options_(std::move(options)) {}

  void train(const RetrieveInputs& inputs, const MethodContext& context) override {
    Progress progress(context.reporter, "train user-cf", 1, "passes");
    std::vector<int64_t> offsets{0};
    std::vector<int32_t> items;
    for (int64_t u = 0; u < inputs.split.all.num_users(); ++u) {
      for (const ItemId item : inputs.split.train_history(UserId{static_cast<int32_t>(u)}))
        items.push_back(index(item));
      offsets.push_back(static_cast<int64_t>(items.size()));
    }
    prepare(std::move(offsets), std::move(items), inputs);
    progress.add();
  }

  std::vector<Results> recommend(std::span<const Request> requests) const override {
    std::vector<Results> answers(requests.size());
    parallel_for(static_cast<int64_t>(requests.size()), 16, [&](int64_t first, int64_t last) {
      Workspace work(num_items_, sets_.rows);
      for (int64_t r = first; r < last; ++r) {
        answers[static_cast<size_t>(r)] = answer(requests[static_cast<size_t>(r)], work);
      }
    });
    return answers;
  }
  int64_t batch_size() const override { return 2048; }

  void save(const std::filesystem::path& folder) const override {
    const auto size = [](const auto& values) { return std::vector<int64_t>{static_cast<int64_t>(values.size())}; };
    write_safetensors(folder / "model.safetensors",
                      {{"offsets", view_of(std::span<const int64_t>(offsets_), size(offsets_))},
                       {"items", view_of(std::span<const int32_t>(items_), size(items_))}},
                      {{"method", "user-cf"}, {"num_items", std::to_string(num_items_)}});
  }
  void load(const std::filesystem::path& folder, const RetrieveInputs& inputs) override;
  std::map<std::string, double> facts() const override { return {{"parameters", static_cast<double>(items_.size())}}; }

 private:
  /// Memory of one thread.
  struct Workspace {
    Workspace(int64_t num_items, int64_t num_users)
        : votes(num_items), mine(static_cast<size_t>(num_items), 0), overlap(static_cast<size_t>(num_users), 0.0f) {}
    VoteBox votes;
    std::vector<uint8_t> mine;   // [num_items]: in the request's history
    std::vector<float> overlap;  // [num_users]
    std::vector<int32_t> met;
    std::vector<std::pair<float, int32_t>> neighbours;
  };

  void prepare(std::vector<int64_t> offsets, std::vector<int32_t> items, const RetrieveInputs& inputs) {
    trie_ = inputs.trie;
    num_items_ = inputs.data.items.size();
    offsets_ = std::move(offsets);
    items_ = std::move(items);
    sets_ = SparseMatrix();
    sets_.cols = num_items_;
    sets_.rows = static_cast<int64_t>(offsets_.size()) - 1;
    std::vector<int64_t> counts(static_cast<size_t>(num_items_), 0);
    std::vector<int32_t> set;
    for (size_t u = 0; u + 1 < offsets_.size(); ++u) {
      set.assign(items_.begin() + offsets_[u], items_.begin() + offsets_[u + 1]);
      for (const int32_t item : set) ++counts[static_cast<size_t>(item)];
      std::sort(set.begin(), set.end());
      set.erase(std::unique(set.begin(), set.end()), set.end());
      sets_.columns.insert(sets_.columns.end(), set.begin(), set.end());
      sets_.offsets.push_back(sets_.num_entries());
    }
    sets_.values.assign(sets_.columns.size(), 1.0f);
    users_ = transpose(sets_);
    order_ = popularity_order(counts);
  }

  /// The nearest users, best first; ties go to the lower user.
  void find_neighbours(const Request& request, Workspace& work) const;
  Results answer(const Request& request, Workspace& work) const;

  Options options_;
  const Trie* trie_ = nullptr;
  int64_t num_items_ = 0;
  std::vector<int64_t> offsets_;  // training histories in order of time
  std::vector<int32_t> items_;
  SparseMatrix sets_, users_;  // [num_users, num_items] without repetitions, and its transpose
  std::vector<ItemId> order_;
};

void UserCf::find_neighbours(const Request& request, Workspace& work) const {
  int64_t num_voters = 0;
  for_each_voter(request.history, options_.voters, num_items_, [&](int32_t item, float weight) {
    if (work.mine[static_cast<size_t>(item)] != 0) return;
    work.mine[static_cast<size_t>(item)] = 1;
    ++num_voters;
    const auto popularity = static_cast<double>(std::max<int64_t>(users_.end(item) - users_.begin(item), 1));
    const auto share = static_cast<float>(weight / std::pow(popularity, options_.damping));
    for (int64_t e = users_.begin(item); e < users_.end(item); ++e) {
      const int32_t v = users_.columns[static_cast<size_t>(e)];
      if (v == index(request.user)) continue;
      float& overlap = work.overlap[static_cast<size_t>(v)];
      if (overlap == 0) work.met.push_back(v);
      overlap += share;
    }
  });
  work.neighbours.clear();
  for (const int32_t v : work.met) {
    float& overlap = work.overlap[static_cast<size_t>(v)];
    if (overlap == 0) continue;  // met twice: its share was too small to be seen
    const auto sizes = static_cast<double>(num_voters * (sets_.end(v) - sets_.begin(v)));
    work.neighbours.emplace_back(static_cast<float>(overlap / (std::sqrt(sizes) + options_.shrinkage)), v);
    overlap = 0;
  }
  work.met.clear();
  const auto nearer = [](const auto& a, const auto& b) {
    return a.first > b.first || (a.first == b.first && a.second < b.second);
  };
  const auto kept = std::min(work.neighbours.size(), static_cast<size_t>(options_.neighbours));
  std::partial_sort(work.neighbours.begin(), work.neighbours.begin() + static_cast<int64_t>(kept),
                    work.neighbours.end(), nearer);
  work.neighbours.resize(kept);
}

Results UserCf::answer(const Request& request, Workspace& work) const {
  find_neighbours(request, work);
  for (const auto& [similarity, v] : work.neighbours) {
    const int64_t begin = offsets_[static_cast<size_t>(v)], end = offsets_[static_cast<size_t>(v) + 1];
    int64_t shared = end - 1;
    while (work.mine[static_cast<size_t>(items_[static_cast<size_t>(shared)])] == 0) --shared;
    for (int64_t p = begin; p < end; ++p) {
      const int32_t j = items_[static_cast<size_t>(p)];
      if (work.mine[static_cast<size_t>(j)] != 0 && !options_.repeats) continue;
      work.votes.add(j, p > shared ? similarity : similarity * static_cast<float>(options_.before));
    }
  }
  for (const ItemId item : request.history) work.mine[static_cast<size_t>(index(item))] = 0;
  return work.votes.take(request.k, Allowance(request, trie_, num_items_), order_);
}

void UserCf::load(const std::filesystem::path& folder, const RetrieveInputs& inputs) {
  const auto path = folder / "model.safetensors";
  const std::string where = path.string();
  const SafetensorsFile source(path);
  const int64_t num_items = inputs.data.items.size();
  const auto found = source.metadata().find("num_items");
  TESSERA_CHECK(found != source.metadata().end() && found->second == std::to_string(num_items), shape,
                "{} was trained on {} items, the catalogue has {}", where,
                found == source.metadata().end() ? "?" : found->second, num_items);
  const auto offsets = source.at("offsets").as<int64_t>();
  const auto items = source.at("items").as<int32_t>();
  TESSERA_CHECK(!offsets.empty() && offsets.front() == 0 && offsets.back() == static_cast<int64_t>(items.size()) &&
                    std::is_sorted(offsets.begin(), offsets.end()),
                corrupt, "{}: offsets and items do not fit each other", where);
  TESSERA_CHECK(std::all_of(items.begin(), items.end(), [&](int32_t item) { return item >= 0 && item < num_items; }),
                corrupt, "{}: `items` names an item that is not one of {}", where, num_items);
  prepare({offsets.begin(), offsets.end()}, {items.begin(), items.end()}, inputs);
}

}  // namespace

MethodInfo info() {
  return method_info<Options, UserCf>("user-cf", "what the people with the most similar histories had",
                                      "Resnick et al., GroupLens, CSCW 1994; Aiolli, RecSys 2013", "",
                                      {"neighbours", "shrinkage", "damping", "before", "repeats", "last_n", "decay"});
}

}  // namespace tessera::methods::user_cf
