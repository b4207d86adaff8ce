/* SPDX-License-Identifier: MIT */
/* Datagrams over UDP and Unix sockets: a server sends back what comes. One that fails is lost; none that comes
 * is another than was sent. */
#define _GNU_SOURCE
#include "tally.h"

#include <string.h>
#include <unistd.h>

#define DATAGRAMS 20

static copas *c;
static copas_address server_address;
static char paths[2][64];

/* Sends back what comes, until it is canceled. */
static void send_back(copas_socket *skt, void *user)
{
  copas_bytes bytes;
  copas_address from;
  (void)user;
  for (;;) {
    int status = tally("receivefrom", copas_receivefrom(skt, &bytes, &from));
    if (status == COPAS_CANCELED || status == COPAS_CLOSED || status == COPAS_STALE) return;
    if (status == COPAS_OK) tally("sendto", copas_sendto(skt, bytes.data, bytes.len, &from));
  }
}

/* Whether a datagram is one of those that were sent. */
static int was_sent(copas_bytes bytes, const char *who)
{
  char text[128];
  for (int n = 0; n < DATAGRAMS; n++) {
    size_t len = text_of(text, sizeof text, who, n);
    if (bytes.len == len && memcmp(bytes.data, text, len) == 0) return 1;
  }
  return 0;
}

static void exchange(copas_socket *skt, const copas_address *to, const char *who)
{
  char text[128];
  copas_bytes bytes;
  tally("settimeouts", copas_settimeouts(skt, PATIENCE, PATIENCE, only_benign ? PATIENCE : 0.02));
  for (int n = 0; n < DATAGRAMS; n++) {
    size_t len = text_of(text, sizeof text, who, n);
    int sent = to == NULL ? tally("send a datagram", copas_send(skt, text, len))
                          : tally("sendto", copas_sendto(skt, text, len, to));
    if (sent != COPAS_OK) continue;
    int status = copas_receivefrom(skt, &bytes, NULL);
    if (only_benign) tally("receivefrom an answer", status);
    else tally_short("receivefrom an answer", status);
    if (status == COPAS_OK && !was_sent(bytes, who)) FAIL("%s: a wrong datagram", who);
  }
  tally("close", copas_close(skt));
}

static void udp_client(void)
{
  copas_socket *skt;
  if (tally("connect_udp", copas_connect_udp(c, "127.0.0.1", server_address.port, &skt)) == COPAS_OK)
    exchange(skt, NULL, "udp");
}

static void unix_client(void)
{
  copas_socket *skt;
  copas_address to;
  memset(&to, 0, sizeof to);
  to.family = 1;
  memcpy(to.host, paths[0], sizeof paths[0]);
  if (tally("bind_unix", copas_bind_unix(c, paths[1], COPAS_DATAGRAM, &skt)) == COPAS_OK)
    exchange(skt, &to, "unix datagram");
}

/* Serves a socket that bind has given; whether it is served. */
static int serve(int bound, copas_socket *skt)
{
  copas_server_options options = {.size = sizeof options, .user_free = tally_taken_back};
  if (bound != COPAS_OK) return 0;
  options.user = tally_given();
  if (tally("addserver datagrams", copas_addserver_with(c, skt, send_back, &options)) == COPAS_OK) return 1;
  tally("close", copas_close(skt));
  return 0;
}

void datagrams_begin(copas *dispatcher)
{
  copas_socket *skt = NULL;
  c = dispatcher;
  for (int i = 0; i < 2; i++) snprintf(paths[i], sizeof paths[0], "@copas-faults-d%d-%d", i, (int)getpid());
  int bound = tally("bind_udp", copas_bind_udp(c, "127.0.0.1", 0, &skt));
  if (serve(bound, skt) &&
      tally("getsockname", copas_getsockname(skt, &server_address)) == COPAS_OK)
    begin(c, udp_client, 0);
  bound = tally("bind_unix", copas_bind_unix(c, paths[0], COPAS_DATAGRAM, &skt));
  if (serve(bound, skt)) begin(c, unix_client, 0);
}
