/* SPDX-License-Identifier: MIT */
/* A client of line servers: sends lines and prints the answers, each in a coroutine of its own, so
 * that neither waits for the other.
 *     line_client 127.0.0.1 20000 hello world      sends two lines
 *     ls | line_client 127.0.0.1 20000             sends those of its standard input */
#include "example.h"

#include <unistd.h>

static const char usage[] =
    "usage: line_client HOST PORT [LINE...]\n"
    "Sends each LINE, or without any the lines of its standard input, to a server and prints what\n"
    "comes back, until the server closes. HOST is a numeric address.\n";

struct client {
    copas *c;
    copas_socket *server;
    copas_thread *sender;
    char **lines;
    int failed;
};

static copas_status send_line(struct client *client, const char *line, size_t len)
{
    copas_status status = copas_send(client->server, line, len);
    return status == COPAS_OK ? copas_send(client->server, "\n", 1) : status;
}

static copas_status send_arguments(struct client *client)
{
    copas_status status = COPAS_OK;
    for (char **line = client->lines; *line != NULL && status == COPAS_OK; line++)
        status = send_line(client, *line, strlen(*line));
    return status;
}

/* Lines of a pipe: only this coroutine waits for them. */
static copas_status send_pipe(struct client *client, copas_socket *input)
{
    copas_bytes line;
    copas_status status = COPAS_OK, received = COPAS_OK;
    while (status == COPAS_OK && (received = copas_receive(input, COPAS_LINE, &line)) == COPAS_OK)
        status = send_line(client, line.data, line.len);
    if (received == COPAS_CANCELED) status = received;
    /* A last line without its LF. */
    if (received == COPAS_CLOSED && line.len != 0 && status == COPAS_OK)
        status = send_line(client, line.data, line.len);
    copas_close(input);
    return status;
}

/* Lines of a file, which never makes anybody wait. */
static copas_status send_file(struct client *client)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    copas_status status = COPAS_OK;
    while (status == COPAS_OK && (len = getline(&line, &size, stdin)) > 0)
        status = send_line(client, line, (size_t)len - (line[len - 1] == '\n'));
    free(line);
    return status;
}

static void send_lines(void *user)
{
    struct client *client = user;
    copas_socket *input;
    copas_status status;
    if (client->lines[0] != NULL) status = send_arguments(client);
    else if (copas_wrap(client->c, STDIN_FILENO, &input) == COPAS_OK) status = send_pipe(client, input);
    else status = send_file(client);
    if (status == COPAS_OK) status = copas_shut(client->server, COPAS_SHUT_SEND);
    if (status != COPAS_OK && status != COPAS_CANCELED) client->failed = example_fail(client->c, "cannot send");
}

static void print_answers(void *user)
{
    struct client *client = user;
    copas_bytes bytes;
    copas_status status;
    while ((status = copas_receive_some(client->server, &bytes)) == COPAS_OK) {
        fwrite(bytes.data, 1, bytes.len, stdout);
        fflush(stdout);
    }
    if (status != COPAS_CLOSED) client->failed = example_fail(client->c, "cannot receive");
    /* The server has left: nobody wants further lines. */
    copas_removethread(client->sender);
}

int main(int argc, char **argv)
{
    struct client client;
    memset(&client, 0, sizeof client);
    example_help(argc, argv, argc > 3 ? argc - 1 : 2, usage);
    client.lines = argv + 3;
    client.c = copas_new(NULL);
    if (client.c == NULL) return 1;
    if (copas_connect(client.c, argv[1], example_port(argv[2], 1), 10, &client.server) != COPAS_OK)
        return example_fail(client.c, "cannot connect");
    if (copas_addthread(client.c, send_lines, &client, &client.sender) != COPAS_OK ||
        copas_addthread(client.c, print_answers, &client, NULL) != COPAS_OK ||
        copas_loop(client.c, COPAS_FOREVER) != COPAS_OK)
        return example_fail(client.c, "cannot run");
    copas_free(client.c);
    return client.failed;
}
