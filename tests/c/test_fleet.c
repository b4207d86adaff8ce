/* SPDX-License-Identifier: MIT */
/* copas_loop_many(): several dispatchers in one call, that share a port, end together, and say what
 * went wrong. */
#include "network.h"

#include <sched.h>
#include <stdatomic.h>

enum { MEMBERS = 4 };

struct fleet {
  int port;
  int set_up;
  copas *members[MEMBERS];
  pthread_t os_threads[MEMBERS];
  atomic_int served[MEMBERS];
  atomic_int canceled;
  int fails_at;
};

static copas_bind_options shared_port(void)
{
  copas_bind_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = COPAS_BIND_REUSEPORT;
  return options;
}

static struct fleet fleet;

static void tell_number(copas_socket *client, void *user)
{
  copas_bytes line;
  int number = (int)(intptr_t)user;
  char text[16];
  CHECK(copas_of(client) == fleet.members[number]);
  while (copas_receive(client, COPAS_LINE, &line) == COPAS_OK) {
    snprintf(text, sizeof text, "%d\n", number);
    copas_send(client, text, strlen(text));
    atomic_fetch_add(&fleet.served[number], 1);
  }
}

static copas_status serve_on_one_port(copas *c, int number, void *user)
{
  copas_socket *server;
  copas_address address;
  copas_bind_options options = shared_port();
  CHECK(user == &fleet);
  CHECK_NUMBER(number, fleet.set_up++);
  fleet.members[number] = c;
  fleet.os_threads[number] = pthread_self();
  CHECK_OK(copas_bind_with(c, "127.0.0.1", fleet.port, &options, &server));
  CHECK_OK(copas_getsockname(server, &address));
  fleet.port = address.port;
  CHECK_OK(copas_addserver(c, server, tell_number, (void *)(intptr_t)number, COPAS_FOREVER));
  return COPAS_OK;
}

static void *be_a_client(void *user)
{
  double end = net_seconds() + NET_PATIENCE;
  int all = 0;
  (void)user;
  while (!all) {
    char answer[2];
    int fd = net_connect(fleet.port);
    net_puts(fd, "who?\n");
    CHECK_NUMBER(recv(fd, answer, sizeof answer, MSG_WAITALL), 2);
    CHECK(answer[0] >= '0' && answer[0] < '0' + MEMBERS);
    close(fd);
    CHECK(net_seconds() < end);
    all = 1;
    for (int i = 0; i < MEMBERS; i++) all &= atomic_load(&fleet.served[i]) != 0;
  }
  CHECK_OK(copas_shutdown(fleet.members[2], 10));
  return NULL;
}

static pthread_t client;

static copas_status serve_and_call_a_client(copas *c, int number, void *user)
{
  copas_status status = serve_on_one_port(c, number, user);
  if (number == MEMBERS - 1) CHECK(pthread_create(&client, NULL, be_a_client, NULL) == 0);
  return status;
}

static void members_share_a_port_and_one_shutdown_ends_them_all(void)
{
  memset(&fleet, 0, sizeof fleet);
  CHECK_OK(copas_loop_many(MEMBERS, serve_and_call_a_client, &fleet, NULL));
  CHECK(pthread_join(client, NULL) == 0);
  CHECK_NUMBER(fleet.set_up, MEMBERS);
  for (int i = 0; i < MEMBERS; i++) {
    CHECK_STATUS(copas_notify(fleet.members[i]), COPAS_STALE);
    CHECK(!pthread_equal(fleet.os_threads[i], pthread_self()));
    for (int j = 0; j < i; j++) CHECK(!pthread_equal(fleet.os_threads[i], fleet.os_threads[j]));
  }
  CHECK(net_refused(fleet.port));
}

static void on_signal(int number)
{
  (void)number;
  copas_shutdown(fleet.members[1], 0);
}

