/* SPDX-License-Identifier: MIT */
/* A connection that was accepted when there was no memory for its handler's stack: it is kept, and
 * nothing loses it. The program has its own mmap(), which the library calls. */
#include "network.h"

#include <sys/mman.h>
#include <sys/syscall.h>

enum { STACK = 8 << 20 };

static int is_full, refusals;

void *mmap(void *at, size_t len, int protection, int flags, int fd, off_t offset)
{
  if (is_full && len >= STACK) {
    refusals++;
    errno = ENOMEM;
    return MAP_FAILED;
  }
  return (void *)syscall(SYS_mmap, at, len, protection, flags, fd, offset);
}

/* A listening socket that was served, and keeps the one connection that came; the client's end. */
static int begin_kept(copas *c, copas_socket **server)
{
  copas_server_options options;
  int port;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.stack_size = STACK;
  *server = net_bind(c, &port);
  CHECK_OK(copas_addserver_with(c, *server, net_echo, &options));
  int client = net_connect(port);
  is_full = 1;
  net_until(c, &refusals, 1);
  is_full = 0;
  CHECK_OK(copas_removeserver(*server, 1));
  return client;
}

static void a_kept_connection_waits_for_accept(void)
{
  struct net_reports reports;
  copas *c = net_new(&reports);
  copas_socket *server, *accepted;
  int fd;
  refusals = 0;
  int client = begin_kept(c, &server);
  CHECK(net_reported(&reports, "cannot accept"));
  CHECK_NUMBER(copas_unwrap(server, &fd), COPAS_BUSY);
  CHECK_OK(copas_accept(server, 0, &accepted));
  net_puts(client, "hello\n");
  copas_bytes line;
  CHECK_OK(copas_receive(accepted, COPAS_LINE, &line));
  CHECK_BYTES(line, "hello");
  CHECK_OK(copas_unwrap(server, &fd));
  CHECK(close(fd) == 0);
  CHECK(close(client) == 0);
  CHECK_OK(copas_close(accepted));
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(a_kept_connection_waits_for_accept);
  return check_report();
}
