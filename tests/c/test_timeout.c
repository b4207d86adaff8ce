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

/* Runs a body as a coroutine, and again on the root: both wait by the same rules. */
static void twice(copas_thread_fn body)
{
  open_pair();
  body(NULL);
  close_pair();
  open_pair();
  CHECK_OK(copas_addthread(c, body, NULL, NULL));
  double end = net_seconds() + NET_PATIENCE;
  while (copas_step(c, 0.1) == COPAS_OK) CHECK(net_seconds() < end);
  close_pair();
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

static void flush_twice(void *user)
{
  static char small[60000];
  (void)user;
  memset(small, 's', sizeof small);
  CHECK_OK(copas_send(skt, small, sizeof small));
  CHECK_LIMIT(copas_flush(skt));
  CHECK_OK(copas_close(skt));
}

static void a_flush_that_times_out_keeps_its_output(void)
{
  open_pair();
  CHECK_OK(copas_settimeout(skt, LIMIT));
  CHECK_OK(copas_addthread(c, flush_twice, NULL, NULL));
  net_sleep(2 * LIMIT);
  copas_socket_stats stats;
  stats.size = sizeof stats;
  while (copas_getstats(skt, &stats) == COPAS_OK) net_step(c);
  close_pair();
}

static void connect_each_way(void *user)
{
  copas_socket *other;
  CHECK_LIMIT(copas_connect(c, "127.0.0.1", *(int *)user, LIMIT, &other));
}

static void a_connection_attempt_ends_at_its_limit(void)
{
  enum { FILLERS = 4 };
  int port, error, fillers[FILLERS];
  int listener = net_listen(0, &port);
  /* A full backlog: the kernel answers no further attempt. */
  for (int i = 0; i < FILLERS; i++) fillers[i] = net_dial(port, SOCK_NONBLOCK, &error);
  c = net_new(NULL);
  connect_each_way(&port);
  CHECK_OK(copas_addthread(c, connect_each_way, &port, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
  for (int i = 0; i < FILLERS; i++) close(fillers[i]);
  close(listener);
}

static void drip(void *user)
{
  for (int i = 0; i < 200 && *(int *)user == 0; i++) {
    net_puts(peer, "x");
    CHECK_OK(copas_pause(c, LIMIT / 5, NULL));
  }
}

static void receive_drops(void *user)
{
  double start = net_seconds();
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  double passed = net_seconds() - start;
  CHECK(passed >= LIMIT);
  if (!check_small()) CHECK(passed < LIMIT + LATE);
  CHECK(bytes.len >= 1);
  *(int *)user = 1;
}

static void bytes_that_drip_do_not_extend_the_limit(void)
{
  int done = 0;
  open_pair();
  CHECK_OK(copas_addthread(c, drip, &done, NULL));
  CHECK_OK(copas_addthread(c, receive_drops, &done, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(done, 1);
  close_pair();
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

static void come_late(void *user)
{
  (void)user;
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "in time");
}

/* The limit has passed when the dispatcher looks again, but so has the data come. */
static void data_that_has_arrived_wins_over_a_limit_that_has_passed(void)
{
  open_pair();
  CHECK_OK(copas_addthread(c, come_late, NULL, NULL));
  net_settle(c);
  net_puts(peer, "in time\n");
  net_sleep(2 * LIMIT);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  close_pair();
}

static void the_three_limits_are_set_one_by_one(void)
{
  open_pair();
  CHECK_OK(copas_settimeouts(skt, NAN, COPAS_FOREVER, NAN));
  CHECK_LIMIT(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_OK(copas_settimeouts(skt, 1, 0, NAN));
  CHECK_LIMIT(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_STATUS(copas_send(skt, block, sizeof block), COPAS_TIMEOUT);
  CHECK_OK(copas_settimeouts(skt, NAN, NAN, 0));
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  CHECK_STATUS(copas_settimeout(skt, NAN), COPAS_INVALID);
  close_pair();
}

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int stop;

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

static void measure_naps(void *user)
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
  *(double *)user = late[NAPS / 2];
  stop = 1;
}

static void an_endless_stream_delays_a_sleeper_by_less_than_5_ms(void)
{
  double median = 1;
  open_pair();
  stop = 0;
  CHECK_OK(copas_addthread(c, read_without_end, NULL, NULL));
  CHECK_OK(copas_addthread(c, measure_naps, &median, NULL));
  double end = net_seconds() + NET_PATIENCE;
  while (!stop) {
    net_step(c);
    CHECK(net_seconds() < end);
  }
  if (check_small()) SKIP("the delay means nothing under a tool");
  else CHECK(median < 0.005);
  net_settle(c);
  close_pair();
}

int main(void)
{
  RUN(each_way_to_receive_ends_at_its_limit_and_loses_nothing);
  RUN(each_way_to_send_ends_at_its_limit);
  RUN(a_flush_that_times_out_keeps_its_output);
  RUN(a_connection_attempt_ends_at_its_limit);
  RUN(bytes_that_drip_do_not_extend_the_limit);
  RUN(a_limit_of_zero_does_not_wait);
  RUN(data_that_has_arrived_wins_over_a_limit_that_has_passed);
  RUN(the_three_limits_are_set_one_by_one);
  RUN(an_endless_stream_delays_a_sleeper_by_less_than_5_ms);
  return check_report();
}
