// SPDX-License-Identifier: MIT
// Coroutines that end before the scope does that started them.
#ifndef COPAS_GROUP_HPP
#define COPAS_GROUP_HPP

#include "dispatcher_ref.hpp"

namespace copas_cpp {

/// Coroutines that belong together. Its end cancels those that run and waits for them, so that they may
/// use what the scope around the group owns.
class group {
public:
  group() noexcept = default;
  /// `flags`: COPAS_CANCEL_ON_FAILURE.
  explicit group(dispatcher_ref d, std::uint64_t flags = 0, std::error_code &ec = detail::throwing)
      : state_(std::make_shared<state>())
  {
    detail::settle(copas_group_new(d.native(), flags, &raw_), d.native(), ec);
  }
  group(group &&other) noexcept
      : raw_(std::exchange(other.raw_, nullptr)), state_(std::move(other.state_))
  {
  }
  group &operator=(group &&other) noexcept
  {
    if (this != &other) {
      end();
      raw_ = std::exchange(other.raw_, nullptr);
      state_ = std::move(other.state_);
    }
    return *this;
  }
  ~group() { end(); }

  copas_group *native() const noexcept { return raw_; }

  /// Starts a coroutine in the group.
  template <class F> thread_ref addthread(F f, std::error_code &ec = detail::throwing)
  {
    using body = member<F>;
    copas_thread *thread = nullptr;
    copas_thread_options options{};
    options.size = sizeof options;
    options.user = new body{state_, std::move(f)};
    options.user_free = detail::drop<body>;
    detail::settle(copas_group_addthread_with(raw_, body::start, &options, &thread), raw_, ec);
    return thread_ref(thread);
  }

  /// Waits until all have ended; then throws what the first that failed has thrown.
  void join(time_limit limit = forever, std::error_code &ec = detail::throwing) const
  {
    conclude(copas_group_wait(raw_, limit.count()), ec);
  }

  /// Cancels all.
  void cancel(std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_group_cancel(raw_), raw_, ec);
  }

  /// Cancels all and waits until they have ended, also when the caller is canceled; then as join().
  void close(std::error_code &ec = detail::throwing)
  {
    conclude(copas_group_close(raw_), ec);
  }

  /// What the first that failed has thrown.
  std::exception_ptr exception() const noexcept { return state_->first; }

private:
  struct state {
    std::exception_ptr first;

    /// The exception that is being handled is a failure of the group. Its status is always the same,
    /// which tells it from those of the wait itself.
    void note() noexcept
    {
      if (!first) first = std::current_exception();
      try {
        throw;
      } catch (const std::exception &failure) {
        copas_fail(COPAS_FAILED, failure.what());
      } catch (...) {
        copas_fail(COPAS_FAILED, "an exception that is no std::exception");
      }
    }
  };

  /// A coroutine's function.
  template <class F> struct member {
    std::shared_ptr<state> failures;
    F f;

    static void start(void *user) noexcept
    {
      // What it owns ends on the coroutine's stack, where it may wait.
      member own(std::move(*static_cast<member *>(user)));
      try {
        own.f();
      } catch (const canceled &) {
      } catch (...) {
        own.failures->note();
      }
    }
  };

  void conclude(int status, std::error_code &ec) const
  {
    if (status == COPAS_FAILED && state_->first && &ec == &detail::throwing)
      std::rethrow_exception(state_->first);
    detail::settle(status, raw_, ec);
  }

  // On a stack that may not wait for them (a callback's, a member's) they are only canceled.
  void end() noexcept
  {
    if (raw_ == nullptr) return;
    const int status = copas_group_close(raw_);
    if (status == COPAS_CANNOT_WAIT || status == COPAS_INVALID) copas_group_cancel(raw_);
  }

  copas_group *raw_ = nullptr;
  std::shared_ptr<state> state_;
};

} // namespace copas_cpp

#endif
