/* SPDX-License-Identifier: MIT */
/* The OS threads of handlers: how many there are, which one comes next, when they end, and what
 * happens when there is none. The program has its own pthread_create(), which can fail. */
#include "network.h"

#include <dirent.h>
#include <dlfcn.h>

static int refusing, refused;

int pthread_create(pthread_t *restrict os_thread, const pthread_attr_t *restrict attributes,
                   void *(*run)(void *), void *restrict user)
{
  typedef int start_fn(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  union {
    void *object;
    start_fn *function;
  } next = {dlsym(RTLD_NEXT, "pthread_create")};
  refused += refusing;
  return refusing ? EAGAIN : next.function(os_thread, attributes, run, user);
}

/* How many OS threads the process has. */
static int os_threads(void)
{
  int count = 0;
  DIR *tasks = opendir("/proc/self/task");
  CHECK(tasks != NULL);
  for (struct dirent *task; (task = readdir(tasks)) != NULL;) count += task->d_name[0] != '.';
  closedir(tasks);
  return count;
}

/* Less than an idle OS thread stays. */
#define SOON 5.0

/* Waits until the process has as many: a joined OS thread's entry goes a moment later. */
static void await_os_threads(int wanted, double patience)
{
  double end = net_seconds() + patience;
  while (os_threads() != wanted) {
    CHECK(net_seconds() < end);
    net_sleep(0.001);
  }
}

static copas *new_with(int most, struct net_reports *reports)
{
  copas_config config = {.size = sizeof config, .os_threads = (size_t)most};
  if (reports != NULL) {
    memset(reports, 0, sizeof *reports);
    config.report = net_report;
    config.report_user = reports;
  }
  copas *c = copas_new(&config);
  CHECK(c != NULL);
  return c;
}

static copas_status add(copas *c, copas_thread_fn fn, void *user, size_t stack_size,
                        copas_thread **out)
{
  copas_thread_options options = {.size = sizeof options,
                                  .flags = COPAS_OS_THREAD,
                                  .user = user,
                                  .stack_size = stack_size};
  return copas_addthread_with(c, fn, &options, out);
}

static void tell_who(void *user)
{
  *(pthread_t *)user = pthread_self();
}

static void sleep_until_canceled(void *user)
{
  (void)user;
  CHECK_STATUS(copas_pauseforever(copas_current()), COPAS_CANCELED);
}

static void the_last_os_thread_that_came_back_goes_out_first(void)
{
  pthread_t first[3], second[2];
  int before = os_threads();
  copas *c = new_with(0, NULL);
  for (int i = 0; i < 3; i++) CHECK_OK(add(c, tell_who, &first[i], 0, NULL));
  CHECK_NUMBER(os_threads(), before + 3);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  for (int i = 0; i < 2; i++) CHECK_OK(add(c, tell_who, &second[i], 0, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(pthread_equal(second[0], first[2]));
  CHECK(pthread_equal(second[1], first[1]));
  CHECK_NUMBER(os_threads(), before + 3);
  CHECK_OK(copas_free(c));
  await_os_threads(before, SOON);
}

static void an_idle_os_thread_ends_by_itself(void)
{
  pthread_t who[3];
  int before = os_threads();
  copas *c = new_with(0, NULL);
  for (int i = 0; i < 3; i++) CHECK_OK(add(c, tell_who, &who[i], 0, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(os_threads(), before + 3);
  await_os_threads(before, NET_PATIENCE);
  CHECK_OK(add(c, tell_who, &who[0], 0, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
  await_os_threads(before, SOON);
}

static void above_the_limit_addthread_says_so(void)
{
  enum { MOST = 3 };
  copas_thread *threads[MOST];
  copas_error_info info = {.size = sizeof info};
  copas *c = new_with(MOST, NULL);
  for (int i = 0; i < MOST; i++) CHECK_OK(add(c, sleep_until_canceled, NULL, 0, &threads[i]));
  CHECK_STATUS(add(c, sleep_until_canceled, NULL, 0, NULL), COPAS_LIMIT);
  CHECK_OK(copas_error(c, &info));
  CHECK(strstr(info.text, "all 3 OS threads") != NULL);
  CHECK_OK(copas_addthread(c, sleep_until_canceled, NULL, NULL));
  /* One that never ran makes room at once, one that did when it has ended. */
  CHECK_OK(copas_removethread(threads[0]));
  CHECK_OK(add(c, sleep_until_canceled, NULL, 0, &threads[0]));
  net_settle(c);
  CHECK_OK(copas_removethread(threads[1]));
  CHECK_STATUS(add(c, sleep_until_canceled, NULL, 0, NULL), COPAS_LIMIT);
  net_settle(c);
  CHECK_OK(add(c, sleep_until_canceled, NULL, 0, NULL));
  CHECK_STATUS(add(c, sleep_until_canceled, NULL, 0, NULL), COPAS_LIMIT);
  CHECK_OK(copas_free(c));
}

static void too_many_os_threads_are_refused(void)
{
  copas_config config = {.size = sizeof config, .os_threads = (size_t)1 << 40};
  errno = 0;
  CHECK(copas_new(&config) == NULL);
  CHECK_NUMBER(errno, EINVAL);
}

static void use_four_mebibytes(void *user)
{
  volatile char big[4 << 20];
  for (size_t i = 0; i < sizeof big; i += 4096) big[i] = 1;
  *(int *)user += big[0];
}

static void each_stack_size_gets_an_os_thread_also_at_the_limit(void)
{
  int done = 0;
  copas *c = new_with(1, NULL);
  for (int i = 0; i < 3; i++) {
    pthread_t who;
    CHECK_OK(add(c, tell_who, &who, 0, NULL));
    CHECK_OK(copas_loop(c, COPAS_FOREVER));
    CHECK_OK(add(c, use_four_mebibytes, &done, 8 << 20, NULL));
    CHECK_OK(copas_loop(c, COPAS_FOREVER));
  }
  CHECK_NUMBER(done, 3);
  CHECK_OK(copas_free(c));
}

static copas_status serve_on(copas *c, copas_socket *server)
{
  copas_server_options options = {.size = sizeof options, .flags = COPAS_OS_THREAD, .name = "it"};
  return copas_addserver_with(c, server, net_echo, &options);
}

static copas_socket *serve(copas *c, int *port)
{
  copas_socket *server = net_bind(c, port);
  CHECK_OK(serve_on(c, server));
  return server;
}

static void above_the_limit_a_server_waits_for_a_handlers_end(void)
{
  enum { MOST = 2, CLIENTS = 6 };
  int fds[CLIENTS], port;
  struct net_reports reports;
  copas *c = new_with(MOST, &reports);
  serve(c, &port);
  for (int i = 0; i < CLIENTS; i++) {
    fds[i] = net_connect(port);
    net_puts(fds[i], "hello\n");
  }
  for (int i = 0; i < MOST; i++) net_expect(c, fds[i], "hello\n");
  for (int i = MOST; i < CLIENTS; i++) {
    net_settle(c);
    for (int k = i; k < CLIENTS; k++) CHECK(net_quiet(fds[k]));
    /* It does not try again and again meanwhile. */
    CHECK_STATUS(copas_step(c, 0.02), COPAS_TIMEOUT);
    close(fds[i - MOST]);
    net_expect(c, fds[i], "hello\n");
  }
  CHECK_NUMBER(reports.count, 1);
  CHECK(net_reported(&reports, "server it waits for OS threads"));
  for (int i = CLIENTS - MOST; i < CLIENTS; i++) close(fds[i]);
  CHECK_OK(copas_free(c));
}

static void when_none_can_be_started_addthread_says_so(void)
{
  copas_error_info info = {.size = sizeof info};
  pthread_t who;
  copas *c = new_with(0, NULL);
  refusing = 1;
  CHECK_STATUS(add(c, tell_who, &who, 0, NULL), COPAS_LIMIT);
  refusing = 0;
  CHECK_OK(copas_error(c, &info));
  CHECK_NUMBER(info.sys_errno, EAGAIN);
  CHECK(strstr(info.text, "start an OS thread") != NULL);
  CHECK_OK(add(c, tell_who, &who, 0, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
}

static void when_none_can_be_started_a_server_goes_on_later(void)
{
  struct net_reports reports;
  int port;
  copas *c = new_with(0, &reports);
  serve(c, &port);
  refused = 0;
  refusing = 1;
  int fd = net_connect(port);
  net_puts(fd, "hello\n");
  net_until(c, &refused, 3);
  CHECK(net_quiet(fd));
  refusing = 0;
  net_expect(c, fd, "hello\n");
  CHECK_NUMBER(reports.count, 1);
  CHECK(net_reported(&reports, "server it cannot accept (start an OS thread"));
  close(fd);
  CHECK_OK(copas_free(c));
}

static void a_connection_that_was_kept_outlives_its_server(void)
{
  struct net_reports reports;
  int port;
  copas_socket *client;
  copas_bytes line;
  copas *c = new_with(0, &reports);
  copas_socket *server = serve(c, &port);
  int fds[2];
  for (int i = 0; i < 2; i++) {
    refused = 0;
    refusing = 1;
    fds[i] = net_connect(port);
    net_puts(fds[i], "hello\n");
    net_until(c, &refused, 2);
    refusing = 0;
    CHECK_OK(copas_removeserver(server, 1));
    if (i == 0) {
      CHECK_OK(serve_on(c, server));
      net_expect(c, fds[i], "hello\n");
    } else {
      CHECK_OK(copas_accept(server, 10, &client));
      CHECK_OK(copas_receive(client, COPAS_LINE, &line));
      CHECK_BYTES(line, "hello");
    }
  }
  for (int i = 0; i < 2; i++) close(fds[i]);
  CHECK_OK(copas_free(c));
}

static void *end_at_once(void *user)
{
  return user;
}

/* A tool starts one of its own with the first. */
static void start_the_first_os_thread(void)
{
  pthread_t first;
  CHECK(pthread_create(&first, NULL, end_at_once, NULL) == 0);
  CHECK(pthread_join(first, NULL) == 0);
}

int main(void)
{
  start_the_first_os_thread();
  RUN(the_last_os_thread_that_came_back_goes_out_first);
  RUN(an_idle_os_thread_ends_by_itself);
  RUN(above_the_limit_addthread_says_so);
  RUN(too_many_os_threads_are_refused);
  RUN(each_stack_size_gets_an_os_thread_also_at_the_limit);
  RUN(above_the_limit_a_server_waits_for_a_handlers_end);
  RUN(when_none_can_be_started_addthread_says_so);
  RUN(when_none_can_be_started_a_server_goes_on_later);
  RUN(a_connection_that_was_kept_outlives_its_server);
  return check_report();
}
