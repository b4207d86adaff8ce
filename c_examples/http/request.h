/* SPDX-License-Identifier: MIT */
/* Reads a request off a connection: what it asks for, and where the next one begins. */
#ifndef REQUEST_H
#define REQUEST_H

#include <copas.h>
#include <http_parser.h>

/* Bytes of a request line with its headers, of a target, and of a body that is skipped. */
#define HEAD_LIMIT 16384
#define TARGET_LIMIT 8192
#define BODY_LIMIT 65536

struct request {
  int is_get;
  int is_head;
  int keep_alive;         /* another request may follow this one */
  char path[TARGET_LIMIT];  /* decoded, begins with '/' */
  http_slice target;      /* the path as it came */
  http_slice query;       /* with its '?', or empty */
  http_slice known_since; /* If-Modified-Since, or empty */
  http_head head;         /* slices of `bytes` */
  char bytes[HEAD_LIMIT];
};

/* Sets the receive time limit of `client` to what is left until `end` (see copas_now()). */
void request_limit(copas_socket *client, double end);

/* Reads the next request, its body too, which is thrown away, within `seconds`.
 *
 * Gives 200 when it can be answered; 0 when there is none, because the client has gone or was idle
 * for so long; else the HTTP status to refuse it with. After a refusal the connection must end:
 * where the next request would begin is not known. */
int request_read(copas_socket *client, double seconds, struct request *request);

/* 200, or 501 or 405 for a method that is not known or not served. */
int request_check_method(const struct request *request);

#endif
