/* SPDX-License-Identifier: MIT */
/* Submitted operations and their events, alone and beside coroutines. */
#include "network.h"

#include <malloc.h>

static copas *c;
static copas_socket *skt;
static int peer;
static copas_event event;

static void open_pair(void)
{
  c = net_new(NULL);
  peer = net_tcp(c, &skt);
}

static void close_pair(void)
{
  if (peer >= 0) close(peer);
  CHECK_OK(copas_free(c));
}

static void submit(int64_t pattern, uint64_t token)
{
  CHECK_OK(copas_submit_receive(skt, pattern, token, NULL, NULL));
}

/* The next event, which must come, and be of this token and status. */
static void expect_event(uint64_t token, copas_status status)
{
  CHECK_NUMBER(copas_poll(c, &event, 1, NET_PATIENCE), 1);
  CHECK_NUMBER(event.token, token);
  CHECK_STATUS(event.status, status);
  CHECK(event.size == sizeof event && event.reserved == 0);
}

static void expect_bytes(uint64_t token, copas_status status, const char *text)
{
  copas_bytes bytes;
  expect_event(token, status);
  CHECK_NUMBER(event.kind, COPAS_EVENT_RECEIVE);
  CHECK(event.handle == skt);
  bytes.data = event.data;
  bytes.len = event.len;
  CHECK_BYTES(bytes, text);
}

static void expect_no_event(void)
{
  CHECK_NUMBER(copas_poll(c, &event, 1, 0), 0);
}

static void each_pattern_is_received(void)
{
  open_pair();
  net_puts(peer, "line\r\nraw\r\nblock12345rest");
  submit(COPAS_LINE, 1);
  expect_bytes(1, COPAS_OK, "line");
  submit(COPAS_LINE_RAW, 2);
  expect_bytes(2, COPAS_OK, "raw\r\n");
  submit(10, 3);
  expect_bytes(3, COPAS_OK, "block12345");
  submit(0, 4);
  expect_bytes(4, COPAS_OK, "");
  submit(COPAS_ALL, 5);
  expect_no_event();
  close(peer);
  peer = -1;
  expect_bytes(5, COPAS_OK, "rest");
  submit(COPAS_LINE, 6);
  expect_bytes(6, COPAS_CLOSED, "");
  close_pair();
}

static void a_line_in_pieces_is_one_event(void)
{
  open_pair();
  submit(COPAS_LINE, 1);
  net_puts(peer, "one ");
  expect_no_event();
  net_puts(peer, "line");
  expect_no_event();
  net_puts(peer, "\n");
  expect_bytes(1, COPAS_OK, "one line");
  expect_no_event();
  close_pair();
}

static void what_ends_a_receive_early_loses_nothing(void)
{
  copas_operation *operation;
  open_pair();
  net_puts(peer, "half");
  CHECK_OK(copas_settimeout(skt, 0.02));
  double start = net_seconds();
  submit(COPAS_LINE, 1);
  expect_bytes(1, COPAS_TIMEOUT, "half");
  CHECK(net_seconds() - start >= 0.02);
  CHECK_OK(copas_settimeout(skt, COPAS_FOREVER));
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 2, NULL, &operation));
  CHECK_OK(copas_submit_cancel(operation));
  expect_bytes(2, COPAS_CANCELED, "half");
  CHECK_STATUS(copas_submit_cancel(operation), COPAS_STALE);
  CHECK_OK(copas_setlimits(skt, 6, 0));
  net_puts(peer, " too long\n");
  submit(COPAS_LINE, 3);
  expect_event(3, COPAS_TOO_LONG);
  CHECK_OK(copas_setlimits(skt, 100, 0));
  submit(COPAS_LINE, 4);
  expect_bytes(4, COPAS_OK, "half too long");
  close_pair();
}

static void a_limit_of_zero_looks_once(void)
{
  open_pair();
  CHECK_OK(copas_settimeout(skt, 0));
  submit(COPAS_LINE, 1);
  expect_bytes(1, COPAS_TIMEOUT, "");
  net_puts(peer, "now\n");
  submit(COPAS_LINE, 2);
  expect_bytes(2, COPAS_OK, "now");
  close_pair();
}

