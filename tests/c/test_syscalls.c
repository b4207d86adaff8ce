/* SPDX-License-Identifier: MIT */
/* What a request costs in system calls. The program has its own read(), send() and so on, which the
 * library calls instead of the C library's: they count and go straight to the kernel. */
#include "network.h"

#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>

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

/* From here on the dispatcher is in a child process that is traced: that sees every system call of
 * the dispatcher's OS thread, and those of no other one. */

/* The marker that the tracer looks for: nothing else here calls it. */
static void mark(void)
{
  syscall(SYS_getppid);
}

/* Stops until the parent traces on; ends the process where that is not permitted. */
static void be_traced(void)
{
  if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(77);
  raise(SIGSTOP);
}

enum { REQUESTS = 100 };

static void mark_the_steady_state(copas_socket *client, void *user)
{
  copas_bytes line;
  (void)user;
  for (int i = 0; copas_receive(client, COPAS_LINE, &line) == COPAS_OK; i++) {
    if (i == 10 || i == 10 + REQUESTS) mark();
    copas_send(client, line.data, line.len);
    copas_send(client, "\n", 1);
  }
  _exit(0);
}

/* An OS thread: a client that waits for each answer. */
static void *ask_again_and_again(void *user)
{
  char got[8];
  int fd = net_connect(*(int *)user);
  for (int i = 0; i < REQUESTS + 20; i++) {
    net_puts(fd, "request\n");
    CHECK_NUMBER(recv(fd, got, sizeof got, MSG_WAITALL), sizeof got);
  }
  CHECK(close(fd) == 0);
  return NULL;
}

