/* SPDX-License-Identifier: MIT */
/* What the example servers share: their command line's help and port, a clean end on Ctrl-C. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <copas.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Seconds that open connections have after Ctrl-C. */
#define EXAMPLE_GRACE 2.0

static copas *example_dispatcher;

/* copas_shutdown() may be called in a signal handler. */
static inline void example_on_signal(int number)
{
    (void)number;
    copas_shutdown(example_dispatcher, EXAMPLE_GRACE);
}

/* SIGINT and SIGTERM end the loop of `c` after a grace. */
static inline void example_end_on_signals(copas *c)
{
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = example_on_signal;
    example_dispatcher = c;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

/* Prints `usage` and ends the program when it is asked for or when arguments are missing. */
static inline void example_help(int argc, char **argv, int wanted, const char *usage)
{
    int asked = argc > 1 && strcmp(argv[1], "--help") == 0;
    if (!asked && argc - 1 == wanted) return;
    fputs(usage, asked ? stdout : stderr);
    exit(asked ? 0 : 2);
}

/* The number of an argument; ends the program when it is none from `least` to `most`. */
static inline int example_number(const char *text, const char *what, int least, int most)
{
    char *end;
    long number = strtol(text, &end, 10);
    if (end == text || *end != 0 || number < least || number > most) {
        fprintf(stderr, "%s is not a %s: %d to %d\n", text, what, least, most);
        exit(2);
    }
    return (int)number;
}

static inline int example_port(const char *text, int least)
{
    return example_number(text, "port", least, 65535);
}

/* Says on stderr why a call failed, and gives the exit code of the program. */
static inline int example_fail(copas *c, const char *what)
{
    copas_error_info info;
    memset(&info, 0, sizeof info);
    info.size = sizeof info;
    copas_error(c, &info);
    fprintf(stderr, "%s: %s\n", what, info.text);
    return 1;
}

/* A listening socket on 127.0.0.1; prints its port. */
static inline copas_status example_bind(copas *c, int port, copas_socket **server)
{
    copas_address address;
    copas_status status = copas_bind(c, "127.0.0.1", port, server);
    if (status == COPAS_OK) status = copas_getsockname(*server, &address);
    if (status == COPAS_OK) {
        printf("listening %d\n", address.port);
        fflush(stdout);
    }
    return status;
}

/* Serves until a signal ends the loop; gives the exit code of the program. */
static inline int example_serve(copas *c, int port, copas_handler_fn handler,
                                const copas_server_options *options)
{
    copas_socket *server;
    if (c == NULL) {
        perror("copas_new");
        return 1;
    }
    if (example_bind(c, port, &server) != COPAS_OK) return example_fail(c, "cannot listen");
    if (copas_addserver_with(c, server, handler, options) != COPAS_OK)
        return example_fail(c, "cannot serve");
    example_end_on_signals(c);
    if (copas_loop(c, COPAS_FOREVER) != COPAS_OK) return example_fail(c, "the loop ended");
    return copas_free(c) == COPAS_OK ? 0 : 1;
}

#endif
