/* SPDX-License-Identifier: MIT */
/* The receive patterns, what a failed receive shows, and how long lent bytes live. */
#include "network.h"

static copas *c;
static copas_socket *skt;
static int peer;
static copas_bytes bytes;

static void open_pair(void)
{
  c = net_new(NULL);
  peer = net_tcp(c, &skt);
  CHECK_OK(copas_settimeout(skt, 5));
}

static void close_pair(void)
{
  if (peer >= 0) close(peer);
  CHECK_OK(copas_free(c));
}

static void end_peer(void)
{
  close(peer);
  peer = -1;
}

static void a_line_loses_its_ending_and_every_cr(void)
{
  open_pair();
  net_puts(peer, "one\r\ntwo\n\n\rt\rh\rree\r\n");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "one");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "two");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "");
  CHECK(bytes.data != NULL);
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "three");
  close_pair();
}

static void nul_bytes_are_kept(void)
{
  open_pair();
  CHECK_NUMBER(write(peer, "a\0b\n", 4), 4);
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_NUMBER(bytes.len, 3);
  CHECK(memcmp(bytes.data, "a\0b", 3) == 0);
  close_pair();
}

static void a_raw_line_keeps_its_ending(void)
{
  open_pair();
  net_puts(peer, "a\rb\r\nrest");
  CHECK_OK(copas_receive(skt, COPAS_LINE_RAW, &bytes));
  CHECK_BYTES(bytes, "a\rb\r\n");
  close_pair();
}

static void all_is_everything_before_the_end(void)
{
  open_pair();
  net_puts(peer, "some\ndata");
  end_peer();
  CHECK_OK(copas_receive(skt, COPAS_ALL, &bytes));
  CHECK_BYTES(bytes, "some\ndata");
  CHECK_STATUS(copas_receive(skt, COPAS_ALL, &bytes), COPAS_CLOSED);
  CHECK_NUMBER(bytes.len, 0);
  close_pair();
}

static void all_of_nothing_is_closed(void)
{
  open_pair();
  end_peer();
  CHECK_STATUS(copas_receive(skt, COPAS_ALL, &bytes), COPAS_CLOSED);
  close_pair();
}

static void a_number_is_exactly_so_many_bytes(void)
{
  open_pair();
  net_puts(peer, "abcdefg");
  CHECK_OK(copas_receive(skt, 3, &bytes));
  CHECK_BYTES(bytes, "abc");
  CHECK_OK(copas_receive(skt, 0, &bytes));
  CHECK_BYTES(bytes, "");
  CHECK(bytes.data != NULL);
  CHECK_OK(copas_receive(skt, 4, &bytes));
  CHECK_BYTES(bytes, "defg");
  CHECK_OK(copas_settimeout(skt, 0));
  CHECK_STATUS(copas_receive(skt, 0, &bytes), COPAS_TIMEOUT);
  CHECK_OK(copas_settimeout(skt, 5));
  end_peer();
  CHECK_STATUS(copas_receive(skt, 0, &bytes), COPAS_CLOSED);
  close_pair();
}

static void a_delimiter_is_found_wherever_it_is_split(void)
{
  const char *message = "aaab-aab|";
  size_t len = strlen(message), split;
  open_pair();
  for (split = 1; split < len; split++) {
    CHECK_NUMBER(write(peer, message, split), (long long)split);
    CHECK_OK(copas_settimeout(skt, 0));
    (void)!copas_receive_until(skt, "|", 1, &bytes);
    CHECK_OK(copas_settimeout(skt, 5));
    CHECK_NUMBER(write(peer, message + split, len - split), (long long)(len - split));
    CHECK_OK(copas_receive_until(skt, "aab", 3, &bytes));
    CHECK_BYTES(bytes, "a");
    CHECK_OK(copas_receive_until(skt, "aab", 3, &bytes));
    CHECK_BYTES(bytes, "-");
    CHECK_OK(copas_receive_until(skt, "|", 1, &bytes));
    CHECK_BYTES(bytes, "");
  }
  CHECK_STATUS(copas_receive_until(skt, NULL, 1, &bytes), COPAS_INVALID);
  CHECK_STATUS(copas_receive_until(skt, "", 0, &bytes), COPAS_INVALID);
  close_pair();
}

static void some_is_whatever_is_there(void)
{
  open_pair();
  net_puts(peer, "line\nrest");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_OK(copas_receive_some(skt, &bytes));
  CHECK_BYTES(bytes, "rest");
  end_peer();
  CHECK_STATUS(copas_receive_some(skt, &bytes), COPAS_CLOSED);
  close_pair();
}

