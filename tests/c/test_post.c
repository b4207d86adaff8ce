/* SPDX-License-Identifier: MIT */
/* What other OS threads and signal handlers may do to a dispatcher: post, notify, exit, shutdown,
 * also while it is being freed. */
#include "network.h"

#include <sched.h>
#include <stdatomic.h>

enum { POSTERS = 8 };

struct message {
  struct poster *poster;
  int number;
};

struct poster {
  pthread_t os_thread;
  copas *c;
  struct message *messages;
  int count;
  int next;
  int *finished;
};

static pthread_t owner;

static void deliver(copas *c, void *user)
{
  struct message *message = user;
  struct poster *poster = message->poster;
  CHECK(c == poster->c);
  CHECK(copas_current() == c);
  CHECK(copas_running() == NULL);
  CHECK(pthread_equal(pthread_self(), owner));
  CHECK_NUMBER(message->number, poster->next);
  poster->next++;
  if (poster->next == poster->count) {
    ++*poster->finished;
    CHECK_OK(copas_release(c));
  }
}

static void *post_all(void *user)
{
  struct poster *poster = user;
  for (int i = 0; i < poster->count; i++)
    CHECK_OK(copas_post(poster->c, deliver, &poster->messages[i]));
  return NULL;
}

static void posts_of_each_os_thread_run_in_their_order(void)
{
  struct poster posters[POSTERS];
  int finished = 0;
  int count = check_small() ? 300 : 10000;
  copas *c = net_new(NULL);
  owner = pthread_self();
  for (int i = 0; i < POSTERS; i++) {
    struct poster *poster = &posters[i];
    *poster = (struct poster){.c = c, .count = count, .finished = &finished};
    poster->messages = calloc((size_t)count, sizeof *poster->messages);
    CHECK(poster->messages != NULL);
    for (int n = 0; n < count; n++) poster->messages[n] = (struct message){poster, n};
    CHECK_OK(copas_hold(c));
    CHECK(pthread_create(&poster->os_thread, NULL, post_all, poster) == 0);
  }
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(finished, POSTERS);
  for (int i = 0; i < POSTERS; i++) {
    CHECK(pthread_join(posters[i].os_thread, NULL) == 0);
    free(posters[i].messages);
  }
  CHECK_OK(copas_free(c));
}

static void tally(copas *c, void *user)
{
  (void)c;
  ++*(long *)user;
}

static void post_another(copas *c, void *user)
{
  long before = ++*(long *)user;
  CHECK_OK(copas_post(c, tally, user));
  CHECK_NUMBER(*(long *)user, before);
}

static void a_post_runs_in_the_next_step_and_not_inside_the_call(void)
{
  long ran = 0;
  copas *c = net_new(NULL);
  CHECK_OK(copas_post(c, post_another, &ran));
  CHECK_NUMBER(ran, 0);
  CHECK_OK(copas_step(c, 0));
  CHECK_NUMBER(ran, 1);
  net_settle(c);
  CHECK_NUMBER(ran, 2);
  CHECK_OK(copas_free(c));
}

static void a_post_that_never_ran_is_dropped(void)
{
  long ran = 0;
  copas *c = net_new(NULL);
  for (int i = 0; i < 100; i++) CHECK_OK(copas_post(c, tally, &ran));
  CHECK_STATUS(copas_post(c, NULL, &ran), COPAS_INVALID);
  CHECK_STATUS(copas_post(NULL, tally, &ran), COPAS_INVALID);
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(ran, 0);
  CHECK_STATUS(copas_post(c, tally, &ran), COPAS_STALE);
  CHECK_STATUS(copas_notify(c), COPAS_STALE);
  CHECK_STATUS(copas_shutdown(c, 0), COPAS_STALE);
  CHECK_STATUS(copas_notify(NULL), COPAS_INVALID);
  CHECK_STATUS(copas_shutdown(NULL, 0), COPAS_INVALID);
}

struct racer {
  pthread_t os_thread;
  copas *c;
  int kind;
  long accepted;
  long *ran;
  atomic_int *ready;
};

static copas_status one_call(struct racer *racer)
{
  switch (racer->kind) {
  case 0: return copas_post(racer->c, tally, racer->ran);
  case 1: return copas_notify(racer->c);
  case 2: return copas_exit(racer->c);
  default: return copas_shutdown(racer->c, 0);
  }
}

