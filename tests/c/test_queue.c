/* SPDX-License-Identifier: MIT */
/* Queues: order, limits, workers, stopping, and what becomes of the items. */
#include "network.h"

#include <math.h>

static copas *c;
static copas_queue *queue;
static int freed;
static int numbers[1000];

static void count_free(void *item)
{
  (void)item;
  freed++;
}

static void open_queue(size_t most)
{
  c = net_new(NULL);
  freed = 0;
  for (int i = 0; i < 1000; i++) numbers[i] = i;
  CHECK_OK(copas_queue_new(c, most, NAN, count_free, &queue));
}

static void push(int number)
{
  CHECK_OK(copas_queue_push(queue, &numbers[number], 0));
}

static int pop(void)
{
  void *item = NULL;
  CHECK_OK(copas_queue_pop(queue, 0, &item));
  return *(int *)item;
}

static void items_come_out_in_their_order(void)
{
  void *item;
  open_queue(0);
  for (int i = 0; i < 1000; i++) push(i);
  CHECK_NUMBER(copas_queue_size(queue), 1000);
  for (int i = 0; i < 1000; i++) CHECK_NUMBER(pop(), i);
  CHECK_STATUS(copas_queue_pop(queue, 0, &item), COPAS_TIMEOUT);
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(freed, 0);
}

static void items_that_are_left_go_to_the_finalizer(void)
{
  open_queue(0);
  for (int i = 0; i < 10; i++) push(i);
  for (int i = 0; i < 4; i++) pop();
  CHECK_OK(copas_queue_destroy(queue));
  CHECK_NUMBER(freed, 6);
  CHECK_STATUS(copas_queue_push(queue, NULL, 0), COPAS_STALE);
  CHECK_OK(copas_free(c));
  open_queue(0);
  push(1);
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(freed, 1);
}

static int pushed;

static void push_many(void *user)
{
  for (int i = 0; i < *(int *)user; i++) {
    CHECK_OK(copas_queue_push(queue, &numbers[i], 5));
    pushed++;
  }
}

static void a_full_queue_makes_the_pusher_wait(void)
{
  int count = 10;
  open_queue(3);
  pushed = 0;
  CHECK_OK(copas_addthread(c, push_many, &count, NULL));
  net_settle(c);
  CHECK_NUMBER(pushed, 3);
  CHECK_STATUS(copas_queue_push(queue, &numbers[99], 0), COPAS_TIMEOUT);
  for (int i = 0; i < 10; i++) {
    CHECK_NUMBER(pop(), i);
    net_settle(c);
  }
  CHECK_NUMBER(pushed, 10);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(freed, 0);
}

struct popper {
  double timeout;
  copas_status status;
  void *item;
};

static void pop_one(void *user)
{
  struct popper *popper = user;
  popper->item = NULL;
  popper->status = copas_queue_pop(queue, popper->timeout, &popper->item);
}

static void poppers_are_served_in_the_order_of_their_coming(void)
{
  struct popper poppers[5];
  copas_thread *threads[5];
  open_queue(0);
  for (int i = 0; i < 5; i++) {
    poppers[i].timeout = 10;
    CHECK_OK(copas_addthread(c, pop_one, &poppers[i], &threads[i]));
  }
  net_settle(c);
  for (int i = 0; i < 3; i++) push(i);
  /* The first was woken, and is canceled before it runs: its item is the next one's. */
  CHECK_OK(copas_removethread(threads[0]));
  push(3);
  double start = net_seconds();
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  /* Woken, not by their time limits. */
  CHECK(net_seconds() - start < 5);
  CHECK_STATUS(poppers[0].status, COPAS_CANCELED);
  for (int i = 1; i < 5; i++) {
    CHECK_OK(poppers[i].status);
    CHECK_NUMBER(*(int *)poppers[i].item, i - 1);
  }
  CHECK_OK(copas_free(c));
}

static int worked, work_order_broken;

