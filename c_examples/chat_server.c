/* SPDX-License-Identifier: MIT */
/* A chat room: the first line of a client is its name, every further one goes to all others.
 *     chat_server 20000, then from several terminals: nc 127.0.0.1 20000
 *
 * One coroutine a member, and no lock: between two waits nothing else runs. Nobody waits for a slow
 * member: sends have a time limit of 0, and who does not read 64 KiB of talk is dropped. */
#include "example.h"

#include <ctype.h>

#define MOST_MEMBERS 500
#define LONGEST_NAME 20
#define LONGEST_LINE 1024

static const char usage[] = "usage: chat_server PORT\n"
                            "A chat room on 127.0.0.1 (PORT 0: a free one, which it prints).\n";

static struct {
    copas_socket *socket;
    char name[LONGEST_NAME + 1];
} members[MOST_MEMBERS];
static int member_count;

static int member_of(const char *name)
{
    for (int i = 0; i < member_count; i++)
        if (strcmp(members[i].name, name) == 0) return i;
    return -1;
}

/* Sends a line to everybody but `except`. A send may let others run, who may leave: so it works on
 * a copy of the handles, and one that has left answers COPAS_STALE. */
static void tell_all(copas_socket *except, const char *line, size_t len)
{
    copas_socket *targets[MOST_MEMBERS];
    int count = member_count;
    for (int i = 0; i < count; i++) targets[i] = members[i].socket;
    for (int i = 0; i < count; i++) {
        if (targets[i] == except) continue;
        /* Too slow: its handler wakes up with COPAS_CLOSED and takes its leave. */
        if (copas_send(targets[i], line, len) == COPAS_TIMEOUT) copas_abort(targets[i]);
    }
}

static void announce(copas_socket *except, const char *name, const char *what)
{
    char line[LONGEST_NAME + 64];
    int len = snprintf(line, sizeof line, "* %s %s\n", name, what);
    tell_all(except, line, (size_t)len);
}

/* Why a name cannot be taken; NULL when it can. */
static const char *complaint_about(const copas_bytes *name, char *taken)
{
    if (name->len == 0 || name->len > LONGEST_NAME) return "! a name has 1 to 20 letters\n";
    for (size_t i = 0; i < name->len; i++)
        if (!isalnum((unsigned char)name->data[i])) return "! a name has letters and digits only\n";
    memcpy(taken, name->data, name->len);
    taken[name->len] = 0;
    if (member_of(taken) >= 0) return "! this name is taken\n";
    if (member_count == MOST_MEMBERS) return "! the room is full\n";
    return NULL;
}

static int ask_for_name(copas_socket *client, char *name)
{
    static const char question[] = "your name?\n";
    copas_bytes line;
    copas_send(client, question, strlen(question));
    while (copas_receive(client, COPAS_LINE, &line) == COPAS_OK) {
        const char *complaint = complaint_about(&line, name);
        if (complaint == NULL) return 1;
        copas_send(client, complaint, strlen(complaint));
    }
    return 0;
}

static void join(copas_socket *client, const char *name)
{
    members[member_count].socket = client;
    strcpy(members[member_count].name, name);
    member_count++;
    announce(client, name, "has joined");
}

static void leave(const char *name)
{
    members[member_of(name)] = members[member_count - 1];
    member_count--;
    announce(NULL, name, "has left");
}

static void talk(copas_socket *client, const char *name)
{
    static const char too_long[] = "! a line has at most 1024 bytes\n";
    char text[LONGEST_NAME + 2 + LONGEST_LINE + 1];
    copas_bytes line;
    copas_status status;
    while ((status = copas_receive(client, COPAS_LINE, &line)) == COPAS_OK) {
        int start = snprintf(text, sizeof text, "%s: ", name);
        for (size_t i = 0; i < line.len; i++)
            text[(size_t)start + i] = iscntrl((unsigned char)line.data[i]) ? '?' : line.data[i];
        text[(size_t)start + line.len] = '\n';
        tell_all(client, text, (size_t)start + line.len + 1);
    }
    if (status == COPAS_TOO_LONG) copas_send(client, too_long, strlen(too_long));
}

static void serve_member(copas_socket *client, void *user)
{
    char name[LONGEST_NAME + 1];
    (void)user;
    copas_settimeouts(client, 0, 0, COPAS_FOREVER);
    if (!ask_for_name(client, name)) return;
    copas_setname(client, name);
    join(client, name);
    talk(client, name);
    leave(name);
}

int main(int argc, char **argv)
{
    copas_server_options options;
    memset(&options, 0, sizeof options);
    options.size = sizeof options;
    options.name = "chat";
    options.line_limit = LONGEST_LINE;
    example_help(argc, argv, 1, usage);
    return example_serve(copas_new(NULL), example_port(argv[1], 0), serve_member, &options);
}
