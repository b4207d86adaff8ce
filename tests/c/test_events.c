/* SPDX-License-Identifier: MIT */
/* What comes to a callback on the root stack: a coroutine's alarm, and the process' signals. */
#include "network.h"

static copas *c;
static int rang;

static void cancel_it(copas_thread *thread, void *user)
{
  CHECK(user == &rang);
  CHECK(copas_running() == NULL);
  CHECK_STATUS(copas_pause(c, 1, NULL), COPAS_CANNOT_WAIT);
  rang++;
  CHECK_OK(copas_removethread(thread));
}

static void work_too_long(void *user)
{
  CHECK_OK(copas_timeout(c, 0.02, cancel_it, &rang));
  *(copas_status *)user = copas_pause(c, 60, NULL);
}

static void an_alarm_calls_when_its_coroutine_takes_too_long(void)
{
  copas_status status = COPAS_OK;
  c = net_new(NULL);
  rang = 0;
  double start = net_seconds();
  CHECK_OK(copas_addthread(c, work_too_long, &status, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_STATUS(status, COPAS_CANCELED);
  CHECK_NUMBER(rang, 1);
  CHECK(net_seconds() - start >= 0.02 && net_seconds() - start < 30);
  CHECK_OK(copas_free(c));
}

static void work_in_time(void *user)
{
  CHECK_OK(copas_timeout(c, 0.01, cancel_it, &rang));
  CHECK_OK(copas_timeout(c, 60, cancel_it, &rang));
  CHECK_OK(copas_pause(c, 0.02, NULL));
  if (user != NULL) CHECK_OK(copas_timeout(c, COPAS_FOREVER, NULL, NULL));
}

static void an_alarm_is_set_anew_taken_away_and_ends_with_its_coroutine(void)
{
  int marker = 1;
  c = net_new(NULL);
  rang = 0;
  CHECK_OK(copas_addthread(c, work_in_time, NULL, NULL));
  CHECK_OK(copas_addthread(c, work_in_time, &marker, NULL));
  double start = net_seconds();
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(net_seconds() - start < 30);
  CHECK_NUMBER(rang, 0);
  CHECK_STATUS(copas_timeout(c, 1, cancel_it, &rang), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

static int caught, last_signal;

static void note_signal(copas *dispatcher, int number, void *user)
{
  CHECK(dispatcher == c && user == &caught);
  CHECK(copas_current() == c && copas_running() == NULL);
  caught++;
  last_signal = number;
}

static int old_handler;

static void count_old(int number)
{
  (void)number;
  old_handler++;
}

static void signals_come_as_events_and_are_given_back(void)
{
  CHECK(signal(SIGUSR2, count_old) != SIG_ERR);
  c = net_new(NULL);
  caught = old_handler = 0;
  CHECK_OK(copas_on_signal(c, SIGUSR2, note_signal, &caught));
  CHECK_NUMBER(copas_finished(c), 1);
  CHECK(raise(SIGUSR2) == 0);
  CHECK_NUMBER(caught, 0);
  net_settle(c);
  CHECK_NUMBER(caught, 1);
  CHECK_NUMBER(last_signal, SIGUSR2);
  for (int i = 0; i < 5; i++) CHECK(raise(SIGUSR2) == 0);
  net_settle(c);
  CHECK(caught >= 2 && caught <= 6);
  CHECK_NUMBER(old_handler, 0);
  CHECK_OK(copas_on_signal(c, SIGUSR2, NULL, NULL));
  CHECK(raise(SIGUSR2) == 0);
  CHECK_NUMBER(old_handler, 1);
  CHECK_OK(copas_on_signal(c, SIGUSR2, note_signal, &caught));
  CHECK_OK(copas_free(c));
  CHECK(raise(SIGUSR2) == 0);
  CHECK_NUMBER(old_handler, 2);
  CHECK(signal(SIGUSR2, SIG_DFL) != SIG_ERR);
}

static pthread_t waiter;

static void *send_a_signal(void *user)
{
  net_sleep(0.02);
  CHECK(pthread_kill(waiter, SIGUSR2) == 0);
  return user;
}

static void a_signal_ends_the_wait_for_something_to_do(void)
{
  pthread_t os_thread;
  c = net_new(NULL);
  caught = 0;
  waiter = pthread_self();
  CHECK_OK(copas_hold(c));
  CHECK_OK(copas_on_signal(c, SIGUSR2, note_signal, &caught));
  CHECK(pthread_create(&os_thread, NULL, send_a_signal, NULL) == 0);
  double start = net_seconds();
  while (caught == 0 && net_seconds() - start < 30) copas_step(c, NET_PATIENCE);
  CHECK_NUMBER(caught, 1);
  CHECK(net_seconds() - start < 30);
  CHECK(pthread_join(os_thread, NULL) == 0);
  CHECK_OK(copas_free(c));
}

static void a_signal_has_one_dispatcher(void)
{
  c = net_new(NULL);
  copas *other = net_new(NULL);
  CHECK_OK(copas_on_signal(c, SIGUSR2, note_signal, &caught));
  CHECK_OK(copas_on_signal(c, SIGUSR2, note_signal, &caught));
  CHECK_STATUS(copas_on_signal(other, SIGUSR2, note_signal, &caught), COPAS_BUSY);
  CHECK_STATUS(copas_on_signal(other, SIGUSR2, NULL, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_on_signal(c, SIGKILL, note_signal, &caught), COPAS_INVALID);
  CHECK_STATUS(copas_on_signal(c, 0, note_signal, &caught), COPAS_INVALID);
  CHECK_STATUS(copas_on_signal(c, 65, note_signal, &caught), COPAS_INVALID);
  CHECK_STATUS(copas_on_signal(c, -1, note_signal, &caught), COPAS_INVALID);
  CHECK_OK(copas_free(c));
  CHECK_OK(copas_on_signal(other, SIGUSR2, note_signal, &caught));
  CHECK_OK(copas_free(other));
}

int main(void)
{
  RUN(an_alarm_calls_when_its_coroutine_takes_too_long);
  RUN(an_alarm_is_set_anew_taken_away_and_ends_with_its_coroutine);
  RUN(signals_come_as_events_and_are_given_back);
  RUN(a_signal_ends_the_wait_for_something_to_do);
  RUN(a_signal_has_one_dispatcher);
  return check_report();
}
