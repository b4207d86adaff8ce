// SPDX-License-Identifier: MIT
// From lambdas to C: where they are kept, and trampolines that no exception leaves.
#ifndef COPAS_CALLABLE_HPP
#define COPAS_CALLABLE_HPP

#include "error.hpp"

#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

namespace copas_cpp::detail {

/// Marks the running coroutine as failed with the exception that is being handled.
inline void fail_with_current_exception() noexcept
{
  try {
    throw;
  } catch (const error &failure) {
    copas_fail(failure.status() < 0 ? failure.status() : COPAS_FAILED, failure.what());
  } catch (const std::exception &failure) {
    copas_fail(COPAS_FAILED, failure.what());
  } catch (...) {
    copas_fail(COPAS_FAILED, "an exception that is no std::exception");
  }
}

/// Calls something in a coroutine: being canceled ends it quietly, any other exception as a failure.
template <class Call> void guarded(Call &&call) noexcept
{
  try {
    call();
  } catch (const canceled &) {
  } catch (...) {
    fail_with_current_exception();
  }
}

/// Calls a handler: the end of a connection, an exception that it lets pass, is no failure of the handler.
template <class Call> void guarded_handler(Call &&call) noexcept
{
  guarded([&call] {
    try {
      call();
    } catch (const closed_error &) {
    } catch (const truncated_error &) {
    }
  });
}

/// A callable that runs once. It is kept in the user pointer itself where it fits, else on the heap,
/// and moved to the coroutine's stack to run: what it owns ends there, where it may wait.
template <class F> class once {
public:
  static constexpr bool fits = sizeof(F) <= sizeof(void *) && alignof(F) <= alignof(void *) &&
                               std::is_trivially_copyable_v<F>;

  static void *put(F &&f)
  {
    if constexpr (fits) {
      void *user = nullptr;
      // An empty one has no bytes to copy but an indeterminate one.
      if constexpr (!std::is_empty_v<F>) std::memcpy(&user, &f, sizeof(F));
      else static_cast<void>(f);
      return user;
    } else {
      return new F(std::move(f));
    }
  }

  /// A copas_thread_fn.
  static void run(void *user)
  {
    guarded([user] {
      if constexpr (fits) {
        alignas(F) unsigned char memory[sizeof(void *)];
        std::memcpy(memory, &user, sizeof memory);
        (*std::launder(reinterpret_cast<F *>(memory)))();
      } else {
        F f(std::move(*static_cast<F *>(user)));
        f();
      }
    });
  }

  /// A copas_free_fn.
  static void drop(void *user)
  {
    if constexpr (!fits) delete static_cast<F *>(user);
    else static_cast<void>(user);
  }
};

/// A copas_free_fn for what came from `new T`.
template <class T> void drop(void *user)
{
  delete static_cast<T *>(user);
}

/// The exception of a callback on the root stack, which has nobody to catch it, becomes the failure
/// of a coroutine of its own, so that it goes where all failures go.
inline void fail_elsewhere(copas *c) noexcept
{
  auto rethrow = [thrown = std::current_exception()] { std::rethrow_exception(thrown); };
  using body = once<decltype(rethrow)>;
  copas_thread_options options{};
  options.size = sizeof options;
  options.name = "callback";
  options.user_free = body::drop;
  try {
    options.user = body::put(std::move(rethrow));
  } catch (...) {
    return;
  }
  copas_addthread_with(c, body::run, &options, nullptr);
}

/// Calls something on the root stack.
template <class Call> void guarded_on_root(copas *c, Call &&call) noexcept
{
  try {
    call();
  } catch (const canceled &) {
  } catch (...) {
    fail_elsewhere(c);
  }
}

} // namespace copas_cpp::detail

#endif
