/* SPDX-License-Identifier: MIT */
/* The exit flag: who raises it, whom it releases, and that the released may add work. */
#include "network.h"

struct waiter {
  copas_status status;
  int released;
  int flag;
};

static void wait_for_exit(void *user)
{
  struct waiter *waiter = user;
  waiter->status = copas_waitforexit(copas_current());
  waiter->flag = copas_exiting(copas_current());
  waiter->released++;
}

static void the_loop_raises_the_flag_when_all_work_is_done(void)
{
  struct waiter waiters[3] = {{1, 0, 0}, {1, 0, 0}, {1, 0, 0}};
  copas *c = net_new(NULL);
  for (int i = 0; i < 3; i++) CHECK_OK(copas_addthread(c, wait_for_exit, &waiters[i], NULL));
  net_settle(c);
  for (int i = 0; i < 3; i++) CHECK_NUMBER(waiters[i].released, 0);
  CHECK_NUMBER(copas_exiting(c), 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  for (int i = 0; i < 3; i++) {
    CHECK_NUMBER(waiters[i].released, 1);
    CHECK_OK(waiters[i].status);
    CHECK_NUMBER(waiters[i].flag, 1);
  }
  CHECK_NUMBER(copas_exiting(c), 1);
  CHECK_OK(copas_free(c));
}

static void work_for_a_while(void *user)
{
  CHECK_OK(copas_pause(copas_current(), 0.02, NULL));
  CHECK_OK(copas_waitforexit(copas_current()));
  ++*(int *)user;
}

static void add_work_at_exit(void *user)
{
  CHECK_OK(copas_waitforexit(copas_current()));
  CHECK_OK(copas_addthread(copas_current(), work_for_a_while, user, NULL));
  CHECK_OK(copas_pause(copas_current(), 0.01, NULL));
  ++*(int *)user;
}

static void the_released_may_add_work(void)
{
  int done = 0;
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, add_work_at_exit, &done, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(done, 2);
  CHECK_NUMBER(copas_finished(c), 1);
  CHECK_OK(copas_free(c));
}

static void serve_one_at_exit(void *user)
{
  int fd;
  int error;
  int port;
  copas_bytes line;
  copas_socket *client;
  CHECK_OK(copas_waitforexit(copas_current()));
  copas_socket *server = net_serve(copas_current(), net_echo, NULL, &port);
  fd = net_dial(port, 0, &error);
  CHECK_NUMBER(error, 0);
  CHECK_OK(copas_wrap(copas_current(), fd, &client));
  CHECK_OK(copas_send(client, "late\n", 5));
  CHECK_OK(copas_receive(client, COPAS_LINE, &line));
  CHECK_BYTES(line, "late");
  CHECK_OK(copas_close(client));
  CHECK_OK(copas_removeserver(server, 0));
  ++*(int *)user;
}

static void the_released_may_serve(void)
{
  int done = 0;
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, serve_one_at_exit, &done, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(done, 1);
  CHECK_OK(copas_free(c));
}

static void see_the_flag(void *user)
{
  *(int *)user = copas_exiting(copas_current());
}

static void exit_works_before_the_first_loop(void)
{
  struct waiter waiter = {1, 0, 0};
  int flag = -1;
  copas *c = net_new(NULL);
  CHECK_NUMBER(copas_exiting(c), 0);
  CHECK_OK(copas_exit(c));
  CHECK_NUMBER(copas_exiting(c), 1);
  CHECK_OK(copas_exit(c));
  CHECK_OK(copas_addthread(c, wait_for_exit, &waiter, NULL));
  CHECK_OK(copas_addthread(c, see_the_flag, &flag, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(flag, 1);
  CHECK_NUMBER(waiter.released, 1);
  CHECK_OK(waiter.status);
  CHECK_OK(copas_free(c));
}

static void exit_releases_those_who_wait_without_a_loop(void)
{
  struct waiter waiter = {1, 0, 0};
  copas *c = net_new(NULL);
  CHECK_OK(copas_addthread(c, wait_for_exit, &waiter, NULL));
  net_settle(c);
  CHECK_NUMBER(waiter.released, 0);
  CHECK_OK(copas_exit(c));
  net_settle(c);
  CHECK_NUMBER(waiter.released, 1);
  CHECK_OK(waiter.status);
  CHECK_NUMBER(waiter.flag, 1);
  CHECK_OK(copas_free(c));
}

static void the_flag_is_lowered_when_the_loop_starts_again(void)
{
  int flag = -1;
  copas *c = net_new(NULL);
  CHECK_OK(copas_exit(c));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(copas_exiting(c), 1);
  CHECK_OK(copas_addthread(c, see_the_flag, &flag, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(flag, 0);
  CHECK_NUMBER(copas_exiting(c), 1);
  CHECK_OK(copas_free(c));
}

static const int *released;

static void work_before_the_exit(void *user)
{
  CHECK_OK(copas_pause(copas_current(), 0.02, user));
  CHECK_NUMBER(*released, 0);
}

static void a_waiter_of_the_second_loop_waits_again(void)
{
  struct waiter waiter = {1, 0, 0};
  double slept = 0;
  copas *c = net_new(NULL);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_addthread(c, wait_for_exit, &waiter, NULL));
  CHECK_OK(copas_addthread(c, work_before_the_exit, &slept, NULL));
  released = &waiter.released;
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(waiter.released, 1);
  CHECK(slept >= 0.02);
  CHECK_OK(copas_free(c));
}

static void exit_early_and_sleep(void *user)
{
  copas *c = copas_current();
  CHECK_OK(copas_exit(c));
  CHECK_NUMBER(copas_exiting(c), 1);
  CHECK_OK(copas_pause(c, 0.03, user));
}

static void exit_interrupts_nobody(void)
{
  double slept = 0;
  int port;
  copas *c = net_new(NULL);
  copas_socket *server = net_serve(c, net_echo, NULL, &port);
  CHECK_OK(copas_addthread(c, exit_early_and_sleep, &slept, NULL));
  int fd = net_connect(port);
  net_puts(fd, "before\n");
  net_expect(c, fd, "before\n");
  CHECK_OK(copas_exit(c));
  net_puts(fd, "after\n");
  net_expect(c, fd, "after\n");
  int second = net_connect(port);
  net_puts(second, "new\n");
  net_expect(c, second, "new\n");
  CHECK_NUMBER(copas_finished(c), 0);
  CHECK_OK(copas_removeserver(server, 0));
  CHECK(close(fd) == 0);
  CHECK(close(second) == 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(slept >= 0.03);
  CHECK_OK(copas_free(c));
}

static void remove_the_server_at_exit(void *user)
{
  CHECK_OK(copas_waitforexit(copas_current()));
  CHECK_OK(copas_removeserver(user, 0));
}

static void *exit_from_outside(void *user)
{
  net_sleep(0.02);
  CHECK_OK(copas_exit(user));
  return NULL;
}

static void exit_from_another_os_thread_wakes_the_loop(void)
{
  pthread_t os_thread;
  int port;
  copas *c = net_new(NULL);
  copas_socket *server = net_serve(c, net_echo, NULL, &port);
  CHECK_OK(copas_addthread(c, remove_the_server_at_exit, server, NULL));
  CHECK(pthread_create(&os_thread, NULL, exit_from_outside, c) == 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(pthread_join(os_thread, NULL) == 0);
  CHECK_NUMBER(copas_exiting(c), 1);
  CHECK_OK(copas_free(c));
}

static void exit_of_nothing_is_an_error(void)
{
  copas *c = net_new(NULL);
  CHECK_STATUS(copas_exit(NULL), COPAS_INVALID);
  CHECK_STATUS(copas_exiting(NULL), COPAS_INVALID);
  CHECK_STATUS(copas_waitforexit(NULL), COPAS_INVALID);
  CHECK_STATUS(copas_finished(NULL), COPAS_INVALID);
  CHECK_OK(copas_free(c));
  CHECK_STATUS(copas_exit(c), COPAS_STALE);
  CHECK_STATUS(copas_exiting(c), COPAS_STALE);
  CHECK_STATUS(copas_waitforexit(c), COPAS_STALE);
  CHECK_STATUS(copas_finished(c), COPAS_STALE);
}

int main(void)
{
  RUN(the_loop_raises_the_flag_when_all_work_is_done);
  RUN(the_released_may_add_work);
  RUN(the_released_may_serve);
  RUN(exit_works_before_the_first_loop);
  RUN(exit_releases_those_who_wait_without_a_loop);
  RUN(the_flag_is_lowered_when_the_loop_starts_again);
  RUN(a_waiter_of_the_second_loop_waits_again);
  RUN(exit_interrupts_nobody);
  RUN(exit_from_another_os_thread_wakes_the_loop);
  RUN(exit_of_nothing_is_an_error);
  return check_report();
}
