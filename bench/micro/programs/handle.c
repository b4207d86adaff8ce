/* SPDX-License-Identifier: MIT */
/* Handles: what a call costs that does little more than look its handle up. */
#include "micro.h"

static copas_semaphore *semaphore;
static copas_socket *skt;

static void look_object_up(copas *c, long n)
{
  (void)c;
  for (long i = 0; i < n; i++) micro_must(copas_semaphore_count(semaphore) == 1, "the look-up");
}

static void measure_object(copas *c)
{
  MICRO_OK(copas_semaphore_new(c, 1, 1, COPAS_FOREVER, &semaphore));
  micro_measure(look_object_up, c);
}

static void look_socket_up(copas *c, long n)
{
  (void)c;
  for (long i = 0; i < n; i++) MICRO_OK(copas_settimeout(skt, 60));
}

static void measure_socket(copas *c)
{
  int peer = micro_pair(c, &skt);
  micro_measure(look_socket_up, c);
  close(peer);
}

int main(int argc, char **argv)
{
  static const struct micro_operation operations[] = {
      {"object", measure_object}, {"socket", measure_socket}, {NULL, NULL}};
  return micro_main(argc, argv, operations);
}
