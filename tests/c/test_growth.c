/* SPDX-License-Identifier: MIT */
/* What a wait costs does not grow with the number of those that wait. */
#include "network.h"

#include <math.h>

static copas *c;
static copas_operation **operations;

static void submit(uint32_t kind, void *handle, int count)
{
  copas_choice choice = {.kind = kind, .handle = handle, .amount = 1};
  for (int i = 0; i < count; i++)
    CHECK_OK(copas_submit_choice(c, &choice, 3600, (uint64_t)i, NULL, &operations[i]));
}

static void drain(int count)
{
  copas_event events[512];
  for (int got = 0; got < count;) {
    int n = copas_poll(c, events, 512, NET_PATIENCE);
    CHECK(n > 0);
    got += n;
  }
}

/* Seconds of this process' own CPU time: other programs do not matter. */
static double cpu_seconds(void)
{
  struct timespec used;
  CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0);
  return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

/* Seconds for each of `count` waits that begin, of which half are canceled, in no order, and half are
 * served. */
static double cost_of_a_wait(int count)
{
  copas_semaphore *semaphore;
  c = net_new(NULL);
  operations = calloc((size_t)count, sizeof *operations);
  CHECK(operations != NULL);
  CHECK_OK(copas_semaphore_new(c, 1000000, 0, NAN, &semaphore));
  double start = cpu_seconds();
  submit(COPAS_CHOICE_TAKE, semaphore, count);
  for (int i = 0; i < count; i++) {
    int place = (int)((uint32_t)i * 40503u % (uint32_t)count);
    if (place % 2 == 0) CHECK_OK(copas_submit_cancel(operations[place]));
  }
  for (int i = 0; i < count; i += 2) CHECK_OK(copas_semaphore_give(semaphore, 1));
  drain(count);
  double seconds = (cpu_seconds() - start) / count;
  CHECK_OK(copas_free(c));
  free(operations);
  return seconds;
}

static void a_hundred_thousand_waiters_cost_hardly_more_each_than_a_thousand(void)
{
  int few = 1000, many = check_small() ? 2000 : 100000;
  double best_few = 1, best_many = 1;
  for (int i = 0; i < 3; i++) {
    best_few = fmin(best_few, cost_of_a_wait(few));
    best_many = fmin(best_many, cost_of_a_wait(many));
  }
  /* A list that is searched would cost a hundred times as much; log n is under two times, and memory
   * that the processor's cache does not hold costs some more. */
  if (best_many > 30 * best_few)
    CHECK_FAIL("%.2f us each of many, %.2f us each of few", best_many * 1e6, best_few * 1e6);
}

/* Seconds for each step while `count` far time limits run. */
static double cost_of_a_step(int count)
{
  enum { STEPS = 2000 };
  c = net_new(NULL);
  for (int i = 0; i < count; i++) CHECK_OK(copas_submit_pause(c, 3600, (uint64_t)i, NULL));
  net_settle(c);
  double start = cpu_seconds();
  for (int i = 0; i < STEPS; i++) CHECK_STATUS(copas_step(c, 0), COPAS_TIMEOUT);
  double seconds = (cpu_seconds() - start) / STEPS;
  CHECK_OK(copas_free(c));
  return seconds;
}

static void a_step_costs_no_more_while_a_hundred_thousand_limits_run(void)
{
  int few = 1000, many = check_small() ? 2000 : 100000;
  double best_few = 1, best_many = 1;
  for (int i = 0; i < 3; i++) {
    best_few = fmin(best_few, cost_of_a_step(few));
    best_many = fmin(best_many, cost_of_a_step(many));
  }
  if (best_many > 5 * best_few)
    CHECK_FAIL("%.2f us a step with many, %.2f us with few", best_many * 1e6, best_few * 1e6);
}

static double seconds_of_requests(int port, int count)
{
  int fd = net_connect(port);
  double start = cpu_seconds();
  for (int i = 0; i < count; i++) {
    net_puts(fd, "request\n");
    net_expect(c, fd, "request\n");
  }
  close(fd);
  return cpu_seconds() - start;
}

static void a_thousand_idle_connections_hardly_slow_a_busy_one(void)
{
  enum { IDLE = 1000 };
  int idle = check_small() ? 50 : IDLE, port, fds[IDLE];
  double alone = 1, crowded = 1;
  if (!net_allow_descriptors(2 * idle + 64)) {
    SKIP("the hard limit of descriptors (ulimit -Hn) is too low for 1,000 idle connections");
    return;
  }
  c = net_new(NULL);
  net_serve(c, net_echo, NULL, &port);
  for (int i = 0; i < 3; i++) alone = fmin(alone, seconds_of_requests(port, 300));
  for (int i = 0; i < idle; i++) {
    fds[i] = net_connect(port);
    if (i % 64 == 63) net_settle(c);
  }
  net_settle(c);
  for (int i = 0; i < 3; i++) crowded = fmin(crowded, seconds_of_requests(port, 300));
  if (crowded > 5 * alone) CHECK_FAIL("%.3f s among idle ones, %.3f s alone", crowded, alone);
  for (int i = 0; i < idle; i++) close(fds[i]);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(a_hundred_thousand_waiters_cost_hardly_more_each_than_a_thousand);
  RUN(a_step_costs_no_more_while_a_hundred_thousand_limits_run);
  RUN(a_thousand_idle_connections_hardly_slow_a_busy_one);
  return check_report();
}
