/* SPDX-License-Identifier: MIT */
/* The names of locks, semaphores, queues, timers, futures and groups. */
#include "network.h"

static copas *c;

static void never(copas_timer *timer, void *user)
{
  (void)timer;
  (void)user;
}

static void *nothing(void *user)
{
  return user;
}

enum { LOCK, SEMAPHORE, QUEUE, FUTURE, GROUP, KINDS };

static const char *const nouns[KINDS] = {"lock_", "semaphore_", "queue_", "future_", "group_"};

static void *make(int kind)
{
  void *made = NULL;
  switch (kind) {
  case LOCK: CHECK_OK(copas_lock_new(c, 1, 0, (copas_lock **)&made)); break;
  case SEMAPHORE: CHECK_OK(copas_semaphore_new(c, 1, 1, 1, (copas_semaphore **)&made)); break;
  case QUEUE: CHECK_OK(copas_queue_new(c, 0, 1, NULL, (copas_queue **)&made)); break;
  case FUTURE:
    CHECK_OK(copas_future_addthread(c, nothing, NULL, NULL, (copas_future **)&made));
    break;
  default: CHECK_OK(copas_group_new(c, 0, (copas_group **)&made)); break;
  }
  return made;
}

static void destroy(int kind, void *object)
{
  switch (kind) {
  case LOCK: CHECK_OK(copas_lock_destroy(object)); break;
  case SEMAPHORE: CHECK_OK(copas_semaphore_destroy(object)); break;
  case QUEUE: CHECK_OK(copas_queue_destroy(object)); break;
  case FUTURE: CHECK_OK(copas_future_destroy(object)); break;
  default: CHECK_STATUS(copas_group_close(object), COPAS_OK); break;
  }
}

static void every_kind_of_object_has_a_name(void)
{
  c = net_new(NULL);
  for (int kind = 0; kind < KINDS; kind++) {
    void *first = make(kind), *second = make(kind);
    CHECK(strncmp(copas_getname(first), nouns[kind], strlen(nouns[kind])) == 0);
    CHECK(strncmp(copas_getname(second), nouns[kind], strlen(nouns[kind])) == 0);
    CHECK(strcmp(copas_getname(first), copas_getname(second)) != 0);
    CHECK_OK(copas_setname(first, "mine"));
    CHECK(strcmp(copas_getname(first), "mine") == 0);
    CHECK(strcmp(copas_getname(second), "mine") != 0);
    destroy(kind, first);
    CHECK(copas_getname(first) == NULL);
    CHECK_STATUS(copas_setname(first, "gone"), COPAS_STALE);
    /* What takes its slot does not take its name. */
    void *third = make(kind);
    CHECK(strncmp(copas_getname(third), nouns[kind], strlen(nouns[kind])) == 0);
    CHECK_STATUS(copas_setname(third, NULL), COPAS_INVALID);
  }
  CHECK_OK(copas_free(c));
}

static void a_name_that_is_read_stays_while_others_are_named(void)
{
  enum { MANY = 1000 };
  copas_lock *locks[MANY];
  c = net_new(NULL);
  for (int i = 0; i < MANY; i++) CHECK_OK(copas_lock_new(c, 1, 0, &locks[i]));
  const char *first = copas_getname(locks[0]);
  char before[32];
  snprintf(before, sizeof before, "%s", first);
  for (int i = 1; i < MANY; i++) CHECK_OK(copas_setname(locks[i], "other"));
  CHECK(first == copas_getname(locks[0]) && strcmp(first, before) == 0);
  CHECK_OK(copas_free(c));
}

static void a_timer_has_the_name_of_its_maker(void)
{
  copas_timer_options options = {.size = sizeof options, .callback = never, .delay = 1};
  copas_timer *plain, *named;
  c = net_new(NULL);
  CHECK_OK(copas_timer_new(c, &options, &plain));
  options.name = "clock";
  CHECK_OK(copas_timer_new(c, &options, &named));
  CHECK(strcmp(copas_getname(plain), "timer") == 0);
  CHECK(strcmp(copas_getname(named), "clock") == 0);
  CHECK_OK(copas_setname(named, "alarm clock"));
  CHECK(strcmp(copas_getname(named), "alarm clock") == 0);
  CHECK_OK(copas_timer_destroy(named));
  CHECK(copas_getname(named) == NULL);
  CHECK_OK(copas_free(c));
}

static long most_memory_kib(void)
{
  struct rusage usage;
  CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
  return usage.ru_maxrss;
}

static void names_go_with_their_objects(void)
{
  enum { MANY = 200000 };
  char name[256];
  int count = check_small() ? 1000 : MANY;
  c = net_new(NULL);
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = 0;
  long before = most_memory_kib();
  for (int i = 0; i < count; i++) {
    copas_lock *lock;
    CHECK_OK(copas_lock_new(c, 1, 0, &lock));
    CHECK_OK(copas_setname(lock, name));
    CHECK_OK(copas_lock_destroy(lock));
  }
  /* Kept, they would take 50 MiB. */
  CHECK(check_small() || most_memory_kib() - before < 10 * 1024);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(every_kind_of_object_has_a_name);
  RUN(a_name_that_is_read_stays_while_others_are_named);
  RUN(a_timer_has_the_name_of_its_maker);
  RUN(names_go_with_their_objects);
  return check_report();
}
