/* SPDX-License-Identifier: MIT */
/* Queues between two coroutines: one pushes, one pops. */
#include "micro.h"

static copas_queue *queue;

static void push(copas *c, long n)
{
  (void)c;
  for (long i = 0; i < n; i++) MICRO_OK(copas_queue_push(queue, NULL, COPAS_FOREVER));
}

static void producer(void *user)
{
  micro_measure(push, user);
  MICRO_OK(copas_queue_stop(queue));
}

static void consumer(void *user)
{
  void *item;
  (void)user;
  while (copas_queue_pop(queue, COPAS_FOREVER, &item) == COPAS_OK) continue;
}

static void measure(copas *c, size_t most)
{
  MICRO_OK(copas_queue_new(c, most, COPAS_FOREVER, NULL, &queue));
  MICRO_OK(copas_addthread(c, producer, c, NULL));
  MICRO_OK(copas_addthread(c, consumer, NULL, NULL));
  MICRO_OK(copas_loop(c, COPAS_FOREVER));
}

/* With room for one item, so that each waits for the other. */
static void measure_hand_over(copas *c)
{
  measure(c, 1);
}

/* With room for a batch. */
static void measure_batch(copas *c)
{
  measure(c, MICRO_BATCH);
}

int main(int argc, char **argv)
{
  static const struct micro_operation operations[] = {
      {"hand-over", measure_hand_over}, {"batch", measure_batch}, {NULL, NULL}};
  return micro_main(argc, argv, operations);
}
