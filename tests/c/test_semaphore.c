/* SPDX-License-Identifier: MIT */
/* Semaphores: strictly first in, first out, also when somebody leaves early. */
#include "network.h"

#include <math.h>

static copas *c;
static copas_semaphore *semaphore;

struct taker {
  int n;
  double timeout;
  copas_status status;
  int done;
};

static int order[64], takers_done;

static void take(void *user)
{
  struct taker *taker = user;
  taker->status = copas_semaphore_take(semaphore, taker->n, taker->timeout);
  taker->done = 1;
  if (taker->status == COPAS_OK) order[takers_done++] = taker->n;
}

static copas_thread *start(struct taker *taker)
{
  copas_thread *thread;
  CHECK_OK(copas_addthread(c, take, taker, &thread));
  net_settle(c);
  return thread;
}

static void open_semaphore(int max, int count)
{
  c = net_new(NULL);
  takers_done = 0;
  CHECK_OK(copas_semaphore_new(c, max, count, NAN, &semaphore));
}

static void what_is_there_is_taken_at_once(void)
{
  open_semaphore(10, 3);
  CHECK_OK(copas_semaphore_take(semaphore, 2, 0));
  CHECK_NUMBER(copas_semaphore_count(semaphore), 1);
  CHECK_STATUS(copas_semaphore_take(semaphore, 2, 0), COPAS_TIMEOUT);
  CHECK_NUMBER(copas_semaphore_count(semaphore), 1);
  CHECK_NUMBER(copas_semaphore_waiting(semaphore), 0);
  CHECK_OK(copas_semaphore_give(semaphore, 9));
  CHECK_STATUS(copas_semaphore_give(semaphore, 1), COPAS_TOO_MANY);
  CHECK_NUMBER(copas_semaphore_count(semaphore), 10);
  CHECK_STATUS(copas_semaphore_take(semaphore, 11, 5), COPAS_TOO_MANY);
  CHECK_OK(copas_free(c));
}

static void a_small_request_does_not_overtake_a_big_one(void)
{
  struct taker big = {.n = 5, .timeout = 10}, small = {.n = 1, .timeout = 10};
  open_semaphore(5, 2);
  start(&big);
  start(&small);
  CHECK_NUMBER(copas_semaphore_waiting(semaphore), 2);
  CHECK_OK(copas_semaphore_give(semaphore, 2));
  net_settle(c);
  CHECK(!big.done && !small.done);
  CHECK_OK(copas_semaphore_give(semaphore, 1));
  net_settle(c);
  CHECK(big.done && !small.done);
  CHECK_OK(copas_semaphore_give(semaphore, 5));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(order[0] == 5 && order[1] == 1);
  CHECK_NUMBER(copas_semaphore_count(semaphore), 4);
  CHECK_OK(copas_free(c));
}

static void one_that_leaves_early_lets_the_next_have_what_is_there(void)
{
  struct taker big = {.n = 5, .timeout = 10}, small = {.n = 1, .timeout = 10};
  open_semaphore(5, 2);
  copas_thread *thread = start(&big);
  start(&small);
  CHECK_OK(copas_removethread(thread));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_STATUS(big.status, COPAS_CANCELED);
  CHECK_OK(small.status);
  CHECK_NUMBER(copas_semaphore_count(semaphore), 1);
  CHECK_OK(copas_free(c));
}

static void what_was_granted_to_a_canceled_one_goes_to_the_next(void)
{
  struct taker first = {.n = 2, .timeout = 10}, second = {.n = 2, .timeout = 10};
  open_semaphore(2, 0);
  copas_thread *thread = start(&first);
  start(&second);
  CHECK_OK(copas_semaphore_give(semaphore, 2));
  /* Granted, but it has not run since. */
  CHECK_OK(copas_removethread(thread));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_STATUS(first.status, COPAS_CANCELED);
  CHECK_OK(second.status);
  CHECK_OK(copas_free(c));
}

static void what_was_granted_counts_against_the_maximum(void)
{
  struct taker taker = {.n = 2, .timeout = 10};
  open_semaphore(3, 0);
  copas_thread *thread = start(&taker);
  CHECK_OK(copas_semaphore_give(semaphore, 2));
  /* Granted, but it has not run since. */
  CHECK_NUMBER(copas_semaphore_count(semaphore), 0);
  CHECK_STATUS(copas_semaphore_give(semaphore, 2), COPAS_TOO_MANY);
  CHECK_OK(copas_semaphore_give(semaphore, 1));
  CHECK_STATUS(copas_semaphore_give(semaphore, 1), COPAS_TOO_MANY);
  CHECK_OK(copas_removethread(thread));
  net_settle(c);
  CHECK_STATUS(taker.status, COPAS_CANCELED);
  CHECK_NUMBER(copas_semaphore_count(semaphore), 3);
  CHECK_STATUS(copas_semaphore_give(semaphore, 1), COPAS_TOO_MANY);
  CHECK_STATUS(copas_semaphore_give(semaphore, 1000), COPAS_TOO_MANY);
  CHECK_OK(copas_free(c));
}

