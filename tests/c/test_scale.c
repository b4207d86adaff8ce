/* SPDX-License-Identifier: MIT */
/* Many clients, many coroutines, and big frames on their stacks. */
#include "network.h"

#include <sys/epoll.h>
#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

/* The clients of the crowd: one OS thread with a plain epoll of its own drives them all. Each one
 * has a stream of lines, cut into pieces at random places; every byte depends on the client, the
 * line and the place in it, so that bytes or connections that are swapped show. */
enum { LINES = 8, LONG_EVERY = 8 };

static const int lengths[] = {4096, 65534, 65535, 65536, 65537, 102400, 8191, 8192};

struct cursor {
  uint32_t client;
  int line;
  int place;
};

struct client {
  int fd;
  struct cursor sent;
  struct cursor answered;
};

static struct crowd {
  copas *c;
  copas_socket *server;
  struct client *clients;
  int count;
  int port;
  int serving;
  int most;
  uint32_t random;
} crowd;

static uint32_t mix(uint32_t x)
{
  x = (x ^ (x >> 16)) * 0x7feb352dU;
  x = (x ^ (x >> 15)) * 0x846ca68bU;
  return x ^ (x >> 16);
}

static uint32_t random_below(uint32_t end)
{
  crowd.random = crowd.random * 1664525U + 1013904223U;
  return mix(crowd.random) % end;
}

/* Mostly a few bytes; a line of each of `lengths` in one of every LONG_EVERY clients. */
static int length_of(uint32_t client, int line)
{
  if (line < 2) return line;
  if (line == LINES - 2 && client % LONG_EVERY == 0)
    return lengths[client / LONG_EVERY % (sizeof lengths / sizeof *lengths)];
  return (int)(mix(client * LINES + (uint32_t)line) % 60);
}

/* The next byte of a client's stream: any value but CR, and LF only at the end of a line. */
static char next_byte(struct cursor *at)
{
  if (at->place == length_of(at->client, at->line)) {
    at->line++;
    at->place = 0;
    return '\n';
  }
  uint32_t seed = mix(at->client * LINES + (uint32_t)at->line);
  uint32_t byte = mix(seed + (uint32_t)at->place++) % 254;
  return (char)(byte + (byte >= 10) + (byte >= 12));
}

/* Sends one piece; the next one follows when the others had their turn. */
static void send_piece(struct client *client)
{
  char piece[20000];
  struct cursor at = client->sent;
  size_t len = 0, want = 1 + random_below(at.line == LINES - 2 ? sizeof piece : 40);
  while (len < want && at.line < LINES) piece[len++] = next_byte(&at);
  ssize_t sent = send(client->fd, piece, len, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent < 0) CHECK(errno == EAGAIN);
  for (ssize_t i = 0; i < sent; i++) next_byte(&client->sent);
}

/* Checks what has come back; 1 when that completes the client's last line. */
static int check_answer(struct client *client)
{
  char got[32768];
  ssize_t len = recv(client->fd, got, sizeof got, MSG_DONTWAIT);
  if (len == 0) CHECK_FAIL("client %u lost its connection", client->sent.client);
  if (len < 0) CHECK(errno == EAGAIN);
  for (ssize_t i = 0; i < len; i++) {
    struct cursor at = client->answered;
    CHECK(at.line < LINES);
    if (got[i] != next_byte(&client->answered))
      CHECK_FAIL("client %u got a wrong byte at %d of line %d", at.client, at.place, at.line);
  }
  return len > 0 && client->answered.line == LINES;
}

static void watch(int poller, int operation, struct client *client)
{
  struct epoll_event event = {.events = EPOLLIN, .data = {.ptr = client}};
  if (client->sent.line < LINES) event.events |= EPOLLOUT;
  CHECK(epoll_ctl(poller, operation, client->fd, &event) == 0);
}

static void exchange_lines(void)
{
  struct epoll_event events[256];
  int poller = epoll_create1(EPOLL_CLOEXEC), left = crowd.count;
  CHECK(poller >= 0);
  for (int i = 0; i < crowd.count; i++) watch(poller, EPOLL_CTL_ADD, &crowd.clients[i]);
  while (left > 0) {
    int n = epoll_wait(poller, events, 256, (int)NET_PATIENCE * 1000);
    if (n <= 0) CHECK_FAIL("%d of %d clients wait for an answer", left, crowd.count);
    for (int i = 0; i < n; i++) {
      struct client *client = events[i].data.ptr;
      if (events[i].events & EPOLLOUT) {
        send_piece(client);
        if (client->sent.line == LINES) watch(poller, EPOLL_CTL_MOD, client);
      }
      if (events[i].events & ~(uint32_t)EPOLLOUT) left -= check_answer(client);
    }
  }
  CHECK(close(poller) == 0);
}

static void end_the_server(copas *c, void *user)
{
  (void)c;
  (void)user;
  CHECK_OK(copas_removeserver(crowd.server, 0));
}

