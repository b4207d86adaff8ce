/* SPDX-License-Identifier: MIT */
/* Groups: coroutines that are waited for, canceled and ended as one. */
#include "network.h"

static copas *c;
static copas_group *group;
static struct net_reports reports;
static int ended, canceled;

static void open_group(uint64_t flags)
{
  c = net_new(&reports);
  ended = canceled = 0;
  CHECK_OK(copas_group_new(c, flags, &group));
}

static void sleep_a_little(void *user)
{
  double seconds = user == NULL ? 0.01 : *(double *)user;
  if (copas_pause(c, seconds, NULL) == COPAS_CANCELED) canceled++;
  ended++;
}

static void fail(void *user)
{
  CHECK_OK(copas_pause(c, 0.005, NULL));
  CHECK_OK(copas_fail(-2000, user));
  ended++;
}

static void a_wait_ends_with_the_last_of_the_group(void)
{
  open_group(0);
  for (int i = 0; i < 100; i++)
    CHECK_OK(copas_group_addthread(group, sleep_a_little, NULL, NULL));
  CHECK_STATUS(copas_group_wait(group, 0), COPAS_TIMEOUT);
  CHECK_OK(copas_group_wait(group, 10));
  CHECK_NUMBER(ended, 100);
  CHECK_OK(copas_group_wait(group, 0));
  CHECK_OK(copas_group_close(group));
  CHECK_STATUS(copas_group_wait(group, 0), COPAS_STALE);
  CHECK_OK(copas_free(c));
}

static void closing_cancels_and_waits(void)
{
  double long_time = 3600;
  open_group(0);
  for (int i = 0; i < 10; i++)
    CHECK_OK(copas_group_addthread(group, sleep_a_little, &long_time, NULL));
  net_settle(c);
  double start = net_seconds();
  CHECK_OK(copas_group_close(group));
  CHECK(net_seconds() - start < 30);
  CHECK_NUMBER(ended, 10);
  CHECK_NUMBER(canceled, 10);
  CHECK_OK(copas_free(c));
}

static void end_late(void *user)
{
  (void)user;
  CHECK_STATUS(copas_pause(c, 3600, NULL), COPAS_CANCELED);
  for (double end = net_seconds() + 0.05; net_seconds() < end;)
    CHECK_STATUS(copas_pause(c, 0, NULL), COPAS_CANCELED);
  ended++;
}

static void closing_waits_also_past_the_end_of_the_roots_scope(void)
{
  open_group(0);
  CHECK_OK(copas_group_addthread(group, end_late, NULL, NULL));
  net_settle(c);
  CHECK_OK(copas_begindeadline(c, 0.01));
  CHECK_OK(copas_group_close(group));
  CHECK_NUMBER(ended, 1);
  CHECK_NUMBER(copas_enddeadline(c), 1);
  CHECK_OK(copas_free(c));
}

static void the_first_failure_is_kept(void)
{
  copas_error_info info;
  open_group(0);
  CHECK_OK(copas_group_addthread(group, fail, "the first", NULL));
  CHECK_OK(copas_group_addthread(group, fail, "the second", NULL));
  CHECK_OK(copas_group_addthread(group, sleep_a_little, NULL, NULL));
  CHECK_NUMBER(copas_group_wait(group, 10), -2000);
  CHECK_NUMBER(ended, 3);
  CHECK_NUMBER(canceled, 0);
  info.size = sizeof info;
  CHECK_OK(copas_error(c, &info));
  CHECK(strcmp(info.text, "the first") == 0);
  CHECK_NUMBER(copas_group_close(group), -2000);
  CHECK_OK(copas_free(c));
}

static void a_failure_can_cancel_the_others(void)
{
  double long_time = 3600;
  open_group(COPAS_CANCEL_ON_FAILURE);
  for (int i = 0; i < 5; i++)
    CHECK_OK(copas_group_addthread(group, sleep_a_little, &long_time, NULL));
  CHECK_OK(copas_group_addthread(group, fail, "stop it", NULL));
  CHECK_NUMBER(copas_group_wait(group, 20), -2000);
  CHECK_NUMBER(canceled, 5);
  CHECK_NUMBER(copas_group_close(group), -2000);
  CHECK_OK(copas_free(c));
}

static copas_status status_of_close;

