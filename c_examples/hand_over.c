/* SPDX-License-Identifier: MIT */
/* An echo server that is replaced by a new one, or a new version of itself, without losing a connection:
 *     hand_over 20000, then: kill -HUP its process number
 * The new process gets the listening descriptor, so that connections go on being taken all the time; when
 * it serves, the old one shuts down: it takes no more, and serves those that it has to their end. Under
 * systemd the descriptor comes from a .socket unit. */
#include "example.h"
#include "listen_fds.h"

static const char usage[] =
    "usage: hand_over PORT\n"
    "Echoes lines on 127.0.0.1 (PORT 0: a free one, which it prints), each after its process number. If\n"
    "the process was started with a listening descriptor (LISTEN_FDS, as systemd does) PORT is not used.\n"
    "SIGHUP starts the program anew and hands over to it; SIGTERM and SIGINT end it.\n";

/* Seconds that open connections have when the new process serves. */
#define GRACE 30.0
/* Seconds that the new process may take until it serves. */
#define PATIENCE 10.0
/* Where the new process says that it serves, after the one descriptor that it listens on. */
#define READY_FD (LISTEN_FIRST + 1)

extern char **environ;

struct server {
    copas *c;
    char **arguments;
    int listener;
    int is_handing_over;
};

static void echo(copas_socket *client, void *user)
{
    copas_bytes line;
    char number[24];
    (void)user;
    snprintf(number, sizeof number, "%ld ", (long)getpid());
    while (copas_receive(client, COPAS_LINE, &line) == COPAS_OK) {
        copas_send(client, number, strlen(number));
        copas_send(client, line.data, line.len);
        copas_send(client, "\n", 1);
    }
}

/* Between fork() and execve() only the simplest calls are safe: this writes a number. */
static void put_number(char *text, long number)
{
    char digits[24];
    int count = 0;
    do digits[count++] = (char)('0' + number % 10);
    while ((number /= 10) != 0);
    while (count > 0) *text++ = digits[--count];
    *text = 0;
}

/* The environment of the new process: this one's, and the descriptors. `pid` gets room for a number. */
static char **new_environment(char *pid)
{
    size_t count = 0;
    while (environ[count] != NULL) count++;
    char **new = calloc(count + 4, sizeof *new);
    if (new == NULL) return NULL;
    memcpy(new, environ, count * sizeof *new);
    new[count] = pid;
    new[count + 1] = "LISTEN_FDS=1";
    new[count + 2] = "HAND_OVER_READY=1";
    return new;
}

/* Starts the program anew with the listening descriptor; the number of the process, or -1. */
static pid_t start_anew(const struct server *server, int ready)
{
    char pid[48] = "LISTEN_PID=";
    char **environment = new_environment(pid);
    if (environment == NULL) return -1;
    pid_t child = fork();
    if (child == 0) {
        put_number(pid + strlen(pid), (long)getpid());
        /* Out of the way first: each of the two may have the number that the other one is to get. */
        int listener = fcntl(server->listener, F_DUPFD, READY_FD + 1);
        int said = fcntl(ready, F_DUPFD, READY_FD + 1);
        if (dup2(listener, LISTEN_FIRST) < 0 || dup2(said, READY_FD) < 0) _exit(126);
        close(listener);
        close(said);
        /* What is there under the name now; without a folder in the name, what runs here. */
        execve(server->arguments[0], server->arguments, environment);
        execve("/proc/self/exe", server->arguments, environment);
        _exit(127);
    }
    free(environment);
    return child;
}

/* Whether the new process serves, within its time. */
static int becomes_ready(copas *c, int pipe)
{
    copas_socket *skt;
    copas_bytes line;
    if (copas_wrap(c, pipe, &skt) != COPAS_OK) {
        close(pipe);
        return 0;
    }
    copas_settimeout(skt, PATIENCE);
    copas_status status = copas_receive(skt, COPAS_LINE, &line);
    copas_close(skt);
    return status == COPAS_OK;
}

/* The coroutine that hands over. When the new process does not come up, this one goes on. */
static void hand_over(void *user)
{
    struct server *server = user;
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) == 0) {
        pid_t child = start_anew(server, ends[1]);
        close(ends[1]);
        if (becomes_ready(server->c, ends[0]) && child > 0) {
            copas_shutdown(server->c, GRACE);
            return;
        }
    }
    fprintf(stderr, "the new process did not serve: this one goes on\n");
    server->is_handing_over = 0;
}

static void on_hangup(copas *c, int number, void *user)
{
    struct server *server = user;
    (void)number;
    if (server->is_handing_over) return;
    server->is_handing_over = copas_addthread(c, hand_over, server, NULL) == COPAS_OK;
}

/* The descriptor to listen on: the one that was handed over, or a new one. */
static copas_status listen_on(copas *c, int port, int *fd)
{
    copas_socket *server;
    if (listen_fds() > 0) {
        *fd = LISTEN_FIRST;
        return COPAS_OK;
    }
    copas_status status = copas_bind(c, "127.0.0.1", port, &server);
    return status == COPAS_OK ? copas_unwrap(server, fd) : status;
}

/* Serves a duplicate, so that the descriptor itself stays for the next process. */
static copas_status serve(copas *c, int listener, copas_address *address)
{
    copas_socket *server;
    int fd = fcntl(listener, F_DUPFD_CLOEXEC, 0);
    copas_status status = copas_wrap(c, fd, &server);
    if (status == COPAS_OK) status = copas_getsockname(server, address);
    if (status == COPAS_OK) status = copas_addserver(c, server, echo, NULL, COPAS_FOREVER);
    return status;
}

/* Tells people, and the old process, if there is one, that this one serves. */
static void say_ready(const copas_address *address)
{
    printf("listening %d\nprocess %ld\n", address->port, (long)getpid());
    fflush(stdout);
    if (getenv("HAND_OVER_READY") == NULL) return;
    unsetenv("HAND_OVER_READY");
    if (write(READY_FD, "ready\n", 6) != 6) perror("the old process is gone");
    close(READY_FD);
}

int main(int argc, char **argv)
{
    struct server server = {.arguments = argv};
    copas_address address;
    example_help(argc, argv, 1, usage);
    int port = example_port(argv[1], 0);
    copas *c = server.c = copas_new(NULL);
    if (c == NULL) {
        perror("copas_new");
        return 1;
    }
    if (listen_on(c, port, &server.listener) != COPAS_OK) return example_fail(c, "cannot listen");
    if (serve(c, server.listener, &address) != COPAS_OK) return example_fail(c, "cannot serve");
    if (copas_on_signal(c, SIGHUP, on_hangup, &server) != COPAS_OK)
        return example_fail(c, "cannot take SIGHUP");
    example_end_on_signals(c);
    /* Processes that were started and failed are not waited for. */
    signal(SIGCHLD, SIG_IGN);
    say_ready(&address);
    copas_loop(c, COPAS_FOREVER);
    return copas_free(c) == COPAS_OK ? 0 : 1;
}
