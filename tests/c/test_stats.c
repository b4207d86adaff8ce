/* SPDX-License-Identifier: MIT */
/* What a dispatcher tells of what it has to do and of its steps' cost, and how all of it is ended. */
#include "network.h"

static copas *c;

static void sleep_for_ever(void *user)
{
  (void)user;
  copas_pauseforever(c);
}

static void receive_for_ever(void *user)
{
  copas_bytes bytes;
  if (copas_receive(user, COPAS_LINE, &bytes) == COPAS_OK) CHECK_FAIL("nobody sends");
}

static copas_dispatcher_stats count(void)
{
  copas_dispatcher_stats stats;
  memset(&stats, 0, sizeof stats);
  CHECK_STATUS(copas_stats(c, &stats), COPAS_INVALID);
  stats.size = sizeof stats;
  CHECK_OK(copas_stats(c, &stats));
  return stats;
}

static void the_counts_of_a_dispatcher_are_told(void)
{
  static char block[60000];
  copas_socket *skt, *full;
  int port;
  c = net_new(NULL);
  int peer = net_pair(c, &skt), other = net_narrow_pair(c, &full);
  net_serve(c, net_echo, NULL, &port);
  for (int i = 0; i < 3; i++) CHECK_OK(copas_addthread(c, sleep_for_ever, NULL, NULL));
  CHECK_OK(copas_settimeout(skt, 60));
  CHECK_OK(copas_addthread(c, receive_for_ever, skt, NULL));
  CHECK_NUMBER(count().ready, 5);
  CHECK_OK(copas_send(full, block, sizeof block));
  net_settle(c);
  copas_dispatcher_stats stats = count();
  CHECK(stats.running == 4 && stats.asleep == 3 && stats.ready == 0);
  CHECK(stats.sockets == 3 && stats.servers == 1 && stats.readers == 1 && stats.writers == 1);
  CHECK(stats.timeouts == 1 && stats.timers == 0 && stats.steps == 0);
  CHECK_OK(copas_setstatistics(c, 1));
  CHECK_OK(copas_cancelall(c));
  net_settle(c);
  stats = count();
  CHECK(stats.running == 0 && stats.asleep == 0 && stats.readers == 0 && stats.timeouts == 0);
  CHECK(stats.steps > 0 && stats.step_min <= stats.step_avg && stats.step_avg <= stats.step_max);
  CHECK(stats.step_max > 0 && stats.step_max < 5);
  CHECK_OK(copas_free(c));
  close(peer);
  close(other);
}

static void connect_for_ever(void *user)
{
  const struct net_full *full = user;
  copas_socket *skt;
  CHECK_STATUS(copas_connect(c, "127.0.0.1", full->port, 60, &skt), COPAS_CANCELED);
}

static void a_socket_that_connects_is_a_writer(void)
{
  struct net_full full;
  if (!net_full_open(&full)) {
    net_full_close(&full);
    SKIP("attempts to connect do not hang here");
    return;
  }
  c = net_new(NULL);
  CHECK_OK(copas_addthread(c, connect_for_ever, &full, NULL));
  net_settle(c);
  copas_dispatcher_stats stats = count();
  CHECK(stats.sockets == 1 && stats.writers == 1 && stats.readers == 0 && stats.timeouts == 1);
  CHECK_OK(copas_cancelall(c));
  net_settle(c);
  stats = count();
  CHECK(stats.sockets == 0 && stats.writers == 0 && stats.timeouts == 0);
  CHECK_OK(copas_free(c));
  net_full_close(&full);
}

static uint64_t timers_inside;

static void count_inside(copas_timer *timer, void *user)
{
  (void)user;
  timers_inside = count().timers;
  CHECK_OK(copas_timer_cancel(timer));
}

static void never_ring(copas_thread *thread, void *user)
{
  (void)thread;
  (void)user;
  CHECK_FAIL("an alarm of an hour");
}

static void sleep_with_an_alarm(void *user)
{
  CHECK_OK(copas_timeout(c, 3600, never_ring, NULL));
  sleep_for_ever(user);
}

