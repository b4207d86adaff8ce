/* SPDX-License-Identifier: MIT */
/* What a server bears of its peers where their connections are encrypted. */
#include "tls.h"

#include <malloc.h>

enum { CLIENTS = 100 };

static copas *c;
static struct net_reports reports;
static copas_tls_context *server_context, *client_context;
static int port, met;

static void begin(size_t budget, copas_server_options options)
{
  copas_config config = {.size = sizeof config, .report = net_report, .report_user = &reports};
  config.memory_budget = budget;
  memset(&reports, 0, sizeof reports);
  c = copas_new(&config);
  CHECK(c != NULL);
  server_context = tls_server(c, "server");
  client_context = tls_client(c, "ca");
  options.size = sizeof options;
  options.tls = server_context;
  CHECK_OK(copas_addserver_with(c, net_bind(c, &port), net_echo, &options));
  met = 0;
}

static void end(void)
{
  CHECK_OK(copas_tls_context_release(server_context));
  CHECK_OK(copas_tls_context_release(client_context));
  CHECK_OK(copas_free(c));
}

static void meet_and_stay(void *user)
{
  copas_socket *skt;
  copas_bytes line;
  (void)user;
  CHECK_OK(tls_connect(c, client_context, port, "localhost", &skt));
  CHECK_OK(copas_send(skt, "hello\n", 6));
  CHECK_OK(copas_receive(skt, COPAS_LINE, &line));
  CHECK_BYTES(line, "hello");
  met++;
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &line), COPAS_CANCELED);
}

static void an_encrypted_connection_needs_no_more_than_it_is_counted_with(void)
{
  if (check_small()) {
    SKIP("these tools have an allocator of their own");
    return;
  }
  begin(0, (copas_server_options){0});
  CHECK_OK(copas_addthread(c, meet_and_stay, NULL, NULL));
  net_until(c, &met, 1);
  net_settle(c);
  size_t heap = mallinfo2().uordblks, counted = (size_t)net_stats(c).memory;
  for (int i = 0; i < CLIENTS; i++) CHECK_OK(copas_addthread(c, meet_and_stay, NULL, NULL));
  net_until(c, &met, CLIENTS + 1);
  net_settle(c);
  heap = mallinfo2().uordblks - heap;
  counted = (size_t)net_stats(c).memory - counted;
  printf("(%zu bytes for a connection, %zu counted) ", heap / CLIENTS / 2, counted / CLIENTS / 2);
  CHECK(heap <= counted && counted <= 4 * heap);
  end();
}

static void handshakes_that_stall_are_kept_within_the_budget(void)
{
  int fds[CLIENTS], open = 0;
  begin(1 << 20, (copas_server_options){.handshake_timeout = -1});
  for (int i = 0; i < CLIENTS; i++) {
    fds[i] = net_connect(port);
    net_settle(c);
    CHECK(net_stats(c).memory <= 1 << 20);
  }
  double last = net_seconds() + NET_PATIENCE;
  /* Who waits to be accepted has pushed the idlest out. */
  while (net_stats(c).evicted == 0) {
    net_step(c);
    CHECK(net_seconds() < last);
  }
  for (int i = 0; i < CLIENTS; i++) {
    open += net_quiet(fds[i]);
    close(fds[i]);
  }
  CHECK(open > 0 && open < CLIENTS);
  end();
}

static void a_client_that_says_nothing_after_its_handshake_is_cut_off(void)
{
  begin(0, (copas_server_options){.first_byte = 0.05});
  copas_socket *skt;
  copas_bytes bytes;
  CHECK_OK(tls_connect(c, client_context, port, "localhost", &skt));
  CHECK_OK(copas_settimeout(skt, NET_PATIENCE));
  copas_status status = copas_receive(skt, COPAS_LINE, &bytes);
  CHECK(status == COPAS_TRUNCATED || status == COPAS_CLOSED);
  CHECK(net_stats(c).late_first_byte == 1);
  CHECK_OK(copas_close(skt));
  end();
}

static void clients_in_their_handshake_count(void)
{
  begin(0, (copas_server_options){.max_connections = 2, .max_per_address = 2});
  int first = net_connect(port), second = net_connect(port);
  net_settle(c);
  int third = net_connect(port);
  net_settle(c);
  CHECK(net_stats(c).sockets == 3 && net_stats(c).accept_pauses == 1);
  close(first);
  while (net_stats(c).over_address + net_stats(c).accept_pauses < 2) net_step(c);
  close(second);
  close(third);
  net_settle(c);
  end();
}

/* Hands bytes on, a few at a time once `is_slow`. */
struct pump {
  copas_socket *from, *to;
  int may_be_slow;
};

static int is_slow;

