/* SPDX-License-Identifier: MIT */
/* Echo servers and their clients over TCP, Unix sockets and TLS, on stacks and on OS threads; a pipe. Whatever
 * fails: what comes back is what was sent, as far as it comes. */
#define _GNU_SOURCE
#include "tally.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define LINES 12
#define BULK 150000

static copas *c;
static char bulk[BULK];
static int tcp_port, tls_port;
static char unix_path[64];
static copas_tls_context *server_context, *client_context;

/* A handler: a line comes back; after "=n" so do the next n bytes. */
static void echo(copas_socket *client, void *user)
{
  copas_bytes bytes;
  (void)user;
  while (tally("receive a line", copas_receive(client, COPAS_LINE, &bytes)) == COPAS_OK) {
    char line[128];
    MUST(bytes.len < sizeof line);
    memcpy(line, bytes.data, bytes.len);
    line[bytes.len] = '\0';
    if (line[0] == '=') {
      if (tally("receive a block", copas_receive(client, atoll(line + 1), &bytes)) != COPAS_OK) return;
      if (tally("send a block", copas_send(client, bytes.data, bytes.len)) != COPAS_OK) return;
      continue;
    }
    line[bytes.len] = '\n';
    if (tally("send a line", copas_send(client, line, bytes.len + 1)) != COPAS_OK) return;
  }
}

/* Sends lines and has them back; whether all went well. */
static int exchange_lines(copas_socket *skt, const char *who)
{
  char line[128];
  copas_bytes bytes;
  for (int n = 0; n < LINES; n++) {
    size_t len = text_of(line, sizeof line, who, n);
    if (tally("send a line", copas_send(skt, line, len)) != COPAS_OK) return 0;
    int status = tally("receive a line", copas_receive(skt, COPAS_LINE_RAW, &bytes));
    if (status == COPAS_OK && bytes.len != len) FAIL("%s: %zu bytes came for %zu", who, bytes.len, len);
    if (bytes.len > len || memcmp(bytes.data, line, bytes.len) != 0) FAIL("%s: a wrong byte", who);
    if (status != COPAS_OK) return 0;
  }
  return 1;
}

/* Sends a block, perhaps by parts, and has it back. */
static int exchange_block(copas_socket *skt, const char *who)
{
  char head[32];
  copas_bytes bytes;
  size_t received = 0;
  snprintf(head, sizeof head, "=%d\n", BULK);
  if (tally("send a line", copas_send(skt, head, strlen(head))) != COPAS_OK) return 0;
  if (tally("send a block", copas_send(skt, bulk, BULK)) != COPAS_OK) return 0;
  if (tally("flush", copas_flush(skt)) != COPAS_OK) return 0;
  int status = tally("receive_some", copas_receive_some(skt, &bytes));
  if (status != COPAS_OK) return 0;
  MUST(bytes.len <= BULK && memcmp(bytes.data, bulk, bytes.len) == 0);
  size_t some = bytes.len;
  char *back = malloc(BULK);
  status = tally("receive_into", copas_receive_into(skt, back, BULK - some, &received));
  if (memcmp(back, bulk + some, received) != 0) FAIL("%s: a wrong byte in a block", who);
  free(back);
  MUST(status != COPAS_OK || received == BULK - some);
  return status == COPAS_OK;
}

/* What a client does with its connection. */
static void use(copas_socket *skt, const char *who)
{
  copas_bytes bytes;
  tally("settimeout", copas_settimeout(skt, PATIENCE));
  if (exchange_lines(skt, who) && exchange_block(skt, who) &&
      tally("shut", copas_shut(skt, COPAS_SHUT_SEND)) == COPAS_OK) {
    tally("receive the end", copas_receive(skt, COPAS_LINE, &bytes));
    if (bytes.len != 0) FAIL("%s: %zu bytes after the end", who, bytes.len);
  }
  tally("close", copas_close(skt));
}

static void tcp_client(void)
{
  copas_socket *skt;
  if (tally("connect", copas_connect(c, "127.0.0.1", tcp_port, PATIENCE, &skt)) == COPAS_OK)
    use(skt, "tcp");
}

static void unix_client(void)
{
  copas_socket *skt;
  if (tally("connect_unix", copas_connect_unix(c, unix_path, 0, PATIENCE, &skt)) == COPAS_OK)
    use(skt, "unix");
}

static void tls_client(void)
{
  copas_socket *skt;
  copas_connect_options options = {.size = sizeof options, .timeout = PATIENCE,
                                   .tls = client_context, .server_name = "localhost"};
  if (tally("connect_with tls", copas_connect_with(c, "127.0.0.1", tls_port, &options, &skt)) == COPAS_OK)
    use(skt, "tls");
}

