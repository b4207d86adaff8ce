// SPDX-License-Identifier: MIT
// Time limits: any std::chrono::duration, or none.
#ifndef COPAS_TIME_HPP
#define COPAS_TIME_HPP

#include "../copas.h"

#include <chrono>
#include <limits>

namespace copas_cpp {

/// What the library tells of time: seconds and their fractions.
using seconds = std::chrono::duration<double>;

/// How long a call may wait. A duration converts to it; one below zero is one that has passed: 0.
class time_limit {
public:
  template <class Rep, class Period>
  constexpr time_limit(std::chrono::duration<Rep, Period> span)
      : seconds_(seconds(span).count() > 0 ? seconds(span).count() : 0)
  {
  }
  constexpr double count() const noexcept { return seconds_; }
  constexpr bool is_none() const noexcept { return seconds_ < 0; }

  /// A number of seconds as copas.h has it.
  static constexpr time_limit of(double raw) noexcept { return time_limit(raw); }

private:
  constexpr explicit time_limit(double raw) noexcept : seconds_(raw) {}
  double seconds_;
};

/// No time limit.
inline constexpr time_limit forever = time_limit::of(COPAS_FOREVER);
/// The limit that the object was made with: 10 s unless it named one.
inline constexpr time_limit own_limit = time_limit::of(std::numeric_limits<double>::quiet_NaN());
/// settimeouts(): this one stays as it is.
inline constexpr time_limit unchanged = own_limit;

} // namespace copas_cpp

#endif
