/* SPDX-License-Identifier: MIT */
/* Coroutines: giving way and coming back, starting and ending. */
#include "micro.h"

static void give_way(copas *c, long n)
{
  for (long i = 0; i < n; i++) MICRO_OK(copas_pause(c, 0, NULL));
}

static void switcher(void *user)
{
  micro_measure(give_way, user);
}

/* From a coroutine to the loop and back, with nobody else there: a step of the loop is in it. */
static void measure_switch(copas *c)
{
  MICRO_OK(copas_addthread(c, switcher, c, NULL));
  MICRO_OK(copas_loop(c, COPAS_FOREVER));
}

static int over;

static void take_turns(void *user)
{
  while (!over) MICRO_OK(copas_pause(user, 0, NULL));
}

static void take_turns_with_others(copas *c, long n)
{
  for (long i = 0; i < n / MICRO_BATCH; i++) MICRO_OK(copas_pause(c, 0, NULL));
}

static void turns_switcher(void *user)
{
  micro_measure(take_turns_with_others, user);
  over = 1;
}

/* The same among as many coroutines as a batch has, which share the steps. */
static void measure_turn(copas *c)
{
  MICRO_OK(copas_addthread(c, turns_switcher, c, NULL));
  for (int i = 1; i < MICRO_BATCH; i++) MICRO_OK(copas_addthread(c, take_turns, c, NULL));
  MICRO_OK(copas_loop(c, COPAS_FOREVER));
}

static void sleeper(void *user)
{
  while (copas_pauseforever(user) == COPAS_OK) continue;
}

static copas_thread *sleepers[MICRO_BATCH];

static void wake_all(copas *c, long n)
{
  for (long i = 0; i < n; i += MICRO_BATCH) {
    for (int k = 0; k < MICRO_BATCH; k++) micro_must(copas_wakeup(sleepers[k]) == 1, "copas_wakeup");
    MICRO_OK(copas_step(c, 0));
  }
}

/* Waking a coroutine that sleeps, which goes to sleep again. */
static void measure_wakeup(copas *c)
{
  for (int k = 0; k < MICRO_BATCH; k++) MICRO_OK(copas_addthread(c, sleeper, c, &sleepers[k]));
  MICRO_OK(copas_step(c, 0));
  micro_measure(wake_all, c);
  MICRO_OK(copas_cancelall(c));
  MICRO_OK(copas_loop(c, COPAS_FOREVER));
}

static void nothing(void *user)
{
  (void)user;
}

static void spawn_all(copas *c, long n)
{
  for (long i = 0; i < n; i += MICRO_BATCH) {
    for (int k = 0; k < MICRO_BATCH; k++) MICRO_OK(copas_addthread(c, nothing, NULL, NULL));
    MICRO_OK(copas_step(c, 0));
  }
}

/* Starting a coroutine, which runs to its end, on a stack from the pool. */
static void measure_spawn(copas *c)
{
  micro_measure(spawn_all, c);
}

static void join_each(copas *c, long n)
{
  copas_thread *thread;
  for (long i = 0; i < n; i++) {
    MICRO_OK(copas_addthread(c, nothing, NULL, &thread));
    MICRO_OK(copas_join(thread, COPAS_FOREVER));
  }
}

static void joiner(void *user)
{
  micro_measure(join_each, user);
}

/* One after the other, each waited for: the step of the loop and two switches are in it. */
static void measure_join(copas *c)
{
  MICRO_OK(copas_addthread(c, joiner, c, NULL));
  MICRO_OK(copas_loop(c, COPAS_FOREVER));
}

int main(int argc, char **argv)
{
  static const struct micro_operation operations[] = {{"switch", measure_switch},
                                                      {"turn", measure_turn},
                                                      {"wakeup", measure_wakeup},
                                                      {"spawn", measure_spawn},
                                                      {"join", measure_join},
                                                      {NULL, NULL}};
  return micro_main(argc, argv, operations);
}
