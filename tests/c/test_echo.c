/* SPDX-License-Identifier: MIT */
/* Sending borrowed bytes back on the socket that they came from: what arrives is what was sent, in
 * that order, however it is cut, whatever else is sent, and however slowly the peer reads. */
#include "network.h"

#define MOST (4 << 20)

static copas *c;
static copas_socket *skt, *other;
static char *expected;
static size_t sent, arrived, to_come;
static unsigned seed;

static unsigned below(unsigned limit)
{
  seed = seed * 1664525u + 1013904223u;
  return (seed >> 8) % limit;
}

static void must_send(const char *data, size_t len)
{
  CHECK(sent + len <= MOST);
  memcpy(expected + sent, data, len);
  sent += len;
  CHECK_OK(copas_send(skt, data, len));
}

/* Sends of borrowed bytes in one of the ways in which a program may. */
static void send_back(copas_bytes line)
{
  size_t middle = line.len == 0 ? 0 : below((unsigned)line.len);
  switch (below(9)) {
  case 0: must_send(line.data, line.len); must_send("\n", 1); break;
  case 1: must_send(line.data, line.len); must_send("\r\n", 2); break;
  case 2: must_send(line.data, middle); must_send(line.data + middle, line.len - middle); break;
  case 3: must_send(line.data + middle, line.len - middle); must_send(line.data, middle); break;
  case 4: must_send("own ", 4); must_send(line.data, line.len); must_send(" text", 5); break;
  case 5: must_send(line.data, line.len); must_send(line.data, line.len); break;
  case 6: must_send(line.data, middle); must_send("x", 1); must_send("", 0); break;
  default: must_send(line.data, line.len); break;
  }
}

static copas_status receive_somehow(copas_bytes *bytes)
{
  static char memory[64];
  size_t got;
  copas_status status;
  switch (below(10)) {
  case 0: return copas_receive(skt, (int64_t)below(3000), bytes);
  case 1: return copas_receive_until(skt, "ab", 2, bytes);
  case 2: return copas_receive_some(skt, bytes);
  case 3:
    status = copas_receive_into(skt, memory, 1 + below(sizeof memory), &got);
    bytes->data = memory;
    bytes->len = got;
    return status;
  case 4:
  case 5:
  case 6: return copas_receive(skt, COPAS_LINE_RAW, bytes);
  default: return copas_receive(skt, COPAS_LINE, bytes);
  }
}

static void send_back_at_random(void *user)
{
  copas_bytes bytes;
  copas_status status;
  (void)user;
  do {
    CHECK_OK(copas_settimeout(skt, below(50) == 0 ? 0 : 60));
    status = receive_somehow(&bytes);
    CHECK_OK(copas_settimeout(skt, 60));
    CHECK(status == COPAS_OK || status == COPAS_TIMEOUT || status == COPAS_CLOSED);
    send_back(bytes);
    if (below(40) == 0) CHECK_OK(copas_pause(c, 0, NULL));
    if (below(200) == 0) CHECK_OK(copas_flush(skt));
  } while (status != COPAS_CLOSED);
  if (below(2) == 0) CHECK_OK(copas_flush(skt));
  CHECK_OK(copas_close(skt));
}

static void send_lines(void *user)
{
  static char block[8192];
  size_t left = to_come, i, len;
  (void)user;
  while (left != 0) {
    len = 1 + below(below(4) == 0 ? sizeof block : 200);
    if (len > left) len = left;
    for (i = 0; i < len; i++)
      block[i] = below(40) == 0 ? '\n' : below(60) == 0 ? '\r' : (char)('a' + below(26));
    CHECK_OK(copas_send(other, block, len));
    left -= len;
    if (below(8) == 0) CHECK_OK(copas_pause(c, 0, NULL));
  }
  CHECK_OK(copas_shut(other, COPAS_SHUT_SEND));
}

static void compare_all(void *user)
{
  copas_bytes bytes;
  (void)user;
  for (;;) {
    copas_status status = copas_receive_some(other, &bytes);
    if (status == COPAS_CLOSED) break;
    CHECK_OK(status);
    CHECK(arrived + bytes.len <= sent);
    CHECK(memcmp(expected + arrived, bytes.data, bytes.len) == 0);
    arrived += bytes.len;
    if (below(3) != 0) CHECK_OK(copas_pause(c, 0, NULL));
  }
}

/* Two ends, with a small buffer in the kernel if that is given, so that writes are taken in part. */
static void open_ends(int buffer)
{
  int raw;
  c = net_new(NULL);
  raw = net_tcp(c, &skt);
  CHECK_OK(copas_wrap(c, raw, &other));
  if (buffer != 0) CHECK_OK(copas_setoption(skt, COPAS_SEND_BUFFER, buffer));
  sent = arrived = 0;
}

