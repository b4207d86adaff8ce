/* SPDX-License-Identifier: MIT */
/* A peer: state-threads, a coroutine for each connection. Debian builds it without epoll, and select
 * ends at 1,024 descriptors: so it polls. */
#include "server.h"
#include <st.h>

#define SIZE 65536

static void *lines(void *user)
{
  st_netfd_t client = user;
  char *bytes = malloc(SIZE);
  size_t length = 0;
  ssize_t n;
  while ((n = st_read(client, bytes + length, SIZE - length, ST_UTIME_NO_TIMEOUT)) > 0) {
    char *last = memrchr(bytes + length, '\n', (size_t)n);
    length += (size_t)n;
    if (last == NULL) continue;
    size_t whole = (size_t)(last - bytes) + 1;
    if (st_write(client, bytes, whole, ST_UTIME_NO_TIMEOUT) != (ssize_t)whole) break;
    length -= whole;
    memmove(bytes, bytes + whole, length);
  }
  free(bytes);
  st_netfd_close(client);
  return NULL;
}

static void *bulk(void *user)
{
  st_netfd_t client = user;
  char *bytes = malloc(SIZE);
  ssize_t n;
  while ((n = st_read(client, bytes, SIZE, ST_UTIME_NO_TIMEOUT)) > 0)
    if (st_write(client, bytes, (size_t)n, ST_UTIME_NO_TIMEOUT) != n) break;
  free(bytes);
  st_netfd_close(client);
  return NULL;
}

static void serve(void *(*handler)(void *))
{
  st_netfd_t listener = st_netfd_open_socket(server_listen());
  for (;;) {
    st_netfd_t client = st_accept(listener, NULL, NULL, ST_UTIME_NO_TIMEOUT);
    if (client == NULL) continue;
    server_no_delay(st_netfd_fileno(client));
    server_must(st_thread_create(handler, client, 0, 0) != NULL, "st_thread_create");
  }
}

static long parked;

static void *park(void *user)
{
  (void)user;
  parked++;
  st_sleep(-1);
  return NULL;
}

static void park_all(long count)
{
  for (long i = 0; i < count; i++)
    server_must(st_thread_create(park, NULL, 0, 0) != NULL, "st_thread_create");
  while (parked < count) st_usleep(0);
  server_parked(count);
}

int main(int argc, char **argv)
{
  struct server_options options =
      server_parse(argc, argv, SERVER_LINES | SERVER_BULK | SERVER_PARKED);
  server_must(st_set_eventsys(ST_EVENTSYS_POLL) == 0, "st_set_eventsys");
  server_must(st_init() == 0, "st_init");
  if (options.mode == SERVER_PARKED) park_all(options.count);
  serve(options.mode == SERVER_LINES ? lines : bulk);
}