static void count_canceled(void *user)
{
  if (copas_pauseforever(user) == COPAS_CANCELED) atomic_fetch_add(&fleet.canceled, 1);
}

static void *send_signal(void *user)
{
  (void)user;
  CHECK(kill(getpid(), SIGUSR1) == 0);
  return NULL;
}

static copas_status wait_for_ever(copas *c, int number, void *user)
{
  CHECK_OK(serve_on_one_port(c, number, user));
  CHECK_OK(copas_addthread(c, count_canceled, c, NULL));
  if (number == MEMBERS - 1) CHECK(pthread_create(&client, NULL, send_signal, NULL) == 0);
  return COPAS_OK;
}

static void a_signal_handler_shuts_all_down(void)
{
  struct sigaction action, before;
  memset(&fleet, 0, sizeof fleet);
  memset(&action, 0, sizeof action);
  action.sa_handler = on_signal;
  CHECK(sigaction(SIGUSR1, &action, &before) == 0);
  CHECK_OK(copas_loop_many(MEMBERS, wait_for_ever, &fleet, NULL));
  CHECK(pthread_join(client, NULL) == 0);
  CHECK(sigaction(SIGUSR1, &before, NULL) == 0);
  CHECK_NUMBER(fleet.canceled, MEMBERS);
}

static copas_status shut_down_while_set_up(copas *c, int number, void *user)
{
  CHECK_OK(serve_on_one_port(c, number, user));
  CHECK_OK(copas_addthread(c, count_canceled, c, NULL));
  if (number == 1) {
    CHECK_OK(copas_shutdown(c, 0));
    /* It steps, and so begins the shutdown before the others are there. */
    CHECK_STATUS(copas_pause(c, 0.001, NULL), COPAS_OK);
  }
  return COPAS_OK;
}

static void a_shutdown_in_a_set_up_holds_for_those_that_come_later(void)
{
  memset(&fleet, 0, sizeof fleet);
  CHECK_OK(copas_loop_many(MEMBERS, shut_down_while_set_up, &fleet, NULL));
  CHECK_NUMBER(fleet.set_up, MEMBERS);
}

static copas_status fail_in_the_middle(copas *c, int number, void *user)
{
  copas_socket *server;
  CHECK_OK(serve_on_one_port(c, number, user));
  if (number == fleet.fails_at) return copas_bind(c, "127.0.0.1", 70000, &server);
  return COPAS_OK;
}

static struct net_reports reports;

static copas_config reporting(void)
{
  copas_config config;
  memset(&config, 0, sizeof config);
  memset(&reports, 0, sizeof reports);
  config.size = sizeof config;
  config.report = net_report;
  config.report_user = &reports;
  return config;
}

static void a_set_up_that_fails_ends_all_with_its_status_and_words(void)
{
  copas_config config = reporting();
  for (int at = 0; at < MEMBERS; at++) {
    memset(&fleet, 0, sizeof fleet);
    memset(&reports, 0, sizeof reports);
    fleet.fails_at = at;
    CHECK_STATUS(copas_loop_many(MEMBERS, fail_in_the_middle, &fleet, &config), COPAS_INVALID);
    CHECK_NUMBER(fleet.set_up, at + 1);
    CHECK_NUMBER(reports.count, 1);
    char words[64];
    snprintf(words, sizeof words, "dispatcher %d of %d was not set up", at, MEMBERS);
    CHECK(net_reported(&reports, words));
    CHECK(net_reported(&reports, "70000"));
    CHECK(net_reported(&reports, "COPAS_INVALID"));
    for (int i = 0; i <= at; i++) CHECK_STATUS(copas_notify(fleet.members[i]), COPAS_STALE);
  }
}

static copas_status answer_seven(copas *c, int number, void *user)
{
  (void)c;
  (void)number;
  (void)user;
  return (copas_status)7;
}