static void a_limit_of_zero_sees_all_that_has_come(void)
{
  int ends[2];
  c = net_new(NULL);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
  CHECK_OK(copas_wrap(c, ends[0], &skt));
  CHECK_OK(copas_settimeout(skt, 0));
  submit(COPAS_LINE, 1);
  expect_bytes(1, COPAS_TIMEOUT, "");
  /* No step comes between: only the look itself can find it. */
  net_puts(ends[1], "the end of it");
  close(ends[1]);
  peer = -1;
  submit(COPAS_LINE, 2);
  expect_bytes(2, COPAS_CLOSED, "the end of it");
  close_pair();
}

static void a_reset_in_mid_line_is_a_close(void)
{
  open_pair();
  net_puts(peer, "half");
  submit(COPAS_LINE, 1);
  expect_no_event();
  net_reset(peer);
  peer = -1;
  expect_event(1, COPAS_CLOSED);
  CHECK_NUMBER(event.sys_errno, ECONNRESET);
  close_pair();
}

static void an_operation_is_outstanding_until_its_event_is_delivered(void)
{
  size_t taken;
  open_pair();
  net_puts(peer, "first\nsecond\n");
  submit(COPAS_LINE, 1);
  net_settle(c);
  CHECK_STATUS(copas_submit_receive(skt, COPAS_LINE, 2, NULL, NULL), COPAS_BUSY);
  expect_bytes(1, COPAS_OK, "first");
  submit(COPAS_LINE, 3);
  expect_bytes(3, COPAS_OK, "second");
  CHECK_OK(copas_submit_send(skt, "a", 1, 0, 4, &taken, NULL, NULL));
  CHECK_STATUS(copas_submit_send(skt, "b", 1, 0, 5, &taken, NULL, NULL), COPAS_BUSY);
  expect_event(4, COPAS_OK);
  CHECK_OK(copas_submit_send(skt, "b", 1, 0, 6, &taken, NULL, NULL));
  expect_event(6, COPAS_OK);
  net_expect(c, peer, "ab");
  close_pair();
}

static void a_close_ends_each_operation_with_exactly_one_event(void)
{
  open_pair();
  copas_socket *closed = skt;
  submit(COPAS_LINE, 1);
  CHECK_OK(copas_close(skt));
  expect_event(1, COPAS_CLOSED);
  CHECK(event.handle == closed);
  expect_no_event();
  CHECK_STATUS(copas_submit_receive(skt, COPAS_LINE, 2, NULL, NULL), COPAS_STALE);
  close_pair();
}

static void both_directions_end_with_one_event_each(void)
{
  static char block[1 << 20];
  for (int abort_it = 0; abort_it < 2; abort_it++) {
    size_t taken;
    copas_operation *receive, *send;
    copas_event events[3];
    c = net_new(NULL);
    peer = net_narrow_pair(c, &skt);
    CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 1, NULL, &receive));
    CHECK_OK(copas_submit_send(skt, block, sizeof block, 0, 2, &taken, NULL, &send));
    CHECK_OK(abort_it ? copas_abort(skt) : copas_submit_cancel(send));
    CHECK_OK(abort_it ? COPAS_OK : copas_submit_cancel(receive));
    CHECK_NUMBER(copas_poll(c, events, 3, NET_PATIENCE), 2);
    CHECK(events[0].token != events[1].token);
    for (int i = 0; i < 2; i++) {
      CHECK_NUMBER(events[i].kind, events[i].token);
      CHECK_STATUS(events[i].status, abort_it ? COPAS_CLOSED : COPAS_CANCELED);
    }
    expect_no_event();
    close_pair();
  }
}

static void the_end_in_mid_line_shows_what_came(void)
{
  open_pair();
  net_puts(peer, "half");
  CHECK(shutdown(peer, SHUT_WR) == 0);
  submit(COPAS_LINE, 1);
  expect_bytes(1, COPAS_CLOSED, "half");
  submit(COPAS_ALL, 2);
  expect_bytes(2, COPAS_OK, "half");
  close_pair();
}

