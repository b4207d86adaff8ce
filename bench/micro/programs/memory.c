/* SPDX-License-Identifier: MIT */
/* Memory: the heap that something which only waits takes. Stacks are not on the heap. */
#include "micro.h"
#include <malloc.h>

static long heap(void)
{
  struct mallinfo2 info = mallinfo2();
  return (long)(info.uordblks + info.hblkhd);
}

/* Makes as many as the command line says, and prints the bytes that each has added. */
static void measure(copas *c, void (*make)(copas *c))
{
  long before = heap();
  for (long i = 0; i < micro_count; i++) make(c);
  while (copas_step(c, 0) == COPAS_OK) continue;
  printf("bytes %.2f\n", (double)(heap() - before) / (double)micro_count);
}

static void echo(void *user)
{
  copas_bytes line;
  while (copas_receive(user, COPAS_LINE, &line) == COPAS_OK) {
    MICRO_OK(copas_send(user, line.data, line.len));
    MICRO_OK(copas_send(user, "\n", 1));
  }
}

/* One that has had a reply. */
static void make_connection(copas *c)
{
  char answer[2];
  copas_socket *skt;
  int peer = micro_pair(c, &skt);
  MICRO_OK(copas_addthread(c, echo, skt, NULL));
  micro_must(write(peer, "?\n", 2) == 2, "write");
  micro_must(copas_step(c, 0) >= 0 && copas_step(c, 0) >= 0, "copas_step");
  micro_must(read(peer, answer, 2) == 2, "read");
}

static void measure_connection(copas *c)
{
  measure(c, make_connection);
}

static void park(void *user)
{
  copas_pauseforever(user);
}

static void make_coroutine(copas *c)
{
  MICRO_OK(copas_addthread(c, park, c, NULL));
}

static void measure_coroutine(copas *c)
{
  measure(c, make_coroutine);
}

static void never(copas_timer *timer, void *user)
{
  (void)timer;
  (void)user;
}

static void make_timer(copas *c)
{
  copas_timer *timer;
  copas_timer_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.callback = never;
  options.delay = 1e7;
  MICRO_OK(copas_timer_new(c, &options, &timer));
}

static void measure_timer(copas *c)
{
  measure(c, make_timer);
}

int main(int argc, char **argv)
{
  static const struct micro_operation operations[] = {{"connection", measure_connection},
                                                      {"coroutine", measure_coroutine},
                                                      {"timer", measure_timer},
                                                      {NULL, NULL}};
  return micro_main(argc, argv, operations);
}
