/* SPDX-License-Identifier: MIT */
/* Ours: straight-line coroutines in C. */
#include "server.h"
#include <copas.h>

static void lines(copas_socket *client, void *user)
{
  copas_bytes line;
  (void)user;
  while (copas_receive(client, COPAS_LINE, &line) == COPAS_OK) {
    copas_send(client, line.data, line.len);
    copas_send(client, "\n", 1);
  }
}

static void bulk(copas_socket *client, void *user)
{
  copas_bytes bytes;
  (void)user;
  while (copas_receive_some(client, &bytes) == COPAS_OK) copas_send(client, bytes.data, bytes.len);
}

static void serve(copas *c, copas_handler_fn handler)
{
  copas_socket *server;
  copas_address address;
  server_must(copas_bind(c, "127.0.0.1", 0, &server) == COPAS_OK, "copas_bind");
  server_must(copas_getsockname(server, &address) == COPAS_OK, "copas_getsockname");
  copas_addserver(c, server, handler, NULL, COPAS_FOREVER);
  server_print("port", address.port);
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
  else serve(c, options.mode == SERVER_LINES ? lines : bulk);
  copas_free(c);
  return 0;
}
