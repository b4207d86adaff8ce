// SPDX-License-Identifier: MIT
// What dispatcher_ref::select() chooses from.
#ifndef COPAS_CHOICE_HPP
#define COPAS_CHOICE_HPP

#include "../copas.h"

namespace copas_cpp {

/// One of the things that select() waits for; skt.on_receive() and the like make it.
struct choice {
  copas_choice raw;
  /// Gives what was chosen, or takes back what was offered, through `place`. May be NULL.
  void (*conclude)(const copas_choice &raw, bool chosen, void *place);
  void *place;
};

namespace detail {

inline choice plain_choice(unsigned kind, void *handle) noexcept
{
  choice made{};
  made.raw.kind = kind;
  made.raw.handle = handle;
  return made;
}

} // namespace detail
} // namespace copas_cpp

#endif
