/* SPDX-License-Identifier: MIT */
/* Locks: one owner, in the order of asking, and none that is lost with a waiter. */
#include "network.h"

#include <math.h>

static copas *c;
static copas_lock *lock;
static char diary[64];

static void open_lock(uint64_t flags)
{
  c = net_new(NULL);
  CHECK_OK(copas_lock_new(c, NAN, flags, &lock));
  memset(diary, 0, sizeof diary);
}

static void note(char letter)
{
  size_t len = strlen(diary);
  CHECK(len + 1 < sizeof diary);
  diary[len] = letter;
}

struct worker {
  char letter;
  double timeout;
  double work;
  copas_status status;
  double waited;
};

static void work_locked(void *user)
{
  struct worker *worker = user;
  worker->waited = -1;
  worker->status = copas_lock_get(lock, worker->timeout, &worker->waited);
  if (worker->status != COPAS_OK) return;
  note(worker->letter);
  copas_pause(c, worker->work, NULL);
  note(worker->letter);
  CHECK_OK(copas_lock_release(lock));
}

static copas_thread *start(struct worker *worker)
{
  copas_thread *thread;
  CHECK_OK(copas_addthread(c, work_locked, worker, &thread));
  return thread;
}

static void owners_take_turns_in_the_order_of_asking(void)
{
  struct worker workers[] = {{.letter = 'a', .timeout = NAN, .work = 0.01},
                             {.letter = 'b', .timeout = NAN, .work = 0.01},
                             {.letter = 'c', .timeout = NAN, .work = 0}};
  open_lock(0);
  for (int i = 0; i < 3; i++) start(&workers[i]);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(strcmp(diary, "aabbcc") == 0);
  CHECK(workers[0].waited == 0);
  CHECK(workers[1].waited >= 0.01 && workers[2].waited >= 0.02);
  CHECK_OK(copas_free(c));
}

static void the_owner_gets_it_again_and_releases_as_often(void)
{
  open_lock(0);
  for (int i = 0; i < 3; i++) CHECK_OK(copas_lock_get(lock, 0, NULL));
  struct worker other = {.letter = 'o', .timeout = 5};
  start(&other);
  for (int i = 0; i < 3; i++) {
    net_settle(c);
    CHECK(strcmp(diary, "") == 0);
    CHECK_OK(copas_lock_release(lock));
  }
  CHECK_STATUS(copas_lock_release(lock), COPAS_NOT_OWNER);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(strcmp(diary, "oo") == 0);
  CHECK_STATUS(copas_lock_release(lock), COPAS_NOT_OWNER);
  CHECK_OK(copas_free(c));
}

static void one_that_is_not_reentrant_says_so(void)
{
  open_lock(COPAS_NOT_REENTRANT);
  CHECK_OK(copas_lock_get(lock, 5, NULL));
  CHECK_STATUS(copas_lock_get(lock, 5, NULL), COPAS_BUSY);
  CHECK_OK(copas_lock_release(lock));
  CHECK_OK(copas_lock_get(lock, 5, NULL));
  CHECK_OK(copas_lock_release(lock));
  CHECK_OK(copas_free(c));
}

static void a_get_ends_at_its_limit(void)
{
  struct worker late = {.letter = 'l', .timeout = 0.02};
  open_lock(0);
  CHECK_OK(copas_lock_get(lock, 0, NULL));
  start(&late);
  double begun = net_seconds();
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(net_seconds() - begun >= 0.02);
  CHECK_STATUS(late.status, COPAS_TIMEOUT);
  CHECK(late.waited == -1);
  CHECK_OK(copas_free(c));
}

static void a_release_by_somebody_else_is_an_error(void)
{
  struct worker owner = {.letter = 'o', .timeout = 1, .work = 0.02};
  open_lock(0);
  start(&owner);
  net_settle(c);
  CHECK_STATUS(copas_lock_release(lock), COPAS_NOT_OWNER);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
}

static void destroying_it_ends_all_waits(void)
{
  struct worker waiters[3] = {{.timeout = COPAS_FOREVER}, {.timeout = 5}, {.timeout = NAN}};
  open_lock(0);
  CHECK_OK(copas_lock_get(lock, 0, NULL));
  for (int i = 0; i < 3; i++) start(&waiters[i]);
  net_settle(c);
  CHECK_OK(copas_lock_destroy(lock));
  CHECK_STATUS(copas_lock_destroy(lock), COPAS_STALE);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  for (int i = 0; i < 3; i++) CHECK_STATUS(waiters[i].status, COPAS_DESTROYED);
  CHECK_STATUS(copas_lock_get(lock, 0, NULL), COPAS_STALE);
  CHECK_STATUS(copas_lock_release(lock), COPAS_STALE);
  CHECK_OK(copas_free(c));
}

