/* SPDX-License-Identifier: MIT */
/* planted_rust DEFECT: runs a defect of planted_defects.rs on a coroutine's stack. */
#include <copas.h>
#include <stdio.h>
#include <string.h>

void planted_use_after_free(void);
void planted_overflow(void);

static void run_on_a_coroutine(void *user)
{
  const char *defect = user;
  if (strcmp(defect, "use_after_free") == 0) planted_use_after_free();
  else if (strcmp(defect, "overflow") == 0) planted_overflow();
}

int main(int argc, char **argv)
{
  if (argc != 2) {
    fputs("usage: planted_rust use_after_free|overflow|none\n", stderr);
    return 2;
  }
  copas *c = copas_new(NULL);
  if (c == NULL) return 1;
  if (copas_addthread(c, run_on_a_coroutine, argv[1], NULL) != COPAS_OK) return 1;
  if (copas_loop(c, COPAS_FOREVER) != COPAS_OK) return 1;
  return copas_free(c) == COPAS_OK ? 0 : 1;
}
