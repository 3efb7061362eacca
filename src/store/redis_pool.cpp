#include "store/redis_pool.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/error.h"

namespace tessera::redis {
namespace {

constexpr int kNumSlots = 16384;
constexpr int kMaxRedirects = 16;
constexpr auto kFirstPause = std::chrono::milliseconds(5);
constexpr auto kLongestPause = std::chrono::milliseconds(250);

/// Where "MOVED 3999 127.0.0.1:6381" and "ASK ..." point: an IPv6 address comes without brackets, and a node that does
/// not know its own address leaves it out.
std::optional<HostPort> redirect_target(std::string_view error, const std::string& own_host) {
  const std::string target(error.substr(error.rfind(' ') + 1));
  const size_t colon = target.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  const std::string host = colon == 0 ? own_host : target.substr(0, colon);
  try {
    const bool ipv6 = host.find(':') != std::string::npos;
    return parse_host_port((ipv6 ? "[" + host + "]" : host) + target.substr(colon), 6379);
  } catch (const Error&) {
    return std::nullopt;
  }
}

Deadline deadline_after(int ms) {
  return std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
}

}  // namespace

int slot_of(std::string_view key) {
  if (const size_t open = key.find('{'); open != std::string_view::npos) {
    const size_t close = key.find('}', open + 1);
    if (close != std::string_view::npos && close > open + 1) key = key.substr(open + 1, close - open - 1);
  }
  uint32_t crc = 0;
  for (const char c : key) {
    crc ^= static_cast<uint32_t>(static_cast<unsigned char>(c)) << 8;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 0x8000) != 0 ? (crc << 1 ^ 0x1021) & 0xffff : crc << 1 & 0xffff;
  }
  return static_cast<int>(crc % kNumSlots);
}

Pool::Lease::~Lease() {
  if (returned_) return;
  connection_.reset();
  const std::scoped_lock lock(pool_.mutex_);
  --pool_.num_leased_;
  pool_.freed_.notify_one();
}

void Pool::Lease::give_back() {
  const std::scoped_lock lock(pool_.mutex_);
  pool_.idle_.push_back(std::move(connection_));
  --pool_.num_leased_;
  returned_ = true;
  pool_.freed_.notify_one();
}

Pool::Lease Pool::lease(Deadline deadline) {
  std::unique_ptr<Connection> found;
  {
    std::unique_lock lock(mutex_);
    const bool free = freed_.wait_until(lock, deadline, [&] { return num_leased_ < options_.connections; });
    TESSERA_CHECK(free, overload, "redis://{}: all {} connections stayed busy for {} ms: allow more connections",
                  host_.text(), options_.connections, options_.request_timeout_ms);
    while (!idle_.empty() && !found) {
      found = std::move(idle_.back());
      idle_.pop_back();
      if (found->is_stale()) found.reset();  // the server was restarted, or closes idle ones
    }
    ++num_leased_;
  }
  if (!found) {
    try {
      found = std::make_unique<Connection>(host_, url_, options_);
    } catch (...) {
      const std::scoped_lock lock(mutex_);
      --num_leased_;
      freed_.notify_one();
      throw;
    }
  }
  return {*this, std::move(found)};
}

struct Router::Attempt {
  int slot = -1;
  std::optional<HostPort> asked;  ///< the next try goes there, with ASKING
  Deadline deadline;
  std::chrono::milliseconds pause = kFirstPause;
  int redirects = 0;
  std::string last_error;
};

Router::Router(StoreUrl url, StoreOptions options) : url_(std::move(url)), options_(std::move(options)) {
  TESSERA_CHECK(options_.connections >= 1 && options_.connect_timeout_ms >= 1 && options_.request_timeout_ms >= 1,
                config, "store: {} connections, timeouts of {} and {} ms: wanted 1 or more of each",
                options_.connections, options_.connect_timeout_ms, options_.request_timeout_ms);
  nodes_ = url_.hosts;
  check_mode();
  if (is_cluster()) load_slots();
}

void Router::check_mode() {
  std::string reasons;
  for (const HostPort& host : url_.hosts) {
    try {
      auto connection = pool(host).lease(deadline_after(options_.request_timeout_ms));
      const Reply info = connection->call({"INFO", "cluster"});
      TESSERA_CHECK(!info.is_error(), io, "redis://{}: {}", host.text(), info.error());
      const bool cluster = info.text().find("cluster_enabled:1") != std::string_view::npos;
      connection.give_back();
      TESSERA_CHECK(cluster == is_cluster(), config, "redis://{}: {} a cluster: wanted {}://", host.text(),
                    cluster ? "is part of" : "is not part of", cluster ? "redis+cluster" : "redis");
      return;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::io) throw;
      reasons += (reasons.empty() ? "" : "; ") + std::string(error.what());
    }
  }
  throw Error(ErrorKind::io, reasons);
}

Pool& Router::pool(const HostPort& host) {
  const std::scoped_lock lock(mutex_);
  std::unique_ptr<Pool>& found = pools_[host.text()];
  if (!found) found = std::make_unique<Pool>(host, url_, options_);
  return *found;
}

Pool& Router::pool_of_slot(int slot) {
  HostPort host = url_.hosts[0];
  if (is_cluster()) {
    const std::scoped_lock lock(mutex_);
    const int node = slots_[static_cast<size_t>(slot)];
    host = nodes_[static_cast<size_t>(node < 0 ? 0 : node)];
  }
  return pool(host);
}

