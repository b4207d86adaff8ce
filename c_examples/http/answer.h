/* SPDX-License-Identifier: MIT */
/* The heads of HTTP answers, and short answers without a file. */
#ifndef HTTP_ANSWER_H
#define HTTP_ANSWER_H

#include <copas.h>
#include <stdint.h>

struct answer {
    int code;
    /* The type of the content; NULL: plain text. */
    const char *type;
    uint64_t length;
    /* The connection goes on. */
    int keep_alive;
    /* A header of its own with its CRLF, or NULL. */
    const char *extra;
};

/* Sends the head of an answer. */
copas_status answer_head(copas_socket *client, const struct answer *answer);

/* Sends an answer whose content is its code in words; to HEAD without the content. */
copas_status answer_short(copas_socket *client, int code, int keep_alive, int is_head,
                          const char *extra);

#endif
