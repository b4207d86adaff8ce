/* SPDX-License-Identifier: MIT */
/* planted_defects DEFECT: a program with one defect on a coroutine's stack, which the check scripts
 * must see their tool report before they trust its silence. */
#include <copas.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static volatile int sink;

static void invalid_read(void)
{
  volatile char *memory = malloc(16);
  sink = memory[16];
  free((void *)memory);
}

static void uninitialised(void)
{
  volatile int value[4];
  volatile int *hidden = value;
  if (hidden[2] == 7) sink = 1;
}

static void leak(void)
{
  char *volatile memory = malloc(64);
  memory[0] = 1;
  memory = NULL;
}

static void overflow(void)
{
  volatile int most = INT_MAX;
  sink = most + 1;
}

static void run_on_a_coroutine(void *user)
{
  const char *defect = user;
  if (strcmp(defect, "invalid_read") == 0) invalid_read();
  else if (strcmp(defect, "uninitialised") == 0) uninitialised();
  else if (strcmp(defect, "leak") == 0) leak();
  else if (strcmp(defect, "overflow") == 0) overflow();
}

int main(int argc, char **argv)
{
  if (argc != 2) {
    fprintf(stderr, "usage: planted_defects invalid_read|uninitialised|leak|overflow|none\n");
    return 2;
  }
  copas *c = copas_new(NULL);
  if (c == NULL) return 1;
  if (copas_addthread(c, run_on_a_coroutine, argv[1], NULL) != COPAS_OK) return 1;
  if (copas_loop(c, COPAS_FOREVER) != COPAS_OK) return 1;
  return copas_free(c) == COPAS_OK ? 0 : 1;
}
