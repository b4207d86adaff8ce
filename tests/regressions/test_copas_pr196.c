/* SPDX-License-Identifier: MIT */
/* copas, pull request 196: a peer that never sent LF made the buffer grow without bound. */
#include "network.h"

static void drown(void *user)
{
  static char block[65536];
  int fd = *(int *)user;
  memset(block, 'x', sizeof block);
  for (int i = 0; i < 64; i++)
    if (send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) break;
}

static void a_line_without_an_end_stops_at_the_limit(void)
{
  copas_socket *skt;
  copas_bytes bytes;
  copas_socket_stats stats = {.size = sizeof stats};
  copas *c = net_new(NULL);
  int peer = net_tcp(c, &skt);
  CHECK_OK(copas_setlimits(skt, 100000, 0));
  CHECK_OK(copas_settimeout(skt, 10));
  drown(&peer);
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TOO_LONG);
  CHECK(bytes.len > 100000);
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TOO_LONG);
  CHECK_OK(copas_getstats(skt, &stats));
  CHECK(stats.received < 400000);
  CHECK_OK(copas_free(c));
  close(peer);
}

int main(void)
{
  RUN(a_line_without_an_end_stops_at_the_limit);
  return check_report();
}
