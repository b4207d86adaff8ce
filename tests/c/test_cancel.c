/* SPDX-License-Identifier: MIT */
/* Canceling coroutines, one by one and all at a shutdown, and giving up on those that ignore it. */
#include "network.h"

static char block[1 << 20];

/* What a victim needs for its wait, and what it saw. */
struct victim {
  copas *c;
  copas_socket *skt;
  copas_thread *other;
  int port;
  copas_status (*wait)(struct victim *victim);
  copas_status status;
  int waits;
  int ended;
};

static copas_status wait_in_pause(struct victim *victim)
{
  return copas_pause(victim->c, 3600, NULL);
}

static copas_status wait_in_pause_without_limit(struct victim *victim)
{
  return copas_pauseforever(victim->c);
}

static copas_status wait_for_a_line(struct victim *victim)
{
  copas_bytes bytes;
  return copas_receive(victim->skt, COPAS_LINE, &bytes);
}

static copas_status wait_for_a_raw_line(struct victim *victim)
{
  copas_bytes bytes;
  return copas_receive(victim->skt, COPAS_LINE_RAW, &bytes);
}

static copas_status wait_until_readable(struct victim *victim)
{
  copas_bytes bytes;
  return copas_receive(victim->skt, 0, &bytes);
}

static copas_status wait_for_all(struct victim *victim)
{
  copas_bytes bytes;
  return copas_receive(victim->skt, COPAS_ALL, &bytes);
}

static copas_status wait_for_a_block(struct victim *victim)
{
  copas_bytes bytes;
  return copas_receive(victim->skt, 100, &bytes);
}

static copas_status wait_for_a_delimiter(struct victim *victim)
{
  copas_bytes bytes;
  return copas_receive_until(victim->skt, "--", 2, &bytes);
}

static copas_status wait_for_some(struct victim *victim)
{
  copas_bytes bytes;
  return copas_receive_some(victim->skt, &bytes);
}

static copas_status wait_for_memory(struct victim *victim)
{
  char memory[10];
  size_t n;
  return copas_receive_into(victim->skt, memory, sizeof memory, &n);
}

static copas_status wait_to_send(struct victim *victim)
{
  return copas_send(victim->skt, block, sizeof block);
}

static copas_status wait_to_flush(struct victim *victim)
{
  copas_status status = copas_send(victim->skt, block, 60000);
  return status == COPAS_OK ? copas_flush(victim->skt) : status;
}

static copas_status wait_to_connect(struct victim *victim)
{
  copas_socket *skt;
  return copas_connect(victim->c, "127.0.0.1", victim->port, COPAS_FOREVER, &skt);
}

static copas_status wait_to_join(struct victim *victim)
{
  return copas_join(victim->other, COPAS_FOREVER);
}

static copas_status wait_for_the_exit(struct victim *victim)
{
  return copas_waitforexit(victim->c);
}

typedef copas_status wait_fn(struct victim *victim);

static wait_fn *const waits[] = {
    wait_in_pause, wait_in_pause_without_limit, wait_for_a_line, wait_for_a_raw_line,
    wait_until_readable, wait_for_all, wait_for_a_block, wait_for_a_delimiter, wait_for_some,
    wait_for_memory, wait_to_send, wait_to_flush, wait_to_join, wait_for_the_exit,
    wait_to_connect};

/* Without the last one where an attempt to connect cannot be made to hang. */
enum { WAITS = sizeof waits / sizeof *waits };

static void run_victim(void *user)
{
  struct victim *victim = user;
  victim->waits = 1;
  victim->status = victim->wait(victim);
  /* From now on each waiting call says so at once. */
  for (int i = 0; i < WAITS; i++) CHECK_STATUS(waits[i](victim), COPAS_CANCELED);
  victim->ended = 1;
}

static void sleep_for_ever(void *user)
{
  (void)user;
  CHECK_STATUS(copas_pauseforever(copas_current()), COPAS_CANCELED);
}

