/* SPDX-License-Identifier: MIT */
/* Locks, semaphores, queues and selects at random against simple models: nobody is forgotten,
 * nothing is taken twice, first come is first served, also when the thing is destroyed under
 * all of them. */
#include "model.h"

#include <math.h>

enum { SEEDS = 6, MOST = 7, ROOM = 4, ITEMS = 4000000 };

static copas_lock *lock;
static copas_semaphore *semaphore;
static copas_queue *queue;
static int holders, in_use;
static long last_owner, last_taker, last_popper, last_pusher;

/* Whoever is served must have come after all that were served before. */
static void check_order(long ticket, long *last)
{
  CHECK(ticket > *last);
  *last = ticket;
}

static void open_lock(void)
{
  CHECK_OK(copas_lock_new(c, 60, 0, &lock));
  holders = 0;
  last_owner = 0;
}

/* A destroyed lock has no owner, and its handle is stale. */
static void own_the_lock(struct client *client)
{
  check_order(client->ticket, &last_owner);
  CHECK_NUMBER(++holders, 1);
  keep_for_a_while();
  CHECK_NUMBER(holders--, 1);
  copas_status status = copas_lock_release(lock);
  if (status == COPAS_STALE) client->over = 1;
  else CHECK_OK(status);
}

static void use_the_lock(struct client *client)
{
  ask(client, WAITS_LOCK, 1);
  if (answered(client, copas_lock_get(lock, client->limit, NULL))) own_the_lock(client);
}

static void act_on_the_lock(void)
{
  long ticket = ++tickets;
  copas_status status = copas_lock_get(lock, 0, NULL);
  if (status != COPAS_OK) {
    CHECK_STATUS(status, COPAS_TIMEOUT);
    return;
  }
  CHECK_NUMBER(holders, 0);
  check_order(ticket, &last_owner);
  CHECK_OK(copas_lock_release(lock));
}

static void check_the_lock(void)
{
  if (holders == 0) CHECK_NUMBER(count_waiting(WAITS_LOCK), 0);
}

static void check_that_the_lock_is_free(void)
{
  CHECK_OK(copas_lock_get(lock, 0, NULL));
  CHECK_OK(copas_lock_release(lock));
  CHECK_STATUS(copas_lock_release(lock), COPAS_NOT_OWNER);
}

static void destroy_the_lock(void)
{
  CHECK_OK(copas_lock_destroy(lock));
}

static void locks_have_one_owner_and_serve_in_order(void)
{
  const struct model locks = {open_lock,      use_the_lock,                act_on_the_lock,
                              check_the_lock, check_that_the_lock_is_free, destroy_the_lock};
  run_model(&locks, SEEDS);
}

static void open_semaphore(void)
{
  CHECK_OK(copas_semaphore_new(c, MOST, MOST, 60, &semaphore));
  in_use = 0;
  last_taker = 0;
}

static void give(int n)
{
  copas_status status = copas_semaphore_give(semaphore, n);
  in_use -= n;
  if (status != COPAS_STALE) CHECK_OK(status);
}

/* A wake-up is no service: of those served in one go the last may run first. */
static void use_permits(const struct client *client)
{
  if (client->ticket > last_taker) last_taker = client->ticket;
  in_use += client->wants;
  CHECK(in_use <= MOST);
  keep_for_a_while();
  give(client->wants);
}

static void use_the_semaphore(struct client *client)
{
  ask(client, WAITS_TAKE, 1 + (int)random_below(MOST));
  copas_status status = copas_semaphore_take(semaphore, client->wants, client->limit);
  if (answered(client, status)) use_permits(client);
}

static void act_on_the_semaphore(void)
{
  int n = 1 + (int)random_below(MOST);
  copas_status status = copas_semaphore_take(semaphore, n, 0);
  if (status != COPAS_OK) {
    CHECK_STATUS(status, COPAS_TIMEOUT);
    return;
  }
  last_taker = ++tickets;
  in_use += n;
  CHECK(in_use <= MOST);
  give(n);
}

static void check_the_semaphore(void)
{
  struct client *first = oldest(WAITS_TAKE);
  CHECK_NUMBER(copas_semaphore_count(semaphore), MOST - in_use);
  if (first == NULL) return;
  if (first->wants <= MOST - in_use)
    CHECK_FAIL("%d are there, and nobody gets %d", MOST - in_use, first->wants);
  if (first->ticket < last_taker)
    CHECK_FAIL("%ld waits, and %ld was served", first->ticket, last_taker);
}

static void check_the_semaphore_and_its_line(void)
{
  check_the_semaphore();
  CHECK_NUMBER(copas_semaphore_waiting(semaphore), count_waiting(WAITS_TAKE));
}

