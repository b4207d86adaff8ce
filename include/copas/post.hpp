// SPDX-License-Identifier: MIT
// Lambdas posted from any OS thread.
#ifndef COPAS_POST_HPP
#define COPAS_POST_HPP

#include "callable.hpp"

namespace copas_cpp::detail {

template <class F> class posted {
public:
  /// Posts it; it is dropped when it has run, or will not.
  static int send(copas *c, F &&f)
  {
    return copas_post_with(c, run, new F(std::move(f)), drop<F>);
  }

private:
  static void run(copas *c, void *user)
  {
    guarded_on_root(c, [user] { (*static_cast<F *>(user))(); });
  }
};

} // namespace copas_cpp::detail

#endif
