/* SPDX-License-Identifier: MIT */
/* The server that the hostile clients attack: sends each line back, with what the library has against
 * them, or without it, or with a defect that they must find. */
#include <copas.h>

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static const char usage[] =
  "usage: hostile_server --port N [OPTION]...\n"
  "Sends each line back on 127.0.0.1. The options are those of copas_server_options\n"
  "and copas_config:\n"
  "  --first-byte S  --min-rate BYTES  --rate-window S  --line-limit BYTES\n"
  "  --max-connections N  --max-per-address N  --memory-budget BYTES\n"
  "  --defect WHAT   fails on purpose, for the clients to find: 'keep' never closes a connection that\n"
  "                  ended amid a line, 'stall' blocks for 20 ms at the end of one that was never used\n"
  "                  or ended amid a line, 'wrong' changes a byte of each 500th reply\n";

enum defect { DEFECT_NOTHING, DEFECT_KEEP, DEFECT_STALL, DEFECT_WRONG };

static enum defect defect;

/* What ended the connection: nothing was sent on it, or less than a line. */
static void misbehave(int lines, size_t rest)
{
  if (lines > 0 && rest == 0) return;
  if (defect == DEFECT_STALL) usleep(20000);
  if (defect == DEFECT_KEEP) copas_pauseforever(copas_current());
}

static void echo(copas_socket *client, void *user)
{
  static unsigned long replies;
  copas_bytes line;
  int lines = 0;
  (void)user;
  while (copas_receive(client, COPAS_LINE, &line) == COPAS_OK) {
    if (defect == DEFECT_WRONG && ++replies % 500 == 0 && line.len > 0) line.len--;
    if (copas_send(client, line.data, line.len) != COPAS_OK) return;
    if (copas_send(client, "\n", 1) != COPAS_OK) return;
    lines++;
  }
  misbehave(lines, line.len);
}

static void stop(copas *c, int number, void *user)
{
  (void)number, (void)user;
  copas_shutdown(c, 0);
}

static void ignore(copas_level level, const char *text, void *user)
{
  (void)level, (void)text, (void)user;
}

static int bad_use(FILE *where)
{
  fputs(usage, where);
  exit(where == stdout ? 0 : 2);
}

static void choose_defect(const char *name)
{
  static const char *const names[] = {"", "keep", "stall", "wrong"};
  for (int i = DEFECT_KEEP; i <= DEFECT_WRONG; i++)
    if (strcmp(name, names[i]) == 0) defect = (enum defect)i;
  if (defect == DEFECT_NOTHING) bad_use(stderr);
}

enum {
  PORT = 1,
  FIRST_BYTE,
  MIN_RATE,
  RATE_WINDOW,
  LINE_LIMIT,
  CONNECTIONS,
  PER_ADDRESS,
  MEMORY_BUDGET,
  DEFECT,
  HELP
};

static int read_options(int argc, char **argv, copas_server_options *server,
                        copas_config *config)
{
  static const struct option names[] = {{"port", 1, NULL, PORT},
                                        {"first-byte", 1, NULL, FIRST_BYTE},
                                        {"min-rate", 1, NULL, MIN_RATE},
                                        {"rate-window", 1, NULL, RATE_WINDOW},
                                        {"line-limit", 1, NULL, LINE_LIMIT},
                                        {"max-connections", 1, NULL, CONNECTIONS},
                                        {"max-per-address", 1, NULL, PER_ADDRESS},
                                        {"memory-budget", 1, NULL, MEMORY_BUDGET},
                                        {"defect", 1, NULL, DEFECT},
                                        {"help", 0, NULL, HELP},
                                        {NULL, 0, NULL, 0}};
  int option, port = 0;
  while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
    if (option == HELP) bad_use(stdout);
    if (option == '?') bad_use(stderr);
    double number = option == DEFECT ? 0 : atof(optarg);
    if (option == PORT) port = (int)number;
    if (option == FIRST_BYTE) server->first_byte = number;
    if (option == MIN_RATE) server->min_rate = (size_t)number;
    if (option == RATE_WINDOW) server->rate_window = number;
    if (option == LINE_LIMIT) server->line_limit = (size_t)number;
    if (option == CONNECTIONS) server->max_connections = (size_t)number;
    if (option == PER_ADDRESS) server->max_per_address = (size_t)number;
    if (option == MEMORY_BUDGET) config->memory_budget = (size_t)number;
    if (option == DEFECT) choose_defect(optarg);
  }
  return port;
}

int main(int argc, char **argv)
{
  copas_server_options server = {.size = sizeof server};
  copas_config config = {.size = sizeof config, .report = ignore};
  copas_socket *listener;
  int port = read_options(argc, argv, &server, &config);
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  copas *c = copas_new(&config);
  copas_status status = copas_bind(c, "127.0.0.1", port, &listener);
  if (status == COPAS_OK) status = copas_addserver_with(c, listener, echo, &server);
  if (status == COPAS_OK) status = copas_on_signal(c, SIGTERM, stop, NULL);
  if (status == COPAS_OK) status = copas_loop(c, COPAS_FOREVER);
  if (status != COPAS_OK) {
    fprintf(stderr, "hostile_server: %s\n", copas_status_message(status));
    return 1;
  }
  /* Those who do not end are a planted defect. */
  copas_free(c);
  return 0;
}
