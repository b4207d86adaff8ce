/* SPDX-License-Identifier: MIT */
/* Fetches one document by HTTPS and prints it; the server has to prove that it is HOST.
 *     https_get example.org 443 /              trusts whom the system trusts
 *     https_get localhost 8443 /a.txt ca.pem   trusts that CA alone */
#include "example.h"

static const char usage[] =
    "usage: https_get HOST PORT PATH [CA]\n"
    "Prints the document at PATH of an HTTPS server. CA is a PEM file with the certificates to trust\n"
    "instead of the system's.\n";

/* Seconds for connecting, and for each step after it. */
#define PATIENCE 30

static copas_status ask(copas_socket *server, const char *host, const char *path)
{
    char request[4096];
    int len = snprintf(request, sizeof request, "GET %s HTTP/1.0\r\nHost: %s\r\n\r\n", path, host);
    if (len < 0 || (size_t)len >= sizeof request) return COPAS_TOO_LONG;
    return copas_send(server, request, (size_t)len);
}

/* Receives the head; gives the code, and the length of the content or -1. */
static copas_status receive_head(copas_socket *server, int *code, long long *length)
{
    static const char name[] = "content-length:";
    char text[256];
    copas_bytes line;
    copas_status status = copas_receive(server, COPAS_LINE, &line);
    *code = 0;
    *length = -1;
    if (status == COPAS_OK) {
        snprintf(text, sizeof text, "%.*s", (int)line.len, line.data);
        if (sscanf(text, "HTTP/%*d.%*d %d", code) != 1) *code = 0;
    }
    while (status == COPAS_OK && line.len != 0) {
        status = copas_receive(server, COPAS_LINE, &line);
        snprintf(text, sizeof text, "%.*s", (int)line.len, line.data);
        if (strncasecmp(text, name, sizeof name - 1) == 0) *length = atoll(text + sizeof name - 1);
    }
    return status;
}

/* Prints the content: so much as its length says, or up to the end that the server has announced. An end
 * that it has not (COPAS_TRUNCATED) could be that of somebody in between. */
static copas_status print_content(copas_socket *server, long long length)
{
    copas_bytes bytes;
    copas_status status = COPAS_OK;
    while (length != 0 && (status = copas_receive_some(server, &bytes)) == COPAS_OK) {
        fwrite(bytes.data, 1, bytes.len, stdout);
        if (length > 0) length = (long long)bytes.len < length ? length - (long long)bytes.len : 0;
    }
    return status == COPAS_CLOSED && length < 0 ? COPAS_OK : status;
}

int main(int argc, char **argv)
{
    copas_tls_options trust;
    copas_tls_context *context;
    copas_connect_options options;
    copas_socket *server;
    int code;
    long long length;
    example_help(argc, argv, argc == 5 ? 4 : 3, usage);
    memset(&trust, 0, sizeof trust);
    trust.size = sizeof trust;
    trust.ca_file = argv[4];
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.timeout = PATIENCE;
    copas *c = copas_new(NULL);
    if (c == NULL || copas_tls_context_new(c, COPAS_TLS_CLIENT, &trust, &context) != COPAS_OK)
        return example_fail(c, "cannot encrypt");
    options.tls = context;
    if (copas_connect_with(c, argv[1], example_port(argv[2], 1), &options, &server) != COPAS_OK)
        return example_fail(c, "cannot connect");
    copas_settimeout(server, PATIENCE);
    if (ask(server, argv[1], argv[3]) != COPAS_OK ||
        receive_head(server, &code, &length) != COPAS_OK ||
        print_content(server, length) != COPAS_OK)
        return example_fail(c, "cannot fetch");
    copas_tls_context_release(context);
    copas_free(c);
    if (code != 200) fprintf(stderr, "the server answered with %d\n", code);
    return code == 200 ? 0 : 1;
}
