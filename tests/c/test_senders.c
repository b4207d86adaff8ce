/* SPDX-License-Identifier: MIT */
/* Several coroutines that send on one socket: first come, first sent, and whole. */
#include "network.h"

static copas *c;
static copas_socket *skt;
static int peer;

#define MESSAGE 200000

static void send_message(void *user)
{
  char *memory = net_allocate(MESSAGE);
  memset(memory, *(const char *)user, MESSAGE);
  CHECK_OK(copas_send(skt, memory, MESSAGE));
  CHECK_OK(copas_send(skt, "\n", 1));
  free(memory);
}

static void read_messages(void *user)
{
  size_t got = 0, ends_seen = 0;
  (void)user;
  while (got < 3 * MESSAGE || ends_seen < 3) {
    char block[5000];
    ssize_t n = recv(peer, block, sizeof block, MSG_DONTWAIT), i;
    for (i = 0; i < n; i++) {
      if (block[i] == '\n' && got % MESSAGE == 0) {
        ends_seen++;
      } else {
        if (block[i] != "abc"[got / MESSAGE]) CHECK_FAIL("byte %zu is '%c'", got, block[i]);
        got++;
      }
    }
    CHECK_OK(copas_pause(c, 0, NULL));
  }
}

static void several_senders_keep_their_order_and_never_interleave(void)
{
  static char names[3] = {'a', 'b', 'c'};
  int i;
  c = net_new(NULL);
  peer = net_tcp(c, &skt);
  CHECK_OK(copas_setoption(skt, COPAS_SEND_BUFFER, 8192));
  for (i = 0; i < 3; i++) CHECK_OK(copas_addthread(c, send_message, &names[i], NULL));
  CHECK_OK(copas_addthread(c, read_messages, NULL, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  close(peer);
  CHECK_OK(copas_free(c));
}

enum { SENDERS = 6 };

static int messages, senders_done;

/* Messages of all sizes: a letter, the length, then that many of the letter. */
static void send_messages(void *user)
{
  char letter = *(const char *)user, head[32];
  unsigned state = (unsigned)letter * 7919u;
  char *memory = net_allocate(150000);
  memset(memory, letter, 150000);
  for (int i = 0; i < messages; i++) {
    state = state * 1103515245u + 12345u;
    size_t len = i % 3 == 0 ? (state >> 8) % 150000 : (state >> 8) % 3000;
    char *message = net_allocate(len + sizeof head);
    int start = snprintf(message, sizeof head, "%c%zu\n", letter, len);
    memcpy(message + start, memory, len);
    CHECK_OK(copas_send(skt, message, (size_t)start + len));
    free(message);
    if ((state >> 20) % 4 == 0) CHECK_OK(copas_pause(c, 0, NULL));
  }
  free(memory);
  senders_done++;
}

/* Reads one message of the narrow pair's other side, in pieces, letting the senders run. */
static int read_message(copas_socket *in)
{
  copas_bytes bytes;
  char letter;
  if (copas_receive(in, COPAS_LINE, &bytes) != COPAS_OK) return 0;
  letter = bytes.data[0];
  size_t left = strtoul(bytes.data + 1, NULL, 10);
  while (left > 0) {
    size_t n = left < 7000 ? left : 7000;
    CHECK_OK(copas_receive(in, (int64_t)n, &bytes));
    for (size_t i = 0; i < n; i++)
      if (bytes.data[i] != letter) CHECK_FAIL("'%c' in a message of '%c'", bytes.data[i], letter);
    left -= n;
  }
  return 1;
}

static void read_all_messages(void *user)
{
  for (int i = 0; i < SENDERS * messages; i++) CHECK(read_message(user));
}

static void messages_that_race_for_room_never_interleave(void)
{
  static char letters[SENDERS] = "abcdef";
  copas_socket *in;
  c = net_new(NULL);
  peer = net_narrow_pair(c, &skt);
  CHECK_OK(copas_wrap(c, peer, &in));
  messages = check_small() ? 5 : 60;
  senders_done = 0;
  CHECK_OK(copas_addthread(c, read_all_messages, in, NULL));
  for (int i = 0; i < SENDERS; i++)
    CHECK_OK(copas_addthread(c, send_messages, &letters[i], NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(senders_done, SENDERS);
  CHECK_OK(copas_free(c));
}

static int flushed;

static void flush_all(void *user)
{
  (void)user;
  CHECK_OK(copas_flush(skt));
  flushed = 1;
}

/* The kernel's word that there is room must reach the flush, although somebody has looked meanwhile. */
static void a_look_that_does_not_wait_hides_no_room_from_those_who_wait(void)
{
  static char block[60000];
  copas_choice choices[] = {{.kind = COPAS_CHOICE_RECEIVE}, {.kind = COPAS_CHOICE_SEND}};
  size_t taken;
  c = net_new(NULL);
  peer = net_tcp(c, &skt);
  choices[0].handle = choices[1].handle = skt;
  CHECK_OK(copas_setoption(skt, COPAS_SEND_BUFFER, 8192));
  CHECK_OK(copas_settimeouts(skt, -1, 0.02, -1));
  while (copas_send_part(skt, block, sizeof block, &taken) == COPAS_OK) continue;
  CHECK_OK(copas_settimeouts(skt, -1, -1, -1));
  flushed = 0;
  CHECK_OK(copas_addthread(c, flush_all, NULL, NULL));
  CHECK(copas_step(c, 0) >= 0);
  CHECK_STATUS(copas_select(c, &choices[0], 1, 0), COPAS_TIMEOUT);
  /* The kernel may have found some room by now. */
  int found = copas_select(c, &choices[1], 1, 0);
  CHECK(found == 0 || found == COPAS_TIMEOUT);
  for (double end = net_seconds() + NET_PATIENCE; !flushed;) {
    while (recv(peer, block, sizeof block, MSG_DONTWAIT) > 0) continue;
    net_step(c);
    CHECK(net_seconds() < end);
  }
  CHECK_OK(copas_close(skt));
  close(peer);
  CHECK_OK(copas_free(c));
}

int main(void)
{
  RUN(a_look_that_does_not_wait_hides_no_room_from_those_who_wait);
  RUN(several_senders_keep_their_order_and_never_interleave);
  RUN(messages_that_race_for_room_never_interleave);
  return check_report();
}
