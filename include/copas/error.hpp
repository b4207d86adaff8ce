// SPDX-License-Identifier: MIT
// How calls fail: an exception, or a std::error_code for those who hand one in.
#ifndef COPAS_ERROR_HPP
#define COPAS_ERROR_HPP

#include "../copas.h"

#include <stdexcept>
#include <string>
#include <system_error>

// A std::error_code compares with the statuses of copas.h: `ec == COPAS_TIMEOUT`.
template <> struct std::is_error_code_enum<copas_status> : std::true_type {};

namespace copas_cpp {

/// The category of status codes: the value is a copas_status, the message the library's.
class status_category final : public std::error_category {
public:
  constexpr status_category() noexcept = default;
  const char *name() const noexcept override { return "copas"; }
  std::string message(int status) const override { return copas_status_message(status); }

  std::error_condition default_error_condition(int status) const noexcept override
  {
    switch (status) {
    case COPAS_TIMEOUT: return std::errc::timed_out;
    case COPAS_CLOSED: return std::errc::connection_reset;
    case COPAS_CANCELED: return std::errc::operation_canceled;
    case COPAS_INVALID: return std::errc::invalid_argument;
    case COPAS_BUSY: return std::errc::device_or_resource_busy;
    case COPAS_TOO_LONG: return std::errc::message_size;
    case COPAS_UNSUPPORTED: return std::errc::operation_not_supported;
    case COPAS_NO_MEMORY: return std::errc::not_enough_memory;
    case COPAS_REFUSED: return std::errc::connection_refused;
    default: return {status, *this};
    }
  }
};

// An object, not a static of a function: reading it costs no check of a guard.
inline const status_category the_category;

inline const std::error_category &category() noexcept
{
  return the_category;
}

/// The coroutine was canceled: clean up and return. No std::exception, so that a handler of errors
/// does not swallow it; the function that a coroutine runs lets it pass.
struct canceled final {};

/// A call failed. code() is its status, sys_errno() the system call's errno or 0, what() says what
/// to do about it.
class error : public std::system_error {
public:
  error(int status, int sys_errno, const std::string &text)
      : std::system_error(status, category()), text_(text), sys_errno_(sys_errno)
  {
  }
  const char *what() const noexcept override { return text_.what(); }
  int status() const noexcept { return code().value(); }
  int sys_errno() const noexcept { return sys_errno_; }

private:
  // A runtime_error shares its text, so that a copy of this cannot throw.
  std::runtime_error text_;
  int sys_errno_;
};

// clang-format off
/// COPAS_TIMEOUT: the time limit passed first; nothing is lost.
class timeout_error : public error { using error::error; };
/// COPAS_CLOSED: the connection has ended.
class closed_error : public error { using error::error; };
/// COPAS_REFUSED: nobody listens on the address.
class refused_error : public error { using error::error; };
/// COPAS_UNRESOLVED: the name has no address.
class unresolved_error : public error { using error::error; };
/// COPAS_TOO_LONG: more bytes than the socket's limit; they are kept.
class too_long_error : public error { using error::error; };
/// COPAS_STOPPED: the queue or mailbox takes and gives no more.
class stopped_error : public error { using error::error; };
/// COPAS_DESTROYED: the object was destroyed while the caller waited on it.
class destroyed_error : public error { using error::error; };
/// COPAS_STALE: the handle's object is gone.
class stale_error : public error { using error::error; };
/// COPAS_UNTRUSTED: the peer's certificate.
class untrusted_error : public error { using error::error; };
/// COPAS_TRUNCATED: an encrypted stream was cut off.
class truncated_error : public error { using error::error; };
/// COPAS_TLS_FAILED: a handshake or an encrypted record.
class tls_failed_error : public error { using error::error; };
// clang-format on

/// The last call that failed in this coroutine, or on the root stack. `text` is valid until the next.
struct error_detail {
  int status;
  int sys_errno;
  std::string_view text;
};

namespace detail {

// What an `ec` parameter refers to when the caller gave none: the call throws.
inline std::error_code throwing;

inline copas_error_info last_error(copas *c) noexcept
{
  copas_error_info info{};
  info.size = sizeof info;
  if (copas_error(c, &info) != COPAS_OK) info.text = "";
  return info;
}

[[noreturn]] inline void throw_error(int status, int sys_errno, const std::string &text)
{
  switch (status) {
  case COPAS_TIMEOUT: throw timeout_error(status, sys_errno, text);
  case COPAS_CLOSED: throw closed_error(status, sys_errno, text);
  case COPAS_REFUSED: throw refused_error(status, sys_errno, text);
  case COPAS_UNRESOLVED: throw unresolved_error(status, sys_errno, text);
  case COPAS_TOO_LONG: throw too_long_error(status, sys_errno, text);
  case COPAS_STOPPED: throw stopped_error(status, sys_errno, text);
  case COPAS_DESTROYED: throw destroyed_error(status, sys_errno, text);
  case COPAS_STALE: throw stale_error(status, sys_errno, text);
  case COPAS_UNTRUSTED: throw untrusted_error(status, sys_errno, text);
  case COPAS_TRUNCATED: throw truncated_error(status, sys_errno, text);
  case COPAS_TLS_FAILED: throw tls_failed_error(status, sys_errno, text);
  default: throw error(status, sys_errno, text);
  }
}

// Out of the way of calls that succeed.
[[noreturn, gnu::cold, gnu::noinline]] inline void raise(int status, const void *handle)
{
  if (status == COPAS_CANCELED) throw canceled{};
  const copas_error_info info = last_error(copas_of(handle));
  if (info.status == status) throw_error(status, info.sys_errno, info.text);
  throw_error(status, 0, copas_status_message(status));
}

/// Ends a call on `handle`: a negative `status` is thrown, or put where the caller asked for it.
inline void settle(int status, const void *handle, std::error_code &ec)
{
  if (&ec != &throwing)
    ec.assign(status < 0 ? status : 0, category());
  else if (status < 0)
    raise(status, handle);
}

/// Ends a call that failed with an error of this binding.
inline void refuse(int status, const char *text, std::error_code &ec)
{
  if (&ec == &throwing) throw_error(status, 0, text);
  ec.assign(status, category());
}

/// A text as C wants it: terminated, and without a NUL inside, which would cut it short. An empty one
/// is NULL.
class c_text {
public:
  explicit c_text(std::string_view text) : text_(text) {}
  const char *get() const noexcept { return text_.empty() ? nullptr : text_.c_str(); }

  bool is_right(std::error_code &ec) const
  {
    if (text_.empty() || text_.find('\0') == std::string::npos) return true;
    refuse(COPAS_INVALID, "a text has a NUL inside", ec);
    return false;
  }

private:
  std::string text_;
};

} // namespace detail
} // namespace copas_cpp

inline std::error_code make_error_code(copas_status status) noexcept
{
  return {static_cast<int>(status), copas_cpp::category()};
}

#endif
