/* SPDX-License-Identifier: MIT */
/* Waits of the objects as submitted operations: the same contract without any coroutine. */
#include "network.h"

#include <math.h>

static copas *c;
static copas_event event;
static int freed, number = 5;

static void count_free(void *item)
{
  (void)item;
  freed++;
}

static copas_operation *submit(uint32_t kind, void *handle, void *item, int64_t amount,
                               double timeout, uint64_t token)
{
  copas_choice choice = {.kind = kind, .handle = handle, .item = item, .amount = amount};
  copas_operation *operation;
  CHECK_OK(copas_submit_choice(c, &choice, timeout, token, NULL, &operation));
  return operation;
}

static void expect_event_of(uint32_t kind, uint64_t token, copas_status status)
{
  CHECK_NUMBER(copas_poll(c, &event, 1, NET_PATIENCE), 1);
  CHECK_NUMBER(event.kind, kind);
  CHECK_NUMBER(event.token, token);
  CHECK_STATUS(event.status, status);
}

static void expect_event(uint64_t token, copas_status status)
{
  expect_event_of(COPAS_EVENT_CHOICE, token, status);
}

static void a_pause_completes_when_its_time_has_passed(void)
{
  c = net_new(NULL);
  double start = net_seconds();
  copas_operation *operation;
  CHECK_OK(copas_submit_pause(c, 0.02, 2, NULL));
  CHECK_OK(copas_submit_pause(c, 0.01, 1, NULL));
  CHECK_OK(copas_submit_pause(c, COPAS_FOREVER, 3, &operation));
  expect_event_of(COPAS_EVENT_PAUSE, 1, COPAS_OK);
  expect_event_of(COPAS_EVENT_PAUSE, 2, COPAS_OK);
  CHECK(net_seconds() - start >= 0.02);
  CHECK_OK(copas_submit_cancel(operation));
  expect_event_of(COPAS_EVENT_PAUSE, 3, COPAS_CANCELED);
  CHECK_OK(copas_free(c));
}

static void items_are_popped_and_pushed(void)
{
  copas_queue *queue;
  c = net_new(NULL);
  freed = 0;
  CHECK_OK(copas_queue_new(c, 1, NAN, count_free, &queue));
  submit(COPAS_CHOICE_POP, queue, NULL, 0, COPAS_FOREVER, 1);
  CHECK_NUMBER(copas_poll(c, &event, 1, 0), 0);
  CHECK_OK(copas_queue_push(queue, &number, 0));
  expect_event(1, COPAS_OK);
  CHECK(event.result == &number);
  CHECK(event.handle == queue);
  CHECK_OK(copas_queue_push(queue, &number, 0));
  submit(COPAS_CHOICE_PUSH, queue, &number, 0, 0.01, 2);
  copas_operation *canceled = submit(COPAS_CHOICE_PUSH, queue, &number, 0, COPAS_FOREVER, 3);
  expect_event(2, COPAS_TIMEOUT);
  CHECK_OK(copas_submit_cancel(canceled));
  expect_event(3, COPAS_CANCELED);
  /* What was not pushed stays the program's. */
  CHECK_NUMBER(freed, 0);
  submit(COPAS_CHOICE_PUSH, queue, &number, 0, COPAS_FOREVER, 4);
  void *item;
  CHECK_OK(copas_queue_pop(queue, 0, &item));
  expect_event(4, COPAS_OK);
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(freed, 1);
}

static void an_item_whose_event_nobody_takes_goes_to_the_finalizer(void)
{
  copas_queue *queue;
  c = net_new(NULL);
  freed = 0;
  CHECK_OK(copas_queue_new(c, 0, NAN, count_free, &queue));
  for (int i = 0; i < 2; i++) CHECK_OK(copas_queue_push(queue, &number, 0));
  submit(COPAS_CHOICE_POP, queue, NULL, 0, COPAS_FOREVER, 1);
  submit(COPAS_CHOICE_POP, queue, NULL, 0, COPAS_FOREVER, 2);
  expect_event(1, COPAS_OK);
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(freed, 1);
}

