/* SPDX-License-Identifier: MIT */
/* Unix sockets: streams and datagrams by paths and abstract names. */
#include "network.h"

#include <math.h>
#include <sys/stat.h>
#include <sys/un.h>

static copas *c;
static char folder[64], path[96];

static void open_folder(void)
{
  strcpy(folder, "/tmp/copas-unix-XXXXXX");
  CHECK(mkdtemp(folder) != NULL);
  snprintf(path, sizeof path, "%s/socket", folder);
  c = net_new(NULL);
}

static void close_folder(void)
{
  CHECK_OK(copas_free(c));
  unlink(path);
  CHECK(rmdir(folder) == 0);
}

static void echo_by(const char *name)
{
  copas_socket *server, *client;
  copas_address address;
  copas_bytes line;
  CHECK_OK(copas_bind_unix(c, name, 0, &server));
  CHECK_OK(copas_addserver(c, server, net_echo, NULL, COPAS_FOREVER));
  CHECK_OK(copas_connect_unix(c, name, 0, 10, &client));
  CHECK_OK(copas_getpeername(client, &address));
  CHECK_NUMBER(address.family, AF_UNIX);
  CHECK(strcmp(address.host, name) == 0);
  CHECK_OK(copas_send(client, "unix\n", 5));
  CHECK_OK(copas_receive(client, COPAS_LINE, &line));
  CHECK_BYTES(line, "unix");
  CHECK_OK(copas_close(client));
  CHECK_OK(copas_removeserver(server, 0));
  net_settle(c);
}

static void streams_connect_by_a_path(void)
{
  open_folder();
  echo_by(path);
  close_folder();
}

static void streams_connect_by_an_abstract_name(void)
{
  char name[64];
  open_folder();
  snprintf(name, sizeof name, "@copas-test-%d", (int)getpid());
  echo_by(name);
  close_folder();
}

static void a_path_in_use_is_told_and_a_left_over_one_can_be_replaced(void)
{
  copas_socket *server, *other;
  copas_error_info info;
  open_folder();
  CHECK_OK(copas_bind_unix(c, path, 0, &server));
  CHECK_STATUS(copas_bind_unix(c, path, 0, &other), COPAS_SYSTEM);
  memset(&info, 0, sizeof info);
  info.size = sizeof info;
  CHECK_OK(copas_error(c, &info));
  CHECK(strstr(info.text, "COPAS_UNLINK") != NULL);
  /* Somebody listens: it is not taken away. */
  CHECK_STATUS(copas_bind_unix(c, path, COPAS_UNLINK, &other), COPAS_SYSTEM);
  CHECK_OK(copas_close(server));
  CHECK_STATUS(copas_connect_unix(c, path, 0, 1, &other), COPAS_REFUSED);
  CHECK_STATUS(copas_bind_unix(c, path, 0, &other), COPAS_SYSTEM);
  CHECK_OK(copas_bind_unix(c, path, COPAS_UNLINK, &other));
  CHECK_OK(copas_close(other));
  CHECK(unlink(path) == 0);
  /* What is no socket is never removed. */
  int file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
  CHECK(file >= 0 && close(file) == 0);
  CHECK_STATUS(copas_bind_unix(c, path, COPAS_UNLINK, &other), COPAS_SYSTEM);
  CHECK(access(path, F_OK) == 0);
  close_folder();
}

