#include "http/reply.h"

#include <utility>

namespace tessera {

Reply::Reply(Send send, std::shared_ptr<const std::atomic<bool>> wanted)
    : send_(std::move(send)), wanted_(std::move(wanted)) {}

Reply::~Reply() {
  if (!send_) return;
  try {
    send_(std::nullopt);
  } catch (const std::exception&) {  // no memory: the server's deadline answers instead
    return;
  }
}

Reply::Reply(Reply&& other) noexcept : send_(std::exchange(other.send_, nullptr)), wanted_(std::move(other.wanted_)) {}

Reply& Reply::operator=(Reply&& other) noexcept {
  if (this != &other) {
    Send dropped = std::exchange(send_, std::exchange(other.send_, nullptr));
    wanted_ = std::move(other.wanted_);
    if (dropped) dropped(std::nullopt);
  }
  return *this;
}

bool Reply::send(HttpResponse response) {
  if (!send_) return false;
  std::exchange(send_, nullptr)(std::move(response));
  return true;
}

bool Reply::send_result(const std::function<HttpResponse()>& make) {
  try {
    return send(make());
  } catch (const std::exception& error) {
    return send(problem_of(error));
  }
}

bool Reply::wanted() const {
  return send_ && (wanted_ == nullptr || wanted_->load(std::memory_order_relaxed));
}

}  // namespace tessera
