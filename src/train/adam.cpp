#include "train/adam.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <set>

#include "base/error.h"

#if defined(__SSE__)
#include <immintrin.h>
#endif

namespace tessera {

namespace {

constexpr int64_t kChunkElements = 1 << 15;

/// Moments of rows that get no gradient shrink by a factor each step until they are denormal numbers, which the
/// processor handles a hundred times slower. Within this scope they become zero instead.
class FlushDenormals {
 public:
#if defined(__SSE__)
  FlushDenormals() : previous_(_mm_getcsr()) {
    _mm_setcsr(previous_ | 0x8040);
  }
  ~FlushDenormals() {
    _mm_setcsr(previous_);
  }

 private:
  unsigned previous_;
#endif
};

struct AdamScalars {
  float gradient_scale, gradient_decay;  ///< gradient = scale * g + decay * w
  float beta1, beta2, gain1, gain2;      ///< gain = 1 - beta, rounded once
  float inverse_correction;              ///< 1 / sqrt(1 - beta2^t)
  float epsilon, step_size;
  float weight_decay;  ///< decoupled: learning rate times decay
};

/// Sixteen floats, which the compiler maps to the registers there are. Written out because it does not vectorise a loop
/// with sqrtf, which may set errno.
constexpr int64_t kLanes = 16;
using Lanes [[gnu::vector_size(kLanes * sizeof(float))]] = float;

inline void take_root(float& x) {
  x = __builtin_sqrtf(x);
}

inline void take_root(Lanes& x) {
#if defined(__AVX512F__)
  x = reinterpret_cast<Lanes>(_mm512_maskz_sqrt_ps(0xffff, reinterpret_cast<__m512>(x)));
#elif defined(__AVX__)
  __m256 halves[2];
  std::memcpy(halves, &x, sizeof(x));
  for (auto& half : halves) half = _mm256_sqrt_ps(half);
  std::memcpy(&x, halves, sizeof(x));
#else
  for (int64_t lane = 0; lane < kLanes; ++lane) x[lane] = __builtin_sqrtf(x[lane]);
#endif
}

/// Updates as many elements as V holds.
template <class V>
inline void update(float* weights, const float* gradients, float* first, float* second, const AdamScalars& s) {
  V w, g, m, v;
  std::memcpy(&w, weights, sizeof(V));
  std::memcpy(&g, gradients, sizeof(V));
  std::memcpy(&m, first, sizeof(V));
  std::memcpy(&v, second, sizeof(V));
  g = s.gradient_scale * g + s.gradient_decay * w;
  m = s.beta1 * m + s.gain1 * g;
  v = s.beta2 * v + s.gain2 * g * g;
  V root = v;
  take_root(root);
  w -= s.weight_decay * w + s.step_size * (m / (root * s.inverse_correction + s.epsilon));
  std::memcpy(weights, &w, sizeof(V));
  std::memcpy(first, &m, sizeof(V));
  std::memcpy(second, &v, sizeof(V));
}

__attribute__((noinline)) void update_chunk(float* w, const float* g, float* m, float* v, int64_t n,
                                            const AdamScalars s) {
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) update<Lanes>(w + i, g + i, m + i, v + i, s);
  for (; i < n; ++i) update<float>(w + i, g + i, m + i, v + i, s);
}

/// Sixteen running sums in double, so that the order of additions is fixed and large gradients do not overflow.
__attribute__((noinline, optimize("O3"))) double sum_of_squares(const float* g, int64_t n) {
  double sums[16] = {};
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    for (int lane = 0; lane < 16; ++lane) {
      const double value = g[i + lane];
      sums[lane] += value * value;
    }
  }
  for (; i < n; ++i) sums[i % 16] += static_cast<double>(g[i]) * g[i];
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

}  // namespace

