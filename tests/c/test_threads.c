/* SPDX-License-Identifier: MIT */
/* The life of a coroutine: start, order, sleep, wake-up, join, name, and the release of its user
 * pointer. */
#include "network.h"

#include <math.h>

struct diary {
  char text[256];
};

struct author {
  struct diary *diary;
  char letter;
  int turns;
};

static void note(struct diary *diary, char letter)
{
  size_t len = strlen(diary->text);
  CHECK(len + 1 < sizeof diary->text);
  diary->text[len] = letter;
}

static void write_turns(void *user)
{
  struct author *author = user;
  for (int i = 0; i < author->turns; i++) {
    note(author->diary, author->letter);
    CHECK_OK(copas_pause(copas_current(), 0, NULL));
  }
}

static void a_coroutine_starts_in_the_next_step_in_order(void)
{
  struct diary diary = {""};
  struct author authors[4];
  copas *c = net_new(NULL);
  for (int i = 0; i < 4; i++) {
    authors[i] = (struct author){&diary, (char)('a' + i), 1};
    CHECK_OK(copas_addthread(c, write_turns, &authors[i], NULL));
  }
  CHECK(strcmp(diary.text, "") == 0);
  CHECK_OK(copas_step(c, 0));
  CHECK(strcmp(diary.text, "abcd") == 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
}

static void coroutines_take_turns(void)
{
  struct diary diary = {""};
  struct author authors[3];
  copas *c = net_new(NULL);
  for (int i = 0; i < 3; i++) {
    authors[i] = (struct author){&diary, (char)('a' + i), 3 - i};
    CHECK_OK(copas_addthread(c, write_turns, &authors[i], NULL));
  }
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(strcmp(diary.text, "abcaba") == 0);
  CHECK_OK(copas_free(c));
}

static void add_a_child(void *user)
{
  struct author *child = user;
  CHECK_OK(copas_addthread(copas_current(), write_turns, child, NULL));
  note(child->diary, 'p');
}

static void a_child_starts_in_the_step_after_its_parent(void)
{
  struct diary diary = {""};
  struct author child = {&diary, 'c', 1};
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, add_a_child, &child, NULL));
  CHECK_OK(copas_step(c, 0));
  CHECK(strcmp(diary.text, "p") == 0);
  CHECK_OK(copas_step(c, 0));
  CHECK(strcmp(diary.text, "pc") == 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
}

enum { NAPS = 20 };

static int ascending(const void *a, const void *b)
{
  double x = *(const double *)a;
  double y = *(const double *)b;
  return (x > y) - (x < y);
}

static void nap(void *user)
{
  double *late = user;
  for (int i = 0; i < NAPS; i++) {
    double slept = 0;
    double start = net_seconds();
    CHECK_OK(copas_pause(copas_current(), 0.01, &slept));
    double passed = net_seconds() - start;
    CHECK(passed >= 0.01);
    CHECK(slept >= 0.01);
    CHECK(slept <= passed);
    late[i] = passed - 0.01;
  }
}

static void a_pause_is_never_early_and_tells_the_time_slept(void)
{
  double late[NAPS];
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, nap, late, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  qsort(late, NAPS, sizeof late[0], ascending);
  if (check_small()) {
    SKIP("how late a pause is means nothing at this speed");
  } else {
    CHECK(late[0] < 0.002);
    CHECK(late[NAPS / 2] < 0.010);
  }
  CHECK_OK(copas_free(c));
}

struct sleeper {
  double seconds;
  copas_status status;
  double slept;
  int ended;
};

static void sleep_as_told(void *user)
{
  struct sleeper *sleeper = user;
  sleeper->status = copas_pause(copas_current(), sleeper->seconds, &sleeper->slept);
  sleeper->ended++;
}

