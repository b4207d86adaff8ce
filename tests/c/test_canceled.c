/* SPDX-License-Identifier: MIT */
/* A canceled coroutine is told so at every switch point, also where it would not wait: with a time
 * limit of 0, and when what it asks for is there. */
#include "network.h"

#include <math.h>

/* One of everything that can be waited for. */
static struct {
  copas *c;
  copas_socket *skt, *server, *udp;
  copas_thread *sleeper, *ended_thread;
  copas_lock *lock;
  copas_semaphore *semaphore;
  copas_queue *queue, *full_queue;
  copas_future *future;
  copas_group *group;
  int port, peer;
} all;

static char block[1 << 20];
static int table_done, offloads;

static int pause_for_no_time(void)
{
  return copas_pause(all.c, 0, NULL);
}

static int pause_a_little(void)
{
  return copas_pause(all.c, 0.001, NULL);
}

static int look_at_a_descriptor(void)
{
  return copas_wait_fd(all.c, all.peer, COPAS_WRITABLE, 0);
}

static int pause_forever(void)
{
  return copas_pauseforever(all.c);
}

static int wait_for_the_exit(void)
{
  return copas_waitforexit(all.c);
}

static int join_a_sleeper(void)
{
  return copas_join(all.sleeper, 0);
}

static int join_an_ended_one(void)
{
  return copas_join(all.ended_thread, 0);
}

static int receive_a_line(void)
{
  copas_bytes bytes;
  return copas_receive(all.skt, COPAS_LINE, &bytes);
}

static int receive_a_block(void)
{
  copas_bytes bytes;
  return copas_receive(all.skt, 2, &bytes);
}

static int receive_until_a_delimiter(void)
{
  copas_bytes bytes;
  return copas_receive_until(all.skt, "n", 1, &bytes);
}

static int receive_some(void)
{
  copas_bytes bytes;
  return copas_receive_some(all.skt, &bytes);
}

static int receive_into_memory(void)
{
  char memory[4];
  size_t n;
  return copas_receive_into(all.skt, memory, sizeof memory, &n);
}

static int receive_a_datagram(void)
{
  copas_bytes bytes;
  return copas_receivefrom(all.udp, &bytes, NULL);
}

static int send_a_datagram(void)
{
  copas_address to;
  CHECK_OK(copas_getsockname(all.udp, &to));
  return copas_sendto(all.udp, "to itself", 9, &to);
}

static int send_more_than_fits(void)
{
  return copas_send(all.skt, block, sizeof block);
}

static int flush(void)
{
  return copas_flush(all.skt);
}

static int connect_to_a_server(void)
{
  copas_socket *skt;
  return copas_connect(all.c, "127.0.0.1", all.port, 0, &skt);
}

static int get_the_lock(void)
{
  return copas_lock_get(all.lock, 0, NULL);
}

static int take(void)
{
  return copas_semaphore_take(all.semaphore, 1, 0);
}

static int pop(void)
{
  void *item;
  return copas_queue_pop(all.queue, 0, &item);
}

static int push(void)
{
  return copas_queue_push(all.queue, NULL, 0);
}

static int push_into_a_full_queue(void)
{
  return copas_queue_push(all.full_queue, NULL, 0);
}

static int get_the_result(void)
{
  void *result;
  return copas_future_get(all.future, 0, &result);
}

static int wait_for_the_group(void)
{
  return copas_group_wait(all.group, 0);
}

static int select_one(void)
{
  copas_choice choices[] = {{.kind = COPAS_CHOICE_POP, .handle = all.queue},
                            {.kind = COPAS_CHOICE_TAKE, .handle = all.semaphore, .amount = 1}};
  return copas_select(all.c, choices, 2, 0);
}

static void count_offload(void *user)
{
  (void)user;
  offloads++;
}

static int offload(void)
{
  return copas_offload(all.c, count_offload, NULL);
}

static int finish_a_queue(void)
{
  return copas_queue_finish(all.full_queue, 0);
}

static int close_the_group(void)
{
  return copas_group_close(all.group);
}

