/* SPDX-License-Identifier: MIT */
/* copas_starttls(): connections that begin in clear. */
#include "tls.h"

static copas *c;
static copas_tls_context *server_context, *client_context;
static copas_socket *near, *far;

/* Two plain ends of one connection. */
static void begin(void)
{
  int fds[2];
  c = net_new(NULL);
  server_context = tls_server(c, "server");
  client_context = tls_client(c, "ca");
  CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) == 0);
  CHECK_OK(copas_wrap(c, fds[0], &near));
  CHECK_OK(copas_wrap(c, fds[1], &far));
}

static void end(void)
{
  CHECK_OK(copas_tls_context_release(server_context));
  CHECK_OK(copas_tls_context_release(client_context));
  CHECK_OK(copas_free(c));
}

static copas_status far_status;
static int far_done;

/* A server that greets in clear, and goes on encrypted when it is asked to. */
static void serve_far(void *user)
{
  copas_bytes line;
  (void)user;
  copas_send(far, "220 ready\r\n", 11);
  if (copas_receive(far, COPAS_LINE, &line) == COPAS_OK && line.len == 8) {
    copas_send(far, "220 go ahead\r\n", 14);
    far_status = copas_starttls(far, server_context, NULL);
    if (far_status == COPAS_OK) far_status = copas_receive(far, COPAS_LINE, &line);
    if (far_status == COPAS_OK) far_status = copas_send(far, line.data, line.len);
  }
  copas_close(far);
  far_done = 1;
}

static void start_far(void)
{
  far_done = 0;
  far_status = COPAS_FAILED;
  CHECK_OK(copas_addthread(c, serve_far, NULL, NULL));
}

