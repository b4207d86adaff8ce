/* SPDX-License-Identifier: MIT */
/* copas#206 and copas#213: a timer that was canceled in its callback dropped the rest of the callback;
 * cancel and arm leaked a coroutine. */
#include "network.h"

static copas *c;
static int begun, finished;

static void cancel_and_arm(copas_timer *timer, void *user)
{
  (void)user;
  begun++;
  CHECK_OK(copas_timer_cancel(timer));
  if (begun < 50) CHECK_OK(copas_timer_arm(timer, 0.0005));
  CHECK_OK(copas_pause(c, 0.001, NULL));
  finished++;
}

static void a_callback_that_cancels_and_arms_runs_whole_and_alone(void)
{
  copas_timer *timer;
  copas_timer_options options = {.size = sizeof options, .flags = COPAS_RECURRING,
                                 .callback = cancel_and_arm, .delay = 0.0005};
  copas_dispatcher_stats stats = {.size = sizeof stats};
  c = net_new(NULL);
  CHECK_OK(copas_timer_new(c, &options, &timer));
  while (copas_finished(c) == 0) {
    net_step(c);
    CHECK_OK(copas_stats(c, &stats));
    CHECK(stats.running <= 1);
  }
  CHECK_NUMBER(begun, 50);
  CHECK_NUMBER(finished, 50);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(a_callback_that_cancels_and_arms_runs_whole_and_alone);
  return check_report();
}
