/* SPDX-License-Identifier: MIT */
/* What the servers on libevent share: what they send back, in clear or encrypted. Bulk bytes are moved
 * from buffer to buffer without a copy; the changelist of its epoll backend saves system calls. */
#ifndef LIBEVENT_ECHO_H
#define LIBEVENT_ECHO_H

#include "server.h"
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

static inline void echo_lines(struct bufferevent *client, void *user)
{
  struct evbuffer *output = bufferevent_get_output(client);
  char *line;
  size_t n;
  (void)user;
  while ((line = evbuffer_readln(bufferevent_get_input(client), &n, EVBUFFER_EOL_LF)) != NULL) {
    evbuffer_add(output, line, n);
    evbuffer_add(output, "\n", 1);
    free(line);
  }
}

static inline void echo_bytes(struct bufferevent *client, void *user)
{
  (void)user;
  evbuffer_add_buffer(bufferevent_get_output(client), bufferevent_get_input(client));
}

/* Sends back what comes, and calls `ended` at its end. */
static inline void echo_begin(struct bufferevent *client, enum server_mode mode,
                              bufferevent_event_cb ended)
{
  server_no_delay(bufferevent_getfd(client));
  bufferevent_setcb(client, mode == SERVER_LINES ? echo_lines : echo_bytes, NULL, ended, NULL);
  bufferevent_enable(client, EV_READ | EV_WRITE);
}

static inline int echo_serve(evconnlistener_cb accepted)
{
  struct event_config *config = event_config_new();
  event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
  struct event_base *base = event_base_new_with_config(config);
  server_must(base != NULL, "event_base_new_with_config");
  evconnlistener_new(base, accepted, NULL, LEV_OPT_CLOSE_ON_FREE, 0, server_listen());
  return event_base_dispatch(base);
}

#endif
