/* SPDX-License-Identifier: MIT */
/* Contexts of a folder's certificates, and servers and clients with them. */
#ifndef TLS_H
#define TLS_H

#include "tls_folder.h"

/* An identity of the folder's files. */
static inline copas_tls_identity tls_identity(const char *name)
{
  static char names[16][2][128];
  static int next;
  char (*paths)[128] = names[next++ % 16];
  copas_tls_identity identity;
  memset(&identity, 0, sizeof identity);
  snprintf(paths[0], sizeof paths[0], "%s/%s.pem", tls_folder, name);
  snprintf(paths[1], sizeof paths[1], "%s/%s.key", tls_folder, name);
  identity.certificate_file = paths[0];
  identity.key_file = paths[1];
  return identity;
}

static inline copas_tls_context *tls_context(copas *c, int role, const copas_tls_options *options)
{
  copas_tls_context *context;
  copas_status status = copas_tls_context_new(c, role, options, &context);
  if (status != COPAS_OK) {
    copas_error_info info = {.size = sizeof info};
    copas_error(c, &info);
    CHECK_FAIL("no context: %s", info.text);
  }
  return context;
}

/* A server's context with an identity of the folder. */
static inline copas_tls_context *tls_server(copas *c, const char *name)
{
  copas_tls_identity identity = tls_identity(name);
  copas_tls_options options = {.size = sizeof options, .identities = &identity,
                               .identity_count = 1};
  return tls_context(c, COPAS_TLS_SERVER, &options);
}

/* A client's context that trusts a CA of the folder. */
static inline copas_tls_context *tls_client(copas *c, const char *ca)
{
  char name[64];
  snprintf(name, sizeof name, "%s.pem", ca);
  copas_tls_options options = {.size = sizeof options, .ca_file = tls_path(name)};
  return tls_context(c, COPAS_TLS_CLIENT, &options);
}

/* Serves with a context on a free port. */
static inline copas_socket *tls_serve(copas *c, copas_tls_context *context,
                                      copas_handler_fn handler, void *user, int *port)
{
  copas_socket *server = net_bind(c, port);
  copas_server_options options = {.size = sizeof options, .user = user, .tls = context};
  CHECK_OK(copas_addserver_with(c, server, handler, &options));
  return server;
}

/* Connects to 127.0.0.1, verifying `name`. */
static inline copas_status tls_connect(copas *c, copas_tls_context *context, int port,
                                       const char *name, copas_socket **out)
{
  copas_connect_options options = {.size = sizeof options, .timeout = NET_PATIENCE,
                                   .tls = context, .server_name = name};
  return copas_connect_with(c, "127.0.0.1", port, &options, out);
}

static inline copas_tls_stats tls_stats(copas_tls_context *context)
{
  copas_tls_stats stats = {.size = sizeof stats};
  CHECK_OK(copas_tls_context_stats(context, &stats));
  return stats;
}

#endif
