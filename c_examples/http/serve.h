/* SPDX-License-Identifier: MIT */
/* A connection of an HTTP server, plain or encrypted. */
#ifndef HTTP_SERVE_H
#define HTTP_SERVE_H

#include <copas.h>

/* A handler that answers requests until the client leaves; `user` points to the descriptor of the folder
 * whose files it serves. */
void http_serve(copas_socket *client, void *user);

#endif
