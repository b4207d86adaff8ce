// SPDX-License-Identifier: MIT
// Datagrams: a server that echoes them, and a client that asks again when no answer comes in time.
//     cpp_udp_echo server 20000, then: cpp_udp_echo client 127.0.0.1 20000 hello
#include "example.hpp"

using namespace std::chrono_literals;

static const char usage[] =
    "usage: cpp_udp_echo server PORT | cpp_udp_echo client HOST PORT TEXT\n"
    "The server echoes datagrams on 127.0.0.1 (PORT 0: a free one, which it prints). The client sends\n"
    "TEXT, waits half a second for the answer, and tries three times.\n";

static void serve(int port)
{
  copas::dispatcher d;
  example::announce(d.addserver(d.bind_udp("127.0.0.1", port), [](copas::socket_ref skt) {
    std::error_code ec;
    // A client that has gone refuses what is sent to it: no reason to end.
    while (!ec || ec == COPAS_REFUSED) {
      const copas::datagram got = skt.receivefrom(ec);
      if (!ec) skt.sendto(got.data, got.from, ec);
    }
  }));
  example::serve(d);
}

static void ask(std::string_view host, int port, std::string_view text)
{
  copas::dispatcher d;
  const copas::socket skt = d.connect_udp(host, port);
  skt.settimeout(500ms);
  for (int tries = 3;; tries--) {
    try {
      skt.send(text);
      example::print(skt.receivefrom().data);
      example::print("\n");
      return;
    } catch (const copas::timeout_error &) {
      if (tries == 1) throw;
    }
  }
}

int main(int argc, char **argv)
{
  const std::string_view what = argc > 1 ? argv[1] : "";
  const bool serves = argc == 3 && what == "server", asks = argc == 5 && what == "client";
  example::help(argc, argv, serves || asks, usage);
  const int port = example::port(argv[serves ? 2 : 3], serves ? 0 : 1);
  return example::run([&] { serves ? serve(port) : ask(argv[2], port, argv[4]); });
}
