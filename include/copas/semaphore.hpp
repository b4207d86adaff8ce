// SPDX-License-Identifier: MIT
// Counting semaphores, and what a scope takes of one.
#ifndef COPAS_SEMAPHORE_HPP
#define COPAS_SEMAPHORE_HPP

#include "owned.hpp"

namespace copas_cpp {

/// A semaphore, strictly first in, first out.
class semaphore : public detail::owned<copas_semaphore, copas_semaphore_destroy> {
public:
  semaphore() noexcept = default;
  /// Of at most `max`, of which `start` are there.
  semaphore(dispatcher_ref d, int max, int start, time_limit limit = own_limit,
            std::error_code &ec = detail::throwing)
  {
    detail::settle(copas_semaphore_new(d.native(), max, start, limit.count(), &raw_), d.native(), ec);
  }

  void take(int n = 1, time_limit limit = own_limit, std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_semaphore_take(raw_, n, limit.count()), raw_, ec);
  }

  void give(int n = 1, std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_semaphore_give(raw_, n), raw_, ec);
  }

  /// How many are there to take.
  int count(std::error_code &ec = detail::throwing) const { return number(copas_semaphore_count, ec); }

  /// How many wait to take some.
  int waiting(std::error_code &ec = detail::throwing) const
  {
    return number(copas_semaphore_waiting, ec);
  }

  /// A choice of select(): `n` are the caller's.
  choice on_take(int n = 1) const noexcept
  {
    choice made = detail::plain_choice(COPAS_CHOICE_TAKE, raw_);
    made.raw.amount = n;
    return made;
  }

private:
  int number(int (*ask)(copas_semaphore *), std::error_code &ec) const
  {
    const int answer = ask(raw_);
    detail::settle(answer, raw_, ec);
    return answer < 0 ? 0 : answer;
  }
};

/// Takes `n` of a semaphore and gives them back at the end of the scope.
class [[nodiscard]] permit {
public:
  explicit permit(const semaphore &of, int n = 1, time_limit limit = own_limit)
      : raw_(of.native()), n_(n)
  {
    of.take(n, limit);
  }
  permit(const permit &) = delete;
  permit &operator=(const permit &) = delete;
  ~permit() { copas_semaphore_give(raw_, n_); }

private:
  copas_semaphore *raw_;
  int n_;
};

} // namespace copas_cpp

#endif
