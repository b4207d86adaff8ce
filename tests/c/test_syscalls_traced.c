/* SPDX-License-Identifier: MIT */
/* What a request and a connection cost in system calls, all of them: the dispatcher is in a child process
 * that is traced, which shows every call of its OS thread, and those of no other one. */
#include "network.h"

#include <sys/ptrace.h>
#include <sys/syscall.h>

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

enum { CONNECTIONS = 50 };

static int accepted;

static void mark_connections(copas_socket *client, void *user)
{
  if (accepted == 10 || accepted == 10 + CONNECTIONS) mark();
  accepted++;
  net_echo(client, user);
}

/* An OS thread: one connection after the other, each with a line. */
static void *connect_again_and_again(void *user)
{
  char got[8];
  for (int i = 0; i < CONNECTIONS + 20; i++) {
    int fd = net_connect(*(int *)user);
    net_puts(fd, "request\n");
    CHECK_NUMBER(recv(fd, got, sizeof got, MSG_WAITALL), sizeof got);
    CHECK(close(fd) == 0);
  }
  _exit(0);
}

static void be_traced_accepting(int unused)
{
  int port;
  pthread_t os_thread;
  copas *c = net_new(NULL);
  (void)unused;
  net_serve(c, mark_connections, NULL, &port);
  be_traced();
  CHECK(pthread_create(&os_thread, NULL, connect_again_and_again, &port) == 0);
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
  int marks, reads, writes, waits, registrations, others;
  /* Connections that came ready to be used, and calls that make one so. */
  int accepts, settings;
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

static int is_ready_accept(long call, long flags)
{
  return call == SYS_accept4 && flags == (SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static int is_setting(long call)
{
#ifdef SYS_accept
  if (call == SYS_accept) return 1;
#endif
  return call == SYS_accept4 || call == SYS_fcntl || call == SYS_ioctl || call == SYS_setsockopt;
}

/* Counts a call that is entered between the marks. Some machines' clocks cost one: not counted. */
static void note_call(struct trace *trace, long call, long fourth)
{
  if (call == SYS_getppid) trace->marks++;
  else if (trace->marks != 1 || call == SYS_clock_gettime) return;
  else if (is_wait(call)) trace->waits++;
  else if (call == SYS_read || call == SYS_recvfrom || call == SYS_recvmsg) trace->reads++;
  else if (call == SYS_write || call == SYS_sendto || call == SYS_sendmsg) trace->writes++;
  else if (call == SYS_epoll_ctl) trace->registrations++;
  else if (is_ready_accept(call, fourth)) trace->accepts++;
  else if (is_setting(call)) trace->settings++;
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
  note_call(trace, (long)info.entry.nr, (long)info.entry.args[3]);
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
  CHECK_NUMBER(trace.registrations, 0);
  CHECK_NUMBER(trace.accepts + trace.settings + trace.others, 0);
}

static void a_connection_is_accepted_ready_and_registered_once(void)
{
  struct trace trace;
  if (!start_trace(&trace, be_traced_accepting, 0)) return;
  finish_trace(&trace);
  /* One more each time that finds nobody. */
  CHECK(trace.accepts >= CONNECTIONS && trace.accepts <= 2 * CONNECTIONS);
  CHECK_NUMBER(trace.settings, 0);
  CHECK_NUMBER(trace.registrations, CONNECTIONS);
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
    CHECK_NUMBER(trace.writes + trace.registrations, 0);
    CHECK_NUMBER(trace.accepts + trace.settings + trace.others, 0);
  }
  for (int i = 0; i < 2; i++) CHECK(close(commands[i]) == 0);
}

int main(void)
{
  RUN(a_request_in_the_loop_costs_a_wait_a_read_and_a_write);
  RUN(a_connection_is_accepted_ready_and_registered_once);
  RUN(an_idle_dispatcher_makes_no_system_call_for_a_second);
  return check_report();
}
