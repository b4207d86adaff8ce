/* SPDX-License-Identifier: MIT */
/* Futures and groups at random against models: thousands of coroutines get, cancel and destroy. Results
 * go to everybody and are released once; a group's wait ends with its last member, not before. */
#include "network.h"

enum { FUTURES = 400, GROUPS = 60, CROWD = 2000, ROUNDS = 6 };

static copas *c;
static uint32_t state;

static uint32_t random_below(uint32_t end)
{
  state ^= state << 13;
  state ^= state >> 17;
  state ^= state << 5;
  return state % end;
}

/* No wait, a short one, or a long one. */
static double random_limit(void)
{
  uint32_t kind = random_below(5);
  if (kind == 0) return 0;
  return kind == 1 ? 0.0005 * random_below(10) : 60;
}

/* Runs the crowd to its end, canceling some on the way. */
static void run_crowd(copas_thread_fn body)
{
  static copas_thread *threads[CROWD];
  int crowd = check_small() ? 100 : CROWD;
  for (int i = 0; i < crowd; i++) CHECK_OK(copas_addthread(c, body, NULL, &threads[i]));
  for (int i = 0; i < crowd / 8; i++) {
    net_step(c);
    copas_removethread(threads[random_below((uint32_t)crowd)]);
  }
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
}

static void begin(uint32_t seed)
{
  c = net_new(NULL);
  state = seed * 3266489917u;
}

static struct promise {
  copas_future *future;
  int started, done, fails, canceled, destroyed, freed;
} promises[FUTURES];

static void no_report(copas_thread *thread, copas_socket *skt, int status, const char *text,
                      void *user)
{
  (void)thread;
  (void)skt;
  (void)text;
  (void)user;
  CHECK_STATUS(status, COPAS_FAILED);
}

static void *work(void *user)
{
  struct promise *promise = user;
  promise->started = 1;
  copas_status status = copas_pause(c, 0.0005 * random_below(40), NULL);
  /* A cancellation before the end may come too late for a pause that is over. */
  if (status != COPAS_OK) CHECK(promise->canceled || promise->destroyed);
  if (promise->fails) CHECK_OK(copas_fail(COPAS_FAILED, "made to fail"));
  promise->done = 1;
  return promise;
}

static void free_result(void *result)
{
  struct promise *promise = result;
  CHECK(promise->done && promise->freed == 0);
  promise->freed++;
}

/* How a get or try that began when the future was there may end. */
static void check_result(const struct promise *promise, copas_status status, const void *result,
                         int was_done)
{
  int never_runs = promise->canceled && !promise->started;
  switch (status) {
  case COPAS_OK: CHECK(result == promise && promise->done && !promise->fails); break;
  case COPAS_FAILED: CHECK((promise->done && promise->fails) || never_runs); break;
  case COPAS_DESTROYED: CHECK(promise->destroyed && !was_done); break;
  case COPAS_TIMEOUT: CHECK(!was_done); break;
  default: CHECK_STATUS(status, COPAS_CANCELED); break;
  }
}

/* Gets or tries; whether the caller goes on. */
static int ask(struct promise *promise, int waits)
{
  void *result = NULL;
  int was_done = promise->done, was_destroyed = promise->destroyed;
  copas_status status = waits ? copas_future_get(promise->future, random_limit(), &result)
                              : copas_future_try(promise->future, &result);
  if (was_destroyed)
    CHECK_STATUS(status, COPAS_STALE);
  else
    check_result(promise, status, result, was_done);
  return status != COPAS_CANCELED;
}

static void cancel_future(struct promise *promise)
{
  copas_status status = copas_future_cancel(promise->future);
  CHECK_STATUS(status, promise->destroyed ? COPAS_STALE : COPAS_OK);
  promise->canceled = 1;
}

static void destroy_future(struct promise *promise)
{
  copas_status status = copas_future_destroy(promise->future);
  CHECK_STATUS(status, promise->destroyed ? COPAS_STALE : COPAS_OK);
  promise->destroyed = 1;
}

static void use_futures(void *user)
{
  (void)user;
  for (int i = 0; i < ROUNDS; i++) {
    struct promise *promise = &promises[random_below(FUTURES)];
    uint32_t what = random_below(100);
    if (what < 96) {
      if (!ask(promise, what < 70)) return;
    } else if (what < 98) {
      cancel_future(promise);
    } else {
      destroy_future(promise);
    }
    if (copas_pause(c, 0.0005 * random_below(4), NULL) != COPAS_OK) return;
  }
}

