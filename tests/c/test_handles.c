/* SPDX-License-Identifier: MIT */
/* Handles that are not what a function wants: NULL, closed, of another kind, of another OS thread,
 * or no handles at all. Every function answers with an error, and nothing else happens. */
#include "network.h"

#include <math.h>

/* A function with its handle; the other arguments are right. */
typedef int call_fn(void *handle);

enum kind { DISPATCHER, SOCKET, THREAD, OPERATION, KINDS };

/* May be called from any OS thread. */
#define ANYWHERE 1
/* An object that has ended is what it waits for. */
#define ENDED_IS_FINE 2

struct function {
  const char *name;
  enum kind kind;
  int flags;
  call_fn *call;
};

static char memory[8];
static copas_bytes bytes;
static copas_event event;
static copas_address address;
static copas_socket *socket_out;
static int fd_out;
static size_t size_out;

static void do_nothing(void *user)
{
  (void)user;
}

static void post_nothing(copas *c, void *user)
{
  (void)c;
  (void)user;
}

static void handle_nothing(copas_socket *skt, void *user)
{
  (void)skt;
  (void)user;
}

#define CALL(name, expression)                                                                     \
  static int call_##name(void *h)                                                                  \
  {                                                                                                \
    return (int)(expression);                                                                      \
  }

CALL(loop, copas_loop(h, 0))
CALL(step, copas_step(h, 0))
CALL(finished, copas_finished(h))
CALL(exit, copas_exit(h))
CALL(exiting, copas_exiting(h))
CALL(waitforexit, copas_waitforexit(h))
CALL(shutdown, copas_shutdown(h, 0))
CALL(hold, copas_hold(h))
CALL(release, copas_release(h))
CALL(post, copas_post(h, post_nothing, NULL))
CALL(notify, copas_notify(h))
CALL(addthread, copas_addthread(h, do_nothing, NULL, NULL))
CALL(addthread_with, copas_addthread_with(h, do_nothing, NULL, NULL))
CALL(addserver, copas_addserver(h, socket_out, handle_nothing, NULL, 0))
CALL(addserver_with, copas_addserver_with(h, socket_out, handle_nothing, NULL))
CALL(pause, copas_pause(h, 0, NULL))
CALL(pauseforever, copas_pauseforever(h))
CALL(seterrorhandler, copas_seterrorhandler(h, NULL, NULL, 1))
CALL(bind, copas_bind(h, "127.0.0.1", 0, &socket_out))
CALL(connect, copas_connect(h, "127.0.0.1", 1, 0, &socket_out))
CALL(wrap, copas_wrap(h, 0, &socket_out))
CALL(poll, copas_poll(h, &event, 1, 0))
CALL(removeserver, copas_removeserver(h, 0))
CALL(unwrap, copas_unwrap(h, &fd_out))
CALL(close, copas_close(h))
CALL(abort, copas_abort(h))
CALL(shut, copas_shut(h, COPAS_SHUT_BOTH))
CALL(settimeout, copas_settimeout(h, 1))
CALL(settimeouts, copas_settimeouts(h, 1, 1, 1))
CALL(setlimits, copas_setlimits(h, 1, 1))
CALL(setarmour, copas_setarmour(h, NULL))
CALL(setoption, copas_setoption(h, COPAS_KEEPALIVE, 1))
CALL(getpeername, copas_getpeername(h, &address))
CALL(getsockname, copas_getsockname(h, &address))
CALL(getstats, copas_getstats(h, &(copas_socket_stats){.size = sizeof(copas_socket_stats)}))
CALL(setname, copas_setname(h, "name"))
CALL(receive, copas_receive(h, 0, &bytes))
CALL(receive_until, copas_receive_until(h, "x", 1, &bytes))
CALL(receive_some, copas_receive_some(h, &bytes))
CALL(receive_into, copas_receive_into(h, memory, sizeof memory, NULL))
CALL(send, copas_send(h, "x", 1))
CALL(send_part, copas_send_part(h, "x", 1, NULL))
CALL(flush, copas_flush(h))
CALL(submit_receive, copas_submit_receive(h, 1, 0, NULL, NULL))
CALL(submit_send, copas_submit_send(h, "x", 1, 0, 0, &size_out, NULL, NULL))
CALL(submit_cancel, copas_submit_cancel(h))
CALL(removethread, copas_removethread(h))
CALL(join, copas_join(h, 0))
CALL(wakeup, copas_wakeup(h))
CALL(error, copas_error(h, &(copas_error_info){.size = sizeof(copas_error_info)}))

#define ROW(name, kind, flags) {"copas_" #name, kind, flags, call_##name}

