/* SPDX-License-Identifier: MIT */
/* Sends every line back. Run it, then: printf 'hello\n' | nc 127.0.0.1 20000
 * Another port is its argument; 0 takes a free one, which it prints. */
#include <copas.h>
#include <stdio.h>
#include <stdlib.h>

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
    copas_address address;
    if (copas_bind(c, "127.0.0.1", argc > 1 ? atoi(argv[1]) : 20000, &server) != COPAS_OK) return 1;
    copas_getsockname(server, &address);
    printf("listening %d\n", address.port);
    fflush(stdout);
    copas_addserver(c, server, echo, NULL, COPAS_FOREVER);
    copas_loop(c, COPAS_FOREVER);
    copas_free(c);
    return 0;
}
