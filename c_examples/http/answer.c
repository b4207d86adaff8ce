/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "answer.h"
#include "request.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

/* Longest head: a location, and all the rest. */
#define HEAD_SIZE (TARGET_LIMIT + 512)

static const struct {
  int status;
  const char *text;
} reasons[] = {
  {200, "OK"},
  {301, "Moved Permanently"},
  {304, "Not Modified"},
  {400, "Bad Request"},
  {403, "Forbidden"},
  {404, "Not Found"},
  {405, "Method Not Allowed"},
  {408, "Request Timeout"},
  {413, "Content Too Large"},
  {414, "URI Too Long"},
  {431, "Request Header Fields Too Large"},
  {501, "Not Implemented"},
  {503, "Service Unavailable"},
  {505, "HTTP Version Not Supported"},
};

static const char *reason(int status)
{
  for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
    if (reasons[i].status == status) return reasons[i].text;
  return "Internal Server Error";
}

void answer_date(int64_t seconds, char date[DATE_SIZE])
{
  time_t time = (time_t)seconds;
  struct tm parts;
  if (gmtime_r(&time, &parts) == NULL ||
      strftime(date, DATE_SIZE, "%a, %d %b %Y %H:%M:%S GMT", &parts) == 0)
    date[0] = '\0';
}

struct text {
  size_t len;
  char data[HEAD_SIZE];
};

static void add(struct text *text, const char *format, ...)
{
  va_list arguments;
  size_t room = sizeof text->data - text->len;
  va_start(arguments, format);
  int len = vsnprintf(text->data + text->len, room, format, arguments);
  va_end(arguments);
  if (len > 0) text->len += (size_t)len < room ? (size_t)len : room - 1;
}

copas_status answer_head(copas_socket *client, const struct answer *answer)
{
  struct text text;
  char now[DATE_SIZE];
  text.len = 0;
  answer_date(time(NULL), now);
  add(&text, "HTTP/1.1 %d %s\r\nDate: %s\r\n", answer->status, reason(answer->status), now);
  if (answer->type != NULL)
    add(&text, "Content-Type: %s\r\nContent-Length: %" PRIu64 "\r\n", answer->type,
        answer->length);
  if (answer->modified != NULL) add(&text, "Last-Modified: %s\r\n", answer->modified);
  if (answer->location != NULL) add(&text, "Location: %s\r\n", answer->location);
  if (answer->status == 405) add(&text, "Allow: GET, HEAD\r\n");
  add(&text, "Connection: %s\r\n\r\n", answer->keep_alive ? "keep-alive" : "close");
  return copas_send(client, text.data, text.len);
}

copas_status answer_status(copas_socket *client, const struct request *request, int status,
                           const char *location)
{
  char body[64];
  int len = snprintf(body, sizeof body, "%d %s\n", status, reason(status));
  struct answer answer = {.status = status,
                          .keep_alive = request->keep_alive,
                          .type = "text/plain; charset=utf-8",
                          .length = (uint64_t)len,
                          .location = location};
  copas_status sent = answer_head(client, &answer);
  if (sent != COPAS_OK || request->is_head) return sent;
  return copas_send(client, body, (size_t)len);
}
