/* SPDX-License-Identifier: MIT */
/* Servers: what happens to an accepted socket, to the listening one, to names and settings. */
#include "network.h"

static copas *c;
static struct net_reports reports;
static int port;

static void leave(int fd)
{
  CHECK(close(fd) == 0);
  CHECK_OK(copas_free(c));
}

static void greet(copas_socket *client, void *user)
{
  (void)user;
  copas_send(client, "hello", 5);
}

static void a_returning_handler_flushes_and_closes_its_socket(void)
{
  c = net_new(&reports);
  net_serve(c, greet, NULL, &port);
  int fd = net_connect(port);
  net_expect(c, fd, "hello");
  net_expect_end(c, fd);
  leave(fd);
}

static copas_socket *kept;

static void keep(copas_socket *client, void *user)
{
  (void)user;
  kept = client;
}

static void a_kept_socket_outlives_its_handler(void)
{
  copas_bytes line;
  copas_server_options options = {.size = sizeof options, .flags = COPAS_KEEP_OPEN};
  c = net_new(&reports);
  kept = NULL;
  CHECK_OK(copas_addserver_with(c, net_bind(c, &port), keep, &options));
  int fd = net_connect(port);
  net_puts(fd, "still there\n");
  while (kept == NULL) net_step(c);
  net_settle(c);
  CHECK_OK(copas_receive(kept, COPAS_LINE, &line));
  CHECK_BYTES(line, "still there");
  CHECK_OK(copas_close(kept));
  net_expect_end(c, fd);
  leave(fd);
}

/* A coroutine that waits for a line, and what came of it. */
struct reader {
  copas_socket *skt;
  copas_status status;
  char line[32];
  int started, ended;
};

static void wait_on(void *user)
{
  struct reader *reader = user;
  copas_bytes bytes;
  reader->started = 1;
  reader->status = copas_receive(reader->skt, COPAS_LINE, &bytes);
  snprintf(reader->line, sizeof reader->line, "%.*s", (int)bytes.len, bytes.data);
  reader->ended = 1;
}

static void start_a_reader_and_return(copas_socket *client, void *user)
{
  struct reader *reader = user;
  reader->skt = client;
  CHECK_OK(copas_addthread(copas_current(), wait_on, reader, NULL));
  while (!reader->started) CHECK_OK(copas_pause(copas_current(), 0, NULL));
}

static void the_automatic_close_wakes_another_reader(void)
{
  struct reader reader = {0};
  c = net_new(&reports);
  net_serve(c, start_a_reader_and_return, &reader, &port);
  int fd = net_connect(port);
  net_until(c, &reader.ended, 1);
  CHECK_STATUS(reader.status, COPAS_CLOSED);
  net_expect_end(c, fd);
  leave(fd);
}

static void a_removed_server_refuses_while_its_handlers_go_on(void)
{
  c = net_new(&reports);
  copas_socket *server = net_serve(c, net_echo, NULL, &port);
  int fd = net_connect(port);
  net_puts(fd, "one\n");
  net_expect(c, fd, "one\n");
  CHECK_OK(copas_removeserver(server, 0));
  CHECK_STATUS(copas_removeserver(server, 0), COPAS_STALE);
  CHECK(net_refused(port));
  net_puts(fd, "two\n");
  net_expect(c, fd, "two\n");
  CHECK_NUMBER(copas_finished(c), 0);
  close(fd);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
}

static void a_server_kept_open_can_be_added_again(void)
{
  c = net_new(&reports);
  copas_socket *server = net_serve(c, greet, NULL, &port);
  CHECK_STATUS(copas_addserver(c, server, greet, NULL, COPAS_FOREVER), COPAS_BUSY);
  net_settle(c);
  CHECK_OK(copas_removeserver(server, 1));
  CHECK_STATUS(copas_removeserver(server, 1), COPAS_INVALID);
  CHECK_NUMBER(copas_finished(c), 1);
  int fd = net_connect(port);
  net_settle(c);
  CHECK(net_quiet(fd));
  CHECK_OK(copas_addserver(c, server, net_echo, NULL, COPAS_FOREVER));
  net_puts(fd, "waited\n");
  net_expect(c, fd, "waited\n");
  leave(fd);
}

