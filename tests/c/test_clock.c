/* SPDX-License-Identifier: MIT */
/* Time is monotonic: whatever is done, nobody asks for the time of day, which may be set back or forth.
 * The C library's functions are replaced here, also for the library under test. */
#include "network.h"

#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>

static atomic_long monotonic_reads, other_reads;

int clock_gettime(clockid_t clock, struct timespec *now)
{
  atomic_fetch_add(clock == CLOCK_MONOTONIC ? &monotonic_reads : &other_reads, 1);
  return (int)syscall(SYS_clock_gettime, clock, now);
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
  atomic_fetch_add(&other_reads, 1);
  return (int)syscall(SYS_gettimeofday, now, zone);
}

time_t time(time_t *now)
{
  struct timespec real;
  clock_gettime(CLOCK_REALTIME, &real);
  if (now != NULL) *now = real.tv_sec;
  return real.tv_sec;
}

static copas *c;
static copas_lock *lock;
static copas_socket *skt;
static int ticks;

static void tick(copas_timer *timer, void *user)
{
  (void)user;
  if (++ticks == 3) CHECK_OK(copas_timer_cancel(timer));
}

static void nothing(void *user)
{
  (void)user;
}

static void wait_in_every_way(void *user)
{
  copas_bytes bytes;
  double slept;
  (void)user;
  CHECK_OK(copas_pause(c, 0.002, &slept));
  CHECK(slept >= 0.002);
  CHECK_STATUS(copas_lock_get(lock, 0.002, &slept), COPAS_TIMEOUT);
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  CHECK_OK(copas_begindeadline(c, 0.002));
  CHECK_STATUS(copas_receive_some(skt, &bytes), COPAS_TIMEOUT);
  CHECK_NUMBER(copas_enddeadline(c), 1);
  CHECK_OK(copas_offload(c, nothing, NULL));
}

static void only_the_monotonic_clock_is_read(void)
{
  copas_timer_options options = {.size = sizeof options, .callback = tick, .delay = 0.001};
  copas_socket_stats stats = {.size = sizeof stats};
  copas_timer *timer;
  options.flags = COPAS_RECURRING;
  c = net_new(NULL);
  int peer = net_pair(c, &skt);
  CHECK_OK(copas_settimeout(skt, 0.002));
  CHECK_OK(copas_setstatistics(c, 1));
  CHECK_OK(copas_lock_new(c, 1, 0, &lock));
  CHECK_OK(copas_lock_get(lock, 0, NULL));
  CHECK_OK(copas_timer_new(c, &options, &timer));
  CHECK_OK(copas_addthread(c, wait_in_every_way, NULL, NULL));
  CHECK_OK(copas_loop(c, 0.5));
  CHECK_NUMBER(ticks, 3);
  CHECK(copas_now(c) > 0);
  CHECK_OK(copas_getstats(skt, &stats));
  CHECK_OK(copas_shutdown(c, 0.01));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
  close(peer);
  CHECK(atomic_load(&monotonic_reads) > 0);
  CHECK_NUMBER(atomic_load(&other_reads), 0);
}

static void the_time_told_is_that_of_the_monotonic_clock(void)
{
  c = net_new(NULL);
  double before = net_seconds();
  double told = copas_now(c);
  CHECK(before <= told && told <= net_seconds());
  CHECK_OK(copas_free(c));
}

/* Whether the library's reads come here at all. */
static void a_dispatchers_reads_are_counted(void)
{
  c = net_new(NULL);
  long before = atomic_load(&monotonic_reads);
  copas_now(c);
  CHECK_NUMBER(atomic_load(&monotonic_reads), before + 1);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(a_dispatchers_reads_are_counted);
  RUN(only_the_monotonic_clock_is_read);
  RUN(the_time_told_is_that_of_the_monotonic_clock);
  return check_report();
}