static void work(void *item, void *user)
{
  int number = *(int *)item;
  if (number != worked) work_order_broken++;
  worked++;
  if (user != NULL) copas_pause(c, 0, NULL);
}

static void workers_take_one_item_after_the_other_until_the_queue_is_finished(void)
{
  open_queue(0);
  worked = work_order_broken = 0;
  CHECK_OK(copas_queue_addworker(queue, work, NULL, NULL));
  for (int i = 0; i < 500; i++) push(i);
  CHECK_OK(copas_queue_finish(queue, 10));
  CHECK_NUMBER(worked, 500);
  CHECK_NUMBER(work_order_broken, 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_STATUS(copas_queue_push(queue, &numbers[0], 0), COPAS_STOPPED);
  CHECK_OK(copas_free(c));
}

static void several_workers_share_the_work(void)
{
  int marker = 1;
  open_queue(10);
  worked = 0;
  for (int i = 0; i < 4; i++) CHECK_OK(copas_queue_addworker(queue, work, &marker, NULL));
  for (int i = 0; i < 300; i++) CHECK_OK(copas_queue_push(queue, &numbers[i], 10));
  CHECK_OK(copas_queue_finish(queue, 10));
  CHECK_NUMBER(worked, 300);
  CHECK_OK(copas_free(c));
}

static void an_idle_worker_does_not_keep_the_loop_alive(void)
{
  open_queue(0);
  CHECK_OK(copas_queue_addworker(queue, work, NULL, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
}

static void a_stopped_queue_gives_what_it_has_and_takes_no_more(void)
{
  struct popper waiting = {.timeout = COPAS_FOREVER};
  void *item;
  open_queue(0);
  push(1);
  CHECK_OK(copas_queue_stop(queue));
  CHECK_OK(copas_queue_stop(queue));
  CHECK_STATUS(copas_queue_push(queue, &numbers[2], 0), COPAS_STOPPED);
  CHECK_STATUS(copas_queue_finish(queue, 0.01), COPAS_TIMEOUT);
  CHECK_NUMBER(pop(), 1);
  CHECK_STATUS(copas_queue_pop(queue, 1, &item), COPAS_STOPPED);
  CHECK_OK(copas_queue_finish(queue, 1));
  CHECK_OK(copas_queue_new(c, 0, NAN, count_free, &queue));
  CHECK_OK(copas_addthread(c, pop_one, &waiting, NULL));
  net_settle(c);
  CHECK_OK(copas_queue_stop(queue));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_STATUS(waiting.status, COPAS_STOPPED);
  CHECK_OK(copas_free(c));
}

static void destroying_it_ends_all_waits(void)
{
  struct popper popper = {.timeout = COPAS_FOREVER};
  open_queue(1);
  CHECK_OK(copas_addthread(c, pop_one, &popper, NULL));
  CHECK_OK(copas_queue_addworker(queue, work, NULL, NULL));
  net_settle(c);
  CHECK_OK(copas_queue_destroy(queue));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_STATUS(popper.status, COPAS_DESTROYED);
  CHECK_OK(copas_free(c));
}

static void a_worker_outlives_the_deadline_of_who_added_it(void)
{
  open_queue(0);
  worked = 0;
  CHECK_OK(copas_begindeadline(c, 0.01));
  CHECK_OK(copas_queue_addworker(queue, work, NULL, NULL));
  CHECK(copas_enddeadline(c) >= 0);
  CHECK_OK(copas_pause(c, 0.02, NULL));
  push(1);
  CHECK_OK(copas_queue_finish(queue, 10));
  CHECK_NUMBER(worked, 1);
  CHECK_OK(copas_free(c));
}

static void finish_from_inside(void *item, void *user)
{
  (void)item;
  (void)user;
  CHECK_STATUS(copas_queue_finish(queue, 10), COPAS_INVALID);
  worked++;
}

static void a_worker_does_not_finish_its_own_queue(void)
{
  open_queue(0);
  worked = 0;
  CHECK_OK(copas_queue_addworker(queue, finish_from_inside, NULL, NULL));
  push(1);
  net_settle(c);
  CHECK_NUMBER(worked, 1);
  push(2);
  CHECK_OK(copas_queue_finish(queue, 10));
  CHECK_NUMBER(worked, 2);
  CHECK_OK(copas_free(c));
}

static void use_in_a_callback(copas *own, void *user)
{
  void *item;
  (void)own;
  CHECK_OK(copas_queue_push(queue, &numbers[1], 0));
  CHECK_STATUS(copas_queue_push(queue, &numbers[2], 0), COPAS_TIMEOUT);
  CHECK_STATUS(copas_queue_push(queue, &numbers[2], 1), COPAS_CANNOT_WAIT);
  CHECK_OK(copas_queue_pop(queue, 0, &item));
  CHECK(item == &numbers[1]);
  CHECK_STATUS(copas_queue_pop(queue, 0, &item), COPAS_TIMEOUT);
  CHECK_STATUS(copas_queue_pop(queue, 1, &item), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_queue_finish(queue, 1), COPAS_CANNOT_WAIT);
  CHECK_OK(copas_queue_push(queue, &numbers[3], 0));
  *(int *)user = 1;
}

static void callbacks_use_it_without_waiting(void)
{
  int called = 0;
  open_queue(1);
  CHECK_OK(copas_post(c, use_in_a_callback, &called));
  net_settle(c);
  CHECK_NUMBER(called, 1);
  CHECK_NUMBER(pop(), 3);
  CHECK_OK(copas_free(c));
}

static void count_release(void *user)
{
  ++*(int *)user;
}

static void take_note(void *item, void *user)
{
  (void)item;
  CHECK(strcmp(copas_getname(copas_running()), "worker") == 0);
  CHECK_NUMBER(*(int *)user, 0);
  worked++;
}

static void what_a_worker_owns_is_released_once_on_every_path(void)
{
  int released = 0;
  copas_thread_options options = {
      .size = sizeof options, .name = "worker", .user = &released, .user_free = count_release};
  open_queue(0);
  worked = 0;
  CHECK_OK(copas_queue_addworker_with(queue, take_note, &options, NULL));
  push(1);
  push(2);
  CHECK_OK(copas_queue_finish(queue, 10));
  CHECK_NUMBER(worked, 2);
  net_settle(c);
  CHECK_NUMBER(released, 1);
  /* The queue is destroyed before the worker has run, and the dispatcher freed. */
  CHECK_OK(copas_queue_addworker_with(queue, take_note, &options, NULL));
  CHECK_OK(copas_queue_destroy(queue));
  net_settle(c);
  CHECK_NUMBER(released, 2);
  CHECK_STATUS(copas_queue_addworker_with(queue, take_note, &options, NULL), COPAS_STALE);
  CHECK_OK(copas_queue_new(c, 0, NAN, NULL, &queue));
  CHECK_STATUS(copas_queue_addworker_with(queue, NULL, &options, NULL), COPAS_INVALID);
  CHECK_NUMBER(released, 4);
  CHECK_OK(copas_queue_addworker_with(queue, take_note, &options, NULL));
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(released, 5);
}

int main(void)
{
  RUN(items_come_out_in_their_order);
  RUN(items_that_are_left_go_to_the_finalizer);
  RUN(a_full_queue_makes_the_pusher_wait);
  RUN(poppers_are_served_in_the_order_of_their_coming);
  RUN(workers_take_one_item_after_the_other_until_the_queue_is_finished);
  RUN(several_workers_share_the_work);
  RUN(an_idle_worker_does_not_keep_the_loop_alive);
  RUN(a_stopped_queue_gives_what_it_has_and_takes_no_more);
  RUN(destroying_it_ends_all_waits);
  RUN(a_worker_outlives_the_deadline_of_who_added_it);
  RUN(a_worker_does_not_finish_its_own_queue);
  RUN(callbacks_use_it_without_waiting);
  RUN(what_a_worker_owns_is_released_once_on_every_path);
  return check_report();
}
