/* SPDX-License-Identifier: MIT */
/* Descriptors from elsewhere, addresses, options: what becomes a socket and what it tells. */
#include "network.h"

#include <sys/stat.h>
#include <sys/un.h>

static copas *c;
static copas_bytes bytes;

static void open_all(void)
{
  c = net_new(NULL);
}

static void close_all(void)
{
  CHECK_OK(copas_free(c));
}

/* copas_error() tells the status, and says `part` among other things. */
static void expect_detail(copas_status status, const char *part)
{
  copas_error_info info;
  memset(&info, 0, sizeof info);
  info.size = sizeof info;
  CHECK_OK(copas_error(c, &info));
  CHECK_STATUS(info.status, status);
  CHECK(info.text != NULL && info.text[0] != 0);
  if (strstr(info.text, part) == NULL) CHECK_FAIL("\"%s\" does not say \"%s\"", info.text, part);
}

static void a_tcp_connection_can_be_wrapped(void)
{
  int fds[2];
  copas_socket *skt;
  open_all();
  net_tcp_pair(fds);
  CHECK_OK(copas_wrap(c, fds[0], &skt));
  CHECK(fcntl(fds[0], F_GETFL) & O_NONBLOCK);
  CHECK(copas_of(skt) == c);
  net_puts(fds[1], "in\n");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "in");
  CHECK_OK(copas_send(skt, "out", 3));
  net_expect(c, fds[1], "out");
  CHECK_OK(copas_close(skt));
  CHECK(fcntl(fds[0], F_GETFL) < 0);
  net_expect_end(c, fds[1]);
  close(fds[1]);
  close_all();
}

static void a_listening_socket_can_be_wrapped_and_served(void)
{
  int port;
  copas_socket *server;
  open_all();
  CHECK_OK(copas_wrap(c, net_listen(8, &port), &server));
  CHECK_STATUS(copas_receive(server, COPAS_LINE, &bytes), COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_send(server, "x", 1), COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_shut(server, COPAS_SHUT_SEND), COPAS_UNSUPPORTED);
  CHECK_OK(copas_addserver(c, server, net_echo, NULL, COPAS_FOREVER));
  int fd = net_connect(port);
  net_puts(fd, "x\n");
  net_expect(c, fd, "x\n");
  close(fd);
  close_all();
}