static void cancel_wakes(wait_fn *wait, int port)
{
  struct victim victim;
  copas_thread *thread;
  memset(&victim, 0, sizeof victim);
  victim.c = net_new(NULL);
  victim.port = port;
  victim.wait = wait;
  int peer = net_narrow_pair(victim.c, &victim.skt);
  CHECK_OK(copas_addthread(victim.c, sleep_for_ever, NULL, &victim.other));
  CHECK_OK(copas_addthread(victim.c, run_victim, &victim, &thread));
  net_settle(victim.c);
  CHECK(victim.waits && !victim.ended);
  CHECK_OK(copas_removethread(thread));
  CHECK_OK(copas_removethread(thread));
  CHECK(!victim.ended);
  net_settle(victim.c);
  CHECK_NUMBER(victim.ended, 1);
  CHECK_STATUS(victim.status, COPAS_CANCELED);
  CHECK_STATUS(copas_removethread(thread), COPAS_STALE);
  CHECK_OK(copas_abort(victim.skt));
  CHECK_NUMBER(copas_finished(victim.c), 1);
  CHECK_OK(copas_free(victim.c));
  close(peer);
}

static void a_cancellation_wakes_a_coroutine_in_every_wait(void)
{
  struct net_full full;
  int count = WAITS;
  if (!net_full_open(&full)) {
    SKIP("an attempt to connect cannot be made to hang here");
    count--;
  }
  for (int i = 0; i < count; i++) cancel_wakes(waits[i], full.port);
  net_full_close(&full);
}

static void say_goodbye(void *user)
{
  copas_socket *skt = user;
  copas_bytes bytes;
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_CANCELED);
  CHECK_BYTES(bytes, "half");
  CHECK_OK(copas_send(skt, "goodbye", 7));
  CHECK_STATUS(copas_flush(skt), COPAS_CANCELED);
  CHECK_OK(copas_close(skt));
}

static void a_canceled_coroutine_can_say_goodbye(void)
{
  copas_socket *skt;
  copas_thread *thread;
  copas *c = net_new(NULL);
  int peer = net_pair(c, &skt);
  net_puts(peer, "half");
  CHECK_OK(copas_addthread(c, say_goodbye, skt, &thread));
  net_settle(c);
  CHECK_OK(copas_removethread(thread));
  net_expect(c, peer, "goodbye");
  net_expect_end(c, peer);
  CHECK_OK(copas_free(c));
  close(peer);
}

static copas_thread *handler_thread;

static void serve_until_canceled(copas_socket *client, void *user)
{
  copas_bytes bytes;
  handler_thread = copas_running();
  CHECK_STATUS(copas_receive(client, COPAS_LINE, &bytes), COPAS_CANCELED);
  copas_send(client, "bye", 3);
  ++*(int *)user;
}

static void a_handler_is_canceled_as_every_coroutine_is(void)
{
  int port, ended = 0;
  copas *c = net_new(NULL);
  handler_thread = NULL;
  net_serve(c, serve_until_canceled, &ended, &port);
  int fd = net_connect(port);
  while (handler_thread == NULL) net_step(c);
  net_settle(c);
  CHECK_OK(copas_removethread(handler_thread));
  net_expect(c, fd, "bye");
  net_expect_end(c, fd);
  CHECK_NUMBER(ended, 1);
  CHECK_OK(copas_free(c));
  close(fd);
}

static void one_that_has_not_run_never_runs_once_canceled(void)
{
  copas *c = net_new(NULL);
  copas_thread *thread;
  CHECK_OK(copas_addthread(c, sleep_for_ever, NULL, &thread));
  CHECK_OK(copas_removethread(thread));
  /* It had not run yet, and never does. */
  CHECK_STATUS(copas_removethread(thread), COPAS_STALE);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
}