/* First one that does nothing: a wrong handle that is taken is found out before it does harm. */
static const struct function functions[] = {
    ROW(finished, DISPATCHER, 0), ROW(loop, DISPATCHER, 0), ROW(step, DISPATCHER, 0),
    ROW(exit, DISPATCHER, ANYWHERE), ROW(exiting, DISPATCHER, ANYWHERE),
    ROW(waitforexit, DISPATCHER, 0), ROW(shutdown, DISPATCHER, ANYWHERE),
    ROW(hold, DISPATCHER, 0), ROW(release, DISPATCHER, 0), ROW(post, DISPATCHER, ANYWHERE),
    ROW(notify, DISPATCHER, ANYWHERE), ROW(addthread, DISPATCHER, 0),
    ROW(addthread_with, DISPATCHER, 0), ROW(addserver, DISPATCHER, 0),
    ROW(addserver_with, DISPATCHER, 0), ROW(pause, DISPATCHER, 0),
    ROW(pauseforever, DISPATCHER, 0), ROW(seterrorhandler, DISPATCHER, 0),
    ROW(bind, DISPATCHER, 0), ROW(connect, DISPATCHER, 0), ROW(wrap, DISPATCHER, 0),
    ROW(poll, DISPATCHER, 0), ROW(error, DISPATCHER, 0), ROW(removeserver, SOCKET, 0),
    ROW(unwrap, SOCKET, 0), ROW(close, SOCKET, 0), ROW(abort, SOCKET, 0), ROW(shut, SOCKET, 0),
    ROW(settimeout, SOCKET, 0), ROW(settimeouts, SOCKET, 0), ROW(setlimits, SOCKET, 0),
    ROW(setarmour, SOCKET, 0), ROW(setoption, SOCKET, 0), ROW(getpeername, SOCKET, 0), ROW(getsockname, SOCKET, 0),
    ROW(getstats, SOCKET, 0), ROW(setname, SOCKET, 0), ROW(receive, SOCKET, 0),
    ROW(receive_until, SOCKET, 0), ROW(receive_some, SOCKET, 0), ROW(receive_into, SOCKET, 0),
    ROW(send, SOCKET, 0), ROW(send_part, SOCKET, 0), ROW(flush, SOCKET, 0),
    ROW(submit_receive, SOCKET, 0), ROW(submit_send, SOCKET, 0),
    ROW(submit_cancel, OPERATION, 0), ROW(removethread, THREAD, 0),
    ROW(join, THREAD, ENDED_IS_FINE), ROW(wakeup, THREAD, 0)};

enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* A dispatcher with one object of each kind. */
struct world {
  void *objects[KINDS];
  int peer;
};

static void sleep_for_ever(void *user)
{
  (void)user;
  copas_pauseforever(copas_current());
}

static void open_world(struct world *world)
{
  copas_socket *skt;
  copas_thread *thread;
  copas_operation *operation;
  copas *c = net_new(NULL);
  world->peer = net_pair(c, &skt);
  CHECK_OK(copas_addthread(c, sleep_for_ever, NULL, &thread));
  CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 1, NULL, &operation));
  net_settle(c);
  world->objects[DISPATCHER] = c;
  world->objects[SOCKET] = skt;
  world->objects[THREAD] = thread;
  world->objects[OPERATION] = operation;
}

/* Ends all objects but the dispatcher. */
static void end_objects(struct world *world)
{
  copas *c = world->objects[DISPATCHER];
  CHECK_OK(copas_submit_cancel(world->objects[OPERATION]));
  CHECK_NUMBER(copas_poll(c, &event, 1, 1), 1);
  CHECK_OK(copas_close(world->objects[SOCKET]));
  CHECK_OK(copas_removethread(world->objects[THREAD]));
  net_settle(c);
}

static void close_world(struct world *world)
{
  CHECK_OK(copas_free(world->objects[DISPATCHER]));
  close(world->peer);
}

/* Calls all functions of a kind (KINDS: of every kind) and checks what they answer. */
static void expect_all(enum kind kind, void *handle, copas_status wanted, int but)
{
  for (int i = 0; i < FUNCTIONS; i++) {
    const struct function *function = &functions[i];
    if ((kind != KINDS && function->kind != kind) || (function->flags & but)) continue;
    int got = function->call(handle);
    if (got != (int)wanted)
      CHECK_FAIL("%s gave %s, not %s", function->name, copas_status_name(got),
                 copas_status_name(wanted));
  }
}