static void datagrams_are_sent_by_paths(void)
{
  copas_socket *one, *two;
  copas_address to, from;
  copas_bytes datagram;
  char other[128];
  open_folder();
  snprintf(other, sizeof other, "@copas-datagram-%d", (int)getpid());
  CHECK_OK(copas_bind_unix(c, path, COPAS_DATAGRAM, &one));
  CHECK_OK(copas_bind_unix(c, other, COPAS_DATAGRAM, &two));
  CHECK_OK(copas_settimeout(two, 10));
  CHECK_OK(copas_settimeout(one, 10));
  CHECK_OK(copas_getsockname(two, &to));
  CHECK(strcmp(to.host, other) == 0);
  CHECK_OK(copas_sendto(one, "by path", 7, &to));
  CHECK_OK(copas_receivefrom(two, &datagram, &from));
  CHECK_BYTES(datagram, "by path");
  CHECK(from.family == AF_UNIX && strcmp(from.host, path) == 0);
  CHECK_OK(copas_sendto(two, "back", 4, &from));
  CHECK_OK(copas_receivefrom(one, &datagram, NULL));
  CHECK_BYTES(datagram, "back");
  copas_socket *connected;
  CHECK_OK(copas_connect_unix(c, path, COPAS_DATAGRAM, 1, &connected));
  CHECK_OK(copas_send(connected, "connected", 9));
  CHECK_OK(copas_receivefrom(one, &datagram, &from));
  CHECK_BYTES(datagram, "connected");
  CHECK(from.family == AF_UNIX && from.port == 0 && from.host[0] == 0);
  CHECK_STATUS(copas_sendto(one, "x", 1, &from), COPAS_INVALID);
  close_folder();
}

static void fill_and_wait(void *user)
{
  copas_address to;
  static char block[4000];
  int sent = 0;
  CHECK_OK(copas_getpeername(user, &to));
  while (copas_send(user, block, sizeof block) == COPAS_OK) sent++;
  CHECK(sent > 0);
}