static void hand_on(void *user)
{
  struct pump *pump = user;
  copas_bytes bytes;
  while (copas_receive_some(pump->from, &bytes) == COPAS_OK) {
    int slow = pump->may_be_slow && is_slow;
    size_t piece = slow ? 100 : bytes.len;
    for (size_t at = 0; at < bytes.len; at += piece) {
      size_t left = bytes.len - at;
      if (copas_send(pump->to, bytes.data + at, left < piece ? left : piece) != COPAS_OK) return;
      if (slow && copas_pause(c, 0.005, NULL) != COPAS_OK) return;
    }
  }
}

static void relay(copas_socket *client, void *user)
{
  copas_socket *server;
  (void)user;
  CHECK_OK(copas_connect(c, "127.0.0.1", port, NET_PATIENCE, &server));
  static struct pump up, down;
  up = (struct pump){client, server, 1};
  down = (struct pump){server, client, 0};
  CHECK_OK(copas_addthread(c, hand_on, &down, NULL));
  hand_on(&up);
  copas_close(server);
}

static void a_record_that_comes_in_pieces_is_no_silence(void)
{
  static char line[10001];
  copas_socket *skt;
  copas_bytes bytes;
  int relay_port;
  begin(0, (copas_server_options){.min_rate = 100, .rate_window = 0.1});
  net_serve(c, relay, NULL, &relay_port);
  CHECK_OK(tls_connect(c, client_context, relay_port, "localhost", &skt));
  CHECK_OK(copas_settimeout(skt, NET_PATIENCE));
  is_slow = 1;
  memset(line, 'x', sizeof line - 1);
  line[sizeof line - 1] = '\n';
  CHECK_OK(copas_send(skt, line, 5));
  CHECK_OK(copas_flush(skt));
  CHECK_OK(copas_send(skt, line + 5, sizeof line - 5));
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_NUMBER(bytes.len, sizeof line - 1);
  CHECK(net_stats(c).slow_senders == 0);
  is_slow = 0;
  CHECK_OK(copas_close(skt));
  end();
}

static void upgrade_and_echo(copas_socket *client, void *user)
{
  if (copas_starttls(client, server_context, NULL) == COPAS_OK) net_echo(client, user);
}

static void the_first_byte_is_waited_for_after_an_upgrade(void)
{
  copas_server_options options = {.size = sizeof options, .first_byte = 0.05};
  copas_socket *skt;
  copas_bytes bytes;
  begin(0, (copas_server_options){0});
  CHECK_OK(copas_addserver_with(c, net_bind(c, &port), upgrade_and_echo, &options));
  CHECK_OK(copas_wrap(c, net_connect(port), &skt));
  CHECK_OK(copas_settimeout(skt, NET_PATIENCE));
  /* The handshake has a limit of its own. */
  CHECK_OK(copas_pause(c, 0.2, NULL));
  CHECK(net_stats(c).late_first_byte == 0);
  CHECK_OK(copas_starttls(skt, client_context, "localhost"));
  copas_status status = copas_receive(skt, COPAS_LINE, &bytes);
  CHECK(status == COPAS_TRUNCATED || status == COPAS_CLOSED);
  CHECK(net_stats(c).late_first_byte == 1);
  CHECK_OK(copas_close(skt));
  end();
}

static void upgrade_when_asked(copas_socket *client, void *user)
{
  copas_bytes line;
  if (copas_receive(client, COPAS_LINE, &line) == COPAS_OK) upgrade_and_echo(client, user);
}

static void who_spoke_before_an_upgrade_has_spoken(void)
{
  copas_server_options options = {.size = sizeof options, .first_byte = 0.05};
  copas_socket *skt;
  copas_bytes bytes;
  begin(0, (copas_server_options){0});
  CHECK_OK(copas_addserver_with(c, net_bind(c, &port), upgrade_when_asked, &options));
  CHECK_OK(copas_wrap(c, net_connect(port), &skt));
  CHECK_OK(copas_settimeout(skt, NET_PATIENCE));
  CHECK_OK(copas_send(skt, "STARTTLS\n", 9));
  CHECK_OK(copas_starttls(skt, client_context, "localhost"));
  CHECK_OK(copas_pause(c, 0.2, NULL));
  CHECK_OK(copas_send(skt, "hello\n", 6));
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "hello");
  CHECK(net_stats(c).late_first_byte == 0);
  CHECK_OK(copas_close(skt));
  end();
}

int main(void)
{
  tls_begin();
  RUN(an_encrypted_connection_needs_no_more_than_it_is_counted_with);
  RUN(handshakes_that_stall_are_kept_within_the_budget);
  RUN(a_client_that_says_nothing_after_its_handshake_is_cut_off);
  RUN(clients_in_their_handshake_count);
  RUN(a_record_that_comes_in_pieces_is_no_silence);
  RUN(the_first_byte_is_waited_for_after_an_upgrade);
  RUN(who_spoke_before_an_upgrade_has_spoken);
  return check_report();
}
