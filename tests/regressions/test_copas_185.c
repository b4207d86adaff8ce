/* SPDX-License-Identifier: MIT */
/* copas#185 and copas#186: the bookkeeping of time limits leaked. */
#include "network.h"

static long resident_kib(void)
{
  long size, pages;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL);
  CHECK(fscanf(file, "%ld %ld", &size, &pages) == 2);
  fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void receive_lines(void *user)
{
  copas_bytes bytes;
  while (copas_receive(user, COPAS_LINE, &bytes) == COPAS_OK) continue;
}

static void time_limits_that_are_not_reached_leave_nothing_behind(void)
{
  int rounds = check_small() ? 500 : 100000;
  copas_socket *skt;
  copas_dispatcher_stats stats = {.size = sizeof stats};
  copas *c = net_new(NULL);
  int peer = net_pair(c, &skt);
  CHECK_OK(copas_settimeout(skt, 3600));
  CHECK_OK(copas_addthread(c, receive_lines, skt, NULL));
  net_settle(c);
  long before = resident_kib();
  for (int i = 0; i < rounds; i++) {
    net_puts(peer, "x\n");
    CHECK_OK(copas_step(c, 10));
  }
  CHECK_OK(copas_stats(c, &stats));
  CHECK_NUMBER(stats.timeouts, 1);
  CHECK(resident_kib() - before < 4000);
  close(peer);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_stats(c, &stats));
  CHECK_NUMBER(stats.timeouts, 0);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(time_limits_that_are_not_reached_leave_nothing_behind);
  return check_report();
}
