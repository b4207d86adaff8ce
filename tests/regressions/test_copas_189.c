/* SPDX-License-Identifier: MIT */
/* Copas 189: a TLS handshake timed out, and the handler ran on the plain socket. */
#include "tls.h"

static int handled;

static void handler(copas_socket *client, void *user)
{
  (void)client;
  (void)user;
  handled++;
}

/* A server that gives a handshake 50 ms. */
static copas_socket *serve(copas *c, copas_tls_context *context, int *port)
{
  copas_socket *server = net_bind(c, port);
  copas_server_options options = {.size = sizeof options, .tls = context,
                                  .handshake_timeout = 0.05};
  handled = 0;
  CHECK_OK(copas_addserver_with(c, server, handler, &options));
  return server;
}

static void expect_no_handler(const char *sent)
{
  int port;
  copas *c = net_new(NULL);
  copas_tls_context *context = tls_server(c, "server");
  serve(c, context, &port);
  int fd = net_connect(port);
  net_puts(fd, sent);
  net_drain(c, fd);
  net_settle(c);
  CHECK_NUMBER(handled, 0);
  copas_tls_stats stats = tls_stats(context);
  CHECK_NUMBER(stats.handshakes, 0);
  CHECK_NUMBER(stats.timed_out + stats.failed, 1);
  CHECK_OK(copas_tls_context_release(context));
  CHECK(close(fd) == 0);
  CHECK_OK(copas_free(c));
}

static void a_client_that_says_nothing_meets_no_handler(void)
{
  expect_no_handler("");
}

static void a_client_that_begins_and_stalls_meets_no_handler(void)
{
  /* The beginning of a record with a ClientHello. */
  expect_no_handler("\x16\x03\x01\x01");
}

static void a_client_that_speaks_in_clear_meets_no_handler(void)
{
  expect_no_handler("GET / HTTP/1.0\r\n\r\n");
}

static void after_a_time_limit_a_socket_is_never_plain_again(void)
{
  int fds[2];
  copas_socket *skt;
  copas_bytes bytes;
  copas *c = net_new(NULL);
  copas_tls_context *context = tls_server(c, "server");
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  CHECK_OK(copas_wrap(c, fds[0], &skt));
  CHECK_OK(copas_settimeout(skt, 0.02));
  CHECK_STATUS(copas_starttls(skt, context, NULL), COPAS_TIMEOUT);
  net_puts(fds[1], "in clear\n");
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_CLOSED);
  CHECK_NUMBER(bytes.len, 0);
  CHECK_STATUS(copas_send(skt, "secret", 6), COPAS_CLOSED);
  CHECK(net_quiet(fds[1]));
  CHECK_OK(copas_close(skt));
  CHECK_OK(copas_tls_context_release(context));
  CHECK(close(fds[1]) == 0);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  tls_begin();
  RUN(a_client_that_says_nothing_meets_no_handler);
  RUN(a_client_that_begins_and_stalls_meets_no_handler);
  RUN(a_client_that_speaks_in_clear_meets_no_handler);
  RUN(after_a_time_limit_a_socket_is_never_plain_again);
  return check_report();
}