void Router::load_slots() {
  std::vector<HostPort> known;
  {
    const std::scoped_lock lock(mutex_);
    known = nodes_;
  }
  for (const HostPort& host : url_.hosts) {
    if (std::find(known.begin(), known.end(), host) == known.end()) known.push_back(host);
  }
  std::string reason = "no node answered";
  for (const HostPort& host : known) {
    try {
      auto connection = pool(host).lease(deadline_after(options_.request_timeout_ms));
      const Reply ranges = connection->call({"CLUSTER", "SLOTS"});
      std::vector<HostPort> nodes;
      std::vector<int> slots(kNumSlots, -1);
      for (size_t i = 0; i < ranges.size(); ++i) {
        const Reply range = ranges.at(i), master = range.at(2);
        // A node that does not know its own address leaves it out: it is the one that was asked.
        const std::string_view address = master.at(0).is_nil() ? std::string_view() : master.at(0).text();
        const HostPort node{address.empty() ? host.host : std::string(address),
                            static_cast<int>(master.at(1).number())};
        const auto found = std::find(nodes.begin(), nodes.end(), node);
        const int index = static_cast<int>(found - nodes.begin());
        if (found == nodes.end()) nodes.push_back(node);
        const int64_t first = range.at(0).number(), last = range.at(1).number();
        TESSERA_CHECK(first >= 0 && first <= last && last < kNumSlots, io, "redis://{}: names slots {} to {}",
                      host.text(), first, last);
        std::fill(slots.begin() + first, slots.begin() + last + 1, index);
      }
      connection.give_back();
      TESSERA_CHECK(!nodes.empty(), io, "redis://{}: the cluster has no slots assigned", host.text());
      const std::scoped_lock lock(mutex_);
      nodes_ = std::move(nodes);
      slots_ = std::move(slots);
      return;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::internal) throw;
      reason = error.what();
    }
  }
  fail(ErrorKind::io, "the slots of the Redis cluster are not known: {}", reason);
}

/// Reads "MOVED 1234 host:port", "ASK ..." and the like. @return whether to try again
bool Router::redirected(Attempt& state, std::string_view error) {
  const bool moved = error.starts_with("MOVED "), ask = error.starts_with("ASK ");
  if (moved || ask) {
    if (++state.redirects > kMaxRedirects) return false;
    const auto host = redirect_target(error, url_.hosts[0].host);
    if (!host) return false;
    if (ask) {
      state.asked = *host;
      return true;
    }
    {
      const std::scoped_lock lock(mutex_);
      const auto found = std::find(nodes_.begin(), nodes_.end(), *host);
      slots_[static_cast<size_t>(state.slot)] = static_cast<int>(found - nodes_.begin());
      if (found == nodes_.end()) nodes_.push_back(*host);
    }
    return true;
  }
  return error.starts_with("TRYAGAIN") || error.starts_with("CLUSTERDOWN") || error.starts_with("LOADING") ||
         error.starts_with("BUSY ") || error.starts_with("MASTERDOWN") || error.starts_with("READONLY");
}

std::optional<Reply> Router::attempt(Attempt& state, const Command& command, bool may_twice) {
  Loss loss = Loss::none;
  try {
    Pool& target = state.asked ? pool(*state.asked) : pool_of_slot(state.slot);
    const bool asking = state.asked.has_value();
    state.asked.reset();
    Pool::Lease connection = target.lease(state.deadline);
    if (asking) (void)connection->call({"ASKING"});
    Reply reply = connection->call(command, loss);
    connection.give_back();
    const bool redirect = reply.error().starts_with("MOVED ") || reply.error().starts_with("ASK ");
    if (!reply.is_error() || (redirect && !is_cluster()) || !redirected(state, reply.error())) return reply;
    state.last_error = reply.error();
    if (redirect) state.pause = std::chrono::milliseconds(0);
    return std::nullopt;
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::io) throw;
    if (loss == Loss::unknown && !may_twice) {
      throw Error(ErrorKind::io,
                  fmt::format("{}; the commit may or may not have been applied: repeat it if it carries ids, or "
                              "look first",
                              error.what()));
    }
    state.last_error = error.what();
  }
  if (is_cluster()) {
    try {
      load_slots();  // another node may have taken over
    } catch (const Error& error) {
      state.last_error = error.what();
    }
  }
  return std::nullopt;
}

Reply Router::call(std::string_view key, const Command& command, bool may_twice) {
  Attempt state;
  state.slot = slot_of(key);
  state.deadline = deadline_after(options_.request_timeout_ms);
  while (true) {
    const auto pause = state.pause;
    if (auto reply = attempt(state, command, may_twice)) return std::move(*reply);
    if (state.pause.count() == 0) {  // redirected: at once
      state.pause = pause;
      continue;
    }
    TESSERA_CHECK(std::chrono::steady_clock::now() + state.pause < state.deadline, io,
                  "{}; nothing was applied, gave up after {} ms", state.last_error, options_.request_timeout_ms);
    std::this_thread::sleep_for(state.pause);
    state.pause = std::min<std::chrono::milliseconds>(state.pause * 2, kLongestPause);
  }
}

std::vector<Reply> Router::call_everywhere(const Command& command) {
  std::vector<HostPort> nodes;
  {
    const std::scoped_lock lock(mutex_);
    nodes = nodes_;
  }
  std::vector<Reply> out;
  for (const HostPort& host : nodes) {
    Pool::Lease connection = pool(host).lease(deadline_after(options_.request_timeout_ms));
    out.push_back(connection->call(command));
    connection.give_back();
  }
  return out;
}

}  // namespace tessera::redis
