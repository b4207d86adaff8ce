/* SPDX-License-Identifier: MIT */
/* What keeps copas_loop() alive and what does not, and the answers of copas_step(). */
#include "network.h"

#include <math.h>

static char block[60000];

struct ending {
  copas_post_fn fn;
  void *user;
  int ran;
};

static void run_ending(copas *c, void *user)
{
  struct ending *ending = user;
  CHECK_NUMBER(copas_exiting(c), 0);
  ending->ran = 1;
  ending->fn(c, ending->user);
}

/* Checks that the loop waits for what is there now, and ends once `fn` has taken it away. */
static void loop_lasts_until(copas *c, copas_post_fn fn, void *user)
{
  struct ending ending = {fn, user, 0};
  struct net_later later;
  net_settle(c);
  CHECK_NUMBER(copas_finished(c), 0);
  double start = net_seconds();
  CHECK_STATUS(copas_step(c, 0.02), COPAS_TIMEOUT);
  CHECK(net_seconds() - start >= 0.02);
  net_later_start(&later, c, 0.03, run_ending, &ending);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(ending.ran);
  net_later_join(&later);
  CHECK_NUMBER(copas_finished(c), 1);
}

/* Checks that the loop ends at once although coroutines are left. */
static void loop_ends_at_once(copas *c)
{
  net_settle(c);
  CHECK_NUMBER(copas_finished(c), 1);
  CHECK_STATUS(copas_step(c, COPAS_FOREVER), COPAS_TIMEOUT);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
}

static void close_socket(copas *c, void *user)
{
  (void)c;
  CHECK_OK(copas_close(user));
}

static void write_to_peer(copas *c, void *user)
{
  (void)c;
  net_puts(*(int *)user, "end\n");
}

static void an_empty_dispatcher_ends_at_once_and_raises_the_flag(void)
{
  copas *c = net_new(NULL);
  CHECK_NUMBER(copas_finished(c), 1);
  CHECK_NUMBER(copas_exiting(c), 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(copas_exiting(c), 1);
  CHECK_OK(copas_free(c));
}

static void a_server_keeps_the_loop_alive(void)
{
  int port;
  copas *c = net_new(NULL);
  copas_socket *server = net_serve(c, net_echo, NULL, &port);
  loop_lasts_until(c, close_socket, server);
  CHECK_OK(copas_free(c));
}

static void receive_a_line(void *user)
{
  copas_bytes bytes;
  CHECK_OK(copas_receive(user, COPAS_LINE, &bytes));
}

static void a_reader_keeps_the_loop_alive(void)
{
  copas_socket *skt;
  copas *c = net_new(NULL);
  int peer = net_pair(c, &skt);
  CHECK_NUMBER(copas_finished(c), 1);
  CHECK_OK(copas_addthread(c, receive_a_line, skt, NULL));
  loop_lasts_until(c, write_to_peer, &peer);
  CHECK_OK(copas_free(c));
  close(peer);
}

static void flush_block(void *user)
{
  CHECK_OK(copas_send(user, block, sizeof block));
  CHECK_OK(copas_flush(user));
}

static void read_block(void *user)
{
  char got[4096];
  size_t have = 0;
  int fd = *(int *)user;
  while (have < sizeof block) {
    ssize_t n = recv(fd, got, sizeof got, MSG_DONTWAIT);
    if (n > 0) have += (size_t)n;
    if (n == 0) break;
    CHECK_OK(copas_pause(copas_current(), 0, NULL));
  }
}

static void add_the_reader(copas *c, void *user)
{
  CHECK_OK(copas_addthread(c, read_block, user, NULL));
}

static void a_writer_keeps_the_loop_alive(void)
{
  copas_socket *skt;
  copas *c = net_new(NULL);
  int peer = net_narrow_pair(c, &skt);
  CHECK_OK(copas_addthread(c, flush_block, skt, NULL));
  loop_lasts_until(c, add_the_reader, &peer);
  CHECK_OK(copas_free(c));
  close(peer);
}

static void count(void *user)
{
  ++*(int *)user;
}

static void a_ready_coroutine_keeps_the_loop_alive(void)
{
  int ran = 0;
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, count, &ran, NULL));
  CHECK_NUMBER(copas_finished(c), 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(ran, 1);
  CHECK_NUMBER(copas_finished(c), 1);
  CHECK_OK(copas_free(c));
}

static void pause_50_ms(void *user)
{
  CHECK_OK(copas_pause(copas_current(), 0.05, user));
}

static void a_pause_keeps_the_loop_alive(void)
{
  double slept = 0;
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, pause_50_ms, &slept, NULL));
  net_settle(c);
  CHECK_NUMBER(copas_finished(c), 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(slept >= 0.05);
  CHECK_OK(copas_free(c));
}

