/* SPDX-License-Identifier: MIT */
/* The end of a server loses no connection: those that the kernel has taken are served, and a listening
 * descriptor that others share goes on without it. */
#include "network.h"

#include <stdatomic.h>

enum { CLIENTS = 200 };

static void ask(int *fds, int count, int port)
{
  for (int i = 0; i < count; i++) {
    fds[i] = net_connect(port);
    net_puts(fds[i], "hello\n");
  }
}

static void a_shutdown_serves_all_that_the_kernel_has_taken(void)
{
  int fds[CLIENTS], port;
  copas *c = net_new(NULL);
  net_serve(c, net_echo, NULL, &port);
  ask(fds, CLIENTS, port);
  CHECK_OK(copas_shutdown(c, NET_PATIENCE));
  for (int i = 0; i < CLIENTS; i++) {
    net_expect(c, fds[i], "hello\n");
    close(fds[i]);
  }
  CHECK(net_refused(port));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
}

static void without_grace_they_see_the_end(void)
{
  int fds[CLIENTS], port;
  copas *c = net_new(NULL);
  net_serve(c, net_echo, NULL, &port);
  ask(fds, CLIENTS, port);
  CHECK_OK(copas_shutdown(c, 0));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  for (int i = 0; i < CLIENTS; i++) {
    net_drain(c, fds[i]);
    close(fds[i]);
  }
  CHECK_OK(copas_free(c));
}

/* Serves a duplicate of a listening descriptor. */
static copas_socket *share(copas *c, int listener)
{
  copas_socket *server;
  int fd = fcntl(listener, F_DUPFD_CLOEXEC, 0);
  CHECK(fd >= 0);
  CHECK_OK(copas_wrap(c, fd, &server));
  CHECK_OK(copas_addserver(c, server, net_echo, NULL, COPAS_FOREVER));
  return server;
}

static void a_shared_descriptor_goes_on_with_the_others_and_no_longer_wakes_who_left(void)
{
  int port;
  int listener = net_listen(16, &port);
  copas *old = net_new(NULL), *new = net_new(NULL);
  copas_socket *server = share(old, listener);
  share(new, listener);
  int first = net_connect(port);
  net_puts(first, "first\n");
  net_expect(old, first, "first\n");
  CHECK_OK(copas_removeserver(server, 0));
  net_settle(old);
  int second = net_connect(port);
  net_puts(second, "second\n");
  CHECK_STATUS(copas_step(old, 0.05), COPAS_TIMEOUT);
  net_expect(new, second, "second\n");
  net_puts(first, "still\n");
  net_expect(old, first, "still\n");
  close(first);
  close(second);
  CHECK_OK(copas_free(old));
  CHECK_OK(copas_free(new));
  CHECK(!net_refused(port));
  close(listener);
  CHECK(net_refused(port));
}

/* Clients that come all the time, each of whom must be served, while servers come and go. */
static atomic_int stop;
static int shared_port;
static atomic_int served;

static void *come_and_go(void *user)
{
  (void)user;
  while (!atomic_load(&stop)) {
    char answer[6];
    int fd = net_connect(shared_port);
    net_puts(fd, "hello\n");
    if (recv(fd, answer, sizeof answer, MSG_WAITALL) != sizeof answer) CHECK_FAIL("a client was not served");
    close(fd);
    atomic_fetch_add(&served, 1);
  }
  return NULL;
}

static pthread_t clients[3];

/* Ends a dispatcher when it has served for a while. */
static void *shut_down_later(void *user)
{
  int before = atomic_load(&served);
  double end = net_seconds() + NET_PATIENCE;
  while (atomic_load(&served) < before + 20) {
    net_sleep(0.0005);
    CHECK(net_seconds() < end);
  }
  CHECK_OK(copas_shutdown((copas *)user, NET_PATIENCE));
  return NULL;
}

/* Ends the last one when no client is left. */
static void *shut_down_at_last(void *user)
{
  atomic_store(&stop, 1);
  for (int i = 0; i < 3; i++) CHECK(pthread_join(clients[i], NULL) == 0);
  CHECK_OK(copas_shutdown((copas *)user, NET_PATIENCE));
  return NULL;
}

static void dispatchers_that_take_turns_on_one_descriptor_lose_no_client(void)
{
  pthread_t shutter;
  int rounds = check_small() ? 3 : 30;
  int listener = net_listen(128, &shared_port);
  copas *next = net_new(NULL);
  share(next, listener);
  for (int i = 0; i < 3; i++) CHECK(pthread_create(&clients[i], NULL, come_and_go, NULL) == 0);
  for (int i = 1; i <= rounds; i++) {
    copas *c = next;
    int is_last = i == rounds;
    CHECK(pthread_create(&shutter, NULL, is_last ? shut_down_at_last : shut_down_later, c) == 0);
    if (!is_last) share(next = net_new(NULL), listener);
    CHECK_OK(copas_loop(c, COPAS_FOREVER));
    CHECK(pthread_join(shutter, NULL) == 0);
    CHECK_OK(copas_free(c));
  }
  close(listener);
}

int main(void)
{
  RUN(a_shutdown_serves_all_that_the_kernel_has_taken);
  RUN(without_grace_they_see_the_end);
  RUN(a_shared_descriptor_goes_on_with_the_others_and_no_longer_wakes_who_left);
  RUN(dispatchers_that_take_turns_on_one_descriptor_lose_no_client);
  return check_report();
}
