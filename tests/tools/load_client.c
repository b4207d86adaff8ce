/* SPDX-License-Identifier: MIT */
/* Drives a line echo server with many connections at once, by plain epoll, and checks every byte.
 * Links nothing of the library, so that it is a witness of its own. See --help. */
#include "load_content.h"
#include "load_options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Seconds without any progress after which the server counts as stuck. */
#define PATIENCE 30.0
#define CHUNK 16384
#define SAMPLES 1000000

struct connection {
  int fd;
  int number;
  struct load_cursor sent;
  struct load_cursor received;
  /* Bytes that the kernel has not taken. */
  char chunk[CHUNK];
  size_t first, end;
  /* When the oldest unanswered line was begun. */
  double asked;
  uint64_t cuts;
};

static struct load_options options;
static struct connection *connections;
static int poller;
static uint64_t requests, bytes;
static double started, last_progress, connect_seconds;
static int stopping, finished;
static float *samples;
static size_t sample_count;

static double now(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static void fail(const struct connection *connection, const char *what, const char *detail)
{
  fprintf(stderr, "load_client: %s (%s)", what, detail);
  if (connection != NULL)
    fprintf(stderr, " on connection %d, in the answer to line %" PRIu64 ", at byte %zu",
            connection->number, connection->received.line, connection->received.at);
  fprintf(stderr, "\n");
  exit(1);
}

static void *allocate(size_t count, size_t size)
{
  void *memory = calloc(count, size);
  if (memory == NULL) fail(NULL, "out of memory", "fewer connections need less");
  return memory;
}

static void raise_descriptor_limit(void)
{
  struct rlimit limit;
  rlim_t needed = (rlim_t)options.connections + 16;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail(NULL, "getrlimit", strerror(errno));
  if (limit.rlim_cur >= needed) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max < needed) fail(NULL, "too few descriptors", "raise the hard limit: ulimit -Hn");
}

static void server_address(struct sockaddr_storage *address, socklen_t *len)
{
  struct sockaddr_in *four = (struct sockaddr_in *)address;
  struct sockaddr_in6 *six = (struct sockaddr_in6 *)address;
  memset(address, 0, sizeof *address);
  if (inet_pton(AF_INET, options.host, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons((uint16_t)options.port);
    *len = sizeof *four;
  } else if (inet_pton(AF_INET6, options.host, &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons((uint16_t)options.port);
    *len = sizeof *six;
  } else {
    fail(NULL, "HOST is not a numeric address", options.host);
  }
}

static void open_connection(struct connection *connection, int number)
{
  struct sockaddr_storage address;
  socklen_t len;
  int on = 1;
  server_address(&address, &len);
  connection->number = number;
  connection->fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection->fd < 0) fail(NULL, "socket", strerror(errno));
  if (connect(connection->fd, (struct sockaddr *)&address, len) != 0)
    fail(NULL, "connect", strerror(errno));
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  load_cursor_start(&connection->sent, options.seed, (uint64_t)number, options.max_line);
  load_cursor_start(&connection->received, options.seed, (uint64_t)number, options.max_line);
  connection->cuts = load_mix(options.seed + (uint64_t)number);
}

static void open_connections(void)
{
  double start = now();
  connections = allocate((size_t)options.connections, sizeof *connections);
  samples = allocate(SAMPLES, sizeof *samples);
  poller = epoll_create1(EPOLL_CLOEXEC);
  for (int i = 0; i < options.connections; i++) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[i]};
    open_connection(&connections[i], i);
    if (epoll_ctl(poller, EPOLL_CTL_ADD, connections[i].fd, &event) != 0)
      fail(NULL, "epoll_ctl", strerror(errno));
  }
  connect_seconds = now() - start;
}

/* The line before which a connection stops for now: the pipeline's end, or all. */
static uint64_t last_line(const struct connection *connection)
{
  uint64_t allowed = connection->received.line + (uint64_t)options.pipeline;
  if (stopping) return connection->sent.line + (connection->sent.at != 0);
  return allowed < options.requests ? allowed : options.requests;
}

static size_t next_cut(struct connection *connection, size_t most)
{
  if (!options.split) return most;
  connection->cuts = load_mix(connection->cuts);
  size_t cut = 1 + (size_t)(connection->cuts % 1500);
  return cut < most ? cut : most;
}

static void watch(struct connection *connection, int writable)
{
  struct epoll_event event = {.events = EPOLLIN | (writable ? (uint32_t)EPOLLOUT : 0u),
                              .data.ptr = connection};
  epoll_ctl(poller, EPOLL_CTL_MOD, connection->fd, &event);
}

