// SPDX-License-Identifier: MIT
// Coroutines. "Thread" is Copas' word for them.
#ifndef COPAS_THREAD_HPP
#define COPAS_THREAD_HPP

#include "callable.hpp"
#include "choice.hpp"
#include "time.hpp"

#include <string_view>

namespace copas_cpp {

/// Settings of a coroutine.
struct thread_options {
  std::string_view name = {};
  /// Bytes; 0: the dispatcher's.
  std::size_t stack_size = 0;
};

/// A coroutine, which belongs to its dispatcher: this only names it, and may outlive it.
class thread_ref {
public:
  constexpr thread_ref() noexcept = default;
  constexpr explicit thread_ref(copas_thread *raw) noexcept : raw_(raw) {}
  constexpr copas_thread *native() const noexcept { return raw_; }
  constexpr explicit operator bool() const noexcept { return raw_ != nullptr; }

  /// Waits until it has ended.
  void join(time_limit limit = forever, std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_join(raw_, limit.count()), raw_, ec);
  }

  /// Cancels it: its waits throw canceled from now on.
  void cancel(std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_removethread(raw_), raw_, ec);
  }

  /// Wakes it from pause() or pauseforever(); tells whether it was asleep.
  bool wakeup(std::error_code &ec = detail::throwing) const
  {
    const int woken = copas_wakeup(raw_);
    detail::settle(woken, raw_, ec);
    return woken > 0;
  }

  void setname(std::string_view name, std::error_code &ec = detail::throwing) const
  {
    const detail::c_text text(name);
    if (text.is_right(ec)) detail::settle(copas_setname(raw_, text.get()), raw_, ec);
  }

  /// Valid until it is named anew or ends; empty when it has ended.
  std::string_view name() const noexcept
  {
    const char *name = copas_getname(raw_);
    return name == nullptr ? std::string_view() : name;
  }

  /// A choice of select(): it has ended.
  choice on_end() const noexcept { return detail::plain_choice(COPAS_CHOICE_JOIN, raw_); }

  friend bool operator==(thread_ref a, thread_ref b) noexcept { return a.raw_ == b.raw_; }
  friend bool operator!=(thread_ref a, thread_ref b) noexcept { return a.raw_ != b.raw_; }

private:
  copas_thread *raw_ = nullptr;
};

/// The coroutine that calls; none outside of coroutines.
inline thread_ref running() noexcept
{
  return thread_ref(copas_running());
}

namespace detail {

template <class F>
int add_thread(copas *c, F &&f, const char *name, std::size_t stack_size, copas_thread **out)
{
  using body = once<F>;
  // What fits into the pointer needs no finalizer, and C's shorter call is the quicker one.
  if constexpr (body::fits)
    if (name == nullptr && stack_size == 0)
      return copas_addthread(c, body::run, body::put(std::move(f)), out);
  copas_thread_options options{};
  options.size = sizeof options;
  options.name = name;
  options.user = body::put(std::move(f));
  options.user_free = body::drop;
  options.stack_size = stack_size;
  return copas_addthread_with(c, body::run, &options, out);
}

} // namespace detail
} // namespace copas_cpp

#endif
