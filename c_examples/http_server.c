/* SPDX-License-Identifier: MIT */
/* Serves the files of a folder over HTTP/1.1 and 1.0, a coroutine for each connection:
 *
 *     http_server 8080 some/folder, then: curl http://127.0.0.1:8080/
 *
 * http/request.c reads requests (the httparse crate takes them apart, see http_parser/),
 * http/file.c finds and sends files, http/answer.c writes the heads of answers. Requests that arrive
 * together are answered in order; the library hands their answers to the kernel together, too. */
#define _GNU_SOURCE
#include "answer.h"
#include "example.h"
#include "file.h"
#include "request.h"

#include <fcntl.h>
#include <unistd.h>

static const char usage[] =
  "usage: http_server [--timeout SECONDS] PORT FOLDER\n"
  "Serves the files of FOLDER on PORT of 127.0.0.1 (0: a free port): GET and HEAD, index.html for a\n"
  "folder, neither names that begin with a dot nor symbolic links. A client may be idle, or take\n"
  "for its request, 30 SECONDS. Prints 'listening PORT'; SIGINT or SIGTERM ends it.\n";

struct site {
  int root;
  double seconds; /* that a client may be idle */
};

/* Seconds that a client gets to read a last answer. */
#define LINGER_SECONDS 2.0

/* Sends a folder's request on to the same path with a '/' at its end. */
static copas_status redirect(copas_socket *client, const struct request *request)
{
  char location[TARGET_LIMIT + 2];
  http_slice path = request->target;
  http_slice query = request->query;
  /* "//name" would name another host. */
  while (path.len > 1 && path.data[1] == '/') path.data++, path.len--;
  snprintf(location, sizeof location, "%.*s/%.*s", (int)path.len, path.data, (int)query.len,
           query.data);
  return answer_status(client, request, 301, location);
}

static copas_status answer_file(copas_socket *client, const struct request *request,
                                const struct file *file)
{
  char modified[DATE_SIZE];
  struct answer answer = {.status = 200,
                          .keep_alive = request->keep_alive,
                          .type = file->type,
                          .length = file->size,
                          .modified = modified};
  http_slice known = request->known_since;
  answer_date(file->modified, modified);
  /* Clients give the Last-Modified that they got: any other date is not our version. */
  if (known.len == strlen(modified) && memcmp(known.data, modified, known.len) == 0) {
    answer.status = 304;
    answer.type = NULL;
  }
  copas_status status = answer_head(client, &answer);
  if (status != COPAS_OK || request->is_head || answer.status == 304) return status;
  return file_send(client, file);
}

static copas_status answer(copas_socket *client, const struct site *site, struct request *request)
{
  struct file file;
  int status = request_check_method(request);
  if (status == 200) status = file_open(site->root, request->path, &file);
  if (status == 301) return redirect(client, request);
  if (status != 200) return answer_status(client, request, status, NULL);
  copas_status sent = answer_file(client, request, &file);
  close(file.fd);
  return sent;
}

/* Ends the connection. Closing while the client still sends would reset the connection, and the
 * client might lose our last answer: so what it sends is thrown away for a while. */
static void finish(copas_socket *client)
{
  double end = copas_now(copas_current()) + LINGER_SECONDS;
  copas_bytes bytes;
  if (copas_shut(client, COPAS_SHUT_SEND) != COPAS_OK || copas_flush(client) != COPAS_OK) return;
  do {
    request_limit(client, end);
  } while (copas_receive_some(client, &bytes) == COPAS_OK && copas_now(copas_current()) < end);
}

static void serve(copas_socket *client, void *user)
{
  const struct site *site = user;
  struct request request;
  int status;
  while ((status = request_read(client, site->seconds, &request)) == 200) {
    if (copas_exiting(copas_current()) != 0) request.keep_alive = 0;
    if (answer(client, site, &request) != COPAS_OK) return;
    if (!request.keep_alive) break;
  }
  if (status == 0) return;
  if (status != 200) {
    request.keep_alive = 0;
    if (answer_status(client, &request, status, NULL) != COPAS_OK) return;
  }
  finish(client);
}

/* Takes "--timeout SECONDS" from the arguments; gives how many remain. */
static int take_timeout(int argc, char **argv, double *seconds)
{
  if (argc < 3 || strcmp(argv[1], "--timeout") != 0) return argc;
  char *end;
  *seconds = strtod(argv[2], &end);
  if (end == argv[2] || *end != '\0' || !(*seconds > 0 && *seconds < 1e6)) {
    fprintf(stderr, "%s is not a number of seconds: above 0 and below 1000000\n", argv[2]);
    exit(2);
  }
  argv[1] = argv[3];
  argv[2] = argc > 4 ? argv[4] : NULL;
  return argc - 2;
}

int main(int argc, char **argv)
{
  struct site site = {.seconds = 30};
  copas_server_options options = {
    .size = sizeof options, .name = "http", .user = &site, .line_limit = HEAD_LIMIT};
  argc = take_timeout(argc, argv, &site.seconds);
  if (argc != 3) example_usage(usage, argc, argv);
  int port = example_port(argv[1], 0);
  site.root = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (site.root < 0) {
    perror(argv[2]);
    return 1;
  }
  options.timeout = site.seconds;
  int code = example_serve(copas_new(NULL), port, serve, &options);
  close(site.root);
  return code;
}
