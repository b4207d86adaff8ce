/* SPDX-License-Identifier: MIT */
/* Connections on their way to an encrypted server's handler: many at once, slow ones, those that never
 * come, and a server that ends meanwhile. */
#include "tls.h"

#include <sys/syscall.h>

static int refusals;

/* The library calls this one, which counts. */
int accept4(int fd, __SOCKADDR_ARG address, socklen_t *restrict len, int flags)
{
  int got = (int)syscall(SYS_accept4, fd, address.__sockaddr__, len, flags);
  refusals += got < 0 && errno == EMFILE;
  return got;
}

static copas *c;
static copas_tls_context *server_context, *client_context;
static copas_socket *server;
static int port, handled;

static void count(copas_socket *client, void *user)
{
  (void)client;
  (void)user;
  handled++;
}

static void begin_with(const copas_config *config, copas_handler_fn handler,
                       const copas_server_options *options)
{
  copas_server_options mine = {.size = sizeof mine};
  if (options != NULL) mine = *options;
  c = copas_new(config);
  CHECK(c != NULL);
  handled = 0;
  server_context = tls_server(c, "server");
  client_context = tls_client(c, "ca");
  server = net_bind(c, &port);
  mine.tls = server_context;
  CHECK_OK(copas_addserver_with(c, server, handler, &mine));
}

static void begin(copas_handler_fn handler)
{
  begin_with(NULL, handler, NULL);
}

static void end(void)
{
  CHECK_OK(copas_tls_context_release(server_context));
  CHECK_OK(copas_tls_context_release(client_context));
  CHECK_OK(copas_free(c));
}

static int met;

static void meet(void *user)
{
  copas_socket *skt;
  copas_bytes line;
  (void)user;
  CHECK_OK(tls_connect(c, client_context, port, "localhost", &skt));
  CHECK_OK(copas_send(skt, "hello\n", 6));
  CHECK_OK(copas_receive(skt, COPAS_LINE, &line));
  CHECK_BYTES(line, "hello");
  CHECK_OK(copas_close(skt));
  met++;
}

static void a_thousand_handshakes_at_once_all_succeed(void)
{
  int clients = check_small() ? 20 : 1000;
  if (!net_allow_descriptors(2 * clients + 100)) {
    SKIP("the descriptor limit is too low");
    return;
  }
  begin(net_echo);
  met = 0;
  for (int i = 0; i < clients; i++) CHECK_OK(copas_addthread(c, meet, NULL, NULL));
  net_until(c, &met, clients);
  CHECK_NUMBER(tls_stats(server_context).handshakes, clients);
  CHECK_NUMBER(tls_stats(server_context).failed, 0);
  end();
}

static void those_who_stall_hold_nobody_up(void)
{
  enum { stalled = 40 };
  int fds[stalled];
  /* Fewer OS threads than stalled clients: a handshake takes none. */
  copas_config config = {.size = sizeof config, .os_threads = 4};
  copas_server_options options = {.size = sizeof options, .flags = COPAS_OS_THREAD};
  begin_with(&config, net_echo, &options);
  for (int i = 0; i < stalled; i++) {
    fds[i] = net_connect(port);
    if (i % 2) net_puts(fds[i], "\x16\x03\x01");
  }
  net_settle(c);
  met = 0;
  meet(NULL);
  CHECK_NUMBER(met, 1);
  CHECK_NUMBER(tls_stats(server_context).handshakes, 1);
  for (int i = 0; i < stalled; i++) CHECK(close(fds[i]) == 0);
  end();
}

static void the_time_limit_of_the_server_holds_for_handshakes(void)
{
  copas_server_options options = {.size = sizeof options, .timeout = 0.03};
  begin_with(NULL, count, &options);
  double begun = net_seconds();
  int fd = net_connect(port);
  net_expect_end(c, fd);
  CHECK(net_seconds() - begun >= 0.03);
  CHECK_NUMBER(handled, 0);
  CHECK_NUMBER(tls_stats(server_context).timed_out, 1);
  CHECK(close(fd) == 0);
  end();
}

static void bytes_that_come_one_by_one_are_a_handshake_too(void)
{
  int fds[2], done = 0;
  char bytes[65536];
  copas_socket *near;
  begin(net_echo);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  CHECK_OK(copas_wrap(c, fds[0], &near));
  CHECK_OK(copas_submit_starttls(near, client_context, "localhost", 7, NULL, NULL));
  int far = net_connect(port);
  double limit = net_seconds() + NET_PATIENCE;
  while (!done) {
    copas_event event;
    ssize_t n = recv(fds[1], bytes, sizeof bytes, MSG_DONTWAIT);
    for (ssize_t i = 0; i < n; i++) {
      net_put(far, bytes + i, 1);
      net_settle(c);
    }
    n = recv(far, bytes, sizeof bytes, MSG_DONTWAIT);
    for (ssize_t i = 0; i < n; i++) {
      net_put(fds[1], bytes + i, 1);
      net_settle(c);
    }
    if (copas_poll(c, &event, 1, 0.01) == 1) {
      CHECK_OK(event.status);
      done = 1;
    }
    CHECK(net_seconds() < limit);
  }
  CHECK(close(fds[1]) == 0 && close(far) == 0);
  end();
}

