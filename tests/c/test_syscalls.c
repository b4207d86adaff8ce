/* SPDX-License-Identifier: MIT */
/* What a request costs in system calls and in looks at the clock, which is one too on some machines. The
 * program has its own read(), send() and so on, which the library calls instead of the C library's: they
 * count and go straight to the kernel. test_syscalls_traced.c sees every call, also others. */
#include "network.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <sys/uio.h>

static struct {
  int active;
  int reads;
  int writes;
  int registrations;
  int polls;
  int clocks;
  /* Of the loop. */
  int steps;
} calls;

static void tally(int *calls_of_kind)
{
  if (calls.active) ++*calls_of_kind;
}

ssize_t read(int fd, void *memory, size_t n)
{
  tally(&calls.reads);
  return syscall(SYS_read, fd, memory, n);
}

ssize_t readv(int fd, const struct iovec *parts, int count)
{
  tally(&calls.reads);
  return syscall(SYS_readv, fd, parts, count);
}

ssize_t recv(int fd, void *memory, size_t n, int flags)
{
  tally(&calls.reads);
  return syscall(SYS_recvfrom, fd, memory, n, flags, NULL, NULL);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
  tally(&calls.reads);
  return syscall(SYS_recvmsg, fd, message, flags);
}

ssize_t write(int fd, const void *data, size_t n)
{
  tally(&calls.writes);
  return syscall(SYS_write, fd, data, n);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
  tally(&calls.writes);
  return syscall(SYS_writev, fd, parts, count);
}

