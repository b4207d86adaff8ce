/* SPDX-License-Identifier: MIT */
/* What the load client was asked for. */
#ifndef LOAD_OPTIONS_H
#define LOAD_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

struct load_options {
  const char *host;
  int port;
  int connections;
  /* Of each connection; without a number of seconds. */
  uint64_t requests;
  /* 0: until the requests are done. */
  double seconds;
  int pipeline;
  size_t max_line;
  int split;
  int progress;
  uint64_t seed;
};

/* Reads the command line; ends the program with its usage where it is wrong or asks for help. */
void load_options_read(struct load_options *options, int argc, char **argv);

#endif
