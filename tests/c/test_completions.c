/* SPDX-License-Identifier: MIT */
/* Servers and clients by completions alone: what each submission gives, and that each gives it once. */
#include "network.h"

#include <malloc.h>

#include <math.h>
#include <sys/un.h>

static copas *c;
static copas_event event;

static void next(uint64_t token, uint32_t kind, copas_status status)
{
  CHECK_NUMBER(copas_poll(c, &event, 1, NET_PATIENCE), 1);
  CHECK_NUMBER(event.token, token);
  CHECK_NUMBER(event.kind, kind);
  CHECK_STATUS(event.status, status);
}

static void expect_text(const char *text)
{
  copas_bytes bytes = {event.data, event.len};
  CHECK_BYTES(bytes, text);
}

static int says(const char *text)
{
  char words[512] = "";
  size_t len = event.len < sizeof words ? event.len : sizeof words - 1;
  if (event.data != NULL) memcpy(words, event.data, len);
  return strstr(words, text) != NULL;
}

static void a_connection_is_accepted_and_made(void)
{
  int port;
  c = net_new(NULL);
  copas_socket *server = net_bind(c, &port);
  CHECK_OK(copas_submit_accept(server, COPAS_FOREVER, 1, NULL, NULL));
  CHECK_STATUS(copas_submit_accept(server, COPAS_FOREVER, 2, NULL, NULL), COPAS_BUSY);
  CHECK_STATUS(copas_addserver(c, server, net_echo, NULL, 1), COPAS_BUSY);
  CHECK_NUMBER(copas_poll(c, &event, 1, 0), 0);
  CHECK_OK(copas_submit_connect(c, "127.0.0.1", port, 5, 3, NULL, NULL));
  copas_socket *accepted = NULL, *connected = NULL;
  for (int i = 0; i < 2; i++) {
    CHECK_NUMBER(copas_poll(c, &event, 1, NET_PATIENCE), 1);
    CHECK_OK(event.status);
    if (event.kind == COPAS_EVENT_ACCEPT) accepted = event.result;
    if (event.kind == COPAS_EVENT_CONNECT) connected = event.result;
  }
  CHECK(accepted != NULL && connected != NULL);
  CHECK_OK(copas_submit_receive(accepted, COPAS_LINE, 4, NULL, NULL));
  size_t taken;
  CHECK_NUMBER(copas_submit_send(connected, "hello\n", 6, 0, 5, &taken, &event, NULL), 1);
  CHECK_NUMBER(event.token, 5);
  CHECK_NUMBER(taken, 6);
  next(4, COPAS_EVENT_RECEIVE, COPAS_OK);
  expect_text("hello");
  CHECK_OK(copas_free(c));
}

static void what_is_there_is_told_at_once(void)
{
  copas_socket *skt;
  copas_operation *operation = (copas_operation *)&event;
  c = net_new(NULL);
  int peer = net_tcp(c, &skt);
  net_puts(peer, "one\ntwo\n");
  CHECK_NUMBER(copas_submit_receive(skt, COPAS_LINE, 1, &event, &operation), 1);
  expect_text("one");
  CHECK(operation == NULL);
  CHECK_NUMBER(event.size, 64);
  CHECK_NUMBER(copas_submit_receive_until(skt, "o", 1, 2, &event, NULL), 1);
  expect_text("tw");
  CHECK_NUMBER(copas_submit_receive_some(skt, 3, &event, NULL), 1);
  expect_text("\n");
  CHECK_OK(copas_submit_receive_until(skt, "--", 2, 4, &event, NULL));
  CHECK_NUMBER(copas_poll(c, &event, 1, 0), 0);
  net_puts(peer, "end-");
  CHECK_NUMBER(copas_poll(c, &event, 1, 0.01), 0);
  net_puts(peer, "-rest");
  next(4, COPAS_EVENT_RECEIVE, COPAS_OK);
  expect_text("end");
  CHECK_NUMBER(copas_submit_flush(skt, 5, &event, NULL), 1);
  CHECK_NUMBER(copas_poll(c, &event, 1, 0), 0);
  close(peer);
  CHECK_OK(copas_free(c));
}

