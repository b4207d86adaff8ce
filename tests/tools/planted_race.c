/* SPDX-License-Identifier: MIT */
/* planted_race: a data race between a coroutine and another OS thread, which scripts/check-threads must
 * see ThreadSanitizer report before it trusts its silence. */
#include <copas.h>
#include <pthread.h>

static int shared;

static void *count(void *user)
{
  (void)user;
  for (int i = 0; i < 1000; i++) shared++;
  return NULL;
}

static void run_on_a_coroutine(void *user)
{
  copas *c = user;
  for (int i = 0; i < 1000; i++) {
    shared++;
    if (i % 100 == 0) copas_pause(c, 0, NULL);
  }
}

int main(void)
{
  pthread_t os_thread;
  copas *c = copas_new(NULL);
  if (c == NULL) return 1;
  if (copas_addthread(c, run_on_a_coroutine, c, NULL) != COPAS_OK) return 1;
  if (pthread_create(&os_thread, NULL, count, NULL) != 0) return 1;
  if (copas_loop(c, COPAS_FOREVER) != COPAS_OK) return 1;
  if (pthread_join(os_thread, NULL) != 0) return 1;
  return copas_free(c) == COPAS_OK ? 0 : 1;
}