Adam::Adam(NamedTensors parameters, const Settings& settings)
    : parameters_(std::move(parameters)), settings_(settings), fused_(settings.fused) {
  for (size_t t = 0; t < parameters_.size(); ++t) {
    const auto& [name, tensor] = parameters_[t];
    TESSERA_CHECK(tensor.defined() && tensor.is_leaf() && tensor.requires_grad(), internal,
                  "parameter '{}' is not a leaf tensor that requires a gradient", name);
    TESSERA_CHECK(tensor.scalar_type() == at::kFloat && tensor.is_contiguous(), internal,
                  "parameter '{}' must be contiguous float32", name);
    TESSERA_CHECK(tensor.device() == parameters_.front().second.device(), internal,
                  "parameter '{}' is on {}, '{}' on {}; all must be on one device", name, tensor.device().str(),
                  parameters_.front().first, parameters_.front().second.device().str());
    fused_ = fused_ && tensor.is_cpu();
    TESSERA_CHECK(settings.rates.empty() || settings.rates.size() == parameters_.size(), internal,
                  "{} learning rates for {} parameters", settings.rates.size(), parameters_.size());
    first_.push_back(torch::zeros_like(tensor).detach());
    second_.push_back(torch::zeros_like(tensor).detach());
    for (int64_t begin = 0; begin < tensor.numel(); begin += kChunkElements) {
      const int64_t end = std::min(begin + kChunkElements, tensor.numel());
      chunks_.push_back({t, begin, end, num_elements_});
      num_elements_ += end - begin;
    }
  }
}

template <class Body>
void Adam::for_each_chunk(const Body& body) const {
  at::parallel_for(0, num_elements_, kChunkElements, [&](int64_t begin, int64_t end) {
    const auto before = [](const Chunk& chunk, int64_t offset) { return chunk.offset < offset; };
    auto chunk = std::lower_bound(chunks_.begin(), chunks_.end(), begin, before);
    for (; chunk != chunks_.end() && chunk->offset < end; ++chunk) body(*chunk);
  });
}

std::vector<at::Tensor> Adam::dense_gradients() const {
  std::vector<at::Tensor> gradients;
  gradients.reserve(parameters_.size());
  for (const auto& [name, tensor] : parameters_) {
    const at::Tensor& gradient = tensor.grad();
    if (!gradient.defined()) {
      gradients.emplace_back();
      continue;
    }
    TESSERA_CHECK(gradient.scalar_type() == at::kFloat, internal, "the gradient of '{}' is not float32", name);
    gradients.push_back((gradient.is_sparse() ? gradient.to_dense() : gradient).contiguous());
  }
  return gradients;
}

