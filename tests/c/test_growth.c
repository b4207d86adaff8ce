/* SPDX-License-Identifier: MIT */
/* What a wait costs does not grow with the number of those that wait. */
#include "network.h"

#include <math.h>

static copas *c;
static copas_operation **operations;
static copas_lock *lock;
static copas_semaphore *semaphore;
static copas_queue *queue;
static copas_future *future;
static copas_thread *thread;

/* One thing that many wait for at once. */
struct thing {
  const char *name;
  uint32_t kind;
  /* Makes it so that all have to wait; gives its handle. */
  void *(*open)(void);
  /* Serves `count` of those that wait, or lets the first begin. */
  void (*serve)(int count);
  /* One has been served. */
  void (*served)(void);
};

static void submit(uint32_t kind, void *handle, double limit, int count)
{
  copas_choice choice = {.kind = kind, .handle = handle, .amount = 1};
  for (int i = 0; i < count; i++)
    CHECK_OK(copas_submit_choice(c, &choice, limit, (uint64_t)i, NULL, &operations[i]));
}

static void drain(const struct thing *thing, int count)
{
  copas_event events[512];
  int served = 0;
  for (int got = 0; got < count;) {
    int n = copas_poll(c, events, 512, NET_PATIENCE);
    CHECK(n > 0);
    got += n;
    for (int i = 0; i < n; i++) {
      if (events[i].status == COPAS_CANCELED) continue;
      CHECK_OK(events[i].status);
      served++;
      thing->served();
    }
  }
  CHECK_NUMBER(served, count / 2);
}

/* Seconds of this process' own CPU time: other programs do not matter. */
static double cpu_seconds(void)
{
  struct timespec used;
  CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0);
  return (double)used.tv_sec + (double)used.tv_nsec * 1e-9;
}

/* Seconds for each of `count` waits that begin, of which half are canceled, in no order, and
 * half are * served. */
static double cost_of_a_wait(const struct thing *thing, double limit, int count)
{
  c = net_new(NULL);
  operations = calloc((size_t)count, sizeof *operations);
  CHECK(operations != NULL);
  void *handle = thing->open();
  net_settle(c);
  double start = cpu_seconds();
  submit(thing->kind, handle, limit, count);
  for (int i = 0; i < count; i++) {
    int place = (int)((uint32_t)i * 40503u % (uint32_t)count);
    if (place % 2 == 0) CHECK_OK(copas_submit_cancel(operations[place]));
  }
  thing->serve(count / 2);
  drain(thing, count);
  double seconds = (cpu_seconds() - start) / count;
  CHECK_OK(copas_free(c));
  free(operations);
  return seconds;
}

static void nothing_more(void)
{
}

static void *open_semaphore(void)
{
  CHECK_OK(copas_semaphore_new(c, 1000000, 0, NAN, &semaphore));
  return semaphore;
}

static void give_each(int count)
{
  for (int i = 0; i < count; i++) CHECK_OK(copas_semaphore_give(semaphore, 1));
}

static void hold_until_woken(void *user)
{
  (void)user;
  CHECK_OK(copas_lock_get(lock, 0, NULL));
  CHECK_OK(copas_pauseforever(c));
  CHECK_OK(copas_lock_release(lock));
}

static void *open_lock(void)
{
  CHECK_OK(copas_lock_new(c, NAN, 0, &lock));
  CHECK_OK(copas_addthread(c, hold_until_woken, NULL, &thread));
  return lock;
}

static void wake_thread(int count)
{
  (void)count;
  CHECK_NUMBER(copas_wakeup(thread), 1);
}

static void hand_on(void)
{
  CHECK_OK(copas_lock_release(lock));
}

static void *open_queue(void)
{
  CHECK_OK(copas_queue_new(c, 0, NAN, NULL, &queue));
  return queue;
}

static void push_each(int count)
{
  for (int i = 0; i < count; i++) CHECK_OK(copas_queue_push(queue, NULL, 0));
}

static void *wait_until_woken(void *user)
{
  thread = copas_running();
  copas_pauseforever(c);
  return user;
}

static void *open_future(void)
{
  CHECK_OK(copas_future_addthread(c, wait_until_woken, NULL, NULL, &future));
  return future;
}

static void sleep_until_woken(void *user)
{
  wait_until_woken(user);
}

static void *open_thread(void)
{
  CHECK_OK(copas_addthread(c, sleep_until_woken, NULL, &thread));
  return thread;
}

static const struct thing things[] = {
    {"semaphore", COPAS_CHOICE_TAKE, open_semaphore, give_each, nothing_more},
    {"lock", COPAS_CHOICE_LOCK, open_lock, wake_thread, hand_on},
    {"queue", COPAS_CHOICE_POP, open_queue, push_each, nothing_more},
    {"future", COPAS_CHOICE_FUTURE, open_future, wake_thread, nothing_more},
    {"coroutine", COPAS_CHOICE_JOIN, open_thread, wake_thread, nothing_more},
};

/* What is searched or done again for each of many would cost as many times as much, in every
 * round; log n * is under two times, and memory that the processor's cache does not hold costs
 * some more. */
enum { ROUNDS = 5, FACTOR = 5 };

static void compare_waits(const struct thing *thing, double limit, double factor)
{
  int many = check_small() ? 2000 : 100000;
  double few_cost = 0, many_cost = 0;
  for (int i = 0; i < ROUNDS; i++) {
    few_cost = cost_of_a_wait(thing, limit, 1000);
    many_cost = cost_of_a_wait(thing, limit, many);
    if (many_cost <= factor * few_cost) return;
  }
  CHECK_FAIL("%s: %.2f us each of many, %.2f us each of few", thing->name, many_cost * 1e6,
             few_cost * 1e6);
}

