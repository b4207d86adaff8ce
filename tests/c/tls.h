/* SPDX-License-Identifier: MIT */
/* Certificates for the tests of encrypted sockets, made by the openssl program in a folder of this
 * process' own and removed at its end; contexts of them; and handlers in coroutines. */
#ifndef TLS_H
#define TLS_H

#include "network.h"

#include <stdarg.h>

static char tls_folder[64];
static pid_t tls_owner;

/* The path of a file in the folder; valid until the eighth call after this one. */
static inline const char *tls_path(const char *name)
{
  static char paths[8][128];
  static int next;
  char *path = paths[next++ % 8];
  snprintf(path, sizeof paths[0], "%s/%s", tls_folder, name);
  return path;
}

/* Runs a command in the folder; it must succeed. */
static inline void tls_run(const char *format, ...)
{
  char command[1024], all[1200];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(command, sizeof command, format, arguments);
  va_end(arguments);
  snprintf(all, sizeof all, "cd %s && { %s; } >log 2>&1", tls_folder, command);
  if (system(all) != 0) CHECK_FAIL("this failed: %s", command);
}

static inline void tls_remove(void)
{
  char command[128];
  if (getpid() != tls_owner) return;
  snprintf(command, sizeof command, "rm -rf %s", tls_folder);
  if (system(command) != 0) perror(command);
}

/* A CA that signed itself: `name`.pem and `name`.key. */
static inline void tls_make_ca(const char *name)
{
  tls_run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
          "'/CN=%s' -keyout %s.key -out %s.pem",
          name, name, name);
}

/* A certificate of `ca` for `names` (as in a subjectAltName): `name`.pem and `name`.key; valid for so
 * many days. */
static inline void tls_make(const char *ca, const char *name, const char *names, int days)
{
  tls_run("openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=%s' -keyout "
          "%s.key -out %s.csr && printf 'subjectAltName=%s\\nbasicConstraints=CA:FALSE\\n' >%s.ext && "
          "openssl x509 -req -in %s.csr -CA %s.pem -CAkey %s.key -CAcreateserial -days %d "
          "-extfile %s.ext -out %s.pem",
          name, name, name, names, name, name, ca, ca, days, name, name);
}

/* The folder with what most tests need: ca, server (localhost and 127.0.0.1), client. */
static inline void tls_begin(void)
{
  snprintf(tls_folder, sizeof tls_folder, "/tmp/copas_tls_XXXXXX");
  CHECK(mkdtemp(tls_folder) != NULL);
  tls_owner = getpid();
  atexit(tls_remove);
  tls_make_ca("ca");
  tls_make("ca", "server", "DNS:localhost,IP:127.0.0.1", 2);
  tls_make("ca", "client", "DNS:client", 2);
}

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