static void *race(void *user)
{
  struct racer *racer = user;
  copas_status status;
  atomic_fetch_add(racer->ready, 1);
  while ((status = one_call(racer)) == COPAS_OK) racer->accepted++;
  CHECK_STATUS(status, COPAS_STALE);
  return NULL;
}

static void calls_from_outside_that_race_free_get_an_error(void)
{
  int rounds = check_small() ? 20 : 400;
  for (int round = 0; round < rounds; round++) {
    struct racer racers[3];
    atomic_int ready = 0;
    long ran = 0;
    copas *c = net_new(NULL);
    for (int i = 0; i < 3; i++) {
      racers[i] = (struct racer){
          .c = c, .kind = i == 0 ? 0 : round / 2 % 4, .ran = &ran, .ready = &ready};
      CHECK(pthread_create(&racers[i].os_thread, NULL, race, &racers[i]) == 0);
    }
    while (atomic_load(&ready) < 1 + round % 3) sched_yield();
    for (int i = 0; i < round % 5; i++) CHECK(copas_step(c, 0) <= 0);
    CHECK_OK(copas_free(c));
    long accepted = 0;
    for (int i = 0; i < 3; i++) {
      CHECK(pthread_join(racers[i].os_thread, NULL) == 0);
      if (racers[i].kind == 0) accepted += racers[i].accepted;
    }
    CHECK(ran <= accepted);
  }
}

static copas *volatile signal_target;
static volatile sig_atomic_t signals;

static void on_signal_notify(int number)
{
  (void)number;
  signals++;
  copas_notify(signal_target);
}

static void on_signal_exit(int number)
{
  (void)number;
  copas_exit(signal_target);
}

static void on_signal_shutdown(int number)
{
  (void)number;
  copas_shutdown(signal_target, 0);
}

static void on_signal_nothing(int number)
{
  (void)number;
  signals++;
}

static void handle_signals(void (*handler)(int), copas *c)
{
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  signal_target = c;
  signals = 0;
  owner = pthread_self();
  CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
}

static void *send_signal(void *user)
{
  net_sleep(*(double *)user);
  CHECK(pthread_kill(owner, SIGUSR1) == 0);
  return NULL;
}

static void notify_wakes_a_step_that_waits(void)
{
  pthread_t os_thread;
  int rounds = check_small() ? 10 : 200;
  copas *c = net_new(NULL);
  CHECK_OK(copas_hold(c));
  handle_signals(on_signal_notify, c);
  for (int round = 0; round < rounds; round++) {
    double delay = round % 10 == 0 ? 0.01 : 0;
    double start = net_seconds();
    CHECK(pthread_create(&os_thread, NULL, send_signal, &delay) == 0);
    copas_status status = copas_step(c, NET_PATIENCE);
    CHECK(status == COPAS_OK || status == COPAS_TIMEOUT);
    CHECK(net_seconds() - start < NET_PATIENCE / 2);
    CHECK(pthread_join(os_thread, NULL) == 0);
  }
  CHECK_NUMBER(signals, rounds);
  CHECK_OK(copas_free(c));
}

static void a_notify_before_the_step_is_remembered(void)
{
  copas *c = net_new(NULL);
  CHECK_OK(copas_hold(c));
  net_settle(c);
  for (int i = 0; i < 3; i++) CHECK_OK(copas_notify(c));
  double start = net_seconds();
  copas_status status = copas_step(c, NET_PATIENCE);
  CHECK(status == COPAS_OK || status == COPAS_TIMEOUT);
  CHECK(net_seconds() - start < NET_PATIENCE / 2);
  net_settle(c);
  start = net_seconds();
  CHECK_STATUS(copas_step(c, 0.02), COPAS_TIMEOUT);
  CHECK(net_seconds() - start >= 0.02);
  CHECK_OK(copas_free(c));
}

static void pause_100_ms(void *user)
{
  CHECK_OK(copas_pause(copas_current(), 0.1, user));
}

