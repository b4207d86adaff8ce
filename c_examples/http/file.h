/* SPDX-License-Identifier: MIT */
/* The files of a folder, by the target of a request. */
#ifndef HTTP_FILE_H
#define HTTP_FILE_H

#include <copas.h>
#include <http_parser.h>
#include <stdint.h>

/* The longest path below the folder, with its NUL. */
#define HTTP_LONGEST_PATH 1024

struct file {
    int fd;
    uint64_t size;
    const char *type;
    /* Where it is below the folder. */
    char path[HTTP_LONGEST_PATH];
};

/* Opens the file of a target below the open `folder`. 200, or the code to answer with: 301 where
 * a folder was asked for without its last slash. Close `fd` after 200. */
int file_open(int folder, struct http_text target, struct file *file);

/* Sends the content. */
copas_status file_send(copas_socket *client, const struct file *file);

#endif
