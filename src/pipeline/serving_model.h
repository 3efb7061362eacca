#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/catalogue.h"
#include "methods/families.h"
#include "pipeline/run.h"

namespace tessera {

/// The items as a model sees them at one moment. Immutable.
struct ModelItems {
  SemanticIds ids;  ///< of every slot; for a method without IDs a number each
  Trie trie;
  int64_t size() const { return ids.num_items(); }
};

/// A finished run that answers while its catalogue changes. Slots are ItemIds: those of the run's dataset, then newer
/// ones. Generators take new and changed items at once: a vector from the items they resemble (vector_by_content),
/// codes by the frozen codebooks (CodeAssigner), a new trie. Other methods answer the items of their training only.
///
/// recommend(), similar() and items() may be called from any thread; put_items() by one at a time.
class ServingModel {
 public:
  /// @throws Error(config | data | io | corrupt) if the run is not there, not finished or damaged
  static std::shared_ptr<ServingModel> open(const std::string& run, RunContext context);
  ~ServingModel();

  const std::string& name() const { return name_; }        ///< of the run
  const std::string& method() const { return method_; }    ///< of its retriever, e.g. "tiger"
  const std::string& version() const { return version_; }  ///< name and the beginning of the training's hash
  const Dataset& dataset() const;
  const Split& split() const;
  const nlohmann::json& recipe() const;
  std::map<std::string, double> facts() const;
  bool takes_new_items() const;
  std::shared_ptr<const ModelItems> items() const;

  /// Begins to make what put_items() needs, on a thread of its own: seconds of work for 100,000 items, which the first
  /// call of put_items() would wait for otherwise.
  void prepare_new_items() const;

  /// Gives new and changed items their places, all in one step. Slots in between that nobody put get a place as well,
  /// which filters must keep out. Does nothing for a method that takes no new items.
  /// @param before  [changed.size()] codes that each had earlier, empty: none. It gets them again where it has to have
  ///                new ones and their place is free; before all others of the step. Or empty: no item has any
  /// @return items whose code they must share with another, as all places near them are taken
  int64_t put_items(std::span<const std::pair<ItemId, Item>> changed,
                    std::span<const std::vector<int32_t>> before = {});
  /// Names this model and what of an item decides its place: codes given under one key are good under the same key.
  std::string place_key(const Item& item) const;

  /// One answer a request. Filters are made with items->trie; items of a history that the model does not know are left
  /// out of it.
  std::vector<Results> recommend(std::span<const Request> requests, const ModelItems& items) const;

  /// The nearest by cosine of the vectors, or empty where the run has none. @param allowed  bits of slots, as
  /// ItemFilter::from_bits
  Results similar(ItemId item, int64_t k, std::span<const uint64_t> allowed) const;

  /// The words that mark the items below a node of the trie more than the items beside them, best first; for showing.
  std::vector<std::string> node_words(const ModelItems& items, int64_t depth, int32_t node, size_t count = 3) const;

 private:
  struct State;
  struct Placing;
  ServingModel();
  std::vector<float> vector_of(ItemId slot, const Item& item) const;

  std::string name_, method_, version_;
  std::unique_ptr<State> state_;
};

}  // namespace tessera