static void both_ends_of_a_pipe_can_be_wrapped(void)
{
  int fds[2];
  copas_socket *in, *out;
  copas_address address;
  open_all();
  CHECK(pipe2(fds, O_CLOEXEC) == 0);
  CHECK_OK(copas_wrap(c, fds[0], &in));
  CHECK_OK(copas_wrap(c, fds[1], &out));
  CHECK_OK(copas_send(out, "through\n", 8));
  CHECK_OK(copas_receive(in, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "through");
  CHECK_STATUS(copas_send(in, "x", 1), COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_receive(out, COPAS_LINE, &bytes), COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_getpeername(in, &address), COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_shut(out, COPAS_SHUT_SEND), COPAS_UNSUPPORTED);
  CHECK_OK(copas_close(out));
  CHECK_STATUS(copas_receive(in, COPAS_LINE, &bytes), COPAS_CLOSED);
  close_all();
}

static void write_in_vain(void *user)
{
  copas_status status = copas_send(user, "x", 1);
  if (status == COPAS_OK) status = copas_flush(user);
  CHECK_STATUS(status, COPAS_CLOSED);
  expect_detail(COPAS_CLOSED, "");
}

/* A closed reader is an error of the writer's; a signal would end this program. */
static void writing_to_a_pipe_without_a_reader_raises_no_signal(void)
{
  open_all();
  CHECK(signal(SIGPIPE, SIG_DFL) != SIG_ERR);
  for (int on_the_root = 0; on_the_root < 2; on_the_root++) {
    int fds[2];
    copas_socket *out;
    CHECK(pipe2(fds, O_CLOEXEC) == 0);
    CHECK_OK(copas_wrap(c, fds[1], &out));
    close(fds[0]);
    if (on_the_root)
      write_in_vain(out);
    else
      CHECK_OK(copas_addthread(c, write_in_vain, out, NULL));
    CHECK_OK(copas_loop(c, COPAS_FOREVER));
  }
  close_all();
}

/* copas_wrap() answers `wanted` and leaves the descriptor as it was, and open. */
static void expect_refused(int fd, copas_status wanted)
{
  copas_socket *skt = NULL;
  int flags = fcntl(fd, F_GETFL), descriptor = fcntl(fd, F_GETFD);
  CHECK_STATUS(copas_wrap(c, fd, &skt), wanted);
  expect_detail(wanted, "");
  CHECK(skt == NULL);
  CHECK_NUMBER(fcntl(fd, F_GETFL), flags);
  CHECK_NUMBER(fcntl(fd, F_GETFD), descriptor);
}

static void what_cannot_wait_is_refused_and_left_alone(void)
{
  char path[] = "/tmp/copas-test-XXXXXX";
  open_all();
  int file = mkstemp(path), folder = open("/", O_RDONLY | O_CLOEXEC);
  int datagram = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  CHECK(file >= 0 && folder >= 0 && datagram >= 0 && unlink(path) == 0);
  expect_refused(file, COPAS_INVALID);
  expect_detail(COPAS_INVALID, "file");
  expect_refused(folder, COPAS_INVALID);
  expect_refused(datagram, COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_wrap(c, datagram, NULL), COPAS_INVALID);
  CHECK(close(file) == 0 && close(folder) == 0 && close(datagram) == 0);
  expect_refused(datagram, COPAS_INVALID);
  expect_refused(-1, COPAS_INVALID);
  expect_refused(999999, COPAS_INVALID);
  close_all();
}

static void a_descriptor_is_wrapped_once(void)
{
  int fds[2];
  copas_socket *skt;
  open_all();
  net_tcp_pair(fds);
  CHECK_OK(copas_wrap(c, fds[0], &skt));
  expect_refused(fds[0], COPAS_BUSY);
  CHECK_OK(copas_send(skt, "x", 1));
  net_expect(c, fds[1], "x");
  close(fds[1]);
  close_all();
}

static void wait_for_a_line(void *user)
{
  copas_bytes line;
  CHECK_STATUS(copas_receive(user, COPAS_LINE, &line), COPAS_CLOSED);
}

static void an_unwrapped_descriptor_is_the_callers_again(void)
{
  int fds[2], fd = -1;
  copas_socket *skt;
  open_all();
  net_tcp_pair(fds);
  CHECK_OK(copas_wrap(c, fds[0], &skt));
  CHECK_OK(copas_settimeout(skt, 0));
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  CHECK_OK(copas_unwrap(skt, &fd));
  CHECK_NUMBER(fd, fds[0]);
  CHECK_STATUS(copas_close(skt), COPAS_STALE);
  CHECK(fcntl(fd, F_GETFL) & O_NONBLOCK);
  net_puts(fd, "mine");
  net_expect(c, fds[1], "mine");
  CHECK_OK(copas_wrap(c, fd, &skt));
  CHECK_OK(copas_close(skt));
  close(fds[1]);
  close_all();
}

static void a_socket_in_use_is_not_unwrapped(void)
{
  static char block[60000];
  int fd, port;
  copas_socket *skt, *server;
  open_all();
  int peer = net_narrow_pair(c, &skt);
  CHECK_OK(copas_addthread(c, wait_for_a_line, skt, NULL));
  net_settle(c);
  CHECK_STATUS(copas_unwrap(skt, &fd), COPAS_BUSY);
  CHECK_OK(copas_close(skt));
  net_settle(c);
  close(peer);
  peer = net_pair(c, &skt);
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 1, NULL, NULL));
  CHECK_STATUS(copas_unwrap(skt, &fd), COPAS_BUSY);
  CHECK_OK(copas_close(skt));
  close(peer);
  peer = net_narrow_pair(c, &skt);
  CHECK_OK(copas_send(skt, block, sizeof block));
  CHECK_STATUS(copas_unwrap(skt, &fd), COPAS_BUSY);
  expect_detail(COPAS_BUSY, "copas_flush");
  CHECK_OK(copas_abort(skt));
  close(peer);
  server = net_serve(c, net_echo, NULL, &port);
  CHECK_STATUS(copas_unwrap(server, &fd), COPAS_BUSY);
  CHECK_OK(copas_removeserver(server, 1));
  CHECK_OK(copas_unwrap(server, &fd));
  close(fd);
  close_all();
}

