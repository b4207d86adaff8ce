/* SPDX-License-Identifier: MIT */
/* What an item through a mailbox costs, for bench/cores/run. */
#include <copas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static copas_mailbox *there, *back;
static long items;
static int ping_pong, threads;

static double seconds_of(clockid_t clock)
{
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void produce(void *user)
{
  void *item = NULL;
  (void)user;
  for (long i = 0; i < items; i++) {
    if (copas_mailbox_put(there, item, COPAS_FOREVER) != COPAS_OK) exit(1);
    if (ping_pong && copas_mailbox_take(back, COPAS_FOREVER, &item) != COPAS_OK) exit(1);
  }
  copas_mailbox_stop(there);
}

static void consume(void *user)
{
  void *item;
  (void)user;
  while (copas_mailbox_take(there, COPAS_FOREVER, &item) == COPAS_OK)
    if (ping_pong && copas_mailbox_put(back, item, COPAS_FOREVER) != COPAS_OK) exit(1);
}

static copas_status set_up(copas *c, int number, void *user)
{
  copas_status status = COPAS_OK;
  (void)user;
  if (number == 0) status = copas_addthread(c, produce, NULL, NULL);
  if (status == COPAS_OK && number == threads - 1) status = copas_addthread(c, consume, NULL, NULL);
  return status;
}

int main(int argc, char **argv)
{
  if (argc != 4 || strcmp(argv[1], "--help") == 0) {
    fputs("usage: mailbox 1|2 ITEMS ROOM\n"
          "Sends ITEMS items through a mailbox with ROOM for so many, between coroutines of one dispatcher\n"
          "or of two; ROOM 0: one item, which goes there and back. Prints the nanoseconds of an item and\n"
          "the CPU time in them.\n",
          argc == 2 ? stdout : stderr);
    return argc == 2 ? 0 : 2;
  }
  threads = atoi(argv[1]);
  items = atol(argv[2]);
  ping_pong = atol(argv[3]) == 0;
  size_t room = ping_pong ? 1 : (size_t)atol(argv[3]);
  if (copas_mailbox_new(room, NULL, &there) != COPAS_OK) return 1;
  if (copas_mailbox_new(room, NULL, &back) != COPAS_OK) return 1;
  double time = seconds_of(CLOCK_MONOTONIC), cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
  if (copas_loop_many(threads, set_up, NULL, NULL) != COPAS_OK) return 1;
  printf("%.1f %.1f\n", (seconds_of(CLOCK_MONOTONIC) - time) / (double)items * 1e9,
         (seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu) / (double)items * 1e9);
  return 0;
}