static void what_was_taken_can_be_given_again(void)
{
  struct taker taker = {.n = 3, .timeout = 10};
  open_semaphore(3, 0);
  start(&taker);
  CHECK_OK(copas_semaphore_give(semaphore, 3));
  CHECK_STATUS(copas_semaphore_give(semaphore, 1), COPAS_TOO_MANY);
  net_settle(c);
  CHECK_OK(taker.status);
  CHECK_OK(copas_semaphore_give(semaphore, 3));
  CHECK_NUMBER(copas_semaphore_count(semaphore), 3);
  CHECK_OK(copas_free(c));
}

static void destroying_it_ends_all_waits(void)
{
  struct taker waiters[3] = {{.n = 1, .timeout = COPAS_FOREVER}, {.n = 2, .timeout = 5},
                             {.n = 1, .timeout = NAN}};
  open_semaphore(2, 0);
  for (int i = 0; i < 3; i++) start(&waiters[i]);
  CHECK_OK(copas_semaphore_destroy(semaphore));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  for (int i = 0; i < 3; i++) CHECK_STATUS(waiters[i].status, COPAS_DESTROYED);
  CHECK_STATUS(copas_semaphore_give(semaphore, 1), COPAS_STALE);
  CHECK_OK(copas_free(c));
}

static void a_destroyed_one_hands_nothing_out(void)
{
  struct taker granted = {.n = 1, .timeout = 10}, big = {.n = 2, .timeout = 10},
               small = {.n = 1, .timeout = 10};
  open_semaphore(2, 0);
  start(&granted);
  start(&big);
  start(&small);
  CHECK_OK(copas_semaphore_give(semaphore, 2));
  CHECK_OK(copas_semaphore_destroy(semaphore));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  /* The first had got its own before; one would have been enough for the last. */
  CHECK_OK(granted.status);
  CHECK_STATUS(big.status, COPAS_DESTROYED);
  CHECK_STATUS(small.status, COPAS_DESTROYED);
  CHECK_OK(copas_free(c));
}

static void bad_amounts_are_told(void)
{
  open_semaphore(5, 0);
  for (int n = -3; n <= 0; n++) {
    CHECK_STATUS(copas_semaphore_take(semaphore, n, 0), COPAS_INVALID);
    CHECK_STATUS(copas_semaphore_give(semaphore, n), COPAS_INVALID);
  }
  CHECK_NUMBER(copas_semaphore_count(semaphore), 0);
  CHECK_STATUS(copas_semaphore_new(c, 0, 0, 1, &semaphore), COPAS_INVALID);
  CHECK_STATUS(copas_semaphore_new(c, 2, 3, 1, &semaphore), COPAS_INVALID);
  CHECK_STATUS(copas_semaphore_new(c, 2, -1, 1, &semaphore), COPAS_INVALID);
  CHECK_STATUS(copas_semaphore_new(c, 2, 1, 1, NULL), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

enum { CROWD = 2000 };

static int left, inside, most_inside;

static void enter_and_leave(void *user)
{
  (void)user;
  if (copas_semaphore_take(semaphore, 1, 60) == COPAS_OK) {
    if (++inside > most_inside) most_inside = inside;
    copas_pause(c, 0, NULL);
    inside--;
    CHECK_OK(copas_semaphore_give(semaphore, 1));
  }
  left++;
}

/* A crowd of which every third is canceled and every fifth in a hurry. */
static void a_crowd_loses_nobody_and_nothing(void)
{
  int count = check_small() ? 100 : CROWD;
  copas_thread *threads[CROWD];
  open_semaphore(3, 3);
  left = inside = most_inside = 0;
  for (int i = 0; i < count; i++)
    CHECK_OK(copas_addthread(c, enter_and_leave, NULL, &threads[i]));
  for (int i = 0; i < count; i += 3) {
    CHECK_OK(copas_step(c, 0));
    copas_removethread(threads[i]);
  }
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(left >= count - 1 - count / 3);
  CHECK_NUMBER(inside, 0);
  CHECK_NUMBER(most_inside, 3);
  CHECK_NUMBER(copas_semaphore_count(semaphore), 3);
  CHECK_OK(copas_free(c));
}

static void take_in_a_callback(copas *own, void *user)
{
  (void)own;
  CHECK_OK(copas_semaphore_take(semaphore, 2, 0));
  CHECK_STATUS(copas_semaphore_take(semaphore, 2, 0), COPAS_TIMEOUT);
  CHECK_STATUS(copas_semaphore_take(semaphore, 2, 1), COPAS_CANNOT_WAIT);
  CHECK_NUMBER(copas_semaphore_waiting(semaphore), 0);
  *(int *)user = 1;
}

static void callbacks_take_without_waiting(void)
{
  int called = 0;
  open_semaphore(3, 3);
  CHECK_OK(copas_post(c, take_in_a_callback, &called));
  net_settle(c);
  CHECK_NUMBER(called, 1);
  CHECK_NUMBER(copas_semaphore_count(semaphore), 1);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(what_is_there_is_taken_at_once);
  RUN(a_small_request_does_not_overtake_a_big_one);
  RUN(one_that_leaves_early_lets_the_next_have_what_is_there);
  RUN(what_was_granted_to_a_canceled_one_goes_to_the_next);
  RUN(what_was_granted_counts_against_the_maximum);
  RUN(what_was_taken_can_be_given_again);
  RUN(destroying_it_ends_all_waits);
  RUN(a_destroyed_one_hands_nothing_out);
  RUN(bad_amounts_are_told);
  RUN(a_crowd_loses_nobody_and_nothing);
  RUN(callbacks_take_without_waiting);
  return check_report();
}
