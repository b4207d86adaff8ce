/* SPDX-License-Identifier: MIT */
/* Which stack may wait: coroutines and the root may; callbacks, a loop inside a loop, and the
 * coroutines of another dispatcher may not. What copas_current(), copas_running() and copas_of()
 * tell. */
#include "network.h"

static char big[1 << 20];

struct place {
  copas *c;
  copas_socket *skt;
  copas_thread *sleeper;
  int port;
  int done;
};

static void sleep_for_ever(void *user)
{
  (void)user;
  CHECK_STATUS(copas_pauseforever(copas_current()), COPAS_CANCELED);
}

/* Checks that no call that has to wait on the dispatcher of `place` may do so on this stack. */
static void no_call_may_wait(struct place *place)
{
  copas *c = place->c;
  copas_bytes bytes;
  copas_socket *other;
  copas_event event;
  char memory[4];
  size_t n;
  CHECK_STATUS(copas_loop(c, 0), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_step(c, 0), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_poll(c, &event, 1, 0), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_pause(c, 0.001, NULL), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_pause(c, 0, NULL), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_pauseforever(c), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_waitforexit(c), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_join(place->sleeper, COPAS_FOREVER), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_join(place->sleeper, 0.001), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_receive(place->skt, COPAS_LINE, &bytes), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_receive(place->skt, 5, &bytes), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_receive_until(place->skt, "x", 1, &bytes), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_receive_some(place->skt, &bytes), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_receive_into(place->skt, memory, sizeof memory, &n), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_send_part(place->skt, big, sizeof big, &n), COPAS_CANNOT_WAIT);
  CHECK(n < sizeof big);
  CHECK_STATUS(copas_connect(c, "127.0.0.1", place->port, 1, &other), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_free(c), COPAS_CANNOT_WAIT);
}

/* Fills `place` with a dispatcher, a socket whose peer is silent, and a sleeping coroutine. */
static int prepare(struct place *place)
{
  place->c = net_new(NULL);
  place->done = 0;
  CHECK_OK(copas_addthread(place->c, sleep_for_ever, NULL, &place->sleeper));
  net_serve(place->c, net_echo, NULL, &place->port);
  int peer = net_narrow_pair(place->c, &place->skt);
  net_settle(place->c);
  return peer;
}

static void refuse_in_a_callback(copas *c, void *user)
{
  struct place *place = user;
  CHECK(c == place->c);
  no_call_may_wait(place);
  place->done = 1;
}

static void a_callback_may_not_wait(void)
{
  struct place place;
  int peer = prepare(&place);
  CHECK_OK(copas_post(place.c, refuse_in_a_callback, &place));
  net_until(place.c, &place.done, 1);
  CHECK_OK(copas_free(place.c));
  close(peer);
}

static void refuse_on_a_coroutine(void *user)
{
  struct place *place = user;
  no_call_may_wait(place);
  place->done = 1;
}

static void a_coroutine_of_another_dispatcher_may_not_wait(void)
{
  struct place place;
  int peer = prepare(&place);
  copas *other = net_new(NULL);
  CHECK_OK(copas_addthread(other, refuse_on_a_coroutine, &place, NULL));
  CHECK_OK(copas_loop(other, COPAS_FOREVER));
  CHECK_NUMBER(place.done, 1);
  net_settle(place.c);
  CHECK_OK(copas_free(place.c));
  CHECK_OK(copas_free(other));
  close(peer);
}

static void refuse_in_a_callback_of(copas *c, void *user)
{
  (void)c;
  refuse_on_a_coroutine(user);
}

static void a_callback_of_another_dispatcher_may_not_wait(void)
{
  struct place place;
  int peer = prepare(&place);
  copas *other = net_new(NULL);
  CHECK_OK(copas_post(other, refuse_in_a_callback_of, &place));
  CHECK_OK(copas_loop(other, COPAS_FOREVER));
  CHECK_NUMBER(place.done, 1);
  CHECK_OK(copas_free(other));
  CHECK_OK(copas_free(place.c));
  close(peer);
}

static void loop_inside(void *user)
{
  copas *c = copas_current();
  copas_event event;
  CHECK_STATUS(copas_loop(c, COPAS_FOREVER), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_step(c, COPAS_FOREVER), COPAS_CANNOT_WAIT);
  CHECK_STATUS(copas_poll(c, &event, 1, COPAS_FOREVER), COPAS_CANNOT_WAIT);
  ++*(int *)user;
}

static void a_loop_inside_a_loop_is_refused(void)
{
  int done = 0;
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, loop_inside, &done, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(done, 1);
  CHECK_OK(copas_free(c));
}

