// SPDX-License-Identifier: MIT
// A lambda on another OS thread, its result and its exception.
#ifndef COPAS_OFFLOAD_HPP
#define COPAS_OFFLOAD_HPP

#include "error.hpp"

#include <exception>
#include <optional>
#include <type_traits>

namespace copas_cpp::detail {

/// What a call gave: nothing yet, a value, or an exception. Of void, the value is `true`.
template <class T> class outcome {
public:
  using value_type = std::conditional_t<std::is_void_v<T>, bool, T>;

  template <class F> void set_from(F &f)
  {
    if constexpr (std::is_void_v<T>) {
      f();
      value_ = true;
    } else {
      value_.emplace(f());
    }
  }
  void set_exception(std::exception_ptr thrown) noexcept { thrown_ = std::move(thrown); }
  const std::exception_ptr &exception() const noexcept { return thrown_; }
  void rethrow() const
  {
    if (thrown_) std::rethrow_exception(thrown_);
  }
  std::optional<value_type> &value() noexcept { return value_; }

private:
  std::optional<value_type> value_;
  std::exception_ptr thrown_;
};

template <class F> class offloaded {
  using T = std::invoke_result_t<F &>;

public:
  explicit offloaded(F &f) noexcept : f_(f) {}
  int run(copas *c) { return copas_offload(c, call, this); }

  T result()
  {
    outcome_.rethrow();
    if constexpr (!std::is_void_v<T>) return std::move(*outcome_.value());
  }

  auto result_unless(const std::error_code &ec)
  {
    if (!ec) outcome_.rethrow();
    if constexpr (std::is_void_v<T>) return !ec;
    else return ec ? std::nullopt : std::move(outcome_.value());
  }

private:
  // On the other OS thread.
  static void call(void *user) noexcept
  {
    offloaded &self = *static_cast<offloaded *>(user);
    try {
      self.outcome_.set_from(self.f_);
    } catch (...) {
      self.outcome_.set_exception(std::current_exception());
    }
  }

  F &f_;
  outcome<T> outcome_;
};

} // namespace copas_cpp::detail

#endif
