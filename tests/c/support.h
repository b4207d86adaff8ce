/* SPDX-License-Identifier: MIT */
/* Peers and helpers that the tests share: raw descriptors on the other side of a socket. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

/* What the report callback was told last, and how often. */
struct reports {
  int count;
  int level;
  char text[512];
};

static inline void keep_report(int level, const char *text, void *user)
{
  struct reports *reports = (struct reports *)user;
  reports->count++;
  reports->level = level;
  snprintf(reports->text, sizeof reports->text, "%s", text);
}

/* A dispatcher that reports to `reports`, or nowhere. */
static inline copas *new_dispatcher(struct reports *reports)
{
  copas_config config;
  copas *c;
  memset(&config, 0, sizeof config);
  config.size = sizeof config;
  if (reports != NULL) {
    memset(reports, 0, sizeof *reports);
    config.report = keep_report;
    config.report_user = reports;
  } else {
    config.flags = COPAS_QUIET;
  }
  c = copas_new(&config);
  CHECK(c != NULL);
  return c;
}

/* A wrapped Unix stream and the raw descriptor of its other side, which blocks. */
static inline copas_socket *unix_pair(copas *c, int *peer)
{
  int fds[2];
  copas_socket *skt;
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  CHECK_OK(copas_wrap(c, fds[0], &skt));
  *peer = fds[1];
  return skt;
}

/* A listening raw TCP socket on a free port. */
static inline int raw_listener(int backlog, int *port)
{
  struct sockaddr_in address;
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
  CHECK(listen(fd, backlog) == 0);
  CHECK(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
  *port = ntohs(address.sin_port);
  return fd;
}

/* A raw TCP connection to a port; it blocks. */
static inline int raw_connect(int port)
{
  struct sockaddr_in address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons((uint16_t)port);
  CHECK(fd >= 0);
  CHECK(connect(fd, (struct sockaddr *)&address, sizeof address) == 0);
  CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) == 0);
  return fd;
}

/* A wrapped TCP connection and the raw descriptor of its other side, which blocks. */
static inline copas_socket *tcp_pair(copas *c, int *peer)
{
  int port, listener = raw_listener(1, &port);
  int fd = raw_connect(port);
  copas_socket *skt;
  *peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
  CHECK(*peer >= 0);
  close(listener);
  CHECK_OK(copas_wrap(c, fd, &skt));
  return skt;
}

/* A bound copas server socket on a free port. */
static inline copas_socket *bind_free(copas *c, int *port)
{
  copas_socket *server;
  copas_address address;
  CHECK_OK(copas_bind(c, "127.0.0.1", 0, &server));
  CHECK_OK(copas_getsockname(server, &address));
  *port = address.port;
  return server;
}

/* Writes all of a text to a raw descriptor. */
static inline void put_text(int fd, const char *text)
{
  size_t len = strlen(text);
  CHECK_NUMBER(write(fd, text, len), (long long)len);
}

/* Reads exactly n bytes from a raw descriptor, within ten seconds each; fewer at the end. */
static inline size_t get_bytes(int fd, char *memory, size_t n)
{
  size_t done = 0;
  while (done < n) {
    struct pollfd waiting = {fd, POLLIN, 0};
    ssize_t got;
    CHECK(poll(&waiting, 1, 10000) == 1);
    got = read(fd, memory + done, n - done);
    if (got <= 0) break;
    done += (size_t)got;
  }
  return done;
}

/* The raw descriptor gives exactly this text next. */
static inline void expect_text(int fd, const char *wanted)
{
  char got[4096];
  size_t len = strlen(wanted);
  CHECK(len < sizeof got);
  got[get_bytes(fd, got, len)] = 0;
  if (strcmp(got, wanted) != 0) CHECK_FAIL("the peer got \"%s\", not \"%s\"", got, wanted);
}

/* The raw descriptor gives the end of the stream next. */
static inline void expect_end(int fd)
{
  char byte;
  CHECK_NUMBER(get_bytes(fd, &byte, 1), 0);
}

/* Steps until `flag` is set, for at most ten seconds. */
static inline void step_until(copas *c, const int *flag)
{
  double end = copas_now(c) + 10;
  while (!*flag) {
    copas_status status = copas_step(c, 0.1);
    CHECK(status == COPAS_OK || status == COPAS_TIMEOUT);
    CHECK(copas_now(c) < end);
  }
}

/* Resets the connection of a raw TCP descriptor. */
static inline void reset_peer(int fd)
{
  struct linger now = {1, 0};
  CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
  close(fd);
}

static inline void *no_memory(void)
{
  CHECK_FAIL("out of memory");
  return NULL;
}

static inline char *allocate(size_t n)
{
  char *memory = (char *)malloc(n);
  return memory != NULL ? memory : (char *)no_memory();
}

#endif
