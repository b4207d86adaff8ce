/* SPDX-License-Identifier: MIT */
/* Mailboxes under random use by four dispatchers on four OS threads, and by OS threads without one:
 * every item that was put is taken once, with what its putter wrote into it, whatever times out, is
 * canceled or loses a select meanwhile.
 *     test_mailbox_random [SEED] */
#include "network.h"

#include <sched.h>
#include <stdatomic.h>

enum { MEMBERS = 4, MAILBOXES = 3, PUTTERS = 3, TAKERS = 3, OUTSIDERS = 2 };

struct item {
  uint64_t number; /* Written by the putter, read by the taker: plain memory, for ThreadSanitizer. */
  uint64_t square;
};

static copas_mailbox *mailboxes[MAILBOXES];
static atomic_ullong put_sum, put_count, taken_sum, taken_count, freed_sum, freed_count;
static atomic_ullong timeouts, cancels;
static atomic_int putters_left;
static uint64_t seed = 1;
static int rounds;

/* xorshift64: each coroutine and OS thread has a state of its own. */
static uint64_t draw(uint64_t *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return *state >> 16;
}

static uint64_t start_of(int member, int number)
{
  uint64_t state = seed * 0x9e3779b97f4a7c15u + (uint64_t)(member * 100 + number + 1);
  for (int i = 0; i < 8; i++) draw(&state);
  return state | 1;
}

static struct item *new_item(uint64_t *state)
{
  struct item *item = (struct item *)net_allocate(sizeof *item);
  item->number = draw(state) % 1000;
  item->square = item->number * item->number;
  return item;
}

static void end_item(struct item *item, atomic_ullong *sum, atomic_ullong *count)
{
  CHECK(item->square == item->number * item->number);
  atomic_fetch_add(sum, item->number);
  atomic_fetch_add(count, 1);
  free(item);
}

static void free_item(void *user)
{
  end_item((struct item *)user, &freed_sum, &freed_count);
}

static copas_mailbox *any_mailbox(uint64_t *state)
{
  return mailboxes[draw(state) % MAILBOXES];
}

/* 0, a few hundred microseconds, or longer than it will take. */
static double any_timeout(uint64_t *state)
{
  uint64_t kind = draw(state) % 4;
  if (kind == 0) return 0;
  return kind == 1 ? (double)(draw(state) % 500) * 1e-6 : NET_PATIENCE;
}

static void count_end(int status)
{
  if (status == COPAS_TIMEOUT) atomic_fetch_add(&timeouts, 1);
  else if (status == COPAS_CANCELED) atomic_fetch_add(&cancels, 1);
  else CHECK_STATUS(status, COPAS_STOPPED);
}

/* One put; 0 when the coroutine was canceled. */
static int put_one(uint64_t *state, struct item *item)
{
  uint64_t number = item->number;
  int status;
  if (draw(state) % 3 == 0) {
    copas_choice choices[2] = {
        {.kind = COPAS_CHOICE_MAILBOX_PUT, .handle = any_mailbox(state), .item = item},
        {.kind = COPAS_CHOICE_MAILBOX_PUT, .handle = any_mailbox(state), .item = item},
    };
    status = copas_select(copas_current(), choices, 2, any_timeout(state));
    if (status >= 0) status = choices[status].status;
  } else {
    status = copas_mailbox_put(any_mailbox(state), item, any_timeout(state));
  }
  if (status == COPAS_OK) {
    atomic_fetch_add(&put_sum, number);
    atomic_fetch_add(&put_count, 1);
  } else {
    free(item);
    count_end(status);
  }
  return status != COPAS_CANCELED;
}

struct worker {
  uint64_t state;
  int is_putter;
  int left;
  copas_thread *thread;
};

static void put_some(struct worker *worker)
{
  while (worker->left > 0) {
    worker->left--;
    if (!put_one(&worker->state, new_item(&worker->state))) return;
  }
}

static void take_some(struct worker *worker)
{
  uint64_t *state = &worker->state;
  for (;;) {
    void *item = NULL;
    int status;
    if (draw(state) % 3 == 0) {
      copas_choice choices[2] = {
          {.kind = COPAS_CHOICE_MAILBOX_TAKE, .handle = any_mailbox(state)},
          {.kind = COPAS_CHOICE_MAILBOX_TAKE, .handle = any_mailbox(state)},
      };
      status = copas_select(copas_current(), choices, 2, any_timeout(state));
      if (status >= 0) {
        item = choices[status].item;
        status = choices[status].status;
      }
    } else {
      status = copas_mailbox_take(any_mailbox(state), any_timeout(state), &item);
    }
    if (status == COPAS_OK) end_item((struct item *)item, &taken_sum, &taken_count);
    else count_end(status);
    if (status == COPAS_CANCELED) return;
    if (status == COPAS_STOPPED) {
      worker->left = 0;
      return;
    }
  }
}

static void stop_after_the_last_putter(void)
{
  if (atomic_fetch_sub(&putters_left, 1) != 1) return;
  for (int i = 0; i < MAILBOXES; i++) CHECK_OK(copas_mailbox_stop(mailboxes[i]));
}

static void work(void *user)
{
  struct worker *worker = (struct worker *)user;
  if (worker->is_putter) put_some(worker);
  else take_some(worker);
}

