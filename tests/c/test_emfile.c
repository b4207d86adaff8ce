/* SPDX-License-Identifier: MIT */
/* A server without descriptors left. It runs in a child process whose limit is lowered; this
 * process has the clients. The program has its own accept4(), which the library calls and
 * which counts. */
#include "network.h"

#include <sys/syscall.h>

enum { ROOM = 5, CLIENTS = 12 };

static int accepts, refusals;

int accept4(int fd, __SOCKADDR_ARG address, socklen_t *restrict len, int flags)
{
  int got = (int)syscall(SYS_accept4, fd, address.__sockaddr__, len, flags);
  accepts++;
  refusals += got < 0 && errno == EMFILE;
  return got;
}

static double cpu_seconds(void)
{
  struct rusage used;
  CHECK(getrusage(RUSAGE_SELF, &used) == 0);
  return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
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
    int len = snprintf(text, sizeof text, "%d %.0f %d %d\n", accepts - before,
                       (cpu_seconds() - cpu) * 1e6, accepts, refusals);
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
  net_leave_room(ROOM);
  int len = snprintf(text, sizeof text, "%d\n", port);
  CHECK_OK(copas_send(control, text, (size_t)len));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  /* Once each time that the lack begins, not once for each try: at first, and at most once more
   * for each client that was accepted later. */
  CHECK(net_reported(&reports, "cannot accept"));
  CHECK(reports.count <= 1 + CLIENTS - ROOM);
  CHECK_OK(copas_free(c));
  _exit(0);
}

static void read_line(int fd, char *text, size_t size)
{
  size_t len = 0;
  while (len + 1 < size && read(fd, text + len, 1) == 1 && text[len] != '\n') len++;
  text[len] = 0;
}

/* The server echoes to a client, sooner or later. */
static void expect_echo(int fd)
{
  char got[6];
  struct timeval limit = {(time_t)NET_PATIENCE, 0};
  CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) == 0);
  CHECK_NUMBER(recv(fd, got, sizeof got, MSG_WAITALL), 6);
  CHECK(memcmp(got, "hello\n", 6) == 0);
}

static void expect_a_cheap_second(int control, int served)
{
  char text[64];
  int calls, all_calls, refused;
  double microseconds;
  net_puts(control, "measure\n");
  net_puts(served, "hello\n");
  expect_echo(served);
  read_line(control, text, sizeof text);
  CHECK_NUMBER(sscanf(text, "%d %lf %d %d", &calls, &microseconds, &all_calls, &refused), 4);
  /* The calls are those that the library made: it has tried for each of its clients, and failed. */
  CHECK(all_calls > ROOM);
  CHECK(refused > 0);
  CHECK(calls <= 20);
  CHECK(microseconds < 50000);
}

static void a_server_without_descriptors_serves_on_and_recovers(void)
{
  int control[2], clients[CLIENTS], port;
  char text[32];
  if (check_small()) {
    SKIP("valgrind keeps this limit itself: it accepts a connection and then drops it");
    return;
  }
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
  for (int i = 0; i < ROOM; i++) expect_echo(clients[i]);
  expect_a_cheap_second(control[0], clients[0]);
  for (int i = ROOM; i < CLIENTS; i++) CHECK(net_quiet(clients[i]));
  /* Each one that leaves makes room for one that waits, in the order of their coming. */
  for (int i = 0; i + ROOM < CLIENTS; i++) {
    CHECK(close(clients[i]) == 0);
    expect_echo(clients[i + ROOM]);
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
