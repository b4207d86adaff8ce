// SPDX-License-Identifier: MIT
// libcopas for C++17: docs/cpp.md tells how it is used, copas.h what each call means.
#ifndef COPAS_HPP
#define COPAS_HPP

#include "copas.h"

#include "copas/address.hpp"
#include "copas/choice.hpp"
#include "copas/dispatcher.hpp"
#include "copas/dispatcher_ref.hpp"
#include "copas/error.hpp"
#include "copas/fleet.hpp"
#include "copas/future.hpp"
#include "copas/group.hpp"
#include "copas/lock.hpp"
#include "copas/mailbox.hpp"
#include "copas/queue.hpp"
#include "copas/scope.hpp"
#include "copas/semaphore.hpp"
#include "copas/server.hpp"
#include "copas/socket.hpp"
#include "copas/thread.hpp"
#include "copas/time.hpp"
#include "copas/timer.hpp"
#include "copas/tls.hpp"

/// The names of the binding: `copas::dispatcher`, `copas::socket` and so on.
///
/// The C header owns the name `copas`, as the type behind a dispatcher's handle, so no namespace can
/// have it. That type has nothing inside, and nobody makes an object of it; here it is completed with
/// names, so that `copas *` and `copas::socket` live in one program and one file.
struct copas {
  copas() = delete;

  // Who runs and who is run.
  using dispatcher = copas_cpp::dispatcher;
  using dispatcher_options = copas_cpp::dispatcher_options;
  using dispatcher_ref = copas_cpp::dispatcher_ref;
  using failure = copas_cpp::failure;
  using thread_options = copas_cpp::thread_options;
  using thread_ref = copas_cpp::thread_ref;
  static dispatcher_ref current() noexcept { return copas_cpp::current(); }
  static thread_ref running() noexcept { return copas_cpp::running(); }
  template <class F> static void loop_many(int count, F &&setup, dispatcher_options settings = {})
  {
    copas_cpp::loop_many(count, std::forward<F>(setup), std::move(settings));
  }

  // Sockets.
  using address = copas_cpp::address;
  using connect_options = copas_cpp::connect_options;
  using datagram = copas_cpp::datagram;
  using server_options = copas_cpp::server_options;
  using socket = copas_cpp::socket;
  using socket_ref = copas_cpp::socket_ref;

#ifdef COPAS_HAS_TLS
  // Encryption.
  using tls_context = copas_cpp::tls_context;
  using tls_identity = copas_cpp::tls_identity;
  using tls_options = copas_cpp::tls_options;
#endif

  // Between coroutines.
  using choice = copas_cpp::choice;
  template <class T> using future = copas_cpp::future<T>;
  using group = copas_cpp::group;
  using lock = copas_cpp::lock;
  using lock_guard = copas_cpp::lock_guard;
  template <class T> using mailbox = copas_cpp::mailbox<T>;
  using permit = copas_cpp::permit;
  template <class T> using queue = copas_cpp::queue<T>;
  using semaphore = copas_cpp::semaphore;

  // Time.
  using alarm = copas_cpp::alarm;
  using deadline = copas_cpp::deadline;
  using hold = copas_cpp::hold;
  using seconds = copas_cpp::seconds;
  using time_limit = copas_cpp::time_limit;
  using timer = copas_cpp::timer;
  using timer_options = copas_cpp::timer_options;
  using timer_ref = copas_cpp::timer_ref;
  static constexpr time_limit forever = copas_cpp::forever;
  static constexpr time_limit own_limit = copas_cpp::own_limit;
  static constexpr time_limit unchanged = copas_cpp::unchanged;

  // Errors.
  using canceled = copas_cpp::canceled;
  using closed_error = copas_cpp::closed_error;
  using destroyed_error = copas_cpp::destroyed_error;
  using error = copas_cpp::error;
  using error_detail = copas_cpp::error_detail;
  using refused_error = copas_cpp::refused_error;
  using stale_error = copas_cpp::stale_error;
  using stopped_error = copas_cpp::stopped_error;
  using timeout_error = copas_cpp::timeout_error;
  using tls_failed_error = copas_cpp::tls_failed_error;
  using too_long_error = copas_cpp::too_long_error;
  using truncated_error = copas_cpp::truncated_error;
  using unresolved_error = copas_cpp::unresolved_error;
  using untrusted_error = copas_cpp::untrusted_error;
  static const std::error_category &category() noexcept { return copas_cpp::category(); }
};

#endif
