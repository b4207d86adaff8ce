/* SPDX-License-Identifier: MIT */
/* A dispatcher inside somebody else's loop: its descriptor is readable when there is something to do. */
#include "network.h"

#include <sys/epoll.h>

static copas *c;
static copas_event event;
static int loop;

static void open_loop(void)
{
  c = net_new(NULL);
  loop = epoll_create1(EPOLL_CLOEXEC);
  CHECK(loop >= 0);
  struct epoll_event watch = {.events = EPOLLIN};
  int fd = copas_backend_fd(c);
  CHECK(fd >= 0);
  CHECK_NUMBER(copas_backend_fd(c), fd);
  CHECK(epoll_ctl(loop, EPOLL_CTL_ADD, fd, &watch) == 0);
}

static void close_loop(void)
{
  close(loop);
  CHECK_OK(copas_free(c));
}

/* Whether the descriptor becomes readable within so many milliseconds. */
static int readable(int milliseconds)
{
  struct epoll_event ready;
  return epoll_wait(loop, &ready, 1, milliseconds);
}

/* Polls until nothing is told any more; how many completions came. */
static int drain(void)
{
  int all = 0, n;
  while ((n = copas_poll(c, &event, 1, 0)) != 0) {
    CHECK_NUMBER(n, 1);
    all++;
  }
  return all;
}

/* What a foreign loop does: waits for the descriptor, polls, until `wanted` completions have come. */
static void turn(int wanted)
{
  double end = net_seconds() + NET_PATIENCE;
  while (wanted > 0) {
    CHECK(net_seconds() < end);
    if (readable(1000)) wanted -= drain();
  }
}

static void it_is_quiet_until_something_arrives(void)
{
  copas_socket *skt;
  open_loop();
  int peer = net_tcp(c, &skt);
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 1, NULL, NULL));
  drain();
  CHECK_NUMBER(readable(0), 0);
  net_puts(peer, "line\n");
  CHECK_NUMBER(readable(60000), 1);
  CHECK_NUMBER(drain(), 1);
  CHECK_NUMBER(readable(0), 0);
  close(peer);
  close_loop();
}

static void it_tells_of_time_limits_although_nobody_polls(void)
{
  copas_socket *skt;
  open_loop();
  int peer = net_tcp(c, &skt);
  CHECK_NUMBER(copas_backend_timeout(c) < 0, 1);
  CHECK_OK(copas_submit_pause(c, 3600, 9, NULL));
  double start = net_seconds();
  CHECK_OK(copas_settimeout(skt, 0.03));
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 1, NULL, NULL));
  double left = copas_backend_timeout(c);
  CHECK(left > 0 && left <= 0.031);
  turn(1);
  CHECK_STATUS(event.status, COPAS_TIMEOUT);
  CHECK(net_seconds() - start >= 0.03);
  /* And again, once it has fired. */
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 2, NULL, NULL));
  turn(1);
  CHECK_NUMBER(event.token, 2);
  drain();
  CHECK_NUMBER(readable(0), 0);
  close(peer);
  close_loop();
}

static void it_tells_of_completions_that_are_queued_already(void)
{
  copas_socket *skt;
  open_loop();
  int peer = net_tcp(c, &skt);
  net_puts(peer, "a\nb\n");
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 1, NULL, NULL));
  CHECK_NUMBER(readable(0), 1);
  CHECK(copas_backend_timeout(c) == 0);
  CHECK_NUMBER(drain(), 1);
  copas_operation *operation;
  CHECK_OK(copas_submit_pause(c, 3600, 2, &operation));
  drain();
  CHECK_NUMBER(readable(0), 0);
  CHECK_OK(copas_submit_cancel(operation));
  CHECK_NUMBER(readable(0), 1);
  CHECK_NUMBER(drain(), 1);
  /* What a poll leaves for want of room is told of, too. */
  for (int i = 0; i < 3; i++) CHECK_OK(copas_submit_pause(c, 0, 3, NULL));
  CHECK_NUMBER(copas_poll(c, &event, 1, 0), 1);
  CHECK_NUMBER(readable(0), 1);
  CHECK_NUMBER(drain(), 2);
  close(peer);
  close_loop();
}

static void it_tells_of_output_that_waits_for_a_step(void)
{
  copas_socket *skt;
  size_t taken;
  open_loop();
  int peer = net_tcp(c, &skt);
  drain();
  CHECK_NUMBER(copas_submit_send(skt, "x", 1, COPAS_MORE, 1, &taken, &event, NULL), 1);
  CHECK(net_quiet(peer));
  CHECK_NUMBER(readable(0), 1);
  drain();
  net_expect(c, peer, "x");
  close(peer);
  close_loop();
}

static void count(void *user)
{
  (*(int *)user)++;
}

