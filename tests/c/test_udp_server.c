/* SPDX-License-Identifier: MIT */
/* Served datagram sockets: one handler for all that comes, stopped and counted as other servers are. */
#include "network.h"

static copas *c;
static copas_socket *server, *client;
static copas_address to;
static copas_bytes datagram;

struct seen {
  int started, echoed, ended;
  copas_status status;
};

static void echo(copas_socket *skt, void *user)
{
  struct seen *seen = user;
  copas_bytes bytes;
  copas_address sender;
  CHECK(skt == server);
  seen->started++;
  while ((seen->status = copas_receivefrom(skt, &bytes, &sender)) == COPAS_OK) {
    if (bytes.len == 0) break;
    CHECK_OK(copas_sendto(skt, bytes.data, bytes.len, &sender));
    seen->echoed++;
  }
  seen->ended++;
}

static void open_both(void)
{
  c = net_new(NULL);
  CHECK_OK(copas_bind_udp(c, "127.0.0.1", 0, &server));
  CHECK_OK(copas_bind_udp(c, "127.0.0.1", 0, &client));
  CHECK_OK(copas_getsockname(server, &to));
  CHECK_OK(copas_settimeout(client, 10));
}

static void close_both(void)
{
  CHECK_OK(copas_free(c));
}

static void ping(void)
{
  CHECK_OK(copas_sendto(client, "ping", 4, &to));
  CHECK_OK(copas_receivefrom(client, &datagram, NULL));
  CHECK_BYTES(datagram, "ping");
}

static unsigned long long servers(void)
{
  copas_dispatcher_stats stats;
  memset(&stats, 0, sizeof stats);
  stats.size = sizeof stats;
  CHECK_OK(copas_stats(c, &stats));
  return stats.servers;
}

static void a_server_has_one_handler_for_all(void)
{
  struct seen seen = {0};
  open_both();
  CHECK_OK(copas_addserver(c, server, echo, &seen, COPAS_FOREVER));
  for (int i = 0; i < 20; i++) ping();
  CHECK_OK(copas_sendto(client, "", 0, &to));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(seen.echoed, 20);
  CHECK_NUMBER(seen.started, 1);
  CHECK_NUMBER(servers(), 0);
  CHECK_STATUS(copas_close(server), COPAS_STALE);
  close_both();
}

static void a_served_socket_is_busy_and_counted(void)
{
  struct seen seen = {0};
  int fd;
  open_both();
  CHECK_NUMBER(servers(), 0);
  CHECK_OK(copas_addserver(c, server, echo, &seen, COPAS_FOREVER));
  CHECK_NUMBER(servers(), 1);
  CHECK_STATUS(copas_addserver(c, server, echo, &seen, COPAS_FOREVER), COPAS_BUSY);
  ping();
  CHECK_NUMBER(servers(), 1);
  CHECK_STATUS(copas_addserver(c, server, echo, &seen, COPAS_FOREVER), COPAS_BUSY);
  CHECK_STATUS(copas_unwrap(server, &fd), COPAS_BUSY);
  CHECK_NUMBER(seen.started, 1);
  close_both();
}

static void removing_a_server_closes_its_socket(void)
{
  struct seen seen = {0};
  open_both();
  CHECK_STATUS(copas_removeserver(server, 0), COPAS_INVALID);
  CHECK_OK(copas_addserver(c, server, echo, &seen, COPAS_FOREVER));
  ping();
  CHECK_OK(copas_removeserver(server, 0));
  CHECK_NUMBER(servers(), 0);
  net_until(c, &seen.ended, 1);
  CHECK_STATUS(seen.status, COPAS_CLOSED);
  CHECK_STATUS(copas_close(server), COPAS_STALE);
  close_both();
}

static void a_server_that_is_removed_can_keep_its_socket(void)
{
  struct seen first = {0}, second = {0};
  open_both();
  CHECK_OK(copas_addserver(c, server, echo, &first, COPAS_FOREVER));
  ping();
  CHECK_OK(copas_removeserver(server, 1));
  CHECK_NUMBER(servers(), 0);
  /* The handler goes on, and its end closes nothing. */
  ping();
  CHECK_NUMBER(first.echoed, 2);
  CHECK_OK(copas_sendto(client, "", 0, &to));
  net_until(c, &first.ended, 1);
  CHECK_STATUS(copas_removeserver(server, 1), COPAS_INVALID);
  CHECK_OK(copas_addserver(c, server, echo, &second, COPAS_FOREVER));
  ping();
  CHECK_NUMBER(second.echoed, 1);
  CHECK_NUMBER(servers(), 1);
  close_both();
}

