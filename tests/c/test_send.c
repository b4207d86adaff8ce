/* SPDX-License-Identifier: MIT */
/* Sending: coalescing, the high-water mark, order among senders, failures. */
#include "network.h"

#define HIGH_WATER (64 * 1024)

static copas *c;
static copas_socket *skt;
static int peer;
static copas_bytes bytes;

static void open_pair(void)
{
  c = net_new(NULL);
  peer = net_tcp(c, &skt);
  CHECK_OK(copas_settimeout(skt, 10));
}

static void close_pair(void)
{
  if (peer >= 0) close(peer);
  CHECK_OK(copas_free(c));
}

static size_t readable_now(int fd)
{
  static char memory[1 << 20];
  ssize_t n = recv(fd, memory, sizeof memory, MSG_DONTWAIT);
  return n < 0 ? 0 : (size_t)n;
}

/* Sends until a send would have to wait; how many bytes were taken. */
static size_t fill_up(void)
{
  static char block[HIGH_WATER];
  size_t taken, all = 0;
  CHECK_OK(copas_settimeout(skt, 0));
  for (;;) {
    copas_status status = copas_send_part(skt, block, sizeof block, &taken);
    all += taken;
    if (status == COPAS_TIMEOUT) break;
    CHECK_OK(status);
  }
  CHECK_OK(copas_settimeout(skt, 10));
  return all;
}

static void a_send_outside_of_coroutines_is_written_at_once(void)
{
  open_pair();
  CHECK_OK(copas_send(skt, "now", 3));
  CHECK_NUMBER(readable_now(peer), 3);
  close_pair();
}

static void send_and_look(void *user)
{
  (void)user;
  CHECK_OK(copas_send(skt, "one ", 4));
  CHECK_OK(copas_send(skt, "two ", 4));
  CHECK_NUMBER(readable_now(peer), 0);
  CHECK_OK(copas_pause(c, 0, NULL));
  net_expect(c, peer, "one two ");
  CHECK_OK(copas_send(skt, "last", 4));
}

