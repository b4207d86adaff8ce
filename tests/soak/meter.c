/* SPDX-License-Identifier: MIT */
/* How much has been done of each kind, and what failed. */
#include "soak.h"

#include <stdio.h>

enum { SAID_AT_MOST = 20 };

#define SOAK_NAME(name) #name,
static const char *const names[KINDS] = {SOAK_KINDS(SOAK_NAME)};
#undef SOAK_NAME

static atomic_long done[KINDS];
static atomic_long failures;

void soak_done(enum kind kind, int count)
{
  atomic_fetch_add_explicit(&done[kind], count, memory_order_relaxed);
}

void soak_failed(enum kind kind, const char *what, int status)
{
  if (atomic_fetch_add(&failures, 1) < SAID_AT_MOST)
    fprintf(stderr, "soak: %s: %s gave %d (%s)\n", names[kind], what, status,
            copas_status_name(status));
}

long soak_failures(void)
{
  return atomic_load(&failures);
}

void soak_print(void)
{
  printf("{\"failures\": %ld, \"done\": {", soak_failures());
  for (int kind = 0; kind < KINDS; kind++)
    printf("%s\"%s\": %ld", kind == 0 ? "" : ", ", names[kind], atomic_load(&done[kind]));
  printf("}}\n");
  fflush(stdout);
}
