/* SPDX-License-Identifier: MIT */
/* What a request allocates: nothing, once its connection has served one. The allocator of this program
 * counts, and hands on to that of the C library. */
#include "network.h"

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static long allocations;

void *malloc(size_t size)
{
  allocations++;
  return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
  allocations++;
  return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
  allocations++;
  return __libc_realloc(memory, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
  allocations++;
  *out = __libc_memalign(alignment, size);
  return *out == NULL ? ENOMEM : 0;
}

static copas *c;
static copas_socket *skt;
static int peer;
static copas_event event;

static void exchange_by_completion(void)
{
  size_t taken;
  char got[8];
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 1, &event, NULL));
  CHECK(send(peer, "request\n", 8, 0) == 8);
  CHECK_NUMBER(copas_poll(c, &event, 1, NET_PATIENCE), 1);
  CHECK_OK(event.status);
  CHECK_OK(copas_submit_send(skt, "answer\n", 7, 0, 2, &taken, NULL, NULL));
  CHECK_NUMBER(copas_poll(c, &event, 1, NET_PATIENCE), 1);
  CHECK(recv(peer, got, sizeof got, 0) == 7);
}

static void completions_of_a_request_allocate_nothing(void)
{
  long none = allocations;
  c = net_new(NULL);
  CHECK(allocations > none);
  peer = net_tcp(c, &skt);
  CHECK_OK(copas_settimeout(skt, 60));
  for (int i = 0; i < 10; i++) exchange_by_completion();
  long before = allocations;
  for (int i = 0; i < 1000; i++) exchange_by_completion();
  CHECK_NUMBER(allocations - before, 0);
  close(peer);
  CHECK_OK(copas_free(c));
}

static int served;

static void serve(void *user)
{
  copas_bytes line;
  (void)user;
  while (copas_receive(skt, COPAS_LINE, &line) == COPAS_OK) {
    CHECK_OK(copas_send(skt, "answer\n", 7));
    served++;
  }
}

static void exchange_with_a_coroutine(void)
{
  char got[8];
  int before = served;
  CHECK(send(peer, "request\n", 8, 0) == 8);
  net_until(c, &served, before + 1);
  net_settle(c);
  CHECK(recv(peer, got, sizeof got, 0) == 7);
}

static void a_coroutines_request_allocates_nothing(void)
{
  c = net_new(NULL);
  peer = net_tcp(c, &skt);
  CHECK_OK(copas_settimeout(skt, 60));
  CHECK_OK(copas_addthread(c, serve, NULL, NULL));
  for (int i = 0; i < 10; i++) exchange_with_a_coroutine();
  long before = allocations;
  for (int i = 0; i < 1000; i++) exchange_with_a_coroutine();
  CHECK_NUMBER(allocations - before, 0);
  close(peer);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  free(malloc(1));
  if (check_small() || allocations == 0) {
    printf("(skipped: a tool has its own allocator) ");
    check_skips++;
    return check_report();
  }
  RUN(completions_of_a_request_allocate_nothing);
  RUN(a_coroutines_request_allocates_nothing);
  return check_report();
}