static void a_status_of_the_programs_own_is_the_answer(void)
{
  copas_config config = reporting();
  CHECK_NUMBER(copas_loop_many(2, answer_seven, NULL, &config), 7);
  CHECK_NUMBER(reports.count, 1);
}

static void *call_from_outside(void *user)
{
  CHECK_STATUS(copas_hold((copas *)user), COPAS_WRONG_THREAD);
  CHECK_OK(copas_notify((copas *)user));
  return NULL;
}

static copas_status belong_to_one(copas *c, int number, void *user)
{
  pthread_t outside;
  (void)number;
  (void)user;
  CHECK(pthread_create(&outside, NULL, call_from_outside, c) == 0);
  CHECK(pthread_join(outside, NULL) == 0);
  return COPAS_OK;
}

static void a_member_belongs_to_its_os_thread_from_the_start(void)
{
  CHECK_OK(copas_loop_many(2, belong_to_one, NULL, NULL));
}

static copas_status count_members(copas *c, int number, void *user)
{
  (void)c;
  CHECK_NUMBER(number, *(int *)user);
  ++*(int *)user;
  return COPAS_OK;
}

static void as_many_as_there_are_cpus_unless_a_number_is_given(void)
{
  cpu_set_t cpus, before;
  int count = 0;
  CHECK(sched_getaffinity(0, sizeof before, &before) == 0);
  CHECK_OK(copas_loop_many(3, count_members, &count, NULL));
  CHECK_NUMBER(count, 3);
  CPU_ZERO(&cpus);
  for (int cpu = 0; cpu < CPU_SETSIZE && CPU_COUNT(&cpus) == 0; cpu++)
    if (CPU_ISSET(cpu, &before)) CPU_SET(cpu, &cpus);
  CHECK(sched_setaffinity(0, sizeof cpus, &cpus) == 0);
  count = 0;
  CHECK_OK(copas_loop_many(0, count_members, &count, NULL));
  CHECK_NUMBER(count, 1);
  CHECK(sched_setaffinity(0, sizeof before, &before) == 0);
}

static void try_inside(copas *c, void *user)
{
  (void)c;
  *(int *)user = copas_loop_many(1, count_members, NULL, NULL);
}

static void wrong_arguments_and_callers_are_told(void)
{
  copas_config config;
  int status = COPAS_OK;
  memset(&config, 0, sizeof config);
  config.size = sizeof config;
  config.flags = COPAS_UNBOUND;
  CHECK_STATUS(copas_loop_many(1, NULL, NULL, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_loop_many(-1, count_members, NULL, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_loop_many(1024, count_members, NULL, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_loop_many(1, count_members, NULL, &config), COPAS_INVALID);
  copas *c = net_new(NULL);
  CHECK_OK(copas_post(c, try_inside, &status));
  net_settle(c);
  CHECK_STATUS(status, COPAS_CANNOT_WAIT);
  CHECK_OK(copas_free(c));
}

static void a_lack_of_descriptors_is_told(void)
{
  copas_config config = reporting();
  struct rlimit before, none;
  int count = 0;
  CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
  none = before;
  none.rlim_cur = 3;
  CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
  int status = copas_loop_many(2, count_members, &count, &config);
  CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
  CHECK_STATUS(status, COPAS_LIMIT);
  CHECK_NUMBER(reports.count, 1);
}

int main(void)
{
  RUN(members_share_a_port_and_one_shutdown_ends_them_all);
  RUN(a_signal_handler_shuts_all_down);
  RUN(a_shutdown_in_a_set_up_holds_for_those_that_come_later);
  RUN(a_set_up_that_fails_ends_all_with_its_status_and_words);
  RUN(a_status_of_the_programs_own_is_the_answer);
  RUN(a_member_belongs_to_its_os_thread_from_the_start);
  RUN(as_many_as_there_are_cpus_unless_a_number_is_given);
  RUN(wrong_arguments_and_callers_are_told);
  RUN(a_lack_of_descriptors_is_told);
  return check_report();
}
