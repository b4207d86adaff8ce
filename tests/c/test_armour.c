/* SPDX-License-Identifier: MIT */
/* How many connections a server bears: in all, and of one address. Time limits are in tests/armour.rs. */
#include "network.h"

#include <sys/un.h>

static copas *c;
static struct net_reports reports;
static int port;

static copas_socket *serve(const copas_server_options *options)
{
  c = net_new(&reports);
  copas_socket *server = net_bind(c, &port);
  CHECK_OK(copas_addserver_with(c, server, net_echo, options));
  return server;
}

/* A client that is served. */
static int come_in(void)
{
  int fd = net_connect(port);
  net_puts(fd, "hello\n");
  net_expect(c, fd, "hello\n");
  return fd;
}

/* Steps until the peer of `fd` has reset it. */
static void expect_reset(int fd)
{
  double end = net_seconds() + NET_PATIENCE;
  char byte;
  while (recv(fd, &byte, 1, MSG_DONTWAIT) != -1 || errno != ECONNRESET) {
    CHECK(errno == EAGAIN);
    CHECK(net_seconds() < end);
    net_step(c);
  }
  CHECK(close(fd) == 0);
}

static void above_the_most_connections_new_ones_wait_until_one_ends(void)
{
  copas_server_options options = {.size = sizeof options, .max_connections = 2};
  serve(&options);
  int first = come_in(), second = come_in(), third = net_connect(port), fourth = net_connect(port);
  net_puts(third, "three\n");
  net_puts(fourth, "four\n");
  net_settle(c);
  CHECK(net_quiet(third) && net_stats(c).sockets == 3 && net_stats(c).accept_pauses == 1);
  CHECK(close(first) == 0);
  net_expect(c, third, "three\n");
  CHECK(net_quiet(fourth));
  CHECK(close(third) == 0);
  net_expect(c, fourth, "four\n");
  CHECK(net_stats(c).accept_pauses >= 2);
  /* One line for all of it. */
  CHECK(reports.count == 1 && net_reported(&reports, "max_connections (2)"));
  close(second);
  close(fourth);
  CHECK_OK(copas_free(c));
}

static copas_socket *kept;

static void echo_and_keep(copas_socket *client, void *user)
{
  net_echo(client, user);
  kept = client;
}

static void a_kept_connection_counts_until_it_is_closed(void)
{
  copas_server_options options = {.size = sizeof options, .max_connections = 1};
  options.flags = COPAS_KEEP_OPEN;
  c = net_new(&reports);
  CHECK_OK(copas_addserver_with(c, net_bind(c, &port), echo_and_keep, &options));
  int first = come_in(), second = net_connect(port);
  CHECK(shutdown(first, SHUT_WR) == 0);
  net_puts(second, "two\n");
  net_settle(c);
  CHECK(net_stats(c).running == 0 && net_quiet(second));
  CHECK_OK(copas_close(kept));
  net_expect(c, second, "two\n");
  CHECK_OK(copas_free(c));
  close(first);
  close(second);
}

static void above_the_most_of_an_address_new_ones_are_reset(void)
{
  copas_server_options options = {.size = sizeof options, .max_per_address = 2};
  serve(&options);
  int first = come_in(), second = come_in();
  for (int i = 0; i < 5; i++) expect_reset(net_connect(port));
  CHECK(net_stats(c).over_address == 5 && net_stats(c).sockets == 3);
  CHECK(reports.count == 1 && net_reported(&reports, "max_per_address"));
  CHECK(close(first) == 0);
  net_settle(c);
  first = come_in();
  expect_reset(net_connect(port));
  close(first);
  close(second);
  CHECK_OK(copas_free(c));
}

enum { LIMIT = 64, LEFT = LIMIT / 32, MANY = 100 };

/* Serves until the last descriptors, and then opens these. */
static void serve_to_the_last(int told)
{
  struct rlimit limit = {LIMIT, LIMIT};
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  serve(NULL);
  CHECK_NUMBER(write(told, &port, sizeof port), sizeof port);
  while (!net_reported(&reports, "the last descriptors")) net_step(c);
  int opened[LEFT - 1];
  for (int i = 0; i < LEFT - 1; i++) CHECK((opened[i] = open("/dev/null", O_RDONLY)) >= 0);
  for (int i = 0; i < LEFT - 1; i++) close(opened[i]);
  /* Who leaves makes room. */
  uint64_t sockets = net_stats(c).sockets;
  CHECK_NUMBER(write(told, &sockets, sizeof sockets), sizeof sockets);
  while (net_stats(c).sockets >= sockets) net_step(c);
  while (net_stats(c).sockets < sockets) net_step(c);
  CHECK_OK(copas_free(c));
  _exit(0);
}

