/* SPDX-License-Identifier: MIT */
/* Sends every line back: echo_server [PORT], then: printf 'hello\n' | nc 127.0.0.1 20000 */
#include <copas.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static copas *c;

static void echo(copas_socket *client, void *user)
{
  copas_bytes line;
  (void)user;
  while (copas_receive(client, COPAS_LINE_RAW, &line) == COPAS_OK)
    if (copas_send(client, line.data, line.len) != COPAS_OK) return;
}

static void stop(int signal_number)
{
  (void)signal_number;
  copas_shutdown(c, 0);
}

int main(int argc, char **argv)
{
  copas_socket *server;
  copas_address address;
  if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
    return fprintf(stderr, "usage: %s [PORT]   (20000; 0: a free one)\n", argv[0]), 2;
  c = copas_new(NULL);
  if (copas_bind(c, "127.0.0.1", argc == 2 ? atoi(argv[1]) : 20000, &server) != COPAS_OK ||
      copas_addserver(c, server, echo, NULL, COPAS_FOREVER) != COPAS_OK ||
      copas_getsockname(server, &address) != COPAS_OK)
    return fprintf(stderr, "cannot listen there\n"), 1;
  signal(SIGINT, stop);
  signal(SIGTERM, stop);
  printf("listening %d\n", address.port);
  fflush(stdout);
  return copas_loop(c, COPAS_FOREVER) != COPAS_OK || copas_free(c) != COPAS_OK;
}
