/* SPDX-License-Identifier: MIT */
/* Servers: what happens to an accepted socket, to the listening one, to names and settings. */
#include "network.h"

static copas *c;
static struct net_reports reports;
static int port;

static void open_all(void)
{
  c = net_new(&reports);
}

static void close_all(void)
{
  CHECK_OK(copas_free(c));
}

static void greet(copas_socket *client, void *user)
{
  (void)user;
  copas_send(client, "hello", 5);
}

static void a_returning_handler_flushes_and_closes_its_socket(void)
{
  open_all();
  net_serve(c, greet, NULL, &port);
  int fd = net_connect(port);
  net_expect(c, fd, "hello");
  net_expect_end(c, fd);
  close(fd);
  close_all();
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
  copas_server_options options;
  open_all();
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = COPAS_KEEP_OPEN;
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
  close(fd);
  close_all();
}

struct helper {
  copas_socket *skt;
  copas_status status;
  int started;
  int ended;
};

static void wait_on(void *user)
{
  struct helper *helper = user;
  copas_bytes bytes;
  helper->started = 1;
  helper->status = copas_receive(helper->skt, COPAS_LINE, &bytes);
  helper->ended = 1;
}

static void start_a_reader_and_return(copas_socket *client, void *user)
{
  struct helper *helper = user;
  helper->skt = client;
  CHECK_OK(copas_addthread(copas_current(), wait_on, helper, NULL));
  while (!helper->started) CHECK_OK(copas_pause(copas_current(), 0, NULL));
}

static void the_automatic_close_wakes_another_reader(void)
{
  struct helper helper = {NULL, COPAS_OK, 0, 0};
  open_all();
  net_serve(c, start_a_reader_and_return, &helper, &port);
  int fd = net_connect(port);
  net_until(c, &helper.ended, 1);
  CHECK_STATUS(helper.status, COPAS_CLOSED);
  close(fd);
  close_all();
}

static void a_removed_server_refuses_while_its_handlers_go_on(void)
{
  open_all();
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
  close_all();
}

static void a_server_kept_open_can_be_added_again(void)
{
  open_all();
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
  close(fd);
  close_all();
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
  copas_server_options options;
  open_all();
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.name = "shop";
  CHECK_OK(copas_addserver_with(c, net_bind(c, &port), tell_names, &options));
  int first = net_connect(port);
  net_expect(c, first, "shop:client_1 shop:handler_1;");
  int second = net_connect(port);
  net_expect(c, second, "shop:client_2 shop:handler_2;");
  close(first);
  close(second);
  close_all();
}

static void a_server_without_a_name_is_named_after_its_address(void)
{
  char wanted[128];
  open_all();
  net_serve(c, tell_names, NULL, &port);
  int fd = net_connect(port);
  snprintf(wanted, sizeof wanted, "127.0.0.1:%d:client_1 127.0.0.1:%d:handler_1;", port, port);
  net_expect(c, fd, wanted);
  close(fd);
  close_all();
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
  open_all();
  copas_socket *server = net_bind(c, &port);
  CHECK_OK(copas_addserver(c, server, tell_status, NULL, 0.02));
  /* The limit is of the connections, not of the waiting for them. */
  CHECK_STATUS(copas_step(c, 0), COPAS_OK);
  net_settle(c);
  CHECK_STATUS(copas_step(c, 0.05), COPAS_TIMEOUT);
  int fd = net_connect(port);
  net_expect(c, fd, "COPAS_TIMEOUT");
  net_expect_end(c, fd);
  close(fd);
  close_all();
}

static void accepted_sockets_inherit_the_line_limit(void)
{
  copas_server_options options;
  open_all();
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.line_limit = 10;
  CHECK_OK(copas_addserver_with(c, net_bind(c, &port), tell_status, &options));
  int fd = net_connect(port);
  net_puts(fd, "12345678901234567890\n");
  net_expect(c, fd, "COPAS_TOO_LONG");
  close(fd);
  close_all();
}

static void count_release(void *user)
{
  ++*(int *)user;
}

static copas_server_options releasing(int *released)
{
  copas_server_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.user = released;
  options.user_free = count_release;
  *released = 0;
  return options;
}

static void the_user_pointer_is_released_after_the_last_handler(void)
{
  int released;
  open_all();
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
  close_all();
  CHECK_NUMBER(released, 1);
}

static void the_user_pointer_is_released_when_the_call_fails(void)
{
  int released;
  open_all();
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
  close_all();
  CHECK_NUMBER(released, 4);
}

