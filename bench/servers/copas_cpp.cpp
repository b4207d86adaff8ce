// SPDX-License-Identifier: MIT
// Ours: straight-line coroutines in C++.
#include "server.h"
#include <copas.hpp>
#include <string_view>

static void lines(copas::socket_ref client)
{
  std::error_code ec;
  for (;;) {
    const std::string_view line = client.receive(COPAS_LINE_RAW, ec);
    if (ec) return;
    client.send(line);
  }
}

static void bulk(copas::socket_ref client)
{
  std::error_code ec;
  for (;;) {
    const std::string_view bytes = client.receive_some(ec);
    if (ec) return;
    client.send(bytes);
  }
}

static void serve(const copas::dispatcher &d, server_mode mode)
{
  const copas::socket_ref server =
      d.addserver(d.bind("127.0.0.1", 0), mode == SERVER_LINES ? lines : bulk);
  server_print("port", server.getsockname().port());
  d.loop();
}

static void park_all(const copas::dispatcher &d, long count)
{
  long parked = 0;
  for (long i = 0; i < count; i++)
    d.addthread([&d, &parked] {
      parked++;
      d.pauseforever();
    });
  while (parked < count) d.step(std::chrono::seconds(0));
  server_parked(count);
}

int main(int argc, char **argv)
{
  const server_options options =
      server_parse(argc, argv, SERVER_LINES | SERVER_BULK | SERVER_PARKED);
  const copas::dispatcher d;
  if (options.mode == SERVER_PARKED) park_all(d, options.count);
  else serve(d, options.mode);
}