static copas_thread *sleeper;

static void sleep_until_woken(copas_socket *skt, void *user)
{
  struct seen *seen = user;
  (void)skt;
  sleeper = copas_running();
  CHECK_OK(copas_pauseforever(c));
  seen->ended++;
}

static int freed;

static void count_free(void *user)
{
  (void)user;
  freed++;
}

static void a_former_handler_does_not_end_the_next_server(void)
{
  struct seen first = {0}, second = {0};
  copas_server_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.user = &first;
  options.user_free = count_free;
  freed = 0;
  open_both();
  CHECK_OK(copas_addserver_with(c, server, sleep_until_woken, &options));
  net_settle(c);
  CHECK_OK(copas_removeserver(server, 1));
  CHECK_OK(copas_addserver(c, server, echo, &second, COPAS_FOREVER));
  ping();
  CHECK_NUMBER(freed, 0);
  CHECK_NUMBER(copas_wakeup(sleeper), 1);
  net_until(c, &first.ended, 1);
  CHECK_NUMBER(freed, 1);
  CHECK_NUMBER(servers(), 1);
  ping();
  CHECK_NUMBER(second.echoed, 2);
  close_both();
}

static void a_server_with_keep_open_leaves_its_socket_open(void)
{
  struct seen seen = {0};
  copas_server_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = COPAS_KEEP_OPEN;
  options.user = &seen;
  open_both();
  for (int i = 1; i <= 2; i++) {
    CHECK_OK(copas_addserver_with(c, server, echo, &options));
    ping();
    CHECK_OK(copas_sendto(client, "", 0, &to));
    CHECK_OK(copas_loop(c, COPAS_FOREVER));
    CHECK_NUMBER(seen.ended, i);
    CHECK_NUMBER(servers(), 0);
  }
  CHECK_OK(copas_close(server));
  close_both();
}

static void a_shutdown_stops_it(void)
{
  struct seen seen = {0};
  open_both();
  CHECK_OK(copas_addserver(c, server, echo, &seen, COPAS_FOREVER));
  ping();
  CHECK_OK(copas_shutdown(c, 30));
  double start = net_seconds();
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(net_seconds() - start < 20);
  CHECK_STATUS(seen.status, COPAS_CLOSED);
  CHECK_STATUS(copas_close(server), COPAS_STALE);
  close_both();
}

static char handler_name[64];

static void note_name(copas_socket *skt, void *user)
{
  (void)skt;
  (void)user;
  snprintf(handler_name, sizeof handler_name, "%s", copas_getname(copas_running()));
}

static void its_name_is_that_of_its_socket(void)
{
  copas_server_options options;
  copas_socket *listener;
  int port;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.name = "dns";
  open_both();
  CHECK_OK(copas_addserver_with(c, server, note_name, &options));
  CHECK(strcmp(copas_getname(server), "dns") == 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(strcmp(handler_name, "dns:handler_1") == 0);
  listener = net_bind(c, &port);
  CHECK_OK(copas_addserver_with(c, listener, note_name, &options));
  CHECK(strcmp(copas_getname(listener), "dns") == 0);
  close_both();
}

static int stop;

static void flood(void *user)
{
  copas_bytes bytes;
  long *received = user;
  while (!stop) {
    CHECK_OK(copas_sendto(client, "x", 1, &to));
    CHECK_OK(copas_receivefrom(server, &bytes, NULL));
    ++*received;
  }
}

static void sleep_often(void *user)
{
  for (int i = 0; i < 20; i++) CHECK_OK(copas_pause(c, 0.001, NULL));
  stop = 1;
  (void)user;
}

static void a_flood_of_datagrams_does_not_hold_a_sleeper_up(void)
{
  long received = 0;
  stop = 0;
  open_both();
  CHECK_OK(copas_addthread(c, flood, &received, NULL));
  CHECK_OK(copas_addthread(c, sleep_often, NULL, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(received > 20);
  close_both();
}

int main(void)
{
  RUN(a_server_has_one_handler_for_all);
  RUN(a_served_socket_is_busy_and_counted);
  RUN(removing_a_server_closes_its_socket);
  RUN(a_server_that_is_removed_can_keep_its_socket);
  RUN(a_former_handler_does_not_end_the_next_server);
  RUN(a_server_with_keep_open_leaves_its_socket_open);
  RUN(a_shutdown_stops_it);
  RUN(its_name_is_that_of_its_socket);
  RUN(a_flood_of_datagrams_does_not_hold_a_sleeper_up);
  return check_report();
}
