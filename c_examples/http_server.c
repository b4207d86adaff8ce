/* SPDX-License-Identifier: MIT */
/* Serves the files of a folder by HTTP/1.1, with connections that are kept alive:
 *     http_server 8080 /usr/share/doc, then: curl http://127.0.0.1:8080/
 * Its handler (http/serve.c) reads as the protocol does: receive a request, answer it, again. */
#include "example.h"
#include "http/request.h"
#include "http/serve.h"

#include <fcntl.h>
#include <unistd.h>

static const char usage[] =
    "usage: http_server PORT FOLDER\n"
    "Serves the files of FOLDER on 127.0.0.1 (PORT 0: a free one, which it prints). GET and HEAD;\n"
    "a folder's index.html; nothing hidden, and nothing outside of FOLDER.\n";

/* Seconds that a client may take for each step. */
#define PATIENCE 30

int main(int argc, char **argv)
{
    copas_server_options options;
    int folder;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.name = "http";
    options.user = &folder;
    options.timeout = PATIENCE;
    options.line_limit = HTTP_LONGEST_HEAD;
    example_help(argc, argv, 2, usage);
    folder = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        perror(argv[2]);
        return 1;
    }
    int code = example_serve(copas_new(NULL), example_port(argv[1], 0), http_serve, &options);
    close(folder);
    return code;
}