static int int_option(int fd, int level, int name)
{
  int value = -1;
  socklen_t len = sizeof value;
  CHECK(getsockopt(fd, level, name, &value, &len) == 0);
  return value;
}

static void options_reach_the_kernel(void)
{
  int fds[2];
  struct linger linger;
  socklen_t len = sizeof linger;
  copas_socket *skt;
  open_all();
  net_tcp_pair(fds);
  CHECK_OK(copas_wrap(c, fds[0], &skt));
  CHECK_OK(copas_setoption(skt, COPAS_KEEPALIVE, 1));
  CHECK_NUMBER(int_option(fds[0], SOL_SOCKET, SO_KEEPALIVE), 1);
  CHECK_OK(copas_setoption(skt, COPAS_KEEPALIVE, 0));
  CHECK_NUMBER(int_option(fds[0], SOL_SOCKET, SO_KEEPALIVE), 0);
  CHECK_OK(copas_setoption(skt, COPAS_TCP_NODELAY, 1));
  CHECK(int_option(fds[0], IPPROTO_TCP, TCP_NODELAY) != 0);
  CHECK_OK(copas_setoption(skt, COPAS_TCP_NODELAY, 0));
  CHECK_NUMBER(int_option(fds[0], IPPROTO_TCP, TCP_NODELAY), 0);
  CHECK_OK(copas_setoption(skt, COPAS_REUSEADDR, 1));
  CHECK_NUMBER(int_option(fds[0], SOL_SOCKET, SO_REUSEADDR), 1);
  CHECK_OK(copas_setoption(skt, COPAS_REUSEPORT, 1));
  CHECK_NUMBER(int_option(fds[0], SOL_SOCKET, SO_REUSEPORT), 1);
  CHECK_OK(copas_setoption(skt, COPAS_LINGER, 7));
  CHECK(getsockopt(fds[0], SOL_SOCKET, SO_LINGER, &linger, &len) == 0);
  CHECK(linger.l_onoff && linger.l_linger == 7);
  CHECK_OK(copas_setoption(skt, COPAS_LINGER, -1));
  CHECK(getsockopt(fds[0], SOL_SOCKET, SO_LINGER, &linger, &len) == 0);
  CHECK(!linger.l_onoff);
  CHECK_OK(copas_setoption(skt, COPAS_SEND_BUFFER, 20000));
  CHECK_OK(copas_setoption(skt, COPAS_RECEIVE_BUFFER, 20000));
  CHECK(int_option(fds[0], SOL_SOCKET, SO_SNDBUF) >= 20000);
  CHECK(int_option(fds[0], SOL_SOCKET, SO_RCVBUF) >= 20000);
  CHECK_STATUS(copas_setoption(skt, 99, 1), COPAS_INVALID);
  CHECK_STATUS(copas_setoption(skt, COPAS_IPV6_V6ONLY, 1), COPAS_UNSUPPORTED);
  expect_detail(COPAS_UNSUPPORTED, "");
  CHECK_STATUS(copas_setoption(skt, COPAS_KEEPALIVE, 2), COPAS_INVALID);
  CHECK_STATUS(copas_setoption(skt, COPAS_SEND_BUFFER, -5), COPAS_INVALID);
  close(fds[1]);
  close_all();
}

