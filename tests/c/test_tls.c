/* SPDX-License-Identifier: MIT */
/* Encrypted sockets: what holds for plain ones holds for them. Client and server are both the
 * library's; tests/tls has those of others. */
#include "tls.h"

static copas *c;
static copas_tls_context *server_context, *client_context;
static int port;

/* A server with a handler, and a client that is connected to it. */
static copas_socket *begin(copas_handler_fn handler, void *user)
{
  copas_socket *skt;
  c = net_new(NULL);
  server_context = tls_server(c, "server");
  client_context = tls_client(c, "ca");
  tls_serve(c, server_context, handler, user, &port);
  CHECK_OK(tls_connect(c, client_context, port, "localhost", &skt));
  return skt;
}

static void end(void)
{
  CHECK_OK(copas_tls_context_release(server_context));
  CHECK_OK(copas_tls_context_release(client_context));
  CHECK_OK(copas_free(c));
}

static void lines_go_there_and_back(void)
{
  copas_bytes line;
  copas_socket *skt = begin(net_echo, NULL);
  CHECK_OK(copas_send(skt, "one\r\ntwo\n", 9));
  CHECK_OK(copas_receive(skt, COPAS_LINE, &line));
  CHECK_BYTES(line, "one");
  CHECK_OK(copas_receive(skt, COPAS_LINE_RAW, &line));
  CHECK_BYTES(line, "two\n");
  end();
}

static void send_and_end(copas_socket *client, void *user)
{
  (void)user;
  copas_send(client, "head;body, and more", 19);
}

static void every_pattern_works(void)
{
  char memory[5];
  size_t received;
  copas_bytes bytes;
  copas_socket *skt = begin(send_and_end, NULL);
  CHECK_OK(copas_receive_until(skt, ";", 1, &bytes));
  CHECK_BYTES(bytes, "head");
  CHECK_OK(copas_receive(skt, 4, &bytes));
  CHECK_BYTES(bytes, "body");
  CHECK_OK(copas_receive(skt, 0, &bytes));
  CHECK_OK(copas_receive_into(skt, memory, 5, &received));
  CHECK(memcmp(memory, ", and", 5) == 0);
  CHECK_OK(copas_receive(skt, COPAS_ALL, &bytes));
  CHECK_BYTES(bytes, " more");
  CHECK_STATUS(copas_receive_some(skt, &bytes), COPAS_CLOSED);
  end();
}

static void a_receive_that_times_out_loses_nothing(void)
{
  copas_bytes bytes;
  copas_socket *skt = begin(net_echo, NULL);
  CHECK_OK(copas_send(skt, "to and fro\n", 11));
  CHECK_OK(copas_settimeout(skt, 0.05));
  /* It may take longer until all of it is there. */
  do CHECK_STATUS(copas_receive(skt, 100, &bytes), COPAS_TIMEOUT);
  while (bytes.len < 11);
  CHECK_BYTES(bytes, "to and fro\n");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "to and fro");
  CHECK_OK(copas_settimeout(skt, 0));
  CHECK_STATUS(copas_receive_some(skt, &bytes), COPAS_TIMEOUT);
  end();
}

static void too_long_lines_are_told(void)
{
  copas_bytes bytes;
  copas_socket *skt = begin(net_echo, NULL);
  CHECK_OK(copas_setlimits(skt, 4, 0));
  CHECK_OK(copas_send(skt, "too long\n", 9));
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TOO_LONG);
  CHECK_OK(copas_receive_some(skt, &bytes));
  CHECK_BYTES(bytes, "too long\n");
  end();
}

/* Echoes all that comes until the client has ended its side, then says goodbye. */
static void echo_all(copas_socket *client, void *user)
{
  copas_bytes all;
  (void)user;
  if (copas_receive(client, COPAS_ALL, &all) != COPAS_OK) return;
  copas_send(client, all.data, all.len);
  copas_send(client, "bye", 3);
}

