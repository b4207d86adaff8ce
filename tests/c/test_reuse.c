/* SPDX-License-Identifier: MIT */
/* A coroutine that ends leaves its stack and its record to the next one, and nothing else. */
#include "network.h"

static int failures_of_the_first, failures_of_others;

static void count_failure(copas_thread *thread, copas_socket *skt, int status, const char *text,
                          void *user)
{
  (void)thread;
  (void)skt;
  (void)status;
  (void)text;
  ++*(int *)user;
}

static void ring(copas_thread *thread, void *user)
{
  (void)thread;
  (void)user;
  CHECK(!"the alarm of one that has ended");
}

static void take_all_there_is(void *user)
{
  copas *c = copas_current();
  (void)user;
  CHECK_OK(copas_setname(copas_running(), "the first"));
  CHECK_OK(copas_seterrorhandler(c, count_failure, &failures_of_the_first, 0));
  CHECK_OK(copas_fail(-2000, "the first"));
  CHECK_OK(copas_timeout(c, 0, ring, NULL));
  CHECK_OK(copas_begindeadline(c, 0));
  CHECK_OK(copas_removethread(copas_running()));
}

static void have_nothing_of_it(void *user)
{
  copas *c = copas_current();
  (void)user;
  CHECK(strcmp(copas_getname(copas_running()), "thread_2") == 0);
  CHECK_OK(copas_pause(c, 0.001, NULL));
  CHECK_STATUS(copas_enddeadline(c), COPAS_INVALID);
  CHECK_OK(copas_fail(-2000, "the second"));
}

static void a_new_coroutine_has_nothing_of_one_that_has_ended(void)
{
  copas_thread *first, *second;
  copas *c = net_new(NULL);
  failures_of_the_first = failures_of_others = 0;
  CHECK_OK(copas_seterrorhandler(c, count_failure, &failures_of_others, 1));
  CHECK_OK(copas_addthread(c, take_all_there_is, NULL, &first));
  CHECK_OK(copas_step(c, 0));
  CHECK_NUMBER(failures_of_the_first, 1);
  CHECK_OK(copas_addthread(c, have_nothing_of_it, NULL, &second));
  CHECK(first != second);
  CHECK_STATUS(copas_wakeup(first), COPAS_STALE);
  CHECK_STATUS(copas_removethread(first), COPAS_STALE);
  CHECK_STATUS(copas_setname(first, "late"), COPAS_STALE);
  CHECK_OK(copas_join(first, 0));
  CHECK_OK(copas_join(second, COPAS_FOREVER));
  CHECK_NUMBER(failures_of_the_first, 1);
  CHECK_NUMBER(failures_of_others, 1);
  CHECK_OK(copas_free(c));
}

static void sleep_until_canceled(void *user)
{
  (void)user;
  CHECK_STATUS(copas_pauseforever(copas_current()), COPAS_CANCELED);
}

static void add_one_that_sleeps(void *user)
{
  CHECK_OK(copas_pause(copas_current(), 0, NULL));
  CHECK_OK(copas_addthread(copas_current(), sleep_until_canceled, NULL, user));
}

static void join_it(void *user)
{
  CHECK_OK(copas_join(*(copas_thread **)user, COPAS_FOREVER));
}

static void who_joins_one_does_not_wait_for_the_next(void)
{
  copas_thread *first, *second, *joiner;
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, add_one_that_sleeps, &second, &first));
  CHECK_OK(copas_addthread(c, join_it, &first, &joiner));
  CHECK_OK(copas_join(joiner, 10));
  CHECK_OK(copas_removethread(second));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
}

static void count_run(void *user)
{
  ++*(int *)user;
}

static void add_another(void *user)
{
  CHECK_OK(copas_addthread(copas_current(), count_run, user, NULL));
}

/* The coroutine that never ran leaves its stack in the middle of a step. */
static void one_that_never_ran_leaves_its_stack_too(void)
{
  int runs = 0;
  copas_thread *never;
  copas *c = net_new(NULL);
  for (int i = 0; i < 3; i++) {
    CHECK_OK(copas_addthread(c, add_another, &runs, NULL));
    CHECK_OK(copas_addthread(c, count_run, &runs, &never));
    CHECK_OK(copas_removethread(never));
    CHECK_OK(copas_loop(c, COPAS_FOREVER));
    CHECK_NUMBER(runs, i + 1);
  }
  CHECK_OK(copas_free(c));
}

static void add_from_the_finalizer(void *user)
{
  CHECK_OK(copas_addthread(user, sleep_until_canceled, NULL, NULL));
}

static void a_finalizer_may_start_the_next_one(void)
{
  copas_thread *never;
  copas_thread_options options = {.size = sizeof options, .user_free = add_from_the_finalizer};
  copas *c = net_new(NULL);
  options.user = c;
  CHECK_OK(copas_addthread_with(c, sleep_until_canceled, &options, &never));
  CHECK_OK(copas_removethread(never));
  CHECK_OK(copas_step(c, 0));
  CHECK_OK(copas_cancelall(c));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
}

static void run_many(copas *c, int number)
{
  int runs = 0;
  for (int i = 0; i < number; i++) CHECK_OK(copas_addthread(c, count_run, &runs, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(runs, number);
}

/* More than there are stacks that keep their pages. */
static void many_coroutines_come_and_go(void)
{
  copas *c = net_new(NULL);
  for (int i = 0; i < 3; i++) {
    run_many(c, 400);
    run_many(c, 1);
  }
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(a_new_coroutine_has_nothing_of_one_that_has_ended);
  RUN(who_joins_one_does_not_wait_for_the_next);
  RUN(one_that_never_ran_leaves_its_stack_too);
  RUN(a_finalizer_may_start_the_next_one);
  RUN(many_coroutines_come_and_go);
  return check_report();
}
