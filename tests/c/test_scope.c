/* SPDX-License-Identifier: MIT */
/* Deadlines of whole scopes: every wait inside respects the nearest one. */
#include "network.h"

#include <math.h>

static copas *c;
static copas_socket *skt;
static int done;

static void wait_inside(void)
{
  copas_bytes bytes;
  double start = net_seconds();
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  CHECK(net_seconds() - start >= 0.03);
  CHECK_STATUS(copas_pause(c, 60, NULL), COPAS_TIMEOUT);
  CHECK_STATUS(copas_pause(c, COPAS_FOREVER, NULL), COPAS_TIMEOUT);
  CHECK(net_seconds() - start < 10);
}

static void work_in_a_scope(void *user)
{
  copas_bytes bytes;
  CHECK_OK(copas_begindeadline(c, 0.03));
  wait_inside();
  /* What needs no wait works on. */
  net_puts(*(int *)user, "there\n");
  CHECK_OK(copas_settimeout(skt, 0));
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_NUMBER(copas_enddeadline(c), 1);
  CHECK_STATUS(copas_enddeadline(c), COPAS_INVALID);
  CHECK_OK(copas_pause(c, 0.001, NULL));
  done = 1;
}

static void waits_end_with_the_scope_and_what_needs_none_goes_on(void)
{
  c = net_new(NULL);
  done = 0;
  int peer = net_pair(c, &skt);
  CHECK_OK(copas_addthread(c, work_in_a_scope, &peer, NULL));
  net_until(c, &done, 1);
  CHECK_OK(copas_free(c));
  close(peer);
}

static void the_nearest_end_counts(void)
{
  c = net_new(NULL);
  double start = net_seconds();
  CHECK_OK(copas_hold(c));
  CHECK_OK(copas_begindeadline(c, 0.03));
  CHECK_OK(copas_begindeadline(c, 60));
  CHECK_STATUS(copas_pause(c, 60, NULL), COPAS_TIMEOUT);
  CHECK_NUMBER(copas_enddeadline(c), 1);
  CHECK_NUMBER(copas_enddeadline(c), 1);
  CHECK_OK(copas_begindeadline(c, 60));
  CHECK_OK(copas_begindeadline(c, 0.02));
  CHECK_STATUS(copas_pause(c, 60, NULL), COPAS_TIMEOUT);
  CHECK_NUMBER(copas_enddeadline(c), 1);
  CHECK_OK(copas_pause(c, 0.001, NULL));
  CHECK_NUMBER(copas_enddeadline(c), 0);
  CHECK(net_seconds() - start >= 0.05 && net_seconds() - start < 20);
  CHECK_OK(copas_begindeadline(c, COPAS_FOREVER));
  CHECK_OK(copas_pause(c, 0.001, NULL));
  CHECK_NUMBER(copas_enddeadline(c), 0);
  CHECK_OK(copas_free(c));
}

static void sleep_long(void *user)
{
  *(copas_status *)user = copas_pause(c, 60, NULL);
}

static void start_inside(void *user)
{
  /* Not so short that it passes before the next line under a tool. */
  CHECK_OK(copas_begindeadline(c, check_small() ? 2 : 0.1));
  CHECK_OK(copas_addthread(c, sleep_long, user, NULL));
  CHECK_NUMBER(copas_enddeadline(c), 0);
}

