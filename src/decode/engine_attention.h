#pragma once

#include <vector>

#include "decode/engine_rows.h"

/// Attention to contexts whose keys and values are packed once and read by many queries.
namespace tessera::engine {

/// The sources of a batch, one after the other, and what the encoder made of them. Every decoder reads it.
template <class T>
struct Contexts {
  struct Context {
    int64_t begin, length;  ///< of its source rows
    int64_t packed;         ///< where its packed keys and values begin
  };
  std::vector<Context> each;
  int64_t rows = 0, longest = 0;  ///< source tokens: of all, of the longest
  int64_t packed = 0;             ///< elements of all packed keys and values of a layer
  int64_t stride = 0;
  Buffer<T> states;  ///< [rows, stride], after the last norm
};

/// Elements of a head's packed keys and values.
template <class T>
int64_t packed_head(int64_t keys, int64_t head_dim) {
  return simd::panel_elements<T>(head_dim, keys) + simd::panel_elements<T>(keys, head_dim);
}

/// Keys and values of source rows, [rows, stride] each.
template <class T>
struct KeysAndValues {
  const T *keys, *values;
  int64_t stride;
};

/// To panels, for every context and head; these pairs are shared out.
/// @param to  contexts.packed elements
template <class T>
void pack_keys_and_values(const KeysAndValues<T>& from, const Contexts<T>& contexts, const T5Options& sizes, T* to,
                          const Member<T>& member);

/// softmax(q k^T + bias) v of one head.
template <class T>
struct HeadJob {
  const T* queries;
  int64_t query_stride, rows, head_dim;
  const T* packed;  ///< keys, then values of the head
  int64_t keys;
  const float* bias;  ///< of row i at bias - i * bias_step, or null
  int64_t bias_step;
  int64_t first_row;  ///< of the rows within their context, for the bias and the causal limit
  int64_t causal_group;
  T* out;
  int64_t out_stride;
};

template <class T>
void attend(const HeadJob<T>& job, Scratch<T>& scratch);

}  // namespace tessera::engine
