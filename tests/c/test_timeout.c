/* SPDX-License-Identifier: MIT */
/* Time limits on the real clock: never early, not much late, and nothing lost. tests/clock.rs has
 * them exactly, on a clock of its own. */
#include "network.h"

#include <math.h>

/* What every limit here is, and how late its end may be on a busy machine. */
#define LIMIT 0.03
#define LATE 1.0

static char block[1 << 20];
static copas *c;
static copas_socket *skt;
static copas_bytes bytes;
static int peer;

static void open_pair(void)
{
  c = net_new(NULL);
  peer = net_narrow_pair(c, &skt);
  CHECK_OK(copas_settimeout(skt, LIMIT));
}

static void close_pair(void)
{
  close(peer);
  CHECK_OK(copas_free(c));
}

/* The status of `expression`, which must take the limit's time. */
#define CHECK_LIMIT(expression)                                                                    \
  do {                                                                                             \
    double check_start = net_seconds();                                                            \
    CHECK_STATUS(expression, COPAS_TIMEOUT);                                                       \
    double check_passed = net_seconds() - check_start;                                             \
    CHECK(check_passed >= LIMIT);                                                                  \
    if (!check_small()) CHECK(check_passed < LIMIT + LATE);                                        \
  } while (0)

enum way { AS_COROUTINE, ON_THE_ROOT, WAYS };

/* Runs a body to its end: both ways wait by the same rules. */
static void run(enum way way, copas_thread_fn body, void *user)
{
  copas_thread *thread;
  if (way == ON_THE_ROOT) {
    body(user);
  } else {
    CHECK_OK(copas_addthread(c, body, user, &thread));
    CHECK_OK(copas_join(thread, NET_PATIENCE));
  }
}

static void twice(copas_thread_fn body)
{
  for (int way = 0; way < WAYS; way++) {
    open_pair();
    run((enum way)way, body, NULL);
    close_pair();
  }
}

static void receive_each_way(void *user)
{
  char memory[8];
  size_t n = 99;
  (void)user;
  net_puts(peer, "part");
  CHECK_LIMIT(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "part");
  CHECK_LIMIT(copas_receive(skt, 10, &bytes));
  CHECK_BYTES(bytes, "part");
  CHECK_LIMIT(copas_receive(skt, COPAS_ALL, &bytes));
  CHECK_BYTES(bytes, "part");
  CHECK_LIMIT(copas_receive_until(skt, "--", 2, &bytes));
  CHECK_BYTES(bytes, "part");
  CHECK_LIMIT(copas_receive_into(skt, memory, sizeof memory, &n));
  CHECK_NUMBER(n, 4);
  CHECK(memcmp(memory, "part", 4) == 0);
  CHECK_LIMIT(copas_receive_some(skt, &bytes));
  CHECK_NUMBER(bytes.len, 0);
  net_puts(peer, "whole\n");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "whole");
}

static void each_way_to_receive_ends_at_its_limit_and_loses_nothing(void)
{
  twice(receive_each_way);
}

static void send_each_way(void *user)
{
  size_t taken = 0;
  (void)user;
  CHECK_LIMIT(copas_send(skt, block, sizeof block));
  CHECK_LIMIT(copas_send_part(skt, block, sizeof block, &taken));
  CHECK(taken < sizeof block);
  CHECK_OK(copas_send(skt, block, 65536));
  CHECK_LIMIT(copas_send(skt, block, 1));
  CHECK_LIMIT(copas_flush(skt));
}

static void each_way_to_send_ends_at_its_limit(void)
{
  twice(send_each_way);
}

static char output[60000];

static void flush_in_vain(void *user)
{
  (void)user;
  CHECK_OK(copas_send(skt, output, sizeof output));
  CHECK_LIMIT(copas_flush(skt));
  CHECK_LIMIT(copas_flush(skt));
}

static void a_flush_that_times_out_keeps_its_output(void)
{
  static char got[sizeof output];
  for (size_t i = 0; i < sizeof output; i++) output[i] = (char)(i * 31 >> 3);
  for (int way = 0; way < WAYS; way++) {
    open_pair();
    run((enum way)way, flush_in_vain, NULL);
    net_take(c, peer, got, sizeof got);
    CHECK(memcmp(got, output, sizeof got) == 0);
    CHECK_OK(copas_flush(skt));
    CHECK(net_quiet(peer));
    close_pair();
  }
}

