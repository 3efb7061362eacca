#include "nn/norm.h"

#include <torch/torch.h>

#include <cmath>

#include "nn/simd.h"

namespace tessera {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

namespace {

constexpr int64_t kRowGrain = 64;

template <class Out>
float rms_row(const float* in, const float* w, Out* to, int64_t d, float epsilon) {
  float squares = 0;
#pragma omp simd reduction(+ : squares)
  for (int64_t i = 0; i < d; ++i) squares += in[i] * in[i];
  const float scale = 1.0f / std::sqrt(squares / static_cast<float>(d) + epsilon);
#pragma omp simd
  for (int64_t i = 0; i < d; ++i) simd::store(to + i, in[i] * scale * w[i]);
  return scale;
}

template <class Grad>
void rms_gradient_row(const float* in, const float* w, const Grad* g, float s, float* to, float* sum, int64_t d) {
  float dot = 0;
#pragma omp simd reduction(+ : dot)
  for (int64_t i = 0; i < d; ++i) dot += simd::load(g + i) * w[i] * in[i];
  const float mean = dot * s * s / static_cast<float>(d);
#pragma omp simd
  for (int64_t i = 0; i < d; ++i) {
    const float value = simd::load(g + i);
    to[i] = s * (value * w[i] - in[i] * mean);
    sum[i] += value * in[i] * s;
  }
}

template <class Out>
void rms_forward(const float* x, const float* w, float* inverse, Out* out, int64_t rows, int64_t d, float epsilon) {
  at::parallel_for(0, rows, kRowGrain, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) inverse[r] = rms_row(x + r * d, w, out + r * d, d, epsilon);
  });
}

/// dx = s * (g*w - x * s^2 * mean(g*w*x)); dw = sum over rows of g * x * s, one partial sum a chunk.
template <class Grad>
void rms_backward(const float* x, const float* w, const float* inverse, const Grad* grad, float* dx, float* dw,
                  int64_t rows, int64_t d) {
  const int64_t chunks = at::get_num_threads();
  std::vector<float> partial(static_cast<size_t>(chunks * d), 0.0f);
  at::parallel_for(0, chunks, 1, [&](int64_t chunk_begin, int64_t chunk_end) {
    for (int64_t c = chunk_begin; c < chunk_end; ++c) {
      float* sum = partial.data() + c * d;
      for (int64_t r = rows * c / chunks; r < rows * (c + 1) / chunks; ++r) {
        rms_gradient_row(x + r * d, w, grad + r * d, inverse[r], dx + r * d, sum, d);
      }
    }
  });
  for (int64_t c = 0; c < chunks; ++c)
    for (int64_t i = 0; i < d; ++i) dw[i] += partial[static_cast<size_t>(c * d + i)];
}

struct RmsNormFunction : torch::autograd::Function<RmsNormFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& input, const Tensor& weight, bool to_bf16,
                        double epsilon) {
    const Tensor x = input.contiguous();
    const int64_t d = x.size(-1), rows = x.numel() / d;
    Tensor out = at::empty(x.sizes(), x.options().dtype(to_bf16 ? at::kBFloat16 : at::kFloat));
    Tensor inverse = at::empty({rows}, x.options());
    const auto run = [&](auto* to) {
      rms_forward(x.data_ptr<float>(), weight.data_ptr<float>(), inverse.data_ptr<float>(), to, rows, d,
                  static_cast<float>(epsilon));
    };
    to_bf16 ? run(out.data_ptr<at::BFloat16>()) : run(out.data_ptr<float>());
    context->save_for_backward({x, weight, inverse});
    return out;
  }
  static tensor_list backward(AutogradContext* context, tensor_list grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &x = saved[0], &weight = saved[1], &inverse = saved[2];
    const Tensor grad = grads[0].contiguous();
    const int64_t d = x.size(-1), rows = x.numel() / d;
    Tensor dx = at::empty_like(x), dw = at::zeros_like(weight);
    const auto run = [&](const auto* g) {
      rms_backward(x.data_ptr<float>(), weight.data_ptr<float>(), inverse.data_ptr<float>(), g, dx.data_ptr<float>(),
                   dw.data_ptr<float>(), rows, d);
    };
    grad.scalar_type() == at::kBFloat16 ? run(grad.data_ptr<at::BFloat16>()) : run(grad.data_ptr<float>());
    return {dx, dw, Tensor(), Tensor()};
  }
};

}  // namespace

Tensor rms_norm(const Tensor& x, const Tensor& weight, bool to_bf16, double epsilon) {
  if (x.is_cpu()) return RmsNormFunction::apply(x, weight, to_bf16, epsilon);
  const Tensor out = x * at::rsqrt(x.square().mean(-1, true) + epsilon) * weight;
  return to_bf16 ? out.to(at::kBFloat16) : out;
}

}  // namespace tessera