static void a_hundred_thousand_waiters_cost_hardly_more_each_than_a_thousand(void)
{
  for (size_t k = 0; k < sizeof things / sizeof things[0]; k++)
    compare_waits(&things[k], COPAS_FOREVER, FACTOR);
}

/* A time limit's own memory comes on top. */
static void so_they_do_with_a_time_limit(void)
{
  compare_waits(&things[0], 3600, 6 * FACTOR);
}

static int parked;

static void end_failed(void *user)
{
  (void)user;
  parked++;
  copas_pauseforever(c);
  CHECK_OK(copas_fail(COPAS_FAILED, "one of many"));
}

static void ignore_failure(copas_thread *failed, copas_socket *subject, int status, const char *text,
                           void *user)
{
  (void)failed;
  (void)subject;
  (void)status;
  (void)text;
  (void)user;
}

/* Seconds for each of `count` coroutines of a group of which one fails and the others are
 * canceled, and * fail by that. */
static double cost_of_a_member(int count)
{
  copas_group *group;
  c = net_new(NULL);
  CHECK_OK(copas_seterrorhandler(c, ignore_failure, NULL, 1));
  CHECK_OK(copas_group_new(c, COPAS_CANCEL_ON_FAILURE, &group));
  parked = 0;
  for (int i = 0; i < count; i++) CHECK_OK(copas_group_addthread(group, end_failed, NULL, &thread));
  net_until(c, &parked, count);
  double start = cpu_seconds();
  CHECK_OK(copas_removethread(thread));
  CHECK_STATUS(copas_group_wait(group, NET_PATIENCE), COPAS_FAILED);
  double seconds = (cpu_seconds() - start) / count;
  CHECK_OK(copas_free(c));
  return seconds;
}

/* Fewer: vm.max_map_count ends the stacks near 32,000 on older kernels. */
static void members_of_a_big_group_that_fails_cost_hardly_more_each_than_of_a_small_one(void)
{
  int many = check_small() ? 2000 : 20000;
  double few_cost = 0, many_cost = 0;
  for (int i = 0; i < ROUNDS; i++) {
    few_cost = cost_of_a_member(1000);
    many_cost = cost_of_a_member(many);
    if (many_cost <= FACTOR * few_cost) return;
  }
  CHECK_FAIL("%.2f us each of many, %.2f us each of few", many_cost * 1e6, few_cost * 1e6);
}

/* Seconds for each step while `count` far time limits run. */
static double cost_of_a_step(int count)
{
  enum { STEPS = 2000 };
  c = net_new(NULL);
  for (int i = 0; i < count; i++) CHECK_OK(copas_submit_pause(c, 3600, (uint64_t)i, NULL));
  net_settle(c);
  double start = cpu_seconds();
  for (int i = 0; i < STEPS; i++) CHECK_STATUS(copas_step(c, 0), COPAS_TIMEOUT);
  double seconds = (cpu_seconds() - start) / STEPS;
  CHECK_OK(copas_free(c));
  return seconds;
}

static void a_step_costs_no_more_while_a_hundred_thousand_limits_run(void)
{
  int few = 1000, many = check_small() ? 2000 : 100000;
  double best_few = 1, best_many = 1;
  for (int i = 0; i < 3; i++) {
    best_few = fmin(best_few, cost_of_a_step(few));
    best_many = fmin(best_many, cost_of_a_step(many));
  }
  if (best_many > 5 * best_few)
    CHECK_FAIL("%.2f us a step with many, %.2f us with few", best_many * 1e6, best_few * 1e6);
}

static double seconds_of_requests(int port, int count)
{
  int fd = net_connect(port);
  double start = cpu_seconds();
  for (int i = 0; i < count; i++) {
    net_puts(fd, "request\n");
    net_expect(c, fd, "request\n");
  }
  close(fd);
  return cpu_seconds() - start;
}

static void a_thousand_idle_connections_hardly_slow_a_busy_one(void)
{
  enum { IDLE = 1000 };
  int idle = check_small() ? 50 : IDLE, port, fds[IDLE];
  double alone = 1, crowded = 1;
  if (!net_allow_descriptors(2 * idle + 64)) {
    SKIP("the hard limit of descriptors (ulimit -Hn) is too low for 1,000 idle connections");
    return;
  }
  c = net_new(NULL);
  net_serve(c, net_echo, NULL, &port);
  for (int i = 0; i < 3; i++) alone = fmin(alone, seconds_of_requests(port, 300));
  for (int i = 0; i < idle; i++) {
    fds[i] = net_connect(port);
    if (i % 64 == 63) net_settle(c);
  }
  net_settle(c);
  for (int i = 0; i < 3; i++) crowded = fmin(crowded, seconds_of_requests(port, 300));
  if (crowded > 5 * alone) CHECK_FAIL("%.3f s among idle ones, %.3f s alone", crowded, alone);
  for (int i = 0; i < idle; i++) close(fds[i]);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(a_hundred_thousand_waiters_cost_hardly_more_each_than_a_thousand);
  RUN(a_step_costs_no_more_while_a_hundred_thousand_limits_run);
  RUN(so_they_do_with_a_time_limit);
  RUN(members_of_a_big_group_that_fails_cost_hardly_more_each_than_of_a_small_one);
  RUN(a_thousand_idle_connections_hardly_slow_a_busy_one);
  return check_report();
}
