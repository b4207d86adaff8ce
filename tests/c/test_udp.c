/* SPDX-License-Identifier: MIT */
/* Datagrams over UDP: one a call, whole, with the address of its sender. */
#include "network.h"

static copas *c;
static copas_socket *one, *two;
static copas_address first, second;
static copas_bytes datagram;
static copas_address from;

static void open_two(void)
{
  c = net_new(NULL);
  CHECK_OK(copas_bind_udp(c, "127.0.0.1", 0, &one));
  CHECK_OK(copas_bind_udp(c, "127.0.0.1", 0, &two));
  CHECK_OK(copas_getsockname(one, &first));
  CHECK_OK(copas_getsockname(two, &second));
  CHECK_OK(copas_settimeout(one, 10));
  CHECK_OK(copas_settimeout(two, 10));
}

static void close_two(void)
{
  CHECK_OK(copas_free(c));
}

static void datagrams_keep_their_bounds_and_tell_their_sender(void)
{
  open_two();
  CHECK_OK(copas_sendto(one, "first", 5, &second));
  CHECK_OK(copas_sendto(one, "", 0, &second));
  CHECK_OK(copas_sendto(one, "third one", 9, &second));
  CHECK_OK(copas_receivefrom(two, &datagram, &from));
  CHECK_BYTES(datagram, "first");
  CHECK(from.port == first.port && strcmp(from.host, "127.0.0.1") == 0);
  CHECK_OK(copas_receivefrom(two, &datagram, NULL));
  CHECK_NUMBER(datagram.len, 0);
  CHECK(datagram.data != NULL);
  CHECK_OK(copas_receivefrom(two, &datagram, &from));
  CHECK_BYTES(datagram, "third one");
  CHECK_OK(copas_sendto(two, datagram.data, datagram.len, &from));
  CHECK_OK(copas_receivefrom(one, &datagram, NULL));
  CHECK_BYTES(datagram, "third one");
  close_two();
}

static void a_big_datagram_arrives_whole_and_a_bigger_one_is_refused(void)
{
  static char block[65507];
  open_two();
  memset(block, 'd', sizeof block);
  block[65506] = 'e';
  CHECK_OK(copas_sendto(one, block, sizeof block, &second));
  CHECK_OK(copas_receivefrom(two, &datagram, NULL));
  CHECK(datagram.len == sizeof block && memcmp(datagram.data, block, sizeof block) == 0);
  CHECK_STATUS(copas_sendto(one, block, sizeof block + 1, &second), COPAS_SYSTEM);
  close_two();
}

static void a_datagram_above_the_limit_is_cut(void)
{
  copas_error_info info;
  open_two();
  CHECK_OK(copas_setlimits(two, 0, 5));
  CHECK_OK(copas_sendto(one, "0123456789", 10, &second));
  CHECK_OK(copas_sendto(one, "short", 5, &second));
  memset(&from, 0, sizeof from);
  CHECK_STATUS(copas_receivefrom(two, &datagram, &from), COPAS_TOO_LONG);
  CHECK_BYTES(datagram, "01234");
  CHECK(from.family == AF_INET && from.port == first.port);
  CHECK(strcmp(from.host, "127.0.0.1") == 0);
  memset(&info, 0, sizeof info);
  info.size = sizeof info;
  CHECK_OK(copas_error(c, &info));
  CHECK_STATUS(info.status, COPAS_TOO_LONG);
  CHECK(strstr(info.text, "10 bytes") != NULL);
  /* Lent as usual: they can be sent as they are. */
  CHECK_OK(copas_sendto(two, datagram.data, datagram.len, &from));
  CHECK_OK(copas_receivefrom(one, &datagram, NULL));
  CHECK_BYTES(datagram, "01234");
  CHECK_OK(copas_receivefrom(two, &datagram, NULL));
  CHECK_BYTES(datagram, "short");
  close_two();
}

