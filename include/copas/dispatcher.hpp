// SPDX-License-Identifier: MIT
// The dispatcher that frees itself, with its callbacks.
#ifndef COPAS_DISPATCHER_HPP
#define COPAS_DISPATCHER_HPP

#include "dispatcher_ref.hpp"

#include <cerrno>
#include <cstring>
#include <cxxabi.h>
#include <functional>
#include <map>

namespace copas_cpp {

/// A coroutine that failed: the handler's `client`, or none.
struct failure {
  thread_ref thread;
  socket_ref client;
  int status;
  std::string_view text;
};

/// Settings of a dispatcher.
struct dispatcher_options {
  /// 0, or COPAS_QUIET.
  std::uint64_t flags = 0;
  /// Bytes of a coroutine's stack; 0: 256 KiB.
  std::size_t stack_size = 0;
  /// Where reports go; empty: one line each on stderr. It must not wait.
  std::function<void(copas_level, std::string_view)> report = {};
  /// Bytes of memory of all buffers; 0: a quarter of the machine's.
  std::size_t memory_budget = 0;
};

namespace detail {

using signal_handler = std::function<void(int)>;

/// The callbacks of a dispatcher, at an address that stays.
struct callbacks {
  std::function<void(copas_level, std::string_view)> report;
  std::function<void(const failure &)> error_handler;
  std::map<int, std::shared_ptr<signal_handler>> signals;

  static void tell_report(copas_level level, const char *text, void *user) noexcept
  {
    // A report is the last resort: nobody is left to hear of an exception in it.
    try {
      static_cast<callbacks *>(user)->report(level, text);
    } catch (...) {
      return;
    }
  }

  static void tell_error(copas_thread *thread, copas_socket *client, int status, const char *text,
                         void *user) noexcept
  {
    guarded([=] {
      // A copy: it may be replaced while it waits.
      const auto handler = static_cast<callbacks *>(user)->error_handler;
      handler({thread_ref(thread), socket_ref(client), status, text});
    });
  }

  static void tell_signal(copas *c, int number, void *user) noexcept
  {
    guarded_on_root(c, [=] {
      const auto &handlers = static_cast<callbacks *>(user)->signals;
      const auto found = handlers.find(number);
      if (found == handlers.end()) return;
      // Kept while it runs: it may take itself away.
      const std::shared_ptr<signal_handler> handler = found->second;
      (*handler)(number);
    });
  }
};

/// Gives the exception state of a C++ runtime that is linked statically, where the library cannot find
/// it by name.
inline void give_exception_state() noexcept
{
#ifdef __GLIBCXX__
  static const bool given =
      (copas_set_cxa_globals(reinterpret_cast<copas_cxa_globals_fn>(abi::__cxa_get_globals)), true);
  static_cast<void>(given);
#endif
}

} // namespace detail

/// A dispatcher, freed when this ends.
class dispatcher : public dispatcher_ref {
public:
  explicit dispatcher(dispatcher_options settings = {}, std::error_code &ec = detail::throwing)
      : callbacks_(std::make_unique<detail::callbacks>())
  {
    detail::give_exception_state();
    copas_config config{};
    config.size = sizeof config;
    config.flags = settings.flags;
    config.stack_size = settings.stack_size;
    config.memory_budget = settings.memory_budget;
    if (settings.report) {
      callbacks_->report = std::move(settings.report);
      config.report = detail::callbacks::tell_report;
      config.report_user = callbacks_.get();
    }
    raw_ = copas_new(&config);
    if (raw_ == nullptr) tell_errno(errno, ec);
    else if (&ec != &detail::throwing) ec.clear();
  }

  dispatcher(dispatcher &&other) noexcept
      : dispatcher_ref(std::exchange(other.raw_, nullptr)), callbacks_(std::move(other.callbacks_))
  {
  }
  dispatcher &operator=(dispatcher &&other) noexcept
  {
    if (this != &other) {
      end();
      raw_ = std::exchange(other.raw_, nullptr);
      callbacks_ = std::move(other.callbacks_);
    }
    return *this;
  }
  ~dispatcher() { end(); }

  /// Frees it now; tells COPAS_ABANDONED when coroutines ignored their cancellation.
  void free(std::error_code &ec = detail::throwing)
  {
    detail::settle(free_now(), nullptr, ec);
  }

  /// Who is told of failed coroutines instead of the report: `handler(const copas::failure &)`.
  void seterrorhandler(std::function<void(const failure &)> handler,
                       std::error_code &ec = detail::throwing)
  {
    const bool given = static_cast<bool>(handler);
    callbacks_->error_handler = std::move(handler);
    detail::settle(copas_seterrorhandler(raw_, given ? detail::callbacks::tell_error : nullptr,
                                         callbacks_.get(), 1),
                   raw_, ec);
  }

  /// Has `handler(number)` called on the root stack after the process got the signal; empty: the signal
  /// is handled as before.
  void on_signal(int number, detail::signal_handler handler, std::error_code &ec = detail::throwing)
  {
    const bool given = static_cast<bool>(handler);
    auto kept = std::make_shared<detail::signal_handler>(std::move(handler));
    const copas_status status = copas_on_signal(
        raw_, number, given ? detail::callbacks::tell_signal : nullptr, callbacks_.get());
    if (status == COPAS_OK && given) callbacks_->signals[number] = std::move(kept);
    else if (status == COPAS_OK) callbacks_->signals.erase(number);
    detail::settle(status, raw_, ec);
  }

private:
  static void tell_errno(int number, std::error_code &ec)
  {
    const int status = number == EINVAL   ? COPAS_INVALID
                       : number == ENOMEM ? COPAS_NO_MEMORY
                                          : COPAS_LIMIT;
    if (&ec == &detail::throwing)
      detail::throw_error(status, number,
                          std::string("cannot make a dispatcher: ") + std::strerror(number));
    ec.assign(status, category());
  }

  int free_now() noexcept
  {
    if (raw_ == nullptr) return COPAS_OK;
    const copas_status status = copas_free(raw_);
    if (status == COPAS_CANNOT_WAIT || status == COPAS_WRONG_THREAD) return status;
    raw_ = nullptr;
    callbacks_.reset();
    return status;
  }

  // What cannot be freed here (inside its own loop, on another OS thread) lives on with its callbacks.
  void end() noexcept
  {
    free_now();
    if (raw_ != nullptr) static_cast<void>(callbacks_.release());
  }

  std::unique_ptr<detail::callbacks> callbacks_;
};

} // namespace copas_cpp

#endif
