// SPDX-License-Identifier: MIT
// Timers that run a lambda.
#ifndef COPAS_TIMER_HPP
#define COPAS_TIMER_HPP

#include "owned.hpp"

#include <optional>

namespace copas_cpp {

/// Settings of a timer.
struct timer_options {
  time_limit delay = std::chrono::seconds(0);
  /// The delay until it fires first; without it: `delay`.
  std::optional<time_limit> initial_delay = {};
  /// COPAS_RECURRING: it fires again `delay` after the end of each callback.
  std::uint64_t flags = 0;
  std::string_view name = {};
};

/// A timer that somebody else owns, as its callback gets it.
class timer_ref {
public:
  constexpr timer_ref() noexcept = default;
  constexpr explicit timer_ref(copas_timer *raw) noexcept : raw_(raw) {}
  constexpr copas_timer *native() const noexcept { return raw_; }

  /// Arms a timer that is not.
  void arm(time_limit delay, std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_timer_arm(raw_, delay.count()), raw_, ec);
  }

  /// Disarms it. A callback that runs goes on to its end.
  void cancel(std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_timer_cancel(raw_), raw_, ec);
  }

  /// A choice of select(): it fires.
  choice on_fire() const noexcept { return detail::plain_choice(COPAS_CHOICE_TIMER, raw_); }

private:
  copas_timer *raw_ = nullptr;
};

/// A timer, destroyed when this ends; a callback that runs goes on.
class timer : public detail::owned<copas_timer, copas_timer_destroy> {
public:
  timer() noexcept = default;
  /// Arms it: `f()` or `f(timer_ref)` runs in a coroutine of its own.
  template <class F>
  timer(dispatcher_ref d, const timer_options &settings, F f, std::error_code &ec = detail::throwing)
  {
    const detail::c_text name(settings.name);
    if (!name.is_right(ec)) return;
    copas_timer_options options{};
    options.size = sizeof options;
    options.flags = settings.flags;
    options.name = name.get();
    options.callback = fire<F>;
    options.user = new F(std::move(f));
    options.user_free = detail::drop<F>;
    options.delay = settings.delay.count();
    options.initial_delay = first_of(settings);
    detail::settle(copas_timer_new(d.native(), &options, &raw_), d.native(), ec);
  }

  operator timer_ref() const noexcept { return timer_ref(raw_); }
  void arm(time_limit delay, std::error_code &ec = detail::throwing) const
  {
    timer_ref(raw_).arm(delay, ec);
  }
  void cancel(std::error_code &ec = detail::throwing) const { timer_ref(raw_).cancel(ec); }
  choice on_fire() const noexcept { return timer_ref(raw_).on_fire(); }

private:
  // In C's options 0 is the delay, and a negative number at once.
  static double first_of(const timer_options &settings) noexcept
  {
    if (!settings.initial_delay) return 0;
    return settings.initial_delay->count() > 0 ? settings.initial_delay->count() : -1;
  }

  template <class F> static void fire(copas_timer *raw, void *user) noexcept
  {
    F &f = *static_cast<F *>(user);
    detail::guarded([raw, &f] {
      if constexpr (std::is_invocable_v<F &, timer_ref>) f(timer_ref(raw));
      else f(), static_cast<void>(raw);
    });
  }
};

} // namespace copas_cpp

#endif