static void armed_timers_are_counted(void)
{
  copas_timer_options options = {.size = sizeof options, .callback = count_inside, .delay = 60};
  copas_timer *timers[3];
  c = net_new(NULL);
  for (int i = 0; i < 3; i++) CHECK_OK(copas_timer_new(c, &options, &timers[i]));
  CHECK(count().timers == 3 && count().timeouts == 3);
  CHECK_OK(copas_timer_cancel(timers[0]));
  CHECK_OK(copas_timer_destroy(timers[1]));
  net_settle(c);
  CHECK(count().timers == 1 && count().timeouts == 1);
  CHECK_OK(copas_timer_arm(timers[0], 60));
  CHECK(count().timers == 2 && count().timeouts == 2);
  /* An alarm is a time limit, not a timer. */
  CHECK_OK(copas_addthread(c, sleep_with_an_alarm, NULL, NULL));
  net_settle(c);
  CHECK(count().timers == 2 && count().timeouts == 3);
  CHECK_OK(copas_free(c));
}

static void a_recurring_timer_is_armed_while_its_callback_runs(void)
{
  copas_timer_options options = {.size = sizeof options, .callback = count_inside};
  copas_timer *timer;
  options.flags = COPAS_RECURRING;
  c = net_new(NULL);
  timers_inside = 0;
  CHECK_OK(copas_timer_new(c, &options, &timer));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(timers_inside == 1 && count().timers == 0);
  CHECK_OK(copas_free(c));
}

static int canceled;

static void sleep_until_canceled(void *user)
{
  (void)user;
  CHECK_STATUS(copas_pauseforever(c), COPAS_CANCELED);
  canceled++;
}

static void cancel_all_and_go_on(void *user)
{
  CHECK_OK(copas_cancelall(c));
  CHECK_OK(copas_pause(c, 0.001, NULL));
  CHECK_NUMBER(canceled, 2);
  *(int *)user = 1;
}

static void a_coroutine_that_cancels_all_goes_on_by_itself(void)
{
  int done = 0;
  canceled = 0;
  c = net_new(NULL);
  for (int i = 0; i < 2; i++) CHECK_OK(copas_addthread(c, sleep_until_canceled, NULL, NULL));
  net_settle(c);
  CHECK_OK(copas_addthread(c, cancel_all_and_go_on, &done, NULL));
  /* It has not run when all is canceled: it never does. */
  CHECK_OK(copas_addthread(c, sleep_until_canceled, NULL, NULL));
  net_until(c, &done, 1);
  CHECK(canceled == 2 && count().running == 0);
  CHECK_OK(copas_free(c));
}

static void submitted_operations_are_canceled_with_all(void)
{
  copas_timer_options options = {.size = sizeof options, .callback = count_inside, .delay = 60};
  copas_event events[3];
  copas_socket *skt, *server;
  copas_timer *timer;
  int port;
  c = net_new(NULL);
  int peer = net_pair(c, &skt);
  server = net_serve(c, net_echo, NULL, &port);
  CHECK_OK(copas_timer_new(c, &options, &timer));
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 1, NULL, NULL));
  CHECK_OK(copas_submit_pause(c, 3600, 2, NULL));
  CHECK_OK(copas_cancelall(c));
  CHECK_NUMBER(copas_poll(c, events, 3, NET_PATIENCE), 2);
  for (int i = 0; i < 2; i++) CHECK_STATUS(events[i].status, COPAS_CANCELED);
  CHECK(events[0].token + events[1].token == 3);
  /* Sockets, servers and timers stay. */
  CHECK(count().timers == 1 && count().servers == 1);
  CHECK_OK(copas_timer_cancel(timer));
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 3, NULL, NULL));
  net_puts(peer, "line\n");
  CHECK_NUMBER(copas_poll(c, events, 3, NET_PATIENCE), 1);
  CHECK(events[0].token == 3 && events[0].status == COPAS_OK);
  CHECK_OK(copas_close(server));
  CHECK_OK(copas_free(c));
  close(peer);
}

int main(void)
{
  RUN(the_counts_of_a_dispatcher_are_told);
  RUN(a_socket_that_connects_is_a_writer);
  RUN(armed_timers_are_counted);
  RUN(a_recurring_timer_is_armed_while_its_callback_runs);
  RUN(a_coroutine_that_cancels_all_goes_on_by_itself);
  RUN(submitted_operations_are_canceled_with_all);
  return check_report();
}