struct pair {
  copas_socket *skt;
  copas_status first, second;
  int done;
};

static void receive_second(void *user)
{
  struct pair *pair = user;
  copas_bytes line;
  pair->second = copas_receive(pair->skt, COPAS_LINE, &line);
  pair->done++;
}

static void receive_first(void *user)
{
  struct pair *pair = user;
  copas_bytes line;
  pair->first = copas_receive(pair->skt, COPAS_LINE, &line);
  CHECK_BYTES(line, "for the first");
  pair->done++;
}

static void a_second_reader_is_told_that_the_socket_is_busy(void)
{
  struct pair pair;
  memset(&pair, 0, sizeof pair);
  open_all();
  int peer = net_pair(c, &pair.skt);
  CHECK_OK(copas_addthread(c, receive_first, &pair, NULL));
  CHECK_OK(copas_addthread(c, receive_second, &pair, NULL));
  net_until(c, &pair.done, 1);
  CHECK_STATUS(pair.second, COPAS_BUSY);
  net_puts(peer, "for the first\n");
  net_until(c, &pair.done, 2);
  CHECK_OK(pair.first);
  close(peer);
  close_all();
}

static void a_close_from_elsewhere_wakes_the_reader(void)
{
  struct helper helper = {NULL, COPAS_OK, 0, 0};
  open_all();
  int peer = net_pair(c, &helper.skt);
  CHECK_OK(copas_addthread(c, wait_on, &helper, NULL));
  net_settle(c);
  CHECK_OK(copas_close(helper.skt));
  net_until(c, &helper.ended, 1);
  CHECK_STATUS(helper.status, COPAS_CLOSED);
  net_expect_end(c, peer);
  close(peer);
  close_all();
}

static void a_client_that_has_ended_its_side_gets_all_answers(void)
{
  char wanted[600] = "";
  open_all();
  net_serve(c, net_echo, NULL, &port);
  int fd = net_connect(port);
  for (int i = 0; i < 100; i++) strcat(wanted, "line\n");
  net_puts(fd, wanted);
  CHECK(shutdown(fd, SHUT_WR) == 0);
  net_expect(c, fd, wanted);
  net_expect_end(c, fd);
  close(fd);
  close_all();
}

static void fail_on_request(copas_socket *client, void *user)
{
  copas_bytes line;
  (void)user;
  while (copas_receive(client, COPAS_LINE, &line) == COPAS_OK) {
    if (line.len == 0) {
      copas_fail(COPAS_FAILED, "an empty line");
      return;
    }
    copas_send(client, "fine\n", 5);
  }
}

static void a_failing_handler_is_reported_and_only_its_own_socket_closes(void)
{
  open_all();
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
  close(good);
  close_all();
}

static struct {
  int count;
  copas_status status;
  char text[64];
} told;

static void apologise(copas_thread *thread, copas_socket *skt, int status, const char *text,
                      void *user)
{
  CHECK(thread == copas_running());
  CHECK(user == &told);
  told.count++;
  told.status = (copas_status)status;
  snprintf(told.text, sizeof told.text, "%s", text);
  if (skt != NULL) copas_send(skt, "sorry\n", 6);
}

static void the_error_handler_may_answer_the_client(void)
{
  open_all();
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
  close(fd);
  close_all();
}

static void clients_that_come_and_go_leave_nothing_behind(void)
{
  int rounds = check_small() ? 50 : 1000;
  open_all();
  net_serve(c, net_echo, NULL, &port);
  for (int i = 0; i < rounds; i++) {
    int fd = net_connect(port);
    net_puts(fd, "quick\n");
    if (i % 3 != 0) net_expect(c, fd, "quick\n");
    if (i % 5 == 0) net_reset(fd);
    else close(fd);
  }
  net_settle(c);
  int last = net_connect(port);
  /* Descriptors are given out lowest first: a leak would show. */
  CHECK(last < 20);
  close(last);
  close_all();
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
  RUN(accepted_sockets_inherit_the_line_limit);
  RUN(the_user_pointer_is_released_after_the_last_handler);
  RUN(the_user_pointer_is_released_when_the_call_fails);
  RUN(a_second_reader_is_told_that_the_socket_is_busy);
  RUN(a_close_from_elsewhere_wakes_the_reader);
  RUN(a_client_that_has_ended_its_side_gets_all_answers);
  RUN(a_failing_handler_is_reported_and_only_its_own_socket_closes);
  RUN(the_error_handler_may_answer_the_client);
  RUN(clients_that_come_and_go_leave_nothing_behind);
  return check_report();
}