static void free_inside(void *user)
{
  struct place *place = user;
  CHECK_STATUS(copas_free(place->c), COPAS_CANNOT_WAIT);
  CHECK_OK(copas_pause(place->c, 0.001, NULL));
  CHECK_STATUS(copas_free(place->c), COPAS_CANNOT_WAIT);
  place->done++;
}

static void a_dispatcher_is_not_freed_inside_its_own_loop(void)
{
  struct place place;
  int peer = prepare(&place);
  CHECK_OK(copas_addthread(place.c, free_inside, &place, NULL));
  net_until(place.c, &place.done, 1);
  int fd = net_connect(place.port);
  net_puts(fd, "still here\n");
  net_expect(place.c, fd, "still here\n");
  CHECK_OK(copas_removethread(place.sleeper));
  close(fd);
  CHECK_OK(copas_free(place.c));
  CHECK_STATUS(copas_free(place.c), COPAS_STALE);
  close(peer);
}

static void send_in_a_callback(copas *c, void *user)
{
  struct place *place = user;
  char got[8];
  (void)c;
  CHECK_OK(copas_send(place->skt, "from a callback", 15));
  CHECK_NUMBER(recv(place->port, got, sizeof got, MSG_DONTWAIT), sizeof got);
  place->done = 1;
}

static void a_send_in_a_callback_is_written_before_it_returns(void)
{
  struct place place;
  place.c = net_new(NULL);
  place.done = 0;
  place.port = net_pair(place.c, &place.skt);
  CHECK_OK(copas_post(place.c, send_in_a_callback, &place));
  net_until(place.c, &place.done, 1);
  close(place.port);
  CHECK_OK(copas_free(place.c));
}

static void count_turns(void *user)
{
  for (;;) {
    if (copas_pause(copas_current(), 0, NULL) != COPAS_OK) return;
    ++*(long *)user;
  }
}

static void the_root_connects_and_receives_while_others_run(void)
{
  int port;
  long turns = 0;
  copas_socket *skt;
  copas_bytes line;
  copas_thread *counter;
  copas *c = net_new(NULL);
  net_serve(c, net_echo, NULL, &port);
  CHECK_OK(copas_addthread(c, count_turns, &turns, &counter));
  CHECK_OK(copas_connect(c, "127.0.0.1", port, 10, &skt));
  for (int i = 0; i < 20; i++) {
    CHECK_OK(copas_send(skt, "from the root\r\n", 15));
    CHECK_OK(copas_receive(skt, COPAS_LINE, &line));
    CHECK_BYTES(line, "from the root");
  }
  CHECK_OK(copas_flush(skt));
  CHECK(turns > 0);
  CHECK_OK(copas_close(skt));
  CHECK_OK(copas_removethread(counter));
  CHECK_OK(copas_join(counter, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
}

static void the_root_pauses_while_others_run(void)
{
  long turns = 0;
  double slept = 0;
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, count_turns, &turns, NULL));
  double start = net_seconds();
  CHECK_OK(copas_pause(c, 0.02, &slept));
  CHECK(net_seconds() - start >= 0.02);
  CHECK(slept >= 0.02);
  CHECK(turns > 0);
  CHECK_STATUS(copas_pauseforever(c), COPAS_CANNOT_WAIT);
  CHECK_OK(copas_free(c));
}

static void pause_a_little(void *user)
{
  CHECK_OK(copas_pause(copas_current(), 0.01, user));
}

static void the_root_joins(void)
{
  double slept = 0;
  copas_thread *thread;
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, pause_a_little, &slept, &thread));
  CHECK_STATUS(copas_join(thread, 0), COPAS_TIMEOUT);
  CHECK_OK(copas_join(thread, COPAS_FOREVER));
  CHECK(slept >= 0.01);
  CHECK_OK(copas_join(thread, 0));
  CHECK_OK(copas_free(c));
}

static void the_root_receives_within_the_time_limit(void)
{
  copas_socket *skt;
  copas_bytes bytes;
  copas *c = net_new(NULL);
  int peer = net_pair(c, &skt);
  CHECK_OK(copas_settimeout(skt, 0.02));
  net_puts(peer, "par");
  double start = net_seconds();
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  CHECK(net_seconds() - start >= 0.02);
  CHECK_BYTES(bytes, "par");
  net_puts(peer, "tial\n");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "partial");
  CHECK_OK(copas_free(c));
  close(peer);
}

struct seen {
  copas *current;
  copas *of_thread;
  copas_thread *running;
  int done;
};

static void look_on_a_coroutine(void *user)
{
  struct seen *seen = user;
  seen->current = copas_current();
  seen->running = copas_running();
  seen->of_thread = copas_of(seen->running);
  seen->done++;
}

static void look_in_a_callback(copas *c, void *user)
{
  (void)c;
  look_on_a_coroutine(user);
}