/* The last two change what the others need. */
static const struct {
  const char *name;
  int (*call)(void);
} table[] = {
    {"copas_pause of 0", pause_for_no_time},
    {"copas_pause", pause_a_little},
    {"copas_wait_fd of 0", look_at_a_descriptor},
    {"copas_pauseforever", pause_forever},
    {"copas_waitforexit", wait_for_the_exit},
    {"copas_join of a sleeper", join_a_sleeper},
    {"copas_join of an ended one", join_an_ended_one},
    {"copas_receive of a line", receive_a_line},
    {"copas_receive of a block", receive_a_block},
    {"copas_receive_until", receive_until_a_delimiter},
    {"copas_receive_some", receive_some},
    {"copas_receive_into", receive_into_memory},
    {"copas_receivefrom", receive_a_datagram},
    {"copas_sendto", send_a_datagram},
    {"copas_send", send_more_than_fits},
    {"copas_flush", flush},
    {"copas_connect", connect_to_a_server},
    {"copas_lock_get", get_the_lock},
    {"copas_semaphore_take", take},
    {"copas_queue_pop", pop},
    {"copas_queue_push", push},
    {"copas_queue_push into a full one", push_into_a_full_queue},
    {"copas_future_get", get_the_result},
    {"copas_group_wait", wait_for_the_group},
    {"copas_select", select_one},
    {"copas_offload", offload},
    {"copas_queue_finish", finish_a_queue},
    {"copas_group_close", close_the_group},
};

static void call_all(void *user)
{
  (void)user;
  CHECK_STATUS(copas_pauseforever(all.c), COPAS_CANCELED);
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    int status = table[i].call();
    if (status != COPAS_CANCELED)
      CHECK_FAIL("%s gave %s", table[i].name, copas_status_name(status));
  }
  table_done = 1;
}

static void sleep_for_ever(void *user)
{
  (void)user;
  CHECK_STATUS(copas_pauseforever(all.c), COPAS_CANCELED);
}

static void end_at_once(void *user)
{
  (void)user;
}

static void *give_nothing(void *user)
{
  if (user == NULL) CHECK_STATUS(copas_pauseforever(all.c), COPAS_CANCELED);
  return NULL;
}

/* Opens one of everything; with `there` each of them gives something at once. */
static void open_all(int there)
{
  copas *c = all.c = net_new(NULL);
  all.server = net_serve(c, net_echo, NULL, &all.port);
  all.peer = net_narrow_pair(c, &all.skt);
  CHECK_OK(copas_settimeout(all.skt, 0));
  CHECK_OK(copas_bind_udp(c, "127.0.0.1", 0, &all.udp));
  CHECK_OK(copas_settimeout(all.udp, 0));
  CHECK_OK(copas_addthread(c, sleep_for_ever, NULL, &all.sleeper));
  CHECK_OK(copas_addthread(c, end_at_once, NULL, &all.ended_thread));
  /* A lock that is free is no switch point. */
  CHECK_OK(copas_lock_new(c, NAN, 0, &all.lock));
  CHECK_OK(copas_lock_get(all.lock, 0, NULL));
  CHECK_OK(copas_semaphore_new(c, 5, there ? 5 : 0, NAN, &all.semaphore));
  CHECK_OK(copas_queue_new(c, 5, NAN, NULL, &all.queue));
  CHECK_OK(copas_queue_new(c, 1, NAN, NULL, &all.full_queue));
  CHECK_OK(copas_queue_push(all.full_queue, NULL, 0));
  CHECK_OK(copas_future_addthread(c, give_nothing, there ? &all : NULL, NULL, &all.future));
  CHECK_OK(copas_group_new(c, 0, &all.group));
  net_settle(c);
  if (there) {
    net_puts(all.peer, "line\nline\n");
    CHECK_OK(copas_queue_push(all.queue, NULL, 0));
    CHECK_OK(send_a_datagram());
  } else {
    CHECK_OK(copas_group_addthread(all.group, sleep_for_ever, NULL, NULL));
  }
}

static void a_canceled_one_is_told_so(int there)
{
  copas_thread *thread;
  open_all(there);
  table_done = offloads = 0;
  CHECK_OK(copas_addthread(all.c, call_all, NULL, &thread));
  net_settle(all.c);
  CHECK_OK(copas_removethread(thread));
  net_until(all.c, &table_done, 1);
  CHECK_NUMBER(offloads, 0);
  CHECK_OK(copas_free(all.c));
  close(all.peer);
}

static void a_canceled_one_is_told_so_where_nothing_is_there(void)
{
  a_canceled_one_is_told_so(0);
}

static void a_canceled_one_is_told_so_where_something_is_there(void)
{
  a_canceled_one_is_told_so(1);
}

int main(void)
{
  RUN(a_canceled_one_is_told_so_where_nothing_is_there);
  RUN(a_canceled_one_is_told_so_where_something_is_there);
  return check_report();
}