static void connect_in_vain(void *user)
{
  copas_socket *other = NULL;
  CHECK_STATUS(copas_connect(c, "127.0.0.1", *(int *)user, 0, &other), COPAS_TIMEOUT);
  CHECK_LIMIT(copas_connect(c, "127.0.0.1", *(int *)user, LIMIT, &other));
  CHECK(other == NULL);
}

static void a_connection_attempt_ends_at_its_limit(void)
{
  struct net_full full;
  c = net_new(NULL);
  if (net_full_open(&full))
    for (int way = 0; way < WAYS; way++) run((enum way)way, connect_in_vain, &full.port);
  else
    SKIP("an attempt to connect cannot be made to hang here");
  CHECK_OK(copas_free(c));
  net_full_close(&full);
}

static int stop;

/* Gives a byte and takes a few, again and again. */
static void trickle(void *user)
{
  (void)user;
  while (!stop) {
    net_puts(peer, "x");
    if (recv(peer, block, 100, MSG_DONTWAIT) < 0) CHECK(errno == EAGAIN);
    CHECK_OK(copas_pause(c, LIMIT / 5, NULL));
  }
}

static void receive_a_trickle(void *user)
{
  (void)user;
  CHECK_LIMIT(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK(bytes.len >= 1);
}

static void send_to_a_trickle(void *user)
{
  (void)user;
  CHECK_LIMIT(copas_send(skt, block, sizeof block));
}

static void beside_a_trickle(copas_thread_fn body)
{
  for (int way = 0; way < WAYS; way++) {
    copas_thread *other;
    open_pair();
    stop = 0;
    CHECK_OK(copas_addthread(c, trickle, NULL, &other));
    run((enum way)way, body, NULL);
    stop = 1;
    CHECK_OK(copas_join(other, NET_PATIENCE));
    close_pair();
  }
}

static void a_peer_that_trickles_does_not_extend_the_limit(void)
{
  beside_a_trickle(receive_a_trickle);
  beside_a_trickle(send_to_a_trickle);
}

static void look_once(void *user)
{
  (void)user;
  CHECK_OK(copas_settimeout(skt, 0));
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  net_puts(peer, "one\ntwo\nthr");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "one");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "two");
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  CHECK_BYTES(bytes, "thr");
  CHECK_OK(copas_flush(skt));
  CHECK_STATUS(copas_send(skt, block, sizeof block), COPAS_TIMEOUT);
  CHECK_OK(copas_send(skt, block, 65536));
  CHECK_STATUS(copas_flush(skt), COPAS_TIMEOUT);
}

static void a_limit_of_zero_does_not_wait(void)
{
  double start = net_seconds();
  twice(look_once);
  if (!check_small()) CHECK(net_seconds() - start < LATE);
}

/* Blocks the OS thread for longer than the limit: that is what the case is about. */
static void put_and_block(void *user)
{
  (void)user;
  net_puts(peer, "in time\n");
  net_sleep(2 * LIMIT);
}

static void receive_in_time(void *user)
{
  (void)user;
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "in time");
}

/* The limit has passed when the dispatcher looks again, but so has the data come. */
static void data_that_has_arrived_wins_over_a_limit_that_has_passed(void)
{
  open_pair();
  CHECK_OK(copas_addthread(c, receive_in_time, NULL, NULL));
  net_settle(c);
  put_and_block(NULL);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_addthread(c, put_and_block, NULL, NULL));
  receive_in_time(NULL);
  close_pair();
}