/* The OS thread: nobody speaks before all are connected, nobody leaves before all are done. */
static void *be_the_crowd(void *user)
{
  char byte;
  for (int i = 0; i < crowd.count; i++) {
    struct client *client = &crowd.clients[i];
    memset(client, 0, sizeof *client);
    client->sent.client = client->answered.client = (uint32_t)i;
    client->fd = net_connect(crowd.port);
  }
  exchange_lines();
  for (int i = 0; i < crowd.count; i++) {
    CHECK(shutdown(crowd.clients[i].fd, SHUT_WR) == 0);
    CHECK_NUMBER(recv(crowd.clients[i].fd, &byte, 1, 0), 0);
    CHECK(close(crowd.clients[i].fd) == 0);
  }
  CHECK_OK(copas_post(crowd.c, end_the_server, NULL));
  return user;
}

static void echo_and_count(copas_socket *client, void *user)
{
  if (++crowd.serving > crowd.most) crowd.most = crowd.serving;
  net_echo(client, user);
  crowd.serving--;
}

static void two_thousand_clients_get_each_byte_right_at_the_same_time(void)
{
  pthread_t os_thread;
  memset(&crowd, 0, sizeof crowd);
  crowd.count = check_small() ? 50 : 2000;
  crowd.random = 20240229;
  if (!net_allow_descriptors(2 * crowd.count + 64)) {
    SKIP("the hard limit of descriptors (ulimit -Hn) is too low for 2,000 clients and their "
         "servers' ends");
    return;
  }
  crowd.clients = calloc((size_t)crowd.count, sizeof *crowd.clients);
  CHECK(crowd.clients != NULL);
  crowd.c = net_new(NULL);
  crowd.server = net_serve(crowd.c, echo_and_count, NULL, &crowd.port);
  CHECK(pthread_create(&os_thread, NULL, be_the_crowd, NULL) == 0);
  CHECK_OK(copas_loop(crowd.c, COPAS_FOREVER));
  CHECK(pthread_join(os_thread, NULL) == 0);
  /* All at once: both ends of 2,000 connections, so that most are above descriptor 1,024. */
  CHECK_NUMBER(crowd.most, crowd.count);
  CHECK_NUMBER(crowd.serving, 0);
  CHECK_OK(copas_free(crowd.c));
  free(crowd.clients);
}

static int ended;

static void echo_to_the_end(copas_socket *client, void *user)
{
  net_echo(client, user);
  ended++;
}

static void clients_that_come_and_go_leave_nothing_behind(void)
{
  int rounds = check_small() ? 50 : 500, port, fd = -1, first = -1;
  copas *c = net_new(NULL);
  net_serve(c, echo_to_the_end, NULL, &port);
  ended = 0;
  for (int i = 0; i < rounds; i++) {
    fd = net_connect(port);
    if (i == 0) first = fd;
    net_puts(fd, "quick\n");
    if (i % 3 != 0) net_expect(c, fd, "quick\n");
    if (i % 5 == 0) net_reset(fd);
    else CHECK(close(fd) == 0);
  }
  net_until(c, &ended, rounds);
  /* Descriptors are given out lowest first: one that leaked would be in its place. */
  fd = net_connect(port);
  CHECK_NUMBER(fd, first);
  CHECK(close(fd) == 0);
  CHECK_OK(copas_free(c));
}

static void clients_that_come_at_once_are_all_served(void)
{
  enum { AT_ONCE = 500 };
  int fds[AT_ONCE], count = check_small() ? 50 : AT_ONCE, port;
  if (!net_allow_descriptors(2 * count + 64)) {
    SKIP("the hard limit of descriptors (ulimit -Hn) is too low for 500 clients");
    return;
  }
  copas *c = net_new(NULL);
  net_serve(c, net_echo, NULL, &port);
  for (int i = 0; i < count; i++) {
    fds[i] = net_connect(port);
    /* The kernel's queue holds only so many. */
    if (i % 64 == 63) net_settle(c);
  }
  for (int i = 0; i < count; i++) net_puts(fds[i], i % 2 ? "odd\n" : "even\n");
  for (int i = 0; i < count; i++) net_expect(c, fds[i], i % 2 ? "odd\n" : "even\n");
  for (int i = 0; i < count; i++) CHECK(close(fds[i]) == 0);
  CHECK_OK(copas_free(c));
}

static int parked, awake;

static void park(void *user)
{
  (void)user;
  parked++;
  CHECK_OK(copas_pause(copas_current(), COPAS_FOREVER, NULL));
  awake++;
}

/* Whether guards split no mapping here (Linux 6.13). */
static int has_guard_install(void)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  int has = madvise(memory, page, MADV_GUARD_INSTALL) == 0;
  CHECK(has || errno == EINVAL);
  CHECK(munmap(memory, page) == 0);
  return has;
}

static void park_and_wake(int count)
{
  copas_thread **threads = calloc((size_t)count, sizeof *threads);
  copas *c = net_new(NULL);
  CHECK(threads != NULL);
  parked = awake = 0;
  for (int i = 0; i < count; i++) CHECK_OK(copas_addthread(c, park, NULL, &threads[i]));
  net_until(c, &parked, count);
  CHECK_NUMBER(awake, 0);
  for (int i = 0; i < count; i++) CHECK_NUMBER(copas_wakeup(threads[i]), 1);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(awake, count);
  CHECK_OK(copas_free(c));
  free(threads);
}

