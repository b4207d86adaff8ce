/* SPDX-License-Identifier: MIT */
/* The engine of the models: a population of coroutines that use one thing at random, with time
 * limits, and a root stack that cancels them, adds newcomers and acts itself, at the worst
 * moments. Whenever all is quiet, what those that wait want is compared with what is there. Most
 * runs are long with few coroutines, one is short with thousands. */
#ifndef MODEL_H
#define MODEL_H

#include "network.h"

/* A client does no more than so many USES in one turn, so that all becomes quiet on slow
 * machines too. */
enum { POPULATION = 150, TURNS = 600, CROWD = 2000, CROWD_TURNS = 24, USES = 8 };

/* What a client waits for; several bits while it selects. */
enum {
  WAITS_LOCK = 1,
  WAITS_TAKE = 2,
  WAITS_POP = 4,
  WAITS_PUSH = 8,
  WAITS_OTHER = 16
};

struct client {
  copas_thread *thread; /* NULL: the place is free */
  int waits;
  int wants;   /* WAITS_TAKE: how many */
  long ticket; /* drawn just before it asks */
  double limit;
  int uses, rests, over;
};

struct model {
  void (*open)(void);
  /* A client uses the thing once. */
  void (*use)(struct client *client);
  /* The root stack does something with it, without waiting. */
  void (*act)(void);
  /* All is quiet. */
  void (*check)(void);
  /* All clients have ended; the thing was not destroyed. */
  void (*check_end)(void);
  void (*destroy)(void);
};

static copas *c;
static const struct model *model;
static struct client clients[CROWD];
static int population;
static uint32_t random_state;
static long tickets;

static const double LONG_LIMIT = 60;

static uint32_t random_below(uint32_t end)
{
  random_state ^= random_state << 13;
  random_state ^= random_state >> 17;
  random_state ^= random_state << 5;
  return random_state % end;
}

/* Begins to wait: no time, a short one, or a long one that must not pass. */
static void ask(struct client *client, int waits, int wants)
{
  uint32_t kind = random_below(6);
  client->limit = kind == 0 ? 0 : kind == 1 ? 0.0005 * random_below(10) : LONG_LIMIT;
  client->waits = waits;
  client->wants = wants;
  client->ticket = ++tickets;
}

/* The wait is over; whether it has got what it asked for. */
static int answered(struct client *client, int status)
{
  client->waits = 0;
  if (status == COPAS_TIMEOUT && client->limit == LONG_LIMIT) CHECK_FAIL("forgotten in the line");
  client->over = status == COPAS_CANCELED || status == COPAS_DESTROYED || status == COPAS_STALE;
  if (status < 0 && status != COPAS_TIMEOUT && !client->over)
    CHECK_FAIL("a wait gave %s", copas_status_name(status));
  return status >= 0;
}

/* What was got is kept for a while, over some quiet moments. */
static void keep_for_a_while(void)
{
  uint32_t kind = random_below(3);
  if (kind != 0) copas_pause(c, kind == 1 ? 0 : 0.0005 * random_below(6), NULL);
}

/* Of those that wait for any of `waits`, who came first; NULL when nobody does. */
static struct client *oldest(int waits)
{
  struct client *first = NULL;
  for (int i = 0; i < population; i++) {
    if (clients[i].thread == NULL || (clients[i].waits & waits) == 0) continue;
    if (first == NULL || clients[i].ticket < first->ticket) first = &clients[i];
  }
  return first;
}

static int count_waiting(int waits)
{
  int count = 0;
  for (int i = 0; i < population; i++)
    count += clients[i].thread != NULL && (clients[i].waits & waits) != 0;
  return count;
}

static void rest_until_the_next_turn(struct client *client)
{
  client->rests = 1;
  if (copas_pauseforever(c) == COPAS_CANCELED) client->over = 1;
  client->rests = 0;
}

static void live(void *user)
{
  struct client *client = user;
  while (!client->over) {
    model->use(client);
    if (++client->uses % USES == 0 && !client->over) rest_until_the_next_turn(client);
    if (random_below(4) == 0 && copas_pause(c, 0.0005 * random_below(4), NULL) == COPAS_CANCELED)
      client->over = 1;
  }
  client->thread = NULL;
}

/* Starts up to `count` clients in free places. */
static void add_clients(int count)
{
  for (int i = 0; i < population && count > 0; i++) {
    if (clients[i].thread != NULL) continue;
    memset(&clients[i], 0, sizeof clients[i]);
    CHECK_OK(copas_addthread(c, live, &clients[i], &clients[i].thread));
    count--;
  }
}

/* Cancels one that has run; one that has not would never note that it ended. */
static void cancel_client(struct client *client)
{
  if (client == NULL || client->thread == NULL || client->ticket == 0) return;
  CHECK_OK(copas_removethread(client->thread));
}

static void begin_turn(void)
{
  for (int i = 0; i < population; i++)
    if (clients[i].thread != NULL && clients[i].rests) copas_wakeup(clients[i].thread);
}

static void disturb(void)
{
  for (uint32_t n = random_below(8); n > 0; n--) {
    uint32_t kind = random_below(8);
    if (kind == 0) cancel_client(&clients[random_below((uint32_t)population)]);
    if (kind == 1) cancel_client(oldest(1 << random_below(5)));
    if (kind == 2) add_clients(1);
    if (kind > 2) model->act();
  }
}

/* Steps until nobody has anything left to do but to wait. */
static void be_quiet(void)
{
  double end = net_seconds() + NET_PATIENCE;
  while (copas_step(c, 0) == COPAS_OK) CHECK(net_seconds() < end);
}

static int count_clients(void)
{
  int count = 0;
  for (int i = 0; i < population; i++) count += clients[i].thread != NULL;
  return count;
}

static void end_clients(void)
{
  double end = net_seconds() + NET_PATIENCE;
  while (count_clients() != 0 && net_seconds() < end) {
    /* Again and again, for those that had not run. */
    for (int i = 0; i < population; i++) cancel_client(&clients[i]);
    net_step(c);
  }
  CHECK_NUMBER(count_clients(), 0);
}

static void run_population(const struct model *what, uint32_t seed, int people, int turns)
{
  model = what;
  c = net_new(NULL);
  random_state = seed * 2654435761u;
  population = people;
  tickets = 0;
  memset(clients, 0, sizeof clients);
  model->open();
  for (int i = 0; i < turns; i++) {
    if (i % 20 == 0) add_clients(population);
    begin_turn();
    disturb();
    /* Now and then time passes, so that limits do. */
    if (i % 4 == 0) copas_step(c, 0.001);
    be_quiet();
    model->check();
  }
  disturb();
  if (seed % 2 == 0) model->destroy();
  end_clients();
  if (seed % 2 != 0) model->check_end();
  CHECK_OK(copas_free(c));
}

static void run_model(const struct model *what, uint32_t seeds)
{
  int small = check_small();
  for (uint32_t seed = 1; seed <= seeds; seed++)
    run_population(what, seed, small ? 30 : POPULATION, small ? 40 : TURNS);
  if (!small) run_population(what, seeds + 1, CROWD, CROWD_TURNS);
}

#endif