static void check_that_all_permits_are_there(void)
{
  CHECK_NUMBER(in_use, 0);
  CHECK_NUMBER(copas_semaphore_count(semaphore), MOST);
  CHECK_NUMBER(copas_semaphore_waiting(semaphore), 0);
}

static void destroy_the_semaphore(void)
{
  CHECK_OK(copas_semaphore_destroy(semaphore));
}

static void semaphores_never_give_too_much_and_forget_nobody(void)
{
  const struct model semaphores = {
      open_semaphore,
      use_the_semaphore,
      act_on_the_semaphore,
      check_the_semaphore_and_its_line,
      check_that_all_permits_are_there,
      destroy_the_semaphore};
  run_model(&semaphores, SEEDS);
}

/* What became of each item. */
enum { INSIDE, POPPED, LEFT, REFUSED };
static char items[ITEMS];
static long next_item, popped, left_inside;

static void count_left(void *item)
{
  CHECK_NUMBER(*(char *)item, INSIDE);
  *(char *)item = LEFT;
  left_inside++;
}

static void open_queue(void)
{
  memset(items, 0, sizeof items);
  next_item = popped = left_inside = 0;
  last_popper = last_pusher = 0;
  CHECK_OK(copas_queue_new(c, ROOM, 60, count_left, &queue));
}

static void *new_item(void)
{
  CHECK(next_item < ITEMS);
  return &items[next_item++];
}

static void note_pop(void *item, long ticket)
{
  CHECK_NUMBER(*(char *)item, INSIDE);
  *(char *)item = POPPED;
  popped++;
  check_order(ticket, &last_popper);
}

static void note_push(int done, void *item, long ticket)
{
  if (done) check_order(ticket, &last_pusher);
  else *(char *)item = REFUSED;
}

static void use_the_queue(struct client *client)
{
  void *item;
  if (random_below(2) == 0) {
    item = new_item();
    ask(client, WAITS_PUSH, 1);
    copas_status status = copas_queue_push(queue, item, client->limit);
    note_push(answered(client, status), item, client->ticket);
  } else {
    ask(client, WAITS_POP, 1);
    if (answered(client, copas_queue_pop(queue, client->limit, &item)))
      note_pop(item, client->ticket);
  }
}

static void act_on_the_queue(void)
{
  void *item;
  long ticket = ++tickets;
  if (random_below(2) == 0) {
    item = new_item();
    note_push(copas_queue_push(queue, item, 0) == COPAS_OK, item, ticket);
  } else if (copas_queue_pop(queue, 0, &item) == COPAS_OK) {
    note_pop(item, ticket);
  }
}

static void check_the_queue(void)
{
  int size = copas_queue_size(queue);
  if (size > 0 && oldest(WAITS_POP) != NULL)
    CHECK_FAIL("%d items, and somebody waits to pop", size);
  if (size < ROOM && oldest(WAITS_PUSH) != NULL)
    CHECK_FAIL("%d items of %d, and somebody waits to push", size, ROOM);
}

static void check_items(void)
{
  long refused = 0;
  for (long i = 0; i < next_item; i++) refused += items[i] == REFUSED;
  CHECK_NUMBER(popped + left_inside + refused + copas_queue_size(queue), next_item);
}

static void destroy_the_queue(void)
{
  int size = copas_queue_size(queue);
  CHECK_OK(copas_queue_destroy(queue));
  CHECK_NUMBER(left_inside, size);
}

static void queues_give_each_item_once_and_in_order(void)
{
  const struct model queues = {open_queue,      use_the_queue, act_on_the_queue,
                               check_the_queue, check_items,   destroy_the_queue};
  run_model(&queues, SEEDS);
}

/* All kinds of choices at once. */
static copas_socket *skt;
static copas_timer *timer;
static copas_future *future;
static copas_thread *mayfly;
static int peer, value;

static void tick(copas_timer *fired, void *user)
{
  (void)fired;
  (void)user;
}

static void live_a_moment(void *user)
{
  (void)user;
  copas_pause(c, 0.0005 * random_below(8), NULL);
}

static void *answer_soon(void *user)
{
  live_a_moment(NULL);
  return user;
}

static void open_all(void)
{
  copas_timer_options options;
  open_lock();
  open_semaphore();
  open_queue();
  peer = net_pair(c, &skt);
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.callback = tick;
  options.delay = 0.001;
  CHECK_OK(copas_timer_new(c, &options, &timer));
  CHECK_OK(copas_addthread(c, live_a_moment, NULL, &mayfly));
  CHECK_OK(copas_future_addthread(c, answer_soon, &value, NULL, &future));
}

