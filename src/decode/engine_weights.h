#pragma once

#include <ATen/core/TensorBody.h>

#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#include "decode/engine.h"
#include "nn/panels.h"
#include "nn/t5.h"

/// The engine's weights: packed once, read by all threads.
namespace tessera::engine {

/// Memory on cache lines that keeps its size until more is wanted; what it holds is then lost.
template <class T>
class Buffer {
 public:
  T* grow(int64_t size) {
    if (size > size_) {
      data_.reset();
      size_ = 0;
      void* memory = std::aligned_alloc(64, static_cast<size_t>(simd::round_up(size * int64_t{sizeof(T)} + 64, 64)));
      if (memory == nullptr) throw std::bad_alloc();
      data_.reset(static_cast<T*>(memory));
      size_ = size;
      std::memset(memory, 0, static_cast<size_t>(size) * sizeof(T));
    }
    return data_.get();
  }
  T* data() const { return data_.get(); }
  int64_t size() const { return size_; }

 private:
  struct Free {
    void operator()(T* p) const { std::free(p); }
  };
  std::unique_ptr<T, Free> data_;
  int64_t size_ = 0;
};

/// Row strides are multiples of this, and what lies behind a row's values is zero.
inline constexpr int64_t kRowQuantum = 32;

/// A weight [out, in] as panels of x W^T.
template <class T>
class PackedWeight {
 public:
  PackedWeight() = default;
  explicit PackedWeight(const at::Tensor& weight) {
    const at::Tensor w = weight.detach().to(at::kFloat).contiguous();
    const int64_t out = w.size(0), in = w.size(1);
    panels_ = simd::pack_columns<T>(w.data_ptr<float>(), in, in, out, memory_.grow(simd::panel_elements<T>(in, out)));
  }
  const simd::Panels<T>& panels() const { return panels_; }
  int64_t bytes() const { return memory_.size() * int64_t{sizeof(T)}; }

 private:
  Buffer<T> memory_;
  simd::Panels<T> panels_;
};

/// A copy of rows [n, d] with a stride of whole quanta; zeros behind.
template <class T>
struct Rows {
  Buffer<T> memory;
  int64_t stride = 0;

  Rows() = default;
  explicit Rows(const at::Tensor& from) {
    const at::Tensor rows = from.detach().to(at::kFloat).contiguous();
    const int64_t n = rows.dim() == 1 ? 1 : rows.size(0), d = rows.size(-1);
    stride = simd::round_up(d, kRowQuantum);
    memory.grow(n * stride);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < d; ++j) memory.data()[i * stride + j] = static_cast<T>(rows.data_ptr<float>()[i * d + j]);
  }
  const T* row(int64_t i) const { return memory.data() + i * stride; }
  int64_t bytes() const { return memory.size() * int64_t{sizeof(T)}; }
};

template <class T>
struct SelfWeights {
  Rows<float> norm;
  PackedWeight<T> qkv, out;
  explicit SelfWeights(const T5Attention& w) : norm(w.norm), qkv(w.qkv), out(w.out) {}
};

template <class T>
struct CrossWeights {
  Rows<float> norm;
  PackedWeight<T> q, kv, out;
  explicit CrossWeights(const T5Attention& w) : norm(w.norm), q(w.q), kv(w.kv), out(w.out) {}
};

template <class T>
struct FeedForwardWeights {
  Rows<float> norm;
  PackedWeight<T> in, out;
  explicit FeedForwardWeights(const T5FeedForward& w) : norm(w.norm), in(w.in), out(w.out) {}
};

template <class T>
struct EncoderLayer {
  SelfWeights<T> self;
  FeedForwardWeights<T> ff;
};

template <class T>
struct DecoderLayer {
  SelfWeights<T> self;
  CrossWeights<T> cross;
  FeedForwardWeights<T> ff;
};

template <class T>
struct EncoderWeights {
  T5Options sizes;
  int64_t max_tokens, causal_group, num_tokens;
  Rows<float> embedding;
  Rows<T> table;  ///< the first layer's [q | k | v] of every token
  std::vector<EncoderLayer<T>> layers;
  Rows<float> norm;
  Rows<float> bias;  ///< by head: of distance key - query, from -(max_tokens - 1) on

  explicit EncoderWeights(const EngineEncoder& model);
  int64_t bytes() const;
};

template <class T>
struct DecoderWeights {
  T5Options sizes;
  int64_t levels, max_tokens, start_of_answer;
  bool by_node;
  std::vector<int64_t> level_begin, level_sizes;
  Rows<float> own_embedding;  ///< empty where encoder and decoder share one table
  Rows<T> table;              ///< the first layer's [q | k | v] of every token
  std::vector<DecoderLayer<T>> layers;
  Rows<float> norm;
  Rows<float> self_bias;               ///< by head: of steps back, 0 .. levels - 1
  Rows<float> recency_bias;            ///< by head: of distance from the last source token, from max_tokens - 1 down
  std::vector<PackedWeight<T>> heads;  ///< by level; empty if by_node, which has
  std::vector<Rows<T>> node_heads;     ///< by level: [nodes, d]

  DecoderWeights(const EngineDecoder& model, const EngineEncoder& encoder);
  int64_t bytes() const;
};

extern template struct EncoderWeights<float>;
extern template struct EncoderWeights<c10::BFloat16>;
extern template struct DecoderWeights<float>;
extern template struct DecoderWeights<c10::BFloat16>;

}  // namespace tessera::engine
