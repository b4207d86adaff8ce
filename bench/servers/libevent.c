/* SPDX-License-Identifier: MIT */
/* A peer: libevent's bufferevents. Bulk bytes are moved from buffer to buffer without a copy; the
 * changelist of its epoll backend saves system calls. */
#include "server.h"
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

static enum server_mode mode;

static void on_lines(struct bufferevent *client, void *user)
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

static void on_bytes(struct bufferevent *client, void *user)
{
  (void)user;
  evbuffer_add_buffer(bufferevent_get_output(client), bufferevent_get_input(client));
}

static void on_event(struct bufferevent *client, short what, void *user)
{
  (void)user;
  if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) bufferevent_free(client);
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
                          struct sockaddr *address, int len, void *user)
{
  struct bufferevent *client =
      bufferevent_socket_new(evconnlistener_get_base(listener), fd, BEV_OPT_CLOSE_ON_FREE);
  (void)address;
  (void)len;
  (void)user;
  server_no_delay(fd);
  bufferevent_setcb(client, mode == SERVER_LINES ? on_lines : on_bytes, NULL, on_event, NULL);
  bufferevent_enable(client, EV_READ | EV_WRITE);
}

int main(int argc, char **argv)
{
  struct event_config *config = event_config_new();
  mode = server_parse(argc, argv, SERVER_LINES | SERVER_BULK).mode;
  event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
  struct event_base *base = event_base_new_with_config(config);
  server_must(base != NULL, "event_base_new_with_config");
  evconnlistener_new(base, on_connection, NULL, LEV_OPT_CLOSE_ON_FREE, 0, server_listen());
  return event_base_dispatch(base);
}