static void run_at_random(int buffer, size_t bytes)
{
  open_ends(buffer);
  to_come = bytes;
  CHECK_OK(copas_addthread(c, send_back_at_random, NULL, NULL));
  CHECK_OK(copas_addthread(c, send_lines, NULL, NULL));
  CHECK_OK(copas_addthread(c, compare_all, NULL, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(arrived, sent);
  CHECK_OK(copas_free(c));
}

static void what_is_sent_back_arrives_whole_and_in_order(void)
{
  for (seed = 1; seed <= (check_small() ? 3 : 40); seed++) {
    unsigned first = seed;
    run_at_random(first % 2 == 0 ? 4096 : 0, check_small() ? 50000 : 400000);
    seed = first;
  }
}

static const char *const lines = "one\ntwo\r\nthree\n";

static void send_lines_back(void *user)
{
  copas_bytes line;
  (void)user;
  while (copas_receive(skt, COPAS_LINE, &line) == COPAS_OK) {
    CHECK_OK(copas_send(skt, line.data, line.len));
    CHECK_OK(copas_send(skt, "\n", 1));
  }
  CHECK_OK(copas_abort(skt));
}

static void lines_that_wait_together_are_answered_together(void)
{
  int peer;
  c = net_new(NULL);
  peer = net_tcp(c, &skt);
  CHECK_OK(copas_addthread(c, send_lines_back, NULL, NULL));
  net_settle(c);
  CHECK_NUMBER(write(peer, lines, strlen(lines)), strlen(lines));
  net_expect(c, peer, "one\ntwo\nthree\n");
  close(peer);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
}

static copas_bytes first, second;

static void send_and_sleep(void *user)
{
  (void)user;
  CHECK_OK(copas_receive(skt, COPAS_LINE_RAW, &first));
  CHECK_OK(copas_send(skt, first.data, first.len));
  CHECK_OK(copas_pause(c, 0, NULL));
  CHECK_OK(copas_pauseforever(c));
  CHECK_BYTES(first, "one\n");
  CHECK_OK(copas_send(skt, first.data, first.len));
}

static void receive_too(void *user)
{
  CHECK_OK(copas_receive(skt, COPAS_LINE_RAW, &second));
  CHECK_OK(copas_send(skt, second.data, second.len));
  CHECK_NUMBER(copas_wakeup((copas_thread *)user), 1);
}

static void bytes_stay_lent_where_another_coroutine_receives_and_sends(void)
{
  int peer;
  copas_thread *sleeper;
  c = net_new(NULL);
  peer = net_tcp(c, &skt);
  CHECK_NUMBER(write(peer, lines, strlen(lines)), strlen(lines));
  CHECK_OK(copas_addthread(c, send_and_sleep, NULL, &sleeper));
  net_settle(c);
  CHECK_OK(copas_addthread(c, receive_too, sleeper, NULL));
  net_settle(c);
  net_expect(c, peer, "one\ntwo\r\none\n");
  close(peer);
  CHECK_OK(copas_free(c));
}

static copas_bytes of_another;

static void borrow_and_stay(void *user)
{
  (void)user;
  CHECK_OK(copas_receive(skt, COPAS_LINE, &of_another));
  CHECK_STATUS(copas_pauseforever(c), COPAS_CANCELED);
}

static void send_it_when_canceled(void *user)
{
  copas_bytes bytes;
  (void)user;
  CHECK_STATUS(copas_pauseforever(c), COPAS_CANCELED);
  CHECK_OK(copas_send(skt, of_another.data, of_another.len));
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_CANCELED);
}

static void a_receive_that_is_canceled_loses_nothing_that_was_sent_back(void)
{
  copas_thread *sender;
  c = net_new(NULL);
  int peer = net_tcp(c, &skt);
  CHECK_OK(copas_addthread(c, send_it_when_canceled, NULL, &sender));
  CHECK_OK(copas_addthread(c, borrow_and_stay, NULL, NULL));
  net_puts(peer, "hello\nmore\n");
  net_settle(c);
  CHECK_OK(copas_removethread(sender));
  net_expect(c, peer, "hello");
  close(peer);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  expected = net_allocate(MOST);
  RUN(what_is_sent_back_arrives_whole_and_in_order);
  RUN(lines_that_wait_together_are_answered_together);
  RUN(bytes_stay_lent_where_another_coroutine_receives_and_sends);
  RUN(a_receive_that_is_canceled_loses_nothing_that_was_sent_back);
  free(expected);
  return check_report();
}
