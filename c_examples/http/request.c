/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <string.h>
#include <strings.h>

/* Bytes of the longest body that is skipped. */
#define LONGEST_BODY (1024 * 1024)
/* Empty lines before a request that are ignored (RFC 9112, 2.2). */
#define MOST_EMPTY 4

int http_is(struct http_text text, const char *word)
{
    return text.len == strlen(word) && strncasecmp(text.data, word, text.len) == 0;
}

/* Whether a word is among comma-separated ones. */
static int has_word(struct http_text value, const char *word)
{
    const char *rest = value.data, *end = value.data + value.len;
    while (rest < end) {
        const char *comma = memchr(rest, ',', (size_t)(end - rest));
        struct http_text one = {rest, (size_t)((comma == NULL ? end : comma) - rest)};
        while (one.len > 0 && (*one.data == ' ' || *one.data == '\t')) one.data++, one.len--;
        while (one.len > 0 && strchr(" \t", one.data[one.len - 1]) != NULL) one.len--;
        if (http_is(one, word)) return 1;
        rest = comma == NULL ? end : comma + 1;
    }
    return 0;
}

/* Reads a Content-Length; 0 when it is not a number, or another one than before. */
static int read_length(struct http_text value, struct request *request, int *lengths)
{
    uint64_t length = 0;
    if (value.len == 0 || value.len > 18) return 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.data[i] < '0' || value.data[i] > '9') return 0;
        length = length * 10 + (uint64_t)(value.data[i] - '0');
    }
    if (++*lengths > 1 && length != request->body) return 0;
    request->body = length;
    return 1;
}

/* Draws the conclusions of the headers; 0 or the code of the error. */
static int read_headers(struct request *request)
{
    int hosts = 0, lengths = 0;
    request->body = 0;
    request->keep_alive = request->head.minor >= 1;
    for (size_t i = 0; i < request->head.header_count; i++) {
        const struct http_header *header = &request->head.headers[i];
        if (http_is(header->name, "host")) hosts++;
        else if (http_is(header->name, "transfer-encoding")) return 501;
        else if (http_is(header->name, "expect"))
            request->expects_continue = http_is(header->value, "100-continue");
        else if (http_is(header->name, "content-length")) {
            if (!read_length(header->value, request, &lengths)) return 400;
        } else if (http_is(header->name, "connection")) {
            if (has_word(header->value, "close")) request->keep_alive = 0;
            else if (has_word(header->value, "keep-alive")) request->keep_alive = 1;
        }
    }
    /* RFC 9112, 3.2: a request of HTTP/1.1 without exactly one Host is malformed. */
    return hosts > 1 || (hosts == 0 && request->head.minor >= 1) ? 400 : 0;
}

static int parse(struct request *request, size_t len)
{
    int parsed = http_parse(request->memory, len, &request->head);
    request->keep_alive = 0;
    if (parsed == HTTP_TOO_MANY_HEADERS) return 431;
    if (parsed == HTTP_OTHER_VERSION) return 505;
    /* A head that does not end where the empty line is holds something else. */
    if (parsed != (int)len) return 400;
    return read_headers(request);
}

/* Whether the line that the request begins with is within the limit. How much of what follows has come does
 * not count: it is a matter of chance. */
static int has_whole_line(copas_bytes head)
{
    size_t len = head.len < HTTP_LONGEST_HEAD ? head.len : HTTP_LONGEST_HEAD;
    return memchr(head.data, '\n', len) != NULL;
}

int request_receive(copas_socket *client, struct request *request)
{
    copas_bytes head;
    copas_status status;
    int empty = 0;
    request->keep_alive = request->expects_continue = 0;
    do {
        status = copas_receive_until(client, "\r\n\r\n", 4, &head);
        if (status == COPAS_TOO_LONG) return has_whole_line(head) ? 431 : 414;
        if (status == COPAS_TIMEOUT && head.len != 0) return 408;
        if (status != COPAS_OK) return HTTP_NO_REQUEST;
        if (head.len > HTTP_LONGEST_HEAD) return 431;
    } while (head.len == 0 && ++empty < MOST_EMPTY);
    /* The parser wants to see the empty line, which is not part of what was received. */
    memcpy(request->memory, head.data, head.len);
    memcpy(request->memory + head.len, "\r\n\r\n", 4);
    return parse(request, head.len + 4);
}

int request_skip_body(copas_socket *client, const struct request *request)
{
    char memory[8192];
    uint64_t rest = request->body;
    if (rest > LONGEST_BODY) return 0;
    if (rest > 0 && request->expects_continue && request->head.minor >= 1)
        copas_send(client, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    while (rest > 0) {
        size_t n = rest < sizeof memory ? (size_t)rest : sizeof memory;
        if (copas_receive_into(client, memory, n, NULL) != COPAS_OK) return 0;
        rest -= n;
    }
    return 1;
}
