// SPDX-License-Identifier: MIT
// Locks between coroutines, and the guard of a scope.
#ifndef COPAS_LOCK_HPP
#define COPAS_LOCK_HPP

#include "owned.hpp"

namespace copas_cpp {

/// A lock: one owner at a time, first come, first served.
class lock : public detail::owned<copas_lock, copas_lock_destroy> {
public:
  lock() noexcept = default;
  /// `limit` is what gets without one may wait (own_limit: 10 s); `flags`: COPAS_NOT_REENTRANT.
  explicit lock(dispatcher_ref d, time_limit limit = own_limit, std::uint64_t flags = 0,
                std::error_code &ec = detail::throwing)
  {
    detail::settle(copas_lock_new(d.native(), limit.count(), flags, &raw_), d.native(), ec);
  }

  /// Gets the lock; gives the time that this took.
  seconds get(time_limit limit = own_limit, std::error_code &ec = detail::throwing) const
  {
    double waited = 0;
    detail::settle(copas_lock_get(raw_, limit.count(), &waited), raw_, ec);
    return seconds(waited);
  }

  void release(std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_lock_release(raw_), raw_, ec);
  }

  /// A choice of select(): the lock is the caller's.
  choice on_get() const noexcept { return detail::plain_choice(COPAS_CHOICE_LOCK, raw_); }
};

/// Has the lock from here to the end of the scope.
class [[nodiscard]] lock_guard {
public:
  explicit lock_guard(const lock &held, time_limit limit = own_limit) : raw_(held.native())
  {
    held.get(limit);
  }
  lock_guard(const lock_guard &) = delete;
  lock_guard &operator=(const lock_guard &) = delete;
  ~lock_guard() { copas_lock_release(raw_); }

private:
  copas_lock *raw_;
};

} // namespace copas_cpp

#endif
