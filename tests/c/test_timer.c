/* SPDX-License-Identifier: MIT */
/* Timers: once, again and again, armed and canceled, also from their own callback. */
#include "network.h"

static copas *c;
static int fired, finished, freed;
static double times[16];
static int (*act)(copas_timer *timer);

static void tick(copas_timer *timer, void *user)
{
  CHECK(user == &fired);
  CHECK(copas_running() != NULL);
  times[fired % 16] = net_seconds();
  fired++;
  if (act != NULL) CHECK(act(timer));
  finished++;
}

static void count_free(void *user)
{
  (void)user;
  freed++;
}

static copas_timer *start(uint64_t flags, double delay, double initial_delay)
{
  copas_timer *timer;
  copas_timer_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = flags;
  options.name = "clock";
  options.callback = tick;
  options.user = &fired;
  options.user_free = count_free;
  options.delay = delay;
  options.initial_delay = initial_delay;
  if (c == NULL) c = net_new(NULL);
  fired = finished = freed = 0;
  act = NULL;
  CHECK_OK(copas_timer_new(c, &options, &timer));
  return timer;
}

static void stop(void)
{
  CHECK_OK(copas_free(c));
  c = NULL;
  CHECK_NUMBER(freed, 1);
}

static void a_timer_fires_once_and_can_be_armed_again(void)
{
  copas_timer *timer = start(0, 0.02, 0);
  double begun = net_seconds();
  CHECK_STATUS(copas_timer_arm(timer, 1), COPAS_BUSY);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(fired, 1);
  CHECK(times[0] - begun >= 0.02);
  CHECK_OK(copas_timer_arm(timer, 0));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(fired, 2);
  stop();
}

static int cancel_the_fifth(copas_timer *timer)
{
  if (fired == 5) CHECK_OK(copas_timer_cancel(timer));
  return 1;
}

static void a_recurring_timer_fires_until_it_is_canceled(void)
{
  copas_timer *timer = start(COPAS_RECURRING, 0.005, 0);
  act = cancel_the_fifth;
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(fired, 5);
  CHECK_NUMBER(finished, 5);
  for (int i = 1; i < 5; i++) CHECK(times[i] - times[i - 1] >= 0.005);
  CHECK_STATUS(copas_timer_cancel(timer), COPAS_INVALID);
  stop();
}

static int work_20_ms(copas_timer *timer)
{
  CHECK_OK(copas_pause(c, 0.02, NULL));
  return cancel_the_fifth(timer);
}

static void the_delay_counts_from_the_end_of_the_callback(void)
{
  start(COPAS_RECURRING, 0.01, -1);
  double begun = net_seconds();
  act = work_20_ms;
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(fired, 5);
  for (int i = 1; i < 5; i++) CHECK(times[i] - times[i - 1] >= 0.03);
  CHECK(times[0] - begun < 1);
  stop();
}

static void the_first_delay_may_be_another_one(void)
{
  start(COPAS_RECURRING, 0.001, 0.03);
  double begun = net_seconds();
  act = cancel_the_fifth;
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(times[0] - begun >= 0.03);
  stop();
}

static int cancel_then_wait(copas_timer *timer)
{
  CHECK_OK(copas_timer_cancel(timer));
  CHECK_OK(copas_pause(c, 0.01, NULL));
  return 1;
}

static void a_callback_that_cancels_its_timer_runs_to_its_end(void)
{
  start(COPAS_RECURRING, 0.001, 0);
  act = cancel_then_wait;
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(fired, 1);
  CHECK_NUMBER(finished, 1);
  stop();
}

static int rearm_and_wait(copas_timer *timer)
{
  if (fired == 4) return 1;
  CHECK_OK(copas_timer_arm(timer, 0.001));
  CHECK_OK(copas_pause(c, 0.01, NULL));
  return 1;
}

static void a_callback_may_arm_its_timer_again_and_never_runs_twice_at_once(void)
{
  start(0, 0.001, 0);
  act = rearm_and_wait;
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(fired, 4);
  for (int i = 1; i < 4; i++) CHECK(times[i] - times[i - 1] >= 0.01);
  stop();
}

static void cancel_and_arm_many_times_fires_once(void)
{
  copas_timer *timer = start(0, 5, 0);
  for (int i = 0; i < 10000; i++) {
    CHECK_OK(copas_timer_cancel(timer));
    CHECK_OK(copas_timer_arm(timer, i == 9999 ? 0.001 : 5));
  }
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(fired, 1);
  stop();
}

static int destroy_inside(copas_timer *timer)
{
  CHECK_OK(copas_timer_destroy(timer));
  CHECK_STATUS(copas_timer_arm(timer, 1), COPAS_STALE);
  CHECK_OK(copas_pause(c, 0.005, NULL));
  CHECK_NUMBER(freed, 0);
  return 1;
}

static void a_timer_can_be_destroyed_in_its_callback(void)
{
  start(COPAS_RECURRING, 0.001, 0);
  act = destroy_inside;
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(finished, 1);
  CHECK_NUMBER(freed, 1);
  stop();
}

static void a_shutdown_ends_recurring_timers(void)
{
  start(COPAS_RECURRING, 0.001, 0);
  while (fired < 3) net_step(c);
  double begun = net_seconds();
  CHECK_OK(copas_shutdown(c, 3600));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(net_seconds() - begun < 30);
  stop();
}

static struct {
  int count;
  char name[32];
} told;

static void note_failure(copas_thread *thread, copas_socket *skt, int status, const char *text,
                         void *user)
{
  CHECK(skt == NULL && user == &told && status == COPAS_FAILED);
  CHECK(strcmp(text, "tick failed") == 0);
  told.count++;
  snprintf(told.name, sizeof told.name, "%s", copas_getname(thread));
}

static void fail_always(copas_timer *timer, void *user)
{
  (void)timer;
  (void)user;
  CHECK_OK(copas_fail(COPAS_FAILED, "tick failed"));
}

static void a_failing_callback_is_told_to_the_timers_own_handler(void)
{
  copas_timer *timer;
  copas_timer_options options;
  memset(&options, 0, sizeof options);
  memset(&told, 0, sizeof told);
  options.size = sizeof options;
  options.name = "failing";
  options.callback = fail_always;
  options.error_handler = note_failure;
  options.error_user = &told;
  c = net_new(NULL);
  CHECK_OK(copas_timer_new(c, &options, &timer));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(told.count, 1);
  CHECK(strcmp(told.name, "failing:timer_1") == 0);
  options.delay = -1;
  CHECK_STATUS(copas_timer_new(c, &options, &timer), COPAS_INVALID);
  options.delay = 0;
  options.callback = NULL;
  CHECK_STATUS(copas_timer_new(c, &options, &timer), COPAS_INVALID);
  CHECK_STATUS(copas_timer_new(c, NULL, &timer), COPAS_INVALID);
  CHECK_OK(copas_free(c));
  c = NULL;
}

int main(void)
{
  RUN(a_timer_fires_once_and_can_be_armed_again);
  RUN(a_recurring_timer_fires_until_it_is_canceled);
  RUN(the_delay_counts_from_the_end_of_the_callback);
  RUN(the_first_delay_may_be_another_one);
  RUN(a_callback_that_cancels_its_timer_runs_to_its_end);
  RUN(a_callback_may_arm_its_timer_again_and_never_runs_twice_at_once);
  RUN(cancel_and_arm_many_times_fires_once);
  RUN(a_timer_can_be_destroyed_in_its_callback);
  RUN(a_shutdown_ends_recurring_timers);
  RUN(a_failing_callback_is_told_to_the_timers_own_handler);
  return check_report();
}