static void the_longest_wait_of_a_step_does_not_end_the_loop(void)
{
  double slept = 0;
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, pause_50_ms, &slept, NULL));
  CHECK_OK(copas_loop(c, 0.005));
  CHECK(slept >= 0.05);
  CHECK_OK(copas_free(c));
}

static void sleep_for_ever(void *user)
{
  (void)user;
  CHECK_STATUS(copas_pauseforever(copas_current()), COPAS_CANCELED);
}

static void pause_without_limit(void *user)
{
  (void)user;
  CHECK_STATUS(copas_pause(copas_current(), COPAS_FOREVER, NULL), COPAS_CANCELED);
}

static void sleeping_for_ever_does_not_keep_the_loop_alive(void)
{
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, sleep_for_ever, NULL, NULL));
  CHECK_OK(copas_addthread(c, pause_without_limit, NULL, NULL));
  loop_ends_at_once(c);
  CHECK_OK(copas_free(c));
}

static void join_for_ever(void *user)
{
  CHECK_STATUS(copas_join(user, COPAS_FOREVER), COPAS_CANCELED);
}

static void join_50_ms(void *user)
{
  CHECK_STATUS(copas_join(user, 0.05), COPAS_TIMEOUT);
}

static void a_join_without_a_limit_does_not_keep_the_loop_alive(void)
{
  copas_thread *sleeper;
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, sleep_for_ever, NULL, &sleeper));
  CHECK_OK(copas_addthread(c, join_for_ever, sleeper, NULL));
  loop_ends_at_once(c);
  CHECK_OK(copas_free(c));
}

static void a_join_with_a_limit_keeps_the_loop_alive(void)
{
  copas_thread *sleeper;
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, sleep_for_ever, NULL, &sleeper));
  CHECK_OK(copas_addthread(c, join_50_ms, sleeper, NULL));
  double start = net_seconds();
  net_settle(c);
  CHECK_NUMBER(copas_finished(c), 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(net_seconds() - start >= 0.05);
  CHECK_OK(copas_free(c));
}

static void posted(copas *c, void *user)
{
  (void)c;
  ++*(int *)user;
}

static void a_pending_post_keeps_the_loop_alive(void)
{
  int ran = 0;
  copas *c = net_new(NULL);
  CHECK_OK(copas_post(c, posted, &ran));
  CHECK_NUMBER(copas_finished(c), 0);
  CHECK_NUMBER(ran, 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(ran, 1);
  CHECK_OK(copas_free(c));
}

static void a_draining_close_keeps_the_loop_alive(void)
{
  copas_socket *skt;
  copas *c = net_new(NULL);
  int peer = net_narrow_pair(c, &skt);
  CHECK_OK(copas_send(skt, block, sizeof block));
  CHECK_OK(copas_close(skt));
  CHECK_STATUS(copas_close(skt), COPAS_STALE);
  net_settle(c);
  CHECK_NUMBER(copas_finished(c), 0);
  CHECK_NUMBER(net_drain(c, peer), sizeof block);
  net_settle(c);
  CHECK_NUMBER(copas_finished(c), 1);
  CHECK_OK(copas_free(c));
  close(peer);
}

static void a_close_drains_no_longer_than_the_send_limit(void)
{
  copas_socket *skt;
  copas *c = net_new(NULL);
  int peer = net_narrow_pair(c, &skt);
  CHECK_OK(copas_settimeouts(skt, NAN, 0.05, NAN));
  CHECK_OK(copas_send(skt, block, sizeof block));
  double start = net_seconds();
  CHECK_OK(copas_close(skt));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(net_seconds() - start >= 0.05);
  CHECK(net_seconds() - start < 8);
  CHECK(net_drain(c, peer) < sizeof block);
  CHECK_OK(copas_free(c));
  close(peer);
}

static void release_twice(copas *c, void *user)
{
  (void)user;
  CHECK_OK(copas_release(c));
  CHECK_NUMBER(copas_finished(c), 0);
  CHECK_OK(copas_release(c));
}

static void a_hold_keeps_the_loop_alive_until_its_release(void)
{
  copas *c = net_new(NULL);
  CHECK_STATUS(copas_release(c), COPAS_INVALID);
  CHECK_OK(copas_hold(c));
  CHECK_OK(copas_hold(c));
  loop_lasts_until(c, release_twice, NULL);
  CHECK_STATUS(copas_release(c), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

static void an_unfinished_submission_keeps_the_loop_alive(void)
{
  copas_socket *skt;
  copas_event event;
  copas *c = net_new(NULL);
  int peer = net_pair(c, &skt);
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 7, NULL, NULL));
  loop_lasts_until(c, write_to_peer, &peer);
  CHECK_NUMBER(copas_poll(c, &event, 1, 0), 1);
  CHECK_NUMBER(event.token, 7);
  CHECK_OK(event.status);
  CHECK_OK(copas_free(c));
  close(peer);
}

static void a_canceled_submission_keeps_nothing_alive(void)
{
  copas_socket *skt;
  copas_operation *operation;
  copas *c = net_new(NULL);
  int peer = net_pair(c, &skt);
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 7, NULL, &operation));
  CHECK_NUMBER(copas_finished(c), 0);
  CHECK_OK(copas_submit_cancel(operation));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
  close(peer);
}

