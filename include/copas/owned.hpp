// SPDX-License-Identifier: MIT
// What locks, semaphores, queues and timers have in common: a handle that is destroyed with its owner.
#ifndef COPAS_OWNED_HPP
#define COPAS_OWNED_HPP

#include "dispatcher_ref.hpp"

namespace copas_cpp::detail {

template <class Raw, copas_status (*Destroy)(Raw *)> class owned {
public:
  constexpr owned() noexcept = default;
  owned(owned &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  owned &operator=(owned &&other) noexcept
  {
    if (this != &other) {
      end();
      raw_ = std::exchange(other.raw_, nullptr);
    }
    return *this;
  }
  ~owned() { end(); }

  Raw *native() const noexcept { return raw_; }
  explicit operator bool() const noexcept { return raw_ != nullptr; }

protected:
  Raw *raw_ = nullptr;

private:
  // It may have gone before, with its dispatcher.
  void end() noexcept
  {
    if (raw_ != nullptr) Destroy(raw_);
  }
};

} // namespace copas_cpp::detail

#endif
