#include "nn/device.h"

#include <ATen/autocast_mode.h>
#include <torch/torch.h>
#include <torch/version.h>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"

#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

namespace tessera {

namespace {

// The one place that knows how the autocast interface differs between torch 1.x and 2.x.
#if TORCH_VERSION_MAJOR >= 2
bool autocast_enabled(c10::DeviceType type) {
  return at::autocast::is_autocast_enabled(type);
}
void enable_autocast(c10::DeviceType type, bool on) {
  at::autocast::set_autocast_dtype(type, at::kBFloat16);
  at::autocast::set_autocast_enabled(type, on);
}
#else
bool autocast_enabled(c10::DeviceType type) {
  return type == c10::kCUDA ? at::autocast::is_enabled() : at::autocast::is_cpu_enabled();
}
void enable_autocast(c10::DeviceType type, bool on) {
  if (type == c10::kCUDA) {
    at::autocast::set_autocast_gpu_dtype(at::kBFloat16);
    at::autocast::set_enabled(on);
  } else {
    at::autocast::set_autocast_cpu_dtype(at::kBFloat16);
    at::autocast::set_cpu_enabled(on);
  }
}
#endif

c10::DeviceType autocast_type(bool cuda) {
  return cuda ? c10::kCUDA : c10::kCPU;
}

/// AMX-BF16 (leaf 7.0, EDX bit 22) or AVX-512 BF16 (leaf 7.1, EAX bit 5), and an operating system that saves the
/// registers.
bool cpu_multiplies_bf16() {
#if defined(__x86_64__) || defined(__i386__)
  if (!__builtin_cpu_supports("avx512f")) return false;
  unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
  if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return false;
  if ((edx >> 22 & 1U) != 0) return true;
  return eax >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) && (eax >> 5 & 1U) != 0;
#else
  return false;
#endif
}

}  // namespace

bool autocast_active(c10::Device device) {
  return autocast_enabled(autocast_type(device.is_cuda()));
}

c10::Device choose_device(const std::string& name) {
  if (name == "cpu") return c10::kCPU;
  TESSERA_CHECK(name == "auto" || name == "cuda", config, "device '{}' is unknown; use auto, cpu or cuda", name);
  if (torch::cuda::is_available()) return {c10::kCUDA, 0};
  TESSERA_CHECK(
      name == "auto", unsupported,
      "device 'cuda': this build of torch or this machine has no CUDA device; use device = \"auto\" or \"cpu\"");
  return c10::kCPU;
}

bool use_bf16(const std::string& precision, c10::Device device) {
  if (precision == "bf16") return true;
  if (precision == "fp32") return false;
  TESSERA_CHECK(precision == "auto", config, "precision '{}' is unknown; use auto, fp32 or bf16", precision);
  return device.is_cuda() || cpu_multiplies_bf16();
}

void init_torch(int threads) {
  TESSERA_CHECK(threads >= 0, config, "{} threads: use 1 or more, or 0 for one a core", threads);
  at::set_num_threads(threads == 0 ? num_threads() : threads);
}

AutocastScope::AutocastScope(bool on, c10::Device device) : active_(on), cuda_(device.is_cuda()), previous_(false) {
  if (!active_) return;
  previous_ = autocast_enabled(autocast_type(cuda_));
  enable_autocast(autocast_type(cuda_), true);
  at::autocast::increment_nesting();
}

AutocastScope::~AutocastScope() {
  if (!active_) return;
  // The cache holds bfloat16 copies of the weights, which the next optimiser step makes stale.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  enable_autocast(autocast_type(cuda_), previous_);
}

void seed_step(uint64_t seed, int64_t step, c10::Device device) {
  const auto words = philox(seed ^ stream_id("train.step"), 0, static_cast<uint64_t>(step));
  const uint64_t value = static_cast<uint64_t>(words[0]) << 32 | words[1];
  const auto reseed = [&](c10::Device where) {
    at::Generator generator = at::globalContext().defaultGenerator(where);
    const std::lock_guard<std::mutex> lock(generator.mutex());
    generator.set_current_seed(value);
  };
  reseed(c10::kCPU);
  if (device.is_cuda()) reseed(device);
}

}  // namespace tessera
