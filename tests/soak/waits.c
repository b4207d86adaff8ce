/* SPDX-License-Identifier: MIT */
/* Waits on time and on each other: timers, locks, semaphores, select, and coroutines that are canceled
 * wherever they wait. */
#include "soak.h"

enum { CHURNS = 4, CROWD = 6 };

/* Seconds of the short waits in here. */
#define MOMENT 0.002

static void count_firing(copas_timer *timer, void *user)
{
  (void)timer;
  ++*(int *)user;
}

/* A timer that fires, or fires again and again, or is disarmed and armed before it can. */
static void use_timer(struct churn *churn)
{
  copas *c = churn->soak->c;
  copas_timer *timer;
  int *fired = calloc(1, sizeof *fired);
  uint32_t way = soak_random(&churn->random, 3);
  copas_timer_options options = {.size = sizeof options, .callback = count_firing, .user = fired,
                                 .user_free = free, .delay = way == 2 ? 60 : MOMENT,
                                 .flags = way == 1 ? COPAS_RECURRING : 0};
  if (fired == NULL || !EXPECT_OK(churn->kind, copas_timer_new(c, &options, &timer))) return;
  if (way == 2) {
    EXPECT_OK(churn->kind, copas_timer_cancel(timer));
    EXPECT_OK(churn->kind, copas_timer_arm(timer, MOMENT));
  }
  double end = copas_now(c) + SOAK_PATIENCE;
  while (*fired <= (int)(way == 1) && copas_now(c) < end) copas_pause(c, MOMENT, NULL);
  EXPECT(churn->kind, *fired > (int)(way == 1), 1);
  EXPECT_OK(churn->kind, copas_timer_destroy(timer));
  soak_done(churn->kind, 1);
}

/* What several coroutines do at the same time, each in its turn. */
struct crowd {
  struct churn *churn;
  copas_lock *lock;
  copas_semaphore *semaphore;
  int inside, most;
};

static void enter(struct crowd *crowd)
{
  enum kind kind = crowd->churn->kind;
  EXPECT(kind, ++crowd->inside <= crowd->most, 1);
  copas_pause(crowd->churn->soak->c, 0, NULL);
  crowd->inside--;
}

static void hold_lock(void *user)
{
  struct crowd *crowd = user;
  if (!EXPECT_OK(crowd->churn->kind, copas_lock_get(crowd->lock, SOAK_PATIENCE, NULL))) return;
  enter(crowd);
  EXPECT_OK(crowd->churn->kind, copas_lock_release(crowd->lock));
}

static void hold_one(void *user)
{
  struct crowd *crowd = user;
  if (!EXPECT_OK(crowd->churn->kind, copas_semaphore_take(crowd->semaphore, 1, SOAK_PATIENCE)))
    return;
  enter(crowd);
  EXPECT_OK(crowd->churn->kind, copas_semaphore_give(crowd->semaphore, 1));
}

static void gather(struct crowd *crowd, copas_thread_fn fn)
{
  enum kind kind = crowd->churn->kind;
  copas_thread *threads[CROWD];
  for (int i = 0; i < CROWD; i++)
    if (!EXPECT_OK(kind, copas_addthread(crowd->churn->soak->c, fn, crowd, &threads[i]))) return;
  for (int i = 0; i < CROWD; i++) EXPECT_OK(kind, copas_join(threads[i], SOAK_PATIENCE));
  soak_done(kind, CROWD);
}

static void use_lock(struct churn *churn)
{
  struct crowd crowd = {.churn = churn, .most = 1};
  if (!EXPECT_OK(churn->kind, copas_lock_new(churn->soak->c, SOAK_PATIENCE, 0, &crowd.lock))) return;
  gather(&crowd, hold_lock);
  EXPECT_OK(churn->kind, copas_lock_destroy(crowd.lock));
}

static void use_semaphore(struct churn *churn)
{
  struct crowd crowd = {.churn = churn, .most = 2};
  if (!EXPECT_OK(churn->kind, copas_semaphore_new(churn->soak->c, crowd.most, crowd.most,
                                                  SOAK_PATIENCE, &crowd.semaphore)))
    return;
  gather(&crowd, hold_one);
  EXPECT_OK(churn->kind, copas_semaphore_destroy(crowd.semaphore));
}

