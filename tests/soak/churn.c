/* SPDX-License-Identifier: MIT */
/* Coroutines that do one thing again and again until the soak stops. */
#include "soak.h"

#include <stdio.h>

/* Between two rounds, so that the kinds share the CPU instead of one taking it all. */
#define LONGEST_PAUSE_MS 10

void soak_need(struct soak *soak, const char *what, int status)
{
  copas_error_info info = {.size = sizeof info};
  if (status == COPAS_OK) return;
  fprintf(stderr, "soak: cannot begin: %s gave %s", what, copas_status_name(status));
  if (copas_error(soak->c, &info) == COPAS_OK) fprintf(stderr, ": %s", info.text);
  fprintf(stderr, "\n");
  exit(1);
}

static void churn_run(void *user)
{
  struct churn *churn = user;
  while (!atomic_load(&churn->soak->stopping)) {
    churn->round(churn);
    copas_pause(churn->soak->c, soak_random(&churn->random, LONGEST_PAUSE_MS) * 1e-3, NULL);
  }
  atomic_fetch_sub(&churn->soak->active, 1);
}

void soak_churn(struct soak *soak, enum kind kind, void (*round)(struct churn *churn), int count)
{
  static uint64_t seeds = 88172645463325252;
  for (int i = 0; i < count; i++) {
    struct churn *churn = calloc(1, sizeof *churn);
    if (churn == NULL) soak_need(soak, "calloc", COPAS_NO_MEMORY);
    *churn = (struct churn){soak, kind, seeds += 0x9e3779b97f4a7c15, round};
    copas_thread_options options = {.size = sizeof options, .user = churn, .user_free = free};
    atomic_fetch_add(&soak->active, 1);
    soak_need(soak, "copas_addthread_with", copas_addthread_with(soak->c, churn_run, &options, NULL));
  }
}