static void tell_names(copas_socket *client, void *user)
{
  char text[128];
  (void)user;
  int len = snprintf(text, sizeof text, "%s %s;", copas_getname(client),
                     copas_getname(copas_running()));
  copas_send(client, text, (size_t)len);
}

static void sockets_and_handlers_are_named_after_the_server(void)
{
  copas_server_options options = {.size = sizeof options, .name = "shop"};
  c = net_new(&reports);
  CHECK_OK(copas_addserver_with(c, net_bind(c, &port), tell_names, &options));
  int first = net_connect(port);
  net_expect(c, first, "shop:client_1 shop:handler_1;");
  int second = net_connect(port);
  net_expect(c, second, "shop:client_2 shop:handler_2;");
  close(first);
  leave(second);
}

static void a_server_without_a_name_is_named_after_its_address(void)
{
  char wanted[128];
  c = net_new(&reports);
  net_serve(c, tell_names, NULL, &port);
  int fd = net_connect(port);
  snprintf(wanted, sizeof wanted, "127.0.0.1:%d:client_1 127.0.0.1:%d:handler_1;", port, port);
  net_expect(c, fd, wanted);
  leave(fd);
}

static void tell_status(copas_socket *client, void *user)
{
  copas_bytes line;
  const char *name = copas_status_name(copas_receive(client, COPAS_LINE, &line));
  (void)user;
  copas_send(client, name, strlen(name));
}

static void accepted_sockets_inherit_the_time_limit(void)
{
  c = net_new(&reports);
  CHECK_OK(copas_addserver(c, net_bind(c, &port), tell_status, NULL, 0.02));
  /* The limit is of the connections, not of the waiting for them. */
  net_settle(c);
  CHECK_STATUS(copas_step(c, 0.05), COPAS_TIMEOUT);
  double start = net_seconds();
  int fd = net_connect(port);
  net_expect(c, fd, "COPAS_TIMEOUT");
  CHECK(net_seconds() - start >= 0.02);
  net_expect_end(c, fd);
  leave(fd);
}

static void accepted_sockets_inherit_the_line_limit(void)
{
  copas_server_options options = {.size = sizeof options, .line_limit = 10};
  c = net_new(&reports);
  CHECK_OK(copas_addserver_with(c, net_bind(c, &port), tell_status, &options));
  int fd = net_connect(port);
  net_puts(fd, "12345678901234567890\n");
  net_expect(c, fd, "COPAS_TOO_LONG");
  leave(fd);
}

static void limits_set_while_it_is_served_are_inherited(void)
{
  c = net_new(&reports);
  copas_socket *server = net_serve(c, tell_status, NULL, &port);
  CHECK_OK(copas_setlimits(server, 10, 0));
  int fd = net_connect(port);
  net_puts(fd, "12345678901234567890\n");
  net_expect(c, fd, "COPAS_TOO_LONG");
  close(fd);
  CHECK_OK(copas_settimeout(server, 0.02));
  fd = net_connect(port);
  net_expect(c, fd, "COPAS_TIMEOUT");
  leave(fd);
}

static void tell_keepalive(copas_socket *client, void *user)
{
  int fd, on = 0;
  socklen_t len = sizeof on;
  (void)user;
  CHECK_OK(copas_unwrap(client, &fd));
  CHECK(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &len) == 0);
  net_puts(fd, on ? "alive" : "plain");
  close(fd);
}

static void accepted_sockets_inherit_the_options(void)
{
  c = net_new(&reports);
  copas_socket *server = net_bind(c, &port);
  CHECK_OK(copas_setoption(server, COPAS_KEEPALIVE, 1));
  CHECK_OK(copas_addserver(c, server, tell_keepalive, NULL, COPAS_FOREVER));
  int fd = net_connect(port);
  net_expect(c, fd, "alive");
  close(fd);
  CHECK_OK(copas_free(c));
}

static void count_release(void *user)
{
  ++*(int *)user;
}

static copas_server_options releasing(int *released)
{
  *released = 0;
  return (copas_server_options){
      .size = sizeof(copas_server_options), .user = released, .user_free = count_release};
}

static void the_user_pointer_is_released_after_the_last_handler(void)
{
  int released;
  c = net_new(&reports);
  copas_server_options options = releasing(&released);
  copas_socket *server = net_bind(c, &port);
  CHECK_OK(copas_addserver_with(c, server, net_echo, &options));
  int fd = net_connect(port);
  net_puts(fd, "x\n");
  net_expect(c, fd, "x\n");
  CHECK_OK(copas_removeserver(server, 0));
  net_settle(c);
  CHECK_NUMBER(released, 0);
  close(fd);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(released, 1);
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(released, 1);
}