static void a_semaphore_gives_in_the_order_of_asking(void)
{
  copas_semaphore *semaphore;
  c = net_new(NULL);
  CHECK_OK(copas_semaphore_new(c, 5, 1, NAN, &semaphore));
  submit(COPAS_CHOICE_TAKE, semaphore, NULL, 3, COPAS_FOREVER, 1);
  copas_operation *canceled = submit(COPAS_CHOICE_TAKE, semaphore, NULL, 1, COPAS_FOREVER, 2);
  submit(COPAS_CHOICE_TAKE, semaphore, NULL, 1, COPAS_FOREVER, 3);
  CHECK_NUMBER(copas_poll(c, &event, 1, 0), 0);
  CHECK_OK(copas_submit_cancel(canceled));
  expect_event(2, COPAS_CANCELED);
  CHECK_OK(copas_semaphore_give(semaphore, 3));
  expect_event(1, COPAS_OK);
  expect_event(3, COPAS_OK);
  CHECK_NUMBER(copas_semaphore_count(semaphore), 0);
  submit(COPAS_CHOICE_TAKE, semaphore, NULL, 1, COPAS_FOREVER, 4);
  CHECK_OK(copas_semaphore_destroy(semaphore));
  expect_event(4, COPAS_DESTROYED);
  CHECK_OK(copas_free(c));
}

static void hold_the_lock(void *user)
{
  CHECK_OK(copas_lock_get(user, 1, NULL));
  CHECK_OK(copas_pauseforever(c));
  CHECK_OK(copas_lock_release(user));
}

static void a_submitted_get_makes_the_root_the_owner(void)
{
  copas_lock *lock;
  copas_thread *holder;
  c = net_new(NULL);
  CHECK_OK(copas_lock_new(c, NAN, 0, &lock));
  CHECK_OK(copas_addthread(c, hold_the_lock, lock, &holder));
  net_settle(c);
  submit(COPAS_CHOICE_LOCK, lock, NULL, 0, 0.001, 1);
  expect_event(1, COPAS_TIMEOUT);
  submit(COPAS_CHOICE_LOCK, lock, NULL, 0, COPAS_FOREVER, 2);
  CHECK_NUMBER(copas_wakeup(holder), 1);
  expect_event(2, COPAS_OK);
  CHECK_OK(copas_lock_release(lock));
  CHECK_STATUS(copas_lock_release(lock), COPAS_NOT_OWNER);
  CHECK_OK(copas_free(c));
}

static void *give(void *user)
{
  copas_pause(c, 0.005, NULL);
  return user;
}

static void end_soon(void *user)
{
  (void)user;
  copas_pause(c, 0.005, NULL);
}

static void tick(copas_timer *timer, void *user)
{
  (void)timer;
  (void)user;
}

static void results_ends_and_firings_are_told(void)
{
  copas_future *future;
  copas_thread *thread;
  copas_timer *timer;
  copas_timer_options options;
  c = net_new(NULL);
  CHECK_OK(copas_future_addthread(c, give, &number, NULL, &future));
  submit(COPAS_CHOICE_FUTURE, future, NULL, 0, COPAS_FOREVER, 1);
  expect_event(1, COPAS_OK);
  CHECK(event.result == &number);
  CHECK_OK(copas_addthread(c, end_soon, NULL, &thread));
  submit(COPAS_CHOICE_JOIN, thread, NULL, 0, COPAS_FOREVER, 2);
  expect_event(2, COPAS_OK);
  submit(COPAS_CHOICE_JOIN, thread, NULL, 0, COPAS_FOREVER, 3);
  expect_event(3, COPAS_OK);
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.callback = tick;
  options.delay = 0.005;
  CHECK_OK(copas_timer_new(c, &options, &timer));
  submit(COPAS_CHOICE_TIMER, timer, NULL, 0, COPAS_FOREVER, 4);
  expect_event(4, COPAS_OK);
  submit(COPAS_CHOICE_TIMER, timer, NULL, 0, COPAS_FOREVER, 5);
  CHECK_OK(copas_timer_destroy(timer));
  expect_event(5, COPAS_DESTROYED);
  CHECK_OK(copas_free(c));
}

