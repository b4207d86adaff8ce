/* SPDX-License-Identifier: MIT */
/* copas#208: after a time limit the stale waiter took the next wake-up, and a second reader of the same
 * socket was stranded. */
#include "network.h"

static copas_socket *skt;
static int gave_up, asks, served;

static void give_up(void *user)
{
  copas_bytes bytes;
  (void)user;
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  gave_up = 1;
  CHECK_STATUS(copas_pauseforever(copas_current()), COPAS_CANCELED);
}

static void receive_after_that(void *user)
{
  copas_bytes bytes;
  (void)user;
  CHECK_OK(copas_settimeout(skt, 30));
  asks = 1;
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "for the second");
  served = 1;
}

static void a_reader_after_one_that_timed_out_gets_its_data(void)
{
  copas *c = net_new(NULL);
  int peer = net_tcp(c, &skt);
  CHECK_OK(copas_settimeout(skt, 0.01));
  CHECK_OK(copas_addthread(c, give_up, NULL, NULL));
  net_until(c, &gave_up, 1);
  CHECK_OK(copas_addthread(c, receive_after_that, NULL, NULL));
  net_until(c, &asks, 1);
  net_puts(peer, "for the second\n");
  net_until(c, &served, 1);
  CHECK_OK(copas_free(c));
  close(peer);
}

int main(void)
{
  RUN(a_reader_after_one_that_timed_out_gets_its_data);
  return check_report();
}