static void a_signal_without_a_call_ends_no_wait_early(void)
{
  pthread_t os_threads[4];
  double delay = 0.01;
  double slept = 0;
  copas *c = net_new(NULL);
  handle_signals(on_signal_nothing, c);
  CHECK_OK(copas_addthread(c, pause_100_ms, &slept, NULL));
  for (int i = 0; i < 4; i++)
    CHECK(pthread_create(&os_threads[i], NULL, send_signal, &delay) == 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(slept >= 0.1);
  for (int i = 0; i < 4; i++) CHECK(pthread_join(os_threads[i], NULL) == 0);
  CHECK(signals > 0);
  CHECK_OK(copas_free(c));
}

static void remove_the_server_at_exit(void *user)
{
  CHECK_OK(copas_waitforexit(copas_current()));
  CHECK_OK(copas_removeserver(user, 0));
}

static void exit_works_in_a_signal_handler(void)
{
  int rounds = check_small() ? 5 : 50;
  for (int round = 0; round < rounds; round++) {
    int port;
    pthread_t os_thread;
    double delay = round % 10 == 0 ? 0.01 : 0;
    copas *c = net_new(NULL);
    copas_socket *server = net_serve(c, net_echo, NULL, &port);
    handle_signals(on_signal_exit, c);
    CHECK_OK(copas_addthread(c, remove_the_server_at_exit, server, NULL));
    CHECK(pthread_create(&os_thread, NULL, send_signal, &delay) == 0);
    CHECK_OK(copas_loop(c, COPAS_FOREVER));
    CHECK_NUMBER(copas_exiting(c), 1);
    CHECK(pthread_join(os_thread, NULL) == 0);
    CHECK_OK(copas_free(c));
  }
}

struct sleeper {
  copas_status status;
  int ended;
};

static void sleep_long(void *user)
{
  struct sleeper *sleeper = user;
  sleeper->status = copas_pause(copas_current(), NET_PATIENCE, NULL);
  sleeper->ended++;
}

static void shutdown_works_in_a_signal_handler(void)
{
  int rounds = check_small() ? 5 : 50;
  for (int round = 0; round < rounds; round++) {
    int port;
    pthread_t os_thread;
    double delay = round % 10 == 0 ? 0.01 : 0;
    struct sleeper sleeper = {COPAS_OK, 0};
    copas *c = net_new(NULL);
    net_serve(c, net_echo, NULL, &port);
    CHECK_OK(copas_addthread(c, sleep_long, &sleeper, NULL));
    net_settle(c);
    handle_signals(on_signal_shutdown, c);
    CHECK(pthread_create(&os_thread, NULL, send_signal, &delay) == 0);
    CHECK_OK(copas_loop(c, COPAS_FOREVER));
    CHECK_NUMBER(sleeper.ended, 1);
    CHECK_STATUS(sleeper.status, COPAS_CANCELED);
    CHECK(net_refused(port));
    CHECK(pthread_join(os_thread, NULL) == 0);
    CHECK_OK(copas_free(c));
  }
}

static void count_free(void *user)
{
  ++*(long *)user;
}

static void never(copas *c, void *user)
{
  (void)c;
  CHECK_FAIL("%p was called", user);
}

static void expect_unreleased(copas *c, void *user)
{
  (void)c;
  CHECK_NUMBER(*(long *)user, 0);
}

static void what_a_post_owns_is_released_once_on_every_path(void)
{
  long released = 0;
  copas *c = net_new(NULL);
  CHECK_OK(copas_post_with(c, expect_unreleased, &released, count_free));
  CHECK_NUMBER(released, 0);
  net_settle(c);
  CHECK_NUMBER(released, 1);
  CHECK_STATUS(copas_post_with(c, NULL, &released, count_free), COPAS_INVALID);
  CHECK_NUMBER(released, 2);
  CHECK_OK(copas_post_with(c, never, &released, count_free));
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(released, 3);
  CHECK_STATUS(copas_post_with(c, never, &released, count_free), COPAS_STALE);
  CHECK_NUMBER(released, 4);
  CHECK_STATUS(copas_post_with(NULL, never, &released, count_free), COPAS_INVALID);
  CHECK_NUMBER(released, 5);
}

int main(void)
{
  RUN(posts_of_each_os_thread_run_in_their_order);
  RUN(a_post_runs_in_the_next_step_and_not_inside_the_call);
  RUN(a_post_that_never_ran_is_dropped);
  RUN(calls_from_outside_that_race_free_get_an_error);
  RUN(notify_wakes_a_step_that_waits);
  RUN(a_notify_before_the_step_is_remembered);
  RUN(a_signal_without_a_call_ends_no_wait_early);
  RUN(exit_works_in_a_signal_handler);
  RUN(shutdown_works_in_a_signal_handler);
  RUN(what_a_post_owns_is_released_once_on_every_path);
  return check_report();
}
