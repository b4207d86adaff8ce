/* SPDX-License-Identifier: MIT */
/* Work that is shared out: groups, queues with workers, futures, and what blocks on OS threads. */
#include "soak.h"

enum { CHURNS = 4, MEMBERS = 6, ITEMS = 20 };

static int sleep_as_member(struct churn *churn)
{
  return copas_pause(churn->soak->c, 0.001, NULL);
}

static void member(void *user)
{
  sleep_as_member(user);
}

static void failing_member(void *user)
{
  sleep_as_member(user);
  copas_fail(COPAS_FAILED, "on purpose");
}

static void ignore_failure(copas_thread *thread, copas_socket *socket, int status, const char *text,
                           void *user)
{
  (void)thread, (void)socket, (void)status, (void)text, (void)user;
}

/* All end well, or one fails and takes the others with it, or all are canceled. */
static void use_group(struct churn *churn)
{
  copas_group *group;
  uint32_t way = soak_random(&churn->random, 3);
  if (!EXPECT_OK(churn->kind,
                 copas_group_new(churn->soak->c, way == 1 ? COPAS_CANCEL_ON_FAILURE : 0, &group)))
    return;
  for (int i = 0; i < MEMBERS; i++)
    EXPECT_OK(churn->kind, copas_group_addthread(group, way == 1 && i == 0 ? failing_member : member,
                                                 churn, NULL));
  if (way == 2) EXPECT_OK(churn->kind, copas_group_cancel(group));
  int wanted = way == 1 ? COPAS_FAILED : COPAS_OK;
  EXPECT(churn->kind, copas_group_wait(group, SOAK_PATIENCE), wanted);
  EXPECT(churn->kind, copas_group_close(group), wanted);
  soak_done(churn->kind, MEMBERS);
}

static void work_on(void *item, void *user)
{
  struct churn *churn = user;
  if (churn->random >> 20 & 1) copas_pause(churn->soak->c, 0, NULL);
  free(item);
}

/* A bounded queue with workers; what is left goes to the finalizer when it is destroyed. */
static void use_queue(struct churn *churn)
{
  copas_queue *queue;
  int abandon = soak_random(&churn->random, 4) == 0;
  if (!EXPECT_OK(churn->kind, copas_queue_new(churn->soak->c, abandon ? 0 : ITEMS / 4,
                                              SOAK_PATIENCE, free, &queue)))
    return;
  for (int i = 0; i < 2; i++)
    EXPECT_OK(churn->kind, copas_queue_addworker(queue, work_on, churn, NULL));
  for (int i = 0; i < ITEMS; i++) {
    void *item = malloc(100);
    if (!EXPECT_OK(churn->kind, copas_queue_push(queue, item, SOAK_PATIENCE))) free(item);
  }
  if (!abandon) EXPECT_OK(churn->kind, copas_queue_finish(queue, SOAK_PATIENCE));
  EXPECT_OK(churn->kind, copas_queue_destroy(queue));
  soak_done(churn->kind, ITEMS);
}

static void *result_of(void *user)
{
  struct churn *churn = user;
  sleep_as_member(churn);
  return malloc(100);
}

static void use_future(struct churn *churn)
{
  copas_future *future;
  void *result;
  if (!EXPECT_OK(churn->kind,
                 copas_future_addthread(churn->soak->c, result_of, churn, free, &future)))
    return;
  if (soak_random(&churn->random, 3) != 0) {
    EXPECT_OK(churn->kind, copas_future_get(future, SOAK_PATIENCE, &result));
    EXPECT(churn->kind, result != NULL, 1);
  }
  /* Destroyed without a look it is canceled, and its result goes to the finalizer all the same. */
  EXPECT_OK(churn->kind, copas_future_destroy(future));
  soak_done(churn->kind, 1);
}

static void compute(void *user)
{
  volatile uint32_t *sum = user;
  for (uint32_t i = 1; i <= 10000; i++) *sum += i;
}

static void use_offload(struct churn *churn)
{
  uint32_t sum = 0;
  EXPECT_OK(churn->kind, copas_offload(churn->soak->c, compute, &sum));
  EXPECT(churn->kind, sum, 50005000);
  soak_done(churn->kind, 1);
}

/* By the system's resolver each time, since no answer is kept. */
static void use_name(struct churn *churn)
{
  copas_address address;
  size_t count;
  EXPECT_OK(churn->kind,
            copas_resolve(churn->soak->c, "localhost", SOAK_PATIENCE, &address, 1, &count));
  soak_done(churn->kind, 1);
}

void works_start(struct soak *soak)
{
  soak_need(soak, "copas_seterrorhandler",
            copas_seterrorhandler(soak->c, ignore_failure, NULL, 1));
  soak_need(soak, "copas_setresolver", copas_setresolver(soak->c, 0, 0));
  soak_churn(soak, KIND_group, use_group, CHURNS);
  soak_churn(soak, KIND_queue, use_queue, CHURNS);
  soak_churn(soak, KIND_future, use_future, CHURNS);
  soak_churn(soak, KIND_offload, use_offload, CHURNS);
  soak_churn(soak, KIND_name, use_name, 1);
}
