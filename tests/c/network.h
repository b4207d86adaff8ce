/* SPDX-License-Identifier: MIT */
/* Plain POSIX peers for the tests of servers and coroutines, OS threads that act on a dispatcher
 * from outside, and a recorder of reports. Include it first: it asks for the GNU names.
 *
 * Nothing here sleeps in the hope that something has happened: the net_expect functions step the
 * dispatcher until it has, or fail at their deadline. */
#ifndef NETWORK_H
#define NETWORK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

/* Seconds until an awaited event counts as lost. */
#define NET_PATIENCE 60.0

#define NET_REPORTS 16

struct net_reports {
  int count;
  char texts[NET_REPORTS][256];
};

/* A copas_report_fn: keeps what it is told in a struct net_reports. */
static inline void net_report(copas_level level, const char *text, void *user)
{
  struct net_reports *reports = (struct net_reports *)user;
  (void)level;
  if (reports->count < NET_REPORTS)
    snprintf(reports->texts[reports->count], sizeof reports->texts[0], "%s", text);
  reports->count++;
}

/* 1 when one of the reports contains `text`. */
static inline int net_reported(const struct net_reports *reports, const char *text)
{
  for (int i = 0; i < reports->count && i < NET_REPORTS; i++)
    if (strstr(reports->texts[i], text) != NULL) return 1;
  return 0;
}

/* A dispatcher whose reports are kept in `reports`; NULL: the usual ones. */
static inline copas *net_new(struct net_reports *reports)
{
  copas_config config;
  memset(&config, 0, sizeof config);
  config.size = sizeof config;
  if (reports != NULL) {
    memset(reports, 0, sizeof *reports);
    config.report = net_report;
    config.report_user = reports;
  }
  copas *c = copas_new(&config);
  CHECK(c != NULL);
  return c;
}

static inline double net_seconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static inline void net_sleep(double seconds)
{
  struct timespec span;
  span.tv_sec = (time_t)seconds;
  span.tv_nsec = (long)((seconds - (double)span.tv_sec) * 1e9);
  nanosleep(&span, NULL);
}

static inline char *net_allocate(size_t bytes)
{
  char *memory = (char *)malloc(bytes);
  CHECK(memory != NULL);
  return memory;
}

/* Runs everything that can run without waiting. */
static inline void net_settle(copas *c)
{
  double end = net_seconds() + NET_PATIENCE;
  copas_status status;
  while ((status = copas_step(c, 0)) != COPAS_TIMEOUT) {
    CHECK_OK(status);
    CHECK(net_seconds() < end);
  }
}

/* One step of at most 10 ms. */
static inline void net_step(copas *c)
{
  copas_status status = copas_step(c, 0.01);
  if (status != COPAS_TIMEOUT) CHECK_OK(status);
}

/* Steps until a coroutine has raised `*flag` to at least `wanted`. */
static inline void net_until(copas *c, const int *flag, int wanted)
{
  double end = net_seconds() + NET_PATIENCE;
  while (*flag < wanted) {
    net_step(c);
    CHECK(net_seconds() < end);
  }
}

/* What the dispatcher has to do, and has counted. */
static inline copas_dispatcher_stats net_stats(copas *c)
{
  copas_dispatcher_stats stats;
  memset(&stats, 0, sizeof stats);
  stats.size = sizeof stats;
  CHECK_OK(copas_stats(c, &stats));
  return stats;
}