/* Neither polls nor sends nor other sockets' events end the loan of an event's bytes. */
static void the_bytes_of_an_event_stay_until_the_next_receive_on_its_socket(void)
{
  size_t taken;
  open_pair();
  copas_socket *first = skt;
  net_puts(peer, "lent\n");
  submit(COPAS_LINE, 1);
  expect_bytes(1, COPAS_OK, "lent");
  copas_event lent = event;
  int other = net_pair(c, &skt);
  net_puts(other, "of another\n");
  submit(COPAS_LINE, 2);
  expect_bytes(2, COPAS_OK, "of another");
  CHECK_OK(copas_submit_send(first, lent.data, lent.len, 0, 3, &taken, NULL, NULL));
  expect_event(3, COPAS_OK);
  net_expect(c, peer, "lent");
  close(other);
  close_pair();
}

static void read_after_the_event(void *user)
{
  copas_bytes *bytes = user;
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, bytes), COPAS_BUSY);
  CHECK_OK(copas_pauseforever(c));
  CHECK_OK(copas_receive(skt, COPAS_LINE, bytes));
  CHECK_BYTES(*bytes, "for the coroutine");
}

static void a_coroutine_and_a_submission_take_turns_on_a_socket(void)
{
  copas_bytes bytes;
  copas_thread *reader;
  open_pair();
  submit(COPAS_LINE, 1);
  CHECK_OK(copas_addthread(c, read_after_the_event, &bytes, &reader));
  net_settle(c);
  net_puts(peer, "for the event\n");
  expect_bytes(1, COPAS_OK, "for the event");
  CHECK_NUMBER(copas_wakeup(reader), 1);
  net_settle(c);
  CHECK_STATUS(copas_submit_receive(skt, COPAS_LINE, 2, NULL, NULL), COPAS_BUSY);
  net_puts(peer, "for the coroutine\n");
  CHECK_OK(copas_join(reader, NET_PATIENCE));
  close_pair();
}

static void a_cancel_after_the_completion_changes_nothing(void)
{
  copas_operation *operation;
  open_pair();
  net_puts(peer, "done\n");
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 1, NULL, &operation));
  net_settle(c);
  CHECK_OK(copas_submit_cancel(operation));
  CHECK_OK(copas_submit_cancel(operation));
  expect_bytes(1, COPAS_OK, "done");
  expect_no_event();
  close_pair();
}

static void a_send_that_says_that_more_follows_is_written_by_the_next_step(void)
{
  size_t taken;
  open_pair();
  CHECK_OK(copas_submit_send(skt, "head ", 5, COPAS_MORE, 1, &taken, NULL, NULL));
  CHECK_NUMBER(taken, 5);
  CHECK(net_quiet(peer));
  expect_event(1, COPAS_OK);
  CHECK_NUMBER(event.kind, COPAS_EVENT_SEND);
  CHECK(!net_quiet(peer));
  CHECK_OK(copas_submit_send(skt, "body", 4, 0, 2, &taken, NULL, NULL));
  expect_event(2, COPAS_OK);
  net_expect(c, peer, "head body");
  close_pair();
}

static void what_the_next_step_writes_whole_makes_room(void)
{
  static char block[65536];
  size_t taken;
  open_pair();
  CHECK_OK(copas_submit_send(skt, block, sizeof block, COPAS_MORE, 1, &taken, NULL, NULL));
  CHECK_NUMBER(taken, sizeof block);
  expect_event(1, COPAS_OK);
  close_pair();
}

struct stream {
  copas_socket *socket;
  size_t sent, received;
};

static char pattern_at(size_t place)
{
  return (char)(place * 2654435761u >> 13);
}

static void send_on(struct stream *stream, size_t size, uint64_t token)
{
  static char block[300000];
  size_t taken, n = size - stream->sent;
  if (n > sizeof block) n = sizeof block;
  for (size_t i = 0; i < n; i++) block[i] = pattern_at(stream->sent + i);
  CHECK_OK(copas_submit_send(stream->socket, block, n, 0, token, &taken, NULL, NULL));
  CHECK(taken <= n);
  stream->sent += taken;
}

