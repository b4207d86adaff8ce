/* SPDX-License-Identifier: MIT */
/* copas#201: a get with the time limit 0 stayed in line and later owned the lock unknowingly. */
#include "network.h"

static copas_lock *lock;

static void try_it(void *user)
{
  CHECK_STATUS(copas_lock_get(lock, 0, NULL), COPAS_TIMEOUT);
  CHECK_STATUS(copas_pauseforever(copas_current()), COPAS_CANCELED);
  *(int *)user = 1;
}

static void a_get_that_does_not_wait_leaves_no_trace(void)
{
  int done = 0;
  copas_thread *thread;
  copas *c = net_new(NULL);
  CHECK_OK(copas_lock_new(c, 10, 0, &lock));
  CHECK_OK(copas_lock_get(lock, 0, NULL));
  CHECK_OK(copas_addthread(c, try_it, &done, &thread));
  net_settle(c);
  CHECK_OK(copas_lock_release(lock));
  /* Nobody stands in line: it is free. */
  CHECK_OK(copas_lock_get(lock, 0, NULL));
  CHECK_OK(copas_lock_release(lock));
  CHECK_OK(copas_removethread(thread));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(done, 1);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(a_get_that_does_not_wait_leaves_no_trace);
  return check_report();
}