static void a_coroutines_sends_are_written_when_it_waits_or_ends(void)
{
  open_pair();
  CHECK_OK(copas_addthread(c, send_and_look, NULL, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  net_expect(c, peer, "last");
  close_pair();
}

static copas_socket *ends[2];

static void ping(void *user)
{
  int i;
  copas_bytes line;
  for (i = 0; i < 100; i++) {
    CHECK_OK(copas_send(ends[0], "ping\n", 5));
    CHECK_OK(copas_receive(ends[0], COPAS_LINE, &line));
    CHECK_BYTES(line, "pong");
  }
  *(int *)user = 1;
  CHECK_OK(copas_close(ends[0]));
}

static void pong(void *user)
{
  copas_bytes line;
  (void)user;
  while (copas_receive(ends[1], COPAS_LINE, &line) == COPAS_OK) copas_send(ends[1], "pong\n", 5);
}

static void a_forgotten_flush_never_deadlocks(void)
{
  int raw, done = 0;
  c = net_new(NULL);
  raw = net_tcp(c, &ends[0]);
  CHECK_OK(copas_wrap(c, raw, &ends[1]));
  CHECK_OK(copas_addthread(c, ping, &done, NULL));
  CHECK_OK(copas_addthread(c, pong, NULL, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(done, 1);
  CHECK_OK(copas_free(c));
}

static int others_ran;
static size_t big;

static void send_much(void *user)
{
  char *memory = net_allocate(big);
  memset(memory, 'm', big);
  CHECK_OK(copas_send(skt, memory, big));
  CHECK_OK(copas_flush(skt));
  free(memory);
  *(int *)user = 1;
}

static void run_meanwhile(void *user)
{
  const int *sent = (const int *)user;
  size_t got = 0;
  while (copas_pause(c, 0, NULL) == COPAS_OK && !*sent) {
    others_ran++;
    if (others_ran > 100) got += readable_now(peer);
  }
  while (got < big) got += readable_now(peer);
  CHECK_NUMBER(got, big);
}

static void only_the_sender_waits_for_a_slow_reader(void)
{
  int sent = 0;
  open_pair();
  big = 16 << 20;
  others_ran = 0;
  CHECK_OK(copas_addthread(c, send_much, &sent, NULL));
  CHECK_OK(copas_addthread(c, run_meanwhile, &sent, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(others_ran > 100);
  close_pair();
}

static void no_more_than_the_high_water_mark_is_pending(void)
{
  copas_socket_stats stats;
  size_t taken;
  open_pair();
  taken = fill_up();
  stats.size = sizeof stats;
  CHECK_OK(copas_getstats(skt, &stats));
  CHECK(taken - stats.sent <= HIGH_WATER);
  CHECK(taken - stats.sent > 0);
  close_pair();
}

static void a_small_send_is_taken_whole_or_not_at_all(void)
{
  static char block[HIGH_WATER];
  size_t taken = 1;
  open_pair();
  fill_up();
  CHECK_OK(copas_settimeout(skt, 0.01));
  CHECK_STATUS(copas_send_part(skt, block, sizeof block, &taken), COPAS_TIMEOUT);
  CHECK_NUMBER(taken, 0);
  close_pair();
}

static void a_big_send_tells_its_accepted_prefix(void)
{
  size_t size = 64 << 20, taken = 0, got = 0;
  char *memory = net_allocate(size);
  memset(memory, 'p', size);
  open_pair();
  CHECK_OK(copas_settimeout(skt, 0.05));
  CHECK_STATUS(copas_send_part(skt, memory, size, &taken), COPAS_TIMEOUT);
  CHECK(taken > 0 && taken < size);
  CHECK_OK(copas_settimeout(skt, 10));
  CHECK_OK(copas_close(skt));
  while (copas_finished(c) == 0) {
    copas_step(c, 0.01);
    got += readable_now(peer);
  }
  got += net_drain(c, peer);
  CHECK_NUMBER(got, taken);
  free(memory);
  close_pair();
}

static void flush_waits_until_the_kernel_has_everything(void)
{
  copas_socket_stats stats;
  size_t taken;
  open_pair();
  taken = fill_up();
  CHECK_OK(copas_settimeout(skt, 0.01));
  CHECK_STATUS(copas_flush(skt), COPAS_TIMEOUT);
  while (readable_now(peer) > 0 || copas_step(c, 0.01) == COPAS_OK) continue;
  CHECK_OK(copas_flush(skt));
  stats.size = sizeof stats;
  CHECK_OK(copas_getstats(skt, &stats));
  CHECK_NUMBER(stats.sent, taken);
  close_pair();
}

static void expect_a_failed_write(void)
{
  int i;
  copas_status status = COPAS_OK;
  for (i = 0; i < 100 && status == COPAS_OK; i++) {
    status = copas_send(skt, "x", 1);
    /* A write that was not taken is tried again when the kernel reports. */
    if (status == COPAS_OK) net_settle(c);
  }
  CHECK_STATUS(status, COPAS_CLOSED);
  CHECK_STATUS(copas_flush(skt), COPAS_CLOSED);
  CHECK_STATUS(copas_send(skt, "x", 1), COPAS_CLOSED);
}

static void writing_to_a_closed_peer_is_closed_and_no_signal(void)
{
  int raw, ends_of_pipe[2];
  open_pair();
  net_reset(peer);
  peer = -1;
  expect_a_failed_write();
  raw = net_pair(c, &skt);
  close(raw);
  expect_a_failed_write();
  CHECK(pipe(ends_of_pipe) == 0);
  CHECK_OK(copas_wrap(c, ends_of_pipe[1], &skt));
  close(ends_of_pipe[0]);
  expect_a_failed_write();
  close_pair();
}

static void a_failed_write_does_not_hide_input(void)
{
  open_pair();
  peer = net_pair(c, &skt);
  CHECK_OK(copas_settimeout(skt, 5));
  net_puts(peer, "input\nmore");
  close(peer);
  peer = -1;
  CHECK_STATUS(copas_send(skt, "x", 1), COPAS_OK);
  CHECK_STATUS(copas_flush(skt), COPAS_CLOSED);
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "input");
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_CLOSED);
  CHECK_BYTES(bytes, "more");
  close_pair();
}

static void a_failed_write_ends_a_receive_that_would_wait(void)
{
  c = net_new(NULL);
  peer = net_pair(c, &skt);
  CHECK_OK(copas_settimeout(skt, 10));
  net_puts(peer, "last\n");
  /* The peer hears nothing any more, but might still speak. */
  CHECK(shutdown(peer, SHUT_RD) == 0);
  CHECK_OK(copas_send(skt, "x", 1));
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "last");
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_CLOSED);
  CHECK_STATUS(copas_send(skt, "x", 1), COPAS_CLOSED);
  close_pair();
}

static void shutting_the_sending_side_delivers_what_was_sent(void)
{
  open_pair();
  CHECK_OK(copas_send(skt, "bye", 3));
  CHECK_OK(copas_shut(skt, COPAS_SHUT_SEND));
  net_expect(c, peer, "bye");
  net_expect_end(c, peer);
  CHECK_STATUS(copas_send(skt, "x", 1), COPAS_CLOSED);
  net_puts(peer, "still\n");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "still");
  CHECK_OK(copas_shut(skt, COPAS_SHUT_RECEIVE));
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_CLOSED);
  CHECK_STATUS(copas_shut(skt, 4), COPAS_INVALID);
  close_pair();
}

