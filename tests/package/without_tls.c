/* SPDX-License-Identifier: MIT */
/* A library that was built without encryption says so, and serves plain sockets. */
#include <copas.h>
#include <stdio.h>
#include <string.h>

#ifdef COPAS_HAS_TLS
#error "the header tells of functions that this library does not have"
#endif

static void echo(copas_socket *client, void *user)
{
    copas_bytes line;
    (void)user;
    if (copas_receive(client, COPAS_LINE, &line) == COPAS_OK) copas_send(client, line.data, line.len);
}

static int check(int holds, const char *what)
{
    if (!holds) printf("not so: %s\n", what);
    return holds;
}

int main(void)
{
    int good = 1;
    copas_socket *server, *client;
    copas_address address;
    copas_bytes bytes;
    copas_server_options options;
    copas_connect_options connect_options;
    copas *c = copas_new(NULL);
    /* A pointer that could be a context's. */
    copas_tls_context *context = (copas_tls_context *)c;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.tls = context;
    memset(&connect_options, 0, sizeof connect_options);
    connect_options.size = sizeof connect_options;
    connect_options.tls = context;
    good &= check(copas_has_feature("tls") == 0, "it has no TLS");
    good &= check(copas_bind(c, "127.0.0.1", 0, &server) == COPAS_OK, "it binds");
    good &= check(copas_getsockname(server, &address) == COPAS_OK, "it tells its port");
    good &= check(copas_addserver_with(c, server, echo, &options) == COPAS_UNSUPPORTED,
                  "it serves no encrypted connections");
    good &= check(copas_connect_with(c, "127.0.0.1", address.port, &connect_options, &client) ==
                      COPAS_UNSUPPORTED,
                  "it makes none");
    options.tls = NULL;
    connect_options.tls = NULL;
    good &= check(copas_addserver_with(c, server, echo, &options) == COPAS_OK, "it serves");
    good &= check(copas_connect_with(c, "127.0.0.1", address.port, &connect_options, &client) ==
                      COPAS_OK,
                  "it connects");
    copas_send(client, "plain\n", 6);
    good &= check(copas_receive(client, 5, &bytes) == COPAS_OK && memcmp(bytes.data, "plain", 5) == 0,
                  "plain bytes go there and back");
    good &= check(copas_free(c) == COPAS_OK, "it ends");
    return good ? 0 : 1;
}
