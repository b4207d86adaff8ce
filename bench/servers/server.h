/* SPDX-License-Identifier: MIT */
/* What the server programs in C and C++ share: the command line, the listening socket. */
#ifndef SERVER_H
#define SERVER_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum server_mode {
  /* Sends each line back when it is complete. */
  SERVER_LINES = 1,
  /* Sends all bytes back. */
  SERVER_BULK = 2,
  /* Parks coroutines, without a socket. */
  SERVER_PARKED = 4,
  /* Among the modes that a program can do: all its connections are encrypted. */
  SERVER_TLS = 8
};

/* The files in the folder that --identity names. */
#define SERVER_CERTIFICATE "cert.pem"
#define SERVER_KEY "key.pem"

struct server_options {
  enum server_mode mode;
  long count;
  /* The folder; NULL for none. */
  const char *identity;
};

static inline void server_usage(const char *program, int code)
{
  fprintf(code == 0 ? stdout : stderr,
          "usage: %s --mode lines|bulk|parked [--count N] [--identity FOLDER]\n"
          "A server of the benchmarks. lines and bulk: echoes on a free port of 127.0.0.1, which it\n"
          "prints as 'port N'. parked (where there are coroutines): parks N of them, prints\n"
          "'parked N', and ends when its standard input does. Those over TLS need --identity: a\n"
          "folder with " SERVER_CERTIFICATE " and " SERVER_KEY ".\n",
          program);
  exit(code);
}

/* The command line; `modes` is what the program can do. */
static inline struct server_options server_parse(int argc, char **argv, int modes)
{
  static const struct {
    const char *name;
    enum server_mode mode;
  } names[] = {{"lines", SERVER_LINES}, {"bulk", SERVER_BULK}, {"parked", SERVER_PARKED}};
  struct server_options options = {SERVER_LINES, 0, NULL};
  int known = 0;
  if (argc == 2 && strcmp(argv[1], "--help") == 0) server_usage(argv[0], 0);
  if (argc % 2 == 0) server_usage(argv[0], 2);
  for (int i = 1; i < argc; i += 2) {
    if (strcmp(argv[i], "--count") == 0) options.count = atol(argv[i + 1]);
    else if (strcmp(argv[i], "--identity") == 0) options.identity = argv[i + 1];
    else if (strcmp(argv[i], "--mode") != 0) server_usage(argv[0], 2);
    for (int n = 0; n < 3; n++) {
      if (strcmp(argv[i + 1], names[n].name) != 0) continue;
      options.mode = names[n].mode;
      known = modes & names[n].mode;
    }
  }
  if (!known || ((modes & SERVER_TLS) && options.identity == NULL)) server_usage(argv[0], 2);
  return options;
}

/* The path of a file in `folder`, in `path`. */
static inline const char *server_file(char *path, size_t size, const char *folder, const char *name)
{
  snprintf(path, size, "%s/%s", folder, name);
  return path;
}

static inline void server_no_delay(int fd)
{
  int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static inline void server_print(const char *what, long number)
{
  printf("%s %ld\n", what, number);
  fflush(stdout);
}

/* A listening socket that does not block, on a port that is printed. */
static inline int server_listen(void)
{
  struct sockaddr_in address;
  socklen_t len = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  memset(&address, 0, sizeof address);
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 4096) != 0) {
    perror("cannot listen");
    exit(1);
  }
  getsockname(fd, (struct sockaddr *)&address, &len);
  server_print("port", ntohs(address.sin_port));
  return fd;
}

/* Says how many are parked, and waits until standard input ends. */
static inline void server_parked(long count)
{
  char byte;
  server_print("parked", count);
  while (read(0, &byte, 1) > 0) continue;
  exit(0);
}

/* The result of a call that must not fail. */
static inline void server_must(int succeeded, const char *what)
{
  if (succeeded) return;
  fprintf(stderr, "%s failed\n", what);
  exit(1);
}

#endif
