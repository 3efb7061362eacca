#include "methods/request_batches.h"

#include <torch/torch.h>

#include <algorithm>
#include <numeric>
#include <vector>

namespace tessera {

void for_each_batch(std::span<const Request> requests, int64_t batch, bool parallel,
                    const std::function<void(std::span<const size_t> places)>& body) {
  std::vector<size_t> order(requests.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return requests[a].history.size() < requests[b].history.size(); });
  const auto total = static_cast<int64_t>(requests.size());
  const int64_t threads = parallel ? at::get_num_threads() : 1;
  const int64_t size = std::clamp((total + threads - 1) / threads, int64_t{1}, batch);
  const int64_t batches = (total + size - 1) / size;
  const auto run = [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n)
      body(std::span(order).subspan(static_cast<size_t>(n * size), std::min(size, total - n * size)));
  };
  parallel&& batches > 1 ? at::parallel_for(0, batches, 1, run) : run(0, batches);
}

}  // namespace tessera
