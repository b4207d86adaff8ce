/* SPDX-License-Identifier: MIT */
/* Sends every line back.
 *     echo_server 20000, then: printf 'hello\n' | nc 127.0.0.1 20000 */
#include "example.h"

static const char usage[] = "usage: echo_server PORT\n"
                            "Echoes lines on 127.0.0.1 (PORT 0: a free one, which it prints).\n";

static void echo(copas_socket *client, void *user)
{
    copas_bytes line;
    (void)user;
    while (copas_receive(client, COPAS_LINE, &line) == COPAS_OK) {
        copas_send(client, line.data, line.len);
        copas_send(client, "\n", 1);
    }
}

int main(int argc, char **argv)
{
    copas *c = copas_new(NULL);
    copas_socket *server;
    example_help(argc, argv, 1, usage);
    if (example_bind(c, example_port(argv[1], 0), &server) != COPAS_OK)
        return example_fail(c, "cannot listen");
    copas_addserver(c, server, echo, NULL, COPAS_FOREVER);
    example_end_on_signals(c);
    copas_loop(c, COPAS_FOREVER);
    copas_free(c);
    return 0;
}
