/* SPDX-License-Identifier: MIT */
/* The memory of a dispatcher's buffers stays within its budget: who fills it is cut off, the idlest first,
 * and nobody else. The time that pausing has to help is tested in tests/armour.rs. */
#include "network.h"

enum { BUDGET = 1 << 20, HOGS = 40, LARGEST = 8 };

static copas *c;
static struct net_reports reports;
static int port;
static int closed_for_memory, closed_else;

static void open_dispatcher(size_t budget)
{
  copas_config config = {.size = sizeof config, .report = net_report, .report_user = &reports};
  config.memory_budget = budget;
  memset(&reports, 0, sizeof reports);
  closed_for_memory = closed_else = 0;
  c = copas_new(&config);
  CHECK(c != NULL);
  CHECK(net_stats(c).memory == 0);
  CHECK(budget == 0 || net_stats(c).memory_budget == budget);
}

/* What a handler's last call was answered. */
static void note_end(copas_status status)
{
  copas_error_info info = {.size = sizeof info};
  CHECK_OK(copas_error(c, &info));
  if (status == COPAS_CLOSED && info.sys_errno == ENOBUFS && strstr(info.text, "memory_budget") != NULL)
    closed_for_memory++;
  else
    closed_else++;
}

/* Pours what the client does not take when it asks for it, else echoes. */
static void serve(copas_socket *client, void *user)
{
  static char block[60000];
  copas_bytes line;
  copas_status status;
  (void)user;
  while ((status = copas_receive(client, COPAS_LINE, &line)) == COPAS_OK) {
    if (line.len == 4 && memcmp(line.data, "pour", 4) == 0) {
      while ((status = copas_send(client, block, sizeof block)) == COPAS_OK) {}
      break;
    }
    copas_send(client, line.data, line.len);
    copas_send(client, "\n", 1);
  }
  note_end(status);
}

static copas_socket *listen_for(copas_handler_fn handler)
{
  copas_socket *server = net_bind(c, &port);
  CHECK_OK(copas_setoption(server, COPAS_SEND_BUFFER, 4096));
  CHECK_OK(copas_addserver(c, server, handler, NULL, COPAS_FOREVER));
  return server;
}

/* A client that takes little, since its own kernel buffer is small. */
static int narrow_client(void)
{
  int bytes = 4096;
  int fd = net_connect(port);
  CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes) == 0);
  return fd;
}

static void expect_echo(int fd)
{
  net_puts(fd, "hello\n");
  net_expect(c, fd, "hello\n");
}

/* Whether the other side of `fd` is there still, whatever it has sent. */
static int is_open(int fd)
{
  char got[4096];
  ssize_t n;
  while ((n = recv(fd, got, sizeof got, MSG_DONTWAIT)) > 0) {}
  return n < 0 && errno == EAGAIN;
}

static void readers_that_take_nothing_make_room_and_nobody_else(void)
{
  int hogs[HOGS], silent[HOGS], good;
  open_dispatcher(BUDGET);
  listen_for(serve);
  good = net_connect(port);
  for (int i = 0; i < HOGS; i++) silent[i] = net_connect(port);
  net_settle(c);
  for (int i = 0; i < HOGS; i++) {
    hogs[i] = narrow_client();
    net_puts(hogs[i], "pour\n");
    net_settle(c);
    CHECK(net_stats(c).memory <= BUDGET);
    expect_echo(good);
    if (net_stats(c).accept_pauses != 0) continue;
  }
  net_settle(c);
  copas_dispatcher_stats stats = net_stats(c);
  CHECK(stats.memory <= BUDGET && stats.memory > BUDGET / 2);
  expect_echo(good);
  for (int i = 0; i < HOGS; i++) expect_echo(silent[i]);
  CHECK(net_reported(&reports, "accepting pauses"));
  CHECK(reports.count <= 2);
  for (int i = 0; i < HOGS; i++) {
    close(hogs[i]);
    close(silent[i]);
  }
  close(good);
  net_settle(c);
  CHECK(net_stats(c).memory <= BUDGET / 8);
  CHECK_OK(copas_free(c));
}

/* Hogs that are there before any of them fills a buffer: accepting is not what they wait for. */
static void the_idlest_are_cut_off_first(void)
{
  int hogs[HOGS];
  open_dispatcher(BUDGET);
  listen_for(serve);
  for (int i = 0; i < HOGS; i++) hogs[i] = narrow_client();
  net_settle(c);
  for (int i = 0; i < HOGS; i++) {
    net_puts(hogs[i], "pour\n");
    net_settle(c);
    CHECK(net_stats(c).memory <= BUDGET);
  }
  int evicted = (int)net_stats(c).evicted;
  CHECK(evicted >= HOGS - BUDGET / 65536 && closed_for_memory == evicted && closed_else == 0);
  for (int i = 0; i < HOGS; i++) CHECK_NUMBER(is_open(hogs[i]), i >= evicted);
  CHECK(net_reported(&reports, "idle longest"));
  CHECK(reports.count == 2);
  for (int i = 0; i < HOGS; i++) close(hogs[i]);
  CHECK_OK(copas_free(c));
}

static void accepting_goes_on_when_there_is_room_again(void)
{
  int hogs[HOGS], more;
  open_dispatcher(BUDGET);
  listen_for(serve);
  for (int i = 0; i < HOGS; i++) hogs[i] = narrow_client();
  net_settle(c);
  int filled = 0;
  while (!net_reported(&reports, "accepting pauses")) {
    net_puts(hogs[filled++], "pour\n");
    net_settle(c);
  }
  more = net_connect(port);
  net_puts(more, "hello\n");
  net_settle(c);
  CHECK(net_quiet(more) && net_stats(c).evicted == 0);
  for (int i = 0; i < HOGS; i++) close(hogs[i]);
  net_expect(c, more, "hello\n");
  close(more);
  CHECK_OK(copas_free(c));
}

