/* SPDX-License-Identifier: MIT */
/* Mailboxes: what is put is taken, in order, once, by coroutines of any dispatcher and by OS threads
 * without one. */
#include "network.h"

#include <math.h>

static copas *c;
static copas_mailbox *mailbox;
static int freed;
static int numbers[1000];

static void count_free(void *item)
{
  (void)item;
  freed++;
}

static void begin(size_t most)
{
  c = net_new(NULL);
  freed = 0;
  CHECK_OK(copas_mailbox_new(most, count_free, &mailbox));
}

static void finish(void)
{
  CHECK_OK(copas_mailbox_destroy(mailbox));
  CHECK_OK(copas_free(c));
}

static void put(int number)
{
  CHECK_OK(copas_mailbox_put(mailbox, &numbers[number], 0));
}

static int take(void)
{
  void *item = NULL;
  CHECK_OK(copas_mailbox_take(mailbox, 0, &item));
  return (int)((int *)item - numbers);
}

/* A coroutine that takes once. */
struct taker {
  copas_thread *thread;
  double timeout;
  int status;
  int got;
  int done;
};

static int turns;

static void take_once(void *user)
{
  struct taker *taker = user;
  void *item = NULL;
  taker->status = copas_mailbox_take(mailbox, taker->timeout, &item);
  taker->got = taker->status == COPAS_OK ? (int)((int *)item - numbers) : -1;
  taker->done = ++turns;
}

static void add_taker(struct taker *taker, double timeout)
{
  *taker = (struct taker){.timeout = timeout};
  CHECK_OK(copas_addthread(c, take_once, taker, &taker->thread));
  net_settle(c);
}

/* A coroutine that puts once. */
struct putter {
  copas_thread *thread;
  double timeout;
  int number;
  int status;
  int done;
};

static void put_once(void *user)
{
  struct putter *putter = user;
  putter->status = copas_mailbox_put(mailbox, &numbers[putter->number], putter->timeout);
  putter->done = ++turns;
}

static void add_putter(struct putter *putter, int number, double timeout)
{
  *putter = (struct putter){.number = number, .timeout = timeout};
  CHECK_OK(copas_addthread(c, put_once, putter, &putter->thread));
  net_settle(c);
}

static void items_come_out_in_their_order_and_only_as_many_as_there_is_room_for_go_in(void)
{
  void *item = &item;
  begin(3);
  for (int i = 0; i < 3; i++) put(i);
  CHECK_STATUS(copas_mailbox_put(mailbox, &numbers[3], 0), COPAS_TIMEOUT);
  CHECK_NUMBER(copas_mailbox_size(mailbox), 3);
  for (int i = 0; i < 3; i++) CHECK_NUMBER(take(), i);
  CHECK_STATUS(copas_mailbox_take(mailbox, 0, &item), COPAS_TIMEOUT);
  CHECK(item == &item);
  CHECK_OK(copas_mailbox_put(mailbox, NULL, 0));
  CHECK_OK(copas_mailbox_take(mailbox, 0, &item));
  CHECK(item == NULL);
  CHECK_NUMBER(freed, 0);
  finish();
}

static void takers_get_items_in_the_order_of_their_coming(void)
{
  struct taker takers[3];
  begin(1);
  for (int i = 0; i < 3; i++) add_taker(&takers[i], COPAS_FOREVER);
  for (int i = 0; i < 3; i++) {
    put(i);
    net_until(c, &takers[i].done, 1);
    CHECK_NUMBER(takers[i].got, i);
  }
  finish();
}

static void putters_find_room_in_the_order_of_their_coming(void)
{
  struct putter putters[3];
  begin(1);
  put(9);
  for (int i = 0; i < 3; i++) add_putter(&putters[i], i, COPAS_FOREVER);
  CHECK_NUMBER(take(), 9);
  for (int i = 0; i < 3; i++) {
    net_until(c, &putters[i].done, 1);
    CHECK_OK(putters[i].status);
    CHECK_NUMBER(take(), i);
  }
  finish();
}

static void an_item_is_not_taken_from_the_one_that_it_was_promised_to(void)
{
  struct taker taker;
  void *item;
  begin(2);
  add_taker(&taker, COPAS_FOREVER);
  put(1);
  CHECK_STATUS(copas_mailbox_take(mailbox, 0, &item), COPAS_TIMEOUT);
  put(2);
  CHECK_NUMBER(copas_mailbox_size(mailbox), 2);
  CHECK_NUMBER(take(), 1);
  net_settle(c);
  CHECK_NUMBER(taker.got, 2);
  finish();
}

