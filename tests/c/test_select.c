/* SPDX-License-Identifier: MIT */
/* Waiting for the first of several things: fair, and without taking anything from the others. */
#include "network.h"

#include <math.h>

static copas *c;
static copas_socket *skt;
static copas_queue *queue;
static copas_thread *thread;
static copas_timer *timer;
static copas_choice choices[4];
static int peer, number = 5;

static void sleep_for_ever(void *user)
{
  (void)user;
  copas_pauseforever(copas_current());
}

static void tick(copas_timer *fired, void *user)
{
  (void)fired;
  (void)user;
}

static void open_all(void)
{
  copas_timer_options options;
  c = net_new(NULL);
  peer = net_pair(c, &skt);
  CHECK_OK(copas_queue_new(c, 0, NAN, NULL, &queue));
  CHECK_OK(copas_addthread(c, sleep_for_ever, NULL, &thread));
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.callback = tick;
  options.delay = 3600;
  CHECK_OK(copas_timer_new(c, &options, &timer));
  CHECK_OK(copas_timer_cancel(timer));
  choices[0] = (copas_choice){.kind = COPAS_CHOICE_RECEIVE, .handle = skt};
  choices[1] = (copas_choice){.kind = COPAS_CHOICE_POP, .handle = queue};
  choices[2] = (copas_choice){.kind = COPAS_CHOICE_JOIN, .handle = thread};
  choices[3] = (copas_choice){.kind = COPAS_CHOICE_TIMER, .handle = timer};
}

static void close_all(void)
{
  CHECK_OK(copas_free(c));
  close(peer);
}

static void expect_first(int place)
{
  CHECK_NUMBER(copas_select(c, choices, 4, 10), place);
  CHECK_OK(choices[place].status);
}

static void each_kind_can_come_first(void)
{
  copas_bytes bytes;
  open_all();
  CHECK_STATUS(copas_select(c, choices, 4, 0), COPAS_TIMEOUT);
  double start = net_seconds();
  CHECK_STATUS(copas_select(c, choices, 4, 0.02), COPAS_TIMEOUT);
  CHECK(net_seconds() - start >= 0.02);
  CHECK_OK(copas_queue_push(queue, &number, 0));
  expect_first(1);
  CHECK(choices[1].item == &number);
  CHECK_NUMBER(copas_queue_size(queue), 0);
  net_puts(peer, "line\n");
  expect_first(0);
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "line");
  CHECK_OK(copas_timer_arm(timer, 0.001));
  expect_first(3);
  CHECK_OK(copas_removethread(thread));
  expect_first(2);
  close_all();
}

static void wait_for_any(void *user)
{
  *(int *)user = copas_select(c, choices, 4, 10);
}

static void a_waiting_select_is_woken_by_the_first(void)
{
  open_all();
  for (int kind = 0; kind < 4; kind++) {
    int won = -99;
    CHECK_OK(copas_addthread(c, wait_for_any, &won, NULL));
    net_settle(c);
    CHECK_NUMBER(won, -99);
    if (kind == 0) CHECK_OK(copas_queue_push(queue, &number, 0));
    if (kind == 1) net_puts(peer, "x");
    if (kind == 2) CHECK_OK(copas_timer_arm(timer, 0));
    if (kind == 3) CHECK_OK(copas_removethread(thread));
    double end = net_seconds() + NET_PATIENCE;
    while (won == -99 && net_seconds() < end) net_step(c);
    CHECK_NUMBER(won, kind == 0 ? 1 : kind == 1 ? 0 : kind == 2 ? 3 : 2);
    copas_bytes bytes;
    if (kind == 1) CHECK_OK(copas_receive_some(skt, &bytes));
  }
  close_all();
}

