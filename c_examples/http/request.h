/* SPDX-License-Identifier: MIT */
/* One HTTP request: received, parsed, and checked as far as its head goes (RFC 9112). */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include <copas.h>
#include <http_parser.h>
#include <stdint.h>

/* Bytes of the longest head. */
#define HTTP_LONGEST_HEAD 16384

/* There is no further request, and nothing to answer. */
#define HTTP_NO_REQUEST (-1)

struct request {
    struct http_request head;
    /* Bytes of the body that follow. */
    uint64_t body;
    /* The client sends its body only when it is told to (RFC 9110, 10.1.1). */
    int expects_continue;
    /* The client wants to go on with this connection. */
    int keep_alive;
    char memory[HTTP_LONGEST_HEAD + 4];
};

/* Receives the next head. 0, or HTTP_NO_REQUEST, or the code of the error to answer with. */
int request_receive(copas_socket *client, struct request *request);

/* Whether a text is the same as `word`, apart from the case of letters. */
int http_is(struct http_text text, const char *word);

/* Skips the body; 0 when it is too big or did not come. */
int request_skip_body(copas_socket *client, const struct request *request);

#endif
