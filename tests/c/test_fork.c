/* SPDX-License-Identifier: MIT */
/* A child of fork() does not use what it has inherited, and does not disturb its parent. */
#include "network.h"

#include <sched.h>
#include <stdatomic.h>

static copas *c;
static copas_socket *skt;
static int peer;

static void never(copas *c_, void *user)
{
  (void)c_;
  (void)user;
}

static void count(void *user)
{
  (*(int *)user)++;
}

static void wait_for_a_line(void *user)
{
  copas_bytes line;
  CHECK_OK(copas_receive(skt, COPAS_LINE, &line));
  CHECK_BYTES(line, "still here");
  (*(int *)user)++;
}

/* Ends a child without an account of its memory: what it has inherited lies on stacks that it left. */
static void end_child(void)
{
  execl("/bin/true", "true", (char *)NULL);
  _exit(1);
}

static void in_the_child(void)
{
  copas_event event;
  copas_bytes bytes;
  CHECK_STATUS(copas_step(c, 0), COPAS_FORKED);
  CHECK_STATUS(copas_poll(c, &event, 1, 0), COPAS_FORKED);
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_FORKED);
  CHECK_STATUS(copas_send(skt, "x", 1), COPAS_FORKED);
  CHECK_STATUS(copas_close(skt), COPAS_FORKED);
  CHECK_STATUS(copas_post(c, never, NULL), COPAS_FORKED);
  CHECK_STATUS(copas_notify(c), COPAS_FORKED);
  CHECK_OK(copas_free(c));
  CHECK_STATUS(copas_free(c), COPAS_STALE);
  /* One of its own works. */
  copas *own = net_new(NULL);
  copas_socket *mine;
  int other = net_pair(own, &mine);
  net_puts(other, "fresh\n");
  CHECK_OK(copas_receive(mine, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "fresh");
  int done = 0;
  CHECK_OK(copas_offload(own, count, &done));
  CHECK_NUMBER(done, 1);
  CHECK_OK(copas_free(own));
}

static void a_child_gets_a_status_and_the_parent_goes_on(void)
{
  int done = 0, offloaded = 0;
  c = net_new(NULL);
  CHECK_OK(copas_offload(c, count, &offloaded));
  peer = net_tcp(c, &skt);
  CHECK_OK(copas_addthread(c, wait_for_a_line, &done, NULL));
  net_settle(c);
  pid_t pid = net_fork();
  if (pid == 0) {
    in_the_child();
    end_child();
  }
  net_reap(pid);
  CHECK(net_quiet(peer));
  net_puts(peer, "still here\n");
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(done, 1);
  close(peer);
  CHECK_OK(copas_free(c));
}

static void fork_inside(void *user)
{
  pid_t pid = net_fork();
  if (pid == 0) {
    CHECK_STATUS(copas_pause(c, 0, NULL), COPAS_FORKED);
    CHECK_STATUS(copas_free(c), COPAS_CANNOT_WAIT);
    end_child();
  }
  net_reap(pid);
  (*(int *)user)++;
}

static void a_child_that_a_coroutine_forks_cannot_wait(void)
{
  int done = 0;
  c = net_new(NULL);
  CHECK_OK(copas_addthread(c, fork_inside, &done, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(done, 1);
  CHECK_OK(copas_free(c));
}

static atomic_int stops, posted, ran;

static void count_posts(copas *c_, void *user)
{
  (void)c_;
  (void)user;
  ran++;
}

/* Not more than a step reads quickly. */
static void *post_all_the_time(void *user)
{
  while (!stops) {
    if (posted - ran > 2000) sched_yield();
    else if (copas_post(user, count_posts, NULL) == COPAS_OK) posted++;
  }
  return NULL;
}

static void *open_all_the_time(void *user)
{
  (void)user;
  while (!stops) CHECK_OK(copas_free(copas_new(NULL)));
  return NULL;
}

/* Forks again and again while another OS thread is inside the library. */
static void fork_amid(void *(*work)(void *))
{
  int count = check_small() ? 20 : 200;
  pthread_t os_thread;
  stops = posted = ran = 0;
  c = net_new(NULL);
  CHECK(pthread_create(&os_thread, NULL, work, c) == 0);
  for (int i = 0; i < count; i++) {
    net_step(c);
    pid_t pid = net_fork();
    if (pid == 0) {
      CHECK_OK(copas_free(c));
      CHECK_OK(copas_free(copas_new(NULL)));
      end_child();
    }
    net_reap(pid);
  }
  stops = 1;
  CHECK(pthread_join(os_thread, NULL) == 0);
  CHECK_OK(copas_free(c));
}

static void a_fork_amid_posts_leaves_nothing_locked(void)
{
  fork_amid(post_all_the_time);
}

static void a_fork_amid_new_dispatchers_leaves_nothing_locked(void)
{
  fork_amid(open_all_the_time);
}

int main(void)
{
  RUN(a_child_gets_a_status_and_the_parent_goes_on);
  RUN(a_child_that_a_coroutine_forks_cannot_wait);
  RUN(a_fork_amid_posts_leaves_nothing_locked);
  RUN(a_fork_amid_new_dispatchers_leaves_nothing_locked);
  return check_report();
}
