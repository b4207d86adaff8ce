/* SPDX-License-Identifier: MIT */
/* A flood of connections: they are accepted in batches, so that few steps take many of them, and no step
 * takes so many that those who run already wait for long. Counts instead of times. */
#include "network.h"

/* Connections accepted in one turn, and turns that a step has for a server: when the kernel tells of
 * them, and in the ready queue. */
enum { BATCH = 64, TURNS = 2 };
enum { CROWD = 1280 };

static copas *c;
static copas_socket *server;
static int port, crowd, served, most_between;
static int clients[CROWD];

static void count_and_leave(copas_socket *client, void *user)
{
  (void)client;
  (void)user;
  served++;
}

static void count_and_stay(copas_socket *client, void *user)
{
  copas_bytes line;
  (void)user;
  served++;
  if (copas_receive(client, COPAS_LINE, &line) == COPAS_OK) CHECK_FAIL("nobody sends");
}

/* A server that is not served yet, with a crowd in the kernel's queue. 0 where that cannot be had. */
static int open_crowd(void)
{
  crowd = check_small() ? 2 * BATCH : CROWD;
  served = most_between = 0;
  if (!net_allow_descriptors(2 * crowd + 100)) {
    SKIP("too few descriptors are allowed here");
    return 0;
  }
  c = net_new(NULL);
  server = net_bind(c, &port);
  for (int i = 0; i < crowd; i++) clients[i] = net_connect(port);
  return 1;
}

static void close_crowd(void)
{
  CHECK_OK(copas_free(c));
  for (int i = 0; i < crowd; i++) net_reset(clients[i]);
}

/* Steps until all are served; how many steps that took. */
static int steps_until_served(void)
{
  double end = net_seconds() + NET_PATIENCE;
  int steps = 0;
  while (served < crowd) {
    CHECK_OK(copas_step(c, 1));
    CHECK(net_seconds() < end);
    steps++;
  }
  return steps;
}

static void many_connections_are_accepted_in_few_steps(void)
{
  if (!open_crowd()) return;
  CHECK_OK(copas_addserver(c, server, count_and_stay, NULL, COPAS_FOREVER));
  int steps = steps_until_served();
  /* Handlers that were started in the last step of accepting run in the one after it. */
  if (steps > crowd / BATCH + 3) CHECK_FAIL("%d connections took %d steps", crowd, steps);
  close_crowd();
}

/* Waits again and again for `seconds`, and notes how many were served meanwhile at most. */
static void wait_and_count(double seconds)
{
  for (;;) {
    int before = served;
    /* It is canceled when the test is over. */
    if (copas_pause(c, seconds, NULL) != COPAS_OK) return;
    if (served - before > most_between) most_between = served - before;
  }
}

static void sleep_and_count(void *user)
{
  (void)user;
  wait_and_count(1e-6);
}

static void yield_and_count(void *user)
{
  (void)user;
  wait_and_count(0);
}

static void check_between(copas_thread_fn body, int steps)
{
  if (!open_crowd()) return;
  CHECK_OK(copas_addthread(c, body, NULL, NULL));
  net_step(c);
  CHECK_OK(copas_addserver(c, server, count_and_leave, NULL, COPAS_FOREVER));
  steps_until_served();
  CHECK(most_between > 0);
  if (most_between > steps * TURNS * BATCH)
    CHECK_FAIL("%d connections were served before the coroutine had its turn", most_between);
  close_crowd();
}

static void a_ready_coroutine_has_its_turn_in_every_step_of_a_flood(void)
{
  check_between(yield_and_count, 1);
}

static void a_sleeper_wakes_in_the_first_steps_after_its_time_in_a_flood(void)
{
  /* The step that makes its limit absolute, the one in which the time passes, and its own turn. */
  check_between(sleep_and_count, 3);
}

int main(void)
{
  RUN(many_connections_are_accepted_in_few_steps);
  RUN(a_ready_coroutine_has_its_turn_in_every_step_of_a_flood);
  RUN(a_sleeper_wakes_in_the_first_steps_after_its_time_in_a_flood);
  return check_report();
}
