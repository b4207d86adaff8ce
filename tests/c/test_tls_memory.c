/* SPDX-License-Identifier: MIT */
/* What was secret is in no freed memory: neither what went through encrypted sockets nor a key. */
#include "tls.h"

#include <malloc.h>
#include <sys/mman.h>

#define MARK_LEN 24

/* A text that stands nowhere in this program: it is made each time. */
static void make_mark(char *mark)
{
  for (int i = 0; i < MARK_LEN; i++) mark[i] = (char)('A' + (i * 7 + 3) % 26);
}

static int is_mark(const char *at)
{
  for (int i = 0; i < MARK_LEN; i++)
    if (at[i] != (char)('A' + (i * 7 + 3) % 26)) return 0;
  return 1;
}

/* How often `is_it` finds its bytes in the memory that the process may read and write, `but` for one
 * place; stacks of OS threads and coroutines too. */
static int find_in_memory(int (*is_it)(const char *), size_t len, const char *but)
{
  char line[512];
  int found = 0;
  FILE *maps = fopen("/proc/self/maps", "r");
  int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
  char *copy = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(maps != NULL && memory >= 0 && copy != MAP_FAILED);
  while (fgets(line, sizeof line, maps) != NULL) {
    unsigned long start, stop;
    char mode[8];
    CHECK(sscanf(line, "%lx-%lx %7s", &start, &stop, mode) == 3);
    if (mode[0] != 'r' || mode[1] != 'w') continue;
    for (unsigned long at = start; at < stop; at += (1 << 20) - len) {
      size_t want = stop - at < 1 << 20 ? stop - at : 1 << 20;
      ssize_t n = pread(memory, copy, want, (off_t)at);
      if (at <= (unsigned long)copy && (unsigned long)copy < at + want) continue;
      for (ssize_t i = 0; i + (ssize_t)len <= n; i++)
        if (is_it(copy + i) && at + (unsigned long)i != (unsigned long)but) found++;
    }
  }
  CHECK(fclose(maps) == 0 && close(memory) == 0 && munmap(copy, 1 << 20) == 0);
  return found;
}

static void answer(copas_socket *client, void *user)
{
  copas_bytes bytes;
  (void)user;
  while (copas_receive(client, MARK_LEN, &bytes) == COPAS_OK)
    copas_send(client, bytes.data, bytes.len);
}

static char key_part[40];

static int is_key(const char *at)
{
  return memcmp(at, key_part, sizeof key_part) == 0;
}

static void no_secret_stays_behind(void)
{
  int port;
  copas_socket *skt;
  copas_bytes bytes;
  char *block;
  const size_t times = 20000;
  copas *c = net_new(NULL);
  copas_tls_context *server = tls_server(c, "server"), *client = tls_client(c, "ca");
  tls_serve(c, server, answer, NULL, &port);
  CHECK_OK(tls_connect(c, client, port, "localhost", &skt));
  block = net_allocate(times * MARK_LEN);
  for (size_t i = 0; i < times; i++) make_mark(block + i * MARK_LEN);
  CHECK_OK(copas_send(skt, block, 100 * MARK_LEN));
  CHECK_OK(copas_receive(skt, 100 * MARK_LEN, &bytes));
  CHECK(is_mark(bytes.data));
  /* The search finds what is there. */
  CHECK(find_in_memory(is_mark, MARK_LEN, NULL) > 100);
  CHECK_OK(copas_send(skt, block, times * MARK_LEN));
  CHECK_OK(copas_receive(skt, (int64_t)(times / 2 * MARK_LEN), &bytes));
  memset(block, 0, times * MARK_LEN);
  free(block);
  CHECK_OK(copas_close(skt));
  CHECK_OK(copas_tls_context_release(server));
  CHECK_OK(copas_tls_context_release(client));
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(find_in_memory(is_mark, MARK_LEN, NULL), 0);
}

static void no_key_stays_behind(void)
{
  char text[4096];
  copas *c = net_new(NULL);
  copas_tls_context *server = tls_server(c, "server");
  CHECK_OK(copas_tls_context_release(server));
  CHECK_OK(copas_free(c));
  /* Its second line of base64. */
  FILE *stream = fopen(tls_path("server.key"), "rb");
  CHECK(stream != NULL);
  setvbuf(stream, NULL, _IONBF, 0);
  CHECK(fread(text, 1, 1, stream) == 1);
  int lines = 0;
  for (size_t n = 0; lines < 2 && n < sizeof text && fread(text, 1, 1, stream) == 1; n++)
    lines += text[0] == '\n';
  CHECK(fread(key_part, 1, sizeof key_part, stream) == sizeof key_part);
  CHECK(fclose(stream) == 0);
  CHECK_NUMBER(find_in_memory(is_key, sizeof key_part, key_part), 0);
}

enum { IDLE = 20, LONG = 60000 };

static void answer_long(copas_socket *client, void *user)
{
  copas_bytes bytes;
  (void)user;
  while (copas_receive(client, LONG, &bytes) == COPAS_OK)
    copas_send(client, bytes.data, bytes.len);
}

/* Bytes of the heap that a connection, of which both ends are here, adds when it has had `len` bytes there
 * and back. */
static size_t heap_of_idle_connections(int len)
{
  int port;
  copas_socket *clients[IDLE];
  copas_bytes bytes;
  char *block = net_allocate(LONG);
  copas *c = net_new(NULL);
  copas_tls_context *server = tls_server(c, "server"), *client = tls_client(c, "ca");
  tls_serve(c, server, len == LONG ? answer_long : answer, NULL, &port);
  size_t before = mallinfo2().uordblks;
  for (int i = 0; i < IDLE; i++) {
    CHECK_OK(tls_connect(c, client, port, "localhost", &clients[i]));
    CHECK_OK(copas_send(clients[i], block, (size_t)len));
    CHECK_OK(copas_receive(clients[i], len, &bytes));
    CHECK_NUMBER(bytes.len, len);
    CHECK_OK(copas_settimeout(clients[i], 0));
    CHECK_STATUS(copas_receive_some(clients[i], &bytes), COPAS_TIMEOUT);
  }
  net_settle(c);
  size_t after = mallinfo2().uordblks;
  CHECK_OK(copas_tls_context_release(server));
  CHECK_OK(copas_tls_context_release(client));
  CHECK_OK(copas_free(c));
  free(block);
  return (after - before) / IDLE;
}

static void an_idle_connection_keeps_no_memory_of_long_records(void)
{
  size_t of_short = heap_of_idle_connections(MARK_LEN);
  size_t of_long = heap_of_idle_connections(LONG);
  printf("%zu bytes after short records, %zu after long ones ", of_short, of_long);
  CHECK(of_long < of_short + 1500);
}

int main(void)
{
  if (check_small()) {
    SKIP("tools keep freed memory, and search slowly");
    return check_report();
  }
  tls_begin();
  RUN(no_secret_stays_behind);
  RUN(no_key_stays_behind);
  RUN(an_idle_connection_keeps_no_memory_of_long_records);
  return check_report();
}
