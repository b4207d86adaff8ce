/* SPDX-License-Identifier: MIT */
/* Datagrams for many: groups and broadcasts, over the loopback interface. */
#include "network.h"

#define GROUP "239.77.12.3"

static copas *c;

static int int_option(int fd, int level, int name)
{
  int value = -1;
  socklen_t len = sizeof value;
  CHECK(getsockopt(fd, level, name, &value, &len) == 0);
  return value;
}

/* A socket that shares `port` (0: a free one, which it gets) and receives from everywhere. */
static copas_socket *open_member(int *port)
{
  copas_socket *skt;
  copas_address own;
  copas_bind_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = COPAS_BIND_REUSEADDR;
  CHECK_OK(copas_bind_udp_with(c, "*", *port, &options, &skt));
  CHECK_OK(copas_getsockname(skt, &own));
  CHECK_OK(copas_settimeout(skt, 10));
  *port = own.port;
  return skt;
}

static copas_address address_of(const char *host, int port)
{
  copas_address address;
  memset(&address, 0, sizeof address);
  address.family = AF_INET;
  address.port = port;
  strcpy(address.host, host);
  return address;
}

static void options_reach_the_kernel(void)
{
  copas_socket *skt;
  c = net_new(NULL);
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  CHECK_OK(copas_wrap(c, fd, &skt));
  CHECK_OK(copas_setoption(skt, COPAS_BROADCAST, 1));
  CHECK_NUMBER(int_option(fd, SOL_SOCKET, SO_BROADCAST), 1);
  CHECK_OK(copas_setoption(skt, COPAS_MULTICAST_TTL, 3));
  CHECK_NUMBER(int_option(fd, IPPROTO_IP, IP_MULTICAST_TTL), 3);
  CHECK_OK(copas_setoption(skt, COPAS_MULTICAST_LOOP, 0));
  CHECK_NUMBER(int_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP), 0);
  CHECK_STATUS(copas_setoption(skt, COPAS_MULTICAST_TTL, 256), COPAS_INVALID);
  CHECK_STATUS(copas_joingroup(skt, "not numeric", NULL), COPAS_INVALID);
  CHECK_STATUS(copas_joingroup(skt, "239.1.2.3", "eth0"), COPAS_INVALID);
  CHECK_STATUS(copas_joingroup(skt, "127.0.0.1", "127.0.0.1"), COPAS_SYSTEM);
  CHECK_OK(copas_joingroup(skt, "239.1.2.3", "127.0.0.1"));
  CHECK_OK(copas_leavegroup(skt, "239.1.2.3", "127.0.0.1"));
  CHECK_STATUS(copas_leavegroup(skt, "239.1.2.3", "127.0.0.1"), COPAS_SYSTEM);
  CHECK_OK(copas_free(c));
}

static void options_of_an_ipv6_socket_are_for_both_families(void)
{
  copas_socket *skt;
  int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    SKIP("this machine has no IPv6");
    return;
  }
  c = net_new(NULL);
  CHECK_OK(copas_wrap(c, fd, &skt));
  CHECK_OK(copas_setoption(skt, COPAS_MULTICAST_TTL, 3));
  CHECK_NUMBER(int_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS), 3);
  CHECK_NUMBER(int_option(fd, IPPROTO_IP, IP_MULTICAST_TTL), 3);
  CHECK_OK(copas_setoption(skt, COPAS_MULTICAST_LOOP, 0));
  CHECK_NUMBER(int_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP), 0);
  CHECK_NUMBER(int_option(fd, IPPROTO_IP, IP_MULTICAST_LOOP), 0);
  CHECK_OK(copas_free(c));
}

static void each_member_of_a_group_gets_its_datagrams(void)
{
  copas_socket *members[2], *sender;
  copas_bytes datagram;
  copas_address from;
  int port = 0;
  c = net_new(NULL);
  for (int i = 0; i < 2; i++) {
    members[i] = open_member(&port);
    CHECK_OK(copas_joingroup(members[i], GROUP, "127.0.0.1"));
  }
  /* Its own address chooses the interface. */
  CHECK_OK(copas_bind_udp(c, "127.0.0.1", 0, &sender));
  copas_address to = address_of(GROUP, port);
  copas_status sent = copas_sendto(sender, "to the group", 12, &to);
  if (sent == COPAS_SYSTEM) {
    SKIP("the loopback interface takes no multicast");
    CHECK_OK(copas_free(c));
    return;
  }
  CHECK_OK(sent);
  for (int i = 0; i < 2; i++) {
    CHECK_OK(copas_receivefrom(members[i], &datagram, &from));
    CHECK_BYTES(datagram, "to the group");
    CHECK(strcmp(from.host, "127.0.0.1") == 0);
  }
  /* Who has left gets no more. */
  CHECK_OK(copas_setoption(sender, COPAS_MULTICAST_LOOP, 1));
  CHECK_OK(copas_leavegroup(members[0], GROUP, "127.0.0.1"));
  CHECK_OK(copas_leavegroup(members[1], GROUP, "127.0.0.1"));
  CHECK_OK(copas_sendto(sender, "to nobody", 9, &to));
  CHECK_OK(copas_settimeout(members[0], 0));
  CHECK_STATUS(copas_receivefrom(members[0], &datagram, NULL), COPAS_TIMEOUT);
  CHECK_OK(copas_free(c));
}

static void a_broadcast_reaches_all_and_has_to_be_allowed(void)
{
  copas_socket *listeners[2], *sender;
  copas_bytes datagram;
  int port = 0;
  c = net_new(NULL);
  listeners[0] = open_member(&port);
  listeners[1] = open_member(&port);
  CHECK_OK(copas_bind_udp(c, "127.0.0.1", 0, &sender));
  copas_address to = address_of("127.255.255.255", port);
  CHECK_STATUS(copas_sendto(sender, "to all", 6, &to), COPAS_SYSTEM);
  CHECK_OK(copas_setoption(sender, COPAS_BROADCAST, 1));
  copas_status sent = copas_sendto(sender, "to all", 6, &to);
  if (sent == COPAS_SYSTEM) {
    SKIP("the loopback interface takes no broadcasts");
    CHECK_OK(copas_free(c));
    return;
  }
  CHECK_OK(sent);
  for (int i = 0; i < 2; i++) {
    CHECK_OK(copas_receivefrom(listeners[i], &datagram, NULL));
    CHECK_BYTES(datagram, "to all");
  }
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(options_reach_the_kernel);
  RUN(options_of_an_ipv6_socket_are_for_both_families);
  RUN(each_member_of_a_group_gets_its_datagrams);
  RUN(a_broadcast_reaches_all_and_has_to_be_allowed);
  return check_report();
}
