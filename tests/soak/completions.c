/* SPDX-License-Identifier: MIT */
/* A dispatcher for completions alone, on an OS thread of its own: connections that are made, used and
 * ended by submissions; pauses and receives that are canceled; offloads. */
#include "soak.h"

#include <pthread.h>
#include <stdio.h>

enum { CONNECTIONS = 16, REQUESTS = 10, EVENTS = 64 };

/* What a connection's outstanding submission is; in the upper half of a token. */
enum step { CONNECTING, SENDING, RECEIVING, CANCELING, PAUSING, OFFLOADING };

struct connection {
  copas_socket *skt;
  int requests;
  char text[64];
};

static pthread_t os_thread;
static struct soak *soak;
static copas *c;
static struct connection connections[CONNECTIONS];
static int outstanding;

static void offloaded(void *user)
{
  (void)user;
}

static uint64_t token(int place, enum step step)
{
  return (uint64_t)step << 32 | (uint64_t)place;
}

/* Counts what a submission has begun. */
static void begun(int answer)
{
  if (EXPECT_OK(KIND_completion, answer)) outstanding++;
}

static void connect_anew(int place)
{
  connections[place].requests = 0;
  begun(copas_submit_connect(c, "127.0.0.1", soak->tcp_port, SOAK_PATIENCE,
                             token(place, CONNECTING), NULL, NULL));
}

static void ask(int place)
{
  static unsigned long number;
  struct connection *one = &connections[place];
  size_t taken, len = (size_t)snprintf(one->text, sizeof one->text, "completion %lu\n", ++number);
  begun(copas_submit_send(one->skt, one->text, len, 0, token(place, SENDING), &taken, NULL, NULL));
  EXPECT(KIND_completion, taken, len);
}

static void receive(int place)
{
  begun(copas_submit_receive(connections[place].skt, COPAS_LINE, token(place, RECEIVING), NULL,
                             NULL));
}

/* A receive that nothing comes for. */
static void receive_in_vain(int place)
{
  copas_operation *operation;
  begun(copas_submit_receive(connections[place].skt, COPAS_LINE, token(place, CANCELING), NULL,
                             &operation));
  EXPECT_OK(KIND_completion, copas_submit_cancel(operation));
}

static void check_reply(const struct connection *one, const copas_event *event)
{
  size_t len = strlen(one->text) - 1;
  if (EXPECT(KIND_completion, event->len, len))
    EXPECT(KIND_completion, memcmp(event->data, one->text, len), 0);
}

static void go_on(const copas_event *event)
{
  int place = (int)(event->token & 0xffffffff);
  struct connection *one = &connections[place];
  enum step step = (enum step)(event->token >> 32);
  outstanding--;
  soak_done(KIND_completion, 1);
  if (!EXPECT(KIND_completion, event->status, step == CANCELING ? COPAS_CANCELED : COPAS_OK)) return;
  switch (step) {
  case CONNECTING:
    one->skt = event->result;
    ask(place);
    break;
  case SENDING:
    receive(place);
    break;
  case RECEIVING:
    check_reply(one, event);
    if (++one->requests < REQUESTS) ask(place);
    else receive_in_vain(place);
    break;
  case CANCELING:
    EXPECT_OK(KIND_completion, copas_close(one->skt));
    begun(copas_submit_pause(c, 0.001 * place, token(place, PAUSING), NULL));
    break;
  case PAUSING:
    begun(copas_submit_offload(c, offloaded, NULL, token(place, OFFLOADING), NULL));
    break;
  case OFFLOADING:
    if (!atomic_load(&soak->stopping)) connect_anew(place);
  }
}

static void *run(void *user)
{
  copas_event events[EVENTS];
  (void)user;
  for (int place = 0; place < CONNECTIONS; place++) connect_anew(place);
  while (outstanding > 0) {
    int count = copas_poll(c, events, EVENTS, SOAK_PATIENCE);
    if (!EXPECT(KIND_completion, count > 0, 1)) break;
    for (int i = 0; i < count; i++) go_on(&events[i]);
  }
  EXPECT_OK(KIND_completion, copas_free(c));
  atomic_fetch_sub(&soak->active, 1);
  return NULL;
}

void completions_start(struct soak *of)
{
  copas_config config = {.size = sizeof config, .flags = COPAS_UNBOUND};
  soak = of;
  c = copas_new(&config);
  atomic_fetch_add(&soak->active, 1);
  if (c == NULL || pthread_create(&os_thread, NULL, run, NULL) != 0)
    soak_need(soak, "a dispatcher for completions", COPAS_LIMIT);
}

void completions_join(void)
{
  pthread_join(os_thread, NULL);
}
