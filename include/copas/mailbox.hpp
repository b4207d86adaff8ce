// SPDX-License-Identifier: MIT
// Mailboxes of typed items between dispatchers.
#ifndef COPAS_MAILBOX_HPP
#define COPAS_MAILBOX_HPP

#include "choice.hpp"
#include "item.hpp"
#include "owned.hpp"

#include <optional>

namespace copas_cpp {

/// A bounded mailbox, for coroutines of any dispatcher and, with a limit of 0, for any OS thread. Items
/// that fit into a pointer, and what a unique_ptr owns, cost no allocation. Whoever owns it destroys it
/// when nobody uses it any more; who still waits then gets a destroyed_error.
template <class T> class mailbox : public detail::owned<copas_mailbox, copas_mailbox_destroy> {
  using item = detail::item<T>;

public:
  mailbox() noexcept = default;
  /// Of at most `most` items.
  explicit mailbox(std::size_t most, std::error_code &ec = detail::throwing)
  {
    detail::settle(copas_mailbox_new(most, item::drop, &raw_), nullptr, ec);
  }

  /// Puts an item, waiting while the mailbox is full. On an error `value` is as it was.
  void put(T &&value, time_limit limit = forever, std::error_code &ec = detail::throwing) const
  {
    void *const raw = item::put(std::move(value));
    const copas_status status = copas_mailbox_put(raw_, raw, limit.count());
    if (status != COPAS_OK) value = item::take(raw);
    detail::settle(status, copas_current(), ec);
  }

  void put(const T &value, time_limit limit = forever, std::error_code &ec = detail::throwing) const
  {
    put(T(value), limit, ec);
  }

  /// Takes the oldest item, waiting until there is one.
  T take(time_limit limit = forever) const
  {
    void *raw = nullptr;
    detail::settle(copas_mailbox_take(raw_, limit.count(), &raw), copas_current(), detail::throwing);
    return item::take(raw);
  }

  /// The same without exceptions: nothing when `ec` has an error.
  std::optional<T> take(time_limit limit, std::error_code &ec) const
  {
    void *raw = nullptr;
    const copas_status status = copas_mailbox_take(raw_, limit.count(), &raw);
    detail::settle(status, copas_current(), ec);
    if (status != COPAS_OK) return std::nullopt;
    return item::take(raw);
  }

  int size(std::error_code &ec = detail::throwing) const
  {
    const int count = copas_mailbox_size(raw_);
    detail::settle(count, nullptr, ec);
    return count < 0 ? 0 : count;
  }

  /// Takes no further items.
  void stop(std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_mailbox_stop(raw_), nullptr, ec);
  }

  /// Choices of select(): the mailbox gives an item into `out`; it takes `value`, which is as it was
  /// unless it was chosen.
  choice on_take(std::optional<T> &out) const noexcept
  {
    choice made = detail::plain_choice(COPAS_CHOICE_MAILBOX_TAKE, raw_);
    made.conclude = [](const copas_choice &raw, bool chosen, void *place) {
      if (chosen && raw.status == COPAS_OK) *static_cast<std::optional<T> *>(place) = item::take(raw.item);
    };
    made.place = &out;
    return made;
  }

  choice on_put(T &value) const
  {
    choice made = detail::plain_choice(COPAS_CHOICE_MAILBOX_PUT, raw_);
    made.raw.item = item::put(std::move(value));
    made.conclude = [](const copas_choice &raw, bool chosen, void *place) {
      if (!chosen || raw.status != COPAS_OK) *static_cast<T *>(place) = item::take(raw.item);
    };
    made.place = &value;
    return made;
  }
};

} // namespace copas_cpp

#endif
