/* SPDX-License-Identifier: MIT */
/* copas#164: more than 1,024 descriptors ended the program, because select() knows no higher ones. */
#include "network.h"

static void descriptors_above_1024_are_served_like_all_others(void)
{
  copas_socket *skt;
  copas_bytes bytes;
  int fds[2];
  if (!net_allow_descriptors(2100)) {
    SKIP("the hard limit of descriptors (ulimit -Hn) is below 2,100");
    return;
  }
  copas *c = net_new(NULL);
  net_tcp_pair(fds);
  int high = fcntl(fds[0], F_DUPFD_CLOEXEC, 2000);
  CHECK(high >= 2000 && close(fds[0]) == 0);
  CHECK_OK(copas_wrap(c, high, &skt));
  CHECK_OK(copas_settimeout(skt, 10));
  for (int i = 0; i < 10; i++) {
    net_puts(fds[1], "high\n");
    CHECK_OK(copas_receive(skt, COPAS_LINE, &bytes));
    CHECK_BYTES(bytes, "high");
    CHECK_OK(copas_send(skt, "low", 3));
    net_expect(c, fds[1], "low");
  }
  CHECK_OK(copas_free(c));
  close(fds[1]);
}

int main(void)
{
  RUN(descriptors_above_1024_are_served_like_all_others);
  return check_report();
}