static void check_received(struct stream *stream)
{
  for (size_t i = 0; i < event.len; i++)
    if (event.data[i] != pattern_at(stream->received + i))
      CHECK_FAIL("byte %zu is wrong", stream->received + i);
  stream->received += event.len;
}

static void big_data_in_both_directions_arrives_intact(void)
{
  size_t size = check_small() ? 1 << 20 : 8 << 20;
  struct stream streams[2];
  open_pair();
  memset(streams, 0, sizeof streams);
  streams[0].socket = skt;
  CHECK_OK(copas_wrap(c, peer, &streams[1].socket));
  peer = -1;
  for (uint64_t i = 0; i < 2; i++) {
    send_on(&streams[i], size, i);
    CHECK_OK(copas_submit_receive(streams[i].socket, 65536, 10 + i, NULL, NULL));
  }
  while (streams[0].received < size || streams[1].received < size) {
    CHECK_NUMBER(copas_poll(c, &event, 1, NET_PATIENCE), 1);
    CHECK_OK(event.status);
    struct stream *stream = &streams[event.token % 10];
    if (event.kind == COPAS_EVENT_SEND) {
      if (stream->sent < size) send_on(stream, size, event.token);
    } else {
      check_received(stream);
      if (stream->received < size)
        CHECK_OK(copas_submit_receive(stream->socket, 65536, event.token, NULL, NULL));
    }
  }
  close_pair();
}

static void a_full_pipe_completes_when_there_is_room_again(void)
{
  static char block[1 << 20];
  size_t taken;
  c = net_new(NULL);
  peer = net_narrow_pair(c, &skt);
  CHECK_OK(copas_submit_send(skt, block, sizeof block, 0, 1, &taken, NULL, NULL));
  CHECK(taken > 65536 && taken < sizeof block);
  expect_no_event();
  net_take(c, peer, block, taken);
  expect_event(1, COPAS_OK);
  CHECK_OK(copas_settimeout(skt, 0.02));
  CHECK_OK(copas_submit_send(skt, block, sizeof block, 0, 2, &taken, NULL, NULL));
  expect_event(2, COPAS_TIMEOUT);
  close_pair();
}

static void many_events_come_at_once_oldest_first(void)
{
  enum { SOCKETS = 20 };
  copas_socket *sockets[SOCKETS];
  int peers[SOCKETS];
  copas_event events[SOCKETS + 5];
  c = net_new(NULL);
  for (uint64_t i = 0; i < SOCKETS; i++) {
    peers[i] = net_pair(c, &sockets[i]);
    net_puts(peers[i], "x\n");
    CHECK_OK(copas_submit_receive(sockets[i], COPAS_LINE, i, NULL, NULL));
  }
  CHECK_NUMBER(copas_poll(c, events, 7, 1), 7);
  CHECK_NUMBER(copas_poll(c, events + 7, SOCKETS, 1), SOCKETS - 7);
  for (int i = 0; i < SOCKETS; i++) {
    CHECK_NUMBER(events[i].token, i);
    close(peers[i]);
  }
  CHECK_OK(copas_free(c));
}

static void a_poll_ends_at_its_limit_or_when_nothing_can_come(void)
{
  open_pair();
  double start = net_seconds();
  CHECK_NUMBER(copas_poll(c, &event, 1, COPAS_FOREVER), 0);
  submit(COPAS_LINE, 1);
  CHECK_NUMBER(copas_poll(c, &event, 1, 0), 0);
  CHECK_NUMBER(copas_poll(c, &event, 1, 0.03), 0);
  CHECK(net_seconds() - start >= 0.03);
  CHECK_STATUS(copas_poll(c, NULL, 1, 0), COPAS_INVALID);
  CHECK_STATUS(copas_poll(c, &event, 0, 0), COPAS_INVALID);
  CHECK_STATUS(copas_poll(c, &event, 65537, 0), COPAS_INVALID);
  close_pair();
}

