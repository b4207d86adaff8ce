/* SPDX-License-Identifier: MIT */
/* Random calls from everywhere: coroutines, the root, timers, posts, alarms, error handlers and
 * finalizers, on handles that others close and destroy meanwhile. Nothing is expected of a call but
 * that it answers, and never with COPAS_PANIC; the rest is for valgrind and the sanitizers to see. */
#include "network.h"

enum { POOL = 24, STEPS = 60 };

static copas *c;
static uint32_t state;
static int budget;
static void *handles[POOL];

static uint32_t random_below(uint32_t end)
{
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % end;
}

static void *any(void)
{
  return handles[random_below(POOL)];
}

static void keep(void *handle)
{
  handles[random_below(POOL)] = handle;
}

static double moment(void)
{
  return 0.0005 * random_below(4);
}

static void answer(int status)
{
  if (status == COPAS_PANIC) CHECK_FAIL("a call answered COPAS_PANIC");
}

static void act_without_waiting(void);

static void release(void *user)
{
  (void)user;
  act_without_waiting();
}

static void on_post(copas *dispatcher, void *user)
{
  (void)dispatcher;
  (void)user;
  act_without_waiting();
}

static void on_alarm(copas_thread *thread, void *user)
{
  (void)user;
  answer(copas_removethread(thread));
  act_without_waiting();
}

static void on_error(copas_thread *thread, copas_socket *skt, int status, const char *text,
                     void *user)
{
  (void)thread;
  (void)status;
  (void)text;
  (void)user;
  if (skt != NULL) answer(copas_send(skt, "sorry", 5));
  act_without_waiting();
}

static void live(void *user);

static void on_timer(copas_timer *timer, void *user)
{
  keep(timer);
  live(user);
}

static void serve(copas_socket *client, void *user)
{
  /* Without a limit the root stack could wait on it for ever, while timers keep the loop alive. */
  copas_settimeout(client, moment());
  keep(client);
  live(user);
}

static void make_a_pair(void)
{
  int fds[2];
  copas_socket *skt;
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  for (int i = 0; i < 2; i++) {
    if (copas_wrap(c, fds[i], &skt) == COPAS_OK) {
      copas_settimeout(skt, moment());
      keep(skt);
    } else {
      close(fds[i]);
    }
  }
}

/* By an abstract name: ports would be used up by all that is opened and closed here. */
static void make_a_server(void)
{
  static int servers;
  char name[64];
  copas_socket *server, *client;
  copas_server_options options = {.size = sizeof options, .user_free = release};
  snprintf(name, sizeof name, "@copas-random-%d-%d", (int)getpid(), servers++);
  if (copas_bind_unix(c, name, 0, &server) != COPAS_OK) return;
  answer(copas_addserver_with(c, server, serve, &options));
  keep(server);
  if (copas_connect_unix(c, name, 0, 0.01, &client) == COPAS_OK) {
    copas_settimeout(client, moment());
    keep(client);
  }
}

static void make_an_object(void)
{
  copas_lock *lock;
  copas_semaphore *semaphore;
  copas_queue *queue;
  copas_group *group;
  copas_timer *timer;
  copas_timer_options options = {.size = sizeof options, .callback = on_timer, .user_free = release,
                                 .flags = random_below(2) ? COPAS_RECURRING : 0,
                                 .delay = moment(), .error_handler = on_error};
  switch (random_below(5)) {
  case 0: if (copas_lock_new(c, 0.001, random_below(2), &lock) == COPAS_OK) keep(lock); break;
  case 1:
    if (copas_semaphore_new(c, 3, 2, 0.001, &semaphore) == COPAS_OK) keep(semaphore);
    break;
  case 2: if (copas_queue_new(c, random_below(4), 0.001, release, &queue) == COPAS_OK) keep(queue); break;
  case 3: if (copas_group_new(c, random_below(2), &group) == COPAS_OK) keep(group); break;
  default: if (copas_timer_new(c, &options, &timer) == COPAS_OK) keep(timer); break;
  }
}

static void make_a_coroutine(void)
{
  copas_thread *thread;
  copas_thread_options options = {.size = sizeof options, .user_free = release};
  if (budget-- <= 0) return;
  if (random_below(3) == 0) answer(copas_group_addthread(any(), live, NULL, NULL));
  else if (copas_addthread_with(c, live, &options, &thread) == COPAS_OK) keep(thread);
}

