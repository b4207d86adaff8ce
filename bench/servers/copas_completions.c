/* SPDX-License-Identifier: MIT */
/* Ours: completions in C, without coroutines or callbacks. Each operation is tried at once; only one
 * that has to wait comes back from copas_poll(). */
#include "copas_echo.h"

#define EVENTS 256
/* Operations that one connection may have over at once before the others have their turn. */
#define TURN 128

struct connection {
  copas_socket *skt;
  /* Received, and not sent yet; the library's memory until the next receive. */
  const char *data;
  size_t len;
};

static enum server_mode mode;
static copas_event at_once;

static int receive(struct connection *connection, copas_event *now)
{
  uint64_t token = (uintptr_t)connection;
  if (mode == SERVER_BULK) return copas_submit_receive_some(connection->skt, token, now, NULL);
  return copas_submit_receive(connection->skt, COPAS_LINE_RAW, token, now, NULL);
}

/* Sends what is left. Replies to lines gather until the next poll, bulk bytes go out at once. */
static int send_rest(struct connection *connection, copas_event *now)
{
  size_t taken = 0;
  int answer = copas_submit_send(connection->skt, connection->data, connection->len,
                                 mode == SERVER_BULK ? 0 : COPAS_MORE, (uintptr_t)connection,
                                 &taken, now, NULL);
  connection->data += taken;
  connection->len -= taken;
  return answer;
}

/* What an operation gave; 0 when the connection is over. */
static int note(struct connection *connection, const copas_event *event)
{
  if (event->status != COPAS_OK) return 0;
  if (event->kind == COPAS_EVENT_RECEIVE) {
    connection->data = event->data;
    connection->len = event->len;
  }
  return 1;
}

static void end(struct connection *connection)
{
  copas_close(connection->skt);
  free(connection);
}

/* One operation after the other, until one has to wait. */
static void go_on(struct connection *connection)
{
  for (int turn = 0;; turn++) {
    copas_event *now = turn < TURN ? &at_once : NULL;
    int answer = connection->len == 0 ? receive(connection, now) : send_rest(connection, now);
    if (answer == COPAS_OK) return;
    if (answer < 0 || !note(connection, &at_once)) break;
  }
  end(connection);
}

static void accept_next(copas_socket *server)
{
  server_must(copas_submit_accept(server, COPAS_FOREVER, 0, NULL, NULL) == COPAS_OK,
              "copas_submit_accept");
}

static void open_connection(const copas_event *event)
{
  struct connection *connection = calloc(1, sizeof *connection);
  server_must(event->status == COPAS_OK && connection != NULL, "copas_submit_accept");
  connection->skt = event->result;
  go_on(connection);
}

static void complete(copas_socket *server, const copas_event *event)
{
  struct connection *connection = (struct connection *)(uintptr_t)event->token;
  if (event->kind == COPAS_EVENT_ACCEPT) {
    open_connection(event);
    accept_next(server);
  } else if (note(connection, event)) {
    go_on(connection);
  } else {
    end(connection);
  }
}

int main(int argc, char **argv)
{
  copas_event events[EVENTS];
  mode = server_parse(argc, argv, SERVER_LINES | SERVER_BULK).mode;
  copas *c = copas_new(NULL);
  server_must(c != NULL, "copas_new");
  copas_socket *server = echo_listen(c);
  accept_next(server);
  for (;;) {
    int count = copas_poll(c, events, EVENTS, COPAS_FOREVER);
    server_must(count >= 0, "copas_poll");
    for (int i = 0; i < count; i++) complete(server, &events[i]);
  }
}