static void none_that_is_always_there_hides_the_others(void)
{
  int wins[2] = {0, 0};
  open_all();
  net_puts(peer, "always there");
  for (int i = 0; i < 100; i++) {
    if (copas_queue_size(queue) == 0) CHECK_OK(copas_queue_push(queue, &number, 0));
    int place = copas_select(c, choices, 2, 10);
    CHECK(place == 0 || place == 1);
    wins[place]++;
  }
  CHECK(wins[0] >= 30 && wins[1] >= 30);
  close_all();
}

struct selector {
  copas_queue *queues[2];
  int wins[2];
};

static void select_in_turn(void *user)
{
  struct selector *own = user;
  copas_choice both[2];
  for (int i = 0; i < 2; i++)
    both[i] = (copas_choice){.kind = COPAS_CHOICE_POP, .handle = own->queues[i]};
  for (int i = 0; i < 100; i++) {
    int place = copas_select(c, both, 2, 10);
    CHECK(place == 0 || place == 1);
    own->wins[place]++;
    CHECK_OK(copas_queue_push(own->queues[place], &number, 0));
    CHECK_OK(copas_pause(c, 0, NULL));
  }
}

static void selectors_that_take_turns_hide_nothing_from_each_other(void)
{
  struct selector selectors[2];
  open_all();
  memset(selectors, 0, sizeof selectors);
  for (int i = 0; i < 4; i++) {
    copas_queue **place = &selectors[i / 2].queues[i % 2];
    CHECK_OK(copas_queue_new(c, 0, NAN, NULL, place));
    CHECK_OK(copas_queue_push(*place, &number, 0));
  }
  for (int i = 0; i < 2; i++)
    CHECK_OK(copas_addthread(c, select_in_turn, &selectors[i], NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  for (int i = 0; i < 4; i++) {
    int wins = selectors[i / 2].wins[i % 2];
    if (wins < 30 || wins > 70) CHECK_FAIL("choice %d won %d of 100", i, wins);
  }
  close_all();
}

static void room_in_a_socket_can_be_awaited(void)
{
  static char block[200000];
  size_t taken;
  open_all();
  copas_socket *narrow;
  int other = net_narrow_pair(c, &narrow);
  copas_choice choice = {.kind = COPAS_CHOICE_SEND, .handle = narrow};
  CHECK_NUMBER(copas_select(c, &choice, 1, 0), 0);
  CHECK_OK(copas_settimeout(narrow, 0));
  CHECK_STATUS(copas_send_part(narrow, block, sizeof block, &taken), COPAS_TIMEOUT);
  CHECK_OK(copas_send(narrow, block, 60000));
  CHECK_STATUS(copas_select(c, &choice, 1, 0.01), COPAS_TIMEOUT);
  net_take(c, other, block, taken + 60000);
  CHECK_NUMBER(copas_select(c, &choice, 1, 10), 0);
  close(other);
  close_all();
}

static void what_is_wrong_is_there_at_once(void)
{
  open_all();
  CHECK_OK(copas_close(skt));
  CHECK_NUMBER(copas_select(c, choices, 4, 10), 0);
  CHECK_STATUS(choices[0].status, COPAS_STALE);
  choices[0].kind = 77;
  CHECK_NUMBER(copas_select(c, choices, 4, 10), 0);
  CHECK_STATUS(choices[0].status, COPAS_INVALID);
  CHECK_OK(copas_queue_stop(queue));
  CHECK_NUMBER(copas_select(c, choices + 1, 3, 10), 0);
  CHECK_STATUS(choices[1].status, COPAS_STOPPED);
  CHECK_STATUS(copas_select(c, NULL, 1, 0), COPAS_INVALID);
  CHECK_STATUS(copas_select(c, choices, 0, 0), COPAS_INVALID);
  CHECK_STATUS(copas_select(c, choices, -1, 0), COPAS_INVALID);
  close_all();
}

static void the_end_of_a_stream_is_something_to_receive(void)
{
  open_all();
  CHECK(shutdown(peer, SHUT_WR) == 0);
  expect_first(0);
  close_all();
}

/* In a small buffer, which has to grow, and in one that is nearly used up. */
static void what_is_lent_outlives_a_select(void)
{
  static char block[60000];
  copas_bytes bytes;
  c = net_new(NULL);
  peer = net_pair(c, &skt);
  copas_choice choice = {.kind = COPAS_CHOICE_RECEIVE, .handle = skt};
  CHECK_OK(copas_settimeout(skt, 0.01));
  net_puts(peer, "abc");
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  CHECK_OK(copas_receive_some(skt, &bytes));
  net_puts(peer, "defg");
  CHECK_NUMBER(copas_select(c, &choice, 1, 10), 0);
  CHECK_BYTES(bytes, "abc");
  CHECK_OK(copas_receive(skt, 4, &bytes));
  CHECK_BYTES(bytes, "defg");
  memset(block, 'a', sizeof block);
  CHECK_NUMBER(write(peer, block, sizeof block), (int)sizeof block);
  CHECK_OK(copas_receive(skt, sizeof block, &bytes));
  net_puts(peer, "more");
  CHECK_NUMBER(copas_select(c, &choice, 1, 10), 0);
  CHECK(bytes.len == sizeof block && memcmp(bytes.data, block, sizeof block) == 0);
  CHECK_OK(copas_receive_some(skt, &bytes));
  CHECK_BYTES(bytes, "more");
  CHECK_OK(copas_free(c));
  close(peer);
}

static void a_select_that_does_not_wait_asks_the_kernel(void)
{
  static char block[60000];
  int fds[2];
  copas_socket *other, *narrow;
  copas_bytes bytes;
  size_t taken;
  c = net_new(NULL);
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  CHECK_OK(copas_wrap(c, fds[0], &skt));
  CHECK_OK(copas_wrap(c, fds[1], &other));
  copas_choice choice = {.kind = COPAS_CHOICE_RECEIVE, .handle = skt};
  for (int i = 0; i < 3; i++) {
    CHECK_STATUS(copas_select(c, &choice, 1, 0), COPAS_TIMEOUT);
    CHECK_OK(copas_send(other, "x", 1));
    CHECK_OK(copas_flush(other));
    CHECK_NUMBER(copas_select(c, &choice, 1, 0), 0);
    CHECK_OK(copas_receive_some(skt, &bytes));
  }
  /* The same for room. */
  peer = net_narrow_pair(c, &narrow);
  choice = (copas_choice){.kind = COPAS_CHOICE_SEND, .handle = narrow};
  CHECK_OK(copas_settimeout(narrow, 0));
  for (;;) {
    copas_status status = copas_send_part(narrow, block, sizeof block, &taken);
    if (status == COPAS_TIMEOUT) break;
    CHECK_OK(status);
  }
  CHECK_STATUS(copas_select(c, &choice, 1, 0), COPAS_TIMEOUT);
  while (recv(peer, block, sizeof block, MSG_DONTWAIT) > 0)
    ;
  for (int i = 0; i < 100 && copas_select(c, &choice, 1, 0) != 0; i++)
    while (recv(peer, block, sizeof block, MSG_DONTWAIT) > 0)
      ;
  CHECK_NUMBER(copas_select(c, &choice, 1, 0), 0);
  CHECK_OK(copas_free(c));
  close(peer);
}

static copas_future *own_result;
static copas_group *own_group;

static void expect_wrong(uint32_t kind, void *handle)
{
  copas_choice choice = {.kind = kind, .handle = handle};
  CHECK_NUMBER(copas_select(c, &choice, 1, COPAS_FOREVER), 0);
  CHECK_STATUS(choice.status, COPAS_INVALID);
  number++;
}

static void select_its_own_end(void *user)
{
  (void)user;
  expect_wrong(COPAS_CHOICE_JOIN, copas_running());
}

static void *select_its_own_result(void *user)
{
  expect_wrong(COPAS_CHOICE_FUTURE, own_result);
  return user;
}

static void select_its_own_group(void *user)
{
  (void)user;
  expect_wrong(COPAS_CHOICE_GROUP, own_group);
}

static void select_the_end_of_its_queue(void *item, void *user)
{
  (void)item;
  (void)user;
  expect_wrong(COPAS_CHOICE_FINISH, queue);
}

static void nobody_selects_what_would_wait_for_itself(void)
{
  open_all();
  number = 0;
  CHECK_OK(copas_addthread(c, select_its_own_end, NULL, NULL));
  CHECK_OK(copas_future_addthread(c, select_its_own_result, NULL, NULL, &own_result));
  CHECK_OK(copas_group_new(c, 0, &own_group));
  CHECK_OK(copas_group_addthread(own_group, select_its_own_group, NULL, NULL));
  CHECK_OK(copas_queue_push(queue, NULL, 0));
  CHECK_OK(copas_queue_addworker(queue, select_the_end_of_its_queue, NULL, NULL));
  net_settle(c);
  CHECK_NUMBER(number, 4);
  close_all();
}

static void datagrams_and_connections_can_be_awaited(void)
{
  copas_choice both[2];
  copas_socket *udp, *listener, *sender, *client;
  copas_address address;
  copas_bytes bytes;
  c = net_new(NULL);
  CHECK_OK(copas_bind_udp(c, "127.0.0.1", 0, &udp));
  CHECK_OK(copas_bind(c, "127.0.0.1", 0, &listener));
  both[0] = (copas_choice){.kind = COPAS_CHOICE_RECEIVE, .handle = udp};
  both[1] = (copas_choice){.kind = COPAS_CHOICE_RECEIVE, .handle = listener};
  for (int i = 0; i < 3; i++) {
    double limit = i == 0 ? 0 : 10;
    CHECK_STATUS(copas_select(c, both, 2, i == 0 ? 0 : 0.001), COPAS_TIMEOUT);
    CHECK_OK(copas_getsockname(udp, &address));
    CHECK_OK(copas_connect_udp(c, "127.0.0.1", address.port, &sender));
    CHECK_OK(copas_sendto(sender, "letter", 6, NULL));
    CHECK_NUMBER(copas_select(c, both, 2, limit), 0);
    CHECK_OK(both[0].status);
    /* Nothing was taken by that. */
    CHECK_NUMBER(copas_select(c, both, 2, limit), 0);
    CHECK_OK(copas_receivefrom(udp, &bytes, NULL));
    CHECK_BYTES(bytes, "letter");
    CHECK_STATUS(copas_select(c, both, 2, 0), COPAS_TIMEOUT);
    CHECK_OK(copas_getsockname(listener, &address));
    int fd = net_connect(address.port);
    CHECK_NUMBER(copas_select(c, both, 2, limit), 1);
    CHECK_OK(both[1].status);
    CHECK_OK(copas_accept(listener, 0, &client));
    CHECK_STATUS(copas_select(c, both, 2, 0), COPAS_TIMEOUT);
    CHECK_OK(copas_close(client));
    CHECK_OK(copas_close(sender));
    close(fd);
  }
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(each_kind_can_come_first);
  RUN(a_waiting_select_is_woken_by_the_first);
  RUN(none_that_is_always_there_hides_the_others);
  RUN(selectors_that_take_turns_hide_nothing_from_each_other);
  RUN(room_in_a_socket_can_be_awaited);
  RUN(what_is_wrong_is_there_at_once);
  RUN(the_end_of_a_stream_is_something_to_receive);
  RUN(what_is_lent_outlives_a_select);
  RUN(a_select_that_does_not_wait_asks_the_kernel);
  RUN(nobody_selects_what_would_wait_for_itself);
  RUN(datagrams_and_connections_can_be_awaited);
  return check_report();
}