/* Something that never waits. */
static void act_without_waiting(void)
{
  size_t taken;
  copas_dispatcher_stats stats = {.size = sizeof stats};
  if (budget-- <= 0) return;
  switch (random_below(20)) {
  case 0: answer(copas_close(any())); break;
  case 1: answer(copas_abort(any())); break;
  case 2: answer(copas_removethread(any())); break;
  case 3: answer(copas_wakeup(any())); break;
  case 4: answer(copas_lock_release(any())); break;
  case 5: answer(copas_semaphore_give(any(), 1)); break;
  case 6: answer(copas_queue_stop(any())); break;
  case 7: answer(copas_lock_destroy(any())); break;
  case 8: answer(copas_semaphore_destroy(any())); break;
  case 9: answer(copas_queue_destroy(any())); break;
  case 10: answer(copas_timer_destroy(any())); break;
  case 11: answer(copas_timer_cancel(any())); break;
  case 12: answer(copas_timer_arm(any(), moment())); break;
  case 13: answer(copas_setname(any(), "renamed")); break;
  case 14: answer(copas_shut(any(), 1 + (int)random_below(3))); break;
  case 15: answer(copas_submit_receive(any(), COPAS_LINE, 1, NULL, NULL)); break;
  case 16: answer(copas_submit_send(any(), "submitted\n", 10, 0, 2, &taken, NULL, NULL)); break;
  case 17: answer(copas_post(c, on_post, NULL)); break;
  case 18: answer(copas_stats(c, &stats)); break;
  default: answer(copas_removeserver(any(), (int)random_below(2))); break;
  }
}

static void select_any(void)
{
  copas_choice choices[4];
  for (int i = 0; i < 4; i++)
    choices[i] = (copas_choice){.kind = random_below(12), .handle = any(), .amount = 1};
  int place = copas_select(c, choices, 4, moment());
  answer(place);
  if (place >= 0) answer(choices[place].status);
}

/* Something that may wait. */
static void act_and_wait(void)
{
  static char block[100000];
  copas_bytes bytes;
  char memory[64];
  size_t n;
  void *item;
  switch (random_below(16)) {
  case 0: answer(copas_receive(any(), COPAS_LINE, &bytes)); break;
  case 1: answer(copas_receive_some(any(), &bytes)); break;
  case 2: answer(copas_receive(any(), (int64_t)random_below(200), &bytes)); break;
  case 3: answer(copas_receive_into(any(), memory, sizeof memory, &n)); break;
  case 4: answer(copas_send(any(), "some\nlines\n", 11)); break;
  case 5: answer(copas_send(any(), block, sizeof block)); break;
  case 6: answer(copas_flush(any())); break;
  case 7: answer(copas_pause(c, moment(), NULL)); break;
  case 8: answer(copas_join(any(), moment())); break;
  case 9: answer(copas_lock_get(any(), moment(), NULL)); break;
  case 10: answer(copas_semaphore_take(any(), 1 + (int)random_below(3), moment())); break;
  case 11: answer(copas_queue_push(any(), block, moment())); break;
  case 12: answer(copas_queue_pop(any(), moment(), &item)); break;
  case 13: answer(copas_group_wait(any(), moment())); break;
  case 14: answer(copas_group_close(any())); break;
  default: select_any(); break;
  }
}

static void make_anything(void)
{
  switch (random_below(4)) {
  case 0: make_a_pair(); break;
  case 1: make_an_object(); break;
  case 2: make_a_coroutine(); break;
  default: if (random_below(4) == 0) make_a_server(); break;
  }
}

static void live(void *user)
{
  (void)user;
  if (random_below(4) == 0) answer(copas_timeout(c, moment(), on_alarm, NULL));
  if (random_below(4) == 0) answer(copas_seterrorhandler(c, on_error, NULL, 0));
  if (random_below(6) == 0) answer(copas_begindeadline(c, moment()));
  for (int i = 0; i < STEPS && budget-- > 0; i++) {
    uint32_t kind = random_below(10);
    if (kind < 2) make_anything();
    else if (kind < 5) act_without_waiting();
    else act_and_wait();
  }
  if (random_below(3) == 0) answer(copas_fail(COPAS_FAILED, "at random"));
}

static void live_and_die(uint32_t seed)
{
  copas_config config = {.size = sizeof config, .flags = COPAS_QUIET};
  copas_event events[16];
  c = copas_new(&config);
  CHECK(c != NULL);
  state = seed * 2654435761u + 1;
  budget = check_small() ? 1500 : 4000;
  memset(handles, 0, sizeof handles);
  answer(copas_seterrorhandler(c, on_error, NULL, 1));
  for (int i = 0; i < 8; i++) make_a_pair();
  for (int i = 0; i < 6; i++) make_a_coroutine();
  double end = net_seconds() + NET_PATIENCE;
  while (budget > 0 && copas_finished(c) == 0) {
    answer(copas_poll(c, events, 16, 0.002));
    if (random_below(3) == 0) act_and_wait();
    if (random_below(3) == 0) make_anything();
    CHECK(net_seconds() < end);
  }
  copas_status freed = copas_free(c);
  CHECK(freed == COPAS_OK || freed == COPAS_ABANDONED);
}

static void random_calls_from_everywhere_do_no_harm(void)
{
  uint32_t seeds = check_small() ? 8 : 200;
  for (uint32_t seed = 1; seed <= seeds; seed++) live_and_die(seed);
}

int main(void)
{
  RUN(random_calls_from_everywhere_do_no_harm);
  return check_report();
}
