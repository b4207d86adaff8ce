/* SPDX-License-Identifier: MIT */
/* Where the page that tells of forks could not be had at first, everything works, then and later: no OS thread of a
 * pool and no mailbox is taken for a parent's. */
#define _GNU_SOURCE
#include "check.h"

void copas_faults(uint64_t seed, uint32_t kinds, uint32_t per_million);
uint64_t copas_faults_made(uint32_t kinds);

#define MAPS 64
#define PATIENCE 30.0

static void count(void *user)
{
  ++*(int *)user;
}

static void what_begins_without_the_page_goes_on_when_mappings_succeed_again(void)
{
  copas_mailbox *mailbox;
  void *item;
  int counted = 0;
  copas_faults(1, MAPS, 900000);
  /* The first handle of a mailbox marks the process. */
  for (int i = 0; copas_faults_made(MAPS) == 0 && i < 100; i++)
    CHECK_OK(copas_mailbox_new(4, NULL, &mailbox));
  CHECK(copas_faults_made(MAPS) > 0);
  copas_faults(0, 0, 0);
  copas *c = copas_new(NULL);
  CHECK(c != NULL);
  for (int i = 0; i < 3; i++) CHECK_OK(copas_offload(c, count, &counted));
  copas *second = copas_new(NULL);
  CHECK(second != NULL);
  for (int i = 0; i < 3; i++) CHECK_OK(copas_offload(second, count, &counted));
  CHECK_NUMBER(counted, 6);
  CHECK_OK(copas_mailbox_put(mailbox, &counted, 0));
  CHECK_OK(copas_mailbox_take(mailbox, 0, &item));
  CHECK(item == &counted);
  CHECK_OK(copas_mailbox_destroy(mailbox));
  CHECK_OK(copas_free(second));
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(what_begins_without_the_page_goes_on_when_mappings_succeed_again);
  return check_report();
}