static void wakeup_ends_a_pause(void)
{
  struct sleeper sleeper = {NET_PATIENCE, COPAS_FAILED, -1, 0};
  copas_thread *thread;
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, sleep_as_told, &sleeper, &thread));
  net_settle(c);
  CHECK_NUMBER(copas_wakeup(thread), 1);
  CHECK_NUMBER(copas_wakeup(thread), 0);
  CHECK_NUMBER(sleeper.ended, 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(sleeper.ended, 1);
  CHECK_OK(sleeper.status);
  CHECK(sleeper.slept >= 0 && sleeper.slept < NET_PATIENCE / 2);
  CHECK_STATUS(copas_wakeup(thread), COPAS_STALE);
  CHECK_STATUS(copas_wakeup(NULL), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

static void sleep_for_ever(void *user)
{
  struct sleeper *sleeper = user;
  sleeper->status = copas_pauseforever(copas_current());
  sleeper->ended++;
}

static void wakeup_ends_a_sleep_without_limit(void)
{
  struct sleeper sleepers[2] = {{0, COPAS_FAILED, 0, 0}, {COPAS_FOREVER, COPAS_FAILED, -1, 0}};
  copas_thread *threads[2];
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, sleep_for_ever, &sleepers[0], &threads[0]));
  CHECK_OK(copas_addthread(c, sleep_as_told, &sleepers[1], &threads[1]));
  net_settle(c);
  for (int i = 0; i < 2; i++) {
    CHECK_NUMBER(sleepers[i].ended, 0);
    CHECK_NUMBER(copas_wakeup(threads[i]), 1);
    CHECK_NUMBER(copas_wakeup(threads[i]), 0);
  }
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  for (int i = 0; i < 2; i++) {
    CHECK_NUMBER(sleepers[i].ended, 1);
    CHECK_OK(sleepers[i].status);
    CHECK_STATUS(copas_wakeup(threads[i]), COPAS_STALE);
  }
  CHECK(sleepers[1].slept >= 0);
  CHECK_OK(copas_free(c));
}

static void receive_then_sleep(void *user)
{
  copas_bytes bytes;
  copas_socket **skt = user;
  CHECK_OK(copas_receive(*skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "a line");
  *skt = NULL;
  CHECK_OK(copas_pauseforever(copas_current()));
}

static void a_wakeup_of_one_who_is_awake_is_not_remembered(void)
{
  copas_socket *skt;
  copas_thread *thread;
  copas *c = net_new(NULL);
  int peer = net_pair(c, &skt);
  CHECK_OK(copas_addthread(c, receive_then_sleep, &skt, &thread));
  CHECK_NUMBER(copas_wakeup(thread), 0);
  net_settle(c);
  CHECK_NUMBER(copas_wakeup(thread), 0);
  net_settle(c);
  CHECK(skt != NULL);
  net_puts(peer, "a line\n");
  net_settle(c);
  CHECK(skt == NULL);
  CHECK_NUMBER(copas_wakeup(thread), 1);
  net_settle(c);
  CHECK_STATUS(copas_wakeup(thread), COPAS_STALE);
  CHECK_OK(copas_free(c));
  close(peer);
}

static void invalid_pauses_are_refused(void *user)
{
  copas *c = copas_current();
  double slept = -1;
  CHECK_STATUS(copas_pause(c, NAN, &slept), COPAS_INVALID);
  CHECK_STATUS(copas_pause(NULL, 0, &slept), COPAS_INVALID);
  CHECK_STATUS(copas_pauseforever(NULL), COPAS_INVALID);
  CHECK(slept == -1);
  CHECK_OK(copas_pause(c, 0, &slept));
  CHECK(slept >= 0);
  CHECK_OK(copas_pause(c, 0.001, NULL));
  ++*(int *)user;
}

static void a_pause_takes_zero_and_no_place_for_the_time(void)
{
  int done = 0;
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, invalid_pauses_are_refused, &done, NULL));
  CHECK_STATUS(copas_addthread(c, NULL, &done, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_addthread(NULL, invalid_pauses_are_refused, &done, NULL), COPAS_INVALID);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(done, 1);
  CHECK_OK(copas_free(c));
}

struct joiner {
  copas_thread *thread;
  double timeout;
  int status;
  int ended;
};

static void join_as_told(void *user)
{
  struct joiner *joiner = user;
  joiner->status = copas_join(joiner->thread, joiner->timeout);
  joiner->ended++;
}

