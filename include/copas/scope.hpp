// SPDX-License-Identifier: MIT
// What holds from here to the end of a scope: deadlines, alarms, and keeping the loop alive.
#ifndef COPAS_SCOPE_HPP
#define COPAS_SCOPE_HPP

#include "dispatcher_ref.hpp"

#include <functional>

namespace copas_cpp {

/// Every wait of the caller inside the scope ends at the latest when this time has passed. Scopes nest;
/// coroutines started inside inherit it.
class [[nodiscard]] deadline {
public:
  deadline(dispatcher_ref d, time_limit span) : raw_(d.native())
  {
    detail::settle(copas_begindeadline(raw_, span.count()), raw_, detail::throwing);
  }
  deadline(const deadline &) = delete;
  deadline &operator=(const deadline &) = delete;
  ~deadline() { end(); }

  /// Ends it now; tells whether its time had passed. Later calls tell the same.
  bool end() noexcept
  {
    if (raw_ != nullptr) passed_ = copas_enddeadline(std::exchange(raw_, nullptr)) == 1;
    return passed_;
  }

private:
  copas *raw_;
  bool passed_ = false;
};

/// The calling coroutine's alarm: unless the scope ends before, `f(thread_ref)` is called on the root
/// stack, where it may cancel the coroutine or close what it waits on. A coroutine has one at a time.
class [[nodiscard]] alarm {
public:
  alarm(dispatcher_ref d, time_limit span, std::function<void(thread_ref)> f)
      : raw_(d.native()), f_(std::move(f))
  {
    detail::settle(copas_timeout(raw_, span.count(), ring, this), raw_, detail::throwing);
  }
  alarm(const alarm &) = delete;
  alarm &operator=(const alarm &) = delete;
  ~alarm() { copas_timeout(raw_, COPAS_FOREVER, nullptr, nullptr); }

private:
  static void ring(copas_thread *thread, void *user) noexcept
  {
    alarm &self = *static_cast<alarm *>(user);
    detail::guarded_on_root(self.raw_, [&] { self.f_(thread_ref(thread)); });
  }

  copas *raw_;
  std::function<void(thread_ref)> f_;
};

/// Keeps the loop alive for work that the dispatcher cannot see.
class [[nodiscard]] hold {
public:
  explicit hold(dispatcher_ref d, std::error_code &ec = detail::throwing)
  {
    const copas_status status = copas_hold(d.native());
    if (status == COPAS_OK) raw_ = d.native();
    detail::settle(status, d.native(), ec);
  }
  hold(hold &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  hold &operator=(hold &&) = delete;
  ~hold()
  {
    if (raw_ != nullptr) copas_release(raw_);
  }

private:
  copas *raw_ = nullptr;
};

} // namespace copas_cpp

#endif