/* What the wrong handles were given for has not happened to the right ones. */
static void expect_unharmed(const struct world *world)
{
  copas *c = world->objects[DISPATCHER];
  CHECK_NUMBER(copas_exiting(c), 0);
  CHECK_OK(copas_setname(world->objects[SOCKET], "unharmed"));
  CHECK(strcmp(copas_getname(world->objects[SOCKET]), "unharmed") == 0);
  CHECK_NUMBER(copas_poll(c, &event, 1, 0), 0);
  net_puts(world->peer, "line\n");
  CHECK_NUMBER(copas_poll(c, &event, 1, NET_PATIENCE), 1);
  CHECK_OK(event.status);
  CHECK(event.token == 1 && event.len == 4 && memcmp(event.data, "line", 4) == 0);
  CHECK(net_quiet(world->peer));
  CHECK_NUMBER(copas_wakeup(world->objects[THREAD]), 1);
}

static void null_is_invalid_everywhere(void)
{
  expect_all(KINDS, NULL, COPAS_INVALID, 0);
  CHECK_OK(copas_free(NULL));
  CHECK(copas_getname(NULL) == NULL);
  CHECK(copas_of(NULL) == NULL);
  CHECK(isnan(copas_now(NULL)));
}

static void a_handle_of_another_kind_is_invalid(void)
{
  struct world world;
  open_world(&world);
  for (int wanted = 0; wanted < KINDS; wanted++)
    for (int given = 0; given < KINDS; given++)
      for (int i = 0; i < FUNCTIONS && given != wanted; i++) {
        if ((int)functions[i].kind != wanted) continue;
        /* Both sockets and coroutines have names. */
        if (functions[i].call == call_setname && given == THREAD) continue;
        if (functions[i].call(world.objects[given]) != COPAS_INVALID)
          CHECK_FAIL("%s took a handle of kind %d", functions[i].name, given);
      }
  for (int given = SOCKET; given < KINDS; given++) {
    CHECK_STATUS(copas_free(world.objects[given]), COPAS_INVALID);
    CHECK(isnan(copas_now(world.objects[given])));
  }
  CHECK(copas_getname(world.objects[DISPATCHER]) == NULL);
  CHECK(copas_getname(world.objects[OPERATION]) == NULL);
  expect_unharmed(&world);
  close_world(&world);
}

static void an_ended_object_is_stale(void)
{
  struct world world;
  open_world(&world);
  end_objects(&world);
  for (int kind = SOCKET; kind < KINDS; kind++)
    expect_all((enum kind)kind, world.objects[kind], COPAS_STALE, ENDED_IS_FINE);
  CHECK_OK(copas_join(world.objects[THREAD], 0));
  CHECK(copas_getname(world.objects[SOCKET]) == NULL);
  close_world(&world);
}

static void an_ended_object_is_stale_although_its_slot_is_used_again(void)
{
  struct world world, again;
  open_world(&world);
  copas *c = world.objects[DISPATCHER];
  end_objects(&world);
  again = world;
  for (int i = 0; i < 100; i++) {
    copas_socket *skt;
    copas_thread *thread;
    copas_operation *operation;
    close(again.peer);
    again.peer = net_pair(c, &skt);
    CHECK_OK(copas_addthread(c, sleep_for_ever, NULL, &thread));
    CHECK_OK(copas_submit_receive(skt, COPAS_LINE, 1, NULL, &operation));
    net_settle(c);
    CHECK(skt != world.objects[SOCKET] && thread != world.objects[THREAD]);
    CHECK(operation != world.objects[OPERATION]);
    for (int kind = SOCKET; kind < KINDS; kind++)
      expect_all((enum kind)kind, world.objects[kind], COPAS_STALE, ENDED_IS_FINE);
    again.objects[SOCKET] = skt;
    again.objects[THREAD] = thread;
    again.objects[OPERATION] = operation;
    end_objects(&again);
  }
  CHECK_OK(copas_free(c));
  close(again.peer);
}

static void everything_is_stale_after_the_dispatcher(void)
{
  struct world world, next;
  open_world(&world);
  close_world(&world);
  for (int kind = 0; kind < KINDS; kind++)
    expect_all((enum kind)kind, world.objects[kind], COPAS_STALE, 0);
  CHECK_STATUS(copas_free(world.objects[DISPATCHER]), COPAS_STALE);
  /* The next one has the same place in the process' table. */
  open_world(&next);
  for (int kind = 0; kind < KINDS; kind++)
    expect_all((enum kind)kind, world.objects[kind], COPAS_STALE, ENDED_IS_FINE);
  CHECK_STATUS(copas_free(world.objects[DISPATCHER]), COPAS_STALE);
  CHECK(isnan(copas_now(world.objects[DISPATCHER])));
  expect_unharmed(&next);
  close_world(&next);
}