static void coroutines_run_while_events_are_awaited(void)
{
  int port;
  size_t taken;
  c = net_new(NULL);
  peer = -1;
  net_serve(c, net_echo, NULL, &port);
  CHECK_OK(copas_connect(c, "127.0.0.1", port, 5, &skt));
  for (uint64_t i = 0; i < 100; i++) {
    CHECK_OK(copas_submit_send(skt, "ping\n", 5, 0, i, &taken, NULL, NULL));
    CHECK_OK(copas_submit_receive(skt, COPAS_LINE, i + 1000, NULL, NULL));
    expect_event(i, COPAS_OK);
    expect_bytes(i + 1000, COPAS_OK, "ping");
  }
  close_pair();
}

static void what_cannot_be_submitted_gets_no_event(void)
{
  size_t taken = 9;
  open_pair();
  CHECK_STATUS(copas_submit_receive(skt, -99, 1, NULL, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_submit_send(skt, NULL, 5, 0, 1, &taken, NULL, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_submit_send(skt, "x", 1, 0, 1, NULL, NULL, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_submit_send(skt, "x", 1, 8, 1, &taken, NULL, NULL), COPAS_INVALID);
  CHECK_OK(copas_shut(skt, COPAS_SHUT_SEND));
  CHECK_STATUS(copas_submit_send(skt, "x", 1, 0, 1, &taken, NULL, NULL), COPAS_CLOSED);
  expect_no_event();
  CHECK_NUMBER(copas_finished(c), 1);
  close_pair();
}

/* The bytes of an undelivered event outlive their socket. */
static void a_close_before_the_delivery_takes_no_bytes_away(void)
{
  copas_socket *other;
  copas_bytes bytes;
  open_pair();
  int second = net_tcp(c, &other);
  net_puts(peer, "first\n");
  submit(COPAS_LINE, 1);
  net_settle(c);
  CHECK_OK(copas_close(skt));
  net_puts(second, "second line\n");
  CHECK_OK(copas_receive(other, COPAS_LINE, &bytes));
  expect_event(1, COPAS_OK);
  bytes.data = event.data;
  bytes.len = event.len;
  CHECK_BYTES(bytes, "first");
  close(second);
  close_pair();
}

static void freeing_amid_a_send_that_says_that_more_follows_leaves_no_memory_behind(void)
{
  enum { ROUNDS = 20, MOST = 256 * 1024 };
  size_t before = 0, taken;
  for (int round = 0; round <= ROUNDS; round++) {
    open_pair();
    CHECK_OK(copas_submit_send(skt, "more", 4, COPAS_MORE, 1, &taken, NULL, NULL));
    close_pair();
    /* The first round leaves what the process keeps for good. */
    if (round == 0) before = mallinfo2().uordblks;
  }
  CHECK(mallinfo2().uordblks <= before + MOST);
}

int main(void)
{
  RUN(a_close_before_the_delivery_takes_no_bytes_away);
  RUN(each_pattern_is_received);
  RUN(a_line_in_pieces_is_one_event);
  RUN(what_ends_a_receive_early_loses_nothing);
  RUN(a_limit_of_zero_looks_once);
  RUN(a_limit_of_zero_sees_all_that_has_come);
  RUN(a_reset_in_mid_line_is_a_close);
  RUN(an_operation_is_outstanding_until_its_event_is_delivered);
  RUN(a_close_ends_each_operation_with_exactly_one_event);
  RUN(both_directions_end_with_one_event_each);
  RUN(the_end_in_mid_line_shows_what_came);
  RUN(the_bytes_of_an_event_stay_until_the_next_receive_on_its_socket);
  RUN(a_coroutine_and_a_submission_take_turns_on_a_socket);
  RUN(a_cancel_after_the_completion_changes_nothing);
  RUN(a_send_that_says_that_more_follows_is_written_by_the_next_step);
  RUN(what_the_next_step_writes_whole_makes_room);
  RUN(big_data_in_both_directions_arrives_intact);
  RUN(a_full_pipe_completes_when_there_is_room_again);
  RUN(many_events_come_at_once_oldest_first);
  RUN(a_poll_ends_at_its_limit_or_when_nothing_can_come);
  RUN(coroutines_run_while_events_are_awaited);
  RUN(what_cannot_be_submitted_gets_no_event);
  RUN(freeing_amid_a_send_that_says_that_more_follows_leaves_no_memory_behind);
  return check_report();
}