static void a_connection_of_our_own_has_nodelay_at_first(void)
{
  int port, fd = -1, listener = net_listen(1, &port);
  copas_socket *skt;
  open_all();
  CHECK_OK(copas_connect(c, "127.0.0.1", port, 5, &skt));
  CHECK_OK(copas_unwrap(skt, &fd));
  CHECK(int_option(fd, IPPROTO_TCP, TCP_NODELAY) != 0);
  close(fd);
  close(listener);
  close_all();
}

static void an_option_of_another_kind_of_socket_is_unsupported(void)
{
  int fds[2];
  copas_socket *local, *in;
  open_all();
  int peer = net_pair(c, &local);
  CHECK_STATUS(copas_setoption(local, COPAS_TCP_NODELAY, 1), COPAS_UNSUPPORTED);
  CHECK(pipe2(fds, O_CLOEXEC) == 0);
  CHECK_OK(copas_wrap(c, fds[0], &in));
  for (int option = COPAS_KEEPALIVE; option <= COPAS_RECEIVE_BUFFER; option++) {
    CHECK_STATUS(copas_setoption(in, option, 1), COPAS_UNSUPPORTED);
    expect_detail(COPAS_UNSUPPORTED, "");
  }
  close(fds[1]);
  close(peer);
  close_all();
}

static void addresses_are_told(void)
{
  int port;
  copas_socket *server, *skt;
  copas_address address;
  open_all();
  server = net_serve(c, net_echo, NULL, &port);
  CHECK_STATUS(copas_getpeername(server, &address), COPAS_CLOSED);
  CHECK_OK(copas_connect(c, "127.0.0.1", port, 5, &skt));
  CHECK_OK(copas_getpeername(skt, &address));
  CHECK_NUMBER(address.family, AF_INET);
  CHECK_NUMBER(address.port, port);
  CHECK(strcmp(address.host, "127.0.0.1") == 0);
  CHECK_OK(copas_getsockname(skt, &address));
  CHECK(address.port > 0 && address.port != port);
  CHECK_STATUS(copas_getsockname(skt, NULL), COPAS_INVALID);
  close_all();
}

static void read_a_line(copas_socket *client, void *user)
{
  copas_bytes line;
  copas_address address;
  CHECK_OK(copas_getsockname(client, &address));
  CHECK(address.family == AF_UNIX && strcmp(address.host, user) == 0);
  CHECK_OK(copas_receive(client, COPAS_LINE, &line));
  CHECK_OK(copas_send(client, line.data, line.len));
}

static void a_unix_socket_tells_its_path(void)
{
  char folder[] = "/tmp/copas-test-XXXXXX";
  struct sockaddr_un name;
  copas_socket *server, *skt;
  copas_address address;
  open_all();
  memset(&name, 0, sizeof name);
  name.sun_family = AF_UNIX;
  CHECK(mkdtemp(folder) != NULL);
  snprintf(name.sun_path, sizeof name.sun_path, "%s/socket", folder);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(bind(listener, (struct sockaddr *)&name, sizeof name) == 0 && listen(listener, 4) == 0);
  CHECK(connect(client, (struct sockaddr *)&name, sizeof name) == 0);
  CHECK(unlink(name.sun_path) == 0 && rmdir(folder) == 0);
  CHECK_OK(copas_wrap(c, listener, &server));
  CHECK_OK(copas_wrap(c, client, &skt));
  CHECK_OK(copas_getsockname(server, &address));
  CHECK(strcmp(address.host, name.sun_path) == 0);
  CHECK_OK(copas_addserver(c, server, read_a_line, name.sun_path, COPAS_FOREVER));
  CHECK_OK(copas_getpeername(skt, &address));
  CHECK(address.family == AF_UNIX && address.port == 0);
  CHECK(strcmp(address.host, name.sun_path) == 0);
  CHECK_OK(copas_getsockname(skt, &address));
  CHECK(address.family == AF_UNIX && address.port == 0 && address.host[0] == 0);
  CHECK_OK(copas_send(skt, "local\n", 6));
  CHECK_OK(copas_receive(skt, 5, &bytes));
  CHECK_BYTES(bytes, "local");
  close_all();
}

