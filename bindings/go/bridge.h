/* SPDX-License-Identifier: MIT */
/* The C side of the Go package: one function per cgo crossing. Handles are numbers here, since Go must
 * not see them as pointers. */
#ifndef COPAS_GO_BRIDGE_H
#define COPAS_GO_BRIDGE_H

#include <copas.h>

/* The most outcomes that one bridge_poll() gives. */
#define BRIDGE_OUTCOMES 64

/* How an operation ended, or what a submission answers. */
struct bridge_outcome {
  uint64_t token;
  /* A new socket, or 0. */
  uint64_t result;
  /* What is outstanding, or 0. */
  uint64_t operation;
  /* Received bytes, resolved addresses, or the words of a failure. */
  const char *data;
  size_t len;
  /* Bytes that a send accepted. */
  size_t taken;
  int32_t kind;
  int32_t status;
  int32_t sys_errno;
};

/* A dispatcher for completions from any OS thread and the descriptor that tells of them; 0 with errno
 * in `*sys_errno`. */
uint64_t bridge_new(int *backend, int *sys_errno);

void bridge_free(uint64_t c);

/* What has completed, at most BRIDGE_OUTCOMES; how many, or a copas_status. */
int bridge_poll(uint64_t c, struct bridge_outcome *outcomes);

/* Submissions: 1 when it is over and `*o` tells how, 0 when o->operation is outstanding. */
int bridge_receive(uint64_t socket, int may_wait, uint64_t token, struct bridge_outcome *o);
int bridge_send(uint64_t socket, const void *data, size_t len, uint64_t token,
                struct bridge_outcome *o);
int bridge_flush(uint64_t socket, uint64_t token, struct bridge_outcome *o);
int bridge_accept(uint64_t socket, uint64_t token, struct bridge_outcome *o);
int bridge_connect(uint64_t c, const char *host, int port, double timeout, uint64_t token,
                   struct bridge_outcome *o);
int bridge_connect_unix(uint64_t c, const char *path, uint64_t token, struct bridge_outcome *o);
int bridge_resolve(uint64_t c, const char *host, uint64_t token, struct bridge_outcome *o);

int bridge_starttls(uint64_t socket, uint64_t context, const char *server_name, uint64_t token,
                    struct bridge_outcome *o);

void bridge_cancel(uint64_t operation);

/* Calls that are over at once; `*o` tells how. */
void bridge_bind(uint64_t c, const char *host, int port, uint64_t flags, struct bridge_outcome *o);
void bridge_bind_unix(uint64_t c, const char *path, struct bridge_outcome *o);
void bridge_shut(uint64_t socket, int how, struct bridge_outcome *o);
void bridge_setarmour(uint64_t socket, size_t connections, size_t address, double first_byte,
                      size_t rate, double window, struct bridge_outcome *o);
void bridge_close(uint64_t socket);
void bridge_abort(uint64_t socket);

/* A context is o->result. */
void bridge_tls_new(uint64_t c, int role, const copas_tls_options *options,
                    struct bridge_outcome *o);
void bridge_tls_reload(uint64_t c, uint64_t context, const copas_tls_options *options,
                       struct bridge_outcome *o);
void bridge_tls_info(uint64_t socket, copas_tls_details *details, struct bridge_outcome *o);
void bridge_tls_stats(uint64_t context, copas_tls_stats *stats);
void bridge_tls_release(uint64_t context);

/* The addresses of both ends; the family is 0 where there is none. */
void bridge_addresses(uint64_t socket, copas_address *local, copas_address *remote);

#endif