double Adam::gradient_norm() {
  const torch::NoGradGuard no_grad;
  const auto gradients = dense_gradients();
  if (!fused_) {
    std::vector<at::Tensor> defined;
    for (const auto& gradient : gradients) {
      if (gradient.defined()) defined.push_back(gradient);
    }
    if (defined.empty()) return 0;
    return at::stack(at::_foreach_norm(defined, 2)).to(at::kDouble).norm().item<double>();
  }
  std::vector<double> sums(chunks_.size());
  for_each_chunk([&](const Chunk& chunk) {
    const auto& gradient = gradients[chunk.tensor];
    if (!gradient.defined()) return;
    sums[&chunk - chunks_.data()] = sum_of_squares(gradient.data_ptr<float>() + chunk.begin, chunk.end - chunk.begin);
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return std::sqrt(total);
}

std::string Adam::bad_gradient() const {
  for (const auto& [name, tensor] : parameters_) {
    if (tensor.grad().defined() && !at::isfinite(tensor.grad()).all().item<bool>()) return name;
  }
  return "";
}

void Adam::step(double learning_rate, double gradient_scale) {
  const torch::NoGradGuard no_grad;
  ++num_steps_;
  if (fused_) {
    step_fused(learning_rate, gradient_scale);
  } else {
    step_foreach(learning_rate, gradient_scale);
  }
}

void Adam::step_fused(double learning_rate, double gradient_scale) {
  const auto gradients = dense_gradients();
  const auto steps = static_cast<double>(num_steps_);
  AdamScalars scalars{};
  scalars.gradient_scale = static_cast<float>(gradient_scale);
  scalars.beta1 = static_cast<float>(settings_.beta1);
  scalars.beta2 = static_cast<float>(settings_.beta2);
  scalars.gain1 = static_cast<float>(1 - settings_.beta1);
  scalars.gain2 = static_cast<float>(1 - settings_.beta2);
  scalars.inverse_correction = static_cast<float>(1 / std::sqrt(1 - std::pow(settings_.beta2, steps)));
  scalars.epsilon = static_cast<float>(settings_.epsilon);
  scalars.step_size = static_cast<float>(learning_rate / (1 - std::pow(settings_.beta1, steps)));
  AdamScalars decayed = scalars;  // of tensors with two or more dimensions
  if (settings_.decoupled) {
    decayed.weight_decay = static_cast<float>(learning_rate * settings_.weight_decay);
  } else {
    decayed.gradient_decay = static_cast<float>(settings_.weight_decay);
  }
  std::vector<float*> weights(parameters_.size());
  for (size_t t = 0; t < parameters_.size(); ++t) weights[t] = parameters_[t].second.data_ptr<float>();
  for_each_chunk([&](const Chunk& chunk) {
    const size_t t = chunk.tensor;
    if (!gradients[t].defined()) return;
    [[maybe_unused]] const FlushDenormals flush;
    AdamScalars own = parameters_[t].second.dim() >= 2 ? decayed : scalars;
    own.step_size *= static_cast<float>(rate(t));
    update_chunk(weights[t] + chunk.begin, gradients[t].data_ptr<float>() + chunk.begin,
                 first_[t].data_ptr<float>() + chunk.begin, second_[t].data_ptr<float>() + chunk.begin,
                 chunk.end - chunk.begin, own);
  });
}

void Adam::step_foreach(double learning_rate, double gradient_scale) {
  const auto steps = static_cast<double>(num_steps_);
  const double step_size = learning_rate / (1 - std::pow(settings_.beta1, steps));
  const double correction = std::sqrt(1 - std::pow(settings_.beta2, steps));
  const auto gradients = dense_gradients();
  std::set<std::pair<bool, double>> kinds;  // matrices or not, rate
  for (size_t t = 0; t < parameters_.size(); ++t) kinds.insert(kind(t));
  for (const auto& [matrices, rate] : kinds) {
    std::vector<at::Tensor> w, g, m, v;
    for (size_t t = 0; t < parameters_.size(); ++t) {
      if (!gradients[t].defined() || kind(t) != std::pair(matrices, rate)) continue;
      w.push_back(parameters_[t].second.detach());  // shares storage
      g.push_back(gradients[t]);
      m.push_back(first_[t]);
      v.push_back(second_[t]);
    }
    if (w.empty()) continue;
    if (gradient_scale != 1) g = at::_foreach_mul(g, gradient_scale);
    if (matrices && settings_.weight_decay > 0) {
      if (settings_.decoupled) {
        at::_foreach_mul_(w, 1 - learning_rate * settings_.weight_decay);
      } else {
        g = at::_foreach_add(g, w, settings_.weight_decay);
      }
    }
    at::_foreach_mul_(m, settings_.beta1);
    at::_foreach_add_(m, g, 1 - settings_.beta1);
    at::_foreach_mul_(v, settings_.beta2);
    at::_foreach_addcmul_(v, g, g, 1 - settings_.beta2);
    auto denominator = at::_foreach_sqrt(v);
    at::_foreach_mul_(denominator, 1 / correction);
    at::_foreach_add_(denominator, settings_.epsilon);
    at::_foreach_addcdiv_(w, m, denominator, -step_size * rate);
  }
}

void Adam::zero_grad() {
  for (auto& [name, tensor] : parameters_) tensor.mutable_grad() = at::Tensor();
}

}  // namespace tessera