static void forty_thousand_coroutines_park_and_wake(void)
{
  if (check_small()) {
    park_and_wake(100);
    return;
  }
  if (!has_guard_install()) {
    SKIP("this kernel has no MADV_GUARD_INSTALL (Linux 6.13), so that guards split mappings and "
         "vm.max_map_count ends near 32,000 coroutines");
    return;
  }
  park_and_wake(40000);
}

static long resident_kib(void)
{
  long size, pages;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL);
  CHECK(fscanf(file, "%ld %ld", &size, &pages) == 2);
  fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void touch(void *user)
{
  volatile char frame[50000];
  memset((char *)frame, 1, sizeof frame);
  awake += frame[*(int *)user];
}

static void run_batch(copas *c, int count)
{
  int place = 77;
  awake = 0;
  for (int i = 0; i < count; i++) CHECK_OK(copas_addthread(c, touch, &place, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(awake, count);
}

static void stacks_are_used_again(void)
{
  int batches = check_small() ? 5 : 1000;
  copas *c = net_new(NULL);
  run_batch(c, 100);
  long before = resident_kib();
  for (int i = 0; i < batches; i++) run_batch(c, 100);
  CHECK(resident_kib() - before < 20000);
  CHECK_OK(copas_free(c));
}

static void the_stacks_of_a_crowd_are_given_back(void)
{
  int crowd = check_small() ? 100 : 5000;
  copas *c = net_new(NULL);
  run_batch(c, 10);
  long before = resident_kib();
  run_batch(c, crowd);
  /* 5,000 stacks with 50 KB touched are 250 MB, of which little may stay. */
  if (check_small()) SKIP("a tool's own memory grows with the crowd");
  else CHECK(resident_kib() - before < 60000);
  CHECK_OK(copas_free(c));
}

static void use_a_big_frame(void *user)
{
  volatile char frame[200 * 1024];
  for (size_t i = 0; i < sizeof frame; i += 512) frame[i] = (char)i;
  CHECK_OK(copas_pause(copas_current(), 0, NULL));
  for (size_t i = 0; i < sizeof frame; i += 512) CHECK(frame[i] == (char)i);
  ++*(int *)user;
}

static void a_frame_of_200_kb_fits_a_default_stack(void)
{
  int done = 0;
  copas *c = net_new(NULL);
  for (int i = 0; i < 3; i++) CHECK_OK(copas_addthread(c, use_a_big_frame, &done, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(done, 3);
  CHECK_OK(copas_free(c));
}

static void use_8_mib(void *user)
{
  volatile char frame[8 << 20];
  for (size_t i = 0; i < sizeof frame; i += 4096) frame[i] = 1;
  ++*(int *)user;
}

static void a_stack_may_be_as_big_as_asked(void)
{
  int done = 0;
  copas_thread_options options;
  copas *c = net_new(NULL);
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.user = &done;
  options.stack_size = (8 << 20) + 65536;
  CHECK_OK(copas_addthread_with(c, use_8_mib, &options, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(done, 1);
  options.stack_size = 1000;
  CHECK_STATUS(copas_addthread_with(c, use_8_mib, &options, NULL), COPAS_INVALID);
  options.stack_size = (size_t)2 << 30;
  CHECK_STATUS(copas_addthread_with(c, use_8_mib, &options, NULL), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

static void overflow(void *user)
{
  volatile char frame[4096];
  frame[0] = 1;
  if (awake == 0) overflow(user);
  frame[1] = frame[0];
}

static void an_overflow_hits_the_guard_and_not_a_neighbour(void)
{
  int status;
  if (check_small()) {
    SKIP("a tool reports the overflow that is planted here");
    return;
  }
  pid_t pid = net_fork();
  if (pid == 0) {
    struct rlimit no_core = {0, 0};
    CHECK(setrlimit(RLIMIT_CORE, &no_core) == 0);
    copas *c = net_new(NULL);
    awake = 0;
    for (int i = 0; i < 10; i++) CHECK_OK(copas_addthread(c, park, NULL, NULL));
    CHECK_OK(copas_addthread(c, overflow, NULL, NULL));
    copas_loop(c, COPAS_FOREVER);
    _exit(0);
  }
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int main(void)
{
  RUN(two_thousand_clients_get_each_byte_right_at_the_same_time);
  RUN(clients_that_come_and_go_leave_nothing_behind);
  RUN(clients_that_come_at_once_are_all_served);
  RUN(forty_thousand_coroutines_park_and_wake);
  RUN(stacks_are_used_again);
  RUN(the_stacks_of_a_crowd_are_given_back);
  RUN(a_frame_of_200_kb_fits_a_default_stack);
  RUN(a_stack_may_be_as_big_as_asked);
  RUN(an_overflow_hits_the_guard_and_not_a_neighbour);
  return check_report();
}
