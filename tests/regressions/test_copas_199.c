/* SPDX-License-Identifier: MIT */
/* copas#199: a canceled waiter became the owner of a lock for ever. */
#include "network.h"

static copas_lock *lock;
static int owned;

static void get_it(void *user)
{
  copas_status status = copas_lock_get(lock, 30, NULL);
  if (user != NULL) {
    CHECK_STATUS(status, COPAS_CANCELED);
    return;
  }
  CHECK_OK(status);
  owned++;
  CHECK_OK(copas_lock_release(lock));
}

/* Cancels the first of two waiters: before the lock is its, or (`late`) after. */
static void cancel_a_waiter(int late)
{
  int marker;
  copas_thread *first;
  copas *c = net_new(NULL);
  owned = 0;
  CHECK_OK(copas_lock_new(c, 30, 0, &lock));
  CHECK_OK(copas_lock_get(lock, 0, NULL));
  CHECK_OK(copas_addthread(c, get_it, &marker, &first));
  CHECK_OK(copas_addthread(c, get_it, NULL, NULL));
  net_settle(c);
  if (late) CHECK_OK(copas_lock_release(lock));
  CHECK_OK(copas_removethread(first));
  if (!late) {
    net_settle(c);
    CHECK_OK(copas_lock_release(lock));
  }
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(owned, 1);
  CHECK_OK(copas_lock_get(lock, 0, NULL));
  CHECK_OK(copas_free(c));
}

static void a_waiter_that_is_canceled_never_owns_the_lock(void)
{
  cancel_a_waiter(0);
}

static void a_waiter_that_is_canceled_as_it_gets_the_lock_hands_it_on(void)
{
  cancel_a_waiter(1);
}

int main(void)
{
  RUN(a_waiter_that_is_canceled_never_owns_the_lock);
  RUN(a_waiter_that_is_canceled_as_it_gets_the_lock_hands_it_on);
  return check_report();
}
