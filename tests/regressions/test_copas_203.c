/* SPDX-License-Identifier: MIT */
/* copas#203: a future with more than 9,999 waiters never released the rest. */
#include "network.h"

static copas_future *future;
static int released;

static void *work(void *user)
{
  copas_pause(copas_current(), 0.01, NULL);
  return user;
}

static void wait_for_it(void *user)
{
  void *result;
  CHECK_OK(copas_future_get(future, 60, &result));
  CHECK(result == user);
  released++;
}

static void twelve_thousand_waiters_are_all_released(void)
{
  int count = check_small() ? 200 : 12000;
  copas *c = net_new(NULL);
  CHECK_OK(copas_future_addthread(c, work, &released, NULL, &future));
  for (int i = 0; i < count; i++) CHECK_OK(copas_addthread(c, wait_for_it, &released, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(released, count);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(twelve_thousand_waiters_are_all_released);
  return check_report();
}