static void receive_into_fills_the_callers_memory(void)
{
  static char memory[100000], sent[100000];
  size_t got, i;
  for (i = 0; i < sizeof sent; i++) sent[i] = (char)(i * 7 + i / 251);
  open_pair();
  net_puts(peer, "x\n");
  CHECK_NUMBER(write(peer, sent, sizeof sent), (long long)sizeof sent);
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_OK(copas_receive_into(skt, memory, sizeof memory, &got));
  CHECK_NUMBER(got, sizeof memory);
  CHECK(memcmp(memory, sent, sizeof sent) == 0);
  net_puts(peer, "part");
  CHECK_OK(copas_settimeout(skt, 0));
  CHECK_STATUS(copas_receive_into(skt, memory, 10, &got), COPAS_TIMEOUT);
  CHECK_NUMBER(got, 4);
  CHECK_STATUS(copas_receive_some(skt, &bytes), COPAS_TIMEOUT);
  CHECK_OK(copas_receive_into(skt, NULL, 0, NULL));
  CHECK_STATUS(copas_receive_into(skt, NULL, 1, NULL), COPAS_INVALID);
  close_pair();
}

static void the_end_in_mid_line_shows_what_came(void)
{
  open_pair();
  net_puts(peer, "half\ra li");
  end_peer();
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_CLOSED);
  CHECK_BYTES(bytes, "half\ra li");
  CHECK_STATUS(copas_receive(skt, 100, &bytes), COPAS_CLOSED);
  CHECK_BYTES(bytes, "half\ra li");
  CHECK_OK(copas_receive_some(skt, &bytes));
  CHECK_BYTES(bytes, "half\ra li");
  close_pair();
}

static void a_timed_out_receive_loses_nothing(void)
{
  open_pair();
  CHECK_OK(copas_settimeout(skt, 0.01));
  net_puts(peer, "first ");
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  CHECK_BYTES(bytes, "first ");
  CHECK_STATUS(copas_receive(skt, COPAS_ALL, &bytes), COPAS_TIMEOUT);
  CHECK_BYTES(bytes, "first ");
  net_puts(peer, "second\n");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "first second");
  close_pair();
}

static int others, looked;

static void note_a_turn(void *user)
{
  (void)user;
  others++;
}

/* Once it has waited, so that nothing but the limit makes a difference. */
static void look_in_vain(void *user)
{
  (void)user;
  CHECK_OK(copas_settimeout(skt, 0.001));
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  CHECK_OK(copas_settimeout(skt, 0));
  CHECK_OK(copas_addthread(c, note_a_turn, NULL, NULL));
  for (int i = 0; i < 3; i++) {
    CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
    CHECK_STATUS(copas_receive_some(skt, &bytes), COPAS_TIMEOUT);
  }
  CHECK_NUMBER(others, 0);
  looked = 1;
}

static void a_limit_of_0_lets_nobody_else_run(void)
{
  others = looked = 0;
  open_pair();
  CHECK_OK(copas_addthread(c, look_in_vain, NULL, NULL));
  net_until(c, &looked, 1);
  close_pair();
}

static void limits_answer_too_long_and_keep_the_bytes(void)
{
  open_pair();
  CHECK_OK(copas_setlimits(skt, 5, 8));
  net_puts(peer, "12345\n123456\n");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "12345");
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TOO_LONG);
  CHECK_BYTES(bytes, "123456\n");
  CHECK_STATUS(copas_receive(skt, 9, &bytes), COPAS_TOO_LONG);
  CHECK_OK(copas_receive_some(skt, &bytes));
  CHECK_BYTES(bytes, "123456\n");
  net_puts(peer, "123456789");
  CHECK_STATUS(copas_receive(skt, COPAS_ALL, &bytes), COPAS_TOO_LONG);
  close_pair();
}

static void a_reset_in_mid_line_is_closed_with_its_errno(void)
{
  copas_error_info info;
  open_pair();
  net_puts(peer, "half");
  CHECK_OK(copas_settimeout(skt, 0.01));
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  net_reset(peer);
  peer = -1;
  CHECK_OK(copas_settimeout(skt, 5));
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_CLOSED);
  CHECK_BYTES(bytes, "half");
  info.size = sizeof info;
  CHECK_OK(copas_error(c, &info));
  CHECK_NUMBER(info.sys_errno, ECONNRESET);
  CHECK_NUMBER(info.status, COPAS_CLOSED);
  CHECK(info.text != NULL && info.text[0] != 0);
  close_pair();
}

static void all_before_a_reset_is_closed_and_shown(void)
{
  open_pair();
  net_puts(peer, "not all");
  CHECK_OK(copas_settimeout(skt, 0.01));
  CHECK_STATUS(copas_receive(skt, COPAS_ALL, &bytes), COPAS_TIMEOUT);
  CHECK_BYTES(bytes, "not all");
  net_reset(peer);
  peer = -1;
  CHECK_OK(copas_settimeout(skt, 5));
  /* An end would make it whole; a reset does not. Asked again it is shown again. */
  for (int i = 0; i < 2; i++) {
    CHECK_STATUS(copas_receive(skt, COPAS_ALL, &bytes), COPAS_CLOSED);
    CHECK_BYTES(bytes, "not all");
  }
  close_pair();
}

