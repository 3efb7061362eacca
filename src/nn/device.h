#pragma once

#include <c10/core/Device.h>

#include <string>

namespace tessera {

/// "auto" takes CUDA where this build and machine have it, else the CPU.
/// @throws Error(unsupported) for "cuda" without one, Error(config) for another name
c10::Device choose_device(const std::string& name);

/// Whether matrix products should run in bfloat16: "bf16" yes, "fp32" no, "auto" where the hardware multiplies it
/// faster (CUDA, or a CPU with AMX or AVX-512 BF16).
bool use_bf16(const std::string& precision, c10::Device device);

/// Threads of ATen's pool and of OpenMP. Call once at start-up, after init_runtime().
void init_torch(int threads);

/// Within its life, matrix products on `device` run in bfloat16 (autocast) when `on`.
class AutocastScope {
 public:
  AutocastScope(bool on, c10::Device device);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  bool active_, cuda_, previous_;
};

/// Whether an AutocastScope is in force for this device on this thread.
bool autocast_active(c10::Device device);

/// Seeds every generator of `device` from (seed, step): what a step draws depends on nothing else.
void seed_step(uint64_t seed, int64_t step, c10::Device device);

}  // namespace tessera
