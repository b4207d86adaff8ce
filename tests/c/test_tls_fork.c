/* SPDX-License-Identifier: MIT */
/* A child of fork() does not use the contexts that it has inherited, whatever other OS threads did with them
 * amid the fork; its own work. */
#include "tls.h"

#include <stdatomic.h>

static copas *c;
static copas_tls_context *server_context, *client_context;
static atomic_int stops;

struct side {
  copas_socket *skt;
  int done;
};

static void upgrade(void *user)
{
  struct side *side = user;
  copas_tls_context *context = tls_server(copas_current(), "server");
  CHECK_OK(copas_starttls(side->skt, context, NULL));
  CHECK_OK(copas_tls_context_release(context));
  side->done = 1;
}

/* A handshake with contexts of its own. */
static void meet(void)
{
  int fds[2];
  copas_socket *near;
  struct side far = {NULL, 0};
  copas *own = net_new(NULL);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  CHECK_OK(copas_wrap(own, fds[0], &near));
  CHECK_OK(copas_wrap(own, fds[1], &far.skt));
  CHECK_OK(copas_addthread(own, upgrade, &far, NULL));
  copas_tls_context *context = tls_client(own, "ca");
  CHECK_OK(copas_starttls(near, context, "localhost"));
  CHECK_OK(copas_tls_context_release(context));
  net_until(own, &far.done, 1);
  CHECK_OK(copas_free(own));
}

static void begin(void)
{
  int port;
  c = net_new(NULL);
  server_context = tls_server(c, "server");
  client_context = tls_client(c, "ca");
  tls_serve(c, server_context, net_echo, NULL, &port);
}

static void end(void)
{
  CHECK_OK(copas_free(c));
  CHECK_OK(copas_tls_context_release(server_context));
  CHECK_OK(copas_tls_context_release(client_context));
}

static void expect_contexts_of_the_parent_to_be_refused(copas *own)
{
  copas_socket *skt;
  copas_tls_stats stats = {.size = sizeof stats};
  CHECK_STATUS(tls_connect(own, client_context, 1, "localhost", &skt), COPAS_FORKED);
  CHECK_STATUS(copas_tls_context_stats(client_context, &stats), COPAS_FORKED);
  CHECK_STATUS(copas_tls_context_retain(client_context), COPAS_FORKED);
  CHECK_STATUS(copas_tls_context_release(client_context), COPAS_FORKED);
}

/* It leaves without an account of its memory: what it has inherited lies on stacks that it left. */
static void be_a_child(void)
{
  CHECK_OK(copas_free(c));
  copas *own = net_new(NULL);
  expect_contexts_of_the_parent_to_be_refused(own);
  CHECK_OK(copas_free(own));
  meet();
  execl("/bin/true", "true", (char *)NULL);
  _exit(1);
}

static void a_child_has_contexts_of_its_own(void)
{
  begin();
  pid_t pid = net_fork();
  if (pid == 0) be_a_child();
  net_reap(pid);
  meet();
  CHECK_NUMBER(tls_stats(client_context).failed, 0);
  end();
}

static void *meet_all_the_time(void *user)
{
  (void)user;
  while (!stops) meet();
  return NULL;
}

static void *retain_all_the_time(void *user)
{
  while (!stops) {
    CHECK_OK(copas_tls_context_retain(user));
    CHECK_OK(copas_tls_context_release(user));
  }
  return NULL;
}

/* Forks again and again while other OS threads are inside the library. */
static void a_fork_amid_handshakes_leaves_nothing_locked(void)
{
  int count = check_small() ? 5 : 50;
  pthread_t os_threads[3];
  stops = 0;
  begin();
  for (int i = 0; i < 3; i++)
    CHECK(pthread_create(&os_threads[i], NULL, i == 0 ? meet_all_the_time : retain_all_the_time,
                         client_context) == 0);
  for (int i = 0; i < count; i++) {
    net_settle(c);
    pid_t pid = net_fork();
    if (pid == 0) be_a_child();
    net_reap(pid);
  }
  stops = 1;
  for (int i = 0; i < 3; i++) CHECK(pthread_join(os_threads[i], NULL) == 0);
  end();
}

int main(void)
{
  tls_begin();
  RUN(a_child_has_contexts_of_its_own);
  RUN(a_fork_amid_handshakes_leaves_nothing_locked);
  return check_report();
}
