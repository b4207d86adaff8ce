// SPDX-License-Identifier: MIT
// Sends every line back.
//     cpp_echo_server 20000, then: printf 'hello\n' | nc 127.0.0.1 20000
#include "example.hpp"

static const char usage[] = "usage: cpp_echo_server PORT\n"
                            "Echoes lines on 127.0.0.1 (PORT 0: a free one, which it prints).\n";

int main(int argc, char **argv)
{
  example::help(argc, argv, argc == 2, usage);
  const int port = example::port(argv[1], 0);
  return example::run([port] {
    copas::dispatcher d;
    example::announce(d.addserver(d.bind("127.0.0.1", port), [](copas::socket_ref client) {
      for (const std::string_view line : client.lines()) {
        client.send(line);
        client.send("\n");
      }
    }));
    example::serve(d);
  });
}
