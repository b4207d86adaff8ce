/* SPDX-License-Identifier: MIT */
/* Between OS threads: posted functions, and mailboxes to and from another dispatcher. */
#include "soak.h"

#include <pthread.h>
#include <time.h>

enum { ITEMS = 50, ROOM = 4, POSTERS = 2 };

static pthread_t other_thread, poster_threads[POSTERS];
static copas *other;

/* Gives back what it takes, until the first mailbox is stopped. */
struct round_trip {
  struct soak *soak;
  copas_mailbox *there, *back;
};

static void give_back(void *user)
{
  struct round_trip *trip = user;
  void *item;
  copas_status status;
  while ((status = copas_mailbox_take(trip->there, SOAK_PATIENCE, &item)) == COPAS_OK)
    EXPECT_OK(KIND_mailbox, copas_mailbox_put(trip->back, item, SOAK_PATIENCE));
  EXPECT(KIND_mailbox, status, COPAS_STOPPED);
  EXPECT_OK(KIND_mailbox, copas_mailbox_stop(trip->back));
}

static void start_giving_back(copas *c, void *user)
{
  EXPECT_OK(KIND_mailbox, copas_addthread(c, give_back, user, NULL));
}

static void send_items(void *user)
{
  struct round_trip *trip = user;
  for (int i = 0; i < ITEMS; i++) {
    void *item = malloc(64);
    if (!EXPECT_OK(KIND_mailbox, copas_mailbox_put(trip->there, item, SOAK_PATIENCE))) free(item);
  }
  EXPECT_OK(KIND_mailbox, copas_mailbox_stop(trip->there));
}

/* Two new mailboxes, a coroutine of the other dispatcher between them. */
static void use_mailboxes(struct churn *churn)
{
  struct round_trip trip = {.soak = churn->soak};
  copas_thread *sender;
  void *item;
  int got = 0;
  copas_status status;
  if (!EXPECT_OK(KIND_mailbox, copas_mailbox_new(ROOM, free, &trip.there))) return;
  EXPECT_OK(KIND_mailbox, copas_mailbox_new(ROOM, free, &trip.back));
  EXPECT_OK(KIND_mailbox, copas_post(other, start_giving_back, &trip));
  EXPECT_OK(KIND_mailbox, copas_addthread(churn->soak->c, send_items, &trip, &sender));
  while ((status = copas_mailbox_take(trip.back, SOAK_PATIENCE, &item)) == COPAS_OK) {
    free(item);
    got++;
  }
  EXPECT(KIND_mailbox, status, COPAS_STOPPED);
  EXPECT(KIND_mailbox, got, ITEMS);
  EXPECT_OK(KIND_mailbox, copas_join(sender, SOAK_PATIENCE));
  EXPECT_OK(KIND_mailbox, copas_mailbox_destroy(trip.there));
  EXPECT_OK(KIND_mailbox, copas_mailbox_destroy(trip.back));
  soak_done(KIND_mailbox, ITEMS);
}

static void *run_other(void *user)
{
  (void)user;
  EXPECT_OK(KIND_mailbox, copas_loop(other, COPAS_FOREVER));
  EXPECT_OK(KIND_mailbox, copas_free(other));
  return NULL;
}

static void count_post(copas *c, void *user)
{
  (void)c;
  atomic_fetch_add((atomic_int *)user, 1);
}

/* Posts from an OS thread without a dispatcher, and waits until all have run. */
static void *run_poster(void *user)
{
  struct soak *soak = user;
  struct timespec pause = {0, 2000000};
  while (!atomic_load(&soak->stopping)) {
    atomic_int ran = 0;
    for (int i = 0; i < ITEMS; i++)
      EXPECT_OK(KIND_post, copas_post_with(soak->c, count_post, &ran, NULL));
    while (atomic_load(&ran) < ITEMS) nanosleep(&pause, NULL);
    soak_done(KIND_post, ITEMS);
  }
  atomic_fetch_sub(&soak->active, 1);
  return NULL;
}

void mailboxes_start(struct soak *soak)
{
  other = copas_new(NULL);
  if (other == NULL || copas_hold(other) != COPAS_OK ||
      pthread_create(&other_thread, NULL, run_other, NULL) != 0)
    soak_need(soak, "another dispatcher", COPAS_LIMIT);
  for (int i = 0; i < POSTERS; i++) {
    atomic_fetch_add(&soak->active, 1);
    if (pthread_create(&poster_threads[i], NULL, run_poster, soak) != 0)
      soak_need(soak, "pthread_create", COPAS_LIMIT);
  }
  soak_churn(soak, KIND_mailbox, use_mailboxes, 3);
}

void mailboxes_join(void)
{
  for (int i = 0; i < POSTERS; i++) pthread_join(poster_threads[i], NULL);
  EXPECT_OK(KIND_mailbox, copas_shutdown(other, 1));
  pthread_join(other_thread, NULL);
}
