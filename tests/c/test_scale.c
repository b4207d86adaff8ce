/* SPDX-License-Identifier: MIT */
/* Many coroutines, and big frames on their stacks. */
#include "network.h"

#include <sys/mman.h>

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

static int parked, awake;

static void park(void *user)
{
  (void)user;
  parked++;
  CHECK_OK(copas_pause(copas_current(), COPAS_FOREVER, NULL));
  awake++;
}

/* Whether guards split no mapping here (Linux 6.13). */
static int has_guard_install(void)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  char *memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  int has = madvise(memory, page, MADV_GUARD_INSTALL) == 0;
  CHECK(munmap(memory, page) == 0);
  return has;
}

static void park_and_wake(int count)
{
  copas_thread **threads = calloc((size_t)count, sizeof *threads);
  copas *c = net_new(NULL);
  CHECK(threads != NULL);
  parked = awake = 0;
  for (int i = 0; i < count; i++) CHECK_OK(copas_addthread(c, park, NULL, &threads[i]));
  net_until(c, &parked, count);
  CHECK_NUMBER(awake, 0);
  for (int i = 0; i < count; i++) CHECK_NUMBER(copas_wakeup(threads[i]), 1);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(awake, count);
  CHECK_OK(copas_free(c));
  free(threads);
}

static void forty_thousand_coroutines_park_and_wake(void)
{
  if (check_small()) {
    park_and_wake(100);
    return;
  }
  if (!has_guard_install()) {
    SKIP("this kernel has no MADV_GUARD_INSTALL (Linux 6.13), so that guards split mappings and "
         "vm.max_map_count ends near 32,000 coroutines");
    return;
  }
  park_and_wake(40000);
}

static long resident_kib(void)
{
  long size, pages;
  FILE *file = fopen("/proc/self/statm", "r");
  CHECK(file != NULL);
  CHECK(fscanf(file, "%ld %ld", &size, &pages) == 2);
  fclose(file);
  return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void touch(void *user)
{
  volatile char frame[50000];
  memset((char *)frame, 1, sizeof frame);
  awake += frame[*(int *)user];
}

static void run_batch(copas *c, int count)
{
  int place = 77;
  awake = 0;
  for (int i = 0; i < count; i++) CHECK_OK(copas_addthread(c, touch, &place, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(awake, count);
}

static void stacks_are_used_again(void)
{
  int batches = check_small() ? 5 : 200;
  copas *c = net_new(NULL);
  run_batch(c, 100);
  long before = resident_kib();
  for (int i = 0; i < batches; i++) run_batch(c, 100);
  CHECK(resident_kib() - before < 20000);
  CHECK_OK(copas_free(c));
}

static void the_stacks_of_a_crowd_are_given_back(void)
{
  int crowd = check_small() ? 100 : 5000;
  copas *c = net_new(NULL);
  run_batch(c, 10);
  long before = resident_kib();
  run_batch(c, crowd);
  /* 5,000 stacks with 50 KB touched are 250 MB, of which little may stay. */
  CHECK(resident_kib() - before < 60000);
  CHECK_OK(copas_free(c));
}

static void use_a_big_frame(void *user)
{
  volatile char frame[200 * 1024];
  for (size_t i = 0; i < sizeof frame; i += 512) frame[i] = (char)i;
  CHECK_OK(copas_pause(copas_current(), 0, NULL));
  for (size_t i = 0; i < sizeof frame; i += 512) CHECK(frame[i] == (char)i);
  ++*(int *)user;
}

static void a_frame_of_200_kb_fits_a_default_stack(void)
{
  int done = 0;
  copas *c = net_new(NULL);
  for (int i = 0; i < 3; i++) CHECK_OK(copas_addthread(c, use_a_big_frame, &done, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(done, 3);
  CHECK_OK(copas_free(c));
}

static void use_8_mib(void *user)
{
  volatile char frame[8 << 20];
  for (size_t i = 0; i < sizeof frame; i += 4096) frame[i] = 1;
  ++*(int *)user;
}

static void a_stack_may_be_as_big_as_asked(void)
{
  int done = 0;
  copas_thread_options options;
  copas *c = net_new(NULL);
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.user = &done;
  options.stack_size = (8 << 20) + 65536;
  CHECK_OK(copas_addthread_with(c, use_8_mib, &options, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(done, 1);
  options.stack_size = 1000;
  CHECK_STATUS(copas_addthread_with(c, use_8_mib, &options, NULL), COPAS_INVALID);
  options.stack_size = (size_t)2 << 30;
  CHECK_STATUS(copas_addthread_with(c, use_8_mib, &options, NULL), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

static void overflow(void *user)
{
  volatile char frame[4096];
  frame[0] = 1;
  if (awake == 0) overflow(user);
  frame[1] = frame[0];
}

static void an_overflow_hits_the_guard_and_not_a_neighbour(void)
{
  int status;
  if (check_small()) {
    SKIP("a tool reports the overflow that is planted here");
    return;
  }
  pid_t pid = net_fork();
  if (pid == 0) {
    copas *c = net_new(NULL);
    awake = 0;
    for (int i = 0; i < 10; i++) CHECK_OK(copas_addthread(c, park, NULL, NULL));
    CHECK_OK(copas_addthread(c, overflow, NULL, NULL));
    copas_loop(c, COPAS_FOREVER);
    _exit(0);
  }
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

int main(void)
{
  RUN(forty_thousand_coroutines_park_and_wake);
  RUN(stacks_are_used_again);
  RUN(the_stacks_of_a_crowd_are_given_back);
  RUN(a_frame_of_200_kb_fits_a_default_stack);
  RUN(a_stack_may_be_as_big_as_asked);
  RUN(an_overflow_hits_the_guard_and_not_a_neighbour);
  return check_report();
}
