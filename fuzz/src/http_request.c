/* SPDX-License-Identifier: MIT */
/* Receives one request as the example's handler does, and tells of it in words. */
#include "request.h"

#include <stdio.h>

/* Words on their way into the caller's memory. */
struct words {
    char *memory;
    size_t size, used;
};

static void add(struct words *words, struct http_text text)
{
    for (size_t i = 0; i < text.len && words->used < words->size; i++)
        words->memory[words->used++] = text.data[i];
    if (words->used < words->size) words->memory[words->used++] = '|';
}

/* Whether there may be a further request; `*used` bytes tell of this one. */
int fuzz_next_request(copas_socket *client, char *memory, size_t size, size_t *used)
{
    static struct request request;
    char numbers[128];
    struct words words = {memory, size, 0};
    int code = request_receive(client, &request), goes_on = 0;
    struct http_text text = {numbers, 0};
    if (code == 0) {
        add(&words, request.head.method);
        add(&words, request.head.target);
        for (size_t i = 0; i < request.head.header_count; i++) {
            add(&words, request.head.headers[i].name);
            add(&words, request.head.headers[i].value);
        }
        goes_on = request_skip_body(client, &request) && request.keep_alive;
    }
    text.len = (size_t)snprintf(numbers, sizeof numbers, "%d %d %llu %d", code, goes_on,
                                code == 0 ? (unsigned long long)request.body : 0ULL,
                                code == 0 ? request.head.minor : 0);
    add(&words, text);
    *used = words.used;
    return goes_on;
}
