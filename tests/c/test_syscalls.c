/* SPDX-License-Identifier: MIT */
/* What a request costs in system calls. The program has its own read(), send() and so on, which the
 * library calls instead of the C library's: they count and go straight to the kernel. */
#include "network.h"

#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>

static struct {
  int active;
  int reads;
  int writes;
  int registrations;
  int polls;
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

/* Steps until nothing is left to do, and counts what the library calls meanwhile. */
static void count_steps(copas *c)
{
  calls.active = 1;
  net_settle(c);
  calls.active = 0;
}

static void start_counting(void)
{
  memset(&calls, 0, sizeof calls);
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
  CHECK(calls.polls <= 2 * rounds);
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

/* The marker that the tracer looks for: nothing else here calls it. */
static void mark(void)
{
  syscall(SYS_getppid);
}

static void sleep_between_marks(void *user)
{
  mark();
  CHECK_OK(copas_pause(copas_current(), 1.0, NULL));
  mark();
  _exit(*(int *)user);
}

static void sleep_long(void *user)
{
  (void)user;
  copas_pause(copas_current(), 3600, NULL);
}

static void receive_with_a_limit(void *user)
{
  copas_bytes bytes;
  CHECK_OK(copas_settimeout(user, 3600));
  if (copas_receive(user, COPAS_LINE, &bytes) == COPAS_OK) CHECK_FAIL("nobody sends");
}

/* A dispatcher with everything that may wait, whose process asks to be traced. */
static void be_traced_idle(void)
{
  int port, success = 0;
  copas_socket *skt;
  copas *c = net_new(NULL);
  net_serve(c, net_echo, NULL, &port);
  net_connect(port);
  net_pair(c, &skt);
  for (int i = 0; i < 100; i++) CHECK_OK(copas_addthread(c, sleep_long, NULL, NULL));
  CHECK_OK(copas_addthread(c, receive_with_a_limit, skt, NULL));
  net_settle(c);
  if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(77);
  raise(SIGSTOP);
  CHECK_OK(copas_addthread(c, sleep_between_marks, &success, NULL));
  copas_loop(c, COPAS_FOREVER);
  _exit(1);
}

/* Lets a stopped child run to its next stop; -1 when it has ended, with `*status` telling how. */
static int next_stop(pid_t pid, int *status)
{
  if (ptrace(PTRACE_SYSCALL, pid, NULL, NULL) != 0) return -1;
  CHECK(waitpid(pid, status, 0) == pid);
  return WIFSTOPPED(*status) ? 0 : -1;
}

/* The number of the system call that a stopped child enters or leaves. */
static long call_of(pid_t pid)
{
  struct __ptrace_syscall_info info;
  memset(&info, 0, sizeof info);
  if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) <= 0) return -1;
  return info.op == PTRACE_SYSCALL_INFO_ENTRY ? (long)info.entry.nr : -1;
}

/* How many system calls a traced child makes between its marks; of which `*waits` are the wait. */
static int calls_between_marks(pid_t pid, int *waits, int *status)
{
  int marks = 0, between = 0;
  CHECK(ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) == 0);
  while (next_stop(pid, status) == 0) {
    long call = call_of(pid);
    if (call == SYS_getppid) marks++;
    else if (call >= 0 && marks == 1) {
      between++;
      *waits += call == SYS_epoll_pwait || call == SYS_epoll_wait || call == SYS_epoll_pwait2;
    }
  }
  CHECK_NUMBER(marks, 2);
  return between;
}

static void an_idle_dispatcher_makes_no_system_call_for_a_second(void)
{
  int status, waits = 0;
  if (check_small()) {
    SKIP("under a tool a process makes system calls of the tool's own");
    return;
  }
  pid_t pid = net_fork();
  if (pid == 0) be_traced_idle();
  CHECK(waitpid(pid, &status, 0) == pid);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
    SKIP("this system does not permit ptrace");
    return;
  }
  CHECK(WIFSTOPPED(status));
  int between = calls_between_marks(pid, &waits, &status);
  CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  CHECK_NUMBER(between, waits);
  /* The wait itself, and one more if the kernel's milliseconds end before the time does. */
  CHECK(waits >= 1 && waits <= 2);
}

int main(void)
{
  RUN(pipelined_requests_are_answered_by_one_write);
  RUN(a_request_costs_one_read_and_one_write);
  RUN(time_limits_cost_no_system_call);
  RUN(small_sends_of_one_turn_are_one_write);
  RUN(big_sends_are_not_copied_into_parts);
  RUN(an_idle_dispatcher_makes_no_system_call_for_a_second);
  return check_report();
}