/* Serves a socket that bind has given; gives its port, or 0. */
static int serve(int bound, copas_socket *server, uint64_t flags, copas_tls_context *tls)
{
  copas_address address;
  copas_server_options options = {.size = sizeof options, .flags = flags, .timeout = PATIENCE,
                                  .user_free = tally_taken_back, .tls = tls,
                                  .handshake_timeout = tls == NULL ? 0 : PATIENCE};
  if (bound != COPAS_OK) return 0;
  options.user = tally_given();
  if (tally("addserver", copas_addserver_with(c, server, echo, &options)) != COPAS_OK ||
      tally("getsockname", copas_getsockname(server, &address)) != COPAS_OK) {
    tally("close", copas_close(server));
    return 0;
  }
  return address.family == 1 ? 1 : address.port;
}

static void begin_tls(void)
{
  copas_socket *server = NULL;
  char certificate[96], key[96], ca[96];
  copas_tls_identity identity = {.certificate_file = certificate, .key_file = key};
  copas_tls_options serving = {.size = sizeof serving, .identities = &identity, .identity_count = 1};
  copas_tls_options asking = {.size = sizeof asking, .ca_file = ca};
  if (certificates[0] == '\0') return;
  snprintf(certificate, sizeof certificate, "%s/server.pem", certificates);
  snprintf(key, sizeof key, "%s/server.key", certificates);
  snprintf(ca, sizeof ca, "%s/ca.pem", certificates);
  server_context = client_context = NULL;
  int ready = tally("tls_context_new", copas_tls_context_new(c, COPAS_TLS_SERVER, &serving, &server_context)) == COPAS_OK &&
              tally("tls_context_new", copas_tls_context_new(c, COPAS_TLS_CLIENT, &asking, &client_context)) == COPAS_OK;
  if (ready) {
    int bound = tally("bind", copas_bind(c, "127.0.0.1", 0, &server));
    tls_port = serve(bound, server, 0, server_context);
    for (int i = 0; i < 3 && tls_port != 0; i++) begin(c, tls_client, i == 2 ? COPAS_OS_THREAD : 0);
  }
}

static int pipe_fds[2];
/* Which end has been taken over, or closed, by its coroutine. */
static int pipe_begun[2];

static void pipe_writer(void)
{
  copas_socket *skt;
  char text[128];
  pipe_begun[1] = 1;
  if (tally("wrap", copas_wrap(c, pipe_fds[1], &skt)) != COPAS_OK) {
    close(pipe_fds[1]);
    return;
  }
  tally("settimeout", copas_settimeout(skt, PATIENCE));
  for (int n = 0; n < LINES; n++) {
    size_t len = text_of(text, sizeof text, "pipe", n);
    if (tally("send to a pipe", copas_send(skt, text, len)) != COPAS_OK) break;
  }
  tally("close", copas_close(skt));
}

static void pipe_reader(void)
{
  copas_socket *skt;
  char text[128];
  copas_bytes bytes;
  pipe_begun[0] = 1;
  if (tally("wrap", copas_wrap(c, pipe_fds[0], &skt)) != COPAS_OK) {
    close(pipe_fds[0]);
    return;
  }
  tally("settimeout", copas_settimeout(skt, PATIENCE));
  for (int n = 0; tally("receive from a pipe", copas_receive(skt, COPAS_LINE_RAW, &bytes)) == COPAS_OK; n++) {
    size_t len = text_of(text, sizeof text, "pipe", n);
    if (bytes.len != len || memcmp(bytes.data, text, len) != 0) FAIL("pipe: a wrong line");
  }
  tally("close", copas_close(skt));
}

static void begin_pipe(void)
{
  pipe_begun[0] = pipe_begun[1] = 0;
  MUST(pipe2(pipe_fds, O_CLOEXEC) == 0);
  begin(c, pipe_reader, 0);
  begin(c, pipe_writer, 0);
}

void streams_begin(copas *dispatcher)
{
  copas_socket *server = NULL;
  c = dispatcher;
  for (size_t i = 0; i < BULK; i++) bulk[i] = (char)(i * 7 + i / 251);
  int bound = tally("bind", copas_bind(c, "127.0.0.1", 0, &server));
  tcp_port = serve(bound, server, 0, NULL);
  for (int i = 0; i < 6 && tcp_port != 0; i++) begin(c, tcp_client, i == 5 ? COPAS_OS_THREAD : 0);
  snprintf(unix_path, sizeof unix_path, "@copas-faults-%d", (int)getpid());
  bound = tally("bind_unix", copas_bind_unix(c, unix_path, 0, &server));
  bound = serve(bound, server, COPAS_OS_THREAD, NULL);
  for (int i = 0; i < 3 && bound; i++) begin(c, unix_client, 0);
  begin_tls();
  begin_pipe();
}

void streams_end(void)
{
  for (int end = 0; end < 2; end++)
    if (!pipe_begun[end]) close(pipe_fds[end]);
  if (server_context != NULL) tally("tls_context_release", copas_tls_context_release(server_context));
  if (client_context != NULL) tally("tls_context_release", copas_tls_context_release(client_context));
  server_context = client_context = NULL;
}
