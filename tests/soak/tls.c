/* SPDX-License-Identifier: MIT */
/* Encrypted connections, whole handshakes and resumed ones, on contexts that are renewed meanwhile. */
#include "soak.h"

#include "tls.h"

enum { CLIENTS = 6 };

static copas_tls_context *server_context, *client_context;
static int port;

static void visit(struct churn *churn)
{
  copas_socket *skt;
  copas_connect_options options = {.size = sizeof options, .timeout = SOAK_PATIENCE,
                                   .tls = client_context, .server_name = "localhost"};
  if (EXPECT_OK(churn->kind,
                copas_connect_with(churn->soak->c, "127.0.0.1", port, &options, &skt)))
    streams_visit(churn, skt);
}

/* New settings for the contexts that everybody uses, and one that comes and goes. */
static void renew(struct churn *churn)
{
  copas *c = churn->soak->c;
  copas_tls_context *other;
  copas_tls_identity identity = tls_identity("server");
  copas_tls_options server = {.size = sizeof server, .identities = &identity, .identity_count = 1};
  copas_tls_options client = {.size = sizeof client, .ca_file = tls_path("ca.pem")};
  EXPECT_OK(churn->kind, copas_tls_context_reload(c, server_context, &server));
  EXPECT_OK(churn->kind, copas_tls_context_reload(c, client_context, &client));
  if (EXPECT_OK(churn->kind, copas_tls_context_new(c, COPAS_TLS_SERVER, &server, &other)))
    EXPECT_OK(churn->kind, copas_tls_context_release(other));
  soak_done(churn->kind, 1);
  copas_pause(c, 0.2, NULL);
}

void tls_start(struct soak *soak)
{
  tls_begin();
  server_context = tls_server(soak->c, "server");
  client_context = tls_client(soak->c, "ca");
  tls_serve(soak->c, server_context, streams_echo, soak, &port);
  soak_churn(soak, KIND_tls, visit, CLIENTS);
  soak_churn(soak, KIND_tls, renew, 1);
}