static void a_connection_that_began_in_clear_goes_on_encrypted(void)
{
  copas_bytes bytes;
  begin();
  start_far();
  CHECK_OK(copas_receive(near, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "220 ready");
  CHECK_OK(copas_send(near, "STARTTLS\r\n", 10));
  CHECK_OK(copas_receive(near, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "220 go ahead");
  CHECK_OK(copas_starttls(near, client_context, "localhost"));
  CHECK_OK(copas_send(near, "in secret\n", 10));
  CHECK_OK(copas_receive(near, COPAS_ALL, &bytes));
  CHECK_BYTES(bytes, "in secret");
  net_until(c, &far_done, 1);
  CHECK_OK(far_status);
  end();
}

static void plain_bytes_behind_the_command_are_not_taken_for_secret_ones(void)
{
  begin();
  start_far();
  CHECK_OK(copas_send(near, "STARTTLS\r\nMAIL FROM:<mallory>\r\n", 31));
  net_until(c, &far_done, 1);
  CHECK_STATUS(far_status, COPAS_TLS_FAILED);
  end();
}

/* What a server does behind a proxy that tells it the client's address first. */
static void serve_behind_proxy(void *user)
{
  copas_bytes line;
  (void)user;
  CHECK_OK(copas_receive(far, COPAS_LINE, &line));
  CHECK_BYTES(line, "PROXY TCP4 192.0.2.1");
  far_status = copas_starttls(far, server_context, NULL);
  copas_send(far, "seen", 4);
  copas_close(far);
  far_done = 1;
}

static void a_handshake_that_was_received_already_counts(void)
{
  copas_bytes bytes;
  begin();
  far_done = 0;
  CHECK_OK(copas_send(near, "PROXY TCP4 192.0.2.1\r\n", 22));
  CHECK_OK(copas_addthread(c, serve_behind_proxy, NULL, NULL));
  CHECK_OK(copas_starttls(near, client_context, "localhost"));
  CHECK_OK(copas_receive(near, COPAS_ALL, &bytes));
  CHECK_BYTES(bytes, "seen");
  net_until(c, &far_done, 1);
  CHECK_OK(far_status);
  end();
}

static void upgrade_far(void *user)
{
  (void)user;
  far_status = copas_starttls(far, server_context, NULL);
  far_done = 1;
}

static void a_refused_certificate_ends_the_connection_on_both_sides(void)
{
  copas_bytes bytes;
  copas_error_info info = {.size = sizeof info};
  begin();
  far_done = 0;
  CHECK_OK(copas_addthread(c, upgrade_far, NULL, NULL));
  CHECK_STATUS(copas_starttls(near, client_context, "example.org"), COPAS_UNTRUSTED);
  net_until(c, &far_done, 1);
  CHECK_STATUS(far_status, COPAS_TLS_FAILED);
  CHECK_STATUS(copas_send(near, "secret", 6), COPAS_UNTRUSTED);
  CHECK_STATUS(copas_receive_some(near, &bytes), COPAS_UNTRUSTED);
  CHECK_OK(copas_error(c, &info));
  CHECK(strstr(info.text, "example.org") != NULL);
  CHECK_STATUS(copas_flush(near), COPAS_UNTRUSTED);
  CHECK_OK(copas_close(near));
  CHECK_OK(copas_close(far));
  end();
}

static void a_canceled_upgrade_leaves_nothing_plain(void)
{
  copas_thread *thread;
  copas_bytes bytes;
  begin();
  far_done = 0;
  CHECK_OK(copas_addthread(c, upgrade_far, NULL, &thread));
  net_settle(c);
  CHECK_STATUS(copas_receive_some(far, &bytes), COPAS_BUSY);
  CHECK_OK(copas_removethread(thread));
  net_until(c, &far_done, 1);
  CHECK_STATUS(far_status, COPAS_CANCELED);
  CHECK_OK(copas_send(near, "in clear\n", 9));
  CHECK_STATUS(copas_receive(far, COPAS_LINE, &bytes), COPAS_CLOSED);
  CHECK_STATUS(copas_send(far, "secret", 6), COPAS_CLOSED);
  end();
}

static copas_status sent_status;

static void upgrade_far_when_canceled(void *user)
{
  (void)user;
  CHECK_OK(copas_removethread(copas_running()));
  far_status = copas_starttls(far, server_context, NULL);
  sent_status = copas_send(far, "secret", 6);
  far_done = 1;
}

static void an_upgrade_that_is_canceled_before_it_begins_leaves_nothing_plain(void)
{
  copas_bytes bytes;
  begin();
  far_done = 0;
  CHECK_OK(copas_addthread(c, upgrade_far_when_canceled, NULL, NULL));
  net_until(c, &far_done, 1);
  CHECK_STATUS(far_status, COPAS_CANCELED);
  CHECK_STATUS(sent_status, COPAS_TLS_FAILED);
  CHECK_OK(copas_settimeout(near, 0));
  CHECK_STATUS(copas_receive_some(near, &bytes), COPAS_TIMEOUT);
  end();
}

/* More than the kernel takes. */
enum { STUCK = 40000 };

/* Begins with what does not fit into the kernel's buffer on its way; gives the other end. */
static int begin_stuck(void)
{
  static char block[STUCK];
  int fd;
  c = net_new(NULL);
  server_context = tls_server(c, "server");
  client_context = tls_client(c, "ca");
  fd = net_narrow_pair(c, &far);
  CHECK_OK(copas_send(far, block, sizeof block));
  far_done = 0;
  return fd;
}

static void an_upgrade_that_ends_before_its_handshake_hides_what_came_in_clear(void)
{
  copas_thread *thread;
  copas_bytes bytes;
  int fd = begin_stuck();
  net_puts(fd, "STARTTLS\nMAIL FROM:<mallory>\n");
  CHECK_OK(copas_receive(far, COPAS_LINE, &bytes));
  CHECK_OK(copas_addthread(c, upgrade_far, NULL, &thread));
  net_settle(c);
  CHECK_OK(copas_removethread(thread));
  net_until(c, &far_done, 1);
  CHECK_STATUS(far_status, COPAS_CANCELED);
  CHECK_STATUS(copas_receive(far, COPAS_LINE, &bytes), COPAS_TLS_FAILED);
  CHECK_NUMBER(bytes.len, 0);
  CHECK(close(fd) == 0);
  end();
}

static int sent;

static void send_far(void *user)
{
  static char block[300000];
  (void)user;
  CHECK_OK(copas_send(far, block, sizeof block));
  sent = 1;
}

static void senders_wait_for_the_handshake(void)
{
  copas_bytes bytes;
  begin();
  far_done = sent = 0;
  CHECK_OK(copas_addthread(c, upgrade_far, NULL, NULL));
  net_settle(c);
  CHECK_OK(copas_addthread(c, send_far, NULL, NULL));
  net_settle(c);
  CHECK_NUMBER(sent, 0);
  CHECK_OK(copas_starttls(near, client_context, "localhost"));
  CHECK_OK(copas_receive(near, 300000, &bytes));
  net_until(c, &sent, 1);
  CHECK_NUMBER(far_done, 1);
  end();
}

static void send_a_secret(void *user)
{
  (void)user;
  sent_status = copas_send(far, "in secret\n", 10);
}

static void begin_to_send_a_secret(void)
{
  sent_status = COPAS_FAILED;
  CHECK_OK(copas_addthread(c, send_a_secret, NULL, NULL));
}

/* Takes what was sent in clear from the other end, then encrypts that too. */
static void encrypt_near(int fd)
{
  copas_bytes bytes;
  CHECK_OK(copas_wrap(c, fd, &near));
  CHECK_OK(copas_receive(near, STUCK, &bytes));
  CHECK_OK(copas_starttls(near, client_context, "localhost"));
}

static void what_is_sent_while_an_upgrade_waits_for_the_kernel_is_encrypted(void)
{
  copas_bytes bytes;
  int fd = begin_stuck();
  CHECK_OK(copas_addthread(c, upgrade_far, NULL, NULL));
  net_settle(c);
  begin_to_send_a_secret();
  net_settle(c);
  CHECK_STATUS(sent_status, COPAS_FAILED);
  encrypt_near(fd);
  CHECK_OK(copas_receive(near, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "in secret");
  CHECK_OK(sent_status);
  end();
}

static void what_is_submitted_while_an_upgrade_waits_for_the_kernel_is_encrypted(void)
{
  copas_event event = {0};
  copas_bytes bytes;
  size_t taken;
  int fd = begin_stuck();
  CHECK_OK(copas_addthread(c, upgrade_far, NULL, NULL));
  net_settle(c);
  CHECK_OK(copas_submit_send(far, "in secret\n", 10, 0, 7, &taken, NULL, NULL));
  CHECK_NUMBER(taken, 0);
  CHECK_NUMBER(copas_poll(c, &event, 1, 0), 0);
  encrypt_near(fd);
  while (copas_poll(c, &event, 1, NET_PATIENCE) == 0) continue;
  CHECK_NUMBER(event.token, 7);
  CHECK_NUMBER(copas_submit_send(far, "in secret\n", 10, 0, 8, &taken, &event, NULL), 1);
  CHECK_NUMBER(taken, 10);
  CHECK_OK(copas_receive(near, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "in secret");
  end();
}

static void who_sends_while_an_upgrade_fails_learns_it(void)
{
  copas_thread *thread;
  int fd = begin_stuck();
  CHECK_OK(copas_addthread(c, upgrade_far, NULL, &thread));
  net_settle(c);
  begin_to_send_a_secret();
  net_settle(c);
  CHECK_OK(copas_removethread(thread));
  net_settle(c);
  CHECK_STATUS(sent_status, COPAS_TLS_FAILED);
  CHECK(close(fd) == 0);
  end();
}

static void each_upgrade_counts_for_the_context_that_it_was_given(void)
{
  copas_event event;
  copas_operation *operation;
  begin();
  copas_tls_context *other = tls_client(c, "ca");
  far_done = 0;
  CHECK_OK(copas_addthread(c, upgrade_far, NULL, NULL));
  CHECK_OK(copas_starttls(near, client_context, "localhost"));
  net_until(c, &far_done, 1);
  CHECK_STATUS(copas_starttls(near, other, "localhost"), COPAS_UNSUPPORTED);
  CHECK_NUMBER(tls_stats(client_context).handshakes, 1);
  CHECK_NUMBER(tls_stats(client_context).failed, 0);
  CHECK_NUMBER(tls_stats(server_context).handshakes, 1);
  CHECK_NUMBER(tls_stats(other).failed, 0);
  CHECK_OK(copas_tls_context_release(other));
  end();
  /* One that is given up amid its handshake, one that does not come so far. */
  begin();
  CHECK_OK(copas_submit_starttls(near, client_context, "localhost", 1, NULL, &operation));
  net_settle(c);
  CHECK_OK(copas_submit_cancel(operation));
  while (copas_poll(c, &event, 1, NET_PATIENCE) == 0) continue;
  CHECK_STATUS(event.status, COPAS_CANCELED);
  CHECK_NUMBER(tls_stats(client_context).failed, 1);
  end();
  int fd = begin_stuck();
  CHECK_OK(copas_addthread(c, upgrade_far, NULL, NULL));
  net_settle(c);
  CHECK_OK(copas_close(far));
  net_until(c, &far_done, 1);
  CHECK_NUMBER(tls_stats(server_context).failed, 1);
  CHECK(close(fd) == 0);
  end();
}

static void a_send_that_is_half_done_keeps_an_upgrade_away(void)
{
  static char memory[340000];
  int fd = begin_stuck();
  sent = 0;
  CHECK_OK(copas_addthread(c, send_far, NULL, NULL));
  net_settle(c);
  CHECK_NUMBER(sent, 0);
  CHECK_STATUS(copas_starttls(far, server_context, NULL), COPAS_BUSY);
  net_take(c, fd, memory, sizeof memory);
  CHECK_NUMBER(sent, 1);
  CHECK(close(fd) == 0);
  end();
}

static void a_closed_socket_ends_its_upgrade(void)
{
  begin();
  far_done = 0;
  CHECK_OK(copas_addthread(c, upgrade_far, NULL, NULL));
  net_settle(c);
  CHECK_OK(copas_close(far));
  net_until(c, &far_done, 1);
  CHECK_STATUS(far_status, COPAS_CLOSED);
  end();
}

static void a_half_close_waits_for_the_handshake(void)
{
  copas_bytes bytes;
  begin();
  far_done = 0;
  CHECK_OK(copas_addthread(c, upgrade_far, NULL, NULL));
  net_settle(c);
  CHECK_OK(copas_shut(far, COPAS_SHUT_SEND));
  CHECK_OK(copas_starttls(near, client_context, "localhost"));
  CHECK_STATUS(copas_receive_some(near, &bytes), COPAS_CLOSED);
  CHECK_NUMBER(far_done, 1);
  CHECK_OK(far_status);
  CHECK_OK(copas_send(near, "this way still", 14));
  CHECK_OK(copas_receive(far, 14, &bytes));
  CHECK_BYTES(bytes, "this way still");
  end();
}

static void a_close_before_the_handshake_writes_what_was_sent_in_clear(void)
{
  static char memory[STUCK];
  int fd = begin_stuck();
  CHECK_OK(copas_addthread(c, upgrade_far, NULL, NULL));
  net_settle(c);
  CHECK_OK(copas_close(far));
  net_until(c, &far_done, 1);
  CHECK_STATUS(far_status, COPAS_CLOSED);
  net_take(c, fd, memory, sizeof memory);
  net_expect_end(c, fd);
  CHECK(close(fd) == 0);
  end();
}

static void names_are_for_clients(void)
{
  begin();
  CHECK_STATUS(copas_starttls(near, client_context, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_starttls(near, client_context, "no name at all"), COPAS_INVALID);
  CHECK_STATUS(copas_starttls(near, server_context, "localhost"), COPAS_INVALID);
  CHECK_STATUS(copas_starttls(near, NULL, "localhost"), COPAS_INVALID);
  /* Nothing has happened. */
  copas_bytes line;
  CHECK_OK(copas_send(near, "plain\n", 6));
  CHECK_OK(copas_receive(far, COPAS_LINE, &line));
  CHECK_BYTES(line, "plain");
  end();
}

int main(void)
{
  tls_begin();
  RUN(a_connection_that_began_in_clear_goes_on_encrypted);
  RUN(plain_bytes_behind_the_command_are_not_taken_for_secret_ones);
  RUN(a_handshake_that_was_received_already_counts);
  RUN(a_refused_certificate_ends_the_connection_on_both_sides);
  RUN(a_canceled_upgrade_leaves_nothing_plain);
  RUN(an_upgrade_that_is_canceled_before_it_begins_leaves_nothing_plain);
  RUN(an_upgrade_that_ends_before_its_handshake_hides_what_came_in_clear);
  RUN(senders_wait_for_the_handshake);
  RUN(what_is_sent_while_an_upgrade_waits_for_the_kernel_is_encrypted);
  RUN(what_is_submitted_while_an_upgrade_waits_for_the_kernel_is_encrypted);
  RUN(who_sends_while_an_upgrade_fails_learns_it);
  RUN(each_upgrade_counts_for_the_context_that_it_was_given);
  RUN(a_send_that_is_half_done_keeps_an_upgrade_away);
  RUN(a_closed_socket_ends_its_upgrade);
  RUN(a_half_close_waits_for_the_handshake);
  RUN(a_close_before_the_handshake_writes_what_was_sent_in_clear);
  RUN(names_are_for_clients);
  return check_report();
}
