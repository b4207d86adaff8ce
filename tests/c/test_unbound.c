/* SPDX-License-Identifier: MIT */
/* A dispatcher for completions only: any OS thread may use it, one at a time. */
#include "network.h"

#include <stdatomic.h>

static copas *c;
static copas_socket *skt;
static int peer;

static void open_pair(void)
{
  copas_config config = {.size = sizeof config, .flags = COPAS_UNBOUND};
  c = copas_new(&config);
  CHECK(c != NULL);
  peer = net_tcp(c, &skt);
}

static void close_pair(void)
{
  close(peer);
  CHECK_OK(copas_free(c));
}

static void *poll_one(void *user)
{
  CHECK_NUMBER(copas_poll(c, user, 1, NET_PATIENCE), 1);
  return NULL;
}

static void on_an_os_thread(void *(*function)(void *), void *user)
{
  pthread_t os_thread;
  CHECK(pthread_create(&os_thread, NULL, function, user) == 0);
  CHECK(pthread_join(os_thread, NULL) == 0);
}

static void os_threads_take_turns(void)
{
  copas_event event;
  open_pair();
  for (int i = 0; i < 10; i++) {
    net_puts(peer, "line\n");
    CHECK_OK(copas_submit_receive(skt, COPAS_LINE, (uint64_t)i, NULL, NULL));
    on_an_os_thread(poll_one, &event);
    CHECK_NUMBER(event.token, i);
    copas_bytes bytes = {event.data, event.len};
    CHECK_BYTES(bytes, "line");
  }
  close_pair();
}

static atomic_int busy;

static void *poll_until_notified(void *user)
{
  copas_event event;
  int n;
  (void)user;
  /* The other OS thread's looks may be in the way. */
  while ((n = copas_poll(c, &event, 1, NET_PATIENCE)) == COPAS_BUSY) continue;
  CHECK_NUMBER(n, 0);
  return NULL;
}

static void a_second_call_at_the_same_moment_is_busy_and_a_notify_ends_the_first(void)
{
  pthread_t os_thread;
  double end = net_seconds() + NET_PATIENCE;
  open_pair();
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 1, NULL, NULL));
  CHECK(pthread_create(&os_thread, NULL, poll_until_notified, NULL) == 0);
  /* With pauses: looks without end would keep the other OS thread out. */
  while (copas_finished(c) != COPAS_BUSY) {
    CHECK(net_seconds() < end);
    net_sleep(0.001);
  }
  CHECK_STATUS(copas_close(skt), COPAS_BUSY);
  CHECK_OK(copas_notify(c));
  CHECK(pthread_join(os_thread, NULL) == 0);
  CHECK_OK(copas_close(skt));
  close_pair();
}

#define CALLS 20000

/* Calls that are refused do nothing, those that are not see a dispatcher that is whole. */
static void *hammer(void *user)
{
  copas_event event;
  (void)user;
  for (int i = 0; i < CALLS; i++) {
    int n = copas_poll(c, &event, 1, 0);
    if (n == COPAS_BUSY) {
      atomic_fetch_add(&busy, 1);
    } else {
      CHECK(n >= 0);
      copas_status status = copas_submit_pause(c, 0, 1, NULL);
      CHECK(status == COPAS_OK || status == COPAS_BUSY);
    }
  }
  return NULL;
}

static void os_threads_that_collide_do_no_harm(void)
{
  pthread_t os_threads[3];
  open_pair();
  for (int i = 0; i < 3; i++) CHECK(pthread_create(&os_threads[i], NULL, hammer, NULL) == 0);
  for (int i = 0; i < 3; i++) CHECK(pthread_join(os_threads[i], NULL) == 0);
  close_pair();
}

static void nothing(void *user)
{
  (void)user;
}

static void coroutines_and_waits_are_refused(void)
{
  copas_bytes bytes;
  int port;
  open_pair();
  copas_socket *server = net_bind(c, &port);
  CHECK_STATUS(copas_addthread(c, nothing, NULL, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_addserver(c, server, net_echo, NULL, 1), COPAS_INVALID);
  CHECK_STATUS(copas_loop(c, 0), COPAS_INVALID);
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_INVALID);
  CHECK_STATUS(copas_pause(c, 0, NULL), COPAS_INVALID);
  close_pair();
}

int main(void)
{
  RUN(os_threads_take_turns);
  RUN(a_second_call_at_the_same_moment_is_busy_and_a_notify_ends_the_first);
  RUN(os_threads_that_collide_do_no_harm);
  RUN(coroutines_and_waits_are_refused);
  return check_report();
}
