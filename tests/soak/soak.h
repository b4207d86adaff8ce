/* SPDX-License-Identifier: MIT */
/* The soak program: everything that the library has, used, ended and begun anew until it is told to
 * stop. Each file of it churns a few kinds of objects and counts what it has done. */
#ifndef SOAK_H
#define SOAK_H

#include <copas.h>

#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What is counted: one number for each kind of thing that is churned. */
#define SOAK_KINDS(X)                                                                              \
  X(tcp) X(unix_stream) X(tls) X(os_thread) X(udp) X(unix_datagram) X(wrapped) X(timer) X(cancel)  \
  X(group) X(offload) X(name) X(lock) X(semaphore) X(queue) X(future) X(select) X(mailbox)         \
  X(completion) X(post) X(dispatcher)

#define SOAK_KIND(name) KIND_##name,
enum kind { SOAK_KINDS(SOAK_KIND) KINDS };
#undef SOAK_KIND

/* Seconds until something that has to happen counts as lost. */
#define SOAK_PATIENCE 30.0

enum leak { LEAK_NOTHING, LEAK_MEMORY, LEAK_DESCRIPTORS };

struct soak {
  copas *c;
  atomic_int stopping;
  /* Those who have not stopped yet: the servers are there until then. */
  atomic_int active;
  enum leak leak;
  /* Where everybody may connect to. */
  int tcp_port;
};

/* Adds to a kind's number of operations; from any OS thread. */
void soak_done(enum kind kind, int count);

/* Counts a failure, and says the first ones in words; from any OS thread. */
void soak_failed(enum kind kind, const char *what, int status);

/* 1 when `status` is `wanted`, else counts a failure. */
static inline int soak_expect(enum kind kind, const char *what, int status, int wanted)
{
  if (status == wanted) return 1;
  soak_failed(kind, what, status);
  return 0;
}

#define EXPECT(kind, call, wanted) soak_expect(kind, #call, (int)(call), (int)(wanted))
#define EXPECT_OK(kind, call) EXPECT(kind, call, COPAS_OK)

long soak_failures(void);

/* Prints the numbers as one line of JSON. */
void soak_print(void);

/* Marsaglia's xorshift: each coroutine has its own, so that runs differ only in their interleaving. */
static inline uint32_t soak_random(uint64_t *state, uint32_t below)
{
  *state ^= *state << 13;
  *state ^= *state >> 7;
  *state ^= *state << 17;
  return (uint32_t)(*state >> 32) % below;
}

/* A coroutine that calls `round` again and again, with a short pause between, until the soak stops. */
struct churn {
  struct soak *soak;
  enum kind kind;
  uint64_t random;
  void (*round)(struct churn *churn);
};

/* Starts `count` of them; exits when that fails. */
void soak_churn(struct soak *soak, enum kind kind, void (*round)(struct churn *churn), int count);

/* Exits with a text when `status` is not COPAS_OK: for what is set up at the beginning. */
void soak_need(struct soak *soak, const char *what, int status);

/* Each starts its own part, on the dispatcher's OS thread before its loop. */
void streams_start(struct soak *soak);
void tls_start(struct soak *soak);
void datagrams_start(struct soak *soak);
void waits_start(struct soak *soak);
void works_start(struct soak *soak);

/* Parts on OS threads of their own; each ends when the soak stops, and is joined. */
void mailboxes_start(struct soak *soak);
void mailboxes_join(void);
void completions_start(struct soak *soak);
void completions_join(void);
void dispatchers_start(struct soak *soak);
void dispatchers_join(void);

/* What streams.c lends: connections to a server that sends each line back. */
void streams_echo(copas_socket *client, void *user);
/* Requests on a connection that is there, checked; then one of several ends. */
void streams_visit(struct churn *churn, copas_socket *skt);

#endif
