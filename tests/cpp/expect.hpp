// SPDX-License-Identifier: MIT
// What the C++ tests share besides check.h: expected exceptions, connected pairs, quiet dispatchers.
#ifndef EXPECT_HPP
#define EXPECT_HPP

#include "network.h"

#include <copas.hpp>
#include <string>
#include <utility>
#include <vector>

using namespace std::chrono_literals;

// Patience of waits that are to succeed.
inline constexpr std::chrono::seconds patience = 60s;

/// A statement that must throw.
#define CHECK_THROWS(type, ...)                                                                    \
  do {                                                                                             \
    bool check_thrown = false;                                                                     \
    try {                                                                                          \
      __VA_ARGS__;                                                                                 \
    } catch (const type &) {                                                                       \
      check_thrown = true;                                                                         \
    }                                                                                              \
    if (!check_thrown) CHECK_FAIL("%s did not throw a %s", #__VA_ARGS__, #type);                   \
  } while (0)

#define CHECK_TEXT(expression, wanted)                                                             \
  do {                                                                                             \
    const std::string check_text(expression);                                                      \
    if (check_text != (wanted)) CHECK_FAIL("%s is \"%s\"", #expression, check_text.c_str());       \
  } while (0)

/// Two connected sockets of one dispatcher.
inline std::pair<copas::socket, copas::socket> socket_pair(copas::dispatcher_ref d)
{
  int fds[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  copas::socket first = d.wrap(fds[0]);
  return {std::move(first), d.wrap(fds[1])};
}

/// Keeps what is reported.
struct reports {
  std::vector<std::string> texts;

  copas::dispatcher_options options()
  {
    copas::dispatcher_options made;
    made.report = [this](copas_level, std::string_view text) { texts.emplace_back(text); };
    return made;
  }

  bool tell(std::string_view part) const
  {
    for (const std::string &text : texts)
      if (text.find(part) != std::string::npos) return true;
    return false;
  }
};

#endif
