/* SPDX-License-Identifier: MIT */
/* Writes answers: the head of one, or a whole small one. */
#ifndef ANSWER_H
#define ANSWER_H

#include "request.h"

#include <stdint.h>

/* Bytes of a Date or Last-Modified with its NUL. */
#define DATE_SIZE 30

struct answer {
  int status;
  int keep_alive;
  const char *type; /* NULL: an answer that has no body, such as 304 */
  uint64_t length;
  const char *modified; /* Last-Modified, or NULL */
  const char *location; /* or NULL */
};

/* Writes `seconds` since 1970 as HTTP does: "Sun, 06 Nov 1994 08:49:37 GMT". */
void answer_date(int64_t seconds, char date[DATE_SIZE]);

/* Sends the head. The body, if any, must follow. */
copas_status answer_head(copas_socket *client, const struct answer *answer);

/* Answers a request without a file: the body is the status in words, left out for HEAD.
 * `location` may be NULL. */
copas_status answer_status(copas_socket *client, const struct request *request, int status,
                           const char *location);

#endif