/* Sends what may be sent; whether the kernel took all of it. */
static int send_lines(struct connection *connection)
{
  for (;;) {
    if (connection->first == connection->end) {
      int idle = connection->sent.line == connection->received.line && connection->sent.at == 0;
      connection->first = 0;
      connection->end = load_cursor_fill(&connection->sent, connection->chunk, CHUNK,
                                         last_line(connection));
      if (connection->end == 0) return 1;
      if (idle) connection->asked = now();
    }
    size_t n = next_cut(connection, connection->end - connection->first);
    ssize_t sent = send(connection->fd, connection->chunk + connection->first, n,
                        MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return 0;
    if (sent < 0) fail(connection, "send", strerror(errno));
    connection->first += (size_t)sent;
  }
}

static void note_answers(struct connection *connection, uint64_t answered)
{
  double time = now();
  requests += answered;
  last_progress = time;
  if (answered == 0) return;
  samples[sample_count++ % SAMPLES] = (float)(time - connection->asked);
  connection->asked = time;
}

/* Ends a connection that has nothing more to say; the echo server then closes it too. */
static void finish_if_done(struct connection *connection)
{
  const struct load_cursor *sent = &connection->sent, *received = &connection->received;
  int all_sent = connection->first == connection->end && sent->line >= last_line(connection);
  if (!all_sent || sent->at != 0 || received->line != sent->line) return;
  epoll_ctl(poller, EPOLL_CTL_DEL, connection->fd, NULL);
  finished++;
}

static void receive_lines(struct connection *connection)
{
  static char memory[256 * 1024];
  ssize_t n = recv(connection->fd, memory, sizeof memory, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return;
  if (n < 0) fail(connection, "receive", strerror(errno));
  if (n == 0) fail(connection, "the server closed the connection", "too early");
  uint64_t before = connection->received.line;
  if (load_cursor_check(&connection->received, memory, (size_t)n) != (size_t)n)
    fail(connection, "a byte is wrong", "the answer is not what was sent");
  bytes += (uint64_t)n;
  note_answers(connection, connection->received.line - before);
}

static void serve(const struct epoll_event *event)
{
  struct connection *connection = event->data.ptr;
  if (event->events & (EPOLLIN | EPOLLHUP | EPOLLERR)) receive_lines(connection);
  int all = send_lines(connection);
  if (!all || (event->events & EPOLLOUT)) watch(connection, !all);
  finish_if_done(connection);
}

static void tell_progress(double time)
{
  static double told;
  if (!options.progress || time - told < 1) return;
  told = time;
  fprintf(stderr, "%s%d connections, %" PRIu64 " requests, %.1f s%s", isatty(2) ? "\r" : "  ",
          options.connections - finished, requests, time - started, isatty(2) ? "   " : "\n");
}

/* Ends a run by time: whoever has said all gets no more to say. */
static void stop_in_time(double time)
{
  if (options.seconds <= 0 || stopping || time - started < options.seconds) return;
  stopping = 1;
  for (int i = 0; i < options.connections; i++) finish_if_done(&connections[i]);
}

static void run(void)
{
  struct epoll_event events[256];
  last_progress = started = now();
  for (int i = 0; i < options.connections; i++) {
    if (!send_lines(&connections[i])) watch(&connections[i], 1);
    finish_if_done(&connections[i]);
  }
  while (finished < options.connections) {
    int count = epoll_wait(poller, events, 256, 200);
    for (int i = 0; i < count; i++) serve(&events[i]);
    double time = now();
    tell_progress(time);
    stop_in_time(time);
    if (time - last_progress > PATIENCE) fail(NULL, "nothing has moved for 30 s", "is it stuck?");
  }
  if (options.progress && isatty(2)) fprintf(stderr, "\n");
}

static int ascending(const void *a, const void *b)
{
  float x = *(const float *)a, y = *(const float *)b;
  return (x > y) - (x < y);
}

static void report(double seconds)
{
  size_t kept = sample_count < SAMPLES ? sample_count : SAMPLES;
  qsort(samples, kept, sizeof *samples, ascending);
  double p50 = kept == 0 ? 0 : (double)samples[kept / 2];
  double p99 = kept == 0 ? 0 : (double)samples[kept * 99 / 100];
  printf("connections %d\nconnect_seconds %.3f\nrequests %" PRIu64 "\nbytes %" PRIu64
         "\nseconds %.3f\nrequests_per_second %.0f\nlatency_p50_us %.0f\nlatency_p99_us %.0f\n",
         options.connections, connect_seconds, requests, bytes, seconds,
         seconds > 0 ? (double)requests / seconds : 0, p50 * 1e6, p99 * 1e6);
}

int main(int argc, char **argv)
{
  load_options_read(&options, argc, argv);
  raise_descriptor_limit();
  open_connections();
  run();
  report(now() - started);
  for (int i = 0; i < options.connections; i++) close(connections[i].fd);
  close(poller);
  free(connections);
  free(samples);
  return 0;
}