static void many_may_join_and_late_joiners_need_not_wait(void)
{
  struct sleeper sleeper = {NET_PATIENCE, COPAS_FAILED, 0, 0};
  struct joiner joiners[5];
  const double timeouts[5] = {COPAS_FOREVER, NET_PATIENCE, 0.02, 0, NAN};
  const int before[5] = {99, 99, COPAS_TIMEOUT, COPAS_TIMEOUT, COPAS_INVALID};
  copas *c = net_new(NULL);
  copas_thread *thread;
  CHECK_OK(copas_addthread(c, sleep_as_told, &sleeper, &thread));
  for (int i = 0; i < 5; i++) {
    joiners[i] = (struct joiner){thread, timeouts[i], 99, 0};
    CHECK_OK(copas_addthread(c, join_as_told, &joiners[i], NULL));
  }
  net_until(c, &joiners[2].ended, 1);
  for (int i = 0; i < 5; i++) CHECK_NUMBER(joiners[i].status, before[i]);
  CHECK_NUMBER(copas_wakeup(thread), 1);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  for (int i = 0; i < 2; i++) CHECK_OK(joiners[i].status);
  struct joiner late = {thread, COPAS_FOREVER, 99, 0};
  CHECK_OK(copas_addthread(c, join_as_told, &late, NULL));
  CHECK_OK(copas_step(c, 0));
  CHECK_NUMBER(late.ended, 1);
  CHECK_OK(late.status);
  CHECK_OK(copas_free(c));
  CHECK_STATUS(copas_join(thread, 0), COPAS_STALE);
  CHECK_STATUS(copas_join(NULL, 0), COPAS_INVALID);
}

static void join_yourself(void *user)
{
  CHECK_STATUS(copas_join(copas_running(), COPAS_FOREVER), COPAS_INVALID);
  CHECK_STATUS(copas_join(copas_running(), 1), COPAS_INVALID);
  ++*(int *)user;
}

static void nobody_joins_itself(void)
{
  int done = 0;
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, join_yourself, &done, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(done, 1);
  CHECK_OK(copas_free(c));
}

static void a_canceled_coroutine_that_never_ran_can_be_joined(void)
{
  int ran = 0;
  struct joiner joiner = {NULL, COPAS_FOREVER, 99, 0};
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, join_as_told, &joiner, NULL));
  CHECK_OK(copas_addthread(c, join_yourself, &ran, &joiner.thread));
  CHECK_OK(copas_removethread(joiner.thread));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(ran, 0);
  CHECK_NUMBER(joiner.ended, 1);
  CHECK_OK(joiner.status);
  CHECK_OK(copas_free(c));
}

static void a_coroutine_has_a_name(void)
{
  struct sleeper sleeper = {COPAS_FOREVER, COPAS_FAILED, 0, 0};
  copas_thread *threads[3];
  copas_thread_options options = {.size = sizeof options, .name = "named", .user = &sleeper};
  char longname[301];
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, sleep_as_told, &sleeper, &threads[0]));
  CHECK_OK(copas_addthread(c, sleep_as_told, &sleeper, &threads[1]));
  CHECK_OK(copas_addthread_with(c, sleep_as_told, &options, &threads[2]));
  CHECK(strcmp(copas_getname(threads[0]), "thread_1") == 0);
  CHECK(strcmp(copas_getname(threads[1]), "thread_2") == 0);
  CHECK(strcmp(copas_getname(threads[2]), "named") == 0);
  CHECK_OK(copas_setname(threads[1], "other"));
  CHECK(strcmp(copas_getname(threads[1]), "other") == 0);
  memset(longname, 'n', sizeof longname - 1);
  longname[sizeof longname - 1] = 0;
  CHECK_OK(copas_setname(threads[1], longname));
  CHECK_NUMBER(strlen(copas_getname(threads[1])), 255);
  CHECK_STATUS(copas_setname(threads[1], NULL), COPAS_INVALID);
  CHECK_STATUS(copas_setname(threads[1], "\xff\xfe"), COPAS_INVALID);
  CHECK_STATUS(copas_setname(NULL, "x"), COPAS_INVALID);
  CHECK(copas_getname(NULL) == NULL);
  CHECK_OK(copas_removethread(threads[0]));
  net_settle(c);
  CHECK(copas_getname(threads[0]) == NULL);
  CHECK_STATUS(copas_setname(threads[0], "x"), COPAS_STALE);
  CHECK_OK(copas_free(c));
}

static void release(void *user)
{
  ++*(int *)user;
}

static void run_once(void *user)
{
  CHECK_NUMBER(*(int *)user, 0);
  CHECK_OK(copas_pause(copas_current(), 0, NULL));
  CHECK_NUMBER(*(int *)user, 0);
}

