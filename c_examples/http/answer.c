/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *words_of(int code)
{
    switch (code) {
    case 200: return "OK";
    case 301: return "Moved Permanently";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 431: return "Request Header Fields Too Large";
    case 501: return "Not Implemented";
    case 505: return "HTTP Version Not Supported";
    default: return "Internal Server Error";
    }
}

/* The time as RFC 9110, 5.6.7 writes it; made anew once a second. */
static const char *date(void)
{
    static char text[64];
    static time_t made;
    time_t now = time(NULL);
    if (now != made) {
        struct tm parts;
        gmtime_r(&now, &parts);
        strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
        made = now;
    }
    return text;
}

copas_status answer_head(copas_socket *client, const struct answer *answer)
{
    char head[1024];
    int len = snprintf(head, sizeof head,
                       "HTTP/1.1 %d %s\r\nDate: %s\r\nContent-Type: %s\r\n"
                       "Content-Length: %" PRIu64 "\r\nConnection: %s\r\n%s\r\n",
                       answer->code, words_of(answer->code), date(),
                       answer->type == NULL ? "text/plain; charset=utf-8" : answer->type,
                       answer->length, answer->keep_alive ? "keep-alive" : "close",
                       answer->extra == NULL ? "" : answer->extra);
    if (len < 0 || (size_t)len >= sizeof head) return COPAS_TOO_LONG;
    return copas_send(client, head, (size_t)len);
}

copas_status answer_short(copas_socket *client, int code, int keep_alive, int is_head,
                          const char *extra)
{
    char content[64];
    int len = snprintf(content, sizeof content, "%d %s\n", code, words_of(code));
    struct answer answer = {code, NULL, (uint64_t)len, keep_alive, extra};
    copas_status status = answer_head(client, &answer);
    return status == COPAS_OK && !is_head ? copas_send(client, content, (size_t)len) : status;
}
