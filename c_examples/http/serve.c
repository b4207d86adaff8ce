/* SPDX-License-Identifier: MIT */
#include "serve.h"

#include "answer.h"
#include "file.h"
#include "request.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static copas_status answer_file(copas_socket *client, int folder, const struct request *request,
                                int is_head)
{
    struct file file;
    char location[HTTP_LONGEST_PATH + 32];
    int code = file_open(folder, request->head.target, &file);
    if (code == 301) {
        /* Only what needs no encoding, so that nothing gets into the head. */
        size_t plain = strspn(file.path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                         "0123456789-_.~/");
        if (file.path[plain] != 0) code = 404;
        snprintf(location, sizeof location, "Location: /%s/\r\n", file.path);
    }
    if (code != 200)
        return answer_short(client, code, request->keep_alive, is_head,
                            code == 301 ? location : NULL);
    struct answer answer = {200, file.type, file.size, request->keep_alive, NULL};
    copas_status status = answer_head(client, &answer);
    if (status == COPAS_OK && !is_head) status = file_send(client, &file);
    close(file.fd);
    return status;
}

/* Whether the method is `name`; methods differ by the case of letters. */
static int is_method(const struct request *request, const char *name)
{
    struct http_text method = request->head.method;
    return method.len == strlen(name) && memcmp(method.data, name, method.len) == 0;
}

static copas_status refuse_method(copas_socket *client, const struct request *request)
{
    static const char *const known[] = {"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE",
                                        "CONNECT"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (is_method(request, known[i]))
            return answer_short(client, 405, request->keep_alive, 0, "Allow: GET, HEAD\r\n");
    return answer_short(client, 501, request->keep_alive, 0, NULL);
}

/* Answers a request; whether the connection goes on. */
static int answer_request(copas_socket *client, int folder, struct request *request)
{
    int is_head = is_method(request, "HEAD");
    /* In a shutdown each connection ends with its present answer, and says so. */
    if (copas_exiting(copas_of(client)) == 1) request->keep_alive = 0;
    if (!request_skip_body(client, request)) {
        request->keep_alive = 0;
        return answer_short(client, 413, 0, is_head, NULL) == COPAS_OK ? 0 : -1;
    }
    copas_status status;
    if (is_head || is_method(request, "GET"))
        status = answer_file(client, folder, request, is_head);
    else
        status = refuse_method(client, request);
    if (status != COPAS_OK) return -1;
    return request->keep_alive;
}

/* Ends a connection so that the last answer arrives although the client may still be sending: a
 * close with unread input would reset it (RFC 9112, 9.6). */
static void part(copas_socket *client)
{
    copas_bytes bytes;
    size_t skipped = 0;
    copas_shut(client, COPAS_SHUT_SEND);
    copas_settimeout(client, 1);
    while (skipped < 1024 * 1024 && copas_receive_some(client, &bytes) == COPAS_OK)
        skipped += bytes.len;
}

void http_serve(copas_socket *client, void *user)
{
    struct request request;
    int code, goes_on = 1;
    while (goes_on == 1 && (code = request_receive(client, &request)) != HTTP_NO_REQUEST) {
        if (code == 0) goes_on = answer_request(client, *(int *)user, &request);
        else goes_on = answer_short(client, code, 0, 0, NULL) == COPAS_OK ? 0 : -1;
    }
    if (goes_on == 0) part(client);
    /* The client has left, or the answer was cut: a close that could be taken for its end. */
    if (goes_on == -1) copas_abort(client);
}
