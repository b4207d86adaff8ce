/* SPDX-License-Identifier: MIT */
/* Runs a program, prefixes each line of its output, and ends when it has ended: a coroutine reads its
 * pipe, a signal tells of its end.
 *     watch_child ls -l */
#include "example.h"

#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

static const char usage[] = "usage: watch_child PROGRAM [ARGUMENT...]\n"
                            "Runs PROGRAM, numbers the lines of its output, and ends as it does.\n";

struct child {
    pid_t pid;
    copas_socket *output;
    int lines;
    /* -1 while it runs. */
    int code;
};

static void print_line(struct child *child, copas_bytes line)
{
    printf("%d: %.*s\n", ++child->lines, (int)line.len, line.data);
    fflush(stdout);
}

static void number_lines(void *user)
{
    struct child *child = user;
    copas_bytes line;
    copas_status status;
    while ((status = copas_receive(child->output, COPAS_LINE, &line)) == COPAS_OK)
        print_line(child, line);
    if (status == COPAS_CLOSED && line.len > 0) print_line(child, line);
    copas_close(child->output);
}

/* Runs on the root stack: SIGCHLD has come, perhaps for another child. */
static void look_for_the_end(copas *c, int number, void *user)
{
    struct child *child = user;
    int status;
    (void)number;
    if (child->code >= 0 || waitpid(child->pid, &status, WNOHANG) != child->pid) return;
    child->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    copas_release(c);
}

static int start(struct child *child, char **command)
{
    int fds[2];
    if (pipe(fds) != 0) return -1;
    child->pid = fork();
    if (child->pid == 0) {
        dup2(fds[1], STDOUT_FILENO);
        close(fds[0]);
        close(fds[1]);
        execvp(command[0], command);
        fprintf(stderr, "%s: %s\n", command[0], strerror(errno));
        _exit(127);
    }
    close(fds[1]);
    return fds[0];
}

int main(int argc, char **argv)
{
    struct child child = {0, NULL, 0, -1};
    example_help(argc, argv, argc > 1 ? argc - 1 : -1, usage);
    copas *c = copas_new(NULL);
    if (c == NULL) return 1;
    /* The handler first, so that no end is missed. */
    if (copas_on_signal(c, SIGCHLD, look_for_the_end, &child) != COPAS_OK)
        return example_fail(c, "cannot watch");
    int fd = start(&child, argv + 1);
    if (fd < 0 || child.pid < 0 || copas_wrap(c, fd, &child.output) != COPAS_OK)
        return example_fail(c, "cannot run");
    /* A signal does not keep the loop alive; this does, until the child has ended. */
    copas_hold(c);
    if (copas_addthread(c, number_lines, &child, NULL) != COPAS_OK) return example_fail(c, "cannot run");
    copas_loop(c, COPAS_FOREVER);
    copas_free(c);
    return child.code;
}
