/* SPDX-License-Identifier: MIT */
/* What the longer examples share: a port from the command line, errors in words, a server that ends
 * by signal. echo_server.c does without it. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include <copas.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A port from `least` to 65535; ends the program when `text` is none. */
static inline int example_port(const char *text, long least)
{
  char *end;
  long port = strtol(text, &end, 10);
  if (end == text || *end != '\0' || port < least || port > 65535) {
    fprintf(stderr, "%s is not a port: %ld to 65535\n", text, least);
    exit(2);
  }
  return (int)port;
}

/* Tells how a program is used: on stdout when that was asked for, else as an error. Ends it. */
static inline void example_usage(const char *usage, int argc, char **argv)
{
  int asked = argc > 1 && strcmp(argv[1], "--help") == 0;
  fputs(usage, asked ? stdout : stderr);
  exit(asked ? 0 : 2);
}

/* The detail of the last call that failed in this coroutine. */
static inline copas_error_info example_error(copas *c)
{
  copas_error_info info;
  memset(&info, 0, sizeof info);
  info.size = sizeof info;
  if (copas_error(c, &info) != COPAS_OK) info.text = "there is no dispatcher";
  return info;
}

/* Says what failed and why; gives the exit code. */
static inline int example_failed(copas *c, const char *what)
{
  fprintf(stderr, "%s: %s\n", what, example_error(c).text);
  return 1;
}

static copas *example_dispatcher;

/* copas_shutdown() is one of the calls that a signal handler may make. */
static inline void example_stop(int signal_number)
{
  (void)signal_number;
  copas_shutdown(example_dispatcher, 1);
}

/* Serves `port` of 127.0.0.1 until SIGINT or SIGTERM; handlers then have a second to end by
 * themselves before they are canceled. Gives the exit code. */
static inline int example_serve(copas *c, int port, copas_handler_fn handler,
                                const copas_server_options *options)
{
  copas_socket *server;
  copas_address address;
  if (copas_bind(c, "127.0.0.1", port, &server) != COPAS_OK ||
      copas_addserver_with(c, server, handler, options) != COPAS_OK ||
      copas_getsockname(server, &address) != COPAS_OK)
    return example_failed(c, "cannot listen");
  example_dispatcher = c;
  signal(SIGINT, example_stop);
  signal(SIGTERM, example_stop);
  printf("listening %d\n", address.port);
  fflush(stdout);
  if (copas_loop(c, COPAS_FOREVER) != COPAS_OK) return example_failed(c, "the loop failed");
  return copas_free(c) == COPAS_OK ? 0 : 1;
}

#endif