ssize_t send(int fd, const void *data, size_t n, int flags)
{
  tally(&calls.writes);
  return syscall(SYS_sendto, fd, data, n, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
  tally(&calls.writes);
  return syscall(SYS_sendmsg, fd, message, flags);
}

int epoll_ctl(int poller, int operation, int fd, struct epoll_event *event)
{
  tally(&calls.registrations);
  return (int)syscall(SYS_epoll_ctl, poller, operation, fd, event);
}

int epoll_wait(int poller, struct epoll_event *events, int count, int timeout)
{
  tally(&calls.polls);
  return (int)syscall(SYS_epoll_pwait, poller, events, count, timeout, NULL, 8);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
  tally(&calls.clocks);
  return (int)syscall(SYS_clock_gettime, clock, now);
}

/* Steps until nothing is left to do, and counts what the library calls meanwhile. */
static void count_steps(copas *c)
{
  copas_status status;
  do {
    calls.active = 1;
    status = copas_step(c, 0);
    calls.active = 0;
    calls.steps++;
    CHECK(status == COPAS_OK || status == COPAS_TIMEOUT);
    CHECK(calls.steps < 10000);
  } while (status != COPAS_TIMEOUT);
}

static void start_counting(void)
{
  memset(&calls, 0, sizeof calls);
}

/* What the counts of no registration rest on: this count sees the one that there must be. */
static void a_connection_is_registered_once(void)
{
  int port;
  copas *c = net_new(NULL);
  net_serve(c, net_echo, NULL, &port);
  net_settle(c);
  start_counting();
  int fd = net_connect(port);
  count_steps(c);
  for (int i = 0; i < 10; i++) {
    net_puts(fd, "request\n");
    count_steps(c);
    net_expect(c, fd, "request\n");
  }
  CHECK_NUMBER(calls.registrations, 1);
  CHECK(close(fd) == 0);
  CHECK_OK(copas_free(c));
}

static void pipelined_requests_are_answered_by_one_write(void)
{
  enum { LINES = 16 };
  char lines[LINES * 3 + 1] = "", got[LINES * 3];
  int port;
  copas *c = net_new(NULL);
  net_serve(c, net_echo, NULL, &port);
  int fd = net_connect(port);
  net_settle(c);
  for (int i = 0; i < LINES; i++) strcat(lines, i % 2 ? "b\r\n" : "aa\n");
  start_counting();
  net_puts(fd, lines);
  count_steps(c);
  CHECK_NUMBER(calls.reads, 1);
  CHECK_NUMBER(calls.writes, 1);
  CHECK_NUMBER(calls.registrations, 0);
  size_t wanted = LINES / 2 * 3 + LINES / 2 * 2;
  CHECK_NUMBER(recv(fd, got, sizeof got, MSG_DONTWAIT), wanted);
  CHECK(close(fd) == 0);
  CHECK_OK(copas_free(c));
}

/* Checks what `rounds` requests cost, one after the other. */
static void expect_cheap_requests(copas *c, int fd, int rounds)
{
  start_counting();
  for (int i = 0; i < rounds; i++) {
    net_puts(fd, "request\n");
    count_steps(c);
    net_expect(c, fd, "request\n");
  }
  CHECK_NUMBER(calls.reads, rounds);
  CHECK_NUMBER(calls.writes, rounds);
  CHECK_NUMBER(calls.registrations, 0);
  /* One that finds the request, one that finds nothing. */
  CHECK(calls.polls >= rounds && calls.polls <= 2 * rounds);
  CHECK(calls.clocks <= calls.steps);
}

static void a_request_costs_one_read_and_one_write(void)
{
  int port;
  copas *c = net_new(NULL);
  net_serve(c, net_echo, NULL, &port);
  int fd = net_connect(port);
  net_puts(fd, "first\n");
  net_expect(c, fd, "first\n");
  expect_cheap_requests(c, fd, 100);
  CHECK(close(fd) == 0);
  CHECK_OK(copas_free(c));
}

static void time_limits_cost_no_system_call(void)
{
  int port;
  copas *c = net_new(NULL);
  copas_socket *server = net_bind(c, &port);
  CHECK_OK(copas_addserver(c, server, net_echo, NULL, 60));
  int fd = net_connect(port);
  net_puts(fd, "first\n");
  net_expect(c, fd, "first\n");
  expect_cheap_requests(c, fd, 100);
  CHECK(close(fd) == 0);
  CHECK_OK(copas_free(c));
}

/* How often the clock is looked at while so many lines that came together are answered. */
static int clocks_of_a_batch(copas *c, int fd, int lines)
{
  char all[512] = "";
  for (int i = 0; i < lines; i++) strcat(all, "request\n");
  start_counting();
  net_puts(fd, all);
  count_steps(c);
  CHECK_NUMBER(calls.reads, 1);
  net_expect(c, fd, all);
  return calls.clocks;
}

static void no_operation_looks_at_the_clock(void)
{
  int port;
  copas *c = net_new(NULL);
  copas_socket *server = net_bind(c, &port);
  CHECK_OK(copas_addserver(c, server, net_echo, NULL, 60));
  int fd = net_connect(port);
  net_puts(fd, "first\n");
  net_expect(c, fd, "first\n");
  int one = clocks_of_a_batch(c, fd, 1);
  /* A time limit needs the clock once in a step: this count sees that. */
  CHECK(one >= 1 && one <= calls.steps);
  CHECK_NUMBER(clocks_of_a_batch(c, fd, 32), one);
  CHECK(close(fd) == 0);
  CHECK_OK(copas_free(c));
}

static void one_wait_finds_all_that_are_ready(void)
{
  enum { CONNECTIONS = 50 };
  int port, fds[CONNECTIONS];
  copas *c = net_new(NULL);
  net_serve(c, net_echo, NULL, &port);
  for (int i = 0; i < CONNECTIONS; i++) {
    fds[i] = net_connect(port);
    net_puts(fds[i], "first\n");
    net_expect(c, fds[i], "first\n");
  }
  start_counting();
  for (int i = 0; i < CONNECTIONS; i++) net_puts(fds[i], "request\n");
  count_steps(c);
  CHECK_NUMBER(calls.reads, CONNECTIONS);
  CHECK_NUMBER(calls.writes, CONNECTIONS);
  CHECK_NUMBER(calls.registrations, 0);
  /* One that finds them all, one that finds nothing. */
  CHECK(calls.polls <= 2);
  for (int i = 0; i < CONNECTIONS; i++) {
    net_expect(c, fds[i], "request\n");
    CHECK(close(fds[i]) == 0);
  }
  CHECK_OK(copas_free(c));
}

static void send_small_parts(void *user)
{
  for (int i = 0; i < 50; i++) CHECK_OK(copas_send(user, "part", 4));
}

static void small_sends_of_one_turn_are_one_write(void)
{
  char got[256];
  copas_socket *skt;
  copas *c = net_new(NULL);
  int peer = net_tcp(c, &skt);
  CHECK_OK(copas_addthread(c, send_small_parts, skt, NULL));
  start_counting();
  count_steps(c);
  CHECK_NUMBER(calls.writes, 1);
  CHECK_NUMBER(calls.registrations, 0);
  CHECK_NUMBER(recv(peer, got, sizeof got, MSG_DONTWAIT), 200);
  CHECK_OK(copas_free(c));
  close(peer);
}

static void big_sends_are_not_copied_into_parts(void)
{
  enum { BIG = 60000 };
  static char block[BIG];
  copas_socket *skt;
  copas *c = net_new(NULL);
  int peer = net_tcp(c, &skt);
  start_counting();
  calls.active = 1;
  CHECK_OK(copas_send(skt, block, BIG));
  calls.active = 0;
  CHECK_NUMBER(calls.writes, 1);
  CHECK_OK(copas_free(c));
  close(peer);
}

int main(void)
{
  RUN(a_connection_is_registered_once);
  RUN(pipelined_requests_are_answered_by_one_write);
  RUN(a_request_costs_one_read_and_one_write);
  RUN(time_limits_cost_no_system_call);
  RUN(no_operation_looks_at_the_clock);
  RUN(one_wait_finds_all_that_are_ready);
  RUN(small_sends_of_one_turn_are_one_write);
  RUN(big_sends_are_not_copied_into_parts);
  return check_report();
}
