/* SPDX-License-Identifier: MIT */
/* Timers: arming and canceling, while others are armed. */
#include "micro.h"

static copas_timer *timers[MICRO_BATCH];

static void never(copas_timer *timer, void *user)
{
  (void)timer;
  (void)user;
  micro_must(0, "a timer that is never due");
}

static copas_timer *armed(copas *c, double delay)
{
  copas_timer *timer;
  copas_timer_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.callback = never;
  options.delay = delay;
  MICRO_OK(copas_timer_new(c, &options, &timer));
  return timer;
}

static void arm_all(void)
{
  for (int k = 0; k < MICRO_BATCH; k++) MICRO_OK(copas_timer_arm(timers[k], 60 + k));
}

static void cancel_all(void)
{
  for (int k = 0; k < MICRO_BATCH; k++) MICRO_OK(copas_timer_cancel(timers[k]));
}

static void arm_and_cancel(copas *c, long n)
{
  for (long i = 0; i < n; i += MICRO_BATCH) {
    arm_all();
    MICRO_OK(copas_step(c, 0) == COPAS_TIMEOUT ? COPAS_OK : COPAS_FAILED);
    cancel_all();
  }
}

static void arm_and_cancel_at_once(copas *c, long n)
{
  for (long i = 0; i < n; i += MICRO_BATCH) {
    for (int k = 0; k < MICRO_BATCH; k++) {
      MICRO_OK(copas_timer_arm(timers[k], 60 + k));
      MICRO_OK(copas_timer_cancel(timers[k]));
    }
    MICRO_OK(copas_step(c, 0) == COPAS_TIMEOUT ? COPAS_OK : COPAS_FAILED);
  }
}

/* With `others` armed: their time is months away, so that none of them moves meanwhile. */
static void measure(copas *c, long others, void (*body)(copas *c, long n))
{
  for (long i = 0; i < others; i++) armed(c, 1e7 + (double)i);
  for (int k = 0; k < MICRO_BATCH; k++) timers[k] = armed(c, 60);
  cancel_all();
  micro_measure(body, c);
}

static void measure_1(copas *c)
{
  measure(c, 1, arm_and_cancel);
}

static void measure_1_000(copas *c)
{
  measure(c, 1000, arm_and_cancel);
}

static void measure_100_000(copas *c)
{
  measure(c, 100000, arm_and_cancel);
}

static void measure_1_000_000(copas *c)
{
  measure(c, 1000000, arm_and_cancel);
}

static void make_and_destroy(copas *c, long n)
{
  for (long i = 0; i < n; i += MICRO_BATCH) {
    for (int k = 0; k < MICRO_BATCH; k++) MICRO_OK(copas_timer_destroy(armed(c, 60 + k)));
    MICRO_OK(copas_step(c, 0) == COPAS_TIMEOUT ? COPAS_OK : COPAS_FAILED);
  }
}

static void measure_new(copas *c)
{
  micro_measure(make_and_destroy, c);
}

/* Canceled in the step in which it was armed, as most time limits of waits are. */
static void measure_at_once(copas *c)
{
  measure(c, 1000, arm_and_cancel_at_once);
}

int main(int argc, char **argv)
{
  static const struct micro_operation operations[] = {{"1", measure_1},
                                                      {"1000", measure_1_000},
                                                      {"100000", measure_100_000},
                                                      {"1000000", measure_1_000_000},
                                                      {"at-once", measure_at_once},
                                                      {"new", measure_new},
                                                      {NULL, NULL}};
  return micro_main(argc, argv, operations);
}
