/* SPDX-License-Identifier: MIT */
/* What scripts/check-tsan shows its tool first: a race that it must report, and the same without the
 * race, which it must not.
 *     planted_races none | counter | item
 * counter: two dispatchers on two OS threads count in one plain number. item: one writes into an item
 * after it has put it into a mailbox. */
#include <copas.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static const char *wanted;
static copas_mailbox *mailbox;
static long counter;
static atomic_int written;

static int is(const char *race)
{
  return strcmp(wanted, race) == 0;
}

static void put(void *user)
{
  long *item = user;
  if (is("counter")) counter++;
  *item = 1;
  if (copas_mailbox_put(mailbox, item, COPAS_FOREVER) != COPAS_OK) return;
  if (is("item")) *item = 2;
  atomic_store_explicit(&written, 1, memory_order_relaxed);
}

static void take(void *user)
{
  void *item;
  (void)user;
  if (is("counter")) counter++;
  if (copas_mailbox_take(mailbox, COPAS_FOREVER, &item) != COPAS_OK) return;
  /* Both accesses have happened, so that the tool has seen them; a relaxed load orders nothing. */
  while (!atomic_load_explicit(&written, memory_order_relaxed)) continue;
  printf("took %ld\n", *(long *)item);
}

static copas_status set_up(copas *c, int number, void *user)
{
  return copas_addthread(c, number == 0 ? put : take, user, NULL);
}

int main(int argc, char **argv)
{
  static long item;
  if (argc != 2) {
    fputs("usage: planted_races none|counter|item\n", stderr);
    return 2;
  }
  wanted = argv[1];
  if (copas_mailbox_new(1, NULL, &mailbox) != COPAS_OK) return 1;
  if (copas_loop_many(2, set_up, &item, NULL) != COPAS_OK) return 1;
  return copas_mailbox_destroy(mailbox) == COPAS_OK ? 0 : 1;
}