/* Of a queue, a semaphore and a connection one is there; the others have taken nothing. */
static void use_select(struct churn *churn)
{
  copas *c = churn->soak->c;
  copas_queue *queue;
  copas_semaphore *semaphore;
  copas_socket *skt;
  if (!EXPECT_OK(churn->kind, copas_queue_new(c, 0, SOAK_PATIENCE, NULL, &queue))) return;
  EXPECT_OK(churn->kind, copas_semaphore_new(c, 1, 0, SOAK_PATIENCE, &semaphore));
  EXPECT_OK(churn->kind,
            copas_connect(c, "127.0.0.1", churn->soak->tcp_port, SOAK_PATIENCE, &skt));
  copas_choice choices[] = {{.kind = COPAS_CHOICE_POP, .handle = queue},
                            {.kind = COPAS_CHOICE_TAKE, .handle = semaphore, .amount = 1},
                            {.kind = COPAS_CHOICE_RECEIVE, .handle = skt}};
  int place = (int)soak_random(&churn->random, 4);
  if (place == 0) EXPECT_OK(churn->kind, copas_queue_push(queue, churn, 0));
  if (place == 1) EXPECT_OK(churn->kind, copas_semaphore_give(semaphore, 1));
  if (place == 2) EXPECT_OK(churn->kind, copas_send(skt, "choose\n", 7));
  EXPECT(churn->kind, copas_select(c, choices, 3, place == 3 ? MOMENT : SOAK_PATIENCE),
         place == 3 ? COPAS_TIMEOUT : place);
  EXPECT_OK(churn->kind, copas_close(skt));
  EXPECT_OK(churn->kind, copas_semaphore_destroy(semaphore));
  EXPECT_OK(churn->kind, copas_queue_destroy(queue));
  soak_done(churn->kind, 1);
}

/* Somebody who waits for ever, in one of many ways, until he is canceled. */
struct waiter {
  struct soak *soak;
  uint32_t way;
  int begun;
};

static int wait_on_connection(struct soak *soak)
{
  copas_socket *skt;
  copas_bytes line;
  int status = copas_connect(soak->c, "127.0.0.1", soak->tcp_port, SOAK_PATIENCE, &skt);
  if (status != COPAS_OK) return status;
  status = copas_receive(skt, COPAS_LINE, &line);
  copas_close(skt);
  return status;
}

static int wait_on_queue(struct soak *soak)
{
  copas_queue *queue;
  void *item;
  int status = copas_queue_new(soak->c, 0, COPAS_FOREVER, NULL, &queue);
  if (status != COPAS_OK) return status;
  status = copas_queue_pop(queue, COPAS_FOREVER, &item);
  copas_queue_destroy(queue);
  return status;
}

static int wait_in_scope(struct soak *soak)
{
  copas_begindeadline(soak->c, SOAK_PATIENCE);
  int status = copas_pause(soak->c, COPAS_FOREVER, NULL);
  copas_enddeadline(soak->c);
  return status;
}

static void wait_for_ever(void *user)
{
  struct waiter *waiter = user;
  int (*const ways[])(struct soak *) = {wait_on_connection, wait_on_queue, wait_in_scope};
  waiter->begun = 1;
  soak_expect(KIND_cancel, "a canceled wait", ways[waiter->way](waiter->soak), COPAS_CANCELED);
}

static void cancel_waiter(struct churn *churn)
{
  copas *c = churn->soak->c;
  struct waiter waiter = {churn->soak, soak_random(&churn->random, 3), 0};
  copas_thread *thread;
  if (!EXPECT_OK(churn->kind, copas_addthread(c, wait_for_ever, &waiter, &thread))) return;
  while (!waiter.begun) copas_pause(c, 0, NULL);
  copas_pause(c, soak_random(&churn->random, 3) * 1e-3, NULL);
  EXPECT_OK(churn->kind, copas_removethread(thread));
  EXPECT_OK(churn->kind, copas_join(thread, SOAK_PATIENCE));
  soak_done(churn->kind, 1);
}

void waits_start(struct soak *soak)
{
  soak_churn(soak, KIND_timer, use_timer, CHURNS);
  soak_churn(soak, KIND_lock, use_lock, CHURNS);
  soak_churn(soak, KIND_semaphore, use_semaphore, CHURNS);
  soak_churn(soak, KIND_select, use_select, CHURNS);
  soak_churn(soak, KIND_cancel, cancel_waiter, CHURNS);
}
