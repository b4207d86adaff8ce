/* SPDX-License-Identifier: MIT */
/* Sends every line back, on several cores: a dispatcher on an OS thread for each, that share the port.
 *     echo_cores 20000 0, then: printf 'hello\n' | nc 127.0.0.1 20000 */
#include "example.h"

static const char usage[] =
    "usage: echo_cores PORT CORES\n"
    "Echoes lines on 127.0.0.1 (PORT 0: a free one, which it prints), on CORES OS threads (1 to 1023; 0:\n"
    "as many as there are CPUs for this process).\n";

static void echo(copas_socket *client, void *user)
{
    copas_bytes line;
    (void)user;
    while (copas_receive(client, COPAS_LINE, &line) == COPAS_OK) {
        copas_send(client, line.data, line.len);
        copas_send(client, "\n", 1);
    }
}

/* Runs once for each dispatcher, one after the other: the first one finds the port. */
static copas_status serve(copas *c, int number, void *user)
{
    copas_bind_options shared = {.size = sizeof shared, .flags = COPAS_BIND_REUSEPORT};
    copas_socket *server;
    copas_address address;
    int *port = user;
    copas_status status = copas_bind_with(c, "127.0.0.1", *port, &shared, &server);
    if (status != COPAS_OK) return status;
    if (number == 0) {
        copas_getsockname(server, &address);
        *port = address.port;
        printf("listening %d\n", *port);
        fflush(stdout);
        /* The shutdown of one is that of all. */
        example_end_on_signals(c);
    }
    return copas_addserver(c, server, echo, NULL, COPAS_FOREVER);
}

int main(int argc, char **argv)
{
    example_help(argc, argv, 2, usage);
    int port = example_port(argv[1], 0);
    int cores = example_number(argv[2], "number of cores", 0, 1023);
    return copas_loop_many(cores, serve, &port, NULL) == COPAS_OK ? 0 : 1;
}