static void one_that_is_canceled_hands_its_promise_on(void)
{
  struct taker first, second;
  struct putter third, fourth;
  begin(1);
  add_taker(&first, COPAS_FOREVER);
  add_taker(&second, COPAS_FOREVER);
  put(1);
  CHECK_OK(copas_removethread(first.thread));
  net_settle(c);
  CHECK_STATUS(first.status, COPAS_CANCELED);
  CHECK_NUMBER(second.got, 1);

  put(2);
  add_putter(&third, 3, COPAS_FOREVER);
  add_putter(&fourth, 4, COPAS_FOREVER);
  CHECK_NUMBER(take(), 2);
  CHECK_OK(copas_removethread(third.thread));
  net_settle(c);
  CHECK_STATUS(third.status, COPAS_CANCELED);
  CHECK_OK(fourth.status);
  CHECK_NUMBER(take(), 4);
  CHECK_NUMBER(freed, 0);
  finish();
}

static void a_wait_ends_with_its_time_and_takes_nothing(void)
{
  struct taker taker;
  struct putter putter;
  begin(1);
  add_taker(&taker, 0.02);
  net_until(c, &taker.done, 1);
  CHECK_STATUS(taker.status, COPAS_TIMEOUT);
  put(1);
  add_putter(&putter, 2, 0.02);
  net_until(c, &putter.done, 1);
  CHECK_STATUS(putter.status, COPAS_TIMEOUT);
  CHECK_NUMBER(take(), 1);
  CHECK_NUMBER(copas_mailbox_size(mailbox), 0);
  CHECK_NUMBER(freed, 0);
  finish();
}

static void a_stopped_mailbox_gives_what_is_left_and_then_says_so(void)
{
  struct taker taker;
  struct putter putter;
  void *item;
  begin(1);
  put(1);
  add_putter(&putter, 2, COPAS_FOREVER);
  CHECK_OK(copas_mailbox_stop(mailbox));
  CHECK_OK(copas_mailbox_stop(mailbox));
  net_settle(c);
  CHECK_STATUS(putter.status, COPAS_STOPPED);
  CHECK_STATUS(copas_mailbox_put(mailbox, NULL, 0), COPAS_STOPPED);
  CHECK_NUMBER(take(), 1);
  CHECK_STATUS(copas_mailbox_take(mailbox, 0, &item), COPAS_STOPPED);
  add_taker(&taker, COPAS_FOREVER);
  CHECK_STATUS(taker.status, COPAS_STOPPED);
  finish();
}

static void those_that_wait_learn_of_a_stop_when_the_last_item_is_taken(void)
{
  struct taker first, second;
  begin(2);
  add_taker(&first, COPAS_FOREVER);
  add_taker(&second, COPAS_FOREVER);
  put(1);
  CHECK_OK(copas_mailbox_stop(mailbox));
  net_settle(c);
  CHECK_NUMBER(first.got, 1);
  CHECK_STATUS(second.status, COPAS_STOPPED);
  finish();
}

static void a_destroyed_mailbox_wakes_all_and_frees_each_item_once(void)
{
  struct taker taker;
  struct putter putter;
  void *item;
  begin(1);
  add_taker(&taker, COPAS_FOREVER);
  CHECK_OK(copas_mailbox_destroy(mailbox));
  net_settle(c);
  CHECK_STATUS(taker.status, COPAS_DESTROYED);

  CHECK_OK(copas_mailbox_new(1, count_free, &mailbox));
  put(1);
  add_putter(&putter, 2, COPAS_FOREVER);
  CHECK_OK(copas_mailbox_destroy(mailbox));
  CHECK_NUMBER(freed, 1);
  net_settle(c);
  CHECK_STATUS(putter.status, COPAS_DESTROYED);
  CHECK_NUMBER(freed, 1);
  CHECK_STATUS(copas_mailbox_destroy(mailbox), COPAS_STALE);
  CHECK_STATUS(copas_mailbox_put(mailbox, NULL, 0), COPAS_STALE);
  CHECK_STATUS(copas_mailbox_take(mailbox, 0, &item), COPAS_STALE);
  CHECK_STATUS(copas_mailbox_size(mailbox), COPAS_STALE);
  CHECK_STATUS(copas_mailbox_stop(mailbox), COPAS_STALE);
  CHECK_OK(copas_free(c));
}

