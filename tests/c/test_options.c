/* SPDX-License-Identifier: MIT */
/* Options of connections: where they come from, and what COPAS_LINGER does to a close. */
#include "network.h"

static copas *c;

static int int_option(int fd, int level, int name)
{
  int value = -1;
  socklen_t len = sizeof value;
  CHECK(getsockopt(fd, level, name, &value, &len) == 0);
  return value;
}

static int linger_of(int fd)
{
  struct linger linger;
  socklen_t len = sizeof linger;
  CHECK(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) == 0);
  return linger.l_onoff ? linger.l_linger : -1;
}

static int accepted;

static void take(copas_socket *client, void *user)
{
  (void)user;
  CHECK_OK(copas_unwrap(client, &accepted));
}

static void accept_one(copas_socket *server, int port)
{
  accepted = -1;
  CHECK_OK(copas_addserver(c, server, take, NULL, COPAS_FOREVER));
  int peer = net_connect(port);
  net_until(c, &accepted, 0);
  close(peer);
}

static void an_accepted_connection_has_nodelay_at_first(void)
{
  int port;
  c = net_new(NULL);
  copas_socket *server = net_bind(c, &port);
  accept_one(server, port);
  CHECK(int_option(accepted, IPPROTO_TCP, TCP_NODELAY) != 0);
  CHECK_NUMBER(int_option(accepted, SOL_SOCKET, SO_KEEPALIVE), 0);
  CHECK_NUMBER(linger_of(accepted), -1);
  close(accepted);
  CHECK_OK(copas_free(c));
}

static void accepted_connections_have_the_listening_sockets_options(void)
{
  int port;
  c = net_new(NULL);
  copas_socket *server = net_bind(c, &port);
  CHECK_OK(copas_setoption(server, COPAS_TCP_NODELAY, 0));
  CHECK_OK(copas_setoption(server, COPAS_KEEPALIVE, 1));
  CHECK_OK(copas_setoption(server, COPAS_LINGER, 7));
  CHECK_OK(copas_setoption(server, COPAS_SEND_BUFFER, 20000));
  accept_one(server, port);
  CHECK_NUMBER(int_option(accepted, IPPROTO_TCP, TCP_NODELAY), 0);
  CHECK_NUMBER(int_option(accepted, SOL_SOCKET, SO_KEEPALIVE), 1);
  CHECK_NUMBER(linger_of(accepted), 7);
  CHECK_NUMBER(int_option(accepted, SOL_SOCKET, SO_SNDBUF), 40000);
  close(accepted);
  CHECK_OK(copas_free(c));
}

static void a_wrapped_connection_keeps_its_options(void)
{
  copas_socket *skt;
  int port, fd, listener = net_listen(1, &port);
  struct linger linger = {1, 9};
  c = net_new(NULL);
  for (int nodelay = 0; nodelay < 2; nodelay++) {
    fd = net_connect(port);
    CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof nodelay) == 0);
    CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
    CHECK_OK(copas_wrap(c, fd, &skt));
    CHECK_NUMBER(int_option(fd, IPPROTO_TCP, TCP_NODELAY) != 0, nodelay);
    CHECK_OK(copas_unwrap(skt, &fd));
    CHECK_NUMBER(linger_of(fd), 9);
    close(fd);
  }
  close(listener);
  CHECK_OK(copas_free(c));
}

/* A connection whose peer reads nothing and has a small buffer. */
static copas_socket *open_stuck(int *listener, int *peer)
{
  int port, small = 2048;
  copas_socket *skt;
  c = net_new(NULL);
  *listener = net_listen(1, &port);
  CHECK(setsockopt(*listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof small) == 0);
  CHECK_OK(copas_connect(c, "127.0.0.1", port, 10, &skt));
  *peer = accept(*listener, NULL, NULL);
  CHECK(*peer >= 0);
  return skt;
}

static void close_stuck(int listener, int peer)
{
  close(peer);
  close(listener);
  CHECK_OK(copas_free(c));
}

static void a_lingering_close_does_not_block(void)
{
  static char block[40000];
  int listener, peer, fd;
  for (int how = 0; how < 2; how++) {
    copas_socket *skt = open_stuck(&listener, &peer);
    if (how == 0) {
      CHECK_OK(copas_setoption(skt, COPAS_LINGER, 5));
    } else {
      struct linger linger = {1, 5};
      CHECK_OK(copas_unwrap(skt, &fd));
      CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger) == 0);
      CHECK_OK(copas_wrap(c, fd, &skt));
    }
    CHECK_OK(copas_send(skt, block, sizeof block));
    CHECK_OK(copas_flush(skt));
    double start = net_seconds();
    CHECK_OK(copas_close(skt));
    CHECK(net_seconds() - start < 3);
    /* What the kernel had is still sent. */
    CHECK_NUMBER(net_drain(c, peer), sizeof block);
    close_stuck(listener, peer);
  }
}

static void lingering_limits_the_writing_in_the_background(void)
{
  int listener, peer;
  size_t big = 16 << 20, sent = 0;
  copas_socket *skt = open_stuck(&listener, &peer);
  char *block = net_allocate(big);
  memset(block, 'x', big);
  CHECK_OK(copas_setoption(skt, COPAS_LINGER, 1));
  CHECK_OK(copas_settimeout(skt, 0.01));
  CHECK_STATUS(copas_send_part(skt, block, big, &sent), COPAS_TIMEOUT);
  CHECK_OK(copas_settimeout(skt, COPAS_FOREVER));
  CHECK_OK(copas_setoption(skt, COPAS_SEND_BUFFER, 4096));
  CHECK_OK(copas_send(skt, block, 30000));
  CHECK_OK(copas_close(skt));
  double start = net_seconds();
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  double took = net_seconds() - start;
  CHECK(took >= 1 && took < 8);
  free(block);
  close_stuck(listener, peer);
}

static void lingering_for_no_time_resets_the_connection(void)
{
  int listener, peer;
  char byte;
  copas_socket *skt = open_stuck(&listener, &peer);
  CHECK_OK(copas_setoption(skt, COPAS_LINGER, 0));
  CHECK_OK(copas_close(skt));
  CHECK(recv(peer, &byte, 1, 0) < 0 && errno == ECONNRESET);
  close_stuck(listener, peer);
}

int main(void)
{
  RUN(an_accepted_connection_has_nodelay_at_first);
  RUN(accepted_connections_have_the_listening_sockets_options);
  RUN(a_wrapped_connection_keeps_its_options);
  RUN(a_lingering_close_does_not_block);
  RUN(lingering_limits_the_writing_in_the_background);
  RUN(lingering_for_no_time_resets_the_connection);
  return check_report();
}