static void a_half_close_ends_one_direction(void)
{
  copas_bytes all;
  copas_socket *skt = begin(echo_all, NULL);
  CHECK_OK(copas_send(skt, "all of it, ", 11));
  CHECK_OK(copas_shut(skt, COPAS_SHUT_SEND));
  CHECK_STATUS(copas_send(skt, "more", 4), COPAS_CLOSED);
  CHECK_OK(copas_receive(skt, COPAS_ALL, &all));
  CHECK_BYTES(all, "all of it, bye");
  end();
}

static int handled_status, handled_info;
static size_t handled_len;

static void receive_all(copas_socket *client, void *user)
{
  copas_bytes all;
  copas_status status = copas_receive(client, COPAS_ALL, &all);
  copas_tls_details details = {.size = sizeof details};
  handled_info = copas_tls_info(client, &details);
  handled_len = all.len;
  *(int *)user = 1;
  handled_status = status;
}

/* A relay between a plain peer and a server, so that a test can cut the stream between records. */
struct relay {
  int client, server;
};

static size_t relay_once(int from, int to)
{
  char bytes[65536];
  ssize_t n = recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
  if (n <= 0) return 0;
  net_put(to, bytes, (size_t)n);
  return (size_t)n;
}

static void relay_until(struct relay *relay, const int *flag)
{
  double limit = net_seconds() + NET_PATIENCE;
  while (!*flag) {
    relay_once(relay->client, relay->server);
    relay_once(relay->server, relay->client);
    net_step(c);
    CHECK(net_seconds() < limit);
  }
}

static copas_socket *relayed;
static int secured;

static void secure_relayed(void *user)
{
  (void)user;
  CHECK_OK(copas_starttls(relayed, client_context, "localhost"));
  CHECK_OK(copas_send(relayed, "half of a mess", 14));
  CHECK_OK(copas_flush(relayed));
  secured = 1;
}

/* A server that raises `*done` when it has received all, and a client that begins its handshake through
 * `relay`. */
static void begin_relayed(struct relay *relay, int *done)
{
  int fds[2];
  c = net_new(NULL);
  server_context = tls_server(c, "server");
  client_context = tls_client(c, "ca");
  tls_serve(c, server_context, receive_all, done, &port);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  CHECK_OK(copas_wrap(c, fds[0], &relayed));
  relay->client = fds[1];
  relay->server = net_connect(port);
  secured = 0;
  CHECK_OK(copas_addthread(c, secure_relayed, NULL, NULL));
}

static void a_stream_that_is_cut_off_is_told_apart_from_one_that_ended(void)
{
  int done = 0;
  struct relay relay;
  begin_relayed(&relay, &done);
  relay_until(&relay, &secured);
  while (relay_once(relay.client, relay.server) != 0) net_settle(c);
  /* An attacker's end: no close_notify before it. */
  CHECK(shutdown(relay.server, SHUT_WR) == 0);
  net_until(c, &done, 1);
  CHECK_STATUS(handled_status, COPAS_TRUNCATED);
  CHECK_NUMBER(handled_len, 14);
  /* It can still be asked who that was. */
  CHECK_OK(handled_info);
  CHECK(close(relay.server) == 0 && close(relay.client) == 0);
  end();
}

/* All that comes until the dispatcher has nothing more to do; how much. */
static size_t take_all(int fd, char *bytes, size_t size)
{
  size_t have = 0;
  for (;;) {
    ssize_t n = recv(fd, bytes + have, size - have, MSG_DONTWAIT);
    if (n > 0) have += (size_t)n;
    else if (copas_step(c, 0) == COPAS_TIMEOUT) return have;
  }
}

/* Sends `*user` bytes that tell their place. */
static void pour(copas_socket *client, void *user)
{
  static char block[100000];
  size_t left = *(size_t *)user, at = 0;
  while (left != 0) {
    size_t n = left < sizeof block ? left : sizeof block;
    for (size_t i = 0; i < n; i++) block[i] = (char)((at + i) * 7919 >> 5);
    if (copas_send(client, block, n) != COPAS_OK) return;
    at += n;
    left -= n;
  }
}

static size_t poured_apart;