static void finish_a_request(copas_socket *client, void *user)
{
  copas_bytes line;
  if (copas_receive(client, COPAS_LINE, &line) != COPAS_OK) return;
  double seconds = line.data[0] == 'l' ? 3600 : *(double *)user;
  copas_status status = copas_pause(copas_current(), seconds, NULL);
  copas_send(client, status == COPAS_OK ? "done" : "shut", 4);
}

/* Shuts down with a handler at work that needs `work` seconds. */
static void shut_down(double work, double grace, const char *answer)
{
  int port;
  copas *c = net_new(NULL);
  net_serve(c, finish_a_request, &work, &port);
  int fd = net_connect(port);
  net_puts(fd, "work\n");
  net_settle(c);
  double start = net_seconds();
  CHECK_OK(copas_shutdown(c, grace));
  CHECK_NUMBER(copas_exiting(c), 1);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(net_refused(port));
  CHECK(net_seconds() - start < 30);
  net_expect(c, fd, answer);
  net_expect_end(c, fd);
  CHECK_OK(copas_free(c));
  close(fd);
}

static void a_shutdown_waits_for_handlers_within_its_grace(void)
{
  shut_down(0.05, 60, "done");
}

static void a_shutdown_cancels_handlers_after_its_grace(void)
{
  shut_down(3600, 0.05, "shut");
}

static void a_shutdown_cancels_only_those_who_need_longer_than_its_grace(void)
{
  int port;
  double work = 0.05;
  copas *c = net_new(NULL);
  net_serve(c, finish_a_request, &work, &port);
  int soon = net_connect(port), late = net_connect(port);
  net_puts(soon, "soon\n");
  net_puts(late, "late\n");
  net_settle(c);
  CHECK_OK(copas_shutdown(c, 3600));
  net_expect(c, soon, "done");
  net_expect_end(c, soon);
  /* Within the grace: nobody is accepted any more, and nobody is canceled yet. */
  CHECK(net_refused(port));
  CHECK(net_quiet(late));
  CHECK_OK(copas_shutdown(c, 0));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  net_expect(c, late, "shut");
  CHECK_NUMBER(copas_finished(c), 1);
  CHECK_OK(copas_free(c));
  close(soon);
  close(late);
}

static void a_shutdown_without_grace_cancels_at_once(void)
{
  shut_down(3600, 0, "shut");
}

static void an_earlier_end_shortens_the_grace(void)
{
  copas_thread *thread;
  copas *c = net_new(NULL);
  CHECK_OK(copas_hold(c));
  CHECK_OK(copas_addthread(c, sleep_for_ever, NULL, &thread));
  net_settle(c);
  CHECK_OK(copas_shutdown(c, 3600));
  CHECK_OK(copas_shutdown(c, 0.02));
  CHECK_OK(copas_shutdown(c, 3600));
  double start = net_seconds();
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(net_seconds() - start < 30);
  CHECK_STATUS(copas_wakeup(thread), COPAS_STALE);
  CHECK_OK(copas_free(c));
}

static void ignore_everything(void *user)
{
  copas_bytes bytes;
  copas *c = copas_current();
  for (;;) {
    if (user != NULL && copas_receive(user, COPAS_LINE, &bytes) == COPAS_OK) continue;
    copas_pause(c, 0.001, NULL);
  }
}

static void pause_a_little(void *user)
{
  CHECK_OK(copas_pause(copas_current(), 0.02, NULL));
  *(int *)user = 1;
}

static void one_that_ignores_its_cancellation_does_not_stop_the_others(void)
{
  struct net_reports reports;
  int done = 0;
  copas_thread *thread;
  copas *c = net_new(&reports);
  CHECK_OK(copas_addthread(c, ignore_everything, NULL, &thread));
  net_settle(c);
  CHECK_OK(copas_removethread(thread));
  CHECK_OK(copas_addthread(c, pause_a_little, &done, NULL));
  net_until(c, &done, 1);
  CHECK_STATUS(copas_free(c), COPAS_ABANDONED);
  CHECK_NUMBER(reports.count, 1);
  CHECK(net_reported(&reports, "abandoned"));
}

