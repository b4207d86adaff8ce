// SPDX-License-Identifier: MIT
// Sends lines to a server and prints what comes back. The program's own stack waits: a small client
// needs no coroutine.
//     cpp_line_client 127.0.0.1 20000 "hello there" again
#include "example.hpp"

using namespace std::chrono_literals;

static const char usage[] =
    "usage: cpp_line_client HOST PORT LINE...\n"
    "Sends each LINE and prints the line that is the answer, which may take five seconds. Exits with\n"
    "3 when nobody listens there, with 4 when no answer comes.\n";

static void ask(std::string_view host, int port, int count, char **lines)
{
  copas::dispatcher d;
  const copas::socket server = d.connect(host, port, 5s);
  server.settimeout(5s);
  for (int i = 0; i < count; i++) {
    server.send(lines[i]);
    server.send("\n");
    example::print(server.receive(COPAS_LINE));
    example::print("\n");
  }
}

int main(int argc, char **argv)
{
  example::help(argc, argv, argc >= 4, usage);
  const int port = example::port(argv[2], 1);
  try {
    ask(argv[1], port, argc - 3, argv + 3);
    return 0;
  } catch (const copas::refused_error &failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 3;
  } catch (const copas::timeout_error &) {
    std::fprintf(stderr, "%s did not answer\n", argv[1]);
    return 4;
  } catch (const std::exception &failure) {
    std::fprintf(stderr, "%s\n", failure.what());
    return 1;
  }
}