static void borrowed_bytes_may_be_sent_on_the_same_socket(void)
{
  open_pair();
  net_puts(peer, "mirror\n");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_OK(copas_send(skt, bytes.data, bytes.len));
  net_expect(c, peer, "mirror");
  CHECK_STATUS(copas_send(skt, NULL, 1), COPAS_INVALID);
  CHECK_OK(copas_send(skt, NULL, 0));
  close_pair();
}

static size_t total;

/* A byte of the stream in direction `end`. */
static char byte_at(int end, size_t i)
{
  return (char)(i * 31 + i / 8191 + (size_t)end);
}

static void stream_out(void *user)
{
  int end = (int)(intptr_t)user;
  size_t sent = 0, i;
  static char blocks[2][150000];
  while (sent < total) {
    size_t n = sizeof blocks[end] < total - sent ? sizeof blocks[end] : total - sent;
    for (i = 0; i < n; i++) blocks[end][i] = byte_at(end, sent + i);
    CHECK_OK(copas_send(ends[end], blocks[end], n));
    sent += n;
  }
  CHECK_OK(copas_shut(ends[end], COPAS_SHUT_SEND));
}

static void stream_in(void *user)
{
  int end = (int)(intptr_t)user;
  size_t got = 0, i;
  copas_bytes some;
  while (copas_receive_some(ends[end], &some) == COPAS_OK) {
    for (i = 0; i < some.len; i++, got++)
      if (some.data[i] != byte_at(1 - end, got)) CHECK_FAIL("byte %zu is wrong", got);
  }
  CHECK_NUMBER(got, total);
}

static void big_streams_in_both_directions_arrive_intact(void)
{
  int raw;
  intptr_t end;
  total = check_small() ? 2000000 : 100000000;
  c = net_new(NULL);
  raw = net_tcp(c, &ends[0]);
  CHECK_OK(copas_wrap(c, raw, &ends[1]));
  for (end = 0; end < 2; end++) {
    CHECK_OK(copas_addthread(c, stream_out, (void *)end, NULL));
    CHECK_OK(copas_addthread(c, stream_in, (void *)end, NULL));
  }
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(a_send_outside_of_coroutines_is_written_at_once);
  RUN(a_coroutines_sends_are_written_when_it_waits_or_ends);
  RUN(a_forgotten_flush_never_deadlocks);
  RUN(only_the_sender_waits_for_a_slow_reader);
  RUN(no_more_than_the_high_water_mark_is_pending);
  RUN(a_small_send_is_taken_whole_or_not_at_all);
  RUN(a_big_send_tells_its_accepted_prefix);
  RUN(flush_waits_until_the_kernel_has_everything);
  RUN(writing_to_a_closed_peer_is_closed_and_no_signal);
  RUN(a_failed_write_does_not_hide_input);
  RUN(a_failed_write_ends_a_receive_that_would_wait);
  RUN(shutting_the_sending_side_delivers_what_was_sent);
  RUN(borrowed_bytes_may_be_sent_on_the_same_socket);
  RUN(big_streams_in_both_directions_arrive_intact);
  return check_report();
}
