// SPDX-License-Identifier: MIT
// Coroutines that end before the scope does that started them.
#ifndef COPAS_GROUP_HPP
#define COPAS_GROUP_HPP

#include "dispatcher_ref.hpp"

#include <list>

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
    copas_thread *thread = nullptr;
    auto body = std::make_unique<member_of<F>>(state_, std::move(f));
    member *const raw = body.get();
    raw->place_ = state_->waiting.insert(state_->waiting.end(), std::move(body));
    const copas_status status = copas_group_addthread(raw_, member::start, raw, &thread);
    if (status != COPAS_OK) state_->waiting.erase(raw->place_);
    detail::settle(status, raw_, ec);
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
    const int status = copas_group_close(raw_);
    if (status != COPAS_CANNOT_WAIT && status != COPAS_INVALID && status != COPAS_WRONG_THREAD)
      state_->waiting.clear();
    conclude(status, ec);
  }

  /// What the first that failed has thrown.
  std::exception_ptr exception() const noexcept { return state_->first; }

private:
  struct state;

  /// A coroutine's function, in the group's list until it runs: C has no finalizer for one that never
  /// does.
  class member {
  public:
    explicit member(std::shared_ptr<state> group) noexcept : group_(std::move(group)) {}
    member(const member &) = delete;
    member &operator=(const member &) = delete;
    virtual ~member() = default;
    virtual void call() = 0;

    static void start(void *user) noexcept
    {
      const std::shared_ptr<state> group = static_cast<member *>(user)->group_;
      const auto place = static_cast<member *>(user)->place_;
      const std::unique_ptr<member> own = std::move(*place);
      group->waiting.erase(place);
      try {
        own->call();
      } catch (const canceled &) {
      } catch (...) {
        group->note();
      }
    }

    std::list<std::unique_ptr<member>>::iterator place_;

  private:
    std::shared_ptr<state> group_;
  };

  template <class F> class member_of final : public member {
  public:
    member_of(std::shared_ptr<state> group, F &&f) : member(std::move(group)), f_(std::move(f)) {}
    void call() override { f_(); }

  private:
    F f_;
  };

  struct state {
    std::list<std::unique_ptr<member>> waiting;
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

  void conclude(int status, std::error_code &ec) const
  {
    if (status == COPAS_FAILED && state_->first && &ec == &detail::throwing)
      std::rethrow_exception(state_->first);
    detail::settle(status, raw_, ec);
  }

  // On a stack that may not wait for them (a callback's, a member's) they are only canceled. Those that
  // have not run never will; on another OS thread they still may.
  void end() noexcept
  {
    if (raw_ == nullptr) return;
    const int status = copas_group_close(raw_);
    if (status == COPAS_CANNOT_WAIT || status == COPAS_INVALID) copas_group_cancel(raw_);
    if (status != COPAS_WRONG_THREAD) state_->waiting.clear();
  }

  copas_group *raw_ = nullptr;
  std::shared_ptr<state> state_;
};

} // namespace copas_cpp

#endif