static void work_through_a_cancellation(void *user)
{
  (void)user;
  copas_pause(c, 3600, NULL);
  /* Says goodbye for a while that no wait can cut short. */
  for (int i = 0; i < 1500; i++)
    if (copas_pause(c, 0, NULL) == COPAS_OK) CHECK_FAIL("it was canceled");
  ended++;
}

static void close_it(void *user)
{
  (void)user;
  status_of_close = copas_group_close(group);
  CHECK_NUMBER(ended, 1);
}

static void a_canceled_closer_waits_all_the_same(void)
{
  copas_thread *closer;
  open_group(0);
  CHECK_OK(copas_group_addthread(group, work_through_a_cancellation, NULL, NULL));
  CHECK_OK(copas_addthread(c, close_it, NULL, &closer));
  CHECK_OK(copas_step(c, 0));
  CHECK_OK(copas_removethread(closer));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_STATUS(status_of_close, COPAS_CANCELED);
  CHECK_NUMBER(ended, 1);
  CHECK_STATUS(copas_group_close(group), COPAS_STALE);
  CHECK_OK(copas_free(c));
}

static void wait_from_inside(void *user)
{
  (void)user;
  CHECK_STATUS(copas_group_wait(group, 1), COPAS_INVALID);
  CHECK_STATUS(copas_group_close(group), COPAS_INVALID);
  ended++;
}

