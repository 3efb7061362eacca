#pragma once

#include <atomic>
#include <span>
#include <vector>

#include "decode/context_search.h"
#include "decode/engine_weights.h"

/// One batch of requests on its way through the network, carried by one thread or by several that share its rows.
namespace tessera::engine {

/// Threads that work on the same rows and meet between phases.
class Team {
 public:
  explicit Team(int size) : size_(size) {}
  int size() const { return size_; }
  /// Returns when all have called it. They meet every few hundred microseconds, so waiting threads spin first.
  /// @throws Error(internal) once a member has left by abandon()
  void meet();
  /// Called by a member that cannot go on, so that nobody waits for it.
  void abandon() { abandoned_.store(true, std::memory_order_release); }

 private:
  int size_;
  std::atomic<int> arrived_{0}, round_{0};
  std::atomic<bool> abandoned_{false};
};

/// Rows [begin, end).
struct Range {
  int64_t begin, end;
  int64_t size() const { return end - begin; }
};

/// The share of member `me` of `team`, in whole tiles.
inline Range share(int64_t rows, int me, int team) {
  const int64_t tiles = (rows + simd::kTileRows - 1) / simd::kTileRows;
  const auto cut = [&](int64_t i) { return std::min(rows, tiles * i / team * simd::kTileRows); };
  return {cut(me), cut(me + 1)};
}

/// What a member of the team needs for itself.
template <class T>
struct Scratch {
  Buffer<float> scores;
  Buffer<T> weights;
};

/// The batch. Its memory is kept for the next one.
///
/// Rows are the source tokens of all requests one after the other, later the live beams of all requests. A phase works
/// on the caller's share of the rows; phases that read rows of others begin by meeting them.
template <class T>
class Worker {
 public:
  explicit Worker(const Weights<T>& weights) : w_(weights) {}

  /// Called by every member with the same arguments; `me` is 0 .. team.size() - 1. The requests are checked.
  /// @param answers  one a request, written by whoever finishes it
  void run(std::span<const EngineRequest> requests, const Trie& trie, const BeamOptions& options,
           std::span<BeamAnswer> answers, Team& team, int me);

  /// Before run(), by one thread: memory for these requests and so many members.
  void prepare(std::span<const EngineRequest> requests, const Trie& trie, const BeamOptions& options, int members);

 private:
  struct Context {
    int64_t begin, length;           ///< of its source rows
    int64_t beam_begin, beam_width;  ///< of its beams at this step
    ContextSearch search;
  };

  void encode(std::span<const EngineRequest> requests, Team& team, int me);
  void encoder_attention(size_t layer, Range rows, int me);
  void pack_keys_and_values(const T* keys, const T* values, int64_t stride, T* to, Team& team, int me);
  void prepare_cross(Team& team, int me);
  void decode_step(int64_t step, const Trie& trie, Team& team, int me);
  void score_children(int64_t step, const Trie& trie, Range rows);
  void own_attention(size_t layer, int64_t step, Range rows);
  void cross_attention(size_t layer, Range rows, int me);
  void feed_forward(const FeedForwardWeights<T>& weights, Range rows);
  void place_beams(int64_t step);

  /// softmax(q k^T + bias) v of one head. @param bias  of row i at bias - i * bias_step, or null
  struct HeadJob {
    const T* queries;
    int64_t query_stride, rows;
    const T* packed;  ///< keys, then values of the head
    int64_t keys;
    const float* bias;
    int64_t bias_step;
    int64_t first_row;  ///< of the rows within their context, for the bias and the causal limit
    int64_t causal_group;
    T* out;
  };
  void attend(const HeadJob& job, Scratch<T>& scratch) const;
  int64_t packed_head(int64_t keys) const;  ///< elements of a head's packed keys and values

  void norm(const float* x, const Rows<float>& weight, Range rows);  ///< of x_ rows into normed_
  const T* normed(int64_t row) const { return normed_.data() + row * width_; }

  const Weights<T>& w_;
  std::vector<Context> contexts_;
  int64_t num_contexts_ = 0, source_rows_ = 0, beam_rows_ = 0, most_beams_ = 0;
  int64_t width_ = 0, inner_ = 0, qkv_ = 0, ff_ = 0, logit_stride_ = 0;  ///< row strides

  Buffer<float> x_, logits_, totals_;
  Buffer<T> normed_, projected_, mixed_, hidden_, packed_;
  std::vector<Buffer<T>> cross_;                 ///< by layer: packed keys and values of every context and head
  std::vector<std::vector<Buffer<T>>> history_;  ///< by layer and step: [rows, q | k | v]
  std::vector<std::vector<int32_t>> tokens_;     ///< by step: of each row
  std::vector<std::vector<int32_t>> ancestors_;  ///< by step: the row there that each present row descends from
  std::vector<int32_t> next_ancestors_;
  std::vector<Scratch<T>> scratch_;
};

extern template class Worker<float>;
extern template class Worker<c10::BFloat16>;

}  // namespace tessera::engine