static void be_traced_at_work(int unused)
{
  int port;
  pthread_t os_thread;
  copas *c = net_new(NULL);
  (void)unused;
  net_serve(c, mark_the_steady_state, NULL, &port);
  be_traced();
  CHECK(pthread_create(&os_thread, NULL, ask_again_and_again, &port) == 0);
  copas_loop(c, COPAS_FOREVER);
  _exit(1);
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

static void post_mark(copas *c, void *user)
{
  (void)c;
  mark();
  if (user != NULL) _exit(0);
}

struct marker {
  copas *c;
  int commands;
};

/* An OS thread: posts a mark for each byte that the tracer sends, and an end with the second. */
static void *post_marks(void *user)
{
  struct marker *marker = user;
  char byte;
  for (int i = 0; i < 2; i++) {
    CHECK_NUMBER(read(marker->commands, &byte, 1), 1);
    CHECK_OK(copas_post(marker->c, post_mark, i == 1 ? marker : NULL));
  }
  return NULL;
}

/* A dispatcher with everything that may wait. */
static void be_traced_idle(int commands)
{
  int port;
  pthread_t os_thread;
  copas_socket *skt;
  copas *c = net_new(NULL);
  struct marker marker = {c, commands};
  net_serve(c, net_echo, NULL, &port);
  net_connect(port);
  net_pair(c, &skt);
  for (int i = 0; i < 100; i++) CHECK_OK(copas_addthread(c, sleep_long, NULL, NULL));
  CHECK_OK(copas_addthread(c, receive_with_a_limit, skt, NULL));
  net_settle(c);
  CHECK(pthread_create(&os_thread, NULL, post_marks, &marker) == 0);
  be_traced();
  copas_loop(c, COPAS_FOREVER);
  _exit(1);
}

/* What a traced child has called between its marks. */
struct trace {
  pid_t pid;
  int status;
  int marks, reads, writes, waits, others;
};

/* Starts a traced child; 0, with the reason told, where that cannot be. */
static int start_trace(struct trace *trace, void (*body)(int), int argument)
{
  memset(trace, 0, sizeof *trace);
  if (check_small()) {
    SKIP("under a tool a process makes system calls of the tool's own");
    return 0;
  }
  trace->pid = net_fork();
  if (trace->pid == 0) body(argument);
  CHECK(waitpid(trace->pid, &trace->status, 0) == trace->pid);
  if (WIFEXITED(trace->status) && WEXITSTATUS(trace->status) == 77) {
    SKIP("this system does not permit ptrace");
    return 0;
  }
  CHECK(WIFSTOPPED(trace->status));
  CHECK(ptrace(PTRACE_SETOPTIONS, trace->pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL) ==
        0);
  return 1;
}

/* Not every architecture has all of them. */
static int is_wait(long call)
{
#ifdef SYS_epoll_wait
  if (call == SYS_epoll_wait) return 1;
#endif
  return call == SYS_epoll_pwait || call == SYS_epoll_pwait2;
}

/* Counts a call that is entered between the marks. Some machines' clocks cost one: not counted. */
static void note_call(struct trace *trace, long call)
{
  if (call == SYS_getppid) trace->marks++;
  else if (trace->marks != 1 || call == SYS_clock_gettime) return;
  else if (is_wait(call)) trace->waits++;
  else if (call == SYS_read || call == SYS_recvfrom || call == SYS_recvmsg) trace->reads++;
  else if (call == SYS_write || call == SYS_sendto || call == SYS_sendmsg) trace->writes++;
  else trace->others++;
}

/* Lets the stopped child run until it enters a system call; 0 when it has ended instead. */
static int next_call(struct trace *trace)
{
  struct __ptrace_syscall_info info;
  do {
    CHECK(ptrace(PTRACE_SYSCALL, trace->pid, NULL, NULL) == 0);
    CHECK(waitpid(trace->pid, &trace->status, 0) == trace->pid);
    if (!WIFSTOPPED(trace->status)) return 0;
    memset(&info, 0, sizeof info);
    CHECK(ptrace(PTRACE_GET_SYSCALL_INFO, trace->pid, sizeof info, &info) > 0);
  } while (info.op != PTRACE_SYSCALL_INFO_ENTRY);
  note_call(trace, (long)info.entry.nr);
  return 1;
}

static void finish_trace(struct trace *trace)
{
  while (next_call(trace)) continue;
  CHECK(WIFEXITED(trace->status) && WEXITSTATUS(trace->status) == 0);
  CHECK_NUMBER(trace->marks, 2);
}

static void a_request_in_the_loop_costs_a_wait_a_read_and_a_write(void)
{
  struct trace trace;
  if (!start_trace(&trace, be_traced_at_work, 0)) return;
  finish_trace(&trace);
  CHECK_NUMBER(trace.reads, REQUESTS);
  CHECK_NUMBER(trace.writes, REQUESTS);
  CHECK_NUMBER(trace.waits, REQUESTS);
  CHECK_NUMBER(trace.others, 0);
}

static void an_idle_dispatcher_makes_no_system_call_for_a_second(void)
{
  struct trace trace;
  int commands[2];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, commands) == 0);
  if (start_trace(&trace, be_traced_idle, commands[1])) {
    net_puts(commands[0], "1");
    /* Up to the wait after the first mark, which it then enters. */
    while (trace.marks == 0 || trace.waits == 0) CHECK(next_call(&trace));
    CHECK(ptrace(PTRACE_SYSCALL, trace.pid, NULL, NULL) == 0);
    net_sleep(1);
    /* Any call would have stopped it, and so would the end of the wait. */
    CHECK_NUMBER(waitpid(trace.pid, &trace.status, WNOHANG), 0);
    net_puts(commands[0], "2");
    CHECK(waitpid(trace.pid, &trace.status, 0) == trace.pid);
    CHECK(WIFSTOPPED(trace.status));
    finish_trace(&trace);
    /* The wait, and what finds the second post. */
    CHECK_NUMBER(trace.waits, 1);
    CHECK(trace.reads <= 1);
    CHECK_NUMBER(trace.writes + trace.others, 0);
  }
  for (int i = 0; i < 2; i++) CHECK(close(commands[i]) == 0);
}

int main(void)
{
  RUN(a_connection_is_registered_once);
  RUN(pipelined_requests_are_answered_by_one_write);
  RUN(a_request_costs_one_read_and_one_write);
  RUN(time_limits_cost_no_system_call);
  RUN(small_sends_of_one_turn_are_one_write);
  RUN(big_sends_are_not_copied_into_parts);
  RUN(a_request_in_the_loop_costs_a_wait_a_read_and_a_write);
  RUN(an_idle_dispatcher_makes_no_system_call_for_a_second);
  return check_report();
}