static void pour_apart(void *user)
{
  pour(user, &poured_apart);
}

/* Sends in one coroutine while another one receives; then a word more. */
static void pour_beyond_the_end(copas_socket *client, void *user)
{
  copas_thread *thread;
  copas_bytes bytes;
  CHECK_OK(copas_addthread(c, pour_apart, client, &thread));
  handled_status = copas_receive_some(client, &bytes);
  *(int *)user = 1;
  CHECK_OK(copas_join(thread, COPAS_FOREVER));
  CHECK_OK(copas_send(client, "bye", 3));
}

static void what_was_sent_goes_out_also_when_the_other_direction_was_cut_off(void)
{
  int done = 0;
  size_t at = 0;
  copas_bytes bytes;
  copas_socket *skt;
  c = net_new(NULL);
  server_context = tls_server(c, "server");
  client_context = tls_client(c, "ca");
  tls_serve(c, server_context, pour_beyond_the_end, &done, &port);
  /* More than the kernel's buffers hold. */
  poured_apart = 12000000;
  int fd = net_connect(port), same = dup(fd);
  CHECK_OK(copas_wrap(c, fd, &skt));
  CHECK_OK(copas_starttls(skt, client_context, "localhost"));
  net_settle(c);
  /* An end that nobody has announced. */
  CHECK(shutdown(same, SHUT_WR) == 0);
  net_until(c, &done, 1);
  CHECK_STATUS(handled_status, COPAS_TRUNCATED);
  while (copas_receive_some(skt, &bytes) == COPAS_OK) at += bytes.len;
  CHECK_NUMBER(at, poured_apart + 3);
  CHECK_STATUS(copas_receive_some(skt, &bytes), COPAS_CLOSED);
  CHECK(close(same) == 0);
  end();
}

static void a_changed_byte_ends_the_connection(void)
{
  int done = 0;
  char bytes[4096];
  struct relay relay;
  begin_relayed(&relay, &done);
  relay_until(&relay, &secured);
  while (relay_once(relay.client, relay.server) != 0) net_settle(c);
  CHECK_OK(copas_send(relayed, " that is whole", 14));
  CHECK_OK(copas_send(relayed, "and the other half", 18));
  size_t n = take_all(relay.client, bytes, sizeof bytes);
  CHECK(n > 20);
  bytes[n - 1] ^= 1;
  net_put(relay.server, bytes, n);
  net_until(c, &done, 1);
  CHECK_STATUS(handled_status, COPAS_TLS_FAILED);
  /* What stands before it has arrived, though in the same segment. */
  CHECK_NUMBER(handled_len, 28);
  CHECK(close(relay.server) == 0 && close(relay.client) == 0);
  end();
}

static void nothing_of_it_is_seen_from_outside(void)
{
  int done = 0;
  char bytes[65536];
  struct relay relay;
  begin_relayed(&relay, &done);
  while (!secured) {
    relay_once(relay.server, relay.client);
    net_step(c);
    ssize_t n = recv(relay.client, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0) {
      CHECK(memmem(bytes, (size_t)n, "half of a mess", 14) == NULL);
      net_put(relay.server, bytes, (size_t)n);
    }
  }
  CHECK(close(relay.server) == 0 && close(relay.client) == 0);
  end();
}

static void a_big_transfer_arrives_whole(void)
{
  size_t size = check_small() ? 2000000 : 50000000, at = 0;
  copas_bytes bytes;
  copas_socket *skt = begin(pour, &size);
  while (copas_receive_some(skt, &bytes) == COPAS_OK)
    for (size_t i = 0; i < bytes.len; i++, at++)
      if (bytes.data[i] != (char)(at * 7919 >> 5)) CHECK_FAIL("byte %zu is wrong", at);
  CHECK_NUMBER(at, size);
  end();
}

static int poured;

static void pour_up(void *user)
{
  size_t size = check_small() ? 1000000 : 20000000;
  pour((copas_socket *)user, &size);
  CHECK_OK(copas_shut((copas_socket *)user, COPAS_SHUT_SEND));
  poured = 1;
}

