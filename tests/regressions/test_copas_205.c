/* SPDX-License-Identifier: MIT */
/* copas#205: after a waiter of a semaphore had timed out, later ones queued although enough was there;
 * negative amounts were accepted. */
#include "network.h"

static copas_semaphore *semaphore;
static int taken;

static void take_too_much(void *user)
{
  (void)user;
  CHECK_STATUS(copas_semaphore_take(semaphore, 5, 0.01), COPAS_TIMEOUT);
}

static void take_one(void *user)
{
  (void)user;
  CHECK_OK(copas_semaphore_take(semaphore, 1, 30));
  taken++;
}

static void a_waiter_that_times_out_lets_those_behind_it_through(void)
{
  copas *c = net_new(NULL);
  taken = 0;
  CHECK_OK(copas_semaphore_new(c, 5, 2, 10, &semaphore));
  CHECK_OK(copas_addthread(c, take_too_much, NULL, NULL));
  CHECK_OK(copas_addthread(c, take_one, NULL, NULL));
  double start = net_seconds();
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(taken, 1);
  CHECK(net_seconds() - start < 10);
  CHECK_OK(copas_semaphore_take(semaphore, 1, 0));
  CHECK_OK(copas_free(c));
}

static void negative_amounts_are_refused(void)
{
  copas *c = net_new(NULL);
  CHECK_OK(copas_semaphore_new(c, 5, 2, 10, &semaphore));
  CHECK_STATUS(copas_semaphore_take(semaphore, -1, 0), COPAS_INVALID);
  CHECK_STATUS(copas_semaphore_give(semaphore, -1), COPAS_INVALID);
  CHECK_NUMBER(copas_semaphore_count(semaphore), 2);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(a_waiter_that_times_out_lets_those_behind_it_through);
  RUN(negative_amounts_are_refused);
  return check_report();
}
