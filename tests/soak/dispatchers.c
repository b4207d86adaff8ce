/* SPDX-License-Identifier: MIT */
/* Dispatchers that come and go, each freed while its coroutines still wait. */
#include "soak.h"

#include <pthread.h>
#include <time.h>

enum { COROUTINES = 20 };

static pthread_t os_thread;

static void wait_for_ever(void *user)
{
  EXPECT(KIND_dispatcher, copas_pauseforever(user), COPAS_CANCELED);
}

static void serve_nobody(copas_socket *client, void *user)
{
  (void)client, (void)user;
}

static void use_dispatcher(void)
{
  copas *c = copas_new(NULL);
  copas_socket *server, *skt;
  copas_address address;
  if (!EXPECT(KIND_dispatcher, c != NULL, 1)) return;
  for (int i = 0; i < COROUTINES; i++)
    EXPECT_OK(KIND_dispatcher, copas_addthread(c, wait_for_ever, c, NULL));
  EXPECT_OK(KIND_dispatcher, copas_bind(c, "127.0.0.1", 0, &server));
  EXPECT_OK(KIND_dispatcher, copas_getsockname(server, &address));
  EXPECT_OK(KIND_dispatcher, copas_addserver(c, server, serve_nobody, NULL, COPAS_FOREVER));
  EXPECT_OK(KIND_dispatcher, copas_connect(c, "127.0.0.1", address.port, SOAK_PATIENCE, &skt));
  EXPECT_OK(KIND_dispatcher, copas_free(c));
  soak_done(KIND_dispatcher, 1);
}

static void *run(void *user)
{
  struct soak *soak = user;
  struct timespec pause = {0, 20000000};
  while (!atomic_load(&soak->stopping)) {
    use_dispatcher();
    nanosleep(&pause, NULL);
  }
  return NULL;
}

void dispatchers_start(struct soak *soak)
{
  if (pthread_create(&os_thread, NULL, run, soak) != 0)
    soak_need(soak, "pthread_create", COPAS_LIMIT);
}

void dispatchers_join(void)
{
  pthread_join(os_thread, NULL);
}