static void removal_or_the_end_of_the_dispatcher_releases_the_user_pointer(void)
{
  int released;
  c = net_new(&reports);
  copas_server_options options = releasing(&released);
  copas_socket *server = net_bind(c, &port);
  CHECK_OK(copas_addserver_with(c, server, greet, &options));
  int fd = net_connect(port);
  net_expect(c, fd, "hello");
  net_expect_end(c, fd);
  CHECK_NUMBER(released, 0);
  CHECK_OK(copas_removeserver(server, 1));
  net_settle(c);
  CHECK_NUMBER(released, 1);
  options = releasing(&released);
  CHECK_OK(copas_addserver_with(c, server, greet, &options));
  net_settle(c);
  CHECK_NUMBER(released, 0);
  leave(fd);
  CHECK_NUMBER(released, 1);
}

static void the_user_pointer_is_released_when_the_call_fails(void)
{
  int released;
  c = net_new(&reports);
  copas_socket *server = net_bind(c, &port);
  copas_server_options options = releasing(&released);
  CHECK_STATUS(copas_addserver_with(c, server, NULL, &options), COPAS_INVALID);
  CHECK_NUMBER(released, 1);
  CHECK_STATUS(copas_addserver_with(c, NULL, greet, &options), COPAS_INVALID);
  CHECK_NUMBER(released, 2);
  options.flags = UINT64_C(1) << 40;
  CHECK_STATUS(copas_addserver_with(c, server, greet, &options), COPAS_INVALID);
  CHECK_NUMBER(released, 3);
  options.flags = 0;
  options.stack_size = 7;
  CHECK_STATUS(copas_addserver_with(c, server, greet, &options), COPAS_INVALID);
  CHECK_NUMBER(released, 4);
  CHECK_OK(copas_free(c));
  CHECK_NUMBER(released, 4);
}

static void a_second_reader_is_told_that_the_socket_is_busy(void)
{
  struct reader first = {0}, second = {0};
  c = net_new(&reports);
  int peer = net_pair(c, &first.skt);
  second.skt = first.skt;
  CHECK_OK(copas_addthread(c, wait_on, &first, NULL));
  CHECK_OK(copas_addthread(c, wait_on, &second, NULL));
  net_until(c, &second.ended, 1);
  CHECK_STATUS(second.status, COPAS_BUSY);
  CHECK_NUMBER(first.ended, 0);
  net_puts(peer, "for the first\n");
  net_until(c, &first.ended, 1);
  CHECK_OK(first.status);
  CHECK(strcmp(first.line, "for the first") == 0);
  leave(peer);
}

static void wait_on_client(copas_socket *client, void *user)
{
  struct reader *reader = user;
  reader->skt = client;
  wait_on(reader);
}

static void close_it(void *user)
{
  struct reader *reader = user;
  CHECK_OK(copas_close(reader->skt));
}

static void a_close_by_another_coroutine_wakes_the_reader(void)
{
  struct reader reader = {0};
  c = net_new(&reports);
  net_serve(c, wait_on_client, &reader, &port);
  int fd = net_connect(port);
  net_until(c, &reader.started, 1);
  CHECK_NUMBER(reader.ended, 0);
  CHECK_OK(copas_addthread(c, close_it, &reader, NULL));
  net_until(c, &reader.ended, 1);
  CHECK_STATUS(reader.status, COPAS_CLOSED);
  net_expect_end(c, fd);
  CHECK_NUMBER(reports.count, 0);
  leave(fd);
}

enum { ANSWER = 100000 };
/* The kernel takes little at a time: much of the last answer is left when the handler returns. */
static void answer_big(copas_socket *client, void *user)
{
  static char block[ANSWER];
  copas_bytes line;
  (void)user;
  CHECK_OK(copas_setoption(client, COPAS_SEND_BUFFER, 4096));
  while (copas_receive(client, COPAS_LINE, &line) == COPAS_OK) {
    memset(block, line.data[0], sizeof block);
    CHECK_OK(copas_send(client, block, sizeof block));
  }
}

