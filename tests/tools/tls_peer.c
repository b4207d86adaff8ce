/* SPDX-License-Identifier: MIT */
/* Both roles of an encrypted connection, for tests with peers that are not the library's. */
#include <copas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: tls_peer serve CERTIFICATE KEY CLIENT_CA|- MIN_VERSION ALPN|-\n"
    "       tls_peer connect PORT NAME CA CERTIFICATE|- KEY|- LINE|BYTES\n"
    "serve prints 'listening PORT' and echoes whatever comes until each client ends its side.\n"
    "connect sends a LINE, or as many BYTES as the number says, ends its side, and prints the length and\n"
    "a sum of what comes back, the version, the protocol and whether the session was resumed; or the\n"
    "status and words of what failed. MIN_VERSION is 12 or 13.\n";

static const char *given(const char *argument)
{
    return strcmp(argument, "-") == 0 ? NULL : argument;
}

static int fail(copas *c, const char *what, copas_status status)
{
    copas_error_info info;
    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    copas_error(c, &info);
    printf("%s %s %s\n", what, copas_status_name(status), info.text);
    return 1;
}

static void echo(copas_socket *client, void *user)
{
    copas_bytes bytes;
    copas_status status;
    (void)user;
    while ((status = copas_receive_some(client, &bytes)) == COPAS_OK)
        if ((status = copas_send(client, bytes.data, bytes.len)) != COPAS_OK) break;
    printf("ended %s\n", copas_status_name(status));
    fflush(stdout);
}

static int serve(copas *c, char **argv)
{
    copas_tls_identity identity;
    copas_tls_options options;
    copas_tls_context *context;
    copas_server_options server_options;
    copas_socket *server;
    copas_address address;
    memset(&identity, 0, sizeof identity);
    identity.certificate_file = argv[2];
    identity.key_file = argv[3];
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.identities = &identity;
    options.identity_count = 1;
    options.ca_file = given(argv[4]);
    options.min_version = atoi(argv[5]);
    options.alpn = given(argv[6]);
    copas_status status = copas_tls_context_new(c, COPAS_TLS_SERVER, &options, &context);
    if (status != COPAS_OK) return fail(c, "context", status);
    memset(&server_options, 0, sizeof server_options);
    server_options.size = sizeof server_options;
    server_options.tls = context;
    if ((status = copas_bind(c, "127.0.0.1", 0, &server)) != COPAS_OK ||
        (status = copas_addserver_with(c, server, echo, &server_options)) != COPAS_OK ||
        (status = copas_getsockname(server, &address)) != COPAS_OK)
        return fail(c, "serve", status);
    printf("listening %d\n", address.port);
    fflush(stdout);
    copas_loop(c, COPAS_FOREVER);
    return 0;
}

struct sending {
    copas_socket *skt;
    const char *text;
};

static void send_all(void *user)
{
    static char block[65536];
    struct sending *sending = user;
    size_t bytes = strtoull(sending->text, NULL, 10);
    if (bytes == 0) {
        copas_send(sending->skt, sending->text, strlen(sending->text));
        copas_send(sending->skt, "\n", 1);
    }
    for (size_t at = 0; at < bytes;) {
        size_t n = bytes - at < sizeof block ? bytes - at : sizeof block;
        for (size_t i = 0; i < n; i++, at++) block[i] = (char)(at * 7919 >> 5);
        if (copas_send(sending->skt, block, n) != COPAS_OK) return;
    }
    copas_shut(sending->skt, COPAS_SHUT_SEND);
}

static int report(copas *c, copas_socket *skt)
{
    copas_bytes bytes;
    copas_status status;
    copas_tls_details details;
    unsigned long long len = 0;
    unsigned sum = 1;
    while ((status = copas_receive_some(skt, &bytes)) == COPAS_OK) {
        for (size_t i = 0; i < bytes.len; i++) sum = sum * 31 + (unsigned char)bytes.data[i];
        len += bytes.len;
    }
    if (status != COPAS_CLOSED) return fail(c, "receive", status);
    memset(&details, 0, sizeof details);
    details.size = sizeof details;
    if ((status = copas_tls_info(skt, &details)) != COPAS_OK) return fail(c, "info", status);
    printf("received %llu %u %s %s %d\n", len, sum, details.version,
           details.alpn == NULL ? "-" : details.alpn, details.resumed);
    return 0;
}

static int connect_once(copas *c, char **argv)
{
    copas_tls_identity identity;
    copas_tls_options options;
    copas_tls_context *context;
    copas_connect_options connect_options;
    struct sending sending;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.ca_file = argv[4];
    options.alpn = "echo/2,echo/1";
    if (given(argv[5]) != NULL) {
        memset(&identity, 0, sizeof identity);
        identity.certificate_file = argv[5];
        identity.key_file = argv[6];
        options.identities = &identity;
        options.identity_count = 1;
    }
    copas_status status = copas_tls_context_new(c, COPAS_TLS_CLIENT, &options, &context);
    if (status != COPAS_OK) return fail(c, "context", status);
    memset(&connect_options, 0, sizeof connect_options);
    connect_options.size = sizeof connect_options;
    connect_options.timeout = 20;
    connect_options.tls = context;
    connect_options.server_name = argv[3];
    status = copas_connect_with(c, "127.0.0.1", atoi(argv[2]), &connect_options, &sending.skt);
    if (status != COPAS_OK) return fail(c, "connect", status);
    sending.text = argv[7];
    if ((status = copas_addthread(c, send_all, &sending, NULL)) != COPAS_OK)
        return fail(c, "send", status);
    return report(c, sending.skt);
}

int main(int argc, char **argv)
{
    copas *c = copas_new(NULL);
    int serves = argc == 7 && strcmp(argv[1], "serve") == 0;
    if (c == NULL || (!serves && (argc != 8 || strcmp(argv[1], "connect") != 0))) {
        int asked = argc > 1 && strcmp(argv[1], "--help") == 0;
        fputs(usage, asked ? stdout : stderr);
        return asked ? 0 : 2;
    }
    return serves ? serve(c, argv) : connect_once(c, argv);
}
