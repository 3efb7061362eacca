#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "http/message.h"

namespace tessera {

/// Where an answer goes. Movable; may be used from any thread, and may outlive the server. A reply that goes away
/// without an answer answers 500, so no request stays open.
class Reply {
 public:
  /// Called at most once, from any thread: with the answer, or with nothing when the reply was dropped.
  using Send = std::function<void(std::optional<HttpResponse>)>;

  /// @param wanted  set to false by the receiver once nobody waits any more; may be null
  explicit Reply(Send send, std::shared_ptr<const std::atomic<bool>> wanted = nullptr);
  ~Reply();
  Reply(Reply&& other) noexcept;
  Reply& operator=(Reply&& other) noexcept;
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  /// Sends the answer. @return false if this reply has sent one already or was moved from
  bool send(HttpResponse response);
  /// Calls `make` and sends what it returns, or the problem of what it throws.
  bool send_result(const std::function<HttpResponse()>& make);
  /// False once the deadline has passed or the connection is gone: the work can be spared.
  bool wanted() const;

 private:
  Send send_;
  std::shared_ptr<const std::atomic<bool>> wanted_;
};

}  // namespace tessera
