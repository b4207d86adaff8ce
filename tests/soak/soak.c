/* SPDX-License-Identifier: MIT */
/* Starts all parts, prints their numbers each second, and ends them. */
#include "soak.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>

static const char usage[] =
  "usage: soak [--seconds N] [--leak memory|descriptors]\n"
  "Churns every kind of object of libcopas and checks each outcome. Prints, each second, a line of JSON\n"
  "with the operations of each kind and the failures.\n"
  "  --seconds N  stops by itself; else at SIGTERM or SIGINT\n"
  "  --leak WHAT  leaks 4 KiB of memory, or a descriptor, in each connection, for those who watch\n"
  "Exits 0 when nothing failed.\n";

static struct soak soak;

static void stop(copas *c, int number, void *user)
{
  (void)c, (void)number, (void)user;
  atomic_store(&soak.stopping, 1);
}

/* Watches the time, and ends the servers when everybody has stopped. */
static void watch(void *user)
{
  double seconds = *(double *)user, start = copas_now(soak.c);
  while (!atomic_load(&soak.stopping)) {
    copas_pause(soak.c, 1, NULL);
    soak_print();
    if (seconds > 0 && copas_now(soak.c) - start >= seconds) stop(soak.c, 0, NULL);
  }
  double end = copas_now(soak.c) + 2 * SOAK_PATIENCE;
  while (atomic_load(&soak.active) > 0 && copas_now(soak.c) < end) copas_pause(soak.c, 0.01, NULL);
  /* Those who serve datagrams wait until they are canceled. */
  copas_shutdown(soak.c, 1);
}

static void read_options(int argc, char **argv, double *seconds)
{
  static const struct option options[] = {{"seconds", required_argument, NULL, 's'},
                                          {"leak", required_argument, NULL, 'l'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  int option;
  while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
    if (option == 's' && (*seconds = atof(optarg)) > 0) continue;
    if (option == 'l' && strcmp(optarg, "memory") == 0) {
      soak.leak = LEAK_MEMORY;
    } else if (option == 'l' && strcmp(optarg, "descriptors") == 0) {
      soak.leak = LEAK_DESCRIPTORS;
    } else {
      fputs(usage, option == 'h' ? stdout : stderr);
      exit(option == 'h' ? 0 : 2);
    }
  }
}

int main(int argc, char **argv)
{
  double seconds = 0;
  read_options(argc, argv, &seconds);
  soak.c = copas_new(NULL);
  if (soak.c == NULL) return perror("soak: copas_new"), 1;
  soak_need(&soak, "copas_on_signal", copas_on_signal(soak.c, SIGTERM, stop, NULL));
  soak_need(&soak, "copas_on_signal", copas_on_signal(soak.c, SIGINT, stop, NULL));
  streams_start(&soak);
#if defined(COPAS_HAS_TLS)
  tls_start(&soak);
#endif
  datagrams_start(&soak);
  waits_start(&soak);
  works_start(&soak);
  mailboxes_start(&soak);
  completions_start(&soak);
  dispatchers_start(&soak);
  soak_need(&soak, "copas_addthread", copas_addthread(soak.c, watch, &seconds, NULL));
  copas_status status = copas_loop(soak.c, COPAS_FOREVER);
  if (status != COPAS_OK) soak_failed(KIND_dispatcher, "copas_loop", status);
  dispatchers_join();
  completions_join();
  mailboxes_join();
  status = copas_free(soak.c);
  if (status != COPAS_OK) soak_failed(KIND_dispatcher, "copas_free", status);
  soak_print();
  return soak_failures() > 0;
}
