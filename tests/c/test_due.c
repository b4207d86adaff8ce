/* SPDX-License-Identifier: MIT */
/* Several time limits that pass in one step, and alarms among them that act on the others. */
#include "network.h"

static copas *c;
static copas_timer *timer;
static copas_thread *sleeper;
static copas_operation *operation;
static int fired, alarms;
static double armed_again;

static void count_firing(copas_timer *own, void *user)
{
  (void)user;
  CHECK(own == timer);
  if (armed_again != 0) CHECK(net_seconds() - armed_again >= 0.02);
  fired++;
}

static void cancel_timer(copas_thread *thread, void *user)
{
  (void)thread;
  (void)user;
  alarms++;
  CHECK_OK(copas_timer_cancel(timer));
}

static void destroy_timer(copas_thread *thread, void *user)
{
  (void)thread;
  (void)user;
  alarms++;
  CHECK_OK(copas_timer_destroy(timer));
}

static void arm_timer_again(copas_thread *thread, void *user)
{
  cancel_timer(thread, user);
  armed_again = net_seconds();
  CHECK_OK(copas_timer_arm(timer, 0.02));
}

static void cancel_sleeper(copas_thread *thread, void *user)
{
  (void)thread;
  (void)user;
  alarms++;
  CHECK_OK(copas_removethread(sleeper));
}

static void cancel_operation(copas_thread *thread, void *user)
{
  (void)thread;
  (void)user;
  alarms++;
  CHECK_OK(copas_submit_cancel(operation));
}

/* Has an alarm and, armed right after it for the same time, what it acts on. */
static void wait_for_an_alarm(void *user)
{
  copas_timeout_fn *alarm_fn = user;
  copas_timer_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.callback = count_firing;
  options.delay = 0.01;
  CHECK_OK(copas_timeout(c, 0.01, *alarm_fn, NULL));
  CHECK_OK(copas_timer_new(c, &options, &timer));
  CHECK_OK(copas_submit_pause(c, 0.01, 1, &operation));
  CHECK_OK(copas_pause(c, 0.05, NULL));
}

static void sleep_as_long(void *user)
{
  *(copas_status *)user = copas_pause(c, 0.01, NULL);
}

/* Holds the step up, so that all that is due passes together in the next one. */
static void block_the_step(void *user)
{
  (void)user;
  CHECK_OK(copas_pause(c, 0.001, NULL));
  net_sleep(0.03);
}

static void nap(void *user)
{
  double start = net_seconds();
  CHECK_OK(copas_pause(c, 0.002, NULL));
  CHECK(net_seconds() - start >= 0.002);
  ++*(int *)user;
}

/* The wheel is sound: timers and naps end, and not early. */
static void check_time_limits(void)
{
  int naps = 0;
  for (int i = 0; i < 50; i++) CHECK_OK(copas_addthread(c, nap, &naps, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(naps, 50);
}

static void run_alarm(copas_timeout_fn alarm_fn, copas_status sleeper_status, int event_status,
                      int firings)
{
  copas_status slept = COPAS_FAILED;
  copas_event event;
  c = net_new(NULL);
  fired = alarms = 0;
  armed_again = 0;
  CHECK_OK(copas_addthread(c, wait_for_an_alarm, &alarm_fn, NULL));
  CHECK_OK(copas_addthread(c, sleep_as_long, &slept, &sleeper));
  CHECK_OK(copas_addthread(c, block_the_step, NULL, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(alarms, 1);
  CHECK_NUMBER(fired, firings);
  CHECK_STATUS(slept, sleeper_status);
  CHECK_NUMBER(copas_poll(c, &event, 1, NET_PATIENCE), 1);
  CHECK_STATUS(event.status, event_status);
  check_time_limits();
  CHECK_NUMBER(fired, firings);
  CHECK_OK(copas_free(c));
}

static void a_timer_canceled_by_an_alarm_does_not_fire(void)
{
  run_alarm(cancel_timer, COPAS_OK, COPAS_OK, 0);
}

static void a_timer_destroyed_by_an_alarm_does_not_fire(void)
{
  run_alarm(destroy_timer, COPAS_OK, COPAS_OK, 0);
}

static void a_timer_armed_again_by_an_alarm_fires_once_at_its_new_time(void)
{
  run_alarm(arm_timer_again, COPAS_OK, COPAS_OK, 1);
}

static void a_sleeper_canceled_by_an_alarm_is_told_so(void)
{
  run_alarm(cancel_sleeper, COPAS_CANCELED, COPAS_OK, 1);
}

static void an_operation_canceled_by_an_alarm_completes_so(void)
{
  run_alarm(cancel_operation, COPAS_OK, COPAS_CANCELED, 1);
}

int main(void)
{
  RUN(a_timer_canceled_by_an_alarm_does_not_fire);
  RUN(a_timer_destroyed_by_an_alarm_does_not_fire);
  RUN(a_timer_armed_again_by_an_alarm_fires_once_at_its_new_time);
  RUN(a_sleeper_canceled_by_an_alarm_is_told_so);
  RUN(an_operation_canceled_by_an_alarm_completes_so);
  return check_report();
}
