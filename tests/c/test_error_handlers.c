/* SPDX-License-Identifier: MIT */
/* Error handlers: who is told of a failed coroutine, and what a report says when nobody is. */
#include "network.h"

static copas *c;
static struct net_reports reports;

/* What one error handler was told. */
struct told {
  int count;
  int status;
  char text[64];
  char thread[64];
  char socket[64];
  copas_socket *handle;
};

static struct told own, general;

static void keep_name(char *place, void *handle)
{
  const char *name = copas_getname(handle);
  snprintf(place, 64, "%s", name == NULL ? "none" : name);
}

static void note(copas_thread *thread, copas_socket *skt, int status, const char *text, void *user)
{
  struct told *told = user;
  CHECK(thread == copas_running());
  told->count++;
  told->status = status;
  told->handle = skt;
  snprintf(told->text, sizeof told->text, "%s", text);
  keep_name(told->thread, thread);
  keep_name(told->socket, skt);
}

static void begin(void)
{
  memset(&own, 0, sizeof own);
  memset(&general, 0, sizeof general);
  c = net_new(&reports);
}

static void end(void)
{
  CHECK_OK(copas_free(c));
}

static void run(const char *name, copas_thread_fn fn)
{
  copas_thread_options options = {.size = sizeof options, .name = name};
  CHECK_OK(copas_addthread_with(c, fn, &options, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
}

static void fail(void *user)
{
  (void)user;
  CHECK_OK(copas_fail(-2000, "broken"));
}

static void fail_with_a_handler(void *user)
{
  CHECK_OK(copas_seterrorhandler(c, note, &own, 0));
  fail(user);
}

static void fail_without_the_handler_again(void *user)
{
  CHECK_OK(copas_seterrorhandler(c, note, &own, 0));
  CHECK_OK(copas_seterrorhandler(c, NULL, NULL, 0));
  fail(user);
}

static void a_coroutines_own_handler_is_told_instead_of_the_default(void)
{
  begin();
  CHECK_OK(copas_seterrorhandler(c, note, &general, 1));
  run("first", fail_with_a_handler);
  CHECK(own.count == 1 && general.count == 0 && reports.count == 0);
  CHECK(own.status == -2000 && own.handle == NULL);
  CHECK(strcmp(own.text, "broken") == 0 && strcmp(own.thread, "first") == 0);
  /* It was that coroutine's alone. */
  run("second", fail);
  CHECK(own.count == 1 && general.count == 1 && reports.count == 0);
  CHECK(strcmp(general.thread, "second") == 0);
  end();
}

static void null_takes_a_handler_away(void)
{
  begin();
  CHECK_OK(copas_seterrorhandler(c, note, &general, 1));
  run("first", fail_without_the_handler_again);
  CHECK(own.count == 0 && general.count == 1 && reports.count == 0);
  CHECK_OK(copas_seterrorhandler(c, NULL, NULL, 1));
  run("second", fail);
  CHECK(own.count == 0 && general.count == 1);
  CHECK_NUMBER(reports.count, 1);
  end();
}

static void return_well(void *user)
{
  (void)user;
  CHECK_OK(copas_seterrorhandler(c, note, &own, 0));
}

static void a_coroutine_that_returns_well_is_told_to_nobody(void)
{
  begin();
  CHECK_OK(copas_seterrorhandler(c, note, &general, 1));
  run("fine", return_well);
  CHECK(own.count == 0 && general.count == 0 && reports.count == 0);
  CHECK_STATUS(copas_seterrorhandler(c, note, &own, 0), COPAS_INVALID);
  end();
}

static void fail_in_the_handler(copas_thread *thread, copas_socket *skt, int status,
                                const char *text, void *user)
{
  note(thread, skt, status, text, user);
  CHECK_OK(copas_fail(COPAS_FAILED, "broken too"));
}

static int went_on;

static void go_on(void *user)
{
  (void)user;
  CHECK_OK(copas_pause(c, 0.001, NULL));
  went_on++;
}

static void an_error_inside_an_error_handler_is_reported_and_ignored(void)
{
  begin();
  went_on = 0;
  CHECK_OK(copas_seterrorhandler(c, fail_in_the_handler, &general, 1));
  CHECK_OK(copas_addthread(c, go_on, NULL, NULL));
  run("worker", fail);
  CHECK(general.count == 1 && went_on == 1);
  CHECK_NUMBER(reports.count, 1);
  CHECK(net_reported(&reports, "worker failed in its error handler: broken too (COPAS_FAILED)"));
  end();
}

static void a_report_names_the_coroutine_and_what_is_wrong(void)
{
  begin();
  run("worker", fail);
  CHECK_NUMBER(reports.count, 1);
  CHECK(strcmp(reports.texts[0], "worker failed: broken (-2000)") == 0);
  end();
}

static void fail_on_a_line(copas_socket *client, void *user)
{
  copas_bytes line;
  if (copas_receive(client, COPAS_LINE, &line) != COPAS_OK) return;
  if (line.len > 0) CHECK_OK(copas_setname(client, "renamed"));
  if (user != NULL) CHECK_OK(copas_close(client));
  fail(NULL);
}

/* A server named "web" whose one client has sent `line`, until that is closed. */
static void serve_one(const char *line, void *user)
{
  int port;
  copas_socket *server = net_bind(c, &port);
  copas_server_options options = {.size = sizeof options, .name = "web", .user = user};
  CHECK_OK(copas_addserver_with(c, server, fail_on_a_line, &options));
  int fd = net_connect(port);
  net_puts(fd, line);
  net_expect_end(c, fd);
  close(fd);
}

static void a_handler_is_told_the_names_of_coroutine_and_socket(void)
{
  begin();
  CHECK_OK(copas_seterrorhandler(c, note, &general, 1));
  serve_one("\n", NULL);
  CHECK(general.count == 1 && general.handle != NULL && reports.count == 0);
  CHECK(strcmp(general.thread, "web:handler_1") == 0);
  CHECK(strcmp(general.socket, "web:client_1") == 0);
  end();
}

static void a_report_names_the_coroutine_and_its_socket(void)
{
  begin();
  serve_one("\n", NULL);
  CHECK_NUMBER(reports.count, 1);
  CHECK(strcmp(reports.texts[0], "web:handler_1 (web:client_1) failed: broken (-2000)") == 0);
  serve_one("x\n", NULL);
  CHECK(net_reported(&reports, "web:handler_1 (renamed) failed: broken (-2000)"));
  end();
}

static void a_socket_that_its_handler_has_closed_has_no_name_any_more(void)
{
  begin();
  serve_one("\n", &own);
  CHECK_NUMBER(reports.count, 1);
  CHECK(strcmp(reports.texts[0], "web:handler_1 failed: broken (-2000)") == 0);
  CHECK_OK(copas_seterrorhandler(c, note, &general, 1));
  serve_one("\n", &own);
  CHECK(general.count == 1 && strcmp(general.socket, "none") == 0);
  end();
}

int main(void)
{
  RUN(a_coroutines_own_handler_is_told_instead_of_the_default);
  RUN(null_takes_a_handler_away);
  RUN(a_coroutine_that_returns_well_is_told_to_nobody);
  RUN(an_error_inside_an_error_handler_is_reported_and_ignored);
  RUN(a_report_names_the_coroutine_and_what_is_wrong);
  RUN(a_handler_is_told_the_names_of_coroutine_and_socket);
  RUN(a_report_names_the_coroutine_and_its_socket);
  RUN(a_socket_that_its_handler_has_closed_has_no_name_any_more);
  return check_report();
}