static void a_sender_waits_while_the_buffer_is_full(void)
{
  copas_socket *one, *connected;
  copas_bytes datagram;
  open_folder();
  CHECK_OK(copas_bind_unix(c, path, COPAS_DATAGRAM, &one));
  CHECK_OK(copas_connect_unix(c, path, COPAS_DATAGRAM, 1, &connected));
  CHECK_OK(copas_settimeout(connected, 0.05));
  CHECK_OK(copas_settimeout(one, 0.5));
  double start = net_seconds();
  CHECK_OK(copas_addthread(c, fill_and_wait, connected, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK(net_seconds() - start >= 0.05);
  CHECK_OK(copas_receivefrom(one, &datagram, NULL));
  CHECK_NUMBER(datagram.len, 4000);
  close_folder();
}

static int senders_done;

static void send_when_there_is_room(void *user)
{
  static char block[4000];
  CHECK_OK(copas_send(user, block, sizeof block));
  senders_done++;
}

static void all_senders_go_on_when_there_is_room_again(void)
{
  enum { SENDERS = 20 };
  copas_socket *one, *connected;
  copas_bytes datagram;
  int sent = 0;
  open_folder();
  senders_done = 0;
  CHECK_OK(copas_bind_unix(c, path, COPAS_DATAGRAM, &one));
  CHECK_OK(copas_connect_unix(c, path, COPAS_DATAGRAM, 1, &connected));
  CHECK_OK(copas_settimeout(connected, 0));
  while (copas_send(connected, "x", 1) == COPAS_OK) sent++;
  CHECK_OK(copas_settimeout(connected, 30));
  for (int i = 0; i < SENDERS; i++)
    CHECK_OK(copas_addthread(c, send_when_there_is_room, connected, NULL));
  net_settle(c);
  CHECK_NUMBER(senders_done, 0);
  CHECK_OK(copas_settimeout(one, 10));
  for (int i = 0; i < sent + SENDERS; i++) CHECK_OK(copas_receivefrom(one, &datagram, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(senders_done, SENDERS);
  close_folder();
}

static void send_to_a_closed_socket(void *user)
{
  static char block[4000];
  CHECK_STATUS(copas_send(user, block, sizeof block), COPAS_CLOSED);
  senders_done++;
}

static void a_close_from_elsewhere_wakes_all_senders(void)
{
  copas_socket *one, *connected;
  open_folder();
  senders_done = 0;
  CHECK_OK(copas_bind_unix(c, path, COPAS_DATAGRAM, &one));
  CHECK_OK(copas_connect_unix(c, path, COPAS_DATAGRAM, 1, &connected));
  CHECK_OK(copas_settimeout(connected, 0));
  while (copas_send(connected, "x", 1) == COPAS_OK) continue;
  CHECK_OK(copas_settimeout(connected, COPAS_FOREVER));
  for (int i = 0; i < 5; i++)
    CHECK_OK(copas_addthread(c, send_to_a_closed_socket, connected, NULL));
  net_settle(c);
  CHECK_OK(copas_close(connected));
  net_until(c, &senders_done, 5);
  close_folder();
}

/* A receiver with a full queue, and a socket that is not connected to it. */
static copas_socket *open_full(copas_socket **receiver, copas_address *to, int *queued)
{
  char name[64];
  copas_socket *filler, *sender;
  open_folder();
  snprintf(name, sizeof name, "@copas-sender-%d", (int)getpid());
  CHECK_OK(copas_bind_unix(c, path, COPAS_DATAGRAM, receiver));
  CHECK_OK(copas_getsockname(*receiver, to));
  CHECK_OK(copas_settimeout(*receiver, 10));
  CHECK_OK(copas_connect_unix(c, path, COPAS_DATAGRAM, 1, &filler));
  CHECK_OK(copas_settimeout(filler, 0));
  for (*queued = 0; copas_send(filler, "x", 1) == COPAS_OK;) ++*queued;
  CHECK_OK(copas_bind_unix(c, name, COPAS_DATAGRAM, &sender));
  return sender;
}

struct letter {
  copas_socket *from;
  copas_address to;
  copas_status status;
  int over;
};

static void send_letter(void *user)
{
  struct letter *letter = user;
  letter->status = copas_sendto(letter->from, "late", 4, &letter->to);
  letter->over = 1;
}

static void receive_for_ever(void *user)
{
  copas_bytes datagram;
  CHECK_STATUS(copas_receivefrom(user, &datagram, NULL), COPAS_CANCELED);
}

static void a_sender_to_a_full_queue_does_not_spin(void)
{
  struct letter letter = {NULL, {0, 0, ""}, COPAS_FAILED, 0};
  copas_socket *receiver;
  copas_thread *reading;
  copas_dispatcher_stats stats;
  int queued;
  letter.from = open_full(&receiver, &letter.to, &queued);
  /* Somebody receives there, so that the kernel reports on the socket. */
  CHECK_OK(copas_addthread(c, receive_for_ever, letter.from, &reading));
  net_settle(c);
  CHECK_OK(copas_settimeouts(letter.from, NAN, 0.2, NAN));
  CHECK_OK(copas_setstatistics(c, 1));
  CHECK_OK(copas_addthread(c, send_letter, &letter, NULL));
  while (!letter.over) net_step(c);
  CHECK_STATUS(letter.status, COPAS_TIMEOUT);
  memset(&stats, 0, sizeof stats);
  stats.size = sizeof stats;
  CHECK_OK(copas_stats(c, &stats));
  CHECK(stats.steps < 500);
  CHECK_OK(copas_removethread(reading));
  net_settle(c);
  close_folder();
}

static void a_sender_to_a_full_queue_is_woken(void)
{
  for (int how = 0; how < 3; how++) {
    struct letter letter = {NULL, {0, 0, ""}, COPAS_FAILED, 0};
    copas_socket *receiver;
    copas_thread *sending;
    copas_dispatcher_stats stats;
    copas_bytes datagram;
    int queued, fd;
    letter.from = open_full(&receiver, &letter.to, &queued);
    CHECK_OK(copas_addthread(c, send_letter, &letter, &sending));
    net_settle(c);
    CHECK_STATUS(copas_unwrap(letter.from, &fd), COPAS_BUSY);
    memset(&stats, 0, sizeof stats);
    stats.size = sizeof stats;
    CHECK_OK(copas_stats(c, &stats));
    CHECK_NUMBER(stats.writers, 1);
    if (how == 0)
      for (int i = 0; i < queued; i++) CHECK_OK(copas_receivefrom(receiver, &datagram, NULL));
    if (how == 1) CHECK_OK(copas_close(letter.from));
    if (how == 2) CHECK_OK(copas_removethread(sending));
    net_until(c, &letter.over, 1);
    CHECK_STATUS(letter.status, how == 0 ? COPAS_OK : how == 1 ? COPAS_CLOSED : COPAS_CANCELED);
    if (how == 0) {
      CHECK_OK(copas_receivefrom(receiver, &datagram, NULL));
      CHECK_BYTES(datagram, "late");
    }
    close_folder();
  }
}

static void a_full_queue_makes_the_client_wait(void)
{
  copas_socket *client, *clients[8];
  int opened = 0;
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  open_folder();
  strcpy(address.sun_path, path);
  int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
  CHECK(listen(listener, 1) == 0);
  copas_status status;
  double start = net_seconds();
  while ((status = copas_connect_unix(c, path, 0, 0.03, &clients[opened])) == COPAS_OK)
    CHECK(++opened < 8);
  CHECK_STATUS(status, COPAS_TIMEOUT);
  CHECK(net_seconds() - start >= 0.03);
  int accepted = accept(listener, NULL, NULL);
  CHECK_OK(copas_connect_unix(c, path, 0, 10, &client));
  close(accepted);
  close(listener);
  close_folder();
}

static void names_have_at_most_107_bytes(void)
{
  char name[200];
  copas_socket *skt;
  copas_address own;
  open_folder();
  CHECK_STATUS(copas_bind_unix(c, "@", 0, &skt), COPAS_INVALID);
  CHECK_STATUS(copas_connect_unix(c, "@", COPAS_DATAGRAM, 1, &skt), COPAS_INVALID);
  memset(name, 'n', sizeof name);
  snprintf(name, sizeof name, "@copas-long-%d", (int)getpid());
  name[strlen(name)] = '-';
  name[108] = 0;
  CHECK_OK(copas_bind_unix(c, name, COPAS_DATAGRAM, &skt));
  CHECK_OK(copas_getsockname(skt, &own));
  CHECK(strcmp(own.host, name) == 0);
  CHECK_OK(copas_sendto(skt, "x", 1, &own));
  strcpy(name + 108, "n");
  CHECK_STATUS(copas_bind_unix(c, name, COPAS_DATAGRAM, &skt), COPAS_INVALID);
  memcpy(name, folder, strlen(folder));
  name[strlen(folder)] = '/';
  name[108] = 0;
  CHECK_STATUS(copas_bind_unix(c, name, COPAS_DATAGRAM, &skt), COPAS_INVALID);
  name[107] = 0;
  CHECK_OK(copas_bind_unix(c, name, COPAS_DATAGRAM, &skt));
  CHECK_OK(copas_getsockname(skt, &own));
  CHECK(strcmp(own.host, name) == 0);
  CHECK(unlink(name) == 0);
  close_folder();
}

static void bad_paths_are_told(void)
{
  char longest[200];
  copas_socket *skt;
  open_folder();
  memset(longest, 'x', sizeof longest - 1);
  longest[sizeof longest - 1] = 0;
  CHECK_STATUS(copas_bind_unix(c, NULL, 0, &skt), COPAS_INVALID);
  CHECK_STATUS(copas_bind_unix(c, "", 0, &skt), COPAS_INVALID);
  CHECK_STATUS(copas_bind_unix(c, longest, 0, &skt), COPAS_INVALID);
  CHECK_STATUS(copas_bind_unix(c, path, 99, &skt), COPAS_INVALID);
  CHECK_STATUS(copas_bind_unix(c, path, 0, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_bind_unix(c, "/no/such/folder/socket", 0, &skt), COPAS_SYSTEM);
  CHECK_STATUS(copas_connect_unix(c, path, 0, 1, &skt), COPAS_SYSTEM);
  CHECK_STATUS(copas_connect_unix(c, path, 2, 1, &skt), COPAS_INVALID);
  close_folder();
}

int main(void)
{
  RUN(streams_connect_by_a_path);
  RUN(streams_connect_by_an_abstract_name);
  RUN(a_path_in_use_is_told_and_a_left_over_one_can_be_replaced);
  RUN(datagrams_are_sent_by_paths);
  RUN(a_sender_waits_while_the_buffer_is_full);
  RUN(all_senders_go_on_when_there_is_room_again);
  RUN(a_close_from_elsewhere_wakes_all_senders);
  RUN(a_sender_to_a_full_queue_does_not_spin);
  RUN(a_sender_to_a_full_queue_is_woken);
  RUN(a_full_queue_makes_the_client_wait);
  RUN(names_have_at_most_107_bytes);
  RUN(bad_paths_are_told);
  return check_report();
}