static void wrong_arguments_are_told(void)
{
  copas_queue *queue;
  copas_mailbox *none = NULL;
  void *item;
  begin(1);
  CHECK_OK(copas_queue_new(c, 0, NAN, NULL, &queue));
  CHECK_STATUS(copas_mailbox_new(0, NULL, &none), COPAS_INVALID);
  CHECK_STATUS(copas_mailbox_new(1, NULL, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_mailbox_put(NULL, NULL, 0), COPAS_INVALID);
  CHECK_STATUS(copas_mailbox_put((copas_mailbox *)c, NULL, 0), COPAS_INVALID);
  CHECK_STATUS(copas_mailbox_put((copas_mailbox *)queue, NULL, 0), COPAS_INVALID);
  CHECK_STATUS(copas_queue_push((copas_queue *)mailbox, NULL, 0), COPAS_INVALID);
  CHECK_STATUS(copas_mailbox_put(mailbox, NULL, NAN), COPAS_INVALID);
  CHECK_STATUS(copas_mailbox_take(mailbox, 0, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_mailbox_take(mailbox, NAN, &item), COPAS_INVALID);
  CHECK(copas_of(mailbox) == NULL);
  finish();
}

static void the_root_stack_looks_and_waits_by_select(void)
{
  struct putter putter;
  void *item;
  begin(1);
  CHECK_STATUS(copas_mailbox_take(mailbox, 1, &item), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_mailbox_put(mailbox, NULL, COPAS_FOREVER), COPAS_CANNOT_WAIT);
  copas_choice choice = {.kind = COPAS_CHOICE_MAILBOX_TAKE, .handle = mailbox};
  CHECK_STATUS(copas_select(c, &choice, 1, 0.01), COPAS_TIMEOUT);
  putter = (struct putter){.number = 7, .timeout = COPAS_FOREVER};
  CHECK_OK(copas_addthread(c, put_once, &putter, NULL));
  CHECK_NUMBER(copas_select(c, &choice, 1, NET_PATIENCE), 0);
  CHECK_OK(choice.status);
  CHECK(choice.item == &numbers[7]);
  finish();
}

static void choices_that_lose_have_taken_nothing(void)
{
  copas_mailbox *other;
  void *item;
  begin(1);
  CHECK_OK(copas_mailbox_new(1, count_free, &other));
  for (int round = 0; round < 20; round++) {
    put(1);
    CHECK_OK(copas_mailbox_put(other, &numbers[2], 0));
    copas_choice choices[3] = {
        {.kind = COPAS_CHOICE_MAILBOX_TAKE, .handle = mailbox},
        {.kind = COPAS_CHOICE_MAILBOX_TAKE, .handle = other},
        {.kind = COPAS_CHOICE_MAILBOX_PUT, .handle = other, .item = &numbers[3]},
    };
    int place = copas_select(c, choices, 3, 1);
    CHECK(place == 0 || place == 1);
    CHECK_OK(choices[place].status);
    CHECK_NUMBER(copas_mailbox_size(place == 0 ? mailbox : other), 0);
    CHECK_OK(copas_mailbox_take(place == 0 ? other : mailbox, 0, &item));
    CHECK_STATUS(copas_mailbox_take(mailbox, 0, &item), COPAS_TIMEOUT);
    CHECK_STATUS(copas_mailbox_take(other, 0, &item), COPAS_TIMEOUT);
  }
  CHECK_NUMBER(freed, 0);
  CHECK_OK(copas_mailbox_destroy(other));
  finish();
}

static void waits_are_submitted_as_choices(void)
{
  copas_choice choice = {.kind = COPAS_CHOICE_MAILBOX_TAKE};
  copas_operation *operation;
  copas_event event;
  begin(1);
  choice.handle = mailbox;
  CHECK_OK(copas_submit_choice(c, &choice, COPAS_FOREVER, 1, NULL, &operation));
  put(5);
  CHECK_NUMBER(copas_poll(c, &event, 1, NET_PATIENCE), 1);
  CHECK_OK(event.status);
  CHECK(event.handle == mailbox);
  CHECK((void *)(uintptr_t)event.result == &numbers[5]);

  put(6);
  choice = (copas_choice){.kind = COPAS_CHOICE_MAILBOX_PUT, .handle = mailbox, .item = &numbers[8]};
  CHECK_OK(copas_submit_choice(c, &choice, COPAS_FOREVER, 2, NULL, &operation));
  CHECK_OK(copas_submit_cancel(operation));
  CHECK_NUMBER(copas_poll(c, &event, 1, NET_PATIENCE), 1);
  CHECK_STATUS(event.status, COPAS_CANCELED);
  CHECK_OK(copas_submit_choice(c, &choice, COPAS_FOREVER, 3, NULL, &operation));
  CHECK_NUMBER(take(), 6);
  CHECK_NUMBER(copas_poll(c, &event, 1, NET_PATIENCE), 1);
  CHECK_OK(event.status);
  CHECK_NUMBER(take(), 8);
  CHECK_NUMBER(freed, 0);
  finish();
}

static void *put_from_outside(void *user)
{
  void *item;
  (void)user;
  CHECK_STATUS(copas_mailbox_put(mailbox, NULL, 1), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_mailbox_take(mailbox, 0, &item), COPAS_TIMEOUT);
  net_sleep(0.02);
  put(3);
  return NULL;
}

static void a_wait_keeps_the_loop_alive_until_another_os_thread_puts(void)
{
  struct taker taker = {.timeout = COPAS_FOREVER};
  pthread_t os_thread;
  begin(1);
  CHECK_OK(copas_addthread(c, take_once, &taker, NULL));
  CHECK(pthread_create(&os_thread, NULL, put_from_outside, NULL) == 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(taker.got, 3);
  CHECK(pthread_join(os_thread, NULL) == 0);
  finish();
}

static void try_in_a_callback(copas *d, void *user)
{
  void *item;
  (void)d;
  CHECK_STATUS(copas_mailbox_take(mailbox, 1, &item), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_mailbox_take(mailbox, 0, &item), COPAS_TIMEOUT);
  put(2);
  *(int *)user = 1;
}

static void a_callback_may_look(void)
{
  int done = 0;
  begin(1);
  CHECK_OK(copas_post(c, try_in_a_callback, &done));
  net_until(c, &done, 1);
  CHECK_NUMBER(take(), 2);
  finish();
}

static void ignore_cancel(void *user)
{
  void *item;
  int *answers = user;
  for (;;)
    if (copas_mailbox_take(mailbox, COPAS_FOREVER, &item) == COPAS_CANCELED) ++*answers;
}

static void a_dispatcher_that_is_freed_gives_back_what_its_waits_were_promised(void)
{
  struct net_reports reports;
  int answers = 0;
  copas *other = net_new(&reports);
  begin(1);
  CHECK_OK(copas_addthread(other, ignore_cancel, &answers, NULL));
  net_settle(other);
  put(4);
  CHECK_STATUS(copas_free(other), COPAS_ABANDONED);
  CHECK(answers > 0);
  CHECK_NUMBER(take(), 4);
  CHECK_NUMBER(copas_mailbox_size(mailbox), 0);
  finish();
}

static void a_child_process_has_mailboxes_of_its_own(void)
{
  begin(2);
  put(1);
  pid_t child = net_fork();
  if (child == 0) {
    copas_mailbox *inherited = mailbox;
    void *item;
    CHECK_STATUS(copas_mailbox_put(inherited, NULL, 0), COPAS_FORKED);
    CHECK_OK(copas_mailbox_new(2, NULL, &mailbox));
    CHECK(mailbox != inherited);
    put(6);
    CHECK_NUMBER(take(), 6);
    CHECK_STATUS(copas_mailbox_take(inherited, 0, &item), COPAS_FORKED);
    CHECK_STATUS(copas_mailbox_destroy(inherited), COPAS_FORKED);
    CHECK_OK(copas_mailbox_destroy(mailbox));
    CHECK_OK(copas_free(c));
    _exit(0);
  }
  net_reap(child);
  CHECK_NUMBER(take(), 1);
  finish();
}

int main(void)
{
  RUN(items_come_out_in_their_order_and_only_as_many_as_there_is_room_for_go_in);
  RUN(takers_get_items_in_the_order_of_their_coming);
  RUN(putters_find_room_in_the_order_of_their_coming);
  RUN(an_item_is_not_taken_from_the_one_that_it_was_promised_to);
  RUN(one_that_is_canceled_hands_its_promise_on);
  RUN(a_wait_ends_with_its_time_and_takes_nothing);
  RUN(a_stopped_mailbox_gives_what_is_left_and_then_says_so);
  RUN(those_that_wait_learn_of_a_stop_when_the_last_item_is_taken);
  RUN(a_destroyed_mailbox_wakes_all_and_frees_each_item_once);
  RUN(wrong_arguments_are_told);
  RUN(the_root_stack_looks_and_waits_by_select);
  RUN(choices_that_lose_have_taken_nothing);
  RUN(waits_are_submitted_as_choices);
  RUN(a_wait_keeps_the_loop_alive_until_another_os_thread_puts);
  RUN(a_callback_may_look);
  RUN(a_dispatcher_that_is_freed_gives_back_what_its_waits_were_promised);
  RUN(a_child_process_has_mailboxes_of_its_own);
  return check_report();
}
