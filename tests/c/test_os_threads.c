/* SPDX-License-Identifier: MIT */
/* Handlers on OS threads: one at a time, each on an OS thread of its own from its start to its end,
 * mixed with coroutines on stacks; which OS threads may call meanwhile. The cases of the other tests
 * run on OS threads too (on_os_threads.h). */
#include "network.h"

enum { HANDLERS = 50, ROUNDS = 4, DEPTH = 6 };

/* Adds a coroutine on an OS thread. */
static copas_status add(copas *c, copas_thread_fn fn, void *user, copas_thread **out)
{
  copas_thread_options options = {.size = sizeof options, .flags = COPAS_OS_THREAD, .user = user};
  return copas_addthread_with(c, fn, &options, out);
}

static int serve(copas *c, copas_handler_fn handler, void *user)
{
  int port;
  copas_socket *server = net_bind(c, &port);
  copas_server_options options = {.size = sizeof options, .flags = COPAS_OS_THREAD, .user = user};
  CHECK_OK(copas_addserver_with(c, server, handler, &options));
  return port;
}

struct crowd {
  pthread_t root;
  pthread_t os_threads[HANDLERS];
  int started, ended;
  /* Raised while one runs: no other one may see it so. */
  int inside;
  long turns;
};

/* What runs between two waits, slow enough to be seen by another one if that ran too. */
static void take_a_turn(struct crowd *crowd)
{
  CHECK_NUMBER(crowd->inside, 0);
  crowd->inside = 1;
  long before = crowd->turns;
  sched_yield();
  crowd->turns = before + 1;
  crowd->inside = 0;
}

/* Waits at each depth, on the way down and on the way up, with locals that must survive. */
static int nest(struct crowd *crowd, copas_socket *client, int depth)
{
  copas_bytes line;
  char mine[32];
  pthread_t self = pthread_self();
  CHECK_OK(copas_receive(client, COPAS_LINE, &line));
  take_a_turn(crowd);
  CHECK(line.len < sizeof mine - 1);
  snprintf(mine, sizeof mine, "%.*s\n", (int)line.len, line.data);
  if (depth > 1) CHECK_NUMBER(nest(crowd, client, depth - 1), depth - 1);
  CHECK_OK(copas_pause(copas_current(), 0, NULL));
  take_a_turn(crowd);
  CHECK(pthread_equal(self, pthread_self()));
  CHECK_OK(copas_send(client, mine, strlen(mine)));
  return depth;
}

static void handle_by_nesting(copas_socket *client, void *user)
{
  struct crowd *crowd = user;
  int me = crowd->started++;
  crowd->os_threads[me] = pthread_self();
  CHECK(!pthread_equal(crowd->root, pthread_self()));
  for (int i = 0; i < me; i++) CHECK(!pthread_equal(crowd->os_threads[i], pthread_self()));
  for (int i = 0; i < ROUNDS; i++) CHECK_NUMBER(nest(crowd, client, DEPTH), DEPTH);
  crowd->ended++;
}

/* One line of each client for each depth, all clients in turn, so that their handlers interleave; the
 * answers come in the opposite order. */
static void talk(copas *c, const int fds[HANDLERS], int round)
{
  char text[32];
  for (int depth = DEPTH; depth > 0; depth--) {
    for (int i = 0; i < HANDLERS; i++) {
      snprintf(text, sizeof text, "%d of %d in %d\n", depth, i, round);
      net_puts(fds[i], text);
    }
    net_settle(c);
  }
  for (int depth = 1; depth <= DEPTH; depth++) {
    for (int i = 0; i < HANDLERS; i++) {
      snprintf(text, sizeof text, "%d of %d in %d\n", depth, i, round);
      net_expect(c, fds[i], text);
    }
  }
}

static void fifty_handlers_interleave_one_at_a_time(void)
{
  struct crowd crowd = {.root = pthread_self()};
  int fds[HANDLERS];
  copas *c = net_new(NULL);
  int port = serve(c, handle_by_nesting, &crowd);
  for (int i = 0; i < HANDLERS; i++) fds[i] = net_connect(port);
  net_until(c, &crowd.started, HANDLERS);
  for (int round = 0; round < ROUNDS; round++) talk(c, fds, round);
  net_until(c, &crowd.ended, HANDLERS);
  CHECK_NUMBER(crowd.turns, 2L * HANDLERS * ROUNDS * DEPTH);
  for (int i = 0; i < HANDLERS; i++) {
    net_expect_end(c, fds[i]);
    close(fds[i]);
  }
  CHECK_OK(copas_free(c));
}

struct caller {
  copas *c;
  copas_socket *skt;
  copas_thread *thread;
  copas_queue *queue;
  int started, done;
};

