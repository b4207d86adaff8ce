// SPDX-License-Identifier: MIT
// Several dispatchers, each on an OS thread of its own.
#ifndef COPAS_FLEET_HPP
#define COPAS_FLEET_HPP

#include "dispatcher.hpp"

#include <exception>

namespace copas_cpp {

namespace detail {

/// What the set-up of a fleet gets and leaves behind.
template <class F> struct fleet {
  F &setup;
  std::exception_ptr thrown;

  // One after the other, each seen by the next: no lock is needed.
  static int set_up(copas *c, int number, void *user) noexcept
  {
    auto *const self = static_cast<fleet *>(user);
    try {
      self->setup(dispatcher_ref(c), number);
      return COPAS_OK;
    } catch (const error &failure) {
      self->thrown = std::current_exception();
      return failure.status();
    } catch (...) {
      self->thrown = std::current_exception();
      return COPAS_FAILED;
    }
  }
};

} // namespace detail

/// Runs `count` dispatchers (0: one for each CPU) until all their loops have ended; `setup(d, number)` gives
/// each its work, on its OS thread, one after the other. shutdown() of one ends them all. What a set-up
/// throws ends them all and is thrown here. `settings.report` may be called by several OS threads at the
/// same time.
template <class F> void loop_many(int count, F &&setup, dispatcher_options settings = {})
{
  detail::give_exception_state();
  detail::callbacks callbacks;
  copas_config config{};
  config.size = sizeof config;
  config.flags = settings.flags;
  config.stack_size = settings.stack_size;
  if (settings.report) {
    callbacks.report = std::move(settings.report);
    config.report = detail::callbacks::tell_report;
    config.report_user = &callbacks;
  }
  detail::fleet<std::remove_reference_t<F>> fleet{setup, nullptr};
  const copas_status status = copas_loop_many(count, fleet.set_up, &fleet, &config);
  if (fleet.thrown) std::rethrow_exception(fleet.thrown);
  detail::settle(status, nullptr, detail::throwing);
}

} // namespace copas_cpp

#endif
