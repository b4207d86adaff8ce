/* SPDX-License-Identifier: MIT */
/* Datagram sockets, UDP and Unix: clients that come, ask, and go. */
#include "soak.h"

#include <stdio.h>
#include <unistd.h>

enum { CLIENTS = 6, MOST_REQUESTS = 20, LONGEST = 2000, TRIES = 20 };

/* Seconds until a datagram is taken for lost: the kernel may drop them. */
#define LOST_AFTER 1.5

static int udp_port;
static copas_address unix_address;

static void echo(copas_socket *server, void *user)
{
  copas_bytes datagram;
  copas_address from;
  copas_status status;
  (void)user;
  for (;;) {
    status = copas_receivefrom(server, &datagram, &from);
    if (status == COPAS_CANCELED || status == COPAS_CLOSED) return;
    if (status == COPAS_OK) copas_sendto(server, datagram.data, datagram.len, &from);
  }
}

/* Takes datagrams until the reply to `text` comes; older ones are replies to what was sent again. */
static copas_status reply(copas_socket *skt, const char *text, size_t len)
{
  copas_bytes got;
  copas_status status;
  do status = copas_receivefrom(skt, &got, NULL);
  while (status == COPAS_OK && (got.len != len || memcmp(got.data, text, len) != 0));
  return status;
}

static int request(struct churn *churn, copas_socket *skt, const copas_address *to)
{
  char text[LONGEST + 32];
  int head = snprintf(text, sizeof text, "%llx ", (unsigned long long)churn->random);
  size_t len = (size_t)head + soak_random(&churn->random, LONGEST);
  memset(text + head, 'a' + (int)(churn->random & 15), len - (size_t)head);
  copas_status status = COPAS_TIMEOUT;
  for (int i = 0; i < TRIES && status == COPAS_TIMEOUT; i++) {
    if (!EXPECT_OK(churn->kind, copas_sendto(skt, text, len, to))) return 0;
    status = reply(skt, text, len);
  }
  return soak_expect(churn->kind, "a datagram's reply", status, COPAS_OK);
}

static void ask(struct churn *churn, copas_socket *skt, const copas_address *to)
{
  int requests = 1 + (int)soak_random(&churn->random, MOST_REQUESTS);
  copas_settimeout(skt, LOST_AFTER);
  for (int i = 0; i < requests && request(churn, skt, to); i++) soak_done(churn->kind, 1);
  EXPECT_OK(churn->kind, copas_close(skt));
}

static void visit_udp(struct churn *churn)
{
  copas_socket *skt;
  if (EXPECT_OK(churn->kind, copas_connect_udp(churn->soak->c, "127.0.0.1", udp_port, &skt)))
    ask(churn, skt, NULL);
}

static void visit_unix(struct churn *churn)
{
  static unsigned long number;
  char path[64];
  copas_socket *skt;
  snprintf(path, sizeof path, "@copas_soak_client_%d_%lu", (int)getpid(), ++number);
  if (EXPECT_OK(churn->kind, copas_bind_unix(churn->soak->c, path, COPAS_DATAGRAM, &skt)))
    ask(churn, skt, &unix_address);
}

static copas_socket *serve(struct soak *soak, copas_socket *server)
{
  soak_need(soak, "copas_addserver", copas_addserver(soak->c, server, echo, NULL, COPAS_FOREVER));
  return server;
}

void datagrams_start(struct soak *soak)
{
  copas_socket *server;
  copas_address address;
  char path[64];
  soak_need(soak, "copas_bind_udp", copas_bind_udp(soak->c, "127.0.0.1", 0, &server));
  soak_need(soak, "copas_getsockname", copas_getsockname(serve(soak, server), &address));
  udp_port = address.port;
  snprintf(path, sizeof path, "@copas_soak_datagrams_%d", (int)getpid());
  soak_need(soak, "copas_bind_unix", copas_bind_unix(soak->c, path, COPAS_DATAGRAM, &server));
  soak_need(soak, "copas_getsockname", copas_getsockname(serve(soak, server), &unix_address));
  soak_churn(soak, KIND_udp, visit_udp, CLIENTS);
  soak_churn(soak, KIND_unix_datagram, visit_unix, CLIENTS);
}
