/* SPDX-License-Identifier: MIT */
/* What the programs of the micro-benchmarks share: the command line, and the measuring of a body that
 * does an operation n times. Under callgrind only the body is counted; otherwise it is timed. */
#ifndef MICRO_H
#define MICRO_H

#include <copas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <valgrind/callgrind.h>

/* Operations that share one step of the dispatcher, where the step is not what is measured. */
#define MICRO_BATCH 64

#define MICRO_MOST_ROUNDS 99

/* One operation that a program can measure. */
struct micro_operation {
  const char *name;
  void (*measure)(copas *c);
};

static long micro_count;
static int micro_rounds;

static inline void micro_must(int succeeded, const char *what)
{
  if (succeeded) return;
  fprintf(stderr, "%s failed\n", what);
  exit(1);
}

/* The call must answer COPAS_OK. */
#define MICRO_OK(call) micro_must((call) == COPAS_OK, #call)

static inline double micro_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static inline int micro_compare(const void *a, const void *b)
{
  double difference = *(const double *)a - *(const double *)b;
  return (difference > 0) - (difference < 0);
}

/* Warms up, then runs `body(count)` in each round and prints the median of nanoseconds for each
 * operation. May be called on the root stack and in a coroutine. */
static inline void micro_measure(void (*body)(copas *c, long n), copas *c)
{
  double times[MICRO_MOST_ROUNDS];
  body(c, micro_count);
  for (int i = 0; i < micro_rounds; i++) {
    CALLGRIND_START_INSTRUMENTATION;
    double start = micro_now();
    body(c, micro_count);
    times[i] = (micro_now() - start) / (double)micro_count;
    CALLGRIND_STOP_INSTRUMENTATION;
  }
  qsort(times, (size_t)micro_rounds, sizeof *times, micro_compare);
  printf("nanoseconds %.2f\n", times[micro_rounds / 2]);
}

/* Sockets that are connected: one of the library's, and the descriptor of its peer. */
static inline int micro_pair(copas *c, copas_socket **skt)
{
  int fds[2];
  micro_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0, "socketpair");
  MICRO_OK(copas_wrap(c, fds[0], skt));
  return fds[1];
}

static inline void micro_usage(const char *program, const struct micro_operation *operations, int code)
{
  FILE *out = code == 0 ? stdout : stderr;
  fprintf(out,
          "usage: %s OPERATION COUNT ROUNDS\n"
          "Does an operation COUNT times in each of ROUNDS (1 to %d) rounds, and prints the median of\n"
          "nanoseconds for each. Under callgrind (--instr-atstart=no) only the rounds are counted.\n"
          "Operations:",
          program, MICRO_MOST_ROUNDS);
  for (; operations->name != NULL; operations++) fprintf(out, " %s", operations->name);
  fprintf(out, "\n");
  exit(code);
}

/* The main function of a program; the operations end with one that has no name. */
static inline int micro_main(int argc, char **argv, const struct micro_operation *operations)
{
  const struct micro_operation *operation = operations;
  if (argc == 2 && strcmp(argv[1], "--help") == 0) micro_usage(argv[0], operations, 0);
  if (argc != 4) micro_usage(argv[0], operations, 2);
  while (operation->name != NULL && strcmp(operation->name, argv[1]) != 0) operation++;
  micro_count = atol(argv[2]);
  micro_rounds = atoi(argv[3]);
  if (operation->name == NULL || micro_count < 1 || micro_rounds < 1 ||
      micro_rounds > MICRO_MOST_ROUNDS)
    micro_usage(argv[0], operations, 2);
  copas *c = copas_new(NULL);
  micro_must(c != NULL, "copas_new");
  operation->measure(c);
  MICRO_OK(copas_free(c));
  return 0;
}

#endif
