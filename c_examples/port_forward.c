/* SPDX-License-Identifier: MIT */
/* Forwards the connections to a port of this machine to another server: two coroutines for each,
 * one per direction. The end of one direction is passed on while the other still runs; an error of
 * one direction ends both. Neither side can be flooded: a sender waits until the receiver takes.
 *
 *     port_forward 8080 192.0.2.7 80
 */
#include "example.h"

static const char usage[] =
  "usage: port_forward LISTEN_PORT HOST PORT\n"
  "Forwards connections to LISTEN_PORT of 127.0.0.1 (0: a free port) to PORT of HOST, a numeric\n"
  "address. Prints 'listening LISTEN_PORT'; SIGINT or SIGTERM ends it.\n";

#define CONNECT_SECONDS 10.0

struct target {
  const char *host;
  int port;
};

struct direction {
  copas_socket *from;
  copas_socket *to;
};

/* Carries bytes until `from` has ended and `to` has them all, or until something fails. */
static copas_status carry(const struct direction *way)
{
  copas_bytes bytes;
  copas_status status;
  while ((status = copas_receive_some(way->from, &bytes)) == COPAS_OK)
    if ((status = copas_send(way->to, bytes.data, bytes.len)) != COPAS_OK) return status;
  /* A reset is COPAS_CLOSED too, but has an errno. */
  if (status != COPAS_CLOSED || example_error(copas_current()).sys_errno != 0)
    return status;
  if ((status = copas_shut(way->to, COPAS_SHUT_SEND)) != COPAS_OK) return status;
  return copas_flush(way->to);
}

/* Runs one direction. When it fails both sides are closed at once, which wakes the other one. */
static void run(const struct direction *way)
{
  if (carry(way) == COPAS_OK) return;
  copas_abort(way->from);
  copas_abort(way->to);
}

static void run_backward(void *user)
{
  run(user);
}

/* Starts the way back in a coroutine of its own, which owns its `struct direction`: it may outlive
 * the handler when both are canceled. */
static copas_status start_backward(copas_socket *from, copas_socket *to, copas_thread **thread)
{
  copas_thread_options options = {.size = sizeof options, .user_free = free};
  struct direction *way = malloc(sizeof *way);
  if (way == NULL) return COPAS_NO_MEMORY;
  way->from = from;
  way->to = to;
  options.user = way;
  return copas_addthread_with(copas_current(), run_backward, &options, thread);
}

/* Ends a connection that could not be forwarded: the client sees a reset, and the dispatcher
 * reports `text` on stderr. */
static void give_up(copas_socket *client, copas_status status, const char *text)
{
  copas_abort(client);
  copas_fail(status, text);
}

static void forward(copas_socket *client, void *user)
{
  const struct target *target = user;
  struct direction there = {.from = client};
  copas_thread *back;
  copas_status status = copas_connect(copas_current(), target->host, target->port,
                                      CONNECT_SECONDS, &there.to);
  if (status != COPAS_OK) {
    give_up(client, status, example_error(copas_current()).text);
    return;
  }
  status = start_backward(there.to, client, &back);
  if (status != COPAS_OK) {
    give_up(client, status, "cannot start the second coroutine of a connection");
  } else {
    run(&there);
    /* Canceled: the other one is, too, and closes what it uses. */
    if (copas_join(back, COPAS_FOREVER) != COPAS_OK) copas_abort(client);
  }
  copas_close(there.to);
}

int main(int argc, char **argv)
{
  struct target target;
  copas_server_options options = {.size = sizeof options, .name = "forward", .user = &target};
  copas *c;
  int port;
  if (argc != 4) example_usage(usage, argc, argv);
  port = example_port(argv[1], 0);
  target.host = argv[2];
  target.port = example_port(argv[3], 1);
  c = copas_new(NULL);
  return example_serve(c, port, forward, &options);
}
