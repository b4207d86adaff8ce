/* SPDX-License-Identifier: MIT */
/* A line echo server on several cores whose requests cost some computing, for bench/cores/run. */
#include <copas.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int port;
static long work;

/* So many rounds of a generator of random numbers; a round is a little more than a nanosecond. */
static uint64_t compute(uint64_t state)
{
  for (long i = 0; i < work; i++) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
  }
  return state;
}

static void echo(copas_socket *client, void *user)
{
  copas_bytes line;
  uint64_t state = 88172645463325252u;
  (void)user;
  while (copas_receive(client, COPAS_LINE, &line) == COPAS_OK) {
    state = compute(state);
    copas_send(client, line.data, line.len);
    /* The number is never 0, but the compiler does not know it. */
    copas_send(client, "\n", state != 0);
  }
}

static copas_status serve(copas *c, int number, void *user)
{
  copas_bind_options shared = {.size = sizeof shared, .flags = COPAS_BIND_REUSEPORT};
  copas_socket *server;
  copas_address address;
  copas_status status = copas_bind_with(c, "127.0.0.1", port, &shared, &server);
  if (status == COPAS_OK) status = copas_getsockname(server, &address);
  if (status != COPAS_OK) return status;
  port = address.port;
  if (number == *(int *)user - 1) {
    printf("port %d\n", port);
    fflush(stdout);
  }
  return copas_addserver(c, server, echo, NULL, COPAS_FOREVER);
}

int main(int argc, char **argv)
{
  if (argc != 3 || strcmp(argv[1], "--help") == 0) {
    fputs("usage: server THREADS WORK\n"
          "Echoes lines on a free port of 127.0.0.1, which it prints as 'port N', on so many OS threads,\n"
          "after so many rounds of computing for each. Ends by being killed.\n",
          argc == 2 ? stdout : stderr);
    return argc == 2 ? 0 : 2;
  }
  int threads = atoi(argv[1]);
  work = atol(argv[2]);
  return copas_loop_many(threads, serve, &threads, NULL) == COPAS_OK ? 0 : 1;
}
