/* SPDX-License-Identifier: MIT */
/* The vocabulary of the C and C++ tests: cases with a deadline, checks that say where and what.
 *
 *     static void a_line_is_received_without_its_ending(void) { ... CHECK_OK(copas_...); ... }
 *     int main(void) { RUN(a_line_is_received_without_its_ending); return check_report(); }
 *
 * A failed check ends the program at once: what follows could only mislead. */
#ifndef CHECK_H
#define CHECK_H

#include <copas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int check_cases;
static int check_skips;

/* Seconds that one case may take before SIGALRM ends the program: far more than it needs, also
 * under a tool on a busy machine. */
#define CHECK_DEADLINE (check_small() ? 600 : 120)

#define RUN(name)                                                                                  \
  do {                                                                                             \
    printf("%s ... ", #name);                                                                      \
    fflush(stdout);                                                                                \
    alarm(CHECK_DEADLINE);                                                                         \
    name();                                                                                        \
    alarm(0);                                                                                      \
    check_cases++;                                                                                 \
    printf("ok\n");                                                                                \
  } while (0)

/* Says in words why the rest of a case is not run here. Use: SKIP("..."); return; */
#define SKIP(why)                                                                                  \
  do {                                                                                             \
    check_skips++;                                                                                 \
    printf("(skipped: %s) ", why);                                                                 \
  } while (0)

#define CHECK_FAIL(...)                                                                            \
  do {                                                                                             \
    printf("FAILED\n%s:%d: ", __FILE__, __LINE__);                                                 \
    printf(__VA_ARGS__);                                                                           \
    printf("\n");                                                                                  \
    fflush(stdout);                                                                                \
    _exit(1);                                                                                      \
  } while (0)

#define CHECK(condition)                                                                           \
  do {                                                                                             \
    if (!(condition)) CHECK_FAIL("%s", #condition);                                                \
  } while (0)

#define CHECK_STATUS(expression, wanted)                                                           \
  do {                                                                                             \
    int check_got = (int)(expression);                                                             \
    if (check_got != (int)(wanted))                                                                \
      CHECK_FAIL("%s gave %s, not %s", #expression, copas_status_name(check_got),                  \
                 copas_status_name((int)(wanted)));                                                \
  } while (0)

#define CHECK_OK(expression) CHECK_STATUS(expression, COPAS_OK)

#define CHECK_NUMBER(expression, wanted)                                                           \
  do {                                                                                             \
    long long check_got = (long long)(expression);                                                 \
    if (check_got != (long long)(wanted))                                                          \
      CHECK_FAIL("%s is %lld, not %lld", #expression, check_got, (long long)(wanted));             \
  } while (0)

#define CHECK_BYTES(bytes, wanted)                                                                 \
  do {                                                                                             \
    copas_bytes check_got = (bytes);                                                               \
    if (check_got.len != strlen(wanted) || memcmp(check_got.data, wanted, check_got.len) != 0)     \
      CHECK_FAIL("%s is \"%.*s\" (%zu bytes), not \"%s\"", #bytes, (int)check_got.len,             \
                 check_got.data, check_got.len, wanted);                                           \
  } while (0)

/* 1 where COPAS_TEST_SCALE=small is set (valgrind, sanitizers), so that cases run small there. */
static inline int check_small(void)
{
  const char *scale = getenv("COPAS_TEST_SCALE");
  return scale != NULL && strcmp(scale, "small") == 0;
}

static inline int check_report(void)
{
  printf("%d cases passed, %d skipped\n", check_cases, check_skips);
  return 0;
}

#endif
