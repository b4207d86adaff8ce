/* SPDX-License-Identifier: MIT */
/* The HTTP server, encrypted. Its handler is the same: an encrypted socket behaves as a plain one.
 *     https_server 8443 /usr/share/doc cert.pem key.pem, then:
 *     curl --cacert ca.pem https://localhost:8443/
 * After a SIGHUP it shows new clients the certificate that is in the files then. */
#include "example.h"
#include "http/request.h"
#include "http/serve.h"

#include <fcntl.h>
#include <unistd.h>

static const char usage[] =
    "usage: https_server PORT FOLDER CERTIFICATE KEY\n"
    "Serves the files of FOLDER on 127.0.0.1 (PORT 0: a free one, which it prints) by HTTPS. CERTIFICATE\n"
    "and KEY are PEM files; they are read again on SIGHUP.\n";

/* Seconds that a client may take for each step, the handshake among them. */
#define PATIENCE 30

struct secrecy {
    copas_tls_identity identity;
    copas_tls_options options;
    copas_tls_context *context;
};

static void reload(copas *c, int number, void *user)
{
    struct secrecy *secrecy = user;
    (void)number;
    if (copas_tls_context_reload(c, secrecy->context, &secrecy->options) != COPAS_OK)
        example_fail(c, "the certificate stays as it was");
}

static copas_status make_context(copas *c, struct secrecy *secrecy, char **argv)
{
    memset(secrecy, 0, sizeof *secrecy);
    secrecy->identity.certificate_file = argv[3];
    secrecy->identity.key_file = argv[4];
    secrecy->options.size = sizeof secrecy->options;
    secrecy->options.identities = &secrecy->identity;
    secrecy->options.identity_count = 1;
    secrecy->options.alpn = "http/1.1";
    return copas_tls_context_new(c, COPAS_TLS_SERVER, &secrecy->options, &secrecy->context);
}

int main(int argc, char **argv)
{
    struct secrecy secrecy;
    copas_server_options options;
    int folder;
    example_help(argc, argv, 4, usage);
    copas *c = copas_new(NULL);
    if (c == NULL || make_context(c, &secrecy, argv) != COPAS_OK ||
        copas_on_signal(c, SIGHUP, reload, &secrecy) != COPAS_OK)
        return example_fail(c, "cannot encrypt");
    folder = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        perror(argv[2]);
        return 1;
    }
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.name = "https";
    options.user = &folder;
    options.timeout = PATIENCE;
    options.line_limit = HTTP_LONGEST_HEAD;
    options.tls = secrecy.context;
    int code = example_serve(c, example_port(argv[1], 0), http_serve, &options);
    copas_tls_context_release(secrecy.context);
    close(folder);
    return code;
}