static void the_last_descriptors_are_the_programs(void)
{
  int told[2], clients[MANY];
  uint64_t sockets;
  if (check_small()) {
    SKIP("valgrind keeps this limit itself");
    return;
  }
  CHECK(pipe(told) == 0);
  pid_t pid = net_fork();
  if (pid == 0) serve_to_the_last(told[1]);
  CHECK_NUMBER(read(told[0], &port, sizeof port), sizeof port);
  for (int i = 0; i < MANY; i++) clients[i] = net_connect(port);
  CHECK_NUMBER(read(told[0], &sockets, sizeof sockets), sizeof sockets);
  CHECK(sockets > LIMIT / 2 && sockets < LIMIT);
  CHECK(close(clients[0]) == 0);
  net_reap(pid);
  for (int i = 1; i < MANY; i++) close(clients[i]);
  close(told[0]);
  close(told[1]);
}

static int from_address(const char *text)
{
  struct sockaddr_in own = {.sin_family = AF_INET}, other = {.sin_family = AF_INET};
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(fd >= 0 && inet_pton(AF_INET, text, &own.sin_addr) == 1);
  CHECK(bind(fd, (struct sockaddr *)&own, sizeof own) == 0);
  other.sin_port = htons((uint16_t)port);
  other.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(connect(fd, (struct sockaddr *)&other, sizeof other) == 0);
  return fd;
}

static void other_addresses_come_in_while_one_has_enough(void)
{
  copas_server_options options = {.size = sizeof options, .max_per_address = 1};
  serve(&options);
  int first = come_in(), other = from_address("127.0.0.2");
  expect_reset(net_connect(port));
  net_puts(other, "here\n");
  net_expect(c, other, "here\n");
  expect_reset(from_address("127.0.0.2"));
  close(first);
  close(other);
  CHECK_OK(copas_free(c));
}