struct part {
  copas_socket *skt;
  int done;
  copas_status status;
  size_t shown, taken;
};

static void receive_much(void *user)
{
  struct part *part = user;
  copas_bytes bytes;
  part->status = copas_receive(part->skt, LARGEST * BUDGET, &bytes);
  part->shown = bytes.len;
  if (part->status == COPAS_LIMIT) {
    CHECK_OK(copas_receive_some(part->skt, &bytes));
    part->taken = bytes.len;
  }
  part->done = 1;
}

static void a_receive_that_the_budget_has_no_room_for_is_refused_and_loses_nothing(void)
{
  static char block[65536];
  struct part part = {0};
  open_dispatcher(BUDGET);
  int fd = net_tcp(c, &part.skt);
  CHECK_OK(copas_addthread(c, receive_much, &part, NULL));
  while (!part.done) {
    ssize_t n = send(fd, block, sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
    CHECK(n > 0 || errno == EAGAIN);
    net_step(c);
  }
  CHECK_STATUS(part.status, COPAS_LIMIT);
  CHECK(part.shown >= 65536 && part.taken == part.shown);
  CHECK(net_stats(c).memory <= BUDGET && net_stats(c).refused_growth == 1);
  close(fd);
  CHECK_OK(copas_free(c));
}

static void a_receive_within_the_budget_is_none_of_its_business(void)
{
  static char block[65536];
  struct part part = {0};
  size_t sent = 0;
  open_dispatcher(16 * BUDGET);
  int fd = net_tcp(c, &part.skt);
  CHECK_OK(copas_addthread(c, receive_much, &part, NULL));
  while (!part.done) {
    size_t rest = LARGEST * BUDGET - sent;
    ssize_t n = send(fd, block, rest < sizeof block ? rest : sizeof block, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n > 0) sent += (size_t)n;
    net_step(c);
  }
  CHECK_OK(part.status);
  CHECK(part.shown == LARGEST * BUDGET && net_stats(c).refused_growth == 0);
  close(fd);
  CHECK_OK(copas_free(c));
}

static void fill(void *user)
{
  static char block[60000];
  copas_status status;
  while ((status = copas_send(user, block, sizeof block)) == COPAS_OK) {}
  note_end(status);
}

static void connections_of_the_program_s_own_go_last(void)
{
  int own[8], hogs[HOGS];
  copas_socket *skts[8];
  open_dispatcher(BUDGET);
  listen_for(serve);
  /* Idle before anybody else is. */
  for (int i = 0; i < 8; i++) {
    own[i] = net_narrow_pair(c, &skts[i]);
    CHECK_OK(copas_addthread(c, fill, skts[i], NULL));
  }
  for (int i = 0; i < HOGS; i++) hogs[i] = narrow_client();
  net_settle(c);
  for (int i = 0; i < HOGS; i++) {
    net_puts(hogs[i], "pour\n");
    net_settle(c);
    CHECK(net_stats(c).memory <= BUDGET);
  }
  CHECK(net_stats(c).evicted > 0);
  for (int i = 0; i < 8; i++) CHECK(is_open(own[i]));
  for (int i = 0; i < HOGS; i++) close(hogs[i]);
  for (int i = 0; i < 8; i++) close(own[i]);
  CHECK_OK(copas_free(c));
}

static void where_nothing_else_is_left_they_go_too(void)
{
  int own[HOGS];
  copas_socket *skts[HOGS];
  open_dispatcher(BUDGET);
  for (int i = 0; i < HOGS; i++) {
    own[i] = net_narrow_pair(c, &skts[i]);
    CHECK_OK(copas_addthread(c, fill, skts[i], NULL));
    net_settle(c);
    CHECK(net_stats(c).memory <= BUDGET);
  }
  CHECK(net_stats(c).evicted > 0 && closed_for_memory == (int)net_stats(c).evicted);
  for (int i = 0; i < HOGS; i++) close(own[i]);
  CHECK_OK(copas_free(c));
}

static void what_is_closed_and_not_written_goes_first(void)
{
  static char block[60000];
  int own[HOGS];
  open_dispatcher(BUDGET);
  for (int i = 0; i < HOGS; i++) {
    copas_socket *skt;
    own[i] = net_narrow_pair(c, &skt);
    CHECK_OK(copas_send(skt, block, sizeof block));
    CHECK_OK(copas_close(skt));
    net_settle(c);
    CHECK(net_stats(c).memory <= BUDGET);
  }
  CHECK(net_stats(c).evicted > 0);
  for (int i = 0; i < HOGS; i++) close(own[i]);
  CHECK_OK(copas_free(c));
}

static void a_budget_has_a_least_and_a_default(void)
{
  copas_config config = {.size = sizeof config, .memory_budget = BUDGET - 1};
  errno = 0;
  CHECK(copas_new(&config) == NULL && errno == EINVAL);
  open_dispatcher(0);
  double machine = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
  CHECK(net_stats(c).memory_budget >= BUDGET && (double)net_stats(c).memory_budget <= machine / 4 + BUDGET);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(readers_that_take_nothing_make_room_and_nobody_else);
  RUN(the_idlest_are_cut_off_first);
  RUN(accepting_goes_on_when_there_is_room_again);
  RUN(a_receive_that_the_budget_has_no_room_for_is_refused_and_loses_nothing);
  RUN(a_receive_within_the_budget_is_none_of_its_business);
  RUN(connections_of_the_program_s_own_go_last);
  RUN(where_nothing_else_is_left_they_go_too);
  RUN(what_is_closed_and_not_written_goes_first);
  RUN(a_budget_has_a_least_and_a_default);
  return check_report();
}
