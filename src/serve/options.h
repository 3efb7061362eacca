#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/options.h"
#include "lexical/lexical_index.h"
#include "serve/batcher.h"
#include "serve/fusion.h"

namespace tessera::serve {

/// Everything that `tessera serve` can be told. The recipe's section `[serve]` holds the same names.
struct ServeOptions {
  std::string listen = "127.0.0.1:8420";
  std::string state;
  std::string restore;
  int64_t io_threads = 1, workers = 2;
  int64_t max_waiting_requests = 512, max_in_flight = 1024;
  int64_t deadline_ms = 2000;
  int64_t history = 1000;
  int64_t slow_ms = 500;
  std::string access_log;
  std::vector<std::string> cors_origins;
  double anonymous_rate = 0;
  LexicalOptions lexical;
  FusionOptions fusion;
  BatcherOptions batcher;

  template <class F>
  void fields(F& f) {
    f("listen", listen, "address:port; an address that others can reach needs a key first");
    f("state", state, "store of the writes: a folder, redis://... or redis+cluster://...; empty: RUN/state");
    f("restore", restore, "snapshot to put in place of the store's state before the start; later writes are lost");
    f("io_threads", io_threads, "threads of the network", range(1, 64));
    f("workers", workers, "threads that answer", range(1, 256));
    f("max_waiting_requests", max_waiting_requests, "requests that wait for a worker; more get 503", range(1, 1e6));
    f("max_in_flight", max_in_flight, "requests in all; more get 503", range(1, 1e6));
    f("deadline_ms", deadline_ms, "an answer without the model is better than one after this time", range(1, 600000));
    f("history", history, "events kept of each person", range(1, 100000));
    f("slow_ms", slow_ms, "requests from here on are marked slow in the log; negative: none", range(-1, 1e9));
    f("access_log", access_log, "file for a JSON line a request; empty: none");
    f("cors_origins", cors_origins, "web origins that may ask from a browser");
    f("anonymous_rate", anonymous_rate, "requests a second of an address without a key; 0: no limit", range(0, 1e9));
    lexical.fields(f);
    fusion.fields(f);
    batcher.fields(f);
  }
};

}  // namespace tessera::serve