/* Everything that another OS thread may not do, and what it may. */
static void *call_from_elsewhere(void *user)
{
  struct caller *caller = user;
  double slept;
  void *item;
  CHECK(copas_current() == NULL);
  CHECK(copas_running() == NULL);
  CHECK(copas_of(caller->skt) == caller->c);
  CHECK_STATUS(copas_send(caller->skt, "x", 1), COPAS_WRONG_THREAD);
  CHECK_STATUS(copas_pause(caller->c, 0, &slept), COPAS_WRONG_THREAD);
  CHECK_STATUS(copas_step(caller->c, 0), COPAS_WRONG_THREAD);
  CHECK_STATUS(copas_queue_pop(caller->queue, 0, &item), COPAS_WRONG_THREAD);
  CHECK_STATUS(copas_wakeup(caller->thread), COPAS_WRONG_THREAD);
  CHECK_STATUS(copas_addthread(caller->c, NULL, NULL, NULL), COPAS_WRONG_THREAD);
  CHECK_STATUS(copas_free(caller->c), COPAS_WRONG_THREAD);
  CHECK_OK(copas_notify(caller->c));
  return NULL;
}

static void run_elsewhere(struct caller *caller)
{
  pthread_t elsewhere;
  CHECK(pthread_create(&elsewhere, NULL, call_from_elsewhere, caller) == 0);
  CHECK(pthread_join(elsewhere, NULL) == 0);
}

static void let_others_try(void *user)
{
  struct caller *caller = user;
  copas_event event;
  CHECK(copas_current() == caller->c);
  CHECK(copas_running() == caller->thread);
  run_elsewhere(caller);
  CHECK_STATUS(copas_loop(caller->c, 0), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_poll(caller->c, &event, 1, 0), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_free(caller->c), COPAS_CANNOT_WAIT);
  CHECK_OK(copas_pause(caller->c, 0, NULL));
  run_elsewhere(caller);
  caller->done++;
  CHECK_STATUS(copas_pauseforever(caller->c), COPAS_CANCELED);
  CHECK_OK(copas_send(caller->skt, "bye\n", 4));
}

static void only_the_running_handlers_os_thread_may_call(void)
{
  struct caller caller = {0};
  caller.c = net_new(NULL);
  int peer = net_pair(caller.c, &caller.skt);
  CHECK_OK(copas_queue_new(caller.c, 0, COPAS_FOREVER, NULL, &caller.queue));
  CHECK_OK(add(caller.c, let_others_try, &caller, &caller.thread));
  net_until(caller.c, &caller.done, 1);
  run_elsewhere(&caller);
  CHECK_OK(copas_removethread(caller.thread));
  net_expect(caller.c, peer, "bye\n");
  CHECK_OK(copas_free(caller.c));
  close(peer);
}

static void wake_it(copas *c, void *user)
{
  struct caller *caller = user;
  CHECK(copas_current() == c);
  CHECK_NUMBER(copas_wakeup(caller->thread), 1);
}

static void post_to_yourself_and_sleep(void *user)
{
  struct caller *caller = user;
  CHECK_OK(copas_post(caller->c, wake_it, caller));
  CHECK_OK(copas_pauseforever(caller->c));
  caller->started = 1;
  CHECK_OK(copas_pauseforever(caller->c));
  caller->done = 1;
}

static void a_post_wakes_a_handler_from_its_own_and_another_os_thread(void)
{
  struct caller caller = {0};
  struct net_later later;
  caller.c = net_new(NULL);
  CHECK_OK(add(caller.c, post_to_yourself_and_sleep, &caller, &caller.thread));
  net_until(caller.c, &caller.started, 1);
  net_later_start(&later, caller.c, 0, wake_it, &caller);
  net_until(caller.c, &caller.done, 1);
  net_later_join(&later);
  CHECK_OK(copas_free(caller.c));
}

enum { PASSES = 500 };

struct pair {
  copas_queue *there, *back;
  long number;
};

static void pass_on(struct pair *pair, copas_queue *from, copas_queue *to)
{
  void *item;
  for (int i = 0; i < PASSES; i++) {
    CHECK_OK(copas_queue_pop(from, NET_PATIENCE, &item));
    CHECK(item == pair);
    pair->number++;
    CHECK_OK(copas_queue_push(to, pair, NET_PATIENCE));
  }
}

static void pass_there(void *user)
{
  struct pair *pair = user;
  pass_on(pair, pair->back, pair->there);
}

static void pass_back(void *user)
{
  struct pair *pair = user;
  pass_on(pair, pair->there, pair->back);
}