static void set_one_by_one(void *user)
{
  (void)user;
  CHECK_OK(copas_settimeouts(skt, NAN, COPAS_FOREVER, NAN));
  CHECK_LIMIT(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_OK(copas_settimeouts(skt, 1, 0, NAN));
  CHECK_LIMIT(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_STATUS(copas_send(skt, block, sizeof block), COPAS_TIMEOUT);
  CHECK_OK(copas_settimeouts(skt, NAN, LIMIT, 0));
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  CHECK_OK(copas_settimeouts(skt, NAN, NAN, NAN));
  CHECK_LIMIT(copas_send(skt, block, sizeof block));
  CHECK_STATUS(copas_settimeout(skt, NAN), COPAS_INVALID);
}

static void the_three_limits_are_set_one_by_one(void)
{
  twice(set_one_by_one);
}

static void wait_again(void *user)
{
  double slept = 0;
  (void)user;
  CHECK_LIMIT(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_OK(copas_pause(c, 2 * LIMIT, &slept));
  CHECK(slept >= 2 * LIMIT);
  net_puts(peer, "line\n");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_LIMIT(copas_receive(skt, COPAS_LINE, &bytes));
}

/* Neither a passed one nor an unneeded one is still armed in the next wait. */
static void a_limit_ends_its_own_call_only(void)
{
  twice(wait_again);
}

static void time_out_and_sleep(void *user)
{
  CHECK_LIMIT(copas_receive(skt, COPAS_LINE, &bytes));
  *(int *)user = 1;
  CHECK_STATUS(copas_pauseforever(c), COPAS_CANCELED);
}

static void the_next_reader_is_woken_after_one_that_timed_out(void)
{
  int timed_out = 0;
  copas_thread *reader;
  open_pair();
  CHECK_OK(copas_addthread(c, time_out_and_sleep, &timed_out, NULL));
  net_until(c, &timed_out, 1);
  CHECK_OK(copas_settimeout(skt, COPAS_FOREVER));
  CHECK_OK(copas_addthread(c, receive_in_time, NULL, &reader));
  net_settle(c);
  net_puts(peer, "in time\n");
  CHECK_OK(copas_join(reader, NET_PATIENCE));
  close_pair();
}

enum { SLEEPERS = 1000 };

static struct sleeper {
  int rank;
  double began;
} sleepers[SLEEPERS], *woken[SLEEPERS];

static int wakes;

static void sleep_by_rank(void *user)
{
  struct sleeper *self = user;
  double slept = 0, seconds = 0.05 + 0.001 * self->rank;
  self->began = net_seconds();
  CHECK_OK(copas_pause(c, seconds, &slept));
  CHECK(slept >= seconds && net_seconds() - self->began >= seconds);
  woken[wakes++] = self;
}

/* 379 has no factor in common with the count: each rank once, in a scattered order. */
static void start_sleepers(int count)
{
  wakes = 0;
  for (int i = 0; i < count; i++) {
    sleepers[i].rank = i * 379 % count;
    CHECK_OK(copas_addthread(c, sleep_by_rank, &sleepers[i], NULL));
  }
}

/* Who begins later sleeps until later: ranks may change places by as much as that, no more. */
static void check_order(int count)
{
  double spread = sleepers[count - 1].began - sleepers[0].began;
  int highest = 0;
  CHECK_NUMBER(wakes, count);
  for (int i = 0; i < count; i++) {
    int rank = woken[i]->rank;
    if (rank > highest) highest = rank;
    if (0.001 * (highest - rank) > 0.001 + spread)
      CHECK_FAIL("rank %d woke after %d, all begun within %f s", rank, highest, spread);
  }
}

static void a_thousand_sleepers_wake_in_the_order_of_their_deadlines(void)
{
  int count = check_small() ? 100 : SLEEPERS;
  c = net_new(NULL);
  start_sleepers(count);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  check_order(count);
  start_sleepers(count);
  while (wakes < count) CHECK_OK(copas_pause(c, 0.1, NULL));
  check_order(count);
  CHECK_OK(copas_free(c));
}

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void read_without_end(void *user)
{
  (void)user;
  while (!stop) {
    if (recv(peer, block, sizeof block, MSG_DONTWAIT) < 0) CHECK(errno == EAGAIN);
    send(peer, block, 2000, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (copas_receive_some(skt, &bytes) != COPAS_OK) continue;
    CHECK_OK(copas_send(skt, block, 100));
  }
}

static double median_delay_of_naps(void)
{
  enum { NAPS = 40 };
  double late[NAPS];
  for (int i = 0; i < NAPS; i++) {
    double start = net_seconds();
    CHECK_OK(copas_pause(c, 0.01, NULL));
    late[i] = net_seconds() - start - 0.01;
    CHECK(late[i] >= 0);
  }
  qsort(late, NAPS, sizeof *late, ascending);
  return late[NAPS / 2];
}

/* Up to five times: what other programs of the machine do is not the dispatcher's delay. */
static void measure_naps(void *user)
{
  double *median = user;
  for (int i = 0; i < 5 && *median >= 0.005; i++) *median = median_delay_of_naps();
  stop = 1;
}

/* The median, because one wait may be late on a busy machine. */
static void half_of_the_waits_are_hardly_late(void)
{
  enum { TRIES = 9 };
  double late[TRIES];
  open_pair();
  for (int i = 0; i < TRIES; i++) {
    double start = net_seconds();
    CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
    CHECK_STATUS(copas_send(skt, block, sizeof block), COPAS_TIMEOUT);
    late[i] = net_seconds() - start - 2 * LIMIT;
  }
  qsort(late, TRIES, sizeof *late, ascending);
  if (!check_small()) CHECK(late[TRIES / 2] < 2 * 0.05);
  close_pair();
}

static void an_endless_stream_delays_a_sleeper_by_less_than_5_ms(void)
{
  double median = 1;
  open_pair();
  stop = 0;
  CHECK_OK(copas_addthread(c, read_without_end, NULL, NULL));
  CHECK_OK(copas_addthread(c, measure_naps, &median, NULL));
  net_until(c, &stop, 1);
  if (check_small()) SKIP("the delay means nothing under a tool");
  else CHECK(median < 0.005);
  net_settle(c);
  close_pair();
}

static void flush_without_waiting(copas_socket *narrow, int peer)
{
  static char block[60000];
  for (int i = 0; copas_flush(narrow) != COPAS_OK; i++) {
    CHECK(i < 1000);
    while (recv(peer, block, sizeof block, MSG_DONTWAIT) > 0)
      ;
  }
}

static void a_limit_of_zero_asks_the_kernel_when_it_sends(void)
{
  static char block[60000];
  copas_socket *narrow;
  copas_event event;
  size_t taken;
  c = net_new(NULL);
  int peer = net_narrow_pair(c, &narrow);
  CHECK_OK(copas_settimeout(narrow, 0));
  for (int round = 0; round < 3; round++) {
    while (copas_send_part(narrow, block, sizeof block, &taken) == COPAS_OK)
      ;
    CHECK_STATUS(copas_flush(narrow), COPAS_TIMEOUT);
    flush_without_waiting(narrow, peer);
  }
  /* The same without coroutines. */
  while (copas_submit_send(narrow, block, sizeof block, 0, 1, &taken, &event, NULL) == 1 &&
         event.status == COPAS_OK)
    ;
  CHECK_STATUS(event.status, COPAS_TIMEOUT);
  while (recv(peer, block, sizeof block, MSG_DONTWAIT) > 0)
    ;
  CHECK_NUMBER(copas_submit_send(narrow, block, 1, 0, 2, &taken, &event, NULL), 1);
  CHECK_NUMBER(taken, 1);
  CHECK_OK(copas_free(c));
  close(peer);
}

int main(void)
{
  RUN(each_way_to_receive_ends_at_its_limit_and_loses_nothing);
  RUN(each_way_to_send_ends_at_its_limit);
  RUN(a_flush_that_times_out_keeps_its_output);
  RUN(a_connection_attempt_ends_at_its_limit);
  RUN(a_peer_that_trickles_does_not_extend_the_limit);
  RUN(a_limit_of_zero_does_not_wait);
  RUN(data_that_has_arrived_wins_over_a_limit_that_has_passed);
  RUN(the_three_limits_are_set_one_by_one);
  RUN(a_limit_ends_its_own_call_only);
  RUN(the_next_reader_is_woken_after_one_that_timed_out);
  RUN(a_thousand_sleepers_wake_in_the_order_of_their_deadlines);
  RUN(half_of_the_waits_are_hardly_late);
  RUN(an_endless_stream_delays_a_sleeper_by_less_than_5_ms);
  RUN(a_limit_of_zero_asks_the_kernel_when_it_sends);
  return check_report();
}
