/* SPDX-License-Identifier: MIT */
/* Sends lines to a server and prints the lines that come back: one coroutine for each direction.
 *
 *     line_client 127.0.0.1 20000 hello world
 *     line_client 127.0.0.1 20000 <some.txt
 */
#include "example.h"

#include <pthread.h>
#include <unistd.h>

static const char usage[] =
  "usage: line_client HOST PORT [LINE...]\n"
  "Sends each LINE, or else the lines of the standard input, to PORT of HOST (a numeric address),\n"
  "and prints the lines that it gets until the server closes the connection.\n";

#define CONNECT_SECONDS 10.0

struct session {
  copas_socket *server;
  copas_socket *input; /* the standard input, or NULL */
  char **lines;        /* what is sent instead of it, up to NULL */
  copas_thread *sender;
  int sent_all;
  int printed_all;
};

static int send_line(copas_socket *server, copas_bytes line)
{
  return copas_send(server, line.data, line.len) == COPAS_OK &&
         copas_send(server, "\n", 1) == COPAS_OK;
}

static int send_arguments(const struct session *session)
{
  for (char **line = session->lines; *line != NULL; line++) {
    copas_bytes bytes = {*line, strlen(*line)};
    if (!send_line(session->server, bytes)) return 0;
  }
  return 1;
}

static int send_input(const struct session *session)
{
  copas_bytes line;
  copas_status status;
  while ((status = copas_receive(session->input, COPAS_LINE, &line)) == COPAS_OK)
    if (!send_line(session->server, line)) return 0;
  if (status == COPAS_CLOSED && example_error(copas_current()).sys_errno == 0)
    /* `line` is a last one without its ending, or empty. */
    return line.len == 0 || send_line(session->server, line);
  if (status != COPAS_CANCELED) example_failed(copas_current(), "cannot read the input");
  return 0;
}

static void send_lines(void *user)
{
  struct session *session = user;
  session->sent_all = session->input != NULL ? send_input(session) : send_arguments(session);
  /* The server sees the end of the stream; what it still has to say comes through. When the
   * connection is gone there is nothing to end, and print_lines() tells. */
  copas_shut(session->server, COPAS_SHUT_SEND);
}

static void print_lines(void *user)
{
  struct session *session = user;
  copas_bytes line;
  copas_status status;
  int printed = 1;
  do {
    status = copas_receive(session->server, COPAS_LINE_RAW, &line);
    /* At the end of the stream `line` is a last one without its ending, or empty. */
    if (status == COPAS_OK || status == COPAS_CLOSED)
      printed = fwrite(line.data, 1, line.len, stdout) == line.len && fflush(stdout) == 0;
  } while (status == COPAS_OK && printed);
  if (!printed)
    perror("cannot print");
  else if (status != COPAS_CLOSED || example_error(copas_current()).sys_errno != 0)
    example_failed(copas_current(), "the connection broke");
  else
    session->printed_all = 1;
  /* Nobody is left to send to; the answer is COPAS_STALE when the sender has ended already. */
  copas_removethread(session->sender);
}

static void *feed(void *user)
{
  int fd = (int)(intptr_t)user;
  char block[4096];
  ssize_t n;
  while ((n = read(STDIN_FILENO, block, sizeof block)) > 0 && write(fd, block, (size_t)n) == n) {
  }
  close(fd);
  return NULL;
}

/* Makes a socket of the standard input. A file or a terminal cannot be one: an OS thread copies it
 * into a pipe, so that the coroutines never wait for a disk or a person. */
static copas_status open_input(copas *c, copas_socket **input)
{
  pthread_t os_thread;
  int ends[2];
  copas_status status = copas_wrap(c, STDIN_FILENO, input);
  if (status != COPAS_INVALID && status != COPAS_UNSUPPORTED) return status;
  if (pipe(ends) != 0) return COPAS_SYSTEM;
  if (pthread_create(&os_thread, NULL, feed, (void *)(intptr_t)ends[1]) != 0) return COPAS_SYSTEM;
  pthread_detach(os_thread);
  return copas_wrap(c, ends[0], input);
}

int main(int argc, char **argv)
{
  struct session session = {0};
  copas *c;
  int port;
  if (argc < 3) example_usage(usage, argc, argv);
  port = example_port(argv[2], 1);
  signal(SIGPIPE, SIG_IGN); /* a reader of our output that has gone is an error of fwrite() */
  c = copas_new(NULL);
  if (copas_connect(c, argv[1], port, CONNECT_SECONDS, &session.server) != COPAS_OK)
    return example_failed(c, "cannot connect");
  if (argc == 3 && open_input(c, &session.input) != COPAS_OK)
    return example_failed(c, "cannot read the standard input");
  session.lines = argv + 3;
  if (copas_addthread(c, send_lines, &session, &session.sender) != COPAS_OK ||
      copas_addthread(c, print_lines, &session, NULL) != COPAS_OK)
    return example_failed(c, "cannot start");
  if (copas_loop(c, COPAS_FOREVER) != COPAS_OK) return example_failed(c, "the loop failed");
  if (session.printed_all && !session.sent_all)
    fprintf(stderr, "the connection ended before all lines were sent\n");
  return copas_free(c) == COPAS_OK && session.printed_all && session.sent_all ? 0 : 1;
}