static void handlers_on_stacks_and_on_os_threads_share_a_dispatcher(void)
{
  struct pair pair = {0};
  copas *c = net_new(NULL);
  CHECK_OK(copas_queue_new(c, 0, COPAS_FOREVER, NULL, &pair.there));
  CHECK_OK(copas_queue_new(c, 0, COPAS_FOREVER, NULL, &pair.back));
  CHECK_OK(copas_queue_push(pair.back, &pair, 0));
  CHECK_OK(copas_addthread(c, pass_there, &pair, NULL));
  CHECK_OK(add(c, pass_back, &pair, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(pair.number, 2 * PASSES);
  CHECK_OK(copas_free(c));
}

static void fail_now(void *user)
{
  (void)user;
  CHECK_OK(copas_fail(-2000, "on purpose"));
}

struct told {
  pthread_t os_thread;
  int count;
};

static void be_told(copas_thread *thread, copas_socket *skt, int status, const char *text, void *user)
{
  struct told *told = user;
  CHECK(thread == copas_running());
  CHECK(skt == NULL);
  CHECK_NUMBER(status, -2000);
  CHECK(strcmp(text, "on purpose") == 0);
  told->os_thread = pthread_self();
  told->count++;
}

static void a_failure_is_told_on_the_handlers_os_thread(void)
{
  struct told told = {.os_thread = pthread_self()};
  struct net_reports reports;
  copas *c = net_new(&reports);
  CHECK_OK(copas_seterrorhandler(c, be_told, &told, 1));
  CHECK_OK(add(c, fail_now, NULL, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(told.count, 1);
  CHECK(!pthread_equal(told.os_thread, pthread_self()));
  CHECK_OK(copas_seterrorhandler(c, NULL, NULL, 1));
  CHECK_OK(add(c, fail_now, NULL, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(net_reported(&reports, "thread_2 failed: on purpose"));
  CHECK_OK(copas_free(c));
}

static volatile sig_atomic_t caught;
static pthread_t caught_on;

static void catch_it(int number)
{
  (void)number;
  caught_on = pthread_self();
  caught = 1;
}

static void look_at_the_mask(void *user)
{
  sigset_t mask;
  CHECK(pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0);
  CHECK(sigismember(&mask, SIGTERM) && sigismember(&mask, SIGALRM) && sigismember(&mask, SIGCHLD));
  CHECK(!sigismember(&mask, SIGSEGV) && !sigismember(&mask, SIGFPE) && !sigismember(&mask, SIGBUS));
  CHECK(kill(getpid(), SIGUSR1) == 0);
  CHECK_OK(copas_pause(copas_current(), 0, NULL));
  *(int *)user = 1;
}

static void signals_from_outside_are_not_for_handlers_os_threads(void)
{
  struct sigaction action = {0}, before;
  int done = 0;
  copas *c = net_new(NULL);
  action.sa_handler = catch_it;
  CHECK(sigaction(SIGUSR1, &action, &before) == 0);
  CHECK_OK(add(c, look_at_the_mask, &done, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(done, 1);
  CHECK_NUMBER(caught, 1);
  CHECK(pthread_equal(caught_on, pthread_self()));
  CHECK(sigaction(SIGUSR1, &before, NULL) == 0);
  CHECK_OK(copas_free(c));
}

static void ignore_cancellations(void *user)
{
  ++*(int *)user;
  for (;;) copas_pauseforever(copas_current());
}

static void one_that_ignores_its_cancellation_is_abandoned(void)
{
  struct net_reports reports;
  int started = 0;
  copas_thread *thread;
  copas *c = net_new(&reports);
  CHECK_OK(add(c, ignore_cancellations, &started, &thread));
  net_until(c, &started, 1);
  CHECK_OK(copas_shutdown(c, 0));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(net_reported(&reports, "thread_1"));
  CHECK_STATUS(copas_removethread(thread), COPAS_STALE);
  CHECK_OK(add(c, ignore_cancellations, &started, NULL));
  net_until(c, &started, 2);
  CHECK_STATUS(copas_free(c), COPAS_ABANDONED);
  CHECK_NUMBER(reports.count, 2);
}

int main(void)
{
  RUN(fifty_handlers_interleave_one_at_a_time);
  RUN(only_the_running_handlers_os_thread_may_call);
  RUN(a_post_wakes_a_handler_from_its_own_and_another_os_thread);
  RUN(handlers_on_stacks_and_on_os_threads_share_a_dispatcher);
  RUN(a_failure_is_told_on_the_handlers_os_thread);
  RUN(signals_from_outside_are_not_for_handlers_os_threads);
  RUN(one_that_ignores_its_cancellation_is_abandoned);
  return check_report();
}
