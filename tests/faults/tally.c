/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "tally.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define MOST 128
#define STATUSES 32

static struct {
  const char *operation;
  unsigned long counts[STATUSES];
} lines[MOST];
static int line_count;
static unsigned long given, taken_back;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

extern uint64_t seed_now;
extern const char *program_name;

void fail(void)
{
  tally_print();
  printf("\nrepeat it with: %s --seeds %llu\n", program_name, (unsigned long long)seed_now);
  fflush(stdout);
  _exit(1);
}

int tally_short(const char *operation, int status)
{
  int at = 0;
  if (status < -STATUSES + 1 || status > 0) FAIL("%s gave %d, which is no status", operation, status);
  if (status == COPAS_PANIC) FAIL("%s: COPAS_PANIC", operation);
  if (only_benign && status != COPAS_OK && status != COPAS_CLOSED && status != COPAS_STOPPED &&
      status != COPAS_TIMEOUT)
    FAIL("%s gave %s where nothing fails that a program sees", operation, copas_status_name(status));
  pthread_mutex_lock(&lock);
  while (at < line_count && strcmp(lines[at].operation, operation) != 0) at++;
  if (at == line_count) {
    MUST(line_count < MOST);
    lines[line_count++].operation = operation;
  }
  lines[at].counts[-status]++;
  pthread_mutex_unlock(&lock);
  return status;
}

int tally(const char *operation, int status)
{
  if (status == COPAS_TIMEOUT) FAIL("%s hangs", operation);
  return tally_short(operation, status);
}

void *tally_given(void)
{
  __atomic_add_fetch(&given, 1, __ATOMIC_SEQ_CST);
  return malloc(16);
}

void tally_taken_back(void *user)
{
  free(user);
  __atomic_add_fetch(&taken_back, 1, __ATOMIC_SEQ_CST);
}

void tally_check_returned(const char *when)
{
  if (given != taken_back) FAIL("%s: of %lu user pointers %lu were released", when, given, taken_back);
}

void tally_print(void)
{
  for (int at = 0; at < line_count; at++) {
    printf("%-24s", lines[at].operation);
    for (int status = 0; status < STATUSES; status++)
      if (lines[at].counts[status] != 0)
        printf(" %s %lu", copas_status_name(-status), lines[at].counts[status]);
    printf("\n");
  }
}
