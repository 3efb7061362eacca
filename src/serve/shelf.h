#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "lexical/lexical_index.h"
#include "lexical/suggest.h"
#include "live/filter.h"
#include "live/live_catalogue.h"
#include "pipeline/serving_model.h"
#include "serve/item_codes.h"
#include "serve/model_slot.h"
#include "store/store.h"

namespace tessera::serve {

inline constexpr size_t kMaxItemBytes = 1 << 20, kMaxItemId = 512;

/// What the store keeps of an item.
/// @throws Error(data) for one that some part of the service could not take: an id or a text that is too long
std::string stored_text(const Item& item);

/// The items as they are now, wherever they are needed: durable in the store, in the live catalogue, in the text index,
/// in the suggestions, and in the model. A write is durable first, then seen by all of these, then returned. After a
/// start the dataset of the run comes first, then the writes of the store over it.
///
/// Readers take view() and the others at any time; writers wait for each other.
class Shelf {
 public:
  /// Brings the writes of the store over the catalogue of the dataset.
  /// @param base   borrowed for the call
  /// @param store  borrowed; collection `items`: id -> the item's JSON, "" for an erased one. Where a text index stays
  ///               between starts, also the list `item_log`, the ids in the order of their writes, from which it
  ///               catches up, and the collection `item_slots`, id -> the slot of an item that the dataset has not: the
  ///               index knows items by slots
  /// @throws Error(corrupt) for a stored item that does not parse
  /// @param popularity  by item: training events
  /// @param lexical_folder  where the text index stays between starts, so that a start brings it what was written since
  ///                        and no more; "": it is made anew each time
  Shelf(const Dataset& base, std::span<const int64_t> popularity, Store& store, const LexicalOptions& lexical,
        const std::filesystem::path& lexical_folder);

  /// Gives a model all items that differ from those it was trained with, with the codes that they had; writes reach
  /// this model from then on. Call it before the model answers. Holds writers.
  void activate(std::shared_ptr<ServingModel> model);

  /// Puts or erases, all in one durable step. @return for each change what it did
  /// Very many at once go in parts, one after the other.
  /// @throws Error(data) for an item as stored_text(), before anything is written; Error(io) if it could not be made
  ///   durable: then nothing of that part has changed
  std::vector<live::Applied> apply(std::vector<live::Change> changes);
  /// Reads the item as it is, lets `change` make a new one of it, and puts that; no write comes between.
  /// @return nothing if there is no such item
  std::optional<Item> update(const std::string& id, const std::function<Item(const Item&)>& change);
  /// Puts the state of a snapshot in place of the present one, while everybody reads on: what differs is applied as
  /// writes are, and slots stay. @param base  the items of the dataset
  /// @throws Error as Store::restore(): nothing has changed then; Error(corrupt) if an item of it cannot be read
  void restore(const std::string& snapshot, const Catalogue& base);

  std::shared_ptr<const live::CatalogueView> view() const { return live_.view(); }
  const LexicalIndex& lexical() const { return *lexical_; }
  LexicalIndex& lexical() { return *lexical_; }
  Suggester& suggester() { return suggester_; }
  live::FilterCache& filters() { return filters_; }

  /// Items that can be sold: live and available, and accepted by the filter.
  std::shared_ptr<const live::ItemSet> sellable(const live::CatalogueView& view, const std::string& filter,
                                                live::Deadline deadline = live::kNoDeadline);
  /// The same as a filter over a model's trie; null when it keeps nothing out. A few are kept.
  std::shared_ptr<const ItemFilter> filter_for(const std::shared_ptr<const ModelItems>& items,
                                               const std::shared_ptr<const live::ItemSet>& set);
  /// Live items by falling training count, for answers without a model. Made anew when items change.
  std::shared_ptr<const std::vector<ItemId>> popular() const;

 private:
  /// @param texts  [changes.size()] as stored, "" for an erased one
  std::vector<live::Applied> apply_locked(std::vector<live::Change> changes, const std::vector<std::string>& texts);
  /// Changes that are durable reach everything else; `version`: what the text index has then.
  std::vector<live::Applied> show(std::vector<live::Change> changes, uint64_t version);
  void mark_written(ItemId item);
  bool put_stored_items();
  void open_lexical(const LexicalOptions& options, const std::filesystem::path& folder, bool same_slots);

  Store& store_;
  const bool keeps_lexical_;  ///< the text index stays between starts
  ItemCodes codes_;
  live::LiveCatalogue live_;
  std::unique_ptr<LexicalIndex> lexical_;
  Suggester suggester_;
  live::FilterCache filters_;
  std::vector<int64_t> popularity_;
  std::mutex writing_;
  std::vector<ItemId> written_;  ///< slots that differ from the dataset, each once
  std::vector<bool> is_written_;
  std::shared_ptr<ServingModel> model_;

  struct Made {
    std::weak_ptr<const ModelItems> items;
    std::shared_ptr<const live::ItemSet> set;
    std::shared_ptr<const ItemFilter> filter;
  };
  mutable std::mutex made_mutex_;
  mutable uint64_t popular_version_ = 0;
  mutable std::shared_ptr<const std::vector<ItemId>> popular_;
  std::vector<Made> made_;  ///< the latest in front
};

}  // namespace tessera::serve