/* Lets this process have `count` descriptors; 0 when its hard limit forbids that. */
static inline int net_allow_descriptors(int count)
{
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  if (limit.rlim_max < (rlim_t)count) return 0;
  if (limit.rlim_cur < (rlim_t)count) limit.rlim_cur = (rlim_t)count;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

/* Lets this process open `room` more descriptors, and no other one. */
static inline void net_leave_room(int room)
{
  int end = 0;
  for (; room > 0; end++) room -= fcntl(end, F_GETFD) < 0;
  struct rlimit limit;
  CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
  limit.rlim_cur = (rlim_t)end;
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* A plain socket that listens on a free port of 127.0.0.1. */
static inline int net_listen(int backlog, int *port)
{
  struct sockaddr_in address;
  socklen_t len = sizeof address;
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(fd >= 0);
  CHECK(bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
  CHECK(listen(fd, backlog) == 0);
  CHECK(getsockname(fd, (struct sockaddr *)&address, &len) == 0);
  *port = ntohs(address.sin_port);
  return fd;
}

/* Starts to connect; gives the errno of connect() in `*error`. */
static inline int net_dial(int port, int flags, int *error)
{
  struct sockaddr_in address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
  CHECK(fd >= 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_port = htons((uint16_t)port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  *error = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
  return fd;
}

/* A plain client: the kernel's queue takes it, whether or not somebody accepts. */
static inline int net_connect(int port)
{
  int error;
  int one = 1;
  int fd = net_dial(port, 0, &error);
  CHECK_NUMBER(error, 0);
  CHECK(setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0);
  return fd;
}

/* 1 when nothing listens on `port`. */
static inline int net_refused(int port)
{
  int error;
  close(net_dial(port, 0, &error));
  return error == ECONNREFUSED;
}

/* A listener whose queue is full, so that the next attempt to connect to it hangs. */
#define NET_FILLERS 8

struct net_full {
  int listener;
  int port;
  int fillers[NET_FILLERS];
  int count;
};

/* 1, or 0 where attempts do not hang; net_full_close() either way. */
static inline int net_full_open(struct net_full *full)
{
  int error;
  full->listener = net_listen(0, &full->port);
  for (full->count = 0; full->count < NET_FILLERS;) {
    struct pollfd attempt;
    attempt.fd = net_dial(full->port, SOCK_NONBLOCK, &error);
    attempt.events = POLLOUT;
    full->fillers[full->count++] = attempt.fd;
    if (poll(&attempt, 1, 100) == 0) return 1;
  }
  return 0;
}

static inline void net_full_close(struct net_full *full)
{
  while (full->count > 0) close(full->fillers[--full->count]);
  close(full->listener);
}

/* A connected TCP pair of plain descriptors. */
static inline void net_tcp_pair(int fds[2])
{
  int port;
  int listener = net_listen(1, &port);
  fds[1] = net_connect(port);
  fds[0] = accept(listener, NULL, NULL);
  CHECK(fds[0] >= 0);
  close(listener);
}

/* A Unix pair: one end is wrapped, the other one is given back, blocking. */
static inline int net_pair(copas *c, copas_socket **skt)
{
  int fds[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  CHECK_OK(copas_wrap(c, fds[0], skt));
  return fds[1];
}

/* A TCP pair: one end is wrapped, the other one is given back, blocking. */
static inline int net_tcp(copas *c, copas_socket **skt)
{
  int fds[2];
  net_tcp_pair(fds);
  CHECK_OK(copas_wrap(c, fds[0], skt));
  return fds[1];
}

/* Closes a plain TCP socket with a reset. */
static inline void net_reset(int fd)
{
  struct linger at_once = {1, 0};
  CHECK(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
  CHECK(close(fd) == 0);
}

/* net_pair() whose kernel buffer takes only a few KiB from `skt`. */
static inline int net_narrow_pair(copas *c, copas_socket **skt)
{
  int fds[2];
  int bytes = 4096;
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  CHECK(setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes) == 0);
  CHECK_OK(copas_wrap(c, fds[0], skt));
  return fds[1];
}

static inline void net_put(int fd, const void *data, size_t len)
{
  CHECK_NUMBER(send(fd, data, len, MSG_NOSIGNAL), len);
}

static inline void net_puts(int fd, const char *text)
{
  net_put(fd, text, strlen(text));
}

/* Steps until `fd` has received `len` bytes; they are put into `memory`. */
static inline void net_take(copas *c, int fd, void *memory, size_t len)
{
  double end = net_seconds() + NET_PATIENCE;
  size_t have = 0;
  while (have < len) {
    ssize_t n = recv(fd, (char *)memory + have, len - have, MSG_DONTWAIT);
    if (n == 0) CHECK_FAIL("the stream ended after %zu of %zu bytes", have, len);
    if (n < 0) {
      CHECK(errno == EAGAIN);
      CHECK(net_seconds() < end);
      net_step(c);
    } else {
      have += (size_t)n;
    }
  }
}

/* Steps until `fd` has received exactly `text`. */
static inline void net_expect(copas *c, int fd, const char *text)
{
  char got[1024];
  copas_bytes bytes;
  CHECK(strlen(text) <= sizeof got);
  net_take(c, fd, got, strlen(text));
  bytes.data = got;
  bytes.len = strlen(text);
  CHECK_BYTES(bytes, text);
}

/* Steps until `fd` sees the end of the stream, or a reset; gives the bytes that came before. */
static inline size_t net_drain(copas *c, int fd)
{
  double end = net_seconds() + NET_PATIENCE;
  char got[65536];
  size_t have = 0;
  for (;;) {
    ssize_t n = recv(fd, got, sizeof got, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno == ECONNRESET)) return have;
    if (n > 0) {
      have += (size_t)n;
    } else {
      CHECK(errno == EAGAIN);
      CHECK(net_seconds() < end);
      net_step(c);
    }
  }
}

static inline void net_expect_end(copas *c, int fd)
{
  CHECK_NUMBER(net_drain(c, fd), 0);
}

/* 1 when nothing is there to read on `fd` now. */
static inline int net_quiet(int fd)
{
  char byte;
  return recv(fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

/* A listening socket on a free port that is not served yet. */
static inline copas_socket *net_bind(copas *c, int *port)
{
  copas_socket *server;
  copas_address address;
  CHECK_OK(copas_bind(c, "127.0.0.1", 0, &server));
  CHECK_OK(copas_getsockname(server, &address));
  *port = address.port;
  return server;
}

static inline copas_socket *net_serve(copas *c, copas_handler_fn handler, void *user, int *port)
{
  copas_socket *server = net_bind(c, port);
  CHECK_OK(copas_addserver(c, server, handler, user, COPAS_FOREVER));
  return server;
}

/* A handler that echoes lines until the client leaves. */
static inline void net_echo(copas_socket *client, void *user)
{
  copas_bytes line;
  (void)user;
  while (copas_receive(client, COPAS_LINE, &line) == COPAS_OK) {
    copas_send(client, line.data, line.len);
    copas_send(client, "\n", 1);
  }
}

/* An OS thread that posts `fn` after `delay` seconds. */
struct net_later {
  pthread_t os_thread;
  copas *c;
  copas_post_fn fn;
  void *user;
  double delay;
};

static inline void *net_later_run(void *user)
{
  struct net_later *later = (struct net_later *)user;
  net_sleep(later->delay);
  CHECK_OK(copas_post(later->c, later->fn, later->user));
  return NULL;
}

static inline void net_later_start(struct net_later *later, copas *c, double delay,
                                   copas_post_fn fn, void *user)
{
  later->c = c;
  later->fn = fn;
  later->user = user;
  later->delay = delay;
  CHECK(pthread_create(&later->os_thread, NULL, net_later_run, later) == 0);
}

static inline void net_later_join(struct net_later *later)
{
  CHECK(pthread_join(later->os_thread, NULL) == 0);
}

/* fork() whose child ends at its own deadline, or with this process. */
static inline pid_t net_fork(void)
{
  fflush(stdout);
  pid_t parent = getpid();
  pid_t pid = fork();
  CHECK(pid >= 0);
  if (pid == 0) {
    alarm(CHECK_DEADLINE);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
  }
  return pid;
}

/* Waits for a child that must end with `_exit(0)`. */
static inline void net_reap(pid_t pid)
{
  int status;
  CHECK(waitpid(pid, &status, 0) == pid);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    CHECK_FAIL("the child process ended with wait status 0x%x", (unsigned)status);
}

/* Ends a child that would go on for ever. */
static inline void net_kill(pid_t pid)
{
  int status;
  CHECK(kill(pid, SIGKILL) == 0);
  CHECK(waitpid(pid, &status, 0) == pid);
}

#endif
