/* SPDX-License-Identifier: MIT */
/* A chat room. A client's first line is its name; each later line goes to all others as
 * "name: text"; who comes and goes is announced.
 *
 *     chat_server 20001, then in several terminals: line_client 127.0.0.1 20001
 *
 * Nobody waits for a slow member: members have a send time limit of 0, so a message that finds more
 * than 64 KiB still unsent (beyond what the kernel holds) is not sent, and that member is dropped. */
#include "example.h"

#include <ctype.h>
#include <math.h>
#include <stdarg.h>
#include <strings.h>

static const char usage[] =
  "usage: chat_server PORT\n"
  "Serves a chat room on PORT of 127.0.0.1 (0: a free port). Prints 'listening PORT';\n"
  "SIGINT or SIGTERM ends it.\n";

#define ROOM_LIMIT 1000
#define NAME_LIMIT 20
#define LINE_LIMIT 1000
#define NAMING_SECONDS 60.0

struct member {
  copas_socket *socket; /* NULL: a free place */
  char name[NAME_LIMIT + 1];
  const char *farewell;
};

static struct member room[ROOM_LIMIT];

static int tell(copas_socket *client, const char *text)
{
  return copas_send(client, text, strlen(text)) == COPAS_OK;
}

/* Sends a line to all but `self`. Places do not move, so it does not matter who comes or goes if
 * the library lets other coroutines run meanwhile. */
static void broadcast(const struct member *self, const char *format, ...)
{
  char text[NAME_LIMIT + LINE_LIMIT + 64];
  va_list arguments;
  va_start(arguments, format);
  int len = vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  for (struct member *other = room; other < room + ROOM_LIMIT; other++) {
    if (other->socket == NULL || other == self) continue;
    /* Other failures are seen by the member's own coroutine. */
    if (copas_send(other->socket, text, (size_t)len) == COPAS_TIMEOUT) {
      other->farewell = "was too slow and has been dropped";
      copas_abort(other->socket);
    }
  }
}

/* Why `name` cannot be taken; NULL when it can. */
static const char *objection(copas_bytes name)
{
  if (name.len < 1 || name.len > NAME_LIMIT) return "* a name has 1 to 20 characters\n";
  for (size_t i = 0; i < name.len; i++)
    if (!isalnum((unsigned char)name.data[i]) && strchr("-_.", name.data[i]) == NULL)
      return "* a name has only letters, digits, '-', '_' and '.'\n";
  for (const struct member *other = room; other < room + ROOM_LIMIT; other++)
    if (other->socket != NULL && strlen(other->name) == name.len &&
        strncasecmp(other->name, name.data, name.len) == 0)
      return "* that name is taken\n";
  return NULL;
}

/* Gives a free place to `client`; NULL when there is none. */
static struct member *take_place(copas_socket *client, copas_bytes name)
{
  for (struct member *place = room; place < room + ROOM_LIMIT; place++) {
    if (place->socket != NULL) continue;
    place->socket = client;
    place->farewell = "left";
    memcpy(place->name, name.data, name.len);
    place->name[name.len] = '\0';
    return place;
  }
  tell(client, "* the room is full\n");
  return NULL;
}

/* Asks for a name until it gets a good one. */
static struct member *enter(copas_socket *client)
{
  copas_bytes name;
  const char *problem = "* your name?\n";
  do {
    if (!tell(client, problem)) return NULL;
    if (copas_receive(client, COPAS_LINE, &name) != COPAS_OK) return NULL;
  } while ((problem = objection(name)) != NULL);
  return take_place(client, name);
}

/* Passes a line on, without the control characters that could play with terminals. */
static void say(const struct member *self, copas_bytes line)
{
  char text[LINE_LIMIT];
  for (size_t i = 0; i < line.len; i++)
    text[i] = iscntrl((unsigned char)line.data[i]) ? ' ' : line.data[i];
  broadcast(self, "%s: %.*s\n", self->name, (int)line.len, text);
}

static void chat(copas_socket *client, void *user)
{
  copas_bytes line;
  copas_status status;
  struct member *self = enter(client);
  (void)user;
  if (self == NULL) return;
  copas_settimeouts(client, NAN, 0, COPAS_FOREVER);
  tell(client, "* welcome\n");
  broadcast(self, "* %s joined\n", self->name);
  while ((status = copas_receive(client, COPAS_LINE, &line)) == COPAS_OK) say(self, line);
  if (status == COPAS_TOO_LONG) tell(client, "* that line was too long\n");
  if (status == COPAS_CANCELED) tell(client, "* the server ends\n");
  self->socket = NULL;
  broadcast(self, "* %s %s\n", self->name, self->farewell);
}

int main(int argc, char **argv)
{
  copas_server_options options = {
    .size = sizeof options, .name = "chat", .timeout = NAMING_SECONDS, .line_limit = LINE_LIMIT};
  int port;
  if (argc != 2 || strcmp(argv[1], "--help") == 0) example_usage(usage, argc, argv);
  port = example_port(argv[1], 0);
  return example_serve(copas_new(NULL), port, chat, &options);
}
