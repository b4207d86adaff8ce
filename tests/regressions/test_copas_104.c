/* SPDX-License-Identifier: MIT */
/* copas#104: a reader hung when another coroutine closed its socket. */
#include "network.h"

static copas_status status;

static void receive_for_ever(void *user)
{
  copas_bytes bytes;
  status = copas_receive(user, COPAS_LINE, &bytes);
}

static void close_it(void *user)
{
  CHECK_OK(copas_pause(copas_current(), 0.01, NULL));
  CHECK_OK(copas_close(user));
}

static void closing_a_socket_from_elsewhere_wakes_its_reader(void)
{
  copas_socket *skt;
  copas *c = net_new(NULL);
  int peer = net_tcp(c, &skt);
  status = COPAS_OK;
  CHECK_OK(copas_addthread(c, receive_for_ever, skt, NULL));
  net_settle(c);
  /* It has looked at a part of the line already. */
  net_puts(peer, "half a line");
  net_settle(c);
  CHECK_OK(copas_addthread(c, close_it, skt, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_STATUS(status, COPAS_CLOSED);
  CHECK_OK(copas_free(c));
  close(peer);
}

int main(void)
{
  RUN(closing_a_socket_from_elsewhere_wakes_its_reader);
  return check_report();
}
