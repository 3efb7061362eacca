#pragma once

#include <cstdint>
#include <string>

namespace tessera {

struct Route;

/// What is known of one request once its answer is written (or cannot be). Strings as received: they may hold secrets.
struct HttpExchange {
  std::string method;  ///< "" if the head could not be read
  std::string target;
  std::string request_id;
  std::string peer;
  std::string key_id;
  std::string user_agent;
  const Route* route = nullptr;  ///< null if no route was found
  int status = 0;
  const char* problem = "";    ///< the code of the problem, or ""
  std::string private_detail;  ///< why the server failed, for the log alone
  int64_t bytes_in = 0;        ///< of head and body, as sent
  int64_t bytes_out = 0;       ///< of head and body, as sent
  double seconds = 0;          ///< from the complete head to the last byte of the answer
  bool broken = false;         ///< the connection broke before the answer was written
};

}  // namespace tessera
