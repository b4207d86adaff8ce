/* SPDX-License-Identifier: MIT */
/* What belongs to one dispatcher, used by a coroutine of another one on the same OS thread: it
 * cannot * wait there, it is nobody's owner, and it takes nothing. */
#include "network.h"

#include <math.h>

static copas *own, *other;
static copas_lock *lock;
static copas_semaphore *semaphore;
static copas_queue *queue;
static copas_timer *timer;
static copas_group *group;
static copas_future *future;
static copas_thread *thread;
static int item = 7, used;

static int get_lock(void) { return copas_lock_get(lock, 1, NULL); }
static int try_lock(void) { return copas_lock_get(lock, 0, NULL); }
static int release_lock(void) { return copas_lock_release(lock); }
static int take(void) { return copas_semaphore_take(semaphore, 1, 1); }
static int push(void) { return copas_queue_push(queue, &item, 1); }
static int finish(void) { return copas_queue_finish(queue, 1); }
static int wait_for_group(void) { return copas_group_wait(group, 1); }
static int close_group(void) { return copas_group_close(group); }
static int join(void) { return copas_join(thread, 1); }
static int pop(void)
{
  void *popped;
  return copas_queue_pop(queue, 1, &popped);
}
static int get_future(void)
{
  void *result;
  return copas_future_get(future, 1, &result);
}
static int select_there(void)
{
  copas_choice choice = {.kind = COPAS_CHOICE_TIMER, .handle = timer};
  return copas_select(other, &choice, 1, 1);
}

static const struct use {
  const char *name;
  int (*call)(void);
  int status;
} uses[] = {
    {"get a lock", get_lock, COPAS_CANNOT_WAIT},
    {"try a lock", try_lock, COPAS_CANNOT_WAIT},
    {"release a lock", release_lock, COPAS_NOT_OWNER},
    {"take of a semaphore", take, COPAS_CANNOT_WAIT},
    {"push", push, COPAS_CANNOT_WAIT},
    {"pop", pop, COPAS_CANNOT_WAIT},
    {"finish a queue", finish, COPAS_CANNOT_WAIT},
    {"wait for a group", wait_for_group, COPAS_CANNOT_WAIT},
    {"close a group", close_group, COPAS_CANNOT_WAIT},
    {"get a future", get_future, COPAS_CANNOT_WAIT},
    {"join", join, COPAS_CANNOT_WAIT},
    {"select a timer", select_there, COPAS_CANNOT_WAIT},
};

static void use_each(void *user)
{
  (void)user;
  for (size_t i = 0; i < sizeof uses / sizeof uses[0]; i++) {
    int status = uses[i].call();
    if (status != uses[i].status)
      CHECK_FAIL("to %s gave %s", uses[i].name, copas_status_name(status));
    used++;
  }
}

static void choose_each(void *user)
{
  copas_choice choices[] = {
      {.kind = COPAS_CHOICE_LOCK, .handle = lock},   {.kind = COPAS_CHOICE_TAKE, .handle = semaphore},
      {.kind = COPAS_CHOICE_POP, .handle = queue},   {.kind = COPAS_CHOICE_PUSH, .handle = queue},
      {.kind = COPAS_CHOICE_TIMER, .handle = timer}, {.kind = COPAS_CHOICE_FUTURE, .handle = future},
      {.kind = COPAS_CHOICE_JOIN, .handle = thread},
  };
  (void)user;
  for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
    CHECK_NUMBER(copas_select(own, &choices[i], 1, 1), 0);
    CHECK_STATUS(choices[i].status, COPAS_INVALID);
    used++;
  }
}

static void sleep_for_ever(void *user)
{
  (void)user;
  copas_pauseforever(copas_current());
}

static void *answer_at_once(void *user)
{
  return user;
}

static void tick(copas_timer *fired, void *user)
{
  (void)fired;
  (void)user;
}

static void open_both(void)
{
  copas_timer_options options;
  own = net_new(NULL);
  other = net_new(NULL);
  used = 0;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.callback = tick;
  options.delay = 3600;
  CHECK_OK(copas_timer_new(other, &options, &timer));
  CHECK_OK(copas_lock_new(other, NAN, 0, &lock));
  CHECK_OK(copas_semaphore_new(other, 1, 1, NAN, &semaphore));
  CHECK_OK(copas_queue_new(other, 2, NAN, NULL, &queue));
  CHECK_OK(copas_queue_push(queue, &item, 0));
  CHECK_OK(copas_group_new(other, 0, &group));
  CHECK_OK(copas_group_addthread(group, sleep_for_ever, NULL, &thread));
  CHECK_OK(copas_future_addthread(other, answer_at_once, &item, NULL, &future));
  net_settle(other);
  CHECK_OK(copas_lock_get(lock, 0, NULL));
}

/* All is as it was: nothing was taken, given, stopped or closed. */
static void close_both(void)
{
  void *popped;
  CHECK_OK(copas_lock_release(lock));
  CHECK_STATUS(copas_lock_release(lock), COPAS_NOT_OWNER);
  CHECK_NUMBER(copas_semaphore_count(semaphore), 1);
  CHECK_OK(copas_queue_pop(queue, 0, &popped));
  CHECK(popped == &item);
  CHECK_STATUS(copas_queue_pop(queue, 0, &popped), COPAS_TIMEOUT);
  CHECK_OK(copas_queue_push(queue, &item, 0));
  CHECK_OK(copas_group_addthread(group, sleep_for_ever, NULL, NULL));
  CHECK_OK(copas_timer_cancel(timer));
  CHECK_OK(copas_free(own));
  CHECK_OK(copas_free(other));
}

static void a_coroutine_cannot_wait_on_another_dispatcher(void)
{
  open_both();
  CHECK_OK(copas_addthread(own, use_each, NULL, NULL));
  CHECK_OK(copas_loop(own, COPAS_FOREVER));
  CHECK_NUMBER(used, sizeof uses / sizeof uses[0]);
  close_both();
}

static void a_choice_is_of_the_same_dispatcher(void)
{
  open_both();
  CHECK_OK(copas_addthread(own, choose_each, NULL, NULL));
  CHECK_OK(copas_loop(own, COPAS_FOREVER));
  CHECK_NUMBER(used, 7);
  close_both();
}

int main(void)
{
  RUN(a_coroutine_cannot_wait_on_another_dispatcher);
  RUN(a_choice_is_of_the_same_dispatcher);
  return check_report();
}
