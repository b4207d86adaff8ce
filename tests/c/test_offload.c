/* SPDX-License-Identifier: MIT */
/* Blocking functions on other OS threads, and names that resolve there. */
#include "network.h"

#include <stdatomic.h>

static copas *c;
static atomic_int running, most, finished;
static pthread_t owner;

static void block(void *user)
{
  sigset_t mask;
  CHECK(!pthread_equal(pthread_self(), owner));
  CHECK(pthread_sigmask(SIG_BLOCK, NULL, &mask) == 0);
  CHECK(sigismember(&mask, SIGUSR1) == 1 && sigismember(&mask, SIGTERM) == 1);
  CHECK(copas_current() == NULL);
  int now = atomic_fetch_add(&running, 1) + 1;
  if (now > atomic_load(&most)) atomic_store(&most, now);
  net_sleep(*(double *)user);
  atomic_fetch_sub(&running, 1);
  atomic_fetch_add(&finished, 1);
}

static void open_all(void)
{
  c = net_new(NULL);
  owner = pthread_self();
  atomic_store(&most, 0);
  atomic_store(&finished, 0);
}

static copas_status offloaded[20];

static void offload(void *user)
{
  static double seconds = 0.02;
  *(copas_status *)user = copas_offload(c, block, &seconds);
}

static int ticks;

static void tick(void *user)
{
  while (atomic_load(&finished) < *(int *)user) {
    ticks++;
    CHECK_OK(copas_pause(c, 0.001, NULL));
  }
}

static void only_the_caller_waits(void)
{
  int count = 20;
  open_all();
  ticks = 0;
  for (int i = 0; i < count; i++) {
    offloaded[i] = COPAS_FAILED;
    CHECK_OK(copas_addthread(c, offload, &offloaded[i], NULL));
  }
  CHECK_OK(copas_addthread(c, tick, &count, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  for (int i = 0; i < count; i++) CHECK_OK(offloaded[i]);
  CHECK_NUMBER(atomic_load(&finished), count);
  CHECK(atomic_load(&most) >= 2 && atomic_load(&most) <= 4);
  CHECK(ticks > 5);
  CHECK_OK(copas_free(c));
}

static void the_root_may_offload_too(void)
{
  double seconds = 0.01;
  open_all();
  CHECK_OK(copas_offload(c, block, &seconds));
  CHECK_NUMBER(atomic_load(&finished), 1);
  CHECK_STATUS(copas_offload(c, NULL, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_offload(NULL, block, &seconds), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

static void the_end_of_the_roots_scope_does_not_release_it(void)
{
  double seconds = 0.1;
  open_all();
  CHECK_OK(copas_begindeadline(c, 0.01));
  CHECK_OK(copas_offload(c, block, &seconds));
  CHECK_NUMBER(atomic_load(&finished), 1);
  CHECK_STATUS(copas_pause(c, 1, NULL), COPAS_TIMEOUT);
  CHECK_NUMBER(copas_enddeadline(c), 1);
  CHECK_OK(copas_free(c));
}

static void a_canceled_caller_waits_for_its_function(void)
{
  copas_status status = COPAS_OK;
  copas_thread *thread;
  open_all();
  CHECK_OK(copas_addthread(c, offload, &status, &thread));
  net_settle(c);
  CHECK_OK(copas_removethread(thread));
  CHECK_OK(copas_join(thread, 10));
  CHECK_STATUS(status, COPAS_CANCELED);
  CHECK_NUMBER(atomic_load(&finished), 1);
  CHECK_OK(copas_free(c));
}

static atomic_int may_end;

static void block_until_told(void *user)
{
  (void)user;
  while (!atomic_load(&may_end)) net_sleep(0.001);
  atomic_fetch_add(&finished, 1);
}

static void offload_for_long(void *user)
{
  (void)user;
  if (copas_offload(c, block_until_told, NULL) == COPAS_OK) CHECK_FAIL("it was abandoned");
}

static void a_function_that_does_not_return_is_left_behind(void)
{
  struct net_reports reports;
  open_all();
  CHECK_OK(copas_free(c));
  c = net_new(&reports);
  atomic_store(&may_end, 0);
  CHECK_OK(copas_addthread(c, offload_for_long, NULL, NULL));
  net_settle(c);
  CHECK_STATUS(copas_free(c), COPAS_ABANDONED);
  CHECK(net_reported(&reports, "abandoned"));
  atomic_store(&may_end, 1);
  double end = net_seconds() + NET_PATIENCE;
  while (atomic_load(&finished) == 0 && net_seconds() < end) net_sleep(0.001);
  CHECK_NUMBER(atomic_load(&finished), 1);
}

static void localhost_resolves_and_connects(void)
{
  copas_address addresses[8];
  copas_socket *server, *client;
  copas_address own;
  copas_bytes line;
  size_t count;
  open_all();
  copas_status status = copas_resolve(c, "localhost", 10, addresses, 8, &count);
  if (status != COPAS_OK) {
    SKIP("this machine does not know localhost");
    CHECK_OK(copas_free(c));
    return;
  }
  CHECK(count >= 1 && addresses[0].port == 0);
  CHECK_OK(copas_bind(c, "localhost", 0, &server));
  CHECK_OK(copas_getsockname(server, &own));
  CHECK_OK(copas_addserver(c, server, net_echo, NULL, COPAS_FOREVER));
  CHECK_OK(copas_connect(c, "localhost", own.port, 10, &client));
  CHECK_OK(copas_send(client, "by name\n", 8));
  CHECK_OK(copas_receive(client, COPAS_LINE, &line));
  CHECK_BYTES(line, "by name");
  CHECK_STATUS(copas_resolve(c, NULL, 1, addresses, 8, &count), COPAS_INVALID);
  CHECK_STATUS(copas_resolve(c, "", 1, addresses, 8, &count), COPAS_INVALID);
  CHECK_STATUS(copas_resolve(c, "localhost", 1, NULL, 8, &count), COPAS_INVALID);
  CHECK_STATUS(copas_setresolver(c, 1, -1), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(only_the_caller_waits);
  RUN(the_root_may_offload_too);
  RUN(the_end_of_the_roots_scope_does_not_release_it);
  RUN(a_canceled_caller_waits_for_its_function);
  RUN(a_function_that_does_not_return_is_left_behind);
  RUN(localhost_resolves_and_connects);
  return check_report();
}