static void count_and_pour(copas_socket *client, void *user)
{
  copas_bytes bytes;
  while (copas_receive_some(client, &bytes) == COPAS_OK) {
    *(size_t *)user += bytes.len;
    copas_send(client, bytes.data, bytes.len);
  }
}

static void both_directions_go_at_once(void)
{
  size_t size = check_small() ? 1000000 : 20000000, at = 0, seen = 0;
  copas_bytes bytes;
  copas_socket *skt = begin(count_and_pour, &seen);
  CHECK_OK(copas_addthread(c, pour_up, skt, NULL));
  while (copas_receive_some(skt, &bytes) == COPAS_OK)
    for (size_t i = 0; i < bytes.len; i++, at++)
      if (bytes.data[i] != (char)(at * 7919 >> 5)) CHECK_FAIL("byte %zu is wrong", at);
  CHECK_NUMBER(at, size);
  CHECK_NUMBER(seen, size);
  end();
}

static void idle(copas_socket *client, void *user)
{
  (void)user;
  copas_pauseforever(copas_of(client));
}

static void a_sender_waits_for_a_peer_that_reads_nothing(void)
{
  static char block[16000000];
  size_t taken;
  copas_socket *skt = begin(idle, NULL);
  CHECK_OK(copas_settimeout(skt, 0.1));
  CHECK_STATUS(copas_send_part(skt, block, sizeof block, &taken), COPAS_TIMEOUT);
  CHECK(taken > 0 && taken < sizeof block);
  end();
}

static void small_sends_are_gathered(void)
{
  copas_socket_stats before = {.size = sizeof before}, after = {.size = sizeof after};
  copas_bytes line;
  copas_socket *skt = begin(net_echo, NULL);
  CHECK_OK(copas_getstats(skt, &before));
  CHECK_OK(copas_send(skt, "count me\n", 9));
  CHECK_OK(copas_receive(skt, COPAS_LINE, &line));
  CHECK_OK(copas_getstats(skt, &after));
  CHECK_NUMBER(after.sent - before.sent, 9);
  CHECK_NUMBER(after.received - before.received, 9);
  end();
}

static copas_status canceled_status;
static int is_canceled;

static void wait_for_ever(void *user)
{
  copas_bytes bytes;
  canceled_status = copas_receive((copas_socket *)user, COPAS_LINE, &bytes);
  is_canceled = 1;
}

static void a_receive_is_canceled(void)
{
  copas_thread *thread;
  copas_bytes line;
  copas_socket *skt = begin(net_echo, NULL);
  is_canceled = 0;
  CHECK_OK(copas_addthread(c, wait_for_ever, skt, &thread));
  net_settle(c);
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &line), COPAS_BUSY);
  CHECK_OK(copas_removethread(thread));
  net_until(c, &is_canceled, 1);
  CHECK_STATUS(canceled_status, COPAS_CANCELED);
  CHECK_OK(copas_send(skt, "still there\n", 12));
  CHECK_OK(copas_receive(skt, COPAS_LINE, &line));
  CHECK_BYTES(line, "still there");
  end();
}

static int handled_errno;

static void receive_all_for_errno(copas_socket *client, void *user)
{
  copas_error_info info = {.size = sizeof info};
  receive_all(client, user);
  CHECK_OK(copas_error(c, &info));
  handled_errno = info.sys_errno;
}

/* Whoever can cut a stream off by an end can do so by a reset. */
static void a_reset_is_no_end_either(void)
{
  int done = 0;
  copas_socket *skt = begin(receive_all_for_errno, &done);
  CHECK_OK(copas_send(skt, "cut", 3));
  CHECK_OK(copas_flush(skt));
  CHECK_OK(copas_abort(skt));
  net_until(c, &done, 1);
  CHECK_STATUS(handled_status, COPAS_TRUNCATED);
  CHECK_NUMBER(handled_len, 3);
  CHECK_NUMBER(handled_errno, ECONNRESET);
  end();
}

