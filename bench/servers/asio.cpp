// SPDX-License-Identifier: MIT
// A peer: Boost.Asio with C++20 coroutines.
#include "server.h"
// Before Boost.Asio 1.74, which forgets it.
#include <utility>
#include <boost/asio.hpp>
#include <chrono>
#include <string>
#include <vector>

namespace asio = boost::asio;
using asio::awaitable;
using asio::use_awaitable;
using asio::ip::tcp;

static awaitable<void> lines(tcp::socket client)
{
  std::string data;
  for (;;) {
    co_await asio::async_read_until(client, asio::dynamic_buffer(data), '\n', use_awaitable);
    std::size_t whole = data.rfind('\n') + 1;
    co_await asio::async_write(client, asio::buffer(data, whole), use_awaitable);
    data.erase(0, whole);
  }
}

static awaitable<void> bulk(tcp::socket client)
{
  std::vector<char> data(65536);
  for (;;) {
    std::size_t n = co_await client.async_read_some(asio::buffer(data), use_awaitable);
    co_await asio::async_write(client, asio::buffer(data, n), use_awaitable);
  }
}

static awaitable<void> accept_all(tcp::acceptor acceptor, server_mode mode)
{
  for (;;) {
    tcp::socket client = co_await acceptor.async_accept(use_awaitable);
    client.set_option(tcp::no_delay(true));
    auto executor = client.get_executor();
    asio::co_spawn(executor, mode == SERVER_LINES ? lines(std::move(client)) : bulk(std::move(client)),
                   asio::detached);
  }
}

static awaitable<void> park(asio::io_context &context, long &parked)
{
  asio::steady_timer timer(context, std::chrono::hours(24));
  parked++;
  co_await timer.async_wait(use_awaitable);
}

static void park_all(asio::io_context &context, long count)
{
  long parked = 0;
  for (long i = 0; i < count; i++)
    asio::co_spawn(context, park(context, parked), asio::detached);
  while (parked < count) context.poll();
  server_parked(count);
}

int main(int argc, char **argv)
{
  auto options = server_parse(argc, argv, SERVER_LINES | SERVER_BULK | SERVER_PARKED);
  // One OS thread runs it: the hint leaves its locks out.
  asio::io_context context(1);
  if (options.mode == SERVER_PARKED) park_all(context, options.count);
  asio::co_spawn(context,
                 accept_all(tcp::acceptor(context, tcp::v4(), server_listen()), options.mode),
                 asio::detached);
  context.run();
}