static void a_receive_waits_and_ends_at_its_limit(void)
{
  open_two();
  CHECK_OK(copas_settimeout(two, 0.02));
  double start = net_seconds();
  CHECK_STATUS(copas_receivefrom(two, &datagram, NULL), COPAS_TIMEOUT);
  CHECK(net_seconds() - start >= 0.02);
  CHECK_OK(copas_settimeout(two, 0));
  CHECK_STATUS(copas_receivefrom(two, &datagram, NULL), COPAS_TIMEOUT);
  CHECK_OK(copas_sendto(one, "x", 1, &second));
  CHECK_OK(copas_receivefrom(two, &datagram, NULL));
  close_two();
}

struct receiver {
  copas_socket *skt;
  copas_status status;
  int done;
};

static void receive_one(void *user)
{
  struct receiver *receiver = user;
  copas_bytes bytes;
  receiver->status = copas_receivefrom(receiver->skt, &bytes, NULL);
  receiver->done = 1;
}

static void a_waiting_receiver_is_woken_by_data_close_and_cancellation(void)
{
  copas_thread *thread;
  open_two();
  CHECK_OK(copas_settimeout(two, COPAS_FOREVER));
  for (int how = 0; how < 3; how++) {
    struct receiver receiver = {two, COPAS_FAILED, 0};
    CHECK_OK(copas_addthread(c, receive_one, &receiver, &thread));
    net_settle(c);
    CHECK_STATUS(copas_receivefrom(two, &datagram, NULL), COPAS_BUSY);
    if (how == 0) CHECK_OK(copas_sendto(one, "x", 1, &second));
    if (how == 1) CHECK_OK(copas_removethread(thread));
    if (how == 2) CHECK_OK(copas_close(two));
    net_until(c, &receiver.done, 1);
    CHECK_STATUS(receiver.status,
                 how == 0 ? COPAS_OK : how == 1 ? COPAS_CANCELED : COPAS_CLOSED);
  }
  close_two();
}

static void a_connected_socket_sends_without_an_address(void)
{
  copas_socket *client;
  open_two();
  CHECK_OK(copas_connect_udp(c, "127.0.0.1", second.port, &client));
  CHECK_OK(copas_settimeout(client, 10));
  CHECK_OK(copas_send(client, "hello", 5));
  CHECK_OK(copas_receivefrom(two, &datagram, &from));
  CHECK_BYTES(datagram, "hello");
  CHECK_OK(copas_sendto(two, "answer", 6, &from));
  CHECK_OK(copas_receivefrom(client, &datagram, NULL));
  CHECK_BYTES(datagram, "answer");
  CHECK_OK(copas_flush(client));
  CHECK_OK(copas_close(two));
  CHECK_OK(copas_send(client, "nobody", 6));
  CHECK_STATUS(copas_receivefrom(client, &datagram, NULL), COPAS_REFUSED);
  CHECK_OK(copas_settimeout(client, 0));
  CHECK_STATUS(copas_receivefrom(client, &datagram, NULL), COPAS_TIMEOUT);
  close_two();
}

static void a_connected_socket_can_send_elsewhere_too(void)
{
  copas_socket *client;
  open_two();
  CHECK_OK(copas_connect_udp(c, "127.0.0.1", second.port, &client));
  CHECK_OK(copas_sendto(client, "aside", 5, &first));
  CHECK_OK(copas_sendto(client, "ahead", 5, NULL));
  CHECK_OK(copas_receivefrom(one, &datagram, NULL));
  CHECK_BYTES(datagram, "aside");
  CHECK_OK(copas_receivefrom(two, &datagram, NULL));
  CHECK_BYTES(datagram, "ahead");
  close_two();
}

static void an_unconnected_socket_needs_an_address(void)
{
  copas_error_info info;
  open_two();
  memset(&info, 0, sizeof info);
  info.size = sizeof info;
  CHECK_STATUS(copas_send(one, "x", 1), COPAS_SYSTEM);
  CHECK_OK(copas_error(c, &info));
  CHECK_NUMBER(info.sys_errno, EDESTADDRREQ);
  CHECK_STATUS(copas_sendto(one, "x", 1, NULL), COPAS_SYSTEM);
  CHECK_STATUS(copas_getpeername(one, &from), COPAS_CLOSED);
  close_two();
}

