/* SPDX-License-Identifier: MIT */
/* A server without descriptors left. It runs in a child process whose limit is lowered; this
 * process has the clients. The program has its own accept4(), which the library calls: it counts. */
#include "network.h"

#include <sys/resource.h>
#include <sys/syscall.h>

enum { ROOM = 5, CLIENTS = 12 };

static int accepts;

int accept4(int fd, __SOCKADDR_ARG address, socklen_t *restrict len, int flags)
{
  accepts++;
  return (int)syscall(SYS_accept4, fd, address.__sockaddr__, len, flags);
}

static double cpu_seconds(void)
{
  struct rusage used;
  CHECK(getrusage(RUSAGE_SELF, &used) == 0);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

/* Lets this process open `room` more descriptors, and no other one. */
static void leave_room(int room)
{
  int end = 0;
  for (; room > 0; end++) room -= fcntl(end, F_GETFD) < 0;
  struct rlimit limit = {(rlim_t)end, (rlim_t)end};
  CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

/* For each line that is asked: what a second cost. */
static void tell_the_cost_of_a_second(void *user)
{
  copas_socket *control = user;
  copas_bytes line;
  char text[64];
  while (copas_receive(control, COPAS_LINE, &line) == COPAS_OK) {
    int before = accepts;
    double cpu = cpu_seconds();
    CHECK_OK(copas_pause(copas_current(), 1.0, NULL));
    int len = snprintf(text, sizeof text, "%d %.0f\n", accepts - before,
                       (cpu_seconds() - cpu) * 1e6);
    CHECK_OK(copas_send(control, text, (size_t)len));
  }
  CHECK_OK(copas_shutdown(copas_current(), 0));
}

static void serve_with_little_room(int control_fd)
{
  struct net_reports reports;
  copas_socket *control;
  char text[32];
  int port;
  copas *c = net_new(&reports);
  net_serve(c, net_echo, NULL, &port);
  CHECK_OK(copas_wrap(c, control_fd, &control));
  CHECK_OK(copas_addthread(c, tell_the_cost_of_a_second, control, NULL));
  net_settle(c);
  leave_room(ROOM);
  int len = snprintf(text, sizeof text, "%d\n", port);
  CHECK_OK(copas_send(control, text, (size_t)len));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  /* Once each time that the lack begins, not once for each try. */
  CHECK(net_reported(&reports, "cannot accept"));
  CHECK(reports.count <= CLIENTS);
  CHECK_OK(copas_free(c));
  _exit(0);
}

static void read_line(int fd, char *text, size_t size)
{
  size_t len = 0;
  while (len + 1 < size && read(fd, text + len, 1) == 1 && text[len] != '\n') len++;
  text[len] = 0;
}

/* Whether the server echoes to a client within a second. */
static int is_served(int fd)
{
  char got[6];
  struct timeval limit = {1, 0};
  CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
  return recv(fd, got, sizeof got, MSG_WAITALL) == 6 && memcmp(got, "hello\n", 6) == 0;
}

static void expect_a_cheap_second(int control, int served)
{
  char text[64];
  int calls;
  double microseconds;
  net_puts(control, "measure\n");
  net_puts(served, "hello\n");
  CHECK(is_served(served));
  read_line(control, text, sizeof text);
  CHECK(sscanf(text, "%d %lf", &calls, &microseconds) == 2);
  CHECK(calls <= 20);
  if (check_small()) SKIP("the CPU time means nothing under a tool");
  else CHECK(microseconds < 50000);
}

static void a_server_without_descriptors_serves_on_and_recovers(void)
{
  int control[2], clients[CLIENTS], port;
  char text[32];
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, control) == 0);
  pid_t pid = net_fork();
  if (pid == 0) {
    close(control[0]);
    serve_with_little_room(control[1]);
  }
  close(control[1]);
  read_line(control[0], text, sizeof text);
  port = atoi(text);
  for (int i = 0; i < CLIENTS; i++) {
    clients[i] = net_connect(port);
    net_puts(clients[i], "hello\n");
  }
  for (int i = 0; i < ROOM; i++) CHECK(is_served(clients[i]));
  expect_a_cheap_second(control[0], clients[0]);
  for (int i = ROOM; i < CLIENTS; i++) CHECK(net_quiet(clients[i]));
  /* Each one that leaves makes room for one that waits, in the order of their coming. */
  for (int i = 0; i + ROOM < CLIENTS; i++) {
    CHECK(close(clients[i]) == 0);
    CHECK(is_served(clients[i + ROOM]) || is_served(clients[i + ROOM]));
  }
  for (int i = CLIENTS - ROOM; i < CLIENTS; i++) CHECK(close(clients[i]) == 0);
  CHECK(close(control[0]) == 0);
  net_reap(pid);
}

int main(void)
{
  RUN(a_server_without_descriptors_serves_on_and_recovers);
  return check_report();
}
