/* SPDX-License-Identifier: MIT */
/* Waiting on descriptors that stay the program's own. */
#include "network.h"

static copas *c;

struct watcher {
  int fd, events, got, done;
};

static void watch(void *user)
{
  struct watcher *watcher = user;
  watcher->got = copas_wait_fd(c, watcher->fd, watcher->events, 10);
  watcher->done = 1;
}

static void a_descriptor_wakes_when_it_can_be_read(void)
{
  int fds[2];
  c = net_new(NULL);
  CHECK(pipe2(fds, O_CLOEXEC) == 0);
  struct watcher watcher = {.fd = fds[0], .events = COPAS_READABLE};
  CHECK_OK(copas_addthread(c, watch, &watcher, NULL));
  net_settle(c);
  CHECK_NUMBER(watcher.done, 0);
  CHECK_NUMBER(copas_finished(c), 0);
  CHECK(write(fds[1], "x", 1) == 1);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(watcher.got, COPAS_READABLE);
  /* Still there: level-triggered. Its flags are the program's. */
  CHECK_NUMBER(copas_wait_fd(c, fds[0], COPAS_READABLE, 10), COPAS_READABLE);
  CHECK(!(fcntl(fds[0], F_GETFL) & O_NONBLOCK));
  CHECK_OK(copas_free(c));
  close(fds[0]);
  close(fds[1]);
}

static void both_directions_can_be_awaited(void)
{
  int fds[2];
  c = net_new(NULL);
  net_tcp_pair(fds);
  CHECK_NUMBER(copas_wait_fd(c, fds[0], COPAS_READABLE | COPAS_WRITABLE, 10), COPAS_WRITABLE);
  net_puts(fds[1], "x");
  CHECK_NUMBER(copas_wait_fd(c, fds[0], COPAS_READABLE, 10), COPAS_READABLE);
  CHECK_NUMBER(copas_wait_fd(c, fds[0], COPAS_READABLE | COPAS_WRITABLE, 10),
               COPAS_READABLE | COPAS_WRITABLE);
  CHECK_OK(copas_free(c));
  close(fds[0]);
  close(fds[1]);
}

static void a_wait_ends_at_its_limit_and_can_be_repeated(void)
{
  int fds[2];
  c = net_new(NULL);
  CHECK(pipe2(fds, O_CLOEXEC) == 0);
  for (int i = 0; i < 3; i++) {
    double start = net_seconds();
    CHECK_STATUS(copas_wait_fd(c, fds[0], COPAS_READABLE, 0.01), COPAS_TIMEOUT);
    CHECK(net_seconds() - start >= 0.01);
  }
  CHECK_STATUS(copas_wait_fd(c, fds[0], COPAS_READABLE, 0), COPAS_TIMEOUT);
  CHECK(write(fds[1], "x", 1) == 1);
  CHECK_NUMBER(copas_wait_fd(c, fds[0], COPAS_READABLE, 0), COPAS_READABLE);
  close(fds[1]);
  CHECK_OK(copas_free(c));
  close(fds[0]);
}

static void what_cannot_be_awaited_is_told(void)
{
  int file = open("/", O_RDONLY | O_CLOEXEC), fds[2];
  copas_socket *skt;
  c = net_new(NULL);
  CHECK_STATUS(copas_wait_fd(c, file, COPAS_READABLE, 1), COPAS_INVALID);
  for (int seconds = 0; seconds < 2; seconds++) {
    CHECK_STATUS(copas_wait_fd(c, -1, COPAS_READABLE, seconds), COPAS_INVALID);
    CHECK_STATUS(copas_wait_fd(c, 99999, COPAS_READABLE, seconds), COPAS_INVALID);
  }
  net_tcp_pair(fds);
  CHECK_STATUS(copas_wait_fd(c, fds[0], 0, 1), COPAS_INVALID);
  CHECK_STATUS(copas_wait_fd(c, fds[0], 4, 1), COPAS_INVALID);
  struct watcher watcher = {.fd = fds[0], .events = COPAS_READABLE};
  CHECK_OK(copas_addthread(c, watch, &watcher, NULL));
  net_settle(c);
  CHECK_STATUS(copas_wait_fd(c, fds[0], COPAS_READABLE, 1), COPAS_BUSY);
  close(fds[1]);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(watcher.got, COPAS_READABLE);
  CHECK_OK(copas_wrap(c, fds[0], &skt));
  CHECK_OK(copas_free(c));
  close(file);
}

int main(void)
{
  RUN(a_descriptor_wakes_when_it_can_be_read);
  RUN(both_directions_can_be_awaited);
  RUN(a_wait_ends_at_its_limit_and_can_be_repeated);
  RUN(what_cannot_be_awaited_is_told);
  return check_report();
}
