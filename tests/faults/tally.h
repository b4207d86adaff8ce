/* SPDX-License-Identifier: MIT */
/* How each operation ended, how often; what was given away and has come back. */
#ifndef TALLY_H
#define TALLY_H

#include <copas.h>
#include <stdio.h>
#include <stdlib.h>

/* Only builds of the library with made-up failures have these. */
void copas_faults(uint64_t seed, uint32_t kinds, uint32_t per_million);
uint64_t copas_faults_made(uint32_t kinds);

/* Nothing fails but what no program sees: short calls, EINTR, EAGAIN. */
extern int only_benign;

/* Seconds that no operation on this machine takes, however many failures are made. */
#define PATIENCE 20.0

/* Counts a status of an operation, and gives it back. A time limit of PATIENCE that has passed is a lost
 * wake-up, and COPAS_PANIC a defect: both end the program. */
int tally(const char *operation, int status);
/* The same where a short time limit may pass. */
int tally_short(const char *operation, int status);

/* A pointer to hand over with tally_taken_back() as its finalizer. */
void *tally_given(void);
void tally_taken_back(void *user);
/* Ends the program unless all that was given has come back. */
void tally_check_returned(const char *when);

void tally_print(void);

/* Ends the program with a text, and the seed that repeats it. */
#define FAIL(...)                                                                                  \
  do {                                                                                             \
    printf("%s:%d: ", __FILE__, __LINE__);                                                         \
    printf(__VA_ARGS__);                                                                           \
    fail();                                                                                        \
  } while (0)
_Noreturn void fail(void);

#define MUST(condition)                                                                            \
  do {                                                                                             \
    if (!(condition)) FAIL("%s", #condition);                                                      \
  } while (0)

/* The activities, each begun on a dispatcher whose loop runs next. */
void streams_begin(copas *c);
void streams_end(void);
void datagrams_begin(copas *c);
void objects_begin(copas *c);
/* Those that have a dispatcher of their own. */
void completions_run(void);
void fleet_run(void);

/* Counts of one more, or one less, for whose end the shutdown waits. */
void hold(void);
void let_go(void *user);

/* Where the certificates of the TLS servers are. */
extern char certificates[64];

/* Starts a coroutine of an activity; a failure is counted. When all have ended the dispatcher is shut down. */
void begin(copas *c, void (*body)(void), uint64_t flags);

/* Text number `n` of `who`, with an LF: what must come back byte by byte. Gives its length. */
size_t text_of(char *memory, size_t size, const char *who, int n);

#endif
