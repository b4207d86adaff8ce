/* SPDX-License-Identifier: MIT */
/* The floor to compare with: a server on plain epoll, one OS thread, nothing general. One read and
 * one write for each batch of lines; edge-triggered, so that nothing is registered twice. */
#include "server.h"
#include <errno.h>
#include <sys/epoll.h>

#define SIZE 65536

/* Bytes of a line that has not ended, or that the kernel has not taken. */
struct connection {
  int fd;
  size_t length;
  size_t capacity;
  /* How many of them wait to be written. */
  size_t whole;
  char *bytes;
};

static int poller;
static enum server_mode mode;
static char input[SIZE];

static void end(struct connection *connection)
{
  close(connection->fd);
  free(connection->bytes);
  free(connection);
}

static void keep(struct connection *connection, const char *bytes, size_t n)
{
  if (connection->length + n > connection->capacity) {
    connection->capacity = (connection->length + n) * 2;
    connection->bytes = realloc(connection->bytes, connection->capacity);
    if (connection->bytes == NULL) abort();
  }
  memcpy(connection->bytes + connection->length, bytes, n);
  connection->length += n;
}

static void write_kept(struct connection *connection)
{
  if (connection->whole == 0) return;
  ssize_t n = send(connection->fd, connection->bytes, connection->whole, MSG_NOSIGNAL);
  if (n <= 0) return;
  connection->length -= (size_t)n;
  connection->whole -= (size_t)n;
  memmove(connection->bytes, connection->bytes + n, connection->length);
}

/* How many of `n` new bytes may go back: whole lines, or all. */
static size_t ready(size_t n)
{
  if (mode == SERVER_BULK) return n;
  const char *last = memrchr(input, '\n', n);
  return last == NULL ? 0 : (size_t)(last - input) + 1;
}

static void echo(struct connection *connection, size_t n)
{
  size_t whole = ready(n), sent = 0;
  if (whole != 0 && connection->length == 0) {
    ssize_t taken = send(connection->fd, input, whole, MSG_NOSIGNAL);
    sent = taken < 0 ? 0 : (size_t)taken;
  }
  size_t before = connection->length;
  if (sent < n) keep(connection, input + sent, n - sent);
  if (whole > sent) connection->whole = before + whole - sent;
  if (before != 0) write_kept(connection);
}

/* Reads until the kernel has no more; a short read says so. 0 when the client has left. */
static int receive(struct connection *connection)
{
  for (;;) {
    ssize_t n = recv(connection->fd, input, SIZE, 0);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) return 0;
    if (n < 0) return 1;
    echo(connection, (size_t)n);
    if (n < SIZE) return 1;
  }
}

static void serve(struct connection *connection, unsigned what)
{
  if (what & EPOLLOUT) write_kept(connection);
  if (!(what & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))) return;
  int open = receive(connection);
  if (open && (what & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))) open = receive(connection);
  if (!open) end(connection);
}

static void accept_all(int listener)
{
  int fd;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    struct connection *connection = calloc(1, sizeof *connection);
    if (connection == NULL) abort();
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                                .data.ptr = connection};
    server_no_delay(fd);
    connection->fd = fd;
    epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
  }
}

int main(int argc, char **argv)
{
  struct epoll_event events[1024];
  mode = server_parse(argc, argv, SERVER_LINES | SERVER_BULK).mode;
  int listener = server_listen();
  struct epoll_event listening = {.events = EPOLLIN, .data.ptr = NULL};
  poller = epoll_create1(EPOLL_CLOEXEC);
  epoll_ctl(poller, EPOLL_CTL_ADD, listener, &listening);
  for (;;) {
    int count = epoll_wait(poller, events, 1024, -1);
    for (int i = 0; i < count; i++) {
      if (events[i].data.ptr == NULL) accept_all(listener);
      else serve(events[i].data.ptr, events[i].events);
    }
  }
}
