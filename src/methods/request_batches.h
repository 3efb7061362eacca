#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "methods/families.h"

namespace tessera {

/// Answers requests in batches of like history length, so that little is spent on padding.
/// @param batch     requests a batch at most
/// @param parallel  each thread answers batches of its own, so that nobody waits for the others between the layers of a
///                  model; what the body calls then runs on one thread. For a CPU; a device wants one batch at a time
/// @param body      gets places among the requests; called once for each batch, every place in exactly one of them
void for_each_batch(std::span<const Request> requests, int64_t batch, bool parallel,
                    const std::function<void(std::span<const size_t> places)>& body);

}  // namespace tessera
