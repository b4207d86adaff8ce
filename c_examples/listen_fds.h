/* SPDX-License-Identifier: MIT */
/* Descriptors that were opened before this program started, as systemd hands them over: from number 3
 * on, as many as LISTEN_FDS says, for the process that LISTEN_PID names. */
#ifndef LISTEN_FDS_H
#define LISTEN_FDS_H

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define LISTEN_FIRST 3

/* How many there are for this process. Its own child processes do not get them. */
static inline int listen_fds(void)
{
    const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
    int found = pid != NULL && count != NULL && atol(pid) == (long)getpid() ? atoi(count) : 0;
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    for (int fd = LISTEN_FIRST; fd < LISTEN_FIRST + found; fd++) fcntl(fd, F_SETFD, FD_CLOEXEC);
    return found;
}

#endif