static void a_shutdown_gives_up_on_those_that_ignore_it(void)
{
  struct net_reports reports;
  copas_socket *skt;
  copas *c = net_new(&reports);
  int peer = net_pair(c, &skt);
  CHECK_OK(copas_addthread(c, ignore_everything, skt, NULL));
  CHECK_OK(copas_addthread(c, ignore_everything, NULL, NULL));
  net_settle(c);
  CHECK_OK(copas_shutdown(c, 0));
  double start = net_seconds();
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(net_seconds() - start >= 1);
  CHECK(net_reported(&reports, "2 coroutines"));
  /* What they waited for is free again. */
  net_puts(peer, "for the root\n");
  copas_bytes bytes;
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "for the root");
  CHECK_OK(copas_free(c));
  close(peer);
}

static void join_once_canceled(void *user)
{
  CHECK_STATUS(copas_pauseforever(copas_current()), COPAS_CANCELED);
  CHECK_STATUS(copas_join(user, COPAS_FOREVER), COPAS_CANCELED);
}

static void a_canceled_one_is_told_so_by_the_join_of_an_ended_one(void)
{
  copas_thread *ended, *joiner;
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, sleep_for_ever, NULL, &ended));
  net_settle(c);
  CHECK_OK(copas_removethread(ended));
  net_settle(c);
  CHECK_OK(copas_addthread(c, join_once_canceled, ended, &joiner));
  net_settle(c);
  CHECK_OK(copas_removethread(joiner));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
}

static void ignore_in_its_wait(void *user)
{
  struct victim *victim = user;
  victim->waits = 1;
  for (;;) victim->wait(victim);
}

static void one_is_abandoned_in_whatever_it_waits_for(void)
{
  static struct victim victims[WAITS];
  struct net_reports reports;
  struct net_full full;
  int peers[WAITS];
  copas *c = net_new(&reports);
  int count = net_full_open(&full) ? WAITS : WAITS - 1;
  memset(victims, 0, sizeof victims);
  CHECK_OK(copas_addthread(c, sleep_for_ever, NULL, &victims[0].other));
  for (int i = 0; i < count; i++) {
    victims[i].c = c;
    victims[i].port = full.port;
    victims[i].wait = waits[i];
    victims[i].other = victims[0].other;
    peers[i] = net_narrow_pair(c, &victims[i].skt);
    CHECK_OK(copas_addthread(c, ignore_in_its_wait, &victims[i], NULL));
  }
  net_settle(c);
  for (int i = 0; i < count; i++) CHECK(victims[i].waits);
  CHECK_STATUS(copas_free(c), COPAS_ABANDONED);
  CHECK_NUMBER(reports.count, 1);
  for (int i = 0; i < count; i++) close(peers[i]);
  net_full_close(&full);
}

int main(void)
{
  RUN(a_cancellation_wakes_a_coroutine_in_every_wait);
  RUN(a_canceled_coroutine_can_say_goodbye);
  RUN(a_handler_is_canceled_as_every_coroutine_is);
  RUN(one_that_has_not_run_never_runs_once_canceled);
  RUN(a_shutdown_waits_for_handlers_within_its_grace);
  RUN(a_shutdown_cancels_handlers_after_its_grace);
  RUN(a_shutdown_cancels_only_those_who_need_longer_than_its_grace);
  RUN(a_shutdown_without_grace_cancels_at_once);
  RUN(an_earlier_end_shortens_the_grace);
  RUN(one_that_ignores_its_cancellation_does_not_stop_the_others);
  RUN(a_shutdown_gives_up_on_those_that_ignore_it);
  RUN(a_canceled_one_is_told_so_by_the_join_of_an_ended_one);
  RUN(one_is_abandoned_in_whatever_it_waits_for);
  return check_report();
}
