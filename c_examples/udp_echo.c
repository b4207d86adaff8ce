/* SPDX-License-Identifier: MIT */
/* Datagrams: a server that echoes them, and a client that asks again when no answer comes in time.
 *     udp_echo server 20000, then: udp_echo client 127.0.0.1 20000 hello */
#include "example.h"

static const char usage[] =
    "usage: udp_echo server PORT | udp_echo client HOST PORT TEXT\n"
    "The server echoes datagrams on 127.0.0.1 (PORT 0: a free one, which it prints). The client sends\n"
    "TEXT, waits half a second for the answer, and tries three times.\n";

static void echo(copas_socket *skt, void *user)
{
    copas_bytes datagram;
    copas_address sender;
    copas_status status;
    (void)user;
    for (;;) {
        status = copas_receivefrom(skt, &datagram, &sender);
        if (status == COPAS_CANCELED || status == COPAS_CLOSED || status == COPAS_STALE) return;
        if (status == COPAS_OK) copas_sendto(skt, datagram.data, datagram.len, &sender);
    }
}

static int serve(int port)
{
    copas *c = copas_new(NULL);
    copas_socket *server;
    copas_address address;
    if (copas_bind_udp(c, "127.0.0.1", port, &server) != COPAS_OK)
        return example_fail(c, "cannot bind");
    copas_getsockname(server, &address);
    printf("listening %d\n", address.port);
    fflush(stdout);
    copas_addserver(c, server, echo, NULL, COPAS_FOREVER);
    example_end_on_signals(c);
    copas_loop(c, COPAS_FOREVER);
    return copas_free(c) == COPAS_OK ? 0 : 1;
}

static int ask(const char *host, int port, const char *text)
{
    copas *c = copas_new(NULL);
    copas_socket *skt;
    copas_bytes answer;
    copas_status status = COPAS_TIMEOUT;
    if (copas_connect_udp(c, host, port, &skt) != COPAS_OK) return example_fail(c, "cannot connect");
    copas_settimeout(skt, 0.5);
    for (int i = 0; i < 3 && status == COPAS_TIMEOUT; i++) {
        status = copas_send(skt, text, strlen(text));
        if (status == COPAS_OK) status = copas_receivefrom(skt, &answer, NULL);
    }
    if (status != COPAS_OK) return example_fail(c, "no answer");
    printf("%.*s\n", (int)answer.len, answer.data);
    copas_free(c);
    return 0;
}

int main(int argc, char **argv)
{
    int serves = argc == 3 && strcmp(argv[1], "server") == 0;
    int asks = argc == 5 && strcmp(argv[1], "client") == 0;
    example_help(argc, argv, serves || asks ? argc - 1 : -1, usage);
    return serves ? serve(example_port(argv[2], 0)) : ask(argv[2], example_port(argv[3], 1), argv[4]);
}
