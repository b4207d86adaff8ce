/* SPDX-License-Identifier: MIT */
/* What our servers in C share: the handlers, on a stack or on an OS thread of their own. */
#ifndef COPAS_ECHO_H
#define COPAS_ECHO_H

#include "server.h"
#include <copas.h>

static inline void echo_lines(copas_socket *client, void *user)
{
  copas_bytes line;
  (void)user;
  while (copas_receive(client, COPAS_LINE_RAW, &line) == COPAS_OK)
    copas_send(client, line.data, line.len);
}

static inline void echo_bulk(copas_socket *client, void *user)
{
  copas_bytes bytes;
  (void)user;
  while (copas_receive_some(client, &bytes) == COPAS_OK) copas_send(client, bytes.data, bytes.len);
}

static inline copas_handler_fn echo_handler(enum server_mode mode)
{
  return mode == SERVER_LINES ? echo_lines : echo_bulk;
}

/* A listening socket, on a port that is printed. */
static inline copas_socket *echo_listen(copas *c)
{
  copas_socket *server;
  copas_address address;
  server_must(copas_bind(c, "127.0.0.1", 0, &server) == COPAS_OK, "copas_bind");
  server_must(copas_getsockname(server, &address) == COPAS_OK, "copas_getsockname");
  server_print("port", address.port);
  return server;
}

#endif