static void a_closed_socket_is_drained(void)
{
  static char block[1500000];
  int done = 0;
  copas_socket *skt = begin(receive_all, &done);
  CHECK_OK(copas_send(skt, block, sizeof block));
  CHECK_OK(copas_close(skt));
  net_until(c, &done, 1);
  CHECK_OK(handled_status);
  CHECK_NUMBER(handled_len, sizeof block);
  end();
}

static void what_is_encrypted_stays_so(void)
{
  int fd;
  copas_socket *skt = begin(net_echo, NULL);
  CHECK_STATUS(copas_unwrap(skt, &fd), COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_starttls(skt, client_context, "localhost"), COPAS_UNSUPPORTED);
  end();
}

static void completions_work_as_on_plain_sockets(void)
{
  size_t taken;
  copas_event event, now;
  copas_connect_options options = {.size = sizeof options, .server_name = "localhost"};
  c = net_new(NULL);
  server_context = tls_server(c, "server");
  client_context = tls_client(c, "ca");
  tls_serve(c, server_context, net_echo, NULL, &port);
  options.tls = client_context;
  CHECK_OK(copas_submit_connect_with(c, "127.0.0.1", port, &options, 1, NULL, NULL));
  while (copas_poll(c, &event, 1, NET_PATIENCE) == 0) continue;
  CHECK_NUMBER(event.token, 1);
  CHECK_OK(event.status);
  copas_socket *skt = (copas_socket *)event.result;
  CHECK_NUMBER(copas_submit_send(skt, "by event\n", 9, 0, 2, &taken, &now, NULL), 1);
  CHECK_NUMBER(taken, 9);
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 3, NULL, NULL));
  while (copas_poll(c, &event, 1, NET_PATIENCE) == 0) continue;
  CHECK_NUMBER(event.token, 3);
  copas_bytes line = {event.data, event.len};
  CHECK_BYTES(line, "by event");
  end();
}

static void a_submitted_upgrade_gives_one_event(void)
{
  int fds[2], seen = 0;
  copas_event event;
  copas_socket *one, *other;
  c = net_new(NULL);
  server_context = tls_server(c, "server");
  client_context = tls_client(c, "ca");
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  CHECK_OK(copas_wrap(c, fds[0], &one));
  CHECK_OK(copas_wrap(c, fds[1], &other));
  CHECK_OK(copas_submit_starttls(one, server_context, NULL, 1, NULL, NULL));
  CHECK_OK(copas_submit_starttls(other, client_context, "example.org", 2, NULL, NULL));
  while (seen != 3) {
    if (copas_poll(c, &event, 1, NET_PATIENCE) == 0) continue;
    CHECK_NUMBER(event.kind, COPAS_EVENT_STARTTLS);
    CHECK_STATUS(event.status, event.token == 1 ? COPAS_TLS_FAILED : COPAS_UNTRUSTED);
    CHECK(event.len != 0);
    seen |= (int)event.token;
  }
  end();
}

int main(void)
{
  tls_begin();
  RUN(lines_go_there_and_back);
  RUN(every_pattern_works);
  RUN(a_receive_that_times_out_loses_nothing);
  RUN(too_long_lines_are_told);
  RUN(a_half_close_ends_one_direction);
  RUN(a_stream_that_is_cut_off_is_told_apart_from_one_that_ended);
  RUN(what_was_sent_goes_out_also_when_the_other_direction_was_cut_off);
  RUN(a_changed_byte_ends_the_connection);
  RUN(nothing_of_it_is_seen_from_outside);
  RUN(a_big_transfer_arrives_whole);
  RUN(both_directions_go_at_once);
  RUN(a_sender_waits_for_a_peer_that_reads_nothing);
  RUN(small_sends_are_gathered);
  RUN(a_receive_is_canceled);
  RUN(a_reset_is_no_end_either);
  RUN(a_closed_socket_is_drained);
  RUN(what_is_encrypted_stays_so);
  RUN(completions_work_as_on_plain_sockets);
  RUN(a_submitted_upgrade_gives_one_event);
  return check_report();
}
