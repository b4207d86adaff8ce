// SPDX-License-Identifier: MIT
// The result, or the exception, of a coroutine.
#ifndef COPAS_FUTURE_HPP
#define COPAS_FUTURE_HPP

#include "dispatcher_ref.hpp"

namespace copas_cpp {

/// What a coroutine gives, for as many as want it. Its end cancels the coroutine, if it still works,
/// but does not wait for it: what the coroutine uses must be its own, or live longer.
template <class T> class future {
  using outcome = detail::outcome<T>;
  using value_type = typename outcome::value_type;
  struct state {
    outcome result;
    bool ended = false;
  };

public:
  future() noexcept = default;

  /// dispatcher_ref::addfuture() finds T by itself.
  template <class F>
  future(dispatcher_ref d, F f, std::error_code &ec = detail::throwing)
      : state_(std::make_shared<state>())
  {
    auto work = [kept = state_, f = std::move(f)]() mutable { run(*kept, f); };
    thread_ = d.addthread(std::move(work), {}, ec);
  }
  future(future &&) noexcept = default;
  future &operator=(future &&other) noexcept
  {
    if (this != &other) {
      end();
      state_ = std::move(other.state_);
      thread_ = other.thread_;
    }
    return *this;
  }
  ~future() { end(); }

  /// Waits for the result, which belongs to the future; throws what the coroutine threw.
  decltype(auto) get(time_limit limit = forever) const
  {
    const std::shared_ptr<state> kept = state_;
    detail::settle(wait(*kept, limit), thread_.native(), detail::throwing);
    kept->result.rethrow();
    if (!kept->result.value()) detail::throw_error(COPAS_FAILED, 0, has_no_result);
    if constexpr (!std::is_void_v<T>) return static_cast<T &>(*kept->result.value());
  }

  /// The same without exceptions: NULL when `ec` has an error, which is COPAS_FAILED when the coroutine
  /// threw. Of a future of void, the pointer is to `true`.
  value_type *get(time_limit limit, std::error_code &ec) const
  {
    const std::shared_ptr<state> kept = state_;
    int status = wait(*kept, limit);
    if (status == COPAS_OK && !kept->result.value()) status = COPAS_FAILED;
    detail::settle(status, thread_.native(), ec);
    return status == COPAS_OK ? &*kept->result.value() : nullptr;
  }

  /// What the coroutine threw, if it did.
  std::exception_ptr exception() const noexcept { return state_->result.exception(); }

  /// Cancels the coroutine, unless it has ended; what it gives is the result all the same.
  void cancel(std::error_code &ec = detail::throwing) const
  {
    const copas_status status = copas_removethread(thread_.native());
    detail::settle(status == COPAS_STALE ? COPAS_OK : status, thread_.native(), ec);
  }

  /// A choice of select(): the result is there.
  choice on_result() const noexcept { return thread_.on_end(); }

private:
  static constexpr const char *has_no_result = "the coroutine was canceled before it had a result";

  template <class F> static void run(state &kept, F &f)
  {
    try {
      kept.result.set_from(f);
    } catch (const canceled &) {
    } catch (...) {
      kept.result.set_exception(std::current_exception());
    }
    kept.ended = true;
  }

  // What is there stays there, also when its dispatcher is freed.
  int wait(const state &kept, time_limit limit) const
  {
    return kept.ended ? COPAS_OK : copas_join(thread_.native(), limit.count());
  }

  void end() noexcept
  {
    if (state_) copas_removethread(thread_.native());
  }

  std::shared_ptr<state> state_;
  thread_ref thread_;
};

} // namespace copas_cpp

#endif