static void what_is_not_tls_gets_an_alert_and_no_handler(void)
{
  char alert[7];
  begin(count);
  int fd = net_connect(port);
  net_puts(fd, "SSH-2.0-OpenSSH_9.2\r\n");
  net_take(c, fd, alert, sizeof alert);
  CHECK_NUMBER(alert[0], 21);
  net_expect_end(c, fd);
  CHECK_NUMBER(handled, 0);
  CHECK_NUMBER(tls_stats(server_context).failed, 1);
  CHECK(close(fd) == 0);
  end();
}

static void random_bytes_never_reach_a_handler(void)
{
  char bytes[512];
  unsigned state = 7;
  begin(count);
  for (int round = 0; round < (check_small() ? 10 : 300); round++) {
    int fd = net_connect(port);
    for (size_t i = 0; i < sizeof bytes; i++)
      bytes[i] = (char)((state = state * 1103515245 + 12345) >> 16);
    /* Half of them begin as a ClientHello does. */
    if (round % 2) memcpy(bytes, "\x16\x03\x01\x00\xf0\x01\x00\x00\xec\x03\x03", 11);
    net_put(fd, bytes, sizeof bytes);
    CHECK(shutdown(fd, SHUT_WR) == 0);
    net_drain(c, fd);
    CHECK(close(fd) == 0);
  }
  net_settle(c);
  CHECK_NUMBER(handled, 0);
  CHECK_NUMBER(tls_stats(server_context).handshakes, 0);
  end();
}

static void a_client_that_leaves_in_its_handshake_is_forgotten(void)
{
  copas_dispatcher_stats stats = {.size = sizeof stats};
  begin(count);
  int fd = net_connect(port);
  net_puts(fd, "\x16\x03\x01");
  net_settle(c);
  CHECK(close(fd) == 0);
  while (tls_stats(server_context).failed == 0) net_step(c);
  CHECK_OK(copas_stats(c, &stats));
  CHECK_NUMBER(stats.sockets, 1);
  CHECK_NUMBER(handled, 0);
  end();
}

/* Descriptors are used up when accepting was refused so often: it pauses for 0.6 s then, or for longer. */
enum { REFUSALS = 7, TRIES = 8 };

static void encrypt(void *user)
{
  CHECK_OK(copas_starttls((copas_socket *)user, client_context, "localhost"));
}

/* Connections that are accepted, and wait for their handshake. */
static void arrive_in_clear(copas_socket **clients, int count)
{
  for (int i = 0; i < count; i++)
    CHECK_OK(copas_connect(c, "127.0.0.1", port, NET_PATIENCE, &clients[i]));
  net_settle(c);
}

static void handlers_of_finished_handshakes_start_while_accepting_pauses(void)
{
  copas_socket *clients[TRIES];
  struct rlimit limit;
  int in_the_pause = 0;
  if (check_small()) {
    SKIP("valgrind keeps this limit itself: it accepts a connection and then drops it");
    return;
  }
  begin(count);
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  arrive_in_clear(clients, TRIES);
  int fd = net_connect(port);
  refusals = 0;
  net_leave_room(0);
  net_until(c, &refusals, REFUSALS);
  /* A machine that is busy may sleep through a pause: that tells nothing. */
  for (int i = 0; i < TRIES && !in_the_pause; i++) {
    net_until(c, &refusals, refusals + 1);
    int before = refusals;
    CHECK_OK(copas_addthread(c, encrypt, clients[i], NULL));
    net_until(c, &handled, i + 1);
    in_the_pause = refusals == before;
  }
  CHECK(in_the_pause);
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
  CHECK(close(fd) == 0);
  end();
}

static void handshakes_end_with_their_server(void)
{
  begin(count);
  int fd = net_connect(port);
  net_settle(c);
  CHECK_OK(copas_removeserver(server, 1));
  net_expect_end(c, fd);
  CHECK_OK(copas_close(server));
  /* Nothing is left to wait for. */
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(handled, 0);
  CHECK(close(fd) == 0);
  end();
}

static void handshakes_end_with_their_dispatcher(void)
{
  begin(count);
  int fd = net_connect(port);
  net_settle(c);
  end();
  CHECK_NUMBER(handled, 0);
  CHECK(close(fd) == 0);
}

static void a_shutdown_does_not_wait_for_handshakes(void)
{
  begin(count);
  int fd = net_connect(port);
  net_settle(c);
  double begun = net_seconds();
  CHECK_OK(copas_shutdown(c, 20));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(net_seconds() - begun < 10);
  CHECK(close(fd) == 0);
  end();
}

int main(void)
{
  tls_begin();
  RUN(a_thousand_handshakes_at_once_all_succeed);
  RUN(those_who_stall_hold_nobody_up);
  RUN(the_time_limit_of_the_server_holds_for_handshakes);
  RUN(bytes_that_come_one_by_one_are_a_handshake_too);
  RUN(what_is_not_tls_gets_an_alert_and_no_handler);
  RUN(random_bytes_never_reach_a_handler);
  RUN(a_client_that_leaves_in_its_handshake_is_forgotten);
  RUN(handlers_of_finished_handshakes_start_while_accepting_pauses);
  RUN(handshakes_end_with_their_server);
  RUN(handshakes_end_with_their_dispatcher);
  RUN(a_shutdown_does_not_wait_for_handshakes);
  return check_report();
}