static const struct {
  uint32_t kind;
  int waits;
} kinds[] = {
    {COPAS_CHOICE_LOCK, WAITS_LOCK},     {COPAS_CHOICE_TAKE, WAITS_TAKE},
    {COPAS_CHOICE_POP, WAITS_POP},       {COPAS_CHOICE_PUSH, WAITS_PUSH},
    {COPAS_CHOICE_RECEIVE, WAITS_OTHER}, {COPAS_CHOICE_TIMER, WAITS_OTHER},
    {COPAS_CHOICE_FUTURE, WAITS_OTHER},  {COPAS_CHOICE_JOIN, WAITS_OTHER},
    {COPAS_CHOICE_SEND, WAITS_OTHER},
};

static void choose(copas_choice *choice, int which)
{
  void *handles[] = {lock, semaphore, queue, queue, skt, timer, future, mayfly, skt};
  memset(choice, 0, sizeof *choice);
  choice->kind = kinds[which].kind;
  choice->handle = handles[which];
  choice->amount = 1;
  if (choice->kind == COPAS_CHOICE_PUSH) choice->item = new_item();
}

/* What is there now and then only, or always, must not hide the others: those come more often. */
static int random_kind(void)
{
  return (int)random_below(random_below(8) == 0 ? 9 : 4);
}

static void use_what_came(struct client *client, copas_choice *won)
{
  copas_bytes bytes;
  client->wants = 1;
  switch (won->kind) {
    case COPAS_CHOICE_LOCK: own_the_lock(client); break;
    case COPAS_CHOICE_TAKE: use_permits(client); break;
    case COPAS_CHOICE_POP: note_pop(won->item, client->ticket); break;
    case COPAS_CHOICE_FUTURE: CHECK(won->item == &value); break;
    case COPAS_CHOICE_RECEIVE: CHECK(copas_receive_some(skt, &bytes) <= COPAS_OK); break;
    default: break;
  }
}

/* One push at most: its item is refused unless the push has won. */
static void use_choices(struct client *client)
{
  enum { CHOICES = 3 };
  copas_choice choices[CHOICES];
  void *pushed = NULL;
  int waits = 0, won;
  for (int i = 0; i < CHOICES; i++) {
    int which = random_kind();
    if (kinds[which].kind == COPAS_CHOICE_PUSH && pushed != NULL) which = 0;
    choose(&choices[i], which);
    if (choices[i].kind == COPAS_CHOICE_PUSH) pushed = choices[i].item;
    waits |= kinds[which].waits;
  }
  ask(client, waits, 1);
  won = copas_select(c, choices, CHOICES, client->limit);
  int there = answered(client, won), status = there ? choices[won].status : COPAS_TIMEOUT;
  if (there && status != COPAS_BUSY && status != COPAS_DESTROYED && status != COPAS_STALE)
    CHECK_OK(status);
  int got = status == COPAS_OK;
  int is_in = got && choices[won].kind == COPAS_CHOICE_PUSH;
  if (pushed != NULL) note_push(is_in, pushed, client->ticket);
  if (got) use_what_came(client, &choices[won]);
}

static void act_on_all(void)
{
  void *result;
  uint32_t kind = random_below(9);
  if (kind < 3) act_on_the_queue();
  if (kind == 3) act_on_the_lock();
  if (kind == 4) act_on_the_semaphore();
  if (kind == 5) net_puts(peer, "x");
  if (kind == 6) (void)copas_timer_arm(timer, 0.001);
  if (kind == 7) CHECK_OK(copas_addthread(c, live_a_moment, NULL, &mayfly));
  if (kind == 8 && copas_future_try(future, &result) == COPAS_OK) {
    CHECK_OK(copas_future_destroy(future));
    CHECK_OK(copas_future_addthread(c, answer_soon, &value, NULL, &future));
  }
}

static void check_all(void)
{
  check_the_lock();
  check_the_semaphore();
  check_the_queue();
}

static void check_end_of_all(void)
{
  check_that_the_lock_is_free();
  check_that_all_permits_are_there();
  check_items();
  close(peer);
}

static void destroy_all(void)
{
  destroy_the_lock();
  destroy_the_semaphore();
  destroy_the_queue();
  close(peer);
}

static void a_select_takes_one_thing_only(void)
{
  const struct model all = {open_all,  use_choices,      act_on_all,
                            check_all, check_end_of_all, destroy_all};
  run_model(&all, SEEDS);
}

int main(void)
{
  RUN(locks_have_one_owner_and_serve_in_order);
  RUN(semaphores_never_give_too_much_and_forget_nobody);
  RUN(queues_give_each_item_once_and_in_order);
  RUN(a_select_takes_one_thing_only);
  return check_report();
}
