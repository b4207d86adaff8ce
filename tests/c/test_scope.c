/* SPDX-License-Identifier: MIT */
/* Deadlines of whole scopes: every wait inside respects the nearest one. */
#include "network.h"

static copas *c;
static copas_socket *skt;
static int done;

static void wait_inside(void)
{
  copas_bytes bytes;
  double start = net_seconds();
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  CHECK(net_seconds() - start >= 0.03);
  CHECK_STATUS(copas_pause(c, 60, NULL), COPAS_TIMEOUT);
  CHECK_STATUS(copas_pause(c, COPAS_FOREVER, NULL), COPAS_TIMEOUT);
  CHECK(net_seconds() - start < 10);
}

static void work_in_a_scope(void *user)
{
  copas_bytes bytes;
  CHECK_OK(copas_begindeadline(c, 0.03));
  wait_inside();
  /* What needs no wait works on. */
  net_puts(*(int *)user, "there\n");
  CHECK_OK(copas_settimeout(skt, 0));
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_NUMBER(copas_enddeadline(c), 1);
  CHECK_STATUS(copas_enddeadline(c), COPAS_INVALID);
  CHECK_OK(copas_pause(c, 0.001, NULL));
  done = 1;
}

static void every_wait_inside_ends_with_the_scope(void)
{
  c = net_new(NULL);
  done = 0;
  int peer = net_pair(c, &skt);
  CHECK_OK(copas_addthread(c, work_in_a_scope, &peer, NULL));
  net_until(c, &done, 1);
  CHECK_OK(copas_free(c));
  close(peer);
}

static void the_nearest_end_counts(void)
{
  c = net_new(NULL);
  double start = net_seconds();
  CHECK_OK(copas_hold(c));
  CHECK_OK(copas_begindeadline(c, 0.03));
  CHECK_OK(copas_begindeadline(c, 60));
  CHECK_STATUS(copas_pause(c, 60, NULL), COPAS_TIMEOUT);
  CHECK_NUMBER(copas_enddeadline(c), 1);
  CHECK_NUMBER(copas_enddeadline(c), 1);
  CHECK_OK(copas_begindeadline(c, 60));
  CHECK_OK(copas_begindeadline(c, 0.02));
  CHECK_STATUS(copas_pause(c, 60, NULL), COPAS_TIMEOUT);
  CHECK_NUMBER(copas_enddeadline(c), 1);
  CHECK_OK(copas_pause(c, 0.001, NULL));
  CHECK_NUMBER(copas_enddeadline(c), 0);
  CHECK(net_seconds() - start >= 0.05 && net_seconds() - start < 20);
  CHECK_OK(copas_begindeadline(c, COPAS_FOREVER));
  CHECK_OK(copas_pause(c, 0.001, NULL));
  CHECK_NUMBER(copas_enddeadline(c), 0);
  CHECK_OK(copas_free(c));
}

static void sleep_long(void *user)
{
  *(copas_status *)user = copas_pause(c, 60, NULL);
}

static void start_inside(void *user)
{
  CHECK_OK(copas_begindeadline(c, 0.02));
  CHECK_OK(copas_addthread(c, sleep_long, user, NULL));
  CHECK_NUMBER(copas_enddeadline(c), 0);
}

static void what_is_started_inside_inherits_the_end(void)
{
  copas_status status = COPAS_OK;
  double start = net_seconds();
  c = net_new(NULL);
  CHECK_OK(copas_addthread(c, start_inside, &status, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_STATUS(status, COPAS_TIMEOUT);
  CHECK(net_seconds() - start < 20);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(every_wait_inside_ends_with_the_scope);
  RUN(the_nearest_end_counts);
  RUN(what_is_started_inside_inherits_the_end);
  return check_report();
}