static void unix_sockets_have_no_address_to_count(void)
{
  copas_server_options options = {.size = sizeof options, .max_per_address = 1};
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  copas_socket *server;
  c = net_new(&reports);
  int len = snprintf(address.sun_path + 1, sizeof address.sun_path - 1, "copas-armour-%d", getpid());
  char name[sizeof address.sun_path + 1];
  snprintf(name, sizeof name, "@%s", address.sun_path + 1);
  CHECK_OK(copas_bind_unix(c, name, 0, &server));
  CHECK_OK(copas_addserver_with(c, server, net_echo, &options));
  int fds[3];
  for (int i = 0; i < 3; i++) {
    fds[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    CHECK(connect(fds[i], (struct sockaddr *)&address, size) == 0);
    net_puts(fds[i], "hello\n");
    net_expect(c, fds[i], "hello\n");
  }
  for (int i = 0; i < 3; i++) close(fds[i]);
  CHECK_OK(copas_free(c));
}

static copas_socket *accepted;
static int accepts;

static void accept_two(void *user)
{
  copas_socket *second;
  CHECK_OK(copas_accept(user, 60, &accepted));
  accepts = 1;
  CHECK_OK(copas_accept(user, 60, &second));
  accepts = 2;
  CHECK_OK(copas_close(second));
}

static void an_accept_waits_until_a_connection_ends(void)
{
  copas_armour armour = {.size = sizeof armour, .max_connections = 1};
  c = net_new(&reports);
  accepts = 0;
  copas_socket *server = net_bind(c, &port);
  CHECK_OK(copas_setarmour(server, &armour));
  CHECK_OK(copas_addthread(c, accept_two, server, NULL));
  int first = net_connect(port), second = net_connect(port);
  net_until(c, &accepts, 1);
  net_settle(c);
  CHECK_NUMBER(accepts, 1);
  CHECK_OK(copas_close(accepted));
  net_until(c, &accepts, 2);
  close(first);
  close(second);
  CHECK_OK(copas_free(c));
}

static int looks;

static void look_and_accept(void *user)
{
  copas_choice choice = {.kind = COPAS_CHOICE_RECEIVE, .handle = user};
  copas_socket *second;
  CHECK_OK(copas_accept(user, 60, &accepted));
  CHECK(copas_select(c, &choice, 1, 0.01) == COPAS_TIMEOUT);
  looks = 1;
  CHECK_NUMBER(copas_select(c, &choice, 1, 60), 0);
  CHECK_OK(copas_accept(user, 0, &second));
  looks = 2;
}

static void a_choice_says_that_none_waits_until_one_can_be_accepted(void)
{
  copas_armour armour = {.size = sizeof armour, .max_connections = 1};
  c = net_new(&reports);
  looks = 0;
  copas_socket *server = net_bind(c, &port);
  CHECK_OK(copas_setarmour(server, &armour));
  int first = net_connect(port), second = net_connect(port);
  CHECK_OK(copas_addthread(c, look_and_accept, server, NULL));
  net_until(c, &looks, 1);
  CHECK_OK(copas_close(accepted));
  net_until(c, &looks, 2);
  close(first);
  close(second);
  CHECK_OK(copas_free(c));
}

static void a_larger_number_lets_those_in_who_wait(void)
{
  copas_server_options options = {.size = sizeof options, .max_connections = 1};
  copas_armour armour = {.size = sizeof armour, .max_connections = 2};
  copas_socket *server = serve(&options);
  int first = come_in(), second = net_connect(port);
  net_puts(second, "two\n");
  net_settle(c);
  CHECK(net_quiet(second));
  CHECK_OK(copas_setarmour(server, &armour));
  net_expect(c, second, "two\n");
  close(first);
  close(second);
  CHECK_OK(copas_free(c));
}

static void what_cannot_be_is_refused(void)
{
  copas_server_options options = {.size = sizeof options, .max_connections = 1};
  copas_armour armour = {.size = sizeof armour};
  copas_socket *datagrams;
  copas_socket *server = serve(NULL);
  CHECK_OK(copas_setarmour(server, NULL));
  armour.first_byte = -1;
  CHECK_STATUS(copas_setarmour(server, &armour), COPAS_INVALID);
  armour.first_byte = 0;
  armour.rate_window = 1e6;
  CHECK_STATUS(copas_setarmour(server, &armour), COPAS_INVALID);
  armour.rate_window = 0;
  armour.flags = 1;
  CHECK_STATUS(copas_setarmour(server, &armour), COPAS_INVALID);
  armour.flags = 0;
  CHECK_OK(copas_bind_udp(c, "127.0.0.1", 0, &datagrams));
  CHECK_STATUS(copas_setarmour(datagrams, &armour), COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_addserver_with(c, datagrams, net_echo, &options), COPAS_UNSUPPORTED);
  CHECK_OK(copas_free(c));
}

static int all_status;

static void receive_all(copas_socket *client, void *user)
{
  copas_bytes bytes;
  all_status = copas_receive(client, COPAS_ALL, &bytes);
  ++*(int *)user;
}

static void a_body_beyond_its_limit_is_too_long(void)
{
  static char body[1001];
  int handled = 0;
  copas_server_options options = {.size = sizeof options, .all_limit = 1000, .user = &handled};
  c = net_new(&reports);
  CHECK_OK(copas_addserver_with(c, net_bind(c, &port), receive_all, &options));
  for (int extra = 0; extra < 2; extra++) {
    int fd = net_connect(port);
    CHECK_NUMBER(write(fd, body, (size_t)(1000 + extra)), 1000 + extra);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    net_until(c, &handled, extra + 1);
    CHECK_STATUS(all_status, extra ? COPAS_TOO_LONG : COPAS_OK);
    close(fd);
  }
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(above_the_most_connections_new_ones_wait_until_one_ends);
  RUN(a_kept_connection_counts_until_it_is_closed);
  RUN(above_the_most_of_an_address_new_ones_are_reset);
  RUN(the_last_descriptors_are_the_programs);
  RUN(other_addresses_come_in_while_one_has_enough);
  RUN(unix_sockets_have_no_address_to_count);
  RUN(an_accept_waits_until_a_connection_ends);
  RUN(a_choice_says_that_none_waits_until_one_can_be_accepted);
  RUN(a_larger_number_lets_those_in_who_wait);
  RUN(a_body_beyond_its_limit_is_too_long);
  RUN(what_cannot_be_is_refused);
  return check_report();
}
