#include "nn/dropout.h"

#include <torch/torch.h>

#include "nn/simd.h"

namespace tessera {

using at::Tensor;
using simd::DropMask;
using torch::autograd::AutogradContext;
using torch::autograd::tensor_list;

uint64_t draw_seed() {
  auto generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard<std::mutex> lock(generator.mutex());
  return at::check_generator<at::CPUGeneratorImpl>(generator)->random64();
}

namespace {

constexpr int64_t kElementGrain = 1 << 15;

// The kernels are functions of plain pointers and values: inside a lambda that captures by reference the compiler keeps
// the loops scalar, which is ten times slower.

template <class In, class Out>
void mask_kernel(const In* from, Out* to, DropMask mask, int64_t begin, int64_t end) {
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) simd::store(to + i, simd::load(from + i) * mask(i));
}

template <class In>
void add_kernel(const float* residual, const In* from, float* to, DropMask mask, int64_t begin, int64_t end) {
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) to[i] = residual[i] + simd::load(from + i) * mask(i);
}

template <class In>
void sum_kernel(const float* residual, const In* from, float* to, int64_t begin, int64_t end) {
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) to[i] = residual[i] + simd::load(from + i);
}

template <class T>
void relu_kernel(const T* from, T* to, DropMask mask, int64_t begin, int64_t end) {
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    const float value = simd::load(from + i) * mask(i);
    simd::store(to + i, value > 0 ? value : 0.0f);
  }
}

template <class T>
void relu_gradient_kernel(const T* kept, const T* from, T* to, float scale, int64_t begin, int64_t end) {
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) {
    const float value = simd::load(from + i) * scale;
    simd::store(to + i, simd::load(kept + i) > 0 ? value : 0.0f);
  }
}

/// Calls body(pointer types) for float32 or bfloat16.
template <class Body>
void for_float_type(const Tensor& x, const Body& body) {
  if (x.scalar_type() == at::kBFloat16) {
    body(static_cast<at::BFloat16*>(nullptr));
  } else {
    TORCH_CHECK(x.scalar_type() == at::kFloat, "expected float32 or bfloat16, got ", x.scalar_type());
    body(static_cast<float*>(nullptr));
  }
}

/// out[i] = x[i] * mask(i)
Tensor apply_mask(const Tensor& input, const DropMask& mask, at::ScalarType out_type) {
  const Tensor x = input.contiguous();
  Tensor out = at::empty(x.sizes(), x.options().dtype(out_type));
  for_float_type(x, [&](auto* in_type) {
    for_float_type(out, [&](auto* to_type) {
      const auto* from = x.data_ptr<std::remove_pointer_t<decltype(in_type)>>();
      auto* to = out.data_ptr<std::remove_pointer_t<decltype(to_type)>>();
      at::parallel_for(0, x.numel(), kElementGrain,
                       [&](int64_t begin, int64_t end) { mask_kernel(from, to, mask, begin, end); });
    });
  });
  return out;
}

struct DropoutFunction : torch::autograd::Function<DropoutFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& x, double p) {
    const uint64_t seed = draw_seed();
    context->saved_data["seed"] = static_cast<int64_t>(seed);
    context->saved_data["p"] = p;
    return apply_mask(x, DropMask(seed, p), x.scalar_type());
  }
  static tensor_list backward(AutogradContext* context, tensor_list grads) {
    const DropMask mask(static_cast<uint64_t>(context->saved_data["seed"].toInt()),
                        context->saved_data["p"].toDouble());
    return {apply_mask(grads[0], mask, grads[0].scalar_type()), Tensor()};
  }
};