static void run_until_canceled(void *user)
{
  CHECK_STATUS(copas_pauseforever(copas_current()), COPAS_CANCELED);
  CHECK_NUMBER(*(int *)user, 0);
}

static copas_thread_options releasing(int *released)
{
  copas_thread_options options = {
      .size = sizeof options, .user = released, .user_free = release};
  *released = 0;
  return options;
}

static void the_user_pointer_is_released_when_the_coroutine_ends(void)
{
  int released[4];
  copas_thread *threads[4];
  copas_thread_options options;
  copas *c = net_new(NULL);
  for (int i = 0; i < 4; i++) {
    options = releasing(&released[i]);
    CHECK_OK(copas_addthread_with(c, i == 0 ? run_once : run_until_canceled, &options,
                                  &threads[i]));
  }
  CHECK_OK(copas_removethread(threads[1]));
  net_settle(c);
  CHECK_NUMBER(released[0], 1);
  CHECK_NUMBER(released[1], 1);
  CHECK_NUMBER(released[2], 0);
  CHECK_OK(copas_removethread(threads[2]));
  net_settle(c);
  CHECK_NUMBER(released[2], 1);
  CHECK_NUMBER(released[3], 0);
  CHECK_OK(copas_free(c));
  for (int i = 0; i < 4; i++) CHECK_NUMBER(released[i], 1);
}

static void the_user_pointer_of_one_that_never_ran_is_released(void)
{
  int released;
  copas *c = net_new(NULL);
  copas_thread_options options = releasing(&released);
  CHECK_OK(copas_addthread_with(c, run_once, &options, NULL));
  CHECK_NUMBER(released, 0);
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(released, 1);
}

static void the_user_pointer_is_released_when_the_call_fails(void)
{
  int released;
  struct {
    copas_thread_options known;
    char tail[16];
  } newer;
  copas *c = net_new(NULL);
  copas_thread_options options = releasing(&released);
  CHECK_STATUS(copas_addthread_with(c, NULL, &options, NULL), COPAS_INVALID);
  CHECK_NUMBER(released, 1);
  CHECK_STATUS(copas_addthread_with(NULL, run_once, &options, NULL), COPAS_INVALID);
  CHECK_NUMBER(released, 2);
  options.flags = UINT64_C(1) << 63;
  CHECK_STATUS(copas_addthread_with(c, run_once, &options, NULL), COPAS_INVALID);
  CHECK_NUMBER(released, 3);
  options.flags = 0;
  options.stack_size = 1;
  CHECK_STATUS(copas_addthread_with(c, run_once, &options, NULL), COPAS_INVALID);
  CHECK_NUMBER(released, 4);
  memset(&newer, 0, sizeof newer);
  newer.known = releasing(&released);
  newer.known.size = sizeof newer;
  newer.tail[3] = 1;
  CHECK_STATUS(copas_addthread_with(c, run_once, &newer.known, NULL), COPAS_INVALID);
  CHECK_NUMBER(released, 1);
  newer.tail[3] = 0;
  released = 0;
  CHECK_OK(copas_addthread_with(c, run_once, &newer.known, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(released, 1);
  CHECK_OK(copas_free(c));
  options = releasing(&released);
  CHECK_STATUS(copas_addthread_with(c, run_once, &options, NULL), COPAS_STALE);
  CHECK_NUMBER(released, 1);
}

int main(void)
{
  RUN(a_coroutine_starts_in_the_next_step_in_order);
  RUN(coroutines_take_turns);
  RUN(a_child_starts_in_the_step_after_its_parent);
  RUN(a_pause_is_never_early_and_tells_the_time_slept);
  RUN(wakeup_ends_a_pause);
  RUN(wakeup_ends_a_sleep_without_limit);
  RUN(a_wakeup_of_one_who_is_awake_is_not_remembered);
  RUN(a_pause_takes_zero_and_no_place_for_the_time);
  RUN(many_may_join_and_late_joiners_need_not_wait);
  RUN(nobody_joins_itself);
  RUN(a_canceled_coroutine_that_never_ran_can_be_joined);
  RUN(a_coroutine_has_a_name);
  RUN(the_user_pointer_is_released_when_the_coroutine_ends);
  RUN(the_user_pointer_of_one_that_never_ran_is_released);
  RUN(the_user_pointer_is_released_when_the_call_fails);
  return check_report();
}