static void the_family_of_an_address_is_that_of_its_host(void)
{
  static const int families[] = {AF_INET6, AF_UNIX, AF_UNSPEC, 99};
  open_two();
  for (int i = 0; i < 4; i++) {
    from = second;
    from.family = families[i];
    if (from.family == AF_UNIX) strcpy(from.host, "");
    CHECK_STATUS(copas_sendto(one, "x", 1, &from), COPAS_INVALID);
  }
  from = second;
  strcpy(from.host, "::1");
  CHECK_STATUS(copas_sendto(one, "x", 1, &from), COPAS_INVALID);
  close_two();
}

static void what_is_for_streams_is_refused(void)
{
  copas_socket *stream;
  char memory[4];
  size_t n;
  open_two();
  CHECK_STATUS(copas_receive(one, COPAS_LINE, &datagram), COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_receive_some(one, &datagram), COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_receive_into(one, memory, 4, &n), COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_shut(one, COPAS_SHUT_SEND), COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_submit_receive(one, COPAS_LINE, 1, NULL, NULL), COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_submit_send(one, "x", 1, 0, 1, &n, NULL, NULL), COPAS_UNSUPPORTED);
  int peer = net_pair(c, &stream);
  CHECK_STATUS(copas_receivefrom(stream, &datagram, NULL), COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_sendto(stream, "x", 1, &first), COPAS_UNSUPPORTED);
  from = first;
  strcpy(from.host, "not numeric");
  CHECK_STATUS(copas_sendto(one, "x", 1, &from), COPAS_INVALID);
  memset(from.host, 'x', sizeof from.host);
  CHECK_STATUS(copas_sendto(one, "x", 1, &from), COPAS_INVALID);
  from = first;
  from.port = 0;
  CHECK_STATUS(copas_sendto(one, "x", 1, &from), COPAS_INVALID);
  close_two();
  close(peer);
}

static void a_descriptor_of_the_programs_own_can_be_wrapped(void)
{
  copas_socket *skt;
  open_two();
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  CHECK_OK(copas_wrap(c, fd, &skt));
  CHECK_OK(copas_sendto(skt, "wrapped", 7, &second));
  CHECK_OK(copas_receivefrom(two, &datagram, NULL));
  CHECK_BYTES(datagram, "wrapped");
  close_two();
}

static void an_ipv6_server_takes_ipv4_clients_too(void)
{
  copas_socket *server, *client;
  copas_address own;
  copas_bytes line;
  c = net_new(NULL);
  if (copas_bind(c, "::", 0, &server) != COPAS_OK) {
    SKIP("this machine has no IPv6");
    CHECK_OK(copas_free(c));
    return;
  }
  CHECK_OK(copas_getsockname(server, &own));
  CHECK_OK(copas_addserver(c, server, net_echo, NULL, COPAS_FOREVER));
  CHECK_OK(copas_connect(c, "127.0.0.1", own.port, 10, &client));
  CHECK_OK(copas_send(client, "dual\n", 5));
  CHECK_OK(copas_receive(client, COPAS_LINE, &line));
  CHECK_BYTES(line, "dual");
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(datagrams_keep_their_bounds_and_tell_their_sender);
  RUN(a_big_datagram_arrives_whole_and_a_bigger_one_is_refused);
  RUN(a_datagram_above_the_limit_is_cut);
  RUN(a_receive_waits_and_ends_at_its_limit);
  RUN(a_waiting_receiver_is_woken_by_data_close_and_cancellation);
  RUN(a_connected_socket_sends_without_an_address);
  RUN(a_connected_socket_can_send_elsewhere_too);
  RUN(an_unconnected_socket_needs_an_address);
  RUN(the_family_of_an_address_is_that_of_its_host);
  RUN(what_is_for_streams_is_refused);
  RUN(a_descriptor_of_the_programs_own_can_be_wrapped);
  RUN(an_ipv6_server_takes_ipv4_clients_too);
  return check_report();
}
