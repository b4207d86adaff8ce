/* SPDX-License-Identifier: MIT */
/* Futures: one result for as many as want it. */
#include "network.h"

static copas *c;
static int freed, got;
static struct net_reports reports;

static void count_free(void *result)
{
  CHECK(result != NULL);
  freed++;
}

static void *answer_later(void *user)
{
  copas_pause(c, 0.01, NULL);
  return user;
}

static void *answer_when_canceled(void *user)
{
  copas_pauseforever(c);
  return user;
}

static void *fail(void *user)
{
  CHECK_OK(copas_fail(COPAS_FAILED, "no result"));
  return user;
}

static copas_future *start(copas_future_fn fn)
{
  static int value = 42;
  copas_future *future;
  freed = got = 0;
  c = net_new(&reports);
  CHECK_OK(copas_future_addthread(c, fn, &value, count_free, &future));
  return future;
}

static void get_it(void *user)
{
  void *result = NULL;
  CHECK_OK(copas_future_get(user, COPAS_FOREVER, &result));
  CHECK_NUMBER(*(int *)result, 42);
  got++;
}

static void many_get_the_one_result(void)
{
  int count = check_small() ? 200 : 20000;
  void *result;
  copas_future *future = start(answer_later);
  for (int i = 0; i < count; i++) CHECK_OK(copas_addthread(c, get_it, future, NULL));
  CHECK_STATUS(copas_future_try(future, &result), COPAS_TIMEOUT);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(got, count);
  CHECK_OK(copas_future_get(future, 0, &result));
  CHECK_OK(copas_future_try(future, &result));
  CHECK_NUMBER(*(int *)result, 42);
  CHECK_NUMBER(freed, 0);
  CHECK_OK(copas_future_destroy(future));
  CHECK_NUMBER(freed, 1);
  CHECK_STATUS(copas_future_get(future, 0, &result), COPAS_STALE);
  CHECK_OK(copas_free(c));
}

static void a_get_ends_at_its_limit(void)
{
  void *result;
  copas_future *future = start(answer_when_canceled);
  CHECK_STATUS(copas_future_get(future, 0.001, &result), COPAS_TIMEOUT);
  CHECK_OK(copas_future_cancel(future));
  CHECK_OK(copas_future_get(future, 10, &result));
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(freed, 1);
}

static void a_failure_is_the_result(void)
{
  void *result;
  copas_future *future = start(fail);
  CHECK_STATUS(copas_future_get(future, 10, &result), COPAS_FAILED);
  CHECK_STATUS(copas_future_try(future, &result), COPAS_FAILED);
  CHECK(net_reported(&reports, "no result"));
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(freed, 1);
}

static void one_canceled_before_it_ran_has_no_result(void)
{
  void *result;
  copas_future *future = start(answer_later);
  CHECK_OK(copas_future_cancel(future));
  CHECK_STATUS(copas_future_get(future, 10, &result), COPAS_FAILED);
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(freed, 0);
}

static void one_canceled_at_work_gives_what_it_returns(void)
{
  void *result;
  copas_future *future = start(answer_later);
  net_settle(c);
  double begun = net_seconds();
  CHECK_OK(copas_future_cancel(future));
  CHECK_OK(copas_future_get(future, 10, &result));
  CHECK(net_seconds() - begun < 5);
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(freed, 1);
}

static copas_status status_of_wait;

static void wait_until_destroyed(void *user)
{
  void *result;
  status_of_wait = copas_future_get(user, COPAS_FOREVER, &result);
}

static void destroying_it_cancels_the_work_and_ends_all_waits(void)
{
  copas_future *future = start(answer_later);
  CHECK_OK(copas_addthread(c, wait_until_destroyed, future, NULL));
  net_settle(c);
  CHECK_OK(copas_future_destroy(future));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_STATUS(status_of_wait, COPAS_DESTROYED);
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(freed, 1);
}

static void *get_itself(void *user)
{
  void *result;
  CHECK_OK(copas_pause(c, 0, NULL));
  CHECK_STATUS(copas_future_get(*(copas_future **)user, 10, &result), COPAS_INVALID);
  return NULL;
}

static void it_does_not_wait_for_itself(void)
{
  static copas_future *own;
  void *result;
  c = net_new(NULL);
  CHECK_OK(copas_future_addthread(c, get_itself, &own, NULL, &own));
  CHECK_OK(copas_future_get(own, 10, &result));
  CHECK_OK(copas_free(c));
}

static void count_release(void *user)
{
  ++*(int *)user;
}

static void *name_as_result(void *user)
{
  CHECK(strcmp(copas_getname(copas_running()), "thinker") == 0);
  CHECK_NUMBER(*(int *)user, 0);
  return user;
}

static void what_a_futures_function_owns_is_released_once_on_every_path(void)
{
  int released = 0;
  void *result;
  copas_future *mine;
  copas_thread_options options = {
      .size = sizeof options, .name = "thinker", .user = &released, .user_free = count_release};
  c = net_new(NULL);
  CHECK_OK(copas_future_addthread_with(c, name_as_result, &options, NULL, &mine));
  CHECK_OK(copas_future_get(mine, 10, &result));
  CHECK(result == &released);
  net_settle(c);
  CHECK_NUMBER(released, 1);
  /* Canceled before it ran: there is no result to release. */
  CHECK_OK(copas_future_addthread_with(c, name_as_result, &options, count_release, &mine));
  CHECK_OK(copas_future_destroy(mine));
  CHECK_NUMBER(released, 2);
  CHECK_STATUS(copas_future_addthread_with(c, NULL, &options, NULL, &mine), COPAS_INVALID);
  CHECK_STATUS(copas_future_addthread_with(c, name_as_result, &options, NULL, NULL), COPAS_INVALID);
  options.flags = COPAS_OS_THREAD;
  CHECK_STATUS(copas_future_addthread_with(c, name_as_result, &options, NULL, &mine),
               COPAS_INVALID);
  CHECK_NUMBER(released, 5);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(many_get_the_one_result);
  RUN(a_get_ends_at_its_limit);
  RUN(a_failure_is_the_result);
  RUN(one_canceled_before_it_ran_has_no_result);
  RUN(one_canceled_at_work_gives_what_it_returns);
  RUN(destroying_it_cancels_the_work_and_ends_all_waits);
  RUN(it_does_not_wait_for_itself);
  RUN(what_a_futures_function_owns_is_released_once_on_every_path);
  return check_report();
}
