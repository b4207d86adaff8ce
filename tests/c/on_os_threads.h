/* SPDX-License-Identifier: MIT */
/* Included before a test's own text, it puts what the test adds on OS threads: the same cases then
 * check that the contract is the same there. */
#ifndef ON_OS_THREADS_H
#define ON_OS_THREADS_H

#include <copas.h>
#include <string.h>

/* The options of a test with the flag; what it leaves out or gets wrong stays so. */
static inline copas_status on_os_threads_addthread_with(copas *c, copas_thread_fn fn,
                                                        const copas_thread_options *options,
                                                        copas_thread **out)
{
  union {
    copas_thread_options known;
    char bytes[4096];
  } copy;
  memset(&copy, 0, sizeof copy);
  copy.known.size = sizeof copy.known;
  if (options != NULL && options->size <= sizeof copy) memcpy(&copy, options, options->size);
  copy.known.flags |= COPAS_OS_THREAD;
  return copas_addthread_with(c, fn, &copy.known, out);
}

static inline copas_status on_os_threads_addthread(copas *c, copas_thread_fn fn, void *user,
                                                   copas_thread **out)
{
  copas_thread_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.user = user;
  return on_os_threads_addthread_with(c, fn, &options, out);
}

static inline copas_status on_os_threads_addserver_with(copas *c, copas_socket *server,
                                                        copas_handler_fn handler,
                                                        const copas_server_options *options)
{
  union {
    copas_server_options known;
    char bytes[4096];
  } copy;
  memset(&copy, 0, sizeof copy);
  copy.known.size = sizeof copy.known;
  if (options != NULL && options->size <= sizeof copy) memcpy(&copy, options, options->size);
  copy.known.flags |= COPAS_OS_THREAD;
  return copas_addserver_with(c, server, handler, &copy.known);
}

/* A time limit of 0 has no equal among the options: such a server stays on stacks. */
static inline copas_status on_os_threads_addserver(copas *c, copas_socket *server,
                                                   copas_handler_fn handler, void *user,
                                                   double timeout)
{
  copas_server_options options;
  if (timeout == 0) return copas_addserver(c, server, handler, user, timeout);
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.user = user;
  options.timeout = timeout;
  return on_os_threads_addserver_with(c, server, handler, &options);
}

#define copas_addthread on_os_threads_addthread
#define copas_addthread_with on_os_threads_addthread_with
#define copas_addserver on_os_threads_addserver
#define copas_addserver_with on_os_threads_addserver_with

#endif
