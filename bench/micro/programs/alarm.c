/* SPDX-License-Identifier: MIT */
/* A coroutine's alarm, and the end of a scope. */
#include "micro.h"

static void never(copas_thread *thread, void *user)
{
  (void)thread;
  (void)user;
  micro_must(0, "an alarm that is taken away in time");
}

static void set_and_clear(copas *c, long n)
{
  for (long i = 0; i < n; i++) {
    MICRO_OK(copas_timeout(c, 60, never, NULL));
    MICRO_OK(copas_timeout(c, COPAS_FOREVER, NULL, NULL));
    if (i % MICRO_BATCH == 0) MICRO_OK(copas_pause(c, 0, NULL));
  }
}

static void alarmed(void *user)
{
  micro_measure(set_and_clear, user);
}

static void measure_alarm(copas *c)
{
  MICRO_OK(copas_addthread(c, alarmed, c, NULL));
  MICRO_OK(copas_loop(c, COPAS_FOREVER));
}

static void begin_and_end(copas *c, long n)
{
  for (long i = 0; i < n; i++) {
    MICRO_OK(copas_begindeadline(c, 60));
    micro_must(copas_enddeadline(c) == 0, "copas_enddeadline");
  }
}

static void measure_scope(copas *c)
{
  micro_measure(begin_and_end, c);
}

int main(int argc, char **argv)
{
  static const struct micro_operation operations[] = {
      {"alarm", measure_alarm}, {"scope", measure_scope}, {NULL, NULL}};
  return micro_main(argc, argv, operations);
}
