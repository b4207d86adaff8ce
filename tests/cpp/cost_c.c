/* SPDX-License-Identifier: MIT */
/* cost_c WORK COUNT: the same work as cost_cpp, written with copas.h alone. compare_cost.py counts the
 * instructions of both. */
#include <copas.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static copas *c;
static copas_socket *near_end, *far_end;
static long count, sum;

static void echo(void *user)
{
  copas_bytes line;
  (void)user;
  while (copas_receive(far_end, COPAS_LINE, &line) == COPAS_OK) {
    copas_send(far_end, line.data, line.len);
    copas_send(far_end, "\n", 1);
  }
}

static void ask(void *user)
{
  copas_bytes line;
  (void)user;
  for (long i = 0; i < count; i++) {
    copas_send(near_end, "a line of text\n", 15);
    if (copas_receive(near_end, COPAS_LINE, &line) != COPAS_OK) abort();
    sum += (long)line.len;
  }
  copas_close(near_end);
}

static void work_echo(void)
{
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) abort();
  if (copas_wrap(c, fds[0], &near_end) != COPAS_OK) abort();
  if (copas_wrap(c, fds[1], &far_end) != COPAS_OK) abort();
  copas_addthread(c, echo, NULL, NULL);
  copas_addthread(c, ask, NULL, NULL);
  copas_loop(c, COPAS_FOREVER);
}

static void use_objects(void *user)
{
  copas_lock *lock;
  copas_queue *queue;
  void *item;
  (void)user;
  if (copas_lock_new(c, NAN, 0, &lock) != COPAS_OK) abort();
  if (copas_queue_new(c, 0, NAN, NULL, &queue) != COPAS_OK) abort();
  for (long i = 0; i < count; i++) {
    if (copas_lock_get(lock, NAN, NULL) != COPAS_OK) abort();
    if (copas_queue_push(queue, (void *)i, NAN) != COPAS_OK) abort();
    if (copas_queue_pop(queue, NAN, &item) != COPAS_OK) abort();
    if (copas_lock_release(lock) != COPAS_OK) abort();
    sum += (long)item;
  }
  copas_queue_destroy(queue);
  copas_lock_destroy(lock);
}

static void work_objects(void)
{
  copas_addthread(c, use_objects, NULL, NULL);
  copas_loop(c, COPAS_FOREVER);
}

static void add_one(void *user)
{
  ++*(long *)user;
}

static void spawn(void *user)
{
  copas_thread *thread;
  (void)user;
  for (long i = 0; i < count; i++) {
    if (copas_addthread(c, add_one, &sum, &thread) != COPAS_OK) abort();
    if (copas_join(thread, COPAS_FOREVER) != COPAS_OK) abort();
  }
}

static void work_threads(void)
{
  copas_addthread(c, spawn, NULL, NULL);
  copas_loop(c, COPAS_FOREVER);
}

int main(int argc, char **argv)
{
  if (argc != 3) {
    fprintf(stderr, "usage: cost_c echo|twin|objects|threads COUNT\n");
    return 2;
  }
  c = copas_new(NULL);
  count = atol(argv[2]);
  if (strcmp(argv[1], "objects") == 0) work_objects();
  else if (strcmp(argv[1], "threads") == 0) work_threads();
  else work_echo();
  printf("%ld\n", sum);
  return copas_free(c) == COPAS_OK ? 0 : 1;
}
