/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Longest head: a location with its query, and all the rest. */
#define HEAD_SIZE (16384 + 512)

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

