#pragma once

#include <ATen/core/TensorBody.h>

#include <map>
#include <optional>
#include <span>
#include <vector>

#include "methods/eager_fusion.h"
#include "methods/eager_stream.h"
#include "methods/families.h"

namespace tessera {

/// EAGER's shared encoder: a start token, then the last items.
struct EagerEncoder {
  /// A table that gives every item one of its rows.
  struct Share {
    at::Tensor table;  ///< [rows, d]
    at::Tensor row;    ///< [N + 1] int64
  };
  T5 t5;             ///< without decoder layers
  at::Tensor items;  ///< [N + 1, d]; the last row is the start token
  bool causal = true;
  std::vector<Share> codes;  ///< what is added to an item's own row: the tokens of its codes, or nothing

  int64_t start() const { return items.size(0) - 1; }
  /// Items are read with the tokens of their codes in this stream too, the start token with the stream's first one.
  void add_codes(const EagerStream& stream);
  /// What the encoder reads of items. @param source  int64 of any shape. @return [..., d]
  at::Tensor read(const at::Tensor& source) const;
  /// [N + 1, d] what is read of every item and of the start token, without gradient.
  at::Tensor table() const;
  /// @param longest  of the histories. @return [B, 1 + longest, d]
  at::Tensor encode(std::span<const std::span<const ItemId>> histories, int64_t longest, bool training) const;
  /// [1, longest + 1 - skip, 1 + longest]: row p sees the start token and the first p + skip items.
  at::Tensor prefix_mask(int64_t longest, int64_t skip) const;
  /// [B, 1, 1 + longest]: hides the padding behind each history.
  at::Tensor length_mask(std::span<const std::span<const ItemId>> histories, int64_t longest) const;
};

/// Answers by beam search in every stream: on a CPU by an engine with a decoder each, elsewhere by tensors. A history
/// is encoded once for all searches. Immutable.
class EagerSearch {
 public:
  struct Settings {
    int64_t max_history = 20;
    int64_t decode_batch = 32;  ///< requests decoded together by tensors
    bool engine = true;
    bool bf16 = false;
  };
  EagerSearch() = default;
  /// @param streams  borrowed; their weights are copied
  EagerSearch(const std::vector<EagerStream>& streams, const EagerEncoder& encoder, const Settings& settings);

  /// What the streams find for each request: lists of max(k, beam) items each, and their union.
  /// @param trie        the one that the requests' filters were made with; null where none has a filter
  /// @param all_scores  whether every stream scores what the others found
  std::vector<EagerCandidates> candidates(std::span<const Request> requests, const Trie* trie, int64_t beam,
                                          bool all_scores) const;

 private:
  using Filters = std::map<const ItemFilter*, ItemFilter>;
  /// Queries and answers of several requests: [requests, streams].
  using Queries = std::vector<BeamQuery>;
  using Answers = std::vector<BeamAnswer>;
  Queries first_queries(std::span<const Request> requests, const Trie* trie, int64_t beam,
                        std::vector<Filters>& filters) const;
  void ask_unknown(const EagerCandidates& found, std::vector<ItemFilter>& filters, std::span<BeamQuery> queries) const;
  const ItemFilter* own_filter(const ItemFilter* filter, const Trie* theirs, size_t stream, Filters& made) const;
  Answers search_by_engine(std::span<const Request> requests, const Queries& queries, int64_t beam,
                           const EngineFollowUp& follow_up) const;
  Answers search_by_tensors(std::span<const Request> requests, const Queries& queries, int64_t beam,
                            const EngineFollowUp& follow_up) const;
  Answers decode(const at::Tensor& memory, const at::Tensor& mask, const Queries& queries, int64_t beam) const;
  std::span<const ItemId> read_part(const Request& request) const;

  const std::vector<EagerStream>* streams_ = nullptr;
  Settings settings_;
  int64_t num_items_ = 0;
  std::optional<Engine> engine_;
  EagerEncoder encoder_;      ///< where there is no engine
  std::vector<T5> decoders_;  ///< likewise
};

}  // namespace tessera
