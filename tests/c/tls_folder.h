/* SPDX-License-Identifier: MIT */
/* Certificates for the tests of encrypted sockets, made by the openssl program in a folder of this
 * process' own and removed at its end. */
#ifndef TLS_FOLDER_H
#define TLS_FOLDER_H

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

#endif
