// SPDX-License-Identifier: MIT
// Sockets: owners and views, patterns, servers, datagrams, Unix sockets.
#include "expect.hpp"

#include <cerrno>

namespace {

void an_owner_closes_itself_and_only_once()
{
  copas::dispatcher d;
  auto [near, far] = socket_pair(d);
  {
    copas::socket moved = std::move(near);
    CHECK(!near && moved);
    moved.send("bye");
  }
  CHECK_TEXT(far.receive(COPAS_ALL), "bye");
  copas::socket other = d.bind("127.0.0.1", 0);
  const copas::socket_ref view = other;
  other = std::move(far);
  CHECK_THROWS(copas::stale_error, view.getsockname());
  const copas::socket_ref freed = other.release();
  CHECK(!other && freed);
  freed.close();
}

void every_pattern_gives_a_view()
{
  copas::dispatcher d;
  auto [near, far] = socket_pair(d);
  far.send("one\r\ntwo\r\nblockuntil--some");
  CHECK_TEXT(near.receive(COPAS_LINE), "one");
  CHECK_TEXT(near.receive(COPAS_LINE_RAW), "two\r\n");
  CHECK_TEXT(near.receive(5), "block");
  CHECK_TEXT(near.receive_until("--"), "until");
  CHECK_TEXT(near.receive_some(), "some");
  far.send("memory and all");
  char memory[6];
  CHECK_NUMBER(near.receive_into(memory, sizeof memory), sizeof memory);
  CHECK_TEXT(std::string(memory, sizeof memory), "memory");
  far.shut(COPAS_SHUT_SEND);
  CHECK_TEXT(near.receive(COPAS_ALL), " and all");
}

void a_twin_shows_what_has_arrived()
{
  copas::dispatcher d;
  auto [near, far] = socket_pair(d);
  std::error_code ec;
  near.settimeout(1ms);
  far.send("half");
  CHECK_TEXT(near.receive(COPAS_LINE, ec), "half");
  CHECK(ec == COPAS_TIMEOUT);
  far.send(" a line\n");
  CHECK_TEXT(near.receive(COPAS_LINE, ec), "half a line");
  CHECK(!ec);
}

void sends_tell_how_much_was_taken()
{
  copas::dispatcher d;
  auto [near, far] = socket_pair(d);
  std::error_code ec;
  CHECK_NUMBER(near.send_part("four", ec), 4);
  near.flush();
  near.settimeout(1ms);
  const std::string much(8 << 20, 'x');
  const std::size_t taken = near.send_part(much, ec);
  CHECK(ec == COPAS_TIMEOUT && taken > 0 && taken < much.size());
  CHECK_NUMBER(far.getstats().received, 0);
  near.abort();
}

std::string talk(copas::dispatcher_ref d, int port, std::string_view text)
{
  const copas::socket skt = d.connect("127.0.0.1", port, patience);
  skt.settimeout(patience);
  skt.send(text);
  skt.shut(COPAS_SHUT_SEND);
  return std::string(skt.receive(COPAS_ALL));
}

void a_lambda_serves_every_client()
{
  copas::dispatcher d;
  int clients = 0;
  copas::server_options options;
  options.name = "echo";
  const copas::socket_ref server = d.addserver(d.bind("127.0.0.1", 0), [&](copas::socket_ref client) {
    clients++;
    CHECK(client.name().substr(0, 12) == "echo:client_");
    CHECK(copas::running().name().substr(0, 13) == "echo:handler_");
    for (const std::string_view line : client.lines()) {
      client.send(line);
      client.send("!\n");
    }
  }, options);
  const int port = server.getsockname().port();
  CHECK_TEXT(talk(d, port, "one\ntwo\nunfinished"), "one!\ntwo!\n");
  CHECK_TEXT(talk(d, port, "three\n"), "three!\n");
  CHECK_NUMBER(clients, 2);
  server.removeserver();
  d.loop();
  CHECK_THROWS(copas::stale_error, server.getsockname());
}

void a_server_bears_what_its_options_say()
{
  copas::dispatcher_options small;
  small.memory_budget = 1 << 20;
  copas::dispatcher d(small);
  std::error_code ended;
  copas::server_options options;
  options.first_byte = 20ms;
  options.max_connections = options.max_per_address = 10;
  options.min_rate = 1000;
  options.rate_window = 5s;
  copas::socket listening = d.bind("127.0.0.1", 0);
  listening.setarmour({});
  const copas::socket_ref server = d.addserver(std::move(listening), [&](copas::socket_ref client) {
    client.receive(COPAS_LINE, ended);
  }, options);
  copas::socket skt = d.connect("127.0.0.1", server.getsockname().port(), patience);
  skt.settimeout(patience);
  CHECK_THROWS(copas::closed_error, skt.receive(COPAS_LINE));
  CHECK(ended == COPAS_CLOSED);
  server.removeserver();
  d.loop();
}

void lines_throw_at_a_reset()
{
  copas::dispatcher d;
  std::string seen;
  bool thrown = false;
  const copas::socket_ref server = d.addserver(d.bind("127.0.0.1", 0), [&](copas::socket_ref client) {
    try {
      for (const std::string_view line : client.lines()) {
        seen += line;
        client.send("got it\n");
      }
    } catch (const copas::closed_error &e) {
      thrown = e.sys_errno() == ECONNRESET;
    }
  });
  copas::socket skt = d.connect("127.0.0.1", server.getsockname().port(), patience);
  skt.settimeout(patience);
  skt.send("one\n");
  CHECK_TEXT(skt.receive(COPAS_LINE), "got it");
  skt.abort();
  server.removeserver();
  d.loop();
  CHECK_TEXT(seen, "one");
  CHECK(thrown);
}

void a_server_that_stays_the_callers_ends_with_it()
{
  copas::dispatcher d;
  const auto kept = std::make_shared<int>(0);
  {
    const copas::socket server = d.bind("127.0.0.1", 0);
    d.addserver(server, [kept](copas::socket_ref client) { client.send("hi"); });
    CHECK_TEXT(talk(d, server.getsockname().port(), ""), "hi");
    CHECK_NUMBER(kept.use_count(), 2);
    std::error_code ec;
    d.addserver(server, [kept](copas::socket_ref) {}, {}, ec);
    CHECK(ec == COPAS_BUSY);
  }
  d.loop();
  CHECK_NUMBER(kept.use_count(), 1);
}

void a_server_that_cannot_be_added_stays_the_callers()
{
  copas::dispatcher d;
  auto [near, far] = socket_pair(d);
  std::error_code ec;
  d.addserver(std::move(near), [](copas::socket_ref) {}, {}, ec);
  CHECK(ec == COPAS_INVALID && near);
  CHECK_THROWS(copas::error, d.addserver(std::move(near), [](copas::socket_ref) {}));
  CHECK(near);
}

void a_handlers_exception_closes_its_client_only()
{
  reports told;
  copas::dispatcher d(told.options());
  const copas::socket_ref server = d.addserver(d.bind("127.0.0.1", 0), [](copas::socket_ref client) {
    if (client.receive(COPAS_LINE) == "bad") throw std::runtime_error("bad luck");
    client.send("good");
  });
  const int port = server.getsockname().port();
  CHECK_THROWS(copas::closed_error, talk(d, port, "bad\n"));
  CHECK(told.tell("bad luck"));
  CHECK_TEXT(talk(d, port, "fine\n"), "good");
}

void the_end_of_a_handlers_connection_is_not_reported()
{
  reports told;
  copas::dispatcher d(told.options());
  int ended = 0;
  struct count_at_end {
    int &count;
    ~count_at_end() { count++; }
  };
  const copas::socket_ref server = d.addserver(d.bind("127.0.0.1", 0), [&](copas::socket_ref client) {
    const count_at_end counter{ended};
    client.send("go on\n");
    for (;;) client.receive(COPAS_LINE);
  });
  copas::socket skt = d.connect("127.0.0.1", server.getsockname().port(), patience);
  skt.settimeout(patience);
  CHECK_TEXT(skt.receive(COPAS_LINE), "go on");
  skt.abort();
  server.removeserver();
  d.loop();
  CHECK_NUMBER(ended, 1);
  CHECK(told.texts.empty());
}

void the_options_of_a_server_reach_its_clients()
{
  copas::dispatcher d;
  std::error_code limit, line;
  copas::server_options options;
  options.timeout = 1ms;
  options.line_limit = 10;
  options.flags = COPAS_KEEP_OPEN;
  copas::socket kept;
  const copas::socket_ref server = d.addserver(d.bind("127.0.0.1", 0), [&](copas::socket_ref client) {
    client.receive(COPAS_LINE, limit);
    client.settimeout(patience);
    client.receive(COPAS_LINE, line);
    kept = copas::socket(client);
  }, options);
  const copas::socket skt = d.connect("127.0.0.1", server.getsockname().port(), patience);
  while (!limit) d.step(10ms);
  CHECK(limit == COPAS_TIMEOUT);
  skt.send("longer than ten\n");
  while (!kept) d.step(10ms);
  CHECK(line == COPAS_TOO_LONG);
  kept.send("still open\n");
  CHECK_TEXT(skt.receive(COPAS_LINE), "still open");
}

void datagrams_go_to_and_fro()
{
  copas::dispatcher d;
  const copas::socket server = d.bind_udp("127.0.0.1", 0);
  d.addserver(server, [](copas::socket_ref skt) {
    for (;;) {
      const copas::datagram got = skt.receivefrom();
      skt.sendto(got.data, got.from);
    }
  });
  const copas::socket client = d.bind_udp("127.0.0.1", 0);
  client.settimeout(patience);
  client.sendto("ping", server.getsockname());
  const copas::datagram answer = client.receivefrom();
  CHECK_TEXT(answer.data, "ping");
  CHECK(answer.from == server.getsockname());
  CHECK(answer.from != client.getsockname());
  const copas::socket connected = d.connect_udp("127.0.0.1", server.getsockname().port());
  connected.send("pong");
  CHECK_TEXT(connected.receivefrom().data, "pong");
  client.sendto("again", copas::address("127.0.0.1", server.getsockname().port()));
  CHECK_TEXT(client.receivefrom().data, "again");
}

void unix_sockets_connect_by_path()
{
  copas::dispatcher d;
  const std::string path = "@copas-cpp-test-" + std::to_string(getpid());
  d.addserver(d.bind_unix(path), [](copas::socket_ref client) { client.send("unix"); });
  const copas::socket skt = d.connect_unix(path, patience);
  CHECK_TEXT(skt.receive(COPAS_ALL), "unix");
  CHECK_NUMBER(skt.getpeername().family(), AF_UNIX);
}

void a_descriptor_comes_back()
{
  copas::dispatcher d;
  auto [near, far] = socket_pair(d);
  const int fd = near.unwrap();
  CHECK(!near && fd >= 0);
  far.send("plain");
  far.flush();
  net_expect(d.native(), fd, "plain");
  CHECK_NUMBER(d.wait_fd(fd, COPAS_WRITABLE, patience), COPAS_WRITABLE);
  std::error_code ec;
  d.wait_fd(fd, COPAS_READABLE, 0s, ec);
  CHECK(ec == COPAS_TIMEOUT);
  ::close(fd);
}

void names_resolve_to_addresses()
{
  copas::dispatcher d;
  d.setresolver(10, 1s);
  const std::vector<copas::address> found = d.resolve("127.0.0.1", patience);
  CHECK_NUMBER(found.size(), 1);
  CHECK_TEXT(found[0].host(), "127.0.0.1");
}

void socket_settings_are_taken()
{
  copas::dispatcher d;
  const copas::socket skt = d.bind_udp("127.0.0.1", 0);
  skt.setname("mine");
  CHECK_TEXT(skt.name(), "mine");
  skt.setoption(COPAS_RECEIVE_BUFFER, 65536);
  CHECK_THROWS(copas::error, skt.setoption(12345, 1));
  skt.settimeouts(copas::unchanged, 1s, 0s);
  CHECK_THROWS(copas::timeout_error, skt.receivefrom());
  skt.joingroup("224.0.0.251", "127.0.0.1");
  skt.leavegroup("224.0.0.251", "127.0.0.1");
}

} // namespace

int main()
{
  RUN(an_owner_closes_itself_and_only_once);
  RUN(every_pattern_gives_a_view);
  RUN(a_twin_shows_what_has_arrived);
  RUN(sends_tell_how_much_was_taken);
  RUN(a_lambda_serves_every_client);
  RUN(a_server_bears_what_its_options_say);
  RUN(lines_throw_at_a_reset);
  RUN(a_server_that_stays_the_callers_ends_with_it);
  RUN(a_server_that_cannot_be_added_stays_the_callers);
  RUN(a_handlers_exception_closes_its_client_only);
  RUN(the_end_of_a_handlers_connection_is_not_reported);
  RUN(the_options_of_a_server_reach_its_clients);
  RUN(datagrams_go_to_and_fro);
  RUN(unix_sockets_connect_by_path);
  RUN(a_descriptor_comes_back);
  RUN(names_resolve_to_addresses);
  RUN(socket_settings_are_taken);
  return check_report();
}