static void a_client_that_has_ended_its_side_gets_more_than_the_buffers_hold(void)
{
  enum { REQUESTS = 20 };
  char *got = net_allocate(ANSWER);
  c = net_new(&reports);
  net_serve(c, answer_big, NULL, &port);
  int fd = net_connect(port);
  for (int i = 0; i < REQUESTS; i++) net_put(fd, (char[]){(char)('!' + i), '\n'}, 2);
  CHECK(shutdown(fd, SHUT_WR) == 0);
  net_settle(c);
  for (int i = 0; i < REQUESTS; i++) {
    net_take(c, fd, got, ANSWER);
    for (int k = 0; k < ANSWER; k++) CHECK(got[k] == '!' + i);
  }
  net_expect_end(c, fd);
  free(got);
  leave(fd);
}

static void fail_on_request(copas_socket *client, void *user)
{
  copas_bytes line;
  copas_status status;
  (void)user;
  while ((status = copas_receive(client, COPAS_LINE, &line)) == COPAS_OK && line.len > 0)
    copas_send(client, "fine\n", 5);
  if (status == COPAS_OK) CHECK_OK(copas_fail(COPAS_FAILED, "an empty line"));
}

static void a_failing_handler_is_reported_and_only_its_own_socket_closes(void)
{
  c = net_new(&reports);
  net_serve(c, fail_on_request, NULL, &port);
  int bad = net_connect(port), good = net_connect(port);
  net_puts(good, "x\n");
  net_expect(c, good, "fine\n");
  net_puts(bad, "\n");
  net_expect_end(c, bad);
  CHECK_NUMBER(reports.count, 1);
  CHECK(net_reported(&reports, "an empty line"));
  CHECK(net_reported(&reports, ":handler_"));
  net_puts(good, "y\n");
  net_expect(c, good, "fine\n");
  close(bad);
  leave(good);
}

static struct {
  int count;
  copas_status status;
  char text[64];
} told;

static void apologise(copas_thread *thread, copas_socket *skt, int status, const char *text,
                      void *user)
{
  CHECK(thread == copas_running() && user == &told && skt != NULL);
  told.count++;
  told.status = (copas_status)status;
  snprintf(told.text, sizeof told.text, "%s", text);
  copas_send(skt, "sorry\n", 6);
}

static void the_error_handler_may_answer_the_client(void)
{
  c = net_new(&reports);
  memset(&told, 0, sizeof told);
  CHECK_OK(copas_seterrorhandler(c, apologise, &told, 1));
  net_serve(c, fail_on_request, NULL, &port);
  int fd = net_connect(port);
  net_puts(fd, "\n");
  net_expect(c, fd, "sorry\n");
  net_expect_end(c, fd);
  CHECK_NUMBER(told.count, 1);
  CHECK_STATUS(told.status, COPAS_FAILED);
  CHECK(strcmp(told.text, "an empty line") == 0);
  CHECK_NUMBER(reports.count, 0);
  leave(fd);
}

int main(void)
{
  RUN(a_returning_handler_flushes_and_closes_its_socket);
  RUN(a_kept_socket_outlives_its_handler);
  RUN(the_automatic_close_wakes_another_reader);
  RUN(a_removed_server_refuses_while_its_handlers_go_on);
  RUN(a_server_kept_open_can_be_added_again);
  RUN(sockets_and_handlers_are_named_after_the_server);
  RUN(a_server_without_a_name_is_named_after_its_address);
  RUN(accepted_sockets_inherit_the_time_limit);
  RUN(accepted_sockets_inherit_the_options);
  RUN(accepted_sockets_inherit_the_line_limit);
  RUN(the_user_pointer_is_released_after_the_last_handler);
  RUN(removal_or_the_end_of_the_dispatcher_releases_the_user_pointer);
  RUN(the_user_pointer_is_released_when_the_call_fails);
  RUN(a_second_reader_is_told_that_the_socket_is_busy);
  RUN(a_close_by_another_coroutine_wakes_the_reader);
  RUN(a_client_that_has_ended_its_side_gets_more_than_the_buffers_hold);
  RUN(a_failing_handler_is_reported_and_only_its_own_socket_closes);
  RUN(the_error_handler_may_answer_the_client);
  RUN(limits_set_while_it_is_served_are_inherited);
  return check_report();
}