static void a_member_does_not_wait_for_its_own_group(void)
{
  copas_thread *thread;
  open_group(0);
  CHECK_OK(copas_group_addthread(group, wait_from_inside, NULL, NULL));
  CHECK_OK(copas_group_wait(group, 10));
  CHECK_NUMBER(ended, 1);
  CHECK_OK(copas_group_addthread(group, sleep_a_little, NULL, &thread));
  CHECK_OK(copas_removethread(thread));
  CHECK_OK(copas_group_wait(group, 10));
  CHECK_NUMBER(ended, 1);
  CHECK_OK(copas_group_cancel(group));
  CHECK_STATUS(copas_group_addthread(group, NULL, NULL, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_group_new(c, 2, &group), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

static void sleep_then_fail(void *user)
{
  copas_pauseforever(c);
  CHECK_OK(copas_fail(-2001, user));
  ended++;
}

static void a_strict_group_that_has_failed_takes_nobody(void)
{
  copas_thread *last;
  open_group(COPAS_CANCEL_ON_FAILURE);
  CHECK_OK(copas_group_addthread(group, sleep_then_fail, "later", NULL));
  CHECK_OK(copas_group_addthread(group, fail, "first", NULL));
  CHECK_OK(copas_group_addthread(group, sleep_then_fail, "last", &last));
  CHECK_NUMBER(copas_group_wait(group, 10), -2000);
  CHECK_NUMBER(ended, 3);
  CHECK_STATUS(copas_group_addthread(group, sleep_a_little, NULL, NULL), COPAS_STOPPED);
  CHECK_NUMBER(copas_group_close(group), -2000);
  CHECK_OK(copas_free(c));
}

static void expect_refusal(void *outer)
{
  struct copas_error_info info = {.size = sizeof info};
  CHECK_STATUS(copas_group_wait(outer, 10), COPAS_INVALID);
  CHECK_STATUS(copas_group_close(outer), COPAS_INVALID);
  CHECK_OK(copas_error(c, &info));
  CHECK(strstr(info.text, "itself") != NULL);
  ended++;
}

static void close_from_the_depth(void *outer)
{
  copas_group *inner;
  CHECK_OK(copas_pause(c, 0.001, NULL));
  CHECK_OK(copas_group_new(c, 0, &inner));
  CHECK_OK(copas_group_addthread(inner, expect_refusal, outer, NULL));
  CHECK_OK(copas_group_wait(inner, 10));
  CHECK_OK(copas_group_close(inner));
  expect_refusal(outer);
}

static void open_two_groups_inside(void *outer)
{
  copas_group *inner;
  CHECK_OK(copas_group_new(c, 0, &inner));
  CHECK_OK(copas_group_addthread(inner, close_from_the_depth, outer, NULL));
  CHECK_OK(copas_group_wait(inner, 10));
  CHECK_OK(copas_group_close(inner));
}

static void nobody_inside_waits_for_an_outer_group(void)
{
  open_group(0);
  CHECK_OK(copas_group_addthread(group, open_two_groups_inside, group, NULL));
  CHECK_OK(copas_group_wait(group, 10));
  CHECK_NUMBER(ended, 2);
  CHECK_OK(copas_group_close(group));
  CHECK_OK(copas_free(c));
}

static void close_after_its_starter_has_ended(void *outer)
{
  CHECK_OK(copas_pause(c, 0.005, NULL));
  CHECK_OK(copas_group_close(outer));
  ended++;
}

static copas_group *survivors;

static void start_a_survivor(void *outer)
{
  CHECK_OK(copas_group_addthread(survivors, close_after_its_starter_has_ended, outer, NULL));
}

static void one_whose_starter_has_ended_may_close_it(void)
{
  open_group(0);
  CHECK_OK(copas_group_new(c, 0, &survivors));
  CHECK_OK(copas_group_addthread(group, start_a_survivor, group, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(ended, 1);
  CHECK_OK(copas_free(c));
}

static void fail_as_if_the_time_had_passed(void *user)
{
  CHECK_OK(copas_fail(COPAS_TIMEOUT, user));
}

static void a_members_status_is_told_from_the_waits_own(void)
{
  copas_error_info info = {.size = sizeof info};
  double long_time = 3600;
  open_group(0);
  CHECK_OK(copas_group_addthread(group, sleep_a_little, &long_time, NULL));
  CHECK_STATUS(copas_group_wait(group, 0.001), COPAS_TIMEOUT);
  CHECK_OK(copas_error(c, &info));
  CHECK_STATUS(info.status, COPAS_TIMEOUT);
  CHECK_OK(copas_group_cancel(group));
  CHECK_OK(copas_group_addthread(group, fail_as_if_the_time_had_passed, "mine", NULL));
  CHECK_STATUS(copas_group_wait(group, 10), COPAS_TIMEOUT);
  CHECK_OK(copas_error(c, &info));
  CHECK_STATUS(info.status, COPAS_FAILED);
  CHECK(strcmp(info.text, "mine") == 0);
  CHECK_STATUS(copas_group_close(group), COPAS_TIMEOUT);
  CHECK_OK(copas_error(c, &info));
  CHECK_STATUS(info.status, COPAS_FAILED);
  CHECK_OK(copas_free(c));
}

static void count_free(void *user)
{
  ++*(int *)user;
}

static void note_name(void *user)
{
  CHECK(strcmp(copas_getname(copas_running()), "member") == 0);
  CHECK_NUMBER(*(int *)user, 0);
  ended++;
}

static void what_a_member_owns_is_released_once_on_every_path(void)
{
  int released = 0;
  copas_thread_options options = {
      .size = sizeof options, .name = "member", .user = &released, .user_free = count_free};
  open_group(0);
  CHECK_OK(copas_group_addthread_with(group, note_name, &options, NULL));
  CHECK_OK(copas_group_wait(group, 10));
  CHECK_NUMBER(ended, 1);
  CHECK_NUMBER(released, 1);
  CHECK_OK(copas_group_addthread_with(group, note_name, &options, NULL));
  CHECK_OK(copas_group_close(group));
  CHECK_NUMBER(ended, 1);
  CHECK_NUMBER(released, 2);
  CHECK_STATUS(copas_group_addthread_with(group, note_name, &options, NULL), COPAS_STALE);
  CHECK_OK(copas_group_new(c, 0, &group));
  CHECK_STATUS(copas_group_addthread_with(group, NULL, &options, NULL), COPAS_INVALID);
  options.flags = COPAS_OS_THREAD;
  CHECK_STATUS(copas_group_addthread_with(group, note_name, &options, NULL), COPAS_INVALID);
  CHECK_NUMBER(released, 5);
  CHECK_OK(copas_group_addthread_with(group, sleep_a_little, NULL, NULL));
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(a_wait_ends_with_the_last_of_the_group);
  RUN(closing_cancels_and_waits);
  RUN(closing_waits_also_past_the_end_of_the_roots_scope);
  RUN(the_first_failure_is_kept);
  RUN(a_failure_can_cancel_the_others);
  RUN(a_canceled_closer_waits_all_the_same);
  RUN(a_member_does_not_wait_for_its_own_group);
  RUN(a_strict_group_that_has_failed_takes_nobody);
  RUN(nobody_inside_waits_for_an_outer_group);
  RUN(one_whose_starter_has_ended_may_close_it);
  RUN(a_members_status_is_told_from_the_waits_own);
  RUN(what_a_member_owns_is_released_once_on_every_path);
  return check_report();
}
