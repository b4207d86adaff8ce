// SPDX-License-Identifier: MIT
// Queues of typed items between coroutines, with workers.
#ifndef COPAS_QUEUE_HPP
#define COPAS_QUEUE_HPP

#include "item.hpp"
#include "owned.hpp"

#include <optional>
#include <vector>

namespace copas_cpp {

/// A queue. Items that fit into a pointer, and what a unique_ptr owns, cost no allocation.
template <class T> class queue : public detail::owned<copas_queue, copas_queue_destroy> {
  using item = detail::item<T>;

public:
  queue() noexcept = default;
  /// Of at most `most` items (0: no limit).
  explicit queue(dispatcher_ref d, std::size_t most = 0, time_limit limit = own_limit,
                 std::error_code &ec = detail::throwing)
      : dispatcher_(d), limit_(limit)
  {
    detail::settle(copas_queue_new(d.native(), most, limit.count(), item::drop, &raw_), d.native(), ec);
  }

  /// Appends an item, waiting while the queue is full. On an error `value` is as it was.
  void push(T &&value, time_limit limit = own_limit, std::error_code &ec = detail::throwing) const
  {
    void *const raw = item::put(std::move(value));
    const copas_status status = copas_queue_push(raw_, raw, limit.count());
    if (status != COPAS_OK) value = item::take(raw);
    detail::settle(status, raw_, ec);
  }

  void push(const T &value, time_limit limit = own_limit,
            std::error_code &ec = detail::throwing) const
  {
    push(T(value), limit, ec);
  }

  /// Takes the oldest item, waiting until there is one.
  T pop(time_limit limit = own_limit) const
  {
    void *raw = nullptr;
    detail::settle(copas_queue_pop(raw_, limit.count(), &raw), raw_, detail::throwing);
    return item::take(raw);
  }

  /// The same without exceptions: nothing when `ec` has an error.
  std::optional<T> pop(time_limit limit, std::error_code &ec) const
  {
    void *raw = nullptr;
    const copas_status status = copas_queue_pop(raw_, limit.count(), &raw);
    detail::settle(status, raw_, ec);
    if (status != COPAS_OK) return std::nullopt;
    return item::take(raw);
  }

  int size(std::error_code &ec = detail::throwing) const
  {
    const int count = copas_queue_size(raw_);
    detail::settle(count, raw_, ec);
    return count < 0 ? 0 : count;
  }

  /// Starts a coroutine that calls `f(T)` for one item after the other until the queue is stopped and
  /// empty. What `f` throws is a failure of that coroutine and ends it.
  template <class F>
  thread_ref addworker(F f, const thread_options &settings = {},
                       std::error_code &ec = detail::throwing)
  {
    workers_.reserve(workers_.size() + 1);
    auto work = [f = std::move(f), raw = raw_]() mutable {
      void *next = nullptr;
      while (copas_queue_pop(raw, COPAS_FOREVER, &next) == COPAS_OK) f(item::take(next));
    };
    const thread_ref worker = dispatcher_.addthread(std::move(work), settings, ec);
    if (worker) workers_.push_back(worker);
    return worker;
  }

  /// Takes no further items.
  void stop(std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_queue_stop(raw_), raw_, ec);
  }

  /// Stops it and waits until it is empty and its workers have ended.
  void finish(time_limit limit = own_limit, std::error_code &ec = detail::throwing) const
  {
    const seconds start = dispatcher_.now();
    copas_status status = copas_queue_finish(raw_, limit.count());
    for (std::size_t i = 0; i < workers_.size() && status == COPAS_OK; i++)
      status = copas_join(workers_[i].native(), rest_of(limit, start));
    detail::settle(status, raw_, ec);
  }

  /// Choices of select(): the queue gives an item into `out`; it takes `value`, which is as it was
  /// unless it was chosen.
  choice on_pop(std::optional<T> &out) const noexcept
  {
    choice made = detail::plain_choice(COPAS_CHOICE_POP, raw_);
    made.conclude = [](const copas_choice &raw, bool chosen, void *place) {
      if (chosen && raw.status == COPAS_OK) *static_cast<std::optional<T> *>(place) = item::take(raw.item);
    };
    made.place = &out;
    return made;
  }

  choice on_push(T &value) const
  {
    choice made = detail::plain_choice(COPAS_CHOICE_PUSH, raw_);
    made.raw.item = item::put(std::move(value));
    made.conclude = [](const copas_choice &raw, bool chosen, void *place) {
      if (!chosen || raw.status != COPAS_OK) *static_cast<T *>(place) = item::take(raw.item);
    };
    made.place = &value;
    return made;
  }

private:
  double rest_of(time_limit limit, seconds start) const
  {
    const double ten = 10; // What own_limit is unless the queue was made with another one.
    const bool is_own = limit.count() != limit.count();
    const bool is_default = limit_.count() != limit_.count();
    const double whole = !is_own ? limit.count() : is_default ? ten : limit_.count();
    if (whole < 0) return COPAS_FOREVER;
    const double rest = whole - (dispatcher_.now() - start).count();
    return rest > 0 ? rest : 0;
  }

  dispatcher_ref dispatcher_;
  time_limit limit_ = own_limit;
  std::vector<thread_ref> workers_;
};

} // namespace copas_cpp

#endif
