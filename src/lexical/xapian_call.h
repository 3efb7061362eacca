#pragma once

#include <xapian.h>

#include <string_view>
#include <utility>

#include "base/error.h"

namespace tessera {

/// Throws Error(kind, "<what>: <Xapian's message>").
[[noreturn]] inline void fail_with(ErrorKind kind, std::string_view what, const Xapian::Error& error) {
  const char* reason = error.get_error_string();
  fail(kind, "{}: {} ({}{}{})", what, error.get_msg(), error.get_type(), reason ? ": " : "", reason ? reason : "");
}

/// Runs `body`; a Xapian error comes out as Error("<what>: <Xapian's message>").
template <class F>
auto xapian_call(std::string_view what, F&& body) -> decltype(std::forward<F>(body)()) {
  try {
    return std::forward<F>(body)();
  } catch (const Xapian::DatabaseCorruptError& error) {
    fail_with(ErrorKind::corrupt, what, error);
  } catch (const Xapian::DatabaseError& error) {
    fail_with(ErrorKind::io, what, error);
  } catch (const Xapian::InvalidArgumentError& error) {
    fail_with(ErrorKind::data, what, error);
  } catch (const Xapian::Error& error) {
    fail_with(ErrorKind::internal, what, error);
  }
}

}  // namespace tessera
