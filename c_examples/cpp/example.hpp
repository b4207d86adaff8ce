// SPDX-License-Identifier: MIT
// What the C++ examples share: help, numbers of the command line, a clean end.
#ifndef EXAMPLE_HPP
#define EXAMPLE_HPP

#include <charconv>
#include <copas.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

namespace example {

using namespace std::chrono_literals;

/// Prints `usage` and ends the program when it is asked for or when arguments are missing.
inline void help(int argc, char **argv, bool enough, const char *usage)
{
  const bool asked = argc > 1 && std::string_view(argv[1]) == "--help";
  if (!asked && enough) return;
  std::fputs(usage, asked ? stdout : stderr);
  std::exit(asked ? 0 : 2);
}

/// A number of an argument; ends the program when it is none.
inline int number(std::string_view text, int least, int most)
{
  int value = 0;
  const char *const end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, value);
  if (failure == std::errc() && stop == end && value >= least && value <= most) return value;
  std::fprintf(stderr, "%.*s is not a number from %d to %d\n", static_cast<int>(text.size()),
               text.data(), least, most);
  std::exit(2);
}

inline int port(std::string_view text, int least)
{
  return number(text, least, 65535);
}

inline void print(std::string_view text)
{
  std::fwrite(text.data(), 1, text.size(), stdout);
}

/// Tells where a server listens.
inline void announce(copas::socket_ref server)
{
  std::printf("listening %d\n", server.getsockname().port());
  std::fflush(stdout);
}

/// Runs the loop until SIGINT or SIGTERM; open connections then have two seconds.
inline void serve(copas::dispatcher &d)
{
  for (const int signal : {SIGINT, SIGTERM}) d.on_signal(signal, [&d](int) { d.shutdown(2s); });
  d.loop();
}

/// The exit code of a program that runs `body`: 1, with the reason on stderr, when it throws.
template <class Body> int run(Body body)
{
  try {
    body();
    return 0;
  } catch (const std::exception &failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
}

} // namespace example

#endif