/* Starts a worker again and again until it has done its part, canceling it at random. */
struct keeper {
  copas *c;
  struct worker worker;
};

static void keep(void *user)
{
  struct keeper *keeper = (struct keeper *)user;
  uint64_t state = keeper->worker.state ^ 0x5555;
  while (keeper->worker.left > 0) {
    CHECK_OK(copas_addthread(keeper->c, work, &keeper->worker, &keeper->worker.thread));
    while (copas_join(keeper->worker.thread, (double)(draw(&state) % 3000) * 1e-6) == COPAS_TIMEOUT)
      if (draw(&state) % 2 == 0) copas_removethread(keeper->worker.thread);
  }
  if (keeper->worker.is_putter) stop_after_the_last_putter();
  free(keeper);
}

static copas_status set_up(copas *c, int number, void *user)
{
  (void)user;
  for (int i = 0; i < PUTTERS + TAKERS; i++) {
    struct keeper *keeper = (struct keeper *)net_allocate(sizeof *keeper);
    memset(keeper, 0, sizeof *keeper);
    keeper->c = c;
    keeper->worker.state = start_of(number, i);
    keeper->worker.is_putter = i < PUTTERS;
    keeper->worker.left = i < PUTTERS ? rounds : 1;
    CHECK_OK(copas_addthread(c, keep, keeper, NULL));
  }
  return COPAS_OK;
}

static void *put_from_outside(void *user)
{
  uint64_t state = start_of(50, (int)(intptr_t)user);
  for (int i = 0; i < rounds; i++) {
    struct item *item = new_item(&state);
    uint64_t number = item->number;
    int status;
    copas_mailbox *mailbox = any_mailbox(&state);
    while ((status = copas_mailbox_put(mailbox, item, 0)) == COPAS_TIMEOUT) sched_yield();
    CHECK_OK(status);
    atomic_fetch_add(&put_sum, number);
    atomic_fetch_add(&put_count, 1);
  }
  stop_after_the_last_putter();
  return NULL;
}

static void every_item_is_taken_once_by_whoever_is_left(void)
{
  pthread_t outsiders[OUTSIDERS];
  atomic_store(&putters_left, MEMBERS * PUTTERS + OUTSIDERS);
  for (size_t i = 0; i < MAILBOXES; i++)
    CHECK_OK(copas_mailbox_new(i == 0 ? 1 : 1 + i * 7, free_item, &mailboxes[i]));
  for (int i = 0; i < OUTSIDERS; i++)
    CHECK(pthread_create(&outsiders[i], NULL, put_from_outside, (void *)(intptr_t)i) == 0);
  CHECK_OK(copas_loop_many(MEMBERS, set_up, NULL, NULL));
  for (int i = 0; i < OUTSIDERS; i++) CHECK(pthread_join(outsiders[i], NULL) == 0);
  for (int i = 0; i < MAILBOXES; i++) CHECK_OK(copas_mailbox_destroy(mailboxes[i]));
  CHECK_NUMBER(taken_count + freed_count, put_count);
  CHECK_NUMBER(taken_sum + freed_sum, put_sum);
  CHECK(put_count > 0 && timeouts > 0 && cancels > 0);
}

/* Each takes from its own mailbox and puts into the next one's. */
struct link {
  copas_mailbox *from, *to;
};

static struct link links[MEMBERS];

static void pass_on(void *user)
{
  struct link *link = (struct link *)user;
  void *token;
  for (;;) {
    if (copas_mailbox_take(link->from, NET_PATIENCE, &token) == COPAS_STOPPED) break;
    if (--*(long *)token == 0) break;
    CHECK_OK(copas_mailbox_put(link->to, token, NET_PATIENCE));
  }
  CHECK_OK(copas_mailbox_stop(link->to));
}

static copas_status add_link(copas *c, int number, void *user)
{
  (void)user;
  return copas_addthread(c, pass_on, &links[number], NULL);
}

static void a_token_goes_round_and_no_wake_up_is_lost(void)
{
  copas_mailbox *ring[MEMBERS];
  long token = (long)rounds * 10;
  for (int i = 0; i < MEMBERS; i++) CHECK_OK(copas_mailbox_new(1, NULL, &ring[i]));
  for (int i = 0; i < MEMBERS; i++) links[i] = (struct link){ring[i], ring[(i + 1) % MEMBERS]};
  CHECK_OK(copas_mailbox_put(ring[0], &token, 0));
  CHECK_OK(copas_loop_many(MEMBERS, add_link, NULL, NULL));
  for (int i = 0; i < MEMBERS; i++) CHECK_OK(copas_mailbox_destroy(ring[i]));
  CHECK_NUMBER(token, 0);
}

int main(int argc, char **argv)
{
  if (argc > 1) seed = strtoull(argv[1], NULL, 10);
  rounds = check_small() ? 300 : 3000;
  printf("seed %llu\n", (unsigned long long)seed);
  RUN(every_item_is_taken_once_by_whoever_is_left);
  RUN(a_token_goes_round_and_no_wake_up_is_lost);
  printf("%llu put, %llu taken, %llu left, %llu timeouts, %llu cancels\n",
         (unsigned long long)put_count, (unsigned long long)taken_count,
         (unsigned long long)freed_count, (unsigned long long)timeouts,
         (unsigned long long)cancels);
  return check_report();
}
