/* SPDX-License-Identifier: MIT */
/* Takes the head of an HTTP/1 request apart. */
#ifndef HTTP_PARSER_H
#define HTTP_PARSER_H

#include <stddef.h>

/* Most headers that a request may have. */
#define HTTP_HEADERS 64

/* Bytes of the parsed head, not terminated by a NUL. */
typedef struct http_slice {
  const char *data;
  size_t len;
} http_slice;

typedef struct http_header {
  http_slice name;
  http_slice value; /* without the white space around it */
} http_header;

typedef struct http_head {
  http_slice method;
  http_slice target;
  int minor_version; /* 0 or 1, of HTTP/1 */
  size_t header_count;
  http_header headers[HTTP_HEADERS];
} http_head;

/* How a parse ended. */
#define HTTP_PARSED 0
#define HTTP_INCOMPLETE 1       /* the empty line at the end is missing */
#define HTTP_MALFORMED 2        /* not a request */
#define HTTP_TOO_MANY_HEADERS 3 /* more than HTTP_HEADERS */
#define HTTP_BAD_VERSION 4      /* neither HTTP/1.0 nor HTTP/1.1 */

/* Parses `len` bytes at `data`, a request line and headers up to the empty line. On HTTP_PARSED
 * `head` is filled with slices of `data`, which are valid as long as `data` is; on every other
 * answer `head` is not touched. Neither pointer may be NULL. Never allocates, safe from any OS
 * thread. */
int http_parse(const char *data, size_t len, http_head *head);

#endif