static void wrong_arguments_are_refused(void)
{
  copas_error_info info;
  open_pair();
  CHECK_STATUS(copas_receive(skt, -4, &bytes), COPAS_INVALID);
  info.size = sizeof info;
  CHECK_OK(copas_error(c, &info));
  CHECK(strstr(info.text, "COPAS_LINE") != NULL);
  CHECK_STATUS(copas_receive(skt, INT64_MIN, &bytes), COPAS_INVALID);
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, NULL), COPAS_INVALID);
  CHECK_STATUS(copas_receive(skt, INT64_MAX, &bytes), COPAS_TOO_LONG);
  close_pair();
}

static copas_bytes lent;
static int lender_done;

static void borrow_a_line(void *user)
{
  (void)user;
  CHECK_OK(copas_receive(skt, COPAS_LINE, &lent));
  CHECK_OK(copas_pause(c, 0.02, NULL));
  CHECK_BYTES(lent, "mine");
  lender_done = 1;
}

static void receive_the_next_lines(void *user)
{
  copas_bytes other;
  (void)user;
  CHECK_OK(copas_receive(skt, COPAS_LINE, &other));
  CHECK_BYTES(other, "other");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &other));
  CHECK_BYTES(other, "more!");
  CHECK_OK(copas_close(skt));
}

static void lent_bytes_outlive_a_receive_and_a_close_by_others(void)
{
  open_pair();
  net_puts(peer, "mine\nother\nmore!\n");
  lender_done = 0;
  CHECK_OK(copas_addthread(c, borrow_a_line, NULL, NULL));
  CHECK_OK(copas_addthread(c, receive_the_next_lines, NULL, NULL));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(lender_done, 1);
  close_pair();
}

static void data_and_the_end_under_one_edge_are_both_seen(void)
{
  open_pair();
  CHECK_OK(copas_settimeout(skt, 0.01));
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  CHECK_OK(copas_settimeout(skt, 5));
  net_puts(peer, "last\n");
  end_peer();
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_BYTES(bytes, "last");
  CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_CLOSED);
  close_pair();
}

static double seconds_for_a_line_in_single_bytes(size_t len)
{
  clock_t start = clock();
  size_t i;
  int raw;
  c = net_new(NULL);
  raw = net_pair(c, &skt);
  peer = raw;
  CHECK_OK(copas_settimeout(skt, 0));
  for (i = 0; i < len; i++) {
    net_puts(peer, "x");
    CHECK_STATUS(copas_receive(skt, COPAS_LINE, &bytes), COPAS_TIMEOUT);
  }
  net_puts(peer, "\n");
  CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
  CHECK_NUMBER(bytes.len, len);
  close_pair();
  return (double)(clock() - start) / CLOCKS_PER_SEC;
}

static void a_line_in_single_bytes_costs_linear_time(void)
{
  size_t len = check_small() ? 2000 : 1 << 18;
  double quarter = seconds_for_a_line_in_single_bytes(len);
  double whole = seconds_for_a_line_in_single_bytes(4 * len - 100);
  /* Linear is 4 times as long, quadratic 16 times. */
  if (!check_small() && whole > 8 * quarter)
    CHECK_FAIL("%.2f s for a quarter, %.2f s for the whole", quarter, whole);
}

int main(void)
{
  RUN(a_line_loses_its_ending_and_every_cr);
  RUN(nul_bytes_are_kept);
  RUN(a_raw_line_keeps_its_ending);
  RUN(all_is_everything_before_the_end);
  RUN(all_of_nothing_is_closed);
  RUN(a_number_is_exactly_so_many_bytes);
  RUN(a_delimiter_is_found_wherever_it_is_split);
  RUN(some_is_whatever_is_there);
  RUN(receive_into_fills_the_callers_memory);
  RUN(the_end_in_mid_line_shows_what_came);
  RUN(a_timed_out_receive_loses_nothing);
  RUN(a_limit_of_0_lets_nobody_else_run);
  RUN(limits_answer_too_long_and_keep_the_bytes);
  RUN(a_reset_in_mid_line_is_closed_with_its_errno);
  RUN(all_before_a_reset_is_closed_and_shown);
  RUN(wrong_arguments_are_refused);
  RUN(lent_bytes_outlive_a_receive_and_a_close_by_others);
  RUN(data_and_the_end_under_one_edge_are_both_seen);
  RUN(a_line_in_single_bytes_costs_linear_time);
  return check_report();
}