static void what_is_started_inside_inherits_the_end(void)
{
  copas_status status = COPAS_OK;
  double start = net_seconds();
  c = net_new(NULL);
  CHECK_OK(copas_addthread(c, start_inside, &status, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_STATUS(status, COPAS_TIMEOUT);
  CHECK(net_seconds() - start < 20);
  CHECK_OK(copas_free(c));
}

static void sleep_a_little(void *user)
{
  *(copas_status *)user = copas_pause(c, 0.1, NULL);
}

static void end_what_was_inherited(void *user)
{
  CHECK_STATUS(copas_enddeadline(c), COPAS_INVALID);
  CHECK_OK(copas_begindeadline(c, 60));
  CHECK_NUMBER(copas_enddeadline(c), 0);
  CHECK_STATUS(copas_enddeadline(c), COPAS_INVALID);
  sleep_long(user);
}

static void start_one_that_ends_it(void *user)
{
  CHECK_OK(copas_begindeadline(c, 0.02));
  CHECK_OK(copas_addthread(c, end_what_was_inherited, user, NULL));
  CHECK_NUMBER(copas_enddeadline(c), 0);
}

static void an_inherited_end_cannot_be_ended(void)
{
  copas_status status = COPAS_OK;
  c = net_new(NULL);
  CHECK_OK(copas_addthread(c, start_one_that_ends_it, &status, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_STATUS(status, COPAS_TIMEOUT);
  CHECK_OK(copas_free(c));
}

static void sleep_in_a_timer(copas_timer *timer, void *user)
{
  (void)timer;
  sleep_a_little(user);
}

static void sleep_in_a_handler(copas_socket *client, void *user)
{
  (void)client;
  sleep_a_little(user);
}

static copas_status of_callback[2];

static void start_in_a_callback(copas *own, void *user)
{
  (void)user;
  CHECK(own == c);
  CHECK_STATUS(copas_enddeadline(c), COPAS_INVALID);
  CHECK_OK(copas_addthread(c, sleep_a_little, &of_callback[0], NULL));
  CHECK_OK(copas_begindeadline(c, 0.01));
  CHECK_OK(copas_addthread(c, sleep_long, &of_callback[1], NULL));
  CHECK_NUMBER(copas_enddeadline(c), 0);
  /* One that is left open ends with the step. */
  CHECK_OK(copas_begindeadline(c, 0.01));
}

static void only_the_callers_own_coroutines_inherit_the_roots_end(void)
{
  copas_status of_timer = COPAS_FAILED, of_handler = COPAS_FAILED, of_own = COPAS_FAILED;
  copas_timer *timer;
  copas_timer_options options;
  int port;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.callback = sleep_in_a_timer;
  options.user = &of_timer;
  options.delay = 0.001;
  for (int i = 0; i < 2; i++) of_callback[i] = COPAS_FAILED;
  c = net_new(NULL);
  CHECK_OK(copas_begindeadline(c, 0.05));
  copas_socket *server = net_serve(c, sleep_in_a_handler, &of_handler, &port);
  int fd = net_connect(port);
  CHECK_OK(copas_timer_new(c, &options, &timer));
  CHECK_OK(copas_post(c, start_in_a_callback, NULL));
  CHECK_OK(copas_addthread(c, sleep_long, &of_own, NULL));
  CHECK_STATUS(copas_pause(c, 60, NULL), COPAS_TIMEOUT);
  CHECK_NUMBER(copas_enddeadline(c), 1);
  CHECK_STATUS(copas_enddeadline(c), COPAS_INVALID);
  CHECK_OK(copas_removeserver(server, 0));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(of_timer);
  CHECK_OK(of_handler);
  CHECK_OK(of_callback[0]);
  CHECK_STATUS(of_callback[1], COPAS_TIMEOUT);
  CHECK_STATUS(of_own, COPAS_TIMEOUT);
  CHECK_OK(copas_free(c));
  close(fd);
}

/* Is due again while it runs, in a scope that it leaves open. */
static void leave_a_scope_open(copas_timer *timer, void *user)
{
  int *firings = user;
  if (++*firings == 2) {
    CHECK_OK(copas_pause(c, 0.02, NULL));
    return;
  }
  CHECK_OK(copas_begindeadline(c, 0.01));
  CHECK_OK(copas_timer_arm(timer, 0.001));
  CHECK_STATUS(copas_pause(c, 60, NULL), COPAS_TIMEOUT);
}

static void a_timers_next_run_is_not_inside_of_what_the_last_began(void)
{
  int firings = 0;
  copas_timer *timer;
  copas_timer_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.callback = leave_a_scope_open;
  options.user = &firings;
  c = net_new(NULL);
  CHECK_OK(copas_timer_new(c, &options, &timer));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(firings, 2);
  CHECK_OK(copas_free(c));
}

static void pause_until_it_ends(void *user)
{
  double end = net_seconds() + NET_PATIENCE;
  copas_status status;
  CHECK_OK(copas_begindeadline(c, 0.02));
  while ((status = copas_pause(c, 0, NULL)) == COPAS_OK) CHECK(net_seconds() < end);
  CHECK_STATUS(status, COPAS_TIMEOUT);
  CHECK_STATUS(copas_pause(c, 0, NULL), COPAS_TIMEOUT);
  CHECK_NUMBER(copas_enddeadline(c), 1);
  CHECK_OK(copas_pause(c, 0, NULL));
  if (user != NULL) *(int *)user = 1;
}

static void a_pause_of_no_time_ends_with_the_scope_too(void)
{
  int ended = 0;
  c = net_new(NULL);
  CHECK_OK(copas_addthread(c, pause_until_it_ends, &ended, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(ended, 1);
  pause_until_it_ends(NULL);
  CHECK_OK(copas_free(c));
}

static void a_step_waits_no_longer_than_the_roots_scope(void)
{
  double start = net_seconds();
  c = net_new(NULL);
  CHECK_OK(copas_hold(c));
  CHECK_OK(copas_begindeadline(c, 0.02));
  CHECK_STATUS(copas_step(c, 60), COPAS_TIMEOUT);
  CHECK_STATUS(copas_step(c, COPAS_FOREVER), COPAS_TIMEOUT);
  CHECK_NUMBER(copas_enddeadline(c), 1);
  CHECK(net_seconds() - start >= 0.02 && net_seconds() - start < 30);
  CHECK_OK(copas_free(c));
}

/* One of everything that is waited for in vain. */
static struct {
  struct net_full full;
  copas_socket *listener, *udp, *narrow;
  copas_thread *sleeper;
  copas_lock *lock;
  copas_semaphore *semaphore;
  copas_queue *empty, *stuffed;
  copas_future *future;
  copas_group *group;
  int peer, pipe[2];
} vain;

static void *think_for_ever(void *user)
{
  copas_pauseforever(c);
  return user;
}

static void sleep_for_ever(void *user)
{
  (void)user;
  copas_pauseforever(c);
}

static void lock_and_sleep(void *user)
{
  CHECK_OK(copas_lock_get(user, 0, NULL));
  copas_pauseforever(c);
}

static void open_vain(void)
{
  c = net_new(NULL);
  CHECK(pipe(vain.pipe) == 0);
  vain.peer = net_narrow_pair(c, &vain.narrow);
  CHECK_OK(copas_bind(c, "127.0.0.1", 0, &vain.listener));
  CHECK_OK(copas_bind_udp(c, "127.0.0.1", 0, &vain.udp));
  CHECK_OK(copas_addthread(c, sleep_for_ever, NULL, &vain.sleeper));
  CHECK_OK(copas_lock_new(c, NAN, 0, &vain.lock));
  CHECK_OK(copas_addthread(c, lock_and_sleep, vain.lock, NULL));
  CHECK_OK(copas_semaphore_new(c, 1, 0, NAN, &vain.semaphore));
  CHECK_OK(copas_queue_new(c, 0, NAN, NULL, &vain.empty));
  CHECK_OK(copas_queue_new(c, 1, NAN, NULL, &vain.stuffed));
  CHECK_OK(copas_queue_push(vain.stuffed, NULL, 0));
  CHECK_OK(copas_future_addthread(c, think_for_ever, NULL, NULL, &vain.future));
  CHECK_OK(copas_group_new(c, 0, &vain.group));
  CHECK_OK(copas_group_addthread(vain.group, sleep_for_ever, NULL, NULL));
}

/* Waits without a limit for one thing after the other; past the last, -1. */
static int wait_in_vain(int which)
{
  static char block[1 << 20];
  copas_choice choice = {.kind = COPAS_CHOICE_POP, .handle = vain.empty};
  copas_bytes bytes;
  copas_socket *made;
  char memory[4];
  size_t n;
  void *item;
  switch (which) {
    case 0: return copas_receive(vain.narrow, COPAS_LINE, &bytes);
    case 1: return copas_receive_into(vain.narrow, memory, sizeof memory, &n);
    case 2: return copas_receivefrom(vain.udp, &bytes, NULL);
    case 3: return copas_send_part(vain.narrow, block, sizeof block, &n);
    case 4: CHECK_OK(copas_send(vain.narrow, block, 60000)); return copas_flush(vain.narrow);
    case 5: return copas_accept(vain.listener, COPAS_FOREVER, &made);
    case 6: return copas_connect(c, "127.0.0.1", vain.full.port, COPAS_FOREVER, &made);
    case 7: return copas_lock_get(vain.lock, COPAS_FOREVER, NULL);
    case 8: return copas_semaphore_take(vain.semaphore, 1, COPAS_FOREVER);
    case 9: return copas_queue_pop(vain.empty, COPAS_FOREVER, &item);
    case 10: return copas_queue_push(vain.stuffed, NULL, COPAS_FOREVER);
    case 11: return copas_future_get(vain.future, COPAS_FOREVER, &item);
    case 12: return copas_group_wait(vain.group, COPAS_FOREVER);
    case 13: return copas_join(vain.sleeper, COPAS_FOREVER);
    case 14: return copas_select(c, &choice, 1, COPAS_FOREVER);
    case 15: return copas_wait_fd(c, vain.pipe[0], COPAS_READABLE, COPAS_FOREVER);
    case 16: return copas_waitforexit(c);
    case 17: return copas_pauseforever(c);
    case 18: return copas_queue_finish(vain.stuffed, COPAS_FOREVER);
    default: return -1000;
  }
}

static void wait_in_vain_for_everything(void *user)
{
  copas_pause(c, 0.001, NULL);
  for (int which = 0;; which++) {
    CHECK_OK(copas_begindeadline(c, 0.005));
    int status = wait_in_vain(which);
    if (status == -1000) break;
    if (status != COPAS_TIMEOUT) CHECK_FAIL("wait %d gave %s", which, copas_status_name(status));
    CHECK_NUMBER(copas_enddeadline(c), 1);
  }
  *(int *)user = 1;
}

static void every_kind_of_wait_ends_with_the_scope(void)
{
  int ended = 0;
  if (!net_full_open(&vain.full)) {
    net_full_close(&vain.full);
    SKIP("attempts to connect do not hang here");
    return;
  }
  open_vain();
  CHECK_OK(copas_addthread(c, wait_in_vain_for_everything, &ended, NULL));
  net_until(c, &ended, 1);
  CHECK_OK(copas_free(c));
  net_full_close(&vain.full);
  for (int i = 0; i < 2; i++) close(vain.pipe[i]);
  close(vain.peer);
}

int main(void)
{
  RUN(waits_end_with_the_scope_and_what_needs_none_goes_on);
  RUN(the_nearest_end_counts);
  RUN(what_is_started_inside_inherits_the_end);
  RUN(an_inherited_end_cannot_be_ended);
  RUN(only_the_callers_own_coroutines_inherit_the_roots_end);
  RUN(a_timers_next_run_is_not_inside_of_what_the_last_began);
  RUN(a_pause_of_no_time_ends_with_the_scope_too);
  RUN(a_step_waits_no_longer_than_the_roots_scope);
  RUN(every_kind_of_wait_ends_with_the_scope);
  return check_report();
}
