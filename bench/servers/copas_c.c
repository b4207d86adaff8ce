/* SPDX-License-Identifier: MIT */
/* Ours: straight-line coroutines in C. */
#include "copas_echo.h"

static void serve(copas *c, enum server_mode mode)
{
  copas_socket *server = echo_listen(c);
  copas_addserver(c, server, echo_handler(mode), NULL, COPAS_FOREVER);
  copas_loop(c, COPAS_FOREVER);
}

static long parked;

static void park(void *user)
{
  parked++;
  copas_pauseforever((copas *)user);
}

static void park_all(copas *c, long count)
{
  for (long i = 0; i < count; i++)
    server_must(copas_addthread(c, park, c, NULL) == COPAS_OK, "copas_addthread");
  while (parked < count) server_must(copas_step(c, 0) >= 0, "copas_step");
  server_parked(count);
}

int main(int argc, char **argv)
{
  struct server_options options =
      server_parse(argc, argv, SERVER_LINES | SERVER_BULK | SERVER_PARKED);
  copas *c = copas_new(NULL);
  server_must(c != NULL, "copas_new");
  if (options.mode == SERVER_PARKED) park_all(c, options.count);
  else serve(c, options.mode);
  copas_free(c);
  return 0;
}
