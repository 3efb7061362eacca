#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "decode/engine_team.h"
#include "decode/engine_weights.h"

/// Rows of activations on their way through the network, and what is done to each row by itself.
namespace tessera::engine {

/// What the members of a team need for themselves.
template <class T>
struct Scratch {
  Buffer<float> scores;
  Buffer<T> weights;
};

inline constexpr int64_t kAttentionRows = 48;  ///< queries at a time: their scores stay in the first cache

/// The rows of one phase after the other. Their memory is kept for the next batch.
template <class T>
struct Activations {
  int64_t width = 0, inner = 0, qkv = 0, ff = 0;  ///< row strides
  Buffer<float> x;
  Buffer<T> normed, projected, mixed, hidden;
  std::vector<Scratch<T>> scratch;  ///< by member

  /// Memory for so many rows, keys of a context and members. What it held is lost.
  void grow(const T5Options& sizes, int64_t rows, int64_t keys, int members) {
    const int64_t all_heads = sizes.heads * sizes.head_dim;
    width = simd::round_up(sizes.model_dim, kRowQuantum);
    inner = simd::round_up(all_heads, kRowQuantum) + kRowQuantum;  // a head's last panel may reach over its end
    qkv = simd::round_up(3 * all_heads, kRowQuantum) + kRowQuantum;
    ff = simd::round_up(sizes.ff_dim, kRowQuantum);
    x.grow(rows * width);
    normed.grow(rows * width);
    projected.grow(rows * qkv);
    mixed.grow(rows * inner);
    hidden.grow(rows * ff);
    if (scratch.size() < static_cast<size_t>(members)) scratch.resize(static_cast<size_t>(members));
    for (Scratch<T>& own : scratch) {
      own.scores.grow(kAttentionRows * simd::round_up(keys, kRowQuantum));
      own.weights.grow(kAttentionRows * simd::round_up(keys, kRowQuantum));
    }
  }
};

/// A thread's place in a team, and the rows that the team works on. A phase works on the caller's share of the rows;
/// phases that read rows of others begin by meeting them.
template <class T>
struct Member {
  Team& team;
  int me;
  Activations<T>& rows;

  bool first() const { return me == 0; }
  void meet() const { team.meet(); }
  Range share_of(int64_t count) const { return share(count, me, team.size()); }
  Scratch<T>& scratch() const { return rows.scratch[static_cast<size_t>(me)]; }
};

/// C = A B into rows of To.
template <class T, class To>
void multiply_to(const T* a, int64_t lda, int64_t rows, const simd::Panels<T>& b, To* c, int64_t ldc) {
  simd::multiply(a, lda, rows, b,
                 [=](int64_t row, int64_t column, simd::Floats v) { simd::store_floats(c + row * ldc + column, v); });
}

/// C = relu(A B).
template <class T>
void multiply_relu(const T* a, int64_t lda, int64_t rows, const simd::Panels<T>& b, T* c, int64_t ldc) {
  simd::multiply(a, lda, rows, b, [=](int64_t row, int64_t column, simd::Floats v) {
    simd::store_floats(c + row * ldc + column, simd::largest_of(v, simd::Floats{}));
  });
}

/// X += A B.
template <class T>
void multiply_add_to(const T* a, int64_t lda, int64_t rows, const simd::Panels<T>& b, float* x, int64_t ldx) {
  simd::multiply(a, lda, rows, b, [=](int64_t row, int64_t column, simd::Floats v) {
    float* at = x + row * ldx + column;
    simd::store_floats(at, simd::load_floats(at) + v);
  });
}

/// RMS norm of rows [n, stride] of which `size` places count and the others are zero.
template <class T>
void norm_rows(const float* x, int64_t stride, Range rows, int64_t size, const Rows<float>& weight, T* to) {
  const float* scale = weight.row(0);
  for (int64_t r = rows.begin; r < rows.end; ++r) {
    const float* from = x + r * stride;
    simd::Floats squares{};
    for (int64_t i = 0; i < stride; i += simd::kLanes) {
      const simd::Floats v = simd::load_floats(from + i);
      squares += v * v;
    }
    const float factor = 1.0f / std::sqrt(simd::sum_of(squares) / static_cast<float>(size) + 1e-6f);
    for (int64_t i = 0; i < stride; i += simd::kLanes)
      simd::store_floats(to + r * stride + i, simd::load_floats(from + i) * factor * simd::load_floats(scale + i));
  }
}

/// normed = norm(x) of some rows.
template <class T>
void norm(Activations<T>& a, Range rows, int64_t size, const Rows<float>& weight) {
  norm_rows(a.x.data(), a.width, rows, size, weight, a.normed.data());
}

/// x += A B of some rows: A is `mixed`, what attention has gathered.
template <class T>
void add_mixed(Activations<T>& a, Range rows, const PackedWeight<T>& out) {
  multiply_add_to(a.mixed.data() + rows.begin * a.inner, a.inner, rows.size(), out.panels(),
                  a.x.data() + rows.begin * a.width, a.width);
}

/// to = normed B of some rows.
template <class T>
void project(const Activations<T>& a, Range rows, const PackedWeight<T>& weight, T* to, int64_t stride) {
  multiply_to(a.normed.data() + rows.begin * a.width, a.width, rows.size(), weight.panels(), to + rows.begin * stride,
              stride);
}

/// x += relu(norm(x) in) out of some rows.
template <class T>
void feed_forward(Activations<T>& a, Range rows, int64_t size, const FeedForwardWeights<T>& weights) {
  norm(a, rows, size, weights.norm);
  T* hidden = a.hidden.data() + rows.begin * a.ff;
  multiply_relu(a.normed.data() + rows.begin * a.width, a.width, rows.size(), weights.in.panels(), hidden, a.ff);
  multiply_add_to(hidden, a.ff, rows.size(), weights.out.panels(), a.x.data() + rows.begin * a.width, a.width);
}

}  // namespace tessera::engine
