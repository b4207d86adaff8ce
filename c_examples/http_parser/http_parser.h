/* SPDX-License-Identifier: MIT */
/* Parses the head of an HTTP/1.x request (RFC 9112), by the httparse crate. */
#ifndef HTTP_PARSER_H
#define HTTP_PARSER_H

#include <stddef.h>

#define HTTP_MOST_HEADERS 64

/* The head has no end yet. */
#define HTTP_INCOMPLETE 0
/* The head is not HTTP. */
#define HTTP_MALFORMED (-1)
/* More than HTTP_MOST_HEADERS. */
#define HTTP_TOO_MANY_HEADERS (-2)
/* Neither HTTP/1.0 nor HTTP/1.1. */
#define HTTP_OTHER_VERSION (-3)

/* Bytes within what was parsed. */
struct http_text {
    const char *data;
    size_t len;
};

struct http_header {
    struct http_text name;
    struct http_text value;
};

struct http_request {
    struct http_text method;
    struct http_text target;
    /* 0 or 1 of HTTP/1.x. */
    int minor;
    size_t header_count;
    struct http_header headers[HTTP_MOST_HEADERS];
};

/* Parses `len` bytes; gives how many the head has with its empty line, or one of the above. The
 * texts in `request` point into `data`. */
int http_parse(const char *data, size_t len, struct http_request *request);

#endif