static void ipv6_works_as_ipv4_does(void)
{
  copas_socket *server, *skt;
  copas_address address;
  open_all();
  if (copas_bind(c, "::1", 0, &server) != COPAS_OK) {
    SKIP("this machine has no ::1");
    close_all();
    return;
  }
  CHECK_OK(copas_getsockname(server, &address));
  CHECK_NUMBER(address.family, AF_INET6);
  CHECK(strcmp(address.host, "::1") == 0);
  /* The kernel takes it only before the address is bound. */
  if (copas_setoption(server, COPAS_IPV6_V6ONLY, 1) != COPAS_OK) expect_detail(COPAS_SYSTEM, "");
  CHECK_OK(copas_addserver(c, server, net_echo, NULL, COPAS_FOREVER));
  CHECK_OK(copas_connect(c, "::1", address.port, 5, &skt));
  CHECK_OK(copas_send(skt, "six\n", 4));
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "six");
  close_all();
}

static void statistics_count_bytes(void)
{
  copas_socket *skt;
  copas_socket_stats stats;
  open_all();
  int peer = net_pair(c, &skt);
  memset(&stats, 0, sizeof stats);
  CHECK_STATUS(copas_getstats(skt, &stats), COPAS_INVALID);
  stats.size = sizeof stats;
  CHECK_OK(copas_getstats(skt, &stats));
  CHECK(stats.received == 0 && stats.sent == 0 && stats.age >= 0);
  net_puts(peer, "12345\n");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_OK(copas_send(skt, "1234567", 7));
  CHECK_OK(copas_getstats(skt, &stats));
  CHECK(stats.received == 6 && stats.sent == 7);
  close(peer);
  close_all();
}

static void bad_addresses_are_told_in_words(void)
{
  int port;
  copas_socket *skt = NULL;
  open_all();
  int taken = net_listen(1, &port);
  CHECK_STATUS(copas_bind(c, "127.0.0.1", port, &skt), COPAS_SYSTEM);
  expect_detail(COPAS_SYSTEM, "in use");
  CHECK_STATUS(copas_bind(c, "127.0.0.1", 65536, &skt), COPAS_INVALID);
  CHECK_STATUS(copas_bind(c, "127.0.0.1", -1, &skt), COPAS_INVALID);
  CHECK_STATUS(copas_bind(c, "127.0.0.1", 0, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_connect(c, NULL, port, 1, &skt), COPAS_INVALID);
  CHECK_STATUS(copas_connect(c, "127.0.0.1", 0, 1, &skt), COPAS_INVALID);
  close(taken);
  CHECK_STATUS(copas_connect(c, "127.0.0.1", port, 5, &skt), COPAS_REFUSED);
  expect_detail(COPAS_REFUSED, "127.0.0.1");
  CHECK(skt == NULL);
  close_all();
}

int main(void)
{
  RUN(a_tcp_connection_can_be_wrapped);
  RUN(a_listening_socket_can_be_wrapped_and_served);
  RUN(both_ends_of_a_pipe_can_be_wrapped);
  RUN(writing_to_a_pipe_without_a_reader_raises_no_signal);
  RUN(what_cannot_wait_is_refused_and_left_alone);
  RUN(a_descriptor_is_wrapped_once);
  RUN(an_unwrapped_descriptor_is_the_callers_again);
  RUN(a_socket_in_use_is_not_unwrapped);
  RUN(options_reach_the_kernel);
  RUN(a_connection_of_our_own_has_nodelay_at_first);
  RUN(an_option_of_another_kind_of_socket_is_unsupported);
  RUN(addresses_are_told);
  RUN(a_unix_socket_tells_its_path);
  RUN(ipv6_works_as_ipv4_does);
  RUN(statistics_count_bytes);
  RUN(bad_addresses_are_told_in_words);
  return check_report();
}
