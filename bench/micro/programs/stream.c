/* SPDX-License-Identifier: MIT */
/* Streams: receiving a line that is there already, sending few bytes, and whole requests. */
#include "micro.h"

#define LINE "a line of 20 letters"
#define LINE_LEN (sizeof LINE - 1)
#define CONNECTIONS 100

static copas_socket *skt;
static int peer;

static void receive_lines(copas *c, long n)
{
  char lines[MICRO_BATCH * (LINE_LEN + 1)];
  copas_bytes line;
  (void)c;
  for (int k = 0; k < MICRO_BATCH; k++) memcpy(lines + k * (LINE_LEN + 1), LINE "\n", LINE_LEN + 1);
  for (long i = 0; i < n; i += MICRO_BATCH) {
    micro_must(write(peer, lines, sizeof lines) == sizeof lines, "write");
    for (int k = 0; k < MICRO_BATCH; k++) MICRO_OK(copas_receive(skt, COPAS_LINE, &line));
  }
}

static void receiver(void *user)
{
  micro_measure(receive_lines, user);
}

static void send_bytes(copas *c, long n)
{
  char sent[MICRO_BATCH * LINE_LEN];
  (void)c;
  for (long i = 0; i < n; i += MICRO_BATCH) {
    for (int k = 0; k < MICRO_BATCH; k++) MICRO_OK(copas_send(skt, LINE, LINE_LEN));
    MICRO_OK(copas_flush(skt));
    micro_must(read(peer, sent, sizeof sent) == sizeof sent, "read");
  }
}

static void sender(void *user)
{
  micro_measure(send_bytes, user);
}

static void measure_in_coroutine(copas *c, copas_thread_fn fn)
{
  peer = micro_pair(c, &skt);
  MICRO_OK(copas_addthread(c, fn, c, NULL));
  MICRO_OK(copas_loop(c, COPAS_FOREVER));
  close(peer);
}

/* The system call that fetches the lines of a batch is in it, by its share. */
static void measure_receive(copas *c)
{
  measure_in_coroutine(c, receiver);
}

/* The system call that sends the bytes of a batch is in it, by its share. */
static void measure_send(copas *c)
{
  measure_in_coroutine(c, sender);
}

static int peers[CONNECTIONS];
static int connections;

static void echo(void *user)
{
  copas_bytes line;
  while (copas_receive(user, COPAS_LINE, &line) == COPAS_OK) {
    MICRO_OK(copas_send(user, line.data, line.len));
    MICRO_OK(copas_send(user, "\n", 1));
  }
}

/* The client's two system calls are in it. */
static void request(copas *c, long n)
{
  char answer[LINE_LEN + 2];
  for (long i = 0; i < n; i += connections) {
    for (int k = 0; k < connections; k++)
      micro_must(write(peers[k], LINE "\n", LINE_LEN + 1) == LINE_LEN + 1, "write");
    MICRO_OK(copas_step(c, 0));
    for (int k = 0; k < connections; k++)
      micro_must(read(peers[k], answer, sizeof answer) == LINE_LEN + 1, "read");
  }
}

static void measure_requests(copas *c, int number, double timeout)
{
  connections = number;
  for (int k = 0; k < connections; k++) {
    peers[k] = micro_pair(c, &skt);
    MICRO_OK(copas_settimeout(skt, timeout));
    MICRO_OK(copas_addthread(c, echo, skt, NULL));
  }
  MICRO_OK(copas_step(c, 0));
  micro_measure(request, c);
  for (int k = 0; k < connections; k++) close(peers[k]);
  MICRO_OK(copas_loop(c, COPAS_FOREVER));
}

static void measure_request(copas *c)
{
  measure_requests(c, 1, COPAS_FOREVER);
}

static void measure_request_of_100(copas *c)
{
  measure_requests(c, CONNECTIONS, COPAS_FOREVER);
}

static void measure_request_with_limit(copas *c)
{
  measure_requests(c, CONNECTIONS, 60);
}

int main(int argc, char **argv)
{
  static const struct micro_operation operations[] = {{"receive", measure_receive},
                                                      {"send", measure_send},
                                                      {"request", measure_request},
                                                      {"request-100", measure_request_of_100},
                                                      {"request-limit", measure_request_with_limit},
                                                      {NULL, NULL}};
  return micro_main(argc, argv, operations);
}
