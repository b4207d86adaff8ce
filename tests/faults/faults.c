/* SPDX-License-Identifier: MIT */
/* Servers and clients of every kind while system calls fail: whatever fails, an operation ends with right data or
 * with a status, in time; no descriptor, record or user pointer is lost. For a library with the feature
 * `faults`. */
#define _GNU_SOURCE
#include "tls_folder.h"

#include "tally.h"

#include <dirent.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

uint64_t seed_now;
int only_benign;
const char *program_name;
char certificates[64];

static copas *running;
static int living;

static const char usage[] =
    "usage: faults [--seeds A-B | --seeds N] [--rate N] [--kinds N]\n"
    "Runs servers and clients of every kind while system calls fail: for each seed once with all kinds of\n"
    "failures, and once with one kind alone, up to ten times as often.\n"
    "  --seeds A-B  these seeds (1-10); --seeds N: this one alone\n"
    "  --rate N     failures of a million system calls (20000)\n"
    "  --kinds N    which kinds, as copas_faults() takes them (255: all)\n"
    "  --no-tls     without encrypted sockets, whose certificates the openssl program makes\n"
    "Prints how often each operation ended how. Exits 1 at a hang, a leak or a wrong byte.\n";

void hold(void)
{
  living++;
}

void let_go(void *user)
{
  free(user);
  if (--living == 0) tally("shutdown", copas_shutdown(running, PATIENCE));
}

static void run_body(void *user)
{
  (*(void (**)(void))user)();
}

int begin(copas *c, void (*body)(void), uint64_t flags)
{
  copas_thread_options options = {.size = sizeof options, .flags = flags, .user_free = let_go};
  void (**place)(void) = malloc(sizeof *place);
  *place = body;
  options.user = place;
  hold();
  return tally("addthread", copas_addthread_with(c, run_body, &options, NULL)) == COPAS_OK;
}

size_t text_of(char *memory, size_t size, const char *who, int n)
{
  unsigned hash = (unsigned)n * 2654435761u ^ (unsigned)who[0] * 40503u;
  return (size_t)snprintf(memory, size, "%s %d: %08x %08x %08x\n", who, n, hash, hash * 69069u, ~hash);
}

static int open_descriptors(void)
{
  int count = 0;
  DIR *folder = opendir("/proc/self/fd");
  MUST(folder != NULL);
  while (readdir(folder) != NULL) count++;
  closedir(folder);
  return count;
}

/* What is left on a dispatcher whose loop has ended. */
static void check_empty(copas *c)
{
  copas_dispatcher_stats stats = {.size = sizeof stats};
  MUST(copas_stats(c, &stats) == COPAS_OK);
  if (stats.running != 0 || stats.sockets != 0 || stats.timers != 0)
    FAIL("%d coroutines, %d sockets and %d timers are left", (int)stats.running, (int)stats.sockets,
         (int)stats.timers);
}

/* One dispatcher with all activities. */
static void run_dispatcher(void)
{
  copas_config config = {.size = sizeof config, .flags = COPAS_QUIET};
  copas *c = running = copas_new(&config);
  if (c == NULL) return;
  hold();
  streams_begin(c);
  datagrams_begin(c);
  objects_begin(c);
  let_go(NULL);
  int status, failures = 0;
  while ((status = tally("loop", copas_loop(c, 3 * PATIENCE))) != COPAS_OK)
    if (++failures > 1000) FAIL("copas_loop gives %s for ever", copas_status_name(status));
  check_empty(c);
  streams_end();
  tally("free", copas_free(c));
}

static void on_alarm(int number)
{
  char text[160];
  (void)number;
  /* printf() may be what it has interrupted. */
  int len = snprintf(text, sizeof text, "\nthe deadline has passed: something hangs; --seeds %llu repeats it\n",
                     (unsigned long long)seed_now);
  if (write(1, text, (size_t)len) > 0) _exit(1);
  _exit(2);
}

static void run_once(uint64_t seed, uint32_t kinds, uint32_t rate)
{
  int before = open_descriptors();
  alarm(4 * (unsigned)PATIENCE);
  only_benign = (kinds & ~7u) == 0;
  copas_faults(seed, kinds, rate);
  run_dispatcher();
  completions_run();
  fleet_run();
  copas_faults(0, 0, 0);
  alarm(0);
  tally_check_returned("at the end of a seed");
  int after = open_descriptors();
  if (after != before) FAIL("%d descriptors are open that were not", after - before);
}

static void run_seed(uint64_t seed, uint32_t kinds, uint32_t rate)
{
  uint32_t one = 1u << seed % 8;
  /* Above that a server goes without stacks for longer than its clients have patience. */
  uint32_t often = 10 * rate < 300000 ? 10 * rate : 300000;
  seed_now = seed;
  run_once(seed, kinds, rate);
  if (kinds & one) run_once(seed, one, often);
}

static void print_made(void)
{
  static const char *const names[] = {"short", "EINTR", "EAGAIN", "broken connections", "ENOMEM", "EMFILE",
                                      "failed mappings", "OS threads not started"};
  printf("failures made:");
  for (unsigned i = 0; i < sizeof names / sizeof *names; i++)
    printf("%s %s %llu", i == 0 ? "" : ",", names[i], (unsigned long long)copas_faults_made(1u << i));
  printf("\n");
}

int main(int argc, char **argv)
{
  unsigned long long first = 1, last = 10, kinds = 255, rate = 20000;
  int with_tls = copas_has_feature("tls");
  program_name = argv[0];
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : "";
    char dash;
    if (strcmp(argv[i], "--help") == 0) return fputs(usage, stdout) < 0;
    else if (strcmp(argv[i], "--no-tls") == 0) with_tls = 0;
    else if (strcmp(argv[i], "--seeds") == 0 && sscanf(value, "%llu%c%llu", &first, &dash, &last) == 3) i++;
    else if (strcmp(argv[i], "--seeds") == 0 && sscanf(value, "%llu", &first) == 1) last = first, i++;
    else if (strcmp(argv[i], "--rate") == 0 && sscanf(value, "%llu", &rate) == 1) i++;
    else if (strcmp(argv[i], "--kinds") == 0 && sscanf(value, "%llu", &kinds) == 1) i++;
    else return fputs(usage, stderr), 2;
  }
  signal(SIGALRM, on_alarm);
  if (with_tls) {
    tls_begin();
    snprintf(certificates, sizeof certificates, "%s", tls_folder);
  }
  for (unsigned long long seed = first; seed <= last; seed++) run_seed(seed, (uint32_t)kinds, (uint32_t)rate);
  tally_print();
  print_made();
  printf("seeds %llu to %llu: right data or a status, nothing left\n", first, last);
  return 0;
}
