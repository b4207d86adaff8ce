/* SPDX-License-Identifier: MIT */
/* What cannot be right is refused with a status, and has no effect. */
#include "network.h"

#include <math.h>

static copas *c;

static void unknown_flags_are_refused(void)
{
  copas_socket *skt;
  copas_timer *timer;
  copas_config config = {.size = sizeof config, .flags = UINT64_C(1) << 40};
  errno = 0;
  CHECK(copas_new(&config) == NULL);
  CHECK_NUMBER(errno, EINVAL);
  copas_connect_options connecting = {.size = sizeof connecting, .flags = 1};
  CHECK_STATUS(copas_connect_with(c, "127.0.0.1", 1, &connecting, &skt), COPAS_INVALID);
  copas_timer_options timing = {.size = sizeof timing, .flags = 2};
  CHECK_STATUS(copas_timer_new(c, &timing, &timer), COPAS_INVALID);
}

static void what_is_for_encrypted_connections_is_refused_without_a_context(void)
{
  int port;
  copas_socket *skt, *server = net_bind(c, &port);
  copas_connect_options connecting = {.size = sizeof connecting, .server_name = "localhost"};
  CHECK_STATUS(copas_connect_with(c, "127.0.0.1", port, &connecting, &skt), COPAS_INVALID);
  copas_server_options serving = {.size = sizeof serving, .handshake_timeout = 1};
  CHECK_STATUS(copas_addserver_with(c, server, net_echo, &serving), COPAS_INVALID);
  CHECK_OK(copas_close(server));
}

static void no_callback(copas_timer *timer, void *user)
{
  (void)timer;
  (void)user;
}

static void delays_and_limits_that_are_none_are_refused(void)
{
  copas_timer *timer;
  copas_timer_options options = {.size = sizeof options, .callback = no_callback, .delay = 1000};
  CHECK_OK(copas_timer_new(c, &options, &timer));
  CHECK_STATUS(copas_timer_arm(timer, -1), COPAS_INVALID);
  CHECK_STATUS(copas_timer_arm(timer, (double)NAN), COPAS_INVALID);
  options.delay = -1;
  copas_timer *none;
  CHECK_STATUS(copas_timer_new(c, &options, &none), COPAS_INVALID);
  CHECK_OK(copas_timer_destroy(timer));
  CHECK_STATUS(copas_step(c, (double)NAN), COPAS_INVALID);
}

static void lengths_that_no_memory_has_are_refused(void)
{
  copas_socket *skt;
  int peer = net_pair(c, &skt);
  CHECK_STATUS(copas_send(skt, "x", (size_t)1 << 63), COPAS_INVALID);
  CHECK_STATUS(copas_send(skt, NULL, 1), COPAS_INVALID);
  CHECK_STATUS(copas_receive_into(skt, NULL, 1, NULL), COPAS_INVALID);
  CHECK_OK(copas_close(skt));
  CHECK(close(peer) == 0);
}

static void structs_that_are_missing_are_refused(void)
{
  copas_dispatcher_stats *none = NULL;
  CHECK_STATUS(copas_stats(c, none), COPAS_INVALID);
  CHECK_STATUS(copas_error(c, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_addserver_with(c, NULL, net_echo, NULL), COPAS_INVALID);
}

static void streams_have_no_multicast_groups(void)
{
  copas_socket *skt, *udp;
  int peer = net_tcp(c, &skt);
  CHECK_STATUS(copas_joingroup(skt, "224.0.0.251", NULL), COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_leavegroup(skt, "224.0.0.251", NULL), COPAS_UNSUPPORTED);
  CHECK_OK(copas_bind_udp(c, "127.0.0.1", 0, &udp));
  CHECK_STATUS(copas_joingroup(udp, "localhost", NULL), COPAS_INVALID);
  CHECK_STATUS(copas_joingroup(udp, "224.0.0.251", "lo"), COPAS_INVALID);
  CHECK_STATUS(copas_joingroup(udp, "ff02::1", "x"), COPAS_INVALID);
  CHECK_OK(copas_close(udp));
  CHECK_OK(copas_close(skt));
  CHECK(close(peer) == 0);
}

static void a_failure_is_negative_and_a_coroutines(void)
{
  CHECK_STATUS(copas_fail(0, "nothing"), COPAS_INVALID);
  CHECK_STATUS(copas_fail(COPAS_FAILED, "outside"), COPAS_INVALID);
}

static void choices_are_of_their_own_kind(void)
{
  copas_semaphore *semaphore;
  CHECK_OK(copas_semaphore_new(c, 1, 0, 1, &semaphore));
  copas_choice choice = {.kind = COPAS_CHOICE_EXIT, .handle = semaphore};
  CHECK_NUMBER(copas_select(c, &choice, 1, 0), 0);
  CHECK_STATUS(choice.status, COPAS_INVALID);
  choice.kind = 1000;
  choice.handle = c;
  CHECK_NUMBER(copas_select(c, &choice, 1, 0), 0);
  CHECK_STATUS(choice.status, COPAS_INVALID);
  CHECK_OK(copas_semaphore_destroy(semaphore));
}

static void the_library_tells_its_version_and_what_it_has(void)
{
  CHECK(strcmp(copas_version(), COPAS_VERSION) == 0);
  CHECK_NUMBER(copas_has_feature("no such thing"), 0);
  CHECK_NUMBER(copas_has_feature(NULL), 0);
  CHECK(copas_status_message(12345) != NULL && copas_status_name(12345) != NULL);
}

int main(void)
{
  c = net_new(NULL);
  RUN(unknown_flags_are_refused);
  RUN(what_is_for_encrypted_connections_is_refused_without_a_context);
  RUN(delays_and_limits_that_are_none_are_refused);
  RUN(lengths_that_no_memory_has_are_refused);
  RUN(structs_that_are_missing_are_refused);
  RUN(streams_have_no_multicast_groups);
  RUN(a_failure_is_negative_and_a_coroutines);
  RUN(choices_are_of_their_own_kind);
  RUN(the_library_tells_its_version_and_what_it_has);
  CHECK_OK(copas_free(c));
  return check_report();
}