static void a_failed_connection_has_its_words(void)
{
  int port;
  c = net_new(NULL);
  close(net_listen(1, &port));
  CHECK_OK(copas_submit_connect(c, "127.0.0.1", port, 5, 1, NULL, NULL));
  next(1, COPAS_EVENT_CONNECT, COPAS_REFUSED);
  CHECK_NUMBER(event.sys_errno, ECONNREFUSED);
  CHECK(says("127.0.0.1"));
  CHECK(event.result == NULL);
  CHECK_OK(copas_submit_connect_unix(c, "/nonexistent/socket", 0, 5, 2, NULL, NULL));
  next(2, COPAS_EVENT_CONNECT, COPAS_SYSTEM);
  CHECK(says("/nonexistent/socket"));
  CHECK_STATUS(copas_submit_connect(c, NULL, 1, 1, 1, NULL, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_submit_connect(c, "127.0.0.1", 0, 1, 1, NULL, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_submit_connect(c, "127.0.0.1", 1, NAN, 1, NULL, NULL), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

static void a_connection_that_hangs_ends_at_its_limit_or_when_canceled(void)
{
  struct net_full full;
  copas_operation *operation;
  copas_dispatcher_stats stats = {.size = sizeof stats};
  c = net_new(NULL);
  if (net_full_open(&full)) {
    CHECK_OK(copas_submit_connect(c, "127.0.0.1", full.port, 0.02, 1, NULL, NULL));
    next(1, COPAS_EVENT_CONNECT, COPAS_TIMEOUT);
    CHECK_OK(copas_submit_connect(c, "127.0.0.1", full.port, 60, 2, NULL, &operation));
    CHECK_OK(copas_submit_cancel(operation));
    next(2, COPAS_EVENT_CONNECT, COPAS_CANCELED);
    CHECK_OK(copas_stats(c, &stats));
    CHECK_NUMBER(stats.sockets, 0);
  } else {
    SKIP("this kernel's loopback never lets a connection hang");
  }
  net_full_close(&full);
  CHECK_OK(copas_free(c));
}

static void names_resolve(void)
{
  c = net_new(NULL);
  CHECK_NUMBER(copas_submit_resolve(c, "10.1.2.3", 1, 1, &event, NULL), 1);
  CHECK_NUMBER(event.len, 1);
  const copas_address *address = (const copas_address *)(const void *)event.data;
  CHECK(strcmp(address->host, "10.1.2.3") == 0);
  CHECK_OK(copas_submit_resolve(c, "localhost", NET_PATIENCE, 2, NULL, NULL));
  next(2, COPAS_EVENT_RESOLVE, COPAS_OK);
  CHECK(event.len >= 1);
  CHECK_STATUS(copas_submit_resolve(c, NULL, 1, 3, NULL, NULL), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

static void datagrams_come_with_their_sender(void)
{
  copas_socket *one, *two;
  copas_address own, sender;
  c = net_new(NULL);
  CHECK_OK(copas_bind_udp(c, "127.0.0.1", 0, &one));
  CHECK_OK(copas_bind_udp(c, "127.0.0.1", 0, &two));
  CHECK_OK(copas_getsockname(one, &own));
  CHECK_OK(copas_submit_receivefrom(two, 1, NULL, NULL));
  copas_address to;
  CHECK_OK(copas_getsockname(two, &to));
  CHECK_NUMBER(copas_submit_sendto(one, "datagram", 8, &to, 2, &event, NULL), 1);
  next(1, COPAS_EVENT_RECEIVEFROM, COPAS_OK);
  expect_text("datagram");
  CHECK_OK(copas_event_peer(&event, &sender));
  CHECK_NUMBER(sender.port, own.port);
  CHECK_STATUS(copas_event_peer(NULL, &sender), COPAS_INVALID);
  CHECK_STATUS(copas_event_peer(&event, NULL), COPAS_INVALID);
  CHECK_OK(copas_close(two));
  CHECK_STATUS(copas_event_peer(&event, &sender), COPAS_STALE);
  CHECK_OK(copas_free(c));
}

static void wait_a_little(void *user)
{
  net_sleep(0.02);
  *(int *)user = 1;
}

static void blocking_functions_and_foreign_descriptors_are_waited_for(void)
{
  int done = 0, ends[2];
  copas_operation *operation;
  c = net_new(NULL);
  CHECK(pipe(ends) == 0);
  CHECK_OK(copas_submit_wait_fd(c, ends[0], COPAS_READABLE, 5, 1, NULL, NULL));
  CHECK_STATUS(copas_submit_wait_fd(c, ends[0], COPAS_READABLE, 5, 2, NULL, NULL), COPAS_BUSY);
  CHECK_NUMBER(copas_poll(c, &event, 1, 0), 0);
  CHECK(write(ends[1], "x", 1) == 1);
  next(1, COPAS_EVENT_WAIT_FD, COPAS_OK);
  CHECK_NUMBER(event.len, COPAS_READABLE);
  CHECK_NUMBER(copas_submit_wait_fd(c, ends[1], COPAS_WRITABLE, 5, 3, &event, NULL), 1);
  CHECK_NUMBER(event.len, COPAS_WRITABLE);
  CHECK_OK(copas_submit_offload(c, wait_a_little, &done, 4, &operation));
  /* It works on the caller's memory: a cancel does not end it early. */
  CHECK_OK(copas_submit_cancel(operation));
  next(4, COPAS_EVENT_OFFLOAD, COPAS_OK);
  CHECK_NUMBER(done, 1);
  CHECK_OK(copas_free(c));
  close(ends[0]);
  close(ends[1]);
}

static void pause_a_little(void *user)
{
  (void)user;
  CHECK_OK(copas_pause(c, 0.01, NULL));
}

static void groups_ends_of_queues_and_the_exit_flag_are_waited_for(void)
{
  copas_group *group;
  copas_queue *queue;
  copas_choice choice = {.kind = COPAS_CHOICE_GROUP};
  c = net_new(NULL);
  CHECK_OK(copas_group_new(c, 0, &group));
  CHECK_OK(copas_group_addthread(group, pause_a_little, NULL, NULL));
  choice.handle = group;
  CHECK_OK(copas_submit_choice(c, &choice, 5, 1, NULL, NULL));
  next(1, COPAS_EVENT_CHOICE, COPAS_OK);
  CHECK_OK(copas_queue_new(c, 0, NAN, NULL, &queue));
  choice.kind = COPAS_CHOICE_FINISH;
  choice.handle = queue;
  CHECK_OK(copas_submit_choice(c, &choice, 5, 2, &event, NULL));
  CHECK_OK(copas_queue_stop(queue));
  next(2, COPAS_EVENT_CHOICE, COPAS_OK);
  choice.kind = COPAS_CHOICE_EXIT;
  choice.handle = c;
  CHECK_OK(copas_submit_choice(c, &choice, 5, 3, &event, NULL));
  CHECK_OK(copas_exit(c));
  next(3, COPAS_EVENT_CHOICE, COPAS_OK);
  CHECK_OK(copas_free(c));
}

/* Every submission of a shutdown's victims is answered once. */
static void a_shutdown_completes_everything(void)
{
  copas_socket *skt;
  int port, seen[8] = {0};
  c = net_new(NULL);
  int peer = net_tcp(c, &skt);
  copas_socket *server = net_bind(c, &port);
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 0, NULL, NULL));
  CHECK_OK(copas_submit_accept(server, COPAS_FOREVER, 1, NULL, NULL));
  CHECK_OK(copas_submit_pause(c, 60, 2, NULL));
  CHECK_OK(copas_shutdown(c, 0));
  for (int i = 0; i < 3; i++) {
    CHECK_NUMBER(copas_poll(c, &event, 1, NET_PATIENCE), 1);
    CHECK_STATUS(event.status, COPAS_CANCELED);
    seen[event.token]++;
  }
  for (int i = 0; i < 3; i++) CHECK_NUMBER(seen[i], 1);
  CHECK_NUMBER(copas_poll(c, &event, 1, 0), 0);
  close(peer);
  CHECK_OK(copas_free(c));
}

static void a_coroutine_accepts_and_waits_no_longer_than_it_says(void)
{
  copas_socket *client;
  int port;
  c = net_new(NULL);
  copas_socket *server = net_bind(c, &port);
  CHECK_STATUS(copas_accept(server, 0.01, &client), COPAS_TIMEOUT);
  int peer = net_connect(port);
  CHECK_OK(copas_accept(server, 5, &client));
  net_puts(peer, "x");
  copas_bytes bytes;
  CHECK_OK(copas_receive(client, 1, &bytes));
  CHECK_STATUS(copas_accept(client, 0, &client), COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_accept(server, 0, NULL), COPAS_INVALID);
  close(peer);
  CHECK_OK(copas_free(c));
}

static void an_accept_that_does_not_wait_asks_the_kernel(void)
{
  int port;
  copas_socket *client;
  c = net_new(NULL);
  copas_socket *listener = net_bind(c, &port);
  for (int i = 0; i < 3; i++) {
    CHECK_STATUS(copas_accept(listener, 0, &client), COPAS_TIMEOUT);
    int fd = net_connect(port);
    CHECK_OK(copas_accept(listener, 0, &client));
    CHECK_OK(copas_close(client));
    close(fd);
    fd = net_connect(port);
    CHECK_NUMBER(copas_submit_accept(listener, 0, 7, &event, NULL), 1);
    CHECK_OK(event.status);
    CHECK_OK(copas_close(event.result));
    close(fd);
  }
  CHECK_OK(copas_free(c));
}

/* Bytes that the process has allocated. */
static size_t allocated(void)
{
  return mallinfo2().uordblks;
}

static void words_of_outcomes_told_at_once_are_given_back_without_a_poll(void)
{
  copas_choice choice;
  size_t before = 0;
  memset(&choice, 0, sizeof choice);
  c = net_new(NULL);
  for (int i = 0; i < 20000; i++) {
    if (i == 100) before = allocated();
    CHECK_NUMBER(copas_submit_connect_unix(c, "/no/such/path", 0, 1, 1, &event, NULL), 1);
    CHECK_STATUS(event.status, COPAS_SYSTEM);
    CHECK(memmem(event.data, event.len, "/no/such/path", 13) != NULL);
    CHECK_NUMBER(copas_submit_resolve(c, "127.0.0.1", 1, 2, &event, NULL), 1);
    CHECK_OK(event.status);
    CHECK_NUMBER(event.len, 1);
    CHECK(strcmp(((const copas_address *)(const void *)event.data)->host, "127.0.0.1") == 0);
  }
  CHECK(allocated() < before + 64 * 1024);
  CHECK_OK(copas_free(c));
}

static void a_datagram_that_has_to_wait_is_copied(void)
{
  enum { MOST = 10000 };
  int fds[2], count = 0;
  char letter[8] = "letter", got[8];
  copas_socket *skt;
  c = net_new(NULL);
  CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, fds) == 0);
  CHECK_OK(copas_wrap(c, fds[0], &skt));
  /* Until one finds the receiver's queue full. */
  while (copas_submit_sendto(skt, letter, sizeof letter, NULL, 9, &event, NULL) == 1) {
    CHECK_OK(event.status);
    CHECK(++count < MOST);
  }
  memset(letter, 'x', sizeof letter);
  CHECK_NUMBER(copas_poll(c, &event, 1, 0), 0);
  for (int i = 0; i < count; i++) CHECK_NUMBER(recv(fds[1], got, sizeof got, 0), 8);
  CHECK_NUMBER(copas_poll(c, &event, 1, NET_PATIENCE), 1);
  CHECK_NUMBER(event.token, 9);
  CHECK_OK(event.status);
  CHECK_NUMBER(recv(fds[1], got, sizeof got, 0), 8);
  CHECK(strcmp(got, "letter") == 0);
  CHECK(net_quiet(fds[1]));
  close(fds[1]);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(a_connection_is_accepted_and_made);
  RUN(what_is_there_is_told_at_once);
  RUN(a_failed_connection_has_its_words);
  RUN(a_connection_that_hangs_ends_at_its_limit_or_when_canceled);
  RUN(names_resolve);
  RUN(datagrams_come_with_their_sender);
  RUN(blocking_functions_and_foreign_descriptors_are_waited_for);
  RUN(groups_ends_of_queues_and_the_exit_flag_are_waited_for);
  RUN(a_shutdown_completes_everything);
  RUN(a_coroutine_accepts_and_waits_no_longer_than_it_says);
  RUN(an_accept_that_does_not_wait_asks_the_kernel);
  RUN(words_of_outcomes_told_at_once_are_given_back_without_a_poll);
  RUN(a_datagram_that_has_to_wait_is_copied);
  return check_report();
}
