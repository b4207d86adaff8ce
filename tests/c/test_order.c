/* SPDX-License-Identifier: MIT */
/* What one OS thread has done before it hands something over is seen by the other one: for posts, for
 * functions that block, for names. The contents are checked here; ThreadSanitizer, in
 * scripts/check-tsan, checks the order. */
#include "network.h"

enum { POSTERS = 3, WORDS = 8 };

struct letter {
  int words[WORDS];
};

static copas *c;
static int arrived, rounds;

static void read_letter(copas *c_, void *user)
{
  struct letter *letter = user;
  for (int i = 0; i < WORDS; i++) CHECK_NUMBER(letter->words[i], i);
  arrived++;
  CHECK_OK(copas_release(c_));
}

static void *write_letters(void *user)
{
  (void)user;
  for (int n = 0; n < rounds; n++) {
    struct letter *letter = malloc(sizeof *letter);
    CHECK(letter != NULL);
    for (int i = 0; i < WORDS; i++) letter->words[i] = i;
    CHECK_OK(copas_post_with(c, read_letter, letter, free));
  }
  return NULL;
}

static void what_is_posted_is_seen_by_the_callback(void)
{
  pthread_t posters[POSTERS];
  rounds = check_small() ? 200 : 2000;
  arrived = 0;
  c = net_new(NULL);
  for (int i = 0; i < POSTERS * rounds; i++) CHECK_OK(copas_hold(c));
  for (int i = 0; i < POSTERS; i++)
    CHECK(pthread_create(&posters[i], NULL, write_letters, NULL) == 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(arrived, POSTERS * rounds);
  for (int i = 0; i < POSTERS; i++) CHECK(pthread_join(posters[i], NULL) == 0);
  CHECK_OK(copas_free(c));
}

static void count_up(void *user)
{
  int *words = user;
  for (int i = 0; i < WORDS; i++) words[i]++;
}

static void offload_again_and_again(void *user)
{
  int words[WORDS] = {0};
  copas_address addresses[4];
  size_t count;
  (void)user;
  for (int n = 1; n <= 50; n++) {
    CHECK_OK(copas_offload(c, count_up, words));
    for (int i = 0; i < WORDS; i++) CHECK_NUMBER(words[i], n);
  }
  for (int n = 0; n < 3; n++) (void)!copas_resolve(c, "localhost", 10, addresses, 4, &count);
  arrived++;
}

static void what_a_blocking_function_does_is_seen_by_its_caller(void)
{
  c = net_new(NULL);
  arrived = 0;
  CHECK_OK(copas_setresolver(c, 0, 0));
  for (int i = 0; i < 5; i++) CHECK_OK(copas_addthread(c, offload_again_and_again, NULL, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(arrived, 5);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(what_is_posted_is_seen_by_the_callback);
  RUN(what_a_blocking_function_does_is_seen_by_its_caller);
  return check_report();
}
