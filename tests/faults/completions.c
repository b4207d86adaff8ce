/* SPDX-License-Identifier: MIT */
/* A server and its clients by completions: each submission has its one event, however it ends. And several
 * dispatchers at once. */
#define _GNU_SOURCE
#include "tally.h"

#include <string.h>
#include <unistd.h>

#define CLIENTS 4
#define TURNS 8

/* Which operation a token names, and of which client; a server's connections have numbers of their own. */
enum { ACCEPT = 1, CONNECT, SEND, ANSWER, RECEIVE, ASK, PAUSE, OFFLOAD, RESOLVE };
#define TOKEN(what, who) ((uint64_t)(what) << 32 | (uint32_t)(who))

static copas *c;
static int outstanding;
static copas_socket *clients[CLIENTS], *connections[CLIENTS];
static int accepted, turns[CLIENTS];

/* Counts what a submission gave; whether an event will come. */
static int begun(const char *operation, int status)
{
  tally(operation, status);
  if (status == COPAS_OK) outstanding++;
  return status == COPAS_OK;
}

static void drop(copas_socket **skt)
{
  if (*skt != NULL) tally("close", copas_close(*skt));
  *skt = NULL;
}

/* Sends a text of a client; its event tells that there is room again. */
static void put(copas_socket **skt, uint64_t token, int who)
{
  char text[128], name[16];
  size_t taken = 0;
  snprintf(name, sizeof name, "client %d", who);
  size_t len = text_of(text, sizeof text, name, turns[who]);
  if (!begun("submit_send", copas_submit_send(*skt, text, len, 0, token, &taken, NULL, NULL))) drop(skt);
  else MUST(taken == len);
}

static void take(copas_socket **skt, uint64_t token)
{
  if (!begun("submit_receive", copas_submit_receive(*skt, COPAS_LINE_RAW, token, NULL, NULL))) drop(skt);
}

static void compare(const copas_event *event, int who)
{
  char text[128], name[16];
  snprintf(name, sizeof name, "client %d", who);
  size_t len = text_of(text, sizeof text, name, turns[who]);
  if (event->len != len || memcmp(event->data, text, len) != 0) FAIL("client %d: a wrong byte", who);
}

/* Sends a line back as it came. */
static void send_back(copas_socket **skt, const copas_event *event, uint64_t token)
{
  char text[256];
  size_t taken = 0, len = event->len < sizeof text ? event->len : sizeof text;
  memcpy(text, event->data, len);
  if (!begun("submit_send", copas_submit_send(*skt, text, len, 0, token, &taken, NULL, NULL))) drop(skt);
}

static void handle(const copas_event *event, copas_socket *server)
{
  static const char *const names[] = {"", "accept event", "connect event", "send event", "send event",
                                      "receive event", "receive event", "pause event", "offload event",
                                      "resolve event"};
  int what = (int)(event->token >> 32), who = (int)(uint32_t)event->token;
  int status = tally(names[what], event->status);
  outstanding--;
  switch (what) {
  case ACCEPT:
    if (status == COPAS_OK) {
      connections[accepted] = event->result;
      take(&connections[accepted], TOKEN(ASK, accepted));
      accepted++;
    }
    if (accepted < CLIENTS && status != COPAS_STALE && status != COPAS_CLOSED)
      begun("submit_accept", copas_submit_accept(server, PATIENCE, TOKEN(ACCEPT, 0), NULL, NULL));
    break;
  case CONNECT:
    if (status == COPAS_OK) {
      clients[who] = event->result;
      put(&clients[who], TOKEN(SEND, who), who);
    }
    break;
  case SEND:
    if (clients[who] == NULL) break;
    if (status == COPAS_OK) take(&clients[who], TOKEN(RECEIVE, who));
    else drop(&clients[who]);
    break;
  case RECEIVE:
    if (clients[who] == NULL) break;
    if (status == COPAS_OK) compare(event, who);
    if (status == COPAS_OK && ++turns[who] < TURNS) put(&clients[who], TOKEN(SEND, who), who);
    else drop(&clients[who]);
    break;
  case ASK:
    if (connections[who] == NULL) break;
    if (status == COPAS_OK) send_back(&connections[who], event, TOKEN(ANSWER, who));
    else drop(&connections[who]);
    break;
  case ANSWER:
    if (connections[who] == NULL) break;
    if (status == COPAS_OK) take(&connections[who], TOKEN(ASK, who));
    else drop(&connections[who]);
    break;
  default: break;
  }
}

/* Whether clients, or connections to them, are at work still. */
static int at_work(void)
{
  for (int i = 0; i < CLIENTS; i++)
    if (clients[i] != NULL || connections[i] != NULL) return 1;
  return 0;
}

static void compute(void *user)
{
  ++*(int *)user;
}

static void begin_clients(int port)
{
  static int computed;
  for (int i = 0; i < CLIENTS; i++) {
    clients[i] = connections[i] = NULL;
    turns[i] = 0;
    begun("submit_connect",
          copas_submit_connect(c, "127.0.0.1", port, PATIENCE, TOKEN(CONNECT, i), NULL, NULL));
  }
  accepted = 0;
  begun("submit_pause", copas_submit_pause(c, 0.005, TOKEN(PAUSE, 0), NULL));
  begun("submit_offload", copas_submit_offload(c, compute, &computed, TOKEN(OFFLOAD, 0), NULL));
  begun("submit_resolve", copas_submit_resolve(c, "localhost", PATIENCE, TOKEN(RESOLVE, 0), NULL, NULL));
}

/* Hands events out until all submissions have had theirs. */
static void poll_events(copas_socket *server)
{
  copas_event events[8];
  int closed = 0, failures = 0;
  while (outstanding > 0) {
    int n = copas_poll(c, events, 8, PATIENCE);
    if (n == 0) FAIL("%d events never come", outstanding);
    if (n < 0 && ++failures > 1000) FAIL("copas_poll gives %s for ever", copas_status_name(n));
    if (n < 0) tally("poll", n);
    for (int i = 0; i < n; i++) handle(&events[i], server);
    if (!closed && !at_work() && outstanding <= 1) {
      tally("close", copas_close(server));
      closed = 1;
    }
  }
  if (!closed) tally("close", copas_close(server));
  MUST(!at_work());
}

void completions_run(void)
{
  copas_socket *server;
  copas_address address;
  copas_config config = {.size = sizeof config, .flags = COPAS_QUIET};
  c = copas_new(&config);
  if (c == NULL) return;
  outstanding = 0;
  int fd = copas_backend_fd(c);
  tally("backend_fd", fd < 0 ? fd : COPAS_OK);
  if (tally("bind", copas_bind(c, "127.0.0.1", 0, &server)) == COPAS_OK) {
    MUST(copas_getsockname(server, &address) == COPAS_OK);
    if (begun("submit_accept", copas_submit_accept(server, PATIENCE, TOKEN(ACCEPT, 0), NULL, NULL))) {
      begin_clients(address.port);
      poll_events(server);
    }
  }
  tally("free", copas_free(c));
}

static int set_up(copas *one, int number, void *user)
{
  (void)user;
  (void)number;
  return tally("shutdown", copas_shutdown(one, 0));
}

void fleet_run(void)
{
  copas_config config = {.size = sizeof config, .flags = COPAS_QUIET};
  tally("loop_many", copas_loop_many(2, set_up, NULL, &config));
}
