/* SPDX-License-Identifier: MIT */
/* A peer: OpenSSL under libevent's bufferevents. Idle connections give their buffers back. */
#include "libevent_echo.h"
#include <event2/bufferevent_ssl.h>
#include <openssl/ssl.h>

static enum server_mode mode;
static SSL_CTX *context;

/* TLS 1.3 without tickets: no session is resumed. */
static SSL_CTX *make_context(const char *identity)
{
  char file[4096];
  SSL_CTX *made = SSL_CTX_new(TLS_server_method());
  SSL_CTX_set_min_proto_version(made, TLS1_3_VERSION);
  SSL_CTX_set_num_tickets(made, 0);
  SSL_CTX_set_session_cache_mode(made, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(made, SSL_MODE_RELEASE_BUFFERS);
  server_must(SSL_CTX_use_certificate_chain_file(
                  made, server_file(file, sizeof file, identity, SERVER_CERTIFICATE)) == 1 &&
                  SSL_CTX_use_PrivateKey_file(made,
                                              server_file(file, sizeof file, identity, SERVER_KEY),
                                              SSL_FILETYPE_PEM) == 1,
              "reading the certificate and its key");
  return made;
}

static void on_event(struct bufferevent *client, short what, void *user)
{
  SSL *ssl = bufferevent_openssl_get_ssl(client);
  (void)user;
  if (!(what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))) return;
  /* Else it would send no close_notify. */
  if (what & BEV_EVENT_EOF) SSL_shutdown(ssl);
  bufferevent_free(client);
}

static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
                          struct sockaddr *address, int len, void *user)
{
  struct event_base *base = evconnlistener_get_base(listener);
  (void)address;
  (void)len;
  (void)user;
  echo_begin(bufferevent_openssl_socket_new(base, fd, SSL_new(context),
                                            BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE),
             mode, on_event);
}

int main(int argc, char **argv)
{
  struct server_options options = server_parse(argc, argv, SERVER_LINES | SERVER_BULK | SERVER_TLS);
  mode = options.mode;
  context = make_context(options.identity);
  return echo_serve(on_connection);
}
