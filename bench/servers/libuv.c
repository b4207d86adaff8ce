/* SPDX-License-Identifier: MIT */
/* A peer: libuv. What is complete is written at once as far as it goes (uv_try_write), the rest by a
 * request. */
#include "server.h"
#include <uv.h>

#define SIZE 65536

struct connection {
  uv_tcp_t tcp;
  /* Of a line that has not ended. */
  size_t length;
  char *bytes;
};

struct writing {
  uv_write_t request;
  char bytes[];
};

static enum server_mode mode;
static char input[SIZE];

static void on_closed(uv_handle_t *handle)
{
  struct connection *connection = handle->data;
  free(connection->bytes);
  free(connection);
}

static void give_memory(uv_handle_t *handle, size_t suggested, uv_buf_t *memory)
{
  (void)handle;
  (void)suggested;
  *memory = uv_buf_init(input, SIZE);
}

static void on_written(uv_write_t *request, int status)
{
  (void)status;
  free(request->data);
}

static void write_rest(uv_stream_t *stream, const char *bytes, size_t n)
{
  struct writing *writing = malloc(sizeof *writing + n);
  uv_buf_t rest = uv_buf_init(writing->bytes, (unsigned)n);
  memcpy(writing->bytes, bytes, n);
  writing->request.data = writing;
  uv_write(&writing->request, stream, &rest, 1, on_written);
}

static void write_all(uv_stream_t *stream, char *bytes, size_t n)
{
  uv_buf_t all = uv_buf_init(bytes, (unsigned)n);
  int taken = n == 0 ? 0 : uv_try_write(stream, &all, 1);
  if (taken < 0) taken = 0;
  if ((size_t)taken < n) write_rest(stream, bytes + taken, n - (size_t)taken);
}

static void keep(struct connection *connection, const char *bytes, size_t n)
{
  if (n == 0) return;
  connection->bytes = realloc(connection->bytes, connection->length + n);
  memcpy(connection->bytes + connection->length, bytes, n);
  connection->length += n;
}

static void echo_lines(struct connection *connection, uv_stream_t *stream, char *bytes, size_t n)
{
  char *last = memrchr(bytes, '\n', n);
  size_t whole = last == NULL ? 0 : (size_t)(last - bytes) + 1;
  if (whole != 0 && connection->length != 0) {
    keep(connection, bytes, whole);
    write_all(stream, connection->bytes, connection->length);
    connection->length = 0;
  } else {
    write_all(stream, bytes, whole);
  }
  keep(connection, bytes + whole, n - whole);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *memory)
{
  if (n < 0) uv_close((uv_handle_t *)stream, on_closed);
  else if (mode == SERVER_BULK) write_all(stream, memory->base, (size_t)n);
  else echo_lines(stream->data, stream, memory->base, (size_t)n);
}

static void on_connection(uv_stream_t *listener, int status)
{
  if (status < 0) return;
  struct connection *connection = calloc(1, sizeof *connection);
  uv_tcp_init(listener->loop, &connection->tcp);
  connection->tcp.data = connection;
  server_must(uv_accept(listener, (uv_stream_t *)&connection->tcp) == 0, "uv_accept");
  uv_tcp_nodelay(&connection->tcp, 1);
  uv_read_start((uv_stream_t *)&connection->tcp, give_memory, on_read);
}

int main(int argc, char **argv)
{
  uv_tcp_t listener;
  mode = server_parse(argc, argv, SERVER_LINES | SERVER_BULK).mode;
  uv_tcp_init(uv_default_loop(), &listener);
  uv_tcp_open(&listener, server_listen());
  server_must(uv_listen((uv_stream_t *)&listener, 4096, on_connection) == 0, "uv_listen");
  return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