/// residual + x * mask, float32; without a mask, residual + x
Tensor add(const Tensor& residual, const Tensor& input, const DropMask* mask) {
  const Tensor base = residual.contiguous(), x = input.contiguous();
  Tensor out = at::empty_like(base);
  const float* from = base.data_ptr<float>();
  float* to = out.data_ptr<float>();
  for_float_type(x, [&](auto* type) {
    const auto* more = x.data_ptr<std::remove_pointer_t<decltype(type)>>();
    at::parallel_for(0, x.numel(), kElementGrain, [&](int64_t begin, int64_t end) {
      mask != nullptr ? add_kernel(from, more, to, *mask, begin, end) : sum_kernel(from, more, to, begin, end);
    });
  });
  return out;
}

struct AddDropoutFunction : torch::autograd::Function<AddDropoutFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& residual, const Tensor& input, double p) {
    const uint64_t seed = draw_seed();
    context->saved_data["seed"] = static_cast<int64_t>(seed);
    context->saved_data["p"] = p;
    context->saved_data["bf16"] = input.scalar_type() == at::kBFloat16;
    const DropMask mask(seed, p);
    return add(residual, input, &mask);
  }
  static tensor_list backward(AutogradContext* context, tensor_list grads) {
    const DropMask mask(static_cast<uint64_t>(context->saved_data["seed"].toInt()),
                        context->saved_data["p"].toDouble());
    const auto type = context->saved_data["bf16"].toBool() ? at::kBFloat16 : at::kFloat;
    return {grads[0], apply_mask(grads[0], mask, type), Tensor()};
  }
};

/// out = relu(x) * mask; the gradient passes where out is positive, so neither x nor the mask is kept.
struct ReluDropoutFunction : torch::autograd::Function<ReluDropoutFunction> {
  static Tensor forward(AutogradContext* context, const Tensor& input, double p) {
    const Tensor x = input.contiguous();
    const DropMask mask(draw_seed(), p);
    Tensor out = at::empty_like(x);
    for_float_type(x, [&](auto* type) {
      using Element = std::remove_pointer_t<decltype(type)>;
      const auto* from = x.data_ptr<Element>();
      auto* to = out.data_ptr<Element>();
      at::parallel_for(0, x.numel(), kElementGrain,
                       [&](int64_t begin, int64_t end) { relu_kernel(from, to, mask, begin, end); });
    });
    context->save_for_backward({out});
    context->saved_data["scale"] = static_cast<double>(mask.scale);
    return out;
  }
  static tensor_list backward(AutogradContext* context, tensor_list grads) {
    const Tensor out = context->get_saved_variables()[0];
    const auto scale = static_cast<float>(context->saved_data["scale"].toDouble());
    const Tensor grad = grads[0].to(out.scalar_type()).contiguous();
    Tensor result = at::empty_like(out);
    for_float_type(out, [&](auto* type) {
      using Element = std::remove_pointer_t<decltype(type)>;
      const auto *kept = out.data_ptr<Element>(), *from = grad.data_ptr<Element>();
      auto* to = result.data_ptr<Element>();
      at::parallel_for(0, out.numel(), kElementGrain,
                       [&](int64_t begin, int64_t end) { relu_gradient_kernel(kept, from, to, scale, begin, end); });
    });
    return {result, Tensor()};
  }
};

}  // namespace

Tensor hash_dropout(const Tensor& x, double p, bool training) {
  if (!training || p <= 0) return x;
  if (!x.is_cpu()) return at::dropout(x, p, true);
  return DropoutFunction::apply(x, p);
}

Tensor add_dropout(const Tensor& residual, const Tensor& x, double p, bool training) {
  if (!training && x.is_cpu() && !x.requires_grad() && !residual.requires_grad()) return add(residual, x, nullptr);
  if (!training || p <= 0) return residual + x;
  if (!x.is_cpu()) return residual + at::dropout(x, p, true);
  return AddDropoutFunction::apply(residual, x, p);
}

Tensor relu_dropout(const Tensor& x, double p, bool training) {
  if (!x.is_cpu()) return training && p > 0 ? at::dropout(at::relu(x), p, true) : at::relu(x);
  if (!training || p <= 0) return at::relu(x);
  return ReluDropoutFunction::apply(x, p);
}

}  // namespace tessera
