#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace tessera {

/// What the head of an answer needs besides the answer.
struct HeadFacts {
  std::string_view date;  ///< as http_date()
  std::string_view request_id;
  bool keep_alive = true;
  bool is_http_1_0 = false;
};

/// Status line and fields, with the empty line. Content-Length is that of the body, also where it is not sent (HEAD).
/// Control bytes in values are left out, so nothing can be smuggled in.
std::string response_head(const HttpResponse& response, const HeadFacts& facts);

/// Whether answers of the status have no body, nor a Content-Length: 1xx, 204, 304.
bool has_no_body(int status);

/// "Sun, 06 Nov 1994 08:49:37 GMT", now.
std::string http_date();

}  // namespace tessera
