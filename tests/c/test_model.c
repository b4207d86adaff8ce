/* SPDX-License-Identifier: MIT */
/* Thousands of coroutines at random, with time limits and cancellations injected, against simple
 * models: nobody is lost, nothing is taken twice, first come is first served. */
#include "network.h"

#include <math.h>

enum { CROWD = 2000, ROUNDS = 4 };

static copas *c;
static copas_lock *lock;
static copas_semaphore *semaphore;
static copas_queue *queues[3];
static copas_thread *threads[CROWD];
static uint32_t state;
static int crowd, ended;
static long tickets, last_served;

static uint32_t random_below(uint32_t end)
{
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % end;
}

/* No wait, a short one, or a long one. */
static double random_limit(void)
{
  uint32_t kind = random_below(5);
  if (kind == 0) return 0;
  return kind == 1 ? 0.0005 * random_below(10) : 60;
}

/* Tickets are drawn before asking: whoever is served must have a higher one than all before. */
static void check_order(long ticket)
{
  CHECK(ticket > last_served);
  last_served = ticket;
}

static void open_model(uint32_t seed)
{
  c = net_new(NULL);
  state = seed;
  crowd = check_small() ? 100 : CROWD;
  ended = 0;
  tickets = last_served = 0;
}

/* Runs the crowd to its end, canceling some on the way. */
static void run_crowd(copas_thread_fn body)
{
  for (int i = 0; i < crowd; i++) CHECK_OK(copas_addthread(c, body, NULL, &threads[i]));
  for (int i = 0; i < crowd / 4; i++) {
    net_step(c);
    copas_removethread(threads[random_below((uint32_t)crowd)]);
  }
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
}

static int holders;

static void use_the_lock(void *user)
{
  (void)user;
  for (int i = 0; i < ROUNDS; i++) {
    long ticket = ++tickets;
    copas_status status = copas_lock_get(lock, random_limit(), NULL);
    if (status == COPAS_CANCELED) break;
    if (status != COPAS_OK) continue;
    check_order(ticket);
    CHECK_NUMBER(++holders, 1);
    if (random_below(3) == 0) copas_pause(c, 0, NULL);
    CHECK_NUMBER(holders--, 1);
    CHECK_OK(copas_lock_release(lock));
  }
  ended++;
}

static void locks_have_one_owner_and_serve_in_order(void)
{
  for (uint32_t seed = 1; seed <= 3; seed++) {
    open_model(seed * 2654435761u);
    CHECK_OK(copas_lock_new(c, 60, 0, &lock));
    run_crowd(use_the_lock);
    CHECK_OK(copas_lock_get(lock, 0, NULL));
    CHECK_OK(copas_free(c));
  }
}

enum { MOST = 7 };

static int in_use;

static void use_the_semaphore(void *user)
{
  (void)user;
  for (int i = 0; i < ROUNDS; i++) {
    int n = 1 + (int)random_below(MOST);
    copas_status status = copas_semaphore_take(semaphore, n, random_limit());
    if (status == COPAS_CANCELED) break;
    if (status != COPAS_OK) continue;
    in_use += n;
    CHECK(in_use <= MOST);
    if (random_below(3) == 0) copas_pause(c, 0, NULL);
    in_use -= n;
    CHECK_OK(copas_semaphore_give(semaphore, n));
  }
  ended++;
}

static void semaphores_never_give_too_much_and_lose_nothing(void)
{
  for (uint32_t seed = 1; seed <= 3; seed++) {
    open_model(seed * 40503u);
    in_use = 0;
    CHECK_OK(copas_semaphore_new(c, MOST, MOST, 60, &semaphore));
    run_crowd(use_the_semaphore);
    CHECK_NUMBER(in_use, 0);
    CHECK_NUMBER(copas_semaphore_count(semaphore), MOST);
    CHECK_NUMBER(copas_semaphore_waiting(semaphore), 0);
    CHECK_OK(copas_free(c));
  }
}

enum { ITEMS = 20000 };

static char items[ITEMS];
static long next_item, popped, freed;

static void count_left(void *item)
{
  CHECK_NUMBER(*(char *)item, 0);
  *(char *)item = 2;
  freed++;
}

static void note_popped(void *item)
{
  CHECK_NUMBER(*(char *)item, 0);
  *(char *)item = 1;
  popped++;
}

static void push_or_pop(void *user)
{
  (void)user;
  for (int i = 0; i < ROUNDS; i++) {
    void *item;
    copas_status status;
    if (random_below(2) == 0) {
      item = &items[next_item++];
      status = copas_queue_push(queues[0], item, random_limit());
      /* What was not taken is given up here. */
      if (status != COPAS_OK) *(char *)item = 3;
    } else {
      status = copas_queue_pop(queues[0], random_limit(), &item);
      if (status == COPAS_OK) note_popped(item);
    }
    if (status == COPAS_CANCELED) break;
  }
  ended++;
}

static void count_items(void)
{
  long refused = 0;
  for (long i = 0; i < next_item; i++) {
    CHECK(items[i] != 0);
    refused += items[i] == 3;
  }
  CHECK_NUMBER(popped + freed + refused, next_item);
}

static void queues_give_each_item_once(void)
{
  for (uint32_t seed = 1; seed <= 3; seed++) {
    open_model(seed * 69069u);
    memset(items, 0, sizeof items);
    next_item = popped = freed = 0;
    CHECK_OK(copas_queue_new(c, 10, 60, count_left, &queues[0]));
    CHECK_OK(copas_begindeadline(c, 0.5));
    run_crowd(push_or_pop);
    CHECK_OK(copas_free(c));
    count_items();
  }
}

static void pop_from_any(void *user)
{
  copas_choice choices[3];
  (void)user;
  for (int i = 0; i < 3; i++)
    choices[i] = (copas_choice){.kind = COPAS_CHOICE_POP, .handle = queues[i]};
  for (int i = 0; i < ROUNDS; i++) {
    int place = copas_select(c, choices, 3, random_limit());
    if (place == COPAS_CANCELED) break;
    if (place < 0) continue;
    CHECK_OK(choices[place].status);
    note_popped(choices[place].item);
  }
  ended++;
}

static void push_everywhere(void *user)
{
  int count = crowd * 2;
  (void)user;
  for (int i = 0; i < count; i++) {
    CHECK_OK(copas_queue_push(queues[random_below(3)], &items[next_item++], 0));
    if (random_below(8) == 0) copas_pause(c, 0, NULL);
  }
}

static void a_select_takes_from_one_queue_only(void)
{
  for (uint32_t seed = 1; seed <= 3; seed++) {
    open_model(seed * 7919u);
    memset(items, 0, sizeof items);
    next_item = popped = freed = 0;
    for (int i = 0; i < 3; i++) CHECK_OK(copas_queue_new(c, 0, 60, count_left, &queues[i]));
    CHECK_OK(copas_begindeadline(c, 0.5));
    CHECK_OK(copas_addthread(c, push_everywhere, NULL, NULL));
    run_crowd(pop_from_any);
    CHECK_OK(copas_free(c));
    CHECK(popped > 0);
    count_items();
  }
}

int main(void)
{
  RUN(locks_have_one_owner_and_serve_in_order);
  RUN(semaphores_never_give_too_much_and_lose_nothing);
  RUN(queues_give_each_item_once);
  RUN(a_select_takes_from_one_queue_only);
  return check_report();
}