static void hold_until_woken(void *user)
{
  (void)user;
  CHECK_OK(copas_lock_get(lock, 1, NULL));
  CHECK_OK(copas_pauseforever(c));
  CHECK_OK(copas_lock_release(lock));
}

/* The root stack's submitted get has been granted and has not been told so yet. */
static copas_operation *grant_to_the_root(struct worker *next)
{
  copas_thread *holder;
  copas_operation *operation;
  copas_choice choice = {.kind = COPAS_CHOICE_LOCK};
  open_lock(0);
  CHECK_OK(copas_addthread(c, hold_until_woken, NULL, &holder));
  net_settle(c);
  choice.handle = lock;
  CHECK_OK(copas_submit_choice(c, &choice, COPAS_FOREVER, 1, NULL, &operation));
  start(next);
  net_settle(c);
  CHECK_NUMBER(copas_wakeup(holder), 1);
  CHECK_OK(copas_step(c, 0));
  return operation;
}

static void expect_event(copas_status status)
{
  copas_event event;
  CHECK_NUMBER(copas_poll(c, &event, 1, NET_PATIENCE), 1);
  CHECK_STATUS(event.status, status);
}

static void canceling_a_granted_get_takes_the_lock_from_nobody(void)
{
  struct worker next = {.letter = 'n', .timeout = 60};
  copas_operation *operation = grant_to_the_root(&next);
  CHECK_OK(copas_lock_get(lock, 0, NULL));
  CHECK_OK(copas_submit_cancel(operation));
  expect_event(COPAS_CANCELED);
  net_settle(c);
  CHECK(strcmp(diary, "") == 0);
  CHECK_OK(copas_lock_release(lock));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(strcmp(diary, "nn") == 0);
  CHECK_OK(copas_free(c));
}

static void a_lock_that_has_not_arrived_cannot_be_released(void)
{
  struct worker next = {.letter = 'n', .timeout = 60};
  grant_to_the_root(&next);
  CHECK_STATUS(copas_lock_release(lock), COPAS_NOT_OWNER);
  CHECK_OK(copas_lock_get(lock, 0, NULL));
  CHECK_OK(copas_lock_release(lock));
  CHECK_STATUS(copas_lock_release(lock), COPAS_NOT_OWNER);
  expect_event(COPAS_OK);
  CHECK(strcmp(diary, "") == 0);
  CHECK_OK(copas_lock_release(lock));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(strcmp(diary, "nn") == 0);
  CHECK_OK(copas_free(c));
}

static void a_destroyed_lock_is_handed_to_nobody(void)
{
  struct worker first = {.letter = 'f', .timeout = 60}, second = {.letter = 's', .timeout = 60};
  copas_thread *canceled;
  open_lock(0);
  CHECK_OK(copas_lock_get(lock, 0, NULL));
  canceled = start(&first);
  start(&second);
  net_settle(c);
  CHECK_OK(copas_lock_release(lock));
  CHECK_OK(copas_removethread(canceled));
  CHECK_OK(copas_lock_destroy(lock));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_STATUS(second.status, COPAS_DESTROYED);
  CHECK_OK(copas_free(c));
}

static void bad_arguments_are_told(void)
{
  copas_semaphore *semaphore;
  open_lock(0);
  CHECK_STATUS(copas_lock_new(NULL, 1, 0, &lock), COPAS_INVALID);
  CHECK_STATUS(copas_lock_new(c, 1, 2, &lock), COPAS_INVALID);
  CHECK_STATUS(copas_lock_new(c, 1, 0, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_lock_get(NULL, 1, NULL), COPAS_INVALID);
  CHECK_OK(copas_semaphore_new(c, 1, 1, 1, &semaphore));
  CHECK_STATUS(copas_lock_get((copas_lock *)(void *)semaphore, 1, NULL), COPAS_INVALID);
  CHECK_OK(copas_free(c));
  CHECK_STATUS(copas_lock_get(lock, 1, NULL), COPAS_STALE);
}

int main(void)
{
  RUN(owners_take_turns_in_the_order_of_asking);
  RUN(the_owner_gets_it_again_and_releases_as_often);
  RUN(one_that_is_not_reentrant_says_so);
  RUN(a_get_ends_at_its_limit);
  RUN(a_release_by_somebody_else_is_an_error);
  RUN(destroying_it_ends_all_waits);
  RUN(canceling_a_granted_get_takes_the_lock_from_nobody);
  RUN(a_lock_that_has_not_arrived_cannot_be_released);
  RUN(a_destroyed_lock_is_handed_to_nobody);
  RUN(bad_arguments_are_told);
  return check_report();
}
