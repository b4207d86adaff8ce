/* SPDX-License-Identifier: MIT */
#include "load_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char usage[] =
    "usage: load_client HOST PORT [options]\n"
    "Sends lines to a line echo server and checks every byte that comes back.\n"
    "  --connections N  connections at once, all open before the first request (1)\n"
    "  --requests N     lines that each connection sends (1)\n"
    "  --seconds S      go on for this long instead of a number of lines\n"
    "  --pipeline N     lines of a connection that may be unanswered (1)\n"
    "  --max-line N     longest line in bytes (64)\n"
    "  --split          cut the data at random places\n"
    "  --progress       tell about once a second, on stderr, how far it is\n"
    "  --seed N         of the lines' lengths, contents and cuts (1)\n"
    "HOST is a numeric address. The report on stdout has a key and a value in each line. The exit\n"
    "code is 0 when every byte was right, 1 when not, 2 when the command line is wrong.\n";

static void fail(const char *what, const char *value)
{
  fprintf(stderr, "load_client: %s: %s\n%s", what, value, usage);
  exit(2);
}

static double number(const char *name, const char *text, double least, double most)
{
  char *end;
  errno = 0;
  double value = strtod(text, &end);
  if (errno != 0 || end == text || *end != 0 || !(value >= least && value <= most)) fail(name, text);
  return value;
}

static void read_option(struct load_options *options, int option)
{
  switch (option) {
  case 'c': options->connections = (int)number("--connections", optarg, 1, 1000000); break;
  case 'r': options->requests = (uint64_t)number("--requests", optarg, 0, 1e15); break;
  case 's': options->seconds = number("--seconds", optarg, 0, 1e6); break;
  case 'p': options->pipeline = (int)number("--pipeline", optarg, 1, 100000); break;
  case 'm': options->max_line = (size_t)number("--max-line", optarg, 0, 1 << 20); break;
  case 'x': options->split = 1; break;
  case 'g': options->progress = 1; break;
  case 'e': options->seed = (uint64_t)number("--seed", optarg, 0, 1e15); break;
  case 'h': fputs(usage, stdout); exit(0);
  default: fputs(usage, stderr); exit(2);
  }
}

void load_options_read(struct load_options *options, int argc, char **argv)
{
  static const struct option known[] = {
      {"connections", required_argument, NULL, 'c'}, {"requests", required_argument, NULL, 'r'},
      {"seconds", required_argument, NULL, 's'},     {"pipeline", required_argument, NULL, 'p'},
      {"max-line", required_argument, NULL, 'm'},    {"split", no_argument, NULL, 'x'},
      {"progress", no_argument, NULL, 'g'},          {"seed", required_argument, NULL, 'e'},
      {"help", no_argument, NULL, 'h'},              {NULL, 0, NULL, 0}};
  int option;
  *options = (struct load_options){
      .connections = 1, .requests = 1, .pipeline = 1, .max_line = 64, .seed = 1};
  while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) read_option(options, option);
  if (argc - optind != 2) {
    fputs(usage, stderr);
    exit(2);
  }
  options->host = argv[optind];
  options->port = (int)number("PORT", argv[optind + 1], 1, 65535);
  if (options->seconds > 0) options->requests = UINT64_MAX;
}
