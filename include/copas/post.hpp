// SPDX-License-Identifier: MIT
// Lambdas posted from any OS thread. C has no finalizer for a post that never runs because its
// dispatcher was freed; this list of those on their way lets the dispatcher's owner drop them.
#ifndef COPAS_POST_HPP
#define COPAS_POST_HPP

#include "callable.hpp"

#include <list>
#include <mutex>

namespace copas_cpp::detail {

class posted {
public:
  explicit posted(copas *c) noexcept : c_(c) {}
  posted(const posted &) = delete;
  posted &operator=(const posted &) = delete;
  virtual ~posted() = default;
  virtual void call() = 0;

  /// Posts it. The lock is held meanwhile, so that drop_all() sees it either not at all or posted.
  static int send(std::unique_ptr<posted> owned)
  {
    copas *const c = owned->c_;
    posted *const item = owned.get();
    const std::lock_guard<std::mutex> hold(mutex_);
    item->place_ = pending_.insert(pending_.end(), std::move(owned));
    const copas_status status = copas_post(c, run, item);
    if (status != COPAS_OK) pending_.erase(item->place_);
    return status;
  }

  /// Drops those of a dispatcher that has been freed.
  static void drop_all(copas *c) noexcept
  {
    std::list<std::unique_ptr<posted>> dropped;
    const std::lock_guard<std::mutex> hold(mutex_);
    for (auto at = pending_.begin(); at != pending_.end();) {
      const auto here = at++;
      if ((*here)->c_ == c) dropped.splice(dropped.end(), pending_, here);
    }
  }

private:
  static void run(copas *c, void *user)
  {
    const std::unique_ptr<posted> item = take(static_cast<posted *>(user));
    guarded_on_root(c, [&item] { item->call(); });
  }

  static std::unique_ptr<posted> take(posted *item)
  {
    const std::lock_guard<std::mutex> hold(mutex_);
    std::unique_ptr<posted> owned = std::move(*item->place_);
    pending_.erase(item->place_);
    return owned;
  }

  static inline std::mutex mutex_;
  static inline std::list<std::unique_ptr<posted>> pending_;

  copas *c_;
  std::list<std::unique_ptr<posted>>::iterator place_;
};

template <class F> class posted_call final : public posted {
public:
  posted_call(copas *c, F &&f) : posted(c), f_(std::move(f)) {}
  void call() override { f_(); }

private:
  F f_;
};

} // namespace copas_cpp::detail

#endif
