/* SPDX-License-Identifier: MIT */
/* Opening sockets on addresses: what has to be settled before, both families, names. */
#include "network.h"

#include <net/if.h>

static copas *c;
static copas_bind_options options;

static void open_all(void)
{
  c = net_new(NULL);
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
}

static void close_all(void)
{
  CHECK_OK(copas_free(c));
}

static int int_option(copas_socket *skt, int level, int name)
{
  int fd, value = -1;
  socklen_t len = sizeof value;
  CHECK_OK(copas_unwrap(skt, &fd));
  CHECK(getsockopt(fd, level, name, &value, &len) == 0);
  close(fd);
  return value;
}

static int has_ipv6(void)
{
  copas_socket *skt;
  if (copas_bind(c, "::1", 0, &skt) != COPAS_OK) {
    SKIP("this machine has no IPv6");
    return 0;
  }
  CHECK_OK(copas_close(skt));
  return 1;
}

static void bad_options_are_told(void)
{
  copas_socket *skt;
  open_all();
  options.flags = 1 << 10;
  CHECK_STATUS(copas_bind_with(c, NULL, 0, &options, &skt), COPAS_INVALID);
  CHECK_STATUS(copas_bind_udp_with(c, NULL, 0, &options, &skt), COPAS_INVALID);
  options.flags = 0;
  options.backlog = -1;
  CHECK_STATUS(copas_bind_with(c, NULL, 0, &options, &skt), COPAS_INVALID);
  options.backlog = 5;
  CHECK_STATUS(copas_bind_udp_with(c, NULL, 0, &options, &skt), COPAS_INVALID);
  options.size = 0;
  CHECK_STATUS(copas_bind_with(c, NULL, 0, &options, &skt), COPAS_INVALID);
  CHECK_STATUS(copas_bind_with(c, NULL, 0, NULL, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_bind_udp_with(NULL, NULL, 0, NULL, &skt), COPAS_INVALID);
  CHECK_OK(copas_bind_with(c, NULL, 0, NULL, &skt));
  CHECK_OK(copas_bind_udp_with(c, NULL, 0, NULL, &skt));
  close_all();
}

static void a_socket_can_be_for_ipv6_alone(void)
{
  copas_socket *skt;
  open_all();
  if (has_ipv6()) {
    for (int alone = 0; alone < 2; alone++) {
      options.flags = alone ? COPAS_BIND_V6ONLY : 0;
      CHECK_OK(copas_bind_with(c, "::", 0, &options, &skt));
      CHECK_NUMBER(int_option(skt, IPPROTO_IPV6, IPV6_V6ONLY), alone);
      CHECK_OK(copas_bind_udp_with(c, "::", 0, &options, &skt));
      CHECK_NUMBER(int_option(skt, IPPROTO_IPV6, IPV6_V6ONLY), alone);
    }
    CHECK_OK(copas_bind_with(c, "127.0.0.1", 0, &options, &skt));
  }
  close_all();
}

static void sockets_share_a_port_when_all_say_so(void)
{
  static const uint64_t flags[] = {COPAS_BIND_REUSEADDR, COPAS_BIND_REUSEPORT};
  copas_socket *skt;
  copas_address own;
  open_all();
  for (int i = 0; i < 2; i++) {
    options.flags = flags[i];
    CHECK_OK(copas_bind_udp_with(c, "127.0.0.1", 0, &options, &skt));
    CHECK_OK(copas_getsockname(skt, &own));
    CHECK_STATUS(copas_bind_udp(c, "127.0.0.1", own.port, &skt), COPAS_SYSTEM);
    CHECK_OK(copas_bind_udp_with(c, "127.0.0.1", own.port, &options, &skt));
  }
  CHECK_OK(copas_bind_with(c, "127.0.0.1", 0, &options, &skt));
  CHECK_OK(copas_getsockname(skt, &own));
  CHECK_STATUS(copas_bind(c, "127.0.0.1", own.port, &skt), COPAS_SYSTEM);
  CHECK_OK(copas_bind_with(c, "127.0.0.1", own.port, &options, &skt));
  close_all();
}

static void the_backlog_reaches_the_kernel(void)
{
  copas_socket *skt;
  struct tcp_info info;
  socklen_t len = sizeof info;
  int fd;
  open_all();
  options.backlog = 7;
  CHECK_OK(copas_bind_with(c, "127.0.0.1", 0, &options, &skt));
  CHECK_OK(copas_unwrap(skt, &fd));
  CHECK(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0);
  /* Of a listening socket: the longest queue. */
  CHECK_NUMBER(info.tcpi_sacked, 7);
  close(fd);
  close_all();
}

static void datagrams_travel_over_ipv6(void)
{
  copas_socket *one, *two;
  copas_address to, from;
  copas_bytes datagram;
  open_all();
  if (has_ipv6()) {
    CHECK_OK(copas_bind_udp(c, "::1", 0, &one));
    CHECK_OK(copas_getsockname(one, &to));
    CHECK(to.family == AF_INET6 && strcmp(to.host, "::1") == 0);
    CHECK_OK(copas_connect_udp(c, "::1", to.port, &two));
    CHECK_OK(copas_settimeout(one, 10));
    CHECK_OK(copas_settimeout(two, 10));
    CHECK_OK(copas_send(two, "six", 3));
    CHECK_OK(copas_receivefrom(one, &datagram, &from));
    CHECK_BYTES(datagram, "six");
    CHECK(from.family == AF_INET6 && strcmp(from.host, "::1") == 0);
    CHECK_OK(copas_sendto(one, "seven", 5, &from));
    CHECK_OK(copas_receivefrom(two, &datagram, NULL));
    CHECK_BYTES(datagram, "seven");
  }
  close_all();
}

static void a_dual_stack_socket_talks_to_both_families(void)
{
  copas_socket *dual, *four;
  copas_address to, from;
  copas_bytes datagram;
  open_all();
  if (has_ipv6()) {
    CHECK_OK(copas_bind_udp(c, "::", 0, &dual));
    CHECK_OK(copas_bind_udp(c, "127.0.0.1", 0, &four));
    CHECK_OK(copas_settimeout(dual, 10));
    CHECK_OK(copas_settimeout(four, 10));
    CHECK_OK(copas_getsockname(dual, &to));
    CHECK_OK(copas_getsockname(four, &from));
    from.port = to.port;
    CHECK_OK(copas_sendto(four, "from four", 9, &from));
    CHECK_OK(copas_receivefrom(dual, &datagram, &from));
    CHECK_BYTES(datagram, "from four");
    CHECK(from.family == AF_INET6 && strcmp(from.host, "::ffff:127.0.0.1") == 0);
    CHECK_OK(copas_sendto(dual, "back", 4, &from));
    CHECK_OK(copas_receivefrom(four, &datagram, NULL));
    CHECK_BYTES(datagram, "back");
  }
  close_all();
}

static void names_are_resolved(void)
{
  copas_socket *one, *two;
  copas_address to, from;
  copas_bytes datagram;
  open_all();
  CHECK_OK(copas_bind_udp(c, "localhost", 0, &one));
  CHECK_OK(copas_getsockname(one, &to));
  CHECK(to.port != 0);
  if (copas_connect_udp(c, "localhost", to.port, &two) != COPAS_OK)
    CHECK_FAIL("localhost cannot be connected to");
  CHECK_OK(copas_settimeout(one, 10));
  CHECK_OK(copas_send(two, "by name", 7));
  CHECK_OK(copas_receivefrom(one, &datagram, &from));
  CHECK_BYTES(datagram, "by name");
  close_all();
}

static void an_interface_belongs_to_a_link_local_address(void)
{
  copas_socket *skt;
  copas_address own;
  copas_bytes datagram;
  char host[64];
  open_all();
  CHECK_STATUS(copas_bind_udp(c, "fe80::1%no-such-interface", 0, &skt), COPAS_INVALID);
  if (has_ipv6()) {
    /* A group of the link: it cannot be sent to without the interface. */
    CHECK_OK(copas_bind_udp(c, "ff02::7777%lo", 0, &skt));
    CHECK_OK(copas_getsockname(skt, &own));
    snprintf(host, sizeof host, "ff02::7777%%%u", if_nametoindex("lo"));
    CHECK(strcmp(own.host, host) == 0);
    CHECK_OK(copas_joingroup(skt, "ff02::7777", host + strlen("ff02::7777%")));
    CHECK_OK(copas_settimeout(skt, 10));
    CHECK_OK(copas_setoption(skt, COPAS_MULTICAST_LOOP, 1));
    copas_status sent = copas_sendto(skt, "scoped", 6, &own);
    if (sent == COPAS_SYSTEM) {
      SKIP("the loopback interface takes no IPv6 multicast");
    } else {
      CHECK_OK(sent);
      CHECK_OK(copas_receivefrom(skt, &datagram, NULL));
      CHECK_BYTES(datagram, "scoped");
    }
  }
  close_all();
}

int main(void)
{
  RUN(bad_options_are_told);
  RUN(a_socket_can_be_for_ipv6_alone);
  RUN(sockets_share_a_port_when_all_say_so);
  RUN(the_backlog_reaches_the_kernel);
  RUN(datagrams_travel_over_ipv6);
  RUN(a_dual_stack_socket_talks_to_both_families);
  RUN(names_are_resolved);
  RUN(an_interface_belongs_to_a_link_local_address);
  return check_report();
}