static void look_in_a_handler(copas_socket *client, void *user)
{
  CHECK(copas_of(client) == copas_current());
  look_on_a_coroutine(user);
}

static void current_and_running_tell_who_runs(void)
{
  struct seen seen[4];
  copas_thread *threads[2];
  copas *c[2];
  int port;
  memset(seen, 0, sizeof seen);
  for (int i = 0; i < 2; i++) {
    c[i] = net_new(NULL);
    CHECK_OK(copas_addthread(c[i], look_on_a_coroutine, &seen[i], &threads[i]));
  }
  CHECK(copas_current() == NULL);
  CHECK(copas_running() == NULL);
  CHECK_OK(copas_post(c[0], look_in_a_callback, &seen[2]));
  for (int i = 0; i < 2; i++) {
    CHECK_OK(copas_loop(c[i], COPAS_FOREVER));
    CHECK(seen[i].current == c[i]);
    CHECK(seen[i].running == threads[i]);
    CHECK(seen[i].of_thread == c[i]);
  }
  CHECK(seen[2].current == c[0]);
  CHECK(seen[2].running == NULL);
  net_serve(c[1], look_in_a_handler, &seen[3], &port);
  int fd = net_connect(port);
  net_until(c[1], &seen[3].done, 1);
  CHECK(seen[3].current == c[1]);
  CHECK(seen[3].running != NULL);
  CHECK(copas_current() == NULL);
  CHECK(copas_running() == NULL);
  close(fd);
  for (int i = 0; i < 2; i++) CHECK_OK(copas_free(c[i]));
}

static void of_tells_the_dispatcher_of_a_handle(void)
{
  copas_socket *skt;
  copas_thread *thread;
  copas_operation *operation;
  struct seen seen;
  memset(&seen, 0, sizeof seen);
  copas *c = net_new(NULL);
  int peer = net_pair(c, &skt);
  CHECK_OK(copas_addthread(c, look_on_a_coroutine, &seen, &thread));
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 1, NULL, &operation));
  CHECK(copas_of(skt) == c);
  CHECK(copas_of(thread) == c);
  CHECK(copas_of(operation) == c);
  CHECK_OK(copas_close(skt));
  net_settle(c);
  CHECK(copas_of(skt) == c);
  CHECK(copas_of(thread) == c);
  CHECK(copas_of(NULL) == NULL);
  CHECK(copas_of(&seen) == NULL);
  CHECK_OK(copas_free(c));
  CHECK(copas_of(skt) == NULL);
  CHECK(copas_of(thread) == NULL);
  close(peer);
}

static void *give_it_back(void *user)
{
  return user;
}

/* A finalizer: a callback that is called in the middle of something. */
static void wait_in_a_finalizer(void *user)
{
  struct place *place = user;
  no_call_may_wait(place);
  place->done++;
}

static void a_finalizer_may_not_wait(void)
{
  struct place place;
  copas_queue *queue;
  copas_future *future;
  copas_event event;
  int peer = prepare(&place);
  CHECK_OK(copas_queue_new(place.c, 0, 10, wait_in_a_finalizer, &queue));
  CHECK_OK(copas_queue_push(queue, &place, 0));
  CHECK_OK(copas_queue_destroy(queue));
  CHECK_NUMBER(place.done, 1);
  /* In the middle of an operation that is looked at. */
  CHECK_OK(copas_future_addthread(place.c, give_it_back, &place, wait_in_a_finalizer, &future));
  copas_choice choice = {.kind = COPAS_CHOICE_FUTURE, .handle = future};
  CHECK_OK(copas_submit_choice(place.c, &choice, COPAS_FOREVER, 1, NULL, NULL));
  while (copas_future_try(future, &choice.item) == COPAS_TIMEOUT) net_step(place.c);
  CHECK_OK(copas_future_destroy(future));
  CHECK_NUMBER(copas_poll(place.c, &event, 1, 0), 1);
  CHECK_NUMBER(place.done, 2);
  CHECK_OK(copas_free(place.c));
  close(peer);
}

int main(void)
{
  RUN(a_callback_may_not_wait);
  RUN(a_coroutine_of_another_dispatcher_may_not_wait);
  RUN(a_callback_of_another_dispatcher_may_not_wait);
  RUN(a_loop_inside_a_loop_is_refused);
  RUN(a_dispatcher_is_not_freed_inside_its_own_loop);
  RUN(a_send_in_a_callback_is_written_before_it_returns);
  RUN(the_root_connects_and_receives_while_others_run);
  RUN(the_root_pauses_while_others_run);
  RUN(the_root_joins);
  RUN(the_root_receives_within_the_time_limit);
  RUN(current_and_running_tell_who_runs);
  RUN(of_tells_the_dispatcher_of_a_handle);
  RUN(a_finalizer_may_not_wait);
  return check_report();
}
