/* SPDX-License-Identifier: MIT */
/* Ours: the handlers of copas_c.c, each on an OS thread, as languages with a runtime of their own need
 * them. */
#include "copas_echo.h"

/* Enough for every case with connections that are served at once. */
#define OS_THREADS 1100

int main(int argc, char **argv)
{
  enum server_mode mode = server_parse(argc, argv, SERVER_LINES | SERVER_BULK).mode;
  copas_config config = {.size = sizeof config, .os_threads = OS_THREADS};
  copas_server_options options = {.size = sizeof options, .flags = COPAS_OS_THREAD};
  copas *c = copas_new(&config);
  server_must(c != NULL, "copas_new");
  copas_socket *server = echo_listen(c);
  server_must(copas_addserver_with(c, server, echo_handler(mode), &options) == COPAS_OK,
              "copas_addserver_with");
  copas_loop(c, COPAS_FOREVER);
  copas_free(c);
  return 0;
}
