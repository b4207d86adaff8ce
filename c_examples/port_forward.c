/* SPDX-License-Identifier: MIT */
/* Forwards each connection to another server: two coroutines a connection, one for each direction.
 *     port_forward 8080 127.0.0.1 80 */
#include "example.h"

static const char usage[] =
    "usage: port_forward LISTEN_PORT HOST PORT\n"
    "Forwards connections to 127.0.0.1 (LISTEN_PORT 0: a free port, which it prints) to HOST, a\n"
    "numeric address.\n";

struct target {
    const char *host;
    int port;
};

/* One direction. */
struct direction {
    copas_socket *from;
    copas_socket *to;
};

/* Whether the stream ended by itself, not by an error. */
static int has_ended(copas_status status)
{
    copas_error_info info;
    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    copas_error(copas_current(), &info);
    return status == COPAS_CLOSED && info.sys_errno == 0;
}

/* Moves bytes until the sender ends its side, which is then ended on the other connection too. An
 * error ends both connections; their handles are stale then, which the other direction sees. */
static void forward(void *user)
{
    struct direction *direction = user;
    copas_bytes bytes;
    copas_status received, sent = COPAS_OK;
    while ((received = copas_receive_some(direction->from, &bytes)) == COPAS_OK) {
        sent = copas_send(direction->to, bytes.data, bytes.len);
        if (sent != COPAS_OK) break;
    }
    if (sent == COPAS_OK && has_ended(received)) {
        copas_shut(direction->to, COPAS_SHUT_SEND);
    } else {
        copas_abort(direction->from);
        copas_abort(direction->to);
    }
}

/* Starts a coroutine for a direction, which owns its copy of it. */
static copas_status start_forwarding(struct direction direction, copas_thread **thread)
{
    copas_thread_options options;
    struct direction *copy = malloc(sizeof *copy);
    if (copy == NULL) return COPAS_NO_MEMORY;
    *copy = direction;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.user = copy;
    options.user_free = free;
    return copas_addthread_with(copas_current(), forward, &options, thread);
}

static void serve(copas_socket *client, void *user)
{
    const struct target *target = user;
    struct direction there, back;
    copas_thread *backwards;
    copas_socket *server;
    if (copas_connect(copas_current(), target->host, target->port, 10, &server) != COPAS_OK) {
        example_fail(copas_current(), "cannot forward");
        return;
    }
    there.from = back.to = client;
    there.to = back.from = server;
    if (start_forwarding(back, &backwards) == COPAS_OK) {
        forward(&there);
        if (copas_join(backwards, COPAS_FOREVER) != COPAS_OK) copas_abort(client);
    }
    copas_close(server);
}

int main(int argc, char **argv)
{
    copas_server_options options;
    struct target target;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.user = &target;
    example_help(argc, argv, 3, usage);
    target.host = argv[2];
    target.port = example_port(argv[3], 1);
    return example_serve(copas_new(NULL), example_port(argv[1], 0), serve, &options);
}
