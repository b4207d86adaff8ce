/* SPDX-License-Identifier: MIT */
/* A peer: libevent's bufferevents. */
#include "libevent_echo.h"

static enum server_mode mode;

static void on_event(struct bufferevent *client, short what, void *user)
{
  (void)user;
  if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) bufferevent_free(client);
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
                          struct sockaddr *address, int len, void *user)
{
  struct event_base *base = evconnlistener_get_base(listener);
  (void)address;
  (void)len;
  (void)user;
  echo_begin(bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE), mode, on_event);
}

int main(int argc, char **argv)
{
  mode = server_parse(argc, argv, SERVER_LINES | SERVER_BULK).mode;
  return echo_serve(on_connection);
}