static void count_post(copas *c_, void *user)
{
  (void)c_;
  (*(int *)user)++;
}

static void it_tells_of_coroutines_posts_and_notifies(void)
{
  int counted = 0;
  struct net_later later;
  open_loop();
  CHECK_OK(copas_addthread(c, count, &counted, NULL));
  CHECK_NUMBER(readable(0), 1);
  drain();
  CHECK_NUMBER(counted, 1);
  net_later_start(&later, c, 0.01, count_post, &counted);
  CHECK_NUMBER(readable(60000), 1);
  drain();
  CHECK_NUMBER(counted, 2);
  net_later_join(&later);
  drain();
  CHECK_OK(copas_notify(c));
  CHECK_NUMBER(readable(0), 1);
  drain();
  CHECK_NUMBER(readable(0), 0);
  close_loop();
}

#define CLIENTS 50
#define ROUNDS 20

/* One end of a connection, as a state machine: receive a line, send it on. */
struct side {
  copas_socket *skt;
  int rounds;
  char line[64];
  size_t len;
};

static struct side servers[CLIENTS], clients[CLIENTS];
static int accepted, ended;

static void side_send(struct side *side, uint64_t token)
{
  size_t taken;
  int begun = copas_submit_send(side->skt, side->line, side->len, 0, token, &taken, &event, NULL);
  CHECK_NUMBER(begun, 1);
  CHECK_NUMBER(taken, side->len);
  CHECK_OK(copas_submit_receive(side->skt, COPAS_LINE, token, NULL, NULL));
}

static void client_next(int number)
{
  struct side *side = &clients[number];
  side->len = (size_t)snprintf(side->line, sizeof side->line, "%d of %d\n", side->rounds, number);
  side_send(side, (uint64_t)number);
}

static void on_receive(const copas_event *told)
{
  int number = (int)(told->token % 1000);
  struct side *side = told->token >= 1000 ? &servers[number] : &clients[number];
  if (told->status == COPAS_CLOSED) {
    CHECK_OK(copas_close(side->skt));
    ended++;
    return;
  }
  CHECK_OK(told->status);
  if (told->token >= 1000) {
    memcpy(side->line, told->data, told->len);
    side->line[told->len] = '\n';
    side->len = told->len + 1;
    side_send(side, told->token);
    return;
  }
  CHECK(told->len + 1 == side->len && memcmp(told->data, side->line, told->len) == 0);
  if (++side->rounds < ROUNDS) {
    client_next(number);
  } else {
    CHECK_OK(copas_close(side->skt));
    ended++;
  }
}

static void on_event(copas_socket *listener, const copas_event *told)
{
  switch (told->kind) {
  case COPAS_EVENT_ACCEPT:
    CHECK_OK(told->status);
    servers[accepted].skt = told->result;
    CHECK_OK(copas_submit_receive(told->result, COPAS_LINE, 1000 + (uint64_t)accepted, NULL, NULL));
    if (++accepted < CLIENTS)
      CHECK_OK(copas_submit_accept(listener, COPAS_FOREVER, 0, NULL, NULL));
    break;
  case COPAS_EVENT_CONNECT:
    CHECK_OK(told->status);
    clients[told->token].skt = told->result;
    client_next((int)told->token);
    break;
  default:
    CHECK_NUMBER(told->kind, COPAS_EVENT_RECEIVE);
    on_receive(told);
  }
}

static void a_server_and_its_clients_run_in_an_epoll_loop(void)
{
  int port;
  copas_event events[16];
  double end = net_seconds() + NET_PATIENCE;
  open_loop();
  copas_socket *listener = net_bind(c, &port);
  CHECK_OK(copas_submit_accept(listener, COPAS_FOREVER, 0, NULL, NULL));
  for (int i = 0; i < CLIENTS; i++)
    CHECK_OK(copas_submit_connect(c, "127.0.0.1", port, 30, (uint64_t)i, NULL, NULL));
  while (ended < 2 * CLIENTS) {
    CHECK(net_seconds() < end);
    if (!readable(1000)) continue;
    for (int n; (n = copas_poll(c, events, 16, 0)) > 0;)
      for (int i = 0; i < n; i++) on_event(listener, &events[i]);
  }
  for (int i = 0; i < CLIENTS; i++) CHECK_NUMBER(clients[i].rounds, ROUNDS);
  close_loop();
}

int main(void)
{
  RUN(it_is_quiet_until_something_arrives);
  RUN(it_tells_of_time_limits_although_nobody_polls);
  RUN(it_tells_of_completions_that_are_queued_already);
  RUN(it_tells_of_output_that_waits_for_a_step);
  RUN(it_tells_of_coroutines_posts_and_notifies);
  RUN(a_server_and_its_clients_run_in_an_epoll_loop);
  return check_report();
}
