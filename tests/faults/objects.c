/* SPDX-License-Identifier: MIT */
/* What coroutines share and wait for, while system calls fail: timers, queues, groups, futures, mailboxes, offloaded
 * functions, names, descriptors of others, and what other OS threads post. */
#define _GNU_SOURCE
#include "tally.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

static copas *c;

static void note_time(copas_timer *timer, void *user)
{
  (void)timer;
  (void)user;
  tally("pause", copas_pause(c, 0.001, NULL));
}

static void timers(void)
{
  copas_timer *timer;
  copas_timer_options options = {.size = sizeof options, .flags = COPAS_RECURRING, .callback = note_time,
                                 .user_free = tally_taken_back, .delay = 0.002};
  options.user = tally_given();
  if (tally("timer_new", copas_timer_new(c, &options, &timer)) != COPAS_OK) return;
  copas_choice choice = {.kind = COPAS_CHOICE_TIMER, .handle = timer};
  for (int i = 0; i < 5; i++) {
    int chosen = copas_select(c, &choice, 1, PATIENCE);
    tally("select", chosen < 0 ? chosen : choice.status);
    tally("pause", copas_pause(c, 0.001, NULL));
  }
  tally("timer_destroy", copas_timer_destroy(timer));
}

static int worked;

static void work(void *item, void *user)
{
  (void)user;
  tally("pause", copas_pause(c, 0.0005, NULL));
  free(item);
  worked++;
}

static void queues(void)
{
  copas_queue *queue;
  copas_thread *worker;
  int pushed = 0, workers = 0;
  worked = 0;
  if (tally("queue_new", copas_queue_new(c, 4, PATIENCE, free, &queue)) != COPAS_OK) return;
  for (int i = 0; i < 3; i++)
    workers += tally("queue_addworker", copas_queue_addworker(queue, work, NULL, &worker)) == COPAS_OK;
  for (int i = 0; i < 20 && workers != 0; i++) {
    void *item = malloc(8);
    if (tally("queue_push", copas_queue_push(queue, item, PATIENCE)) == COPAS_OK) pushed++;
    else free(item);
  }
  tally("queue_stop", copas_queue_stop(queue));
  if (workers != 0 && tally("queue_finish", copas_queue_finish(queue, PATIENCE)) == COPAS_OK)
    MUST(worked == pushed);
  tally("queue_destroy", copas_queue_destroy(queue));
}

static void member(void *user)
{
  (void)user;
  tally("pause", copas_pause(c, 0.001, NULL));
}

static void *answer(void *user)
{
  tally("pause", copas_pause(c, 0.001, NULL));
  return user;
}

static void groups_and_futures(void)
{
  copas_group *group;
  copas_future *future;
  void *result = NULL;
  if (tally("group_new", copas_group_new(c, 0, &group)) == COPAS_OK) {
    for (int i = 0; i < 4; i++) {
      copas_thread_options options = {.size = sizeof options, .user_free = tally_taken_back};
      options.user = tally_given();
      /* Another size of stacks, which needs a mapping of its own. */
      options.stack_size = (size_t)(i + 1) << 17;
      tally("group_addthread", copas_group_addthread_with(group, member, &options, NULL));
    }
    int waited = copas_group_wait(group, PATIENCE);
    tally("group_wait", waited < 0 ? waited : COPAS_OK);
    int closed = copas_group_close(group);
    tally("group_close", closed < 0 ? closed : COPAS_OK);
  }
  if (tally("future_addthread", copas_future_addthread(c, answer, &result, NULL, &future)) == COPAS_OK) {
    if (tally("future_get", copas_future_get(future, PATIENCE, &result)) == COPAS_OK) MUST(result == &result);
    tally("future_destroy", copas_future_destroy(future));
  }
}

static void compute(void *user)
{
  *(int *)user = 42;
}

static void offloads(void)
{
  for (int i = 0; i < 5; i++) {
    int result = 0;
    if (tally("offload", copas_offload(c, compute, &result)) == COPAS_OK) MUST(result == 42);
  }
}

static void names(void)
{
  copas_address addresses[4];
  size_t count = 0;
  tally("setresolver", copas_setresolver(c, 0, 0));
  for (int i = 0; i < 5; i++) {
    int status = tally("resolve", copas_resolve(c, "localhost", PATIENCE, addresses, 4, &count));
    if (status == COPAS_OK) MUST(count > 0 && addresses[0].host[0] != '\0');
  }
}

static void descriptors(void)
{
  int fds[2];
  MUST(pipe(fds) == 0);
  MUST(write(fds[1], "x", 1) == 1);
  for (int i = 0; i < 5; i++) {
    int ready = copas_wait_fd(c, fds[0], COPAS_READABLE, PATIENCE);
    tally("wait_fd", ready < 0 ? ready : COPAS_OK);
    MUST(ready < 0 || ready == COPAS_READABLE);
  }
  close(fds[0]);
  close(fds[1]);
}

static void count_posted(copas *dispatcher, void *user)
{
  (void)dispatcher;
  (void)user;
}

static copas_mailbox *mailbox;

static void *poster(void *user)
{
  (void)user;
  for (int i = 0; i < 10; i++) {
    tally("post", copas_post_with(c, count_posted, tally_given(), tally_taken_back));
    int *item = malloc(sizeof *item);
    *item = i;
    if (tally("mailbox_put", copas_mailbox_put(mailbox, item, 0)) != COPAS_OK) free(item);
  }
  tally("mailbox_stop", copas_mailbox_stop(mailbox));
  return NULL;
}

static void mailboxes(void)
{
  pthread_t other;
  void *item;
  int next = 0, status;
  if (tally("mailbox_new", copas_mailbox_new(16, free, &mailbox)) != COPAS_OK) return;
  MUST(pthread_create(&other, NULL, poster, NULL) == 0);
  while ((status = tally("mailbox_take", copas_mailbox_take(mailbox, PATIENCE, &item))) == COPAS_OK) {
    if (*(int *)item != next++) FAIL("item %d came instead of %d", *(int *)item, next - 1);
    free(item);
  }
  pthread_join(other, NULL);
  if (status == COPAS_STOPPED) MUST(next == 10);
  tally("mailbox_destroy", copas_mailbox_destroy(mailbox));
}

void objects_begin(copas *dispatcher)
{
  c = dispatcher;
  begin(c, timers, 0);
  begin(c, queues, 0);
  begin(c, groups_and_futures, 0);
  begin(c, offloads, COPAS_OS_THREAD);
  begin(c, names, 0);
  begin(c, descriptors, 0);
  begin(c, mailboxes, COPAS_OS_THREAD);
}