static void an_open_socket_alone_does_not_keep_the_loop_alive(void)
{
  copas_socket *skt;
  copas *c = net_new(NULL);
  int peer = net_pair(c, &skt);
  loop_ends_at_once(c);
  CHECK_OK(copas_free(c));
  close(peer);
}

static void the_loop_can_run_again(void)
{
  int ran = 0;
  copas *c = net_new(NULL);
  for (int i = 1; i <= 5; i++) {
    CHECK_OK(copas_addthread(c, count, &ran, NULL));
    CHECK_OK(copas_loop(c, COPAS_FOREVER));
    CHECK_NUMBER(ran, i);
  }
  CHECK_OK(copas_free(c));
}

static void step_tells_what_was_done(void)
{
  int ran = 0;
  copas *c = net_new(NULL);
  CHECK_STATUS(copas_step(c, COPAS_FOREVER), COPAS_TIMEOUT);
  CHECK_OK(copas_addthread(c, count, &ran, NULL));
  CHECK_OK(copas_step(c, COPAS_FOREVER));
  CHECK_NUMBER(ran, 1);
  CHECK_STATUS(copas_step(c, 0), COPAS_TIMEOUT);
  CHECK_OK(copas_post(c, posted, &ran));
  CHECK_OK(copas_step(c, 0));
  CHECK_NUMBER(ran, 2);
  CHECK_OK(copas_hold(c));
  double start = net_seconds();
  CHECK_STATUS(copas_step(c, 0.02), COPAS_TIMEOUT);
  CHECK(net_seconds() - start >= 0.02);
  CHECK_STATUS(copas_step(c, NAN), COPAS_INVALID);
  CHECK_STATUS(copas_loop(c, NAN), COPAS_INVALID);
  CHECK_STATUS(copas_step(NULL, 0), COPAS_INVALID);
  CHECK_STATUS(copas_loop(NULL, 0), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

static void a_step_that_waits_ends_with_the_first_thing_done(void)
{
  copas_socket *skt;
  struct net_later later;
  int ran = 0;
  copas *c = net_new(NULL);
  int peer = net_pair(c, &skt);
  CHECK_OK(copas_addthread(c, receive_a_line, skt, NULL));
  net_settle(c);
  net_later_start(&later, c, 0, posted, &ran);
  CHECK_OK(copas_step(c, COPAS_FOREVER));
  net_later_join(&later);
  net_settle(c);
  CHECK_NUMBER(ran, 1);
  net_puts(peer, "line\n");
  double end = net_seconds() + NET_PATIENCE;
  while (copas_finished(c) == 0 && net_seconds() < end) CHECK_OK(copas_step(c, COPAS_FOREVER));
  CHECK_NUMBER(copas_finished(c), 1);
  CHECK_OK(copas_free(c));
  close(peer);
}

int main(void)
{
  RUN(an_empty_dispatcher_ends_at_once_and_raises_the_flag);
  RUN(a_server_keeps_the_loop_alive);
  RUN(a_reader_keeps_the_loop_alive);
  RUN(a_writer_keeps_the_loop_alive);
  RUN(a_ready_coroutine_keeps_the_loop_alive);
  RUN(a_pause_keeps_the_loop_alive);
  RUN(the_longest_wait_of_a_step_does_not_end_the_loop);
  RUN(sleeping_for_ever_does_not_keep_the_loop_alive);
  RUN(a_join_without_a_limit_does_not_keep_the_loop_alive);
  RUN(a_join_with_a_limit_keeps_the_loop_alive);
  RUN(a_pending_post_keeps_the_loop_alive);
  RUN(a_draining_close_keeps_the_loop_alive);
  RUN(a_close_drains_no_longer_than_the_send_limit);
  RUN(a_hold_keeps_the_loop_alive_until_its_release);
  RUN(an_unfinished_submission_keeps_the_loop_alive);
  RUN(a_canceled_submission_keeps_nothing_alive);
  RUN(an_open_socket_alone_does_not_keep_the_loop_alive);
  RUN(the_loop_can_run_again);
  RUN(step_tells_what_was_done);
  RUN(a_step_that_waits_ends_with_the_first_thing_done);
  return check_report();
}
