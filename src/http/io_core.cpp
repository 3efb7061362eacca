#include "http/connection.h"
#include "http/response_head.h"

namespace tessera {
namespace {

constexpr size_t kScratchBytes = 64 << 10;
constexpr auto kTick = std::chrono::milliseconds(50);

}  // namespace

IoCore::IoCore(std::shared_ptr<ServerShared> the_shared)
    : shared(std::move(the_shared)), scratch(kScratchBytes), date(http_date()), tick_(context) {}

void IoCore::run() {
  while (!context.stopped()) {
    try {
      context.run();
    } catch (const std::exception&) {  // no memory for one step of one connection, which its deadline will end
      continue;
    }
  }
}

void IoCore::start_ticking() {
  tick_.expires_after(kTick);
  tick_.async_wait([this](boost::system::error_code error) {
    if (!error) on_tick();
  });
}

void IoCore::on_tick() {
  date = http_date();
  const auto now = Connection::Clock::now();
  start_ticking();
  std::vector<std::shared_ptr<Connection>> late;
  for (const auto& connection : connections_) {
    if (connection->is_late(now)) late.push_back(connection);
  }
  for (const auto& connection : late) {
    try {
      connection->on_late();
    } catch (const std::exception&) {  // no memory
      connection->close();
    }
  }
}

void IoCore::adopt(boost::asio::ip::tcp::socket socket) {
  const auto connection = std::make_shared<Connection>(*this, std::move(socket));
  connections_.insert(connection);
  connection->start();
  if (shared->stopping) connection->close_if_idle();
}

void IoCore::forget(const std::shared_ptr<Connection>& connection) {
  if (connections_.erase(connection) == 0) return;
  if (shared->counters->connections.fetch_sub(1) == 1 && shared->stopping) {
    const std::lock_guard lock(shared->drain_mutex);
    shared->drained.notify_all();
  }
}

void IoCore::close_idle() {
  const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
  for (const auto& connection : all) connection->close_if_idle();
}

void IoCore::close_all() {
  tick_.cancel();
  const std::vector<std::shared_ptr<Connection>> all(connections_.begin(), connections_.end());
  for (const auto& connection : all) connection->close();
}

}  // namespace tessera
