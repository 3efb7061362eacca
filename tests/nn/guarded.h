#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>
#include <new>

namespace tessera {

/// Memory whose neighbours on both sides fault when touched, by whatever instruction.
template <class T>
class Guarded {
 public:
  explicit Guarded(int64_t capacity) {
    const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    bytes_ = (static_cast<size_t>(capacity) * sizeof(T) + page - 1) / page * page;
    whole_ = bytes_ + 2 * page;
    void* memory = mmap(nullptr, whole_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    memory_ = static_cast<unsigned char*>(memory);
    data_ = memory_ + page;
    if (mprotect(data_, bytes_, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
  }
  ~Guarded() { munmap(memory_, whole_); }
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  /// `size` elements that end at the guard. They and all before them are NaN.
  T* take(int64_t size) {
    std::memset(data_, 0xff, bytes_);
    begin_ = bytes_ - static_cast<size_t>(size) * sizeof(T);
    return reinterpret_cast<T*>(data_ + begin_);
  }
  /// Whether everything before the elements is as take() left it.
  bool untouched_before() const {
    for (size_t i = 0; i < begin_; ++i)
      if (data_[i] != 0xff) return false;
    return true;
  }

 private:
  unsigned char *memory_ = nullptr, *data_ = nullptr;
  size_t bytes_ = 0, whole_ = 0, begin_ = 0;
};

}  // namespace tessera
