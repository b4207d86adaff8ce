/* SPDX-License-Identifier: MIT */
/* Stream sockets: TCP, Unix, of handlers on OS threads, wrapped pairs; connections that come, talk and
 * end in every way. */
#include "soak.h"

#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CLIENTS = 12, MOST_REQUESTS = 20, LONGEST = 100000, SHORT = 200 };

/* What is leaked on purpose by each handler. */
enum { LEAKED_BYTES = 4096 };

static int os_thread_port;
static char unix_path[64];

static void leak_on_purpose(const struct soak *soak)
{
  if (soak->leak == LEAK_MEMORY) {
    char *volatile leaked = malloc(LEAKED_BYTES);
    if (leaked != NULL) memset(leaked, 1, LEAKED_BYTES);
  } else if (soak->leak == LEAK_DESCRIPTORS) {
    if (dup(STDERR_FILENO) < 0) abort();
  }
}

void streams_echo(copas_socket *client, void *user)
{
  copas_bytes line;
  leak_on_purpose(user);
  while (copas_receive(client, COPAS_LINE, &line) == COPAS_OK) {
    if (copas_send(client, line.data, line.len) != COPAS_OK) return;
    if (copas_send(client, "\n", 1) != COPAS_OK) return;
  }
}

/* One line, another than all before, mostly short: sent, and received again. */
static int request(struct churn *churn, copas_socket *skt, char *text)
{
  uint32_t longest = soak_random(&churn->random, 50) == 0 ? LONGEST : SHORT;
  size_t len = 1 + soak_random(&churn->random, longest);
  copas_bytes line;
  for (size_t i = 0; i < len; i++)
    text[i] = (char)('a' + (churn->random >> i % 48 & 15));
  text[len] = '\n';
  if (!EXPECT_OK(churn->kind, copas_send(skt, text, len + 1))) return 0;
  if (soak_random(&churn->random, 20) == 0) {
    /* A limit that may pass loses nothing. */
    copas_settimeout(skt, 0);
    copas_status early = copas_receive(skt, COPAS_LINE, &line);
    copas_settimeout(skt, SOAK_PATIENCE);
    if (early == COPAS_OK) return EXPECT(churn->kind, line.len, len);
    if (!EXPECT(churn->kind, early, COPAS_TIMEOUT)) return 0;
  }
  if (!EXPECT_OK(churn->kind, copas_receive(skt, COPAS_LINE, &line))) return 0;
  if (!EXPECT(churn->kind, line.len, len)) return 0;
  return EXPECT(churn->kind, memcmp(line.data, text, len), 0);
}

static void end(struct churn *churn, copas_socket *skt)
{
  copas_bytes rest;
  switch (soak_random(&churn->random, 4)) {
  case 0:
    EXPECT_OK(churn->kind, copas_abort(skt));
    break;
  case 1:
    EXPECT_OK(churn->kind, copas_shut(skt, COPAS_SHUT_SEND));
    EXPECT(churn->kind, copas_receive(skt, COPAS_LINE, &rest), COPAS_CLOSED);
    EXPECT_OK(churn->kind, copas_close(skt));
    break;
  case 2:
    /* A reply that nobody takes. */
    EXPECT_OK(churn->kind, copas_send(skt, "unread\n", 7));
    EXPECT_OK(churn->kind, copas_flush(skt));
    EXPECT_OK(churn->kind, copas_close(skt));
    break;
  default:
    EXPECT_OK(churn->kind, copas_close(skt));
  }
}

void streams_visit(struct churn *churn, copas_socket *skt)
{
  int requests = 1 + (int)soak_random(&churn->random, MOST_REQUESTS);
  char *text = malloc(LONGEST + 1);
  if (!EXPECT(churn->kind, text != NULL, 1)) return;
  copas_settimeout(skt, SOAK_PATIENCE);
  for (int i = 0; i < requests && request(churn, skt, text); i++) soak_done(churn->kind, 1);
  free(text);
  end(churn, skt);
}

static void visit_tcp(struct churn *churn)
{
  copas_socket *skt;
  int port = churn->kind == KIND_os_thread ? os_thread_port : churn->soak->tcp_port;
  if (EXPECT_OK(churn->kind, copas_connect(churn->soak->c, "127.0.0.1", port, SOAK_PATIENCE, &skt)))
    streams_visit(churn, skt);
}

static void visit_unix(struct churn *churn)
{
  copas_socket *skt;
  if (EXPECT_OK(churn->kind,
                copas_connect_unix(churn->soak->c, unix_path, 0, SOAK_PATIENCE, &skt)))
    streams_visit(churn, skt);
}

/* A pair of descriptors from elsewhere, one side served by a coroutine of its own. */
struct pair {
  struct soak *soak;
  copas_socket *served;
};

static void serve_pair(void *user)
{
  struct pair *pair = user;
  streams_echo(pair->served, pair->soak);
  copas_close(pair->served);
}

static void visit_wrapped(struct churn *churn)
{
  copas *c = churn->soak->c;
  struct pair *pair = malloc(sizeof *pair);
  copas_socket *skt;
  int fds[2], given;
  if (pair == NULL || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
    free(pair);
    soak_failed(churn->kind, "socketpair", COPAS_SYSTEM);
    return;
  }
  pair->soak = churn->soak;
  EXPECT_OK(churn->kind, copas_wrap(c, fds[0], &pair->served));
  EXPECT_OK(churn->kind, copas_wrap(c, fds[1], &skt));
  copas_thread_options options = {.size = sizeof options, .user = pair, .user_free = free};
  EXPECT_OK(churn->kind, copas_addthread_with(c, serve_pair, &options, NULL));
  /* There and back again. */
  EXPECT_OK(churn->kind, copas_unwrap(skt, &given));
  EXPECT(churn->kind, given, fds[1]);
  EXPECT(churn->kind, copas_wait_fd(c, given, COPAS_WRITABLE, SOAK_PATIENCE), COPAS_WRITABLE);
  EXPECT_OK(churn->kind, copas_wrap(c, given, &skt));
  streams_visit(churn, skt);
}

/* The port of a new server. */
static int serve(struct soak *soak, uint64_t flags)
{
  copas_socket *server;
  copas_address address;
  copas_server_options options = {.size = sizeof options, .flags = flags, .user = soak};
  soak_need(soak, "copas_bind", copas_bind(soak->c, "127.0.0.1", 0, &server));
  soak_need(soak, "copas_getsockname", copas_getsockname(server, &address));
  soak_need(soak, "copas_addserver_with",
            copas_addserver_with(soak->c, server, streams_echo, &options));
  return address.port;
}

void streams_start(struct soak *soak)
{
  copas_socket *server;
  soak->tcp_port = serve(soak, 0);
  os_thread_port = serve(soak, COPAS_OS_THREAD);
  snprintf(unix_path, sizeof unix_path, "@copas_soak_%d", (int)getpid());
  soak_need(soak, "copas_bind_unix", copas_bind_unix(soak->c, unix_path, 0, &server));
  soak_need(soak, "copas_addserver",
            copas_addserver(soak->c, server, streams_echo, soak, COPAS_FOREVER));
  soak_churn(soak, KIND_tcp, visit_tcp, CLIENTS);
  soak_churn(soak, KIND_unix_stream, visit_unix, CLIENTS);
  soak_churn(soak, KIND_wrapped, visit_wrapped, CLIENTS / 2);
  soak_churn(soak, KIND_os_thread, visit_tcp, CLIENTS / 2);
}