static void results_go_to_everybody_and_are_released_once(void)
{
  for (uint32_t seed = 1; seed <= 3; seed++) {
    begin(seed);
    memset(promises, 0, sizeof promises);
    CHECK_OK(copas_seterrorhandler(c, no_report, NULL, 1));
    for (int i = 0; i < FUTURES; i++) {
      promises[i].fails = i % 7 == 0;
      CHECK_OK(copas_future_addthread(c, work, &promises[i], free_result, &promises[i].future));
    }
    /* Some never run. */
    for (int i = 0; i < 10; i++) cancel_future(&promises[random_below(FUTURES)]);
    run_crowd(use_futures);
    CHECK_OK(copas_free(c));
    for (int i = 0; i < FUTURES; i++) CHECK_NUMBER(promises[i].freed, promises[i].done);
  }
}

static struct family {
  copas_group *group;
  /* Cancellations, members that run, and those that have failed. */
  int cancels, running, failed;
  int strict, closing, closed;
} families[GROUPS];

static int members_canceled;

static void be_a_member(void *user)
{
  struct family *family = user;
  int before = family->cancels;
  copas_status status = COPAS_OK;
  family->running++;
  for (uint32_t i = random_below(4); i > 0 && status == COPAS_OK; i--) {
    status = copas_pause(c, 0.0005 * random_below(20), NULL);
    CHECK_STATUS(status, family->cancels == before ? COPAS_OK : COPAS_CANCELED);
  }
  members_canceled += status == COPAS_CANCELED;
  family->running--;
  if (random_below(40) != 0) return;
  CHECK_OK(copas_fail(COPAS_FAILED, "made to fail"));
  family->failed++;
  family->cancels += family->strict;
}

static void add_member(struct family *family)
{
  copas_status status = copas_group_addthread(family->group, be_a_member, family, NULL);
  int refuses = family->closing || (family->strict && family->failed != 0);
  if (family->closed)
    CHECK_STATUS(status, COPAS_STALE);
  else
    CHECK_STATUS(status, refuses ? COPAS_STOPPED : COPAS_OK);
}

/* Whether the caller goes on. */
static int wait_for_members(struct family *family)
{
  int was_closed = family->closed;
  copas_status status = (copas_status)copas_group_wait(family->group, random_limit());
  if (was_closed)
    CHECK_STATUS(status, COPAS_STALE);
  else if (status == COPAS_OK || status == COPAS_FAILED)
    CHECK(family->running == 0 && (status == COPAS_FAILED) == (family->failed > 0));
  else if (status != COPAS_CANCELED)
    CHECK_STATUS(status, COPAS_TIMEOUT);
  return status != COPAS_CANCELED;
}

static void cancel_members(struct family *family)
{
  copas_status status = copas_group_cancel(family->group);
  CHECK_STATUS(status, family->closed ? COPAS_STALE : COPAS_OK);
  family->cancels++;
}

static void close_family(struct family *family)
{
  if (family->closing) return;
  family->closing = 1;
  family->cancels++;
  copas_status status = (copas_status)copas_group_close(family->group);
  family->closed = 1;
  CHECK_NUMBER(family->running, 0);
  if (status != COPAS_CANCELED)
    CHECK_STATUS(status, family->failed > 0 ? COPAS_FAILED : COPAS_OK);
}

static void use_groups(void *user)
{
  (void)user;
  for (int i = 0; i < ROUNDS; i++) {
    struct family *family = &families[random_below(GROUPS)];
    uint32_t what = random_below(1000);
    if (what < 700)
      add_member(family);
    else if (what < 980 && !wait_for_members(family))
      return;
    else if (what >= 980 && what < 995)
      cancel_members(family);
    else if (what >= 995)
      close_family(family);
    if (copas_pause(c, 0.0005 * random_below(4), NULL) != COPAS_OK) return;
  }
}

static void groups_end_with_their_last_member(void)
{
  members_canceled = 0;
  for (uint32_t seed = 1; seed <= 3; seed++) {
    begin(seed);
    memset(families, 0, sizeof families);
    CHECK_OK(copas_seterrorhandler(c, no_report, NULL, 1));
    for (int i = 0; i < GROUPS; i++) {
      families[i].strict = i % 3 == 0;
      uint64_t flags = families[i].strict ? COPAS_CANCEL_ON_FAILURE : 0;
      CHECK_OK(copas_group_new(c, flags, &families[i].group));
    }
    run_crowd(use_groups);
    for (int i = 0; i < GROUPS; i++) close_family(&families[i]);
    CHECK_OK(copas_free(c));
  }
  CHECK(members_canceled > 0 || check_small());
}

int main(void)
{
  RUN(results_go_to_everybody_and_are_released_once);
  RUN(groups_end_with_their_last_member);
  return check_report();
}
