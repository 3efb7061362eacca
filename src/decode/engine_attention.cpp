#include "decode/engine_attention.h"

namespace tessera::engine {

using simd::Floats;
using simd::kLanes;

namespace {

/// The first `visible` scores of a row, plus bias, to probabilities; `out` is zero from there to `padded`.
template <class T>
void softmax_row(float* scores, const float* bias, int64_t visible, int64_t padded, T* out) {
  float largest = -1e30f;
  const int64_t whole = visible / kLanes * kLanes, used = simd::round_up(visible, kLanes);
  if (bias != nullptr) {
    for (int64_t i = 0; i < whole; i += kLanes)
      simd::store_floats(scores + i, simd::load_floats(scores + i) + simd::load_floats(bias + i));
    for (int64_t i = whole; i < visible; ++i) scores[i] += bias[i];
  }
  for (int64_t i = visible; i < used; ++i) scores[i] = -1e30f;
  Floats best = simd::all(largest);
  for (int64_t i = 0; i < used; i += kLanes) best = simd::largest_of(best, simd::load_floats(scores + i));
  largest = simd::largest_of(best);
  Floats sums{};
  for (int64_t i = 0; i < used; i += kLanes) {
    const Floats e = simd::exp_nonpositive(simd::load_floats(scores + i) - largest);
    simd::store_floats(scores + i, e);
    sums += e;
  }
  const float scale = 1.0f / simd::sum_of(sums);
  for (int64_t i = 0; i < used; i += kLanes) simd::store_floats(out + i, simd::load_floats(scores + i) * scale);
  for (int64_t i = used; i < padded; i += kLanes) simd::store_floats(out + i, Floats{});
}

}  // namespace

template <class T>
void pack_keys_and_values(const KeysAndValues<T>& from, const Contexts<T>& contexts, const T5Options& sizes, T* to,
                          const Member<T>& member) {
  const int64_t dim = sizes.head_dim;
  int64_t job = 0;
  for (const auto& context : contexts.each) {
    const int64_t keys = context.length;
    T* head = to + context.packed;
    for (int64_t h = 0; h < sizes.heads; ++h, head += packed_head<T>(keys, dim)) {
      if (job++ % member.team.size() != member.me) continue;
      const int64_t place = context.begin * from.stride + h * dim;
      simd::pack_columns<T>(from.keys + place, from.stride, dim, keys, head);
      simd::pack_rows<T>(from.values + place, from.stride, keys, dim, head + simd::panel_elements<T>(dim, keys));
    }
  }
}

template <class T>
void attend(const HeadJob<T>& job, Scratch<T>& scratch) {
  const int64_t dim = job.head_dim, stride = simd::round_up(job.keys, kRowQuantum);
  const simd::Panels<T> keys{job.packed, simd::round_up(dim, simd::kGroup<T>), simd::round_up(job.keys, kLanes)};
  const simd::Panels<T> values{job.packed + simd::panel_elements<T>(dim, job.keys),
                               simd::round_up(job.keys, simd::kGroup<T>), simd::round_up(dim, kLanes)};
  float* scores = scratch.scores.data();
  T* weights = scratch.weights.data();
  for (int64_t done = 0; done < job.rows; done += kAttentionRows) {
    const int64_t rows = std::min(kAttentionRows, job.rows - done);
    multiply_to(job.queries + done * job.query_stride, job.query_stride, rows, keys, scores, stride);
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t row = job.first_row + done + r, group = job.causal_group;
      const int64_t visible = group == 0 ? job.keys : std::min(job.keys, 1 + (row + group - 1) / group * group);
      softmax_row(scores + r * stride, job.bias == nullptr ? nullptr : job.bias - row * job.bias_step, visible, stride,
                  weights + r * stride);
    }
    multiply_to(weights, stride, rows, values, job.out + done * job.out_stride, job.out_stride);
  }
}

template void pack_keys_and_values(const KeysAndValues<float>&, const Contexts<float>&, const T5Options&, float*,
                                   const Member<float>&);
template void pack_keys_and_values(const KeysAndValues<c10::BFloat16>&, const Contexts<c10::BFloat16>&,
                                   const T5Options&, c10::BFloat16*, const Member<c10::BFloat16>&);
template void attend(const HeadJob<float>&, Scratch<float>&);
template void attend(const HeadJob<c10::BFloat16>&, Scratch<c10::BFloat16>&);

}  // namespace tessera::engine