static void *call_from_elsewhere(void *user)
{
  struct world *world = user;
  for (int kind = 0; kind < KINDS; kind++)
    expect_all((enum kind)kind, world->objects[kind], COPAS_WRONG_THREAD, ANYWHERE);
  CHECK_STATUS(copas_free(world->objects[DISPATCHER]), COPAS_WRONG_THREAD);
  CHECK(copas_getname(world->objects[SOCKET]) == NULL);
  CHECK(isnan(copas_now(world->objects[DISPATCHER])));
  CHECK(copas_of(world->objects[SOCKET]) == world->objects[DISPATCHER]);
  return NULL;
}

static void another_os_thread_is_refused(void)
{
  struct world world;
  pthread_t os_thread;
  open_world(&world);
  CHECK(pthread_create(&os_thread, NULL, call_from_elsewhere, &world) == 0);
  CHECK(pthread_join(os_thread, NULL) == 0);
  expect_unharmed(&world);
  close_world(&world);
}

static void a_socket_of_another_dispatcher_is_not_served(void)
{
  copas_socket *server;
  copas *c = net_new(NULL), *other = net_new(NULL);
  CHECK_OK(copas_bind(c, "127.0.0.1", 0, &server));
  CHECK_STATUS(copas_addserver(other, server, handle_nothing, NULL, 0), COPAS_INVALID);
  CHECK_OK(copas_addserver(c, server, handle_nothing, NULL, 0));
  CHECK_OK(copas_free(other));
  CHECK_OK(copas_free(c));
}

/* Every function refuses a word that names no living object. */
static void expect_garbage(uint64_t word)
{
  void *handle = (void *)(uintptr_t)word;
  for (int k = 0; k < FUNCTIONS; k++) {
    int got = functions[k].call(handle);
    int fine = got == COPAS_INVALID || got == COPAS_STALE ||
               (got == COPAS_OK && (functions[k].flags & ENDED_IS_FINE));
    if (!fine) CHECK_FAIL("%s(%#llx) gave %d", functions[k].name, (unsigned long long)word, got);
  }
  CHECK(copas_getname(handle) == NULL);
}

static void random_bits_are_errors(void)
{
  struct world world;
  uint64_t bits = 88172645463325252u;
  long rounds = check_small() ? 2000 : 100000;
  open_world(&world);
  for (long i = 0; i < rounds; i++) {
    bits ^= bits << 13;
    bits ^= bits >> 7;
    bits ^= bits << 17;
    /* Half of them name this process' first dispatchers, with a generation that was never given. */
    expect_garbage(i % 2 ? bits : (bits & ~(UINT64_C(1022) << 50)) | UINT64_C(1) << 63 | 0x2000000);
  }
  expect_unharmed(&world);
  close_world(&world);
}

static int is_object(const struct world *world, uint64_t word)
{
  for (int kind = 0; kind < KINDS; kind++)
    if (word == (uint64_t)(uintptr_t)world->objects[kind]) return 1;
  return 0;
}

static void one_wrong_bit_makes_a_handle_an_error(void)
{
  struct world world;
  open_world(&world);
  for (int kind = 0; kind < KINDS; kind++)
    for (int bit = 0; bit < 64; bit++) {
      uint64_t word = (uint64_t)(uintptr_t)world.objects[kind] ^ UINT64_C(1) << bit;
      if (!is_object(&world, word)) expect_garbage(word);
    }
  expect_unharmed(&world);
  close_world(&world);
}

/* Also when another dispatcher has taken its place in the process' table. */
static void a_freed_dispatchers_handles_name_no_later_dispatcher(void)
{
  struct world world, next;
  open_world(&world);
  close_world(&world);
  CHECK_STATUS(copas_join(world.objects[THREAD], 0), COPAS_STALE);
  for (int kind = 0; kind < KINDS; kind++) CHECK(copas_of(world.objects[kind]) == NULL);
  open_world(&next);
  CHECK_STATUS(copas_join(world.objects[THREAD], 0), COPAS_STALE);
  for (int kind = 0; kind < KINDS; kind++) CHECK(copas_of(world.objects[kind]) == NULL);
  close_world(&next);
}

int main(void)
{
  RUN(null_is_invalid_everywhere);
  RUN(a_handle_of_another_kind_is_invalid);
  RUN(an_ended_object_is_stale);
  RUN(an_ended_object_is_stale_although_its_slot_is_used_again);
  RUN(everything_is_stale_after_the_dispatcher);
  RUN(another_os_thread_is_refused);
  RUN(a_socket_of_another_dispatcher_is_not_served);
  RUN(random_bits_are_errors);
  RUN(one_wrong_bit_makes_a_handle_an_error);
  RUN(a_freed_dispatchers_handles_name_no_later_dispatcher);
  return check_report();
}