static void what_is_wrong_gets_no_event(void)
{
  copas_choice choice = {.kind = COPAS_CHOICE_JOIN};
  copas *other = net_new(NULL);
  copas_queue *queue;
  c = net_new(NULL);
  CHECK_STATUS(copas_submit_choice(c, NULL, 1, 1, NULL, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_submit_choice(c, &choice, 1, 1, NULL, NULL), COPAS_INVALID);
  choice.kind = 99;
  CHECK_STATUS(copas_submit_choice(c, &choice, 1, 1, NULL, NULL), COPAS_INVALID);
  CHECK_OK(copas_queue_new(other, 0, 1, NULL, &queue));
  choice.kind = COPAS_CHOICE_POP;
  choice.handle = queue;
  CHECK_STATUS(copas_submit_choice(c, &choice, 1, 1, NULL, NULL), COPAS_INVALID);
  CHECK_OK(copas_free(other));
  CHECK_STATUS(copas_submit_choice(c, &choice, 1, 1, NULL, NULL), COPAS_INVALID);
  CHECK_NUMBER(copas_poll(c, &event, 1, 0), 0);
  CHECK_OK(copas_free(c));
}

static void a_submitted_get_is_not_released_before_its_event(void)
{
  copas_lock *lock;
  c = net_new(NULL);
  CHECK_OK(copas_lock_new(c, NAN, 0, &lock));
  submit(COPAS_CHOICE_LOCK, lock, NULL, 0, COPAS_FOREVER, 1);
  net_settle(c);
  CHECK_STATUS(copas_lock_release(lock), COPAS_NOT_OWNER);
  /* Another get of the root has its own release. */
  CHECK_OK(copas_lock_get(lock, 0, NULL));
  CHECK_OK(copas_lock_release(lock));
  CHECK_STATUS(copas_lock_release(lock), COPAS_NOT_OWNER);
  expect_event(1, COPAS_OK);
  CHECK_OK(copas_lock_release(lock));
  CHECK_STATUS(copas_lock_release(lock), COPAS_NOT_OWNER);
  /* What is told at once needs no event. */
  copas_choice choice = {.kind = COPAS_CHOICE_LOCK, .handle = lock};
  CHECK_NUMBER(copas_submit_choice(c, &choice, 0, 2, &event, NULL), 1);
  CHECK_OK(event.status);
  CHECK_OK(copas_lock_release(lock));
  CHECK_OK(copas_free(c));
}

static void a_choice_that_does_not_wait_asks_the_kernel(void)
{
  copas_socket *skt;
  c = net_new(NULL);
  int peer = net_pair(c, &skt);
  copas_choice choice = {.kind = COPAS_CHOICE_RECEIVE, .handle = skt};
  CHECK_NUMBER(copas_submit_choice(c, &choice, 0, 1, &event, NULL), 1);
  CHECK_STATUS(event.status, COPAS_TIMEOUT);
  net_puts(peer, "there");
  CHECK_NUMBER(copas_submit_choice(c, &choice, 0, 2, &event, NULL), 1);
  CHECK_OK(event.status);
  close(peer);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(a_pause_completes_when_its_time_has_passed);
  RUN(items_are_popped_and_pushed);
  RUN(an_item_whose_event_nobody_takes_goes_to_the_finalizer);
  RUN(a_semaphore_gives_in_the_order_of_asking);
  RUN(a_submitted_get_makes_the_root_the_owner);
  RUN(results_ends_and_firings_are_told);
  RUN(what_is_wrong_gets_no_event);
  RUN(a_submitted_get_is_not_released_before_its_event);
  RUN(a_choice_that_does_not_wait_asks_the_kernel);
  return check_report();
}
