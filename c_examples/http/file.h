/* SPDX-License-Identifier: MIT */
/* The files of the folder that is served. */
#ifndef FILE_H
#define FILE_H

#include <copas.h>
#include <stdint.h>

struct file {
  int fd;
  uint64_t size;
  int64_t modified; /* seconds since 1970 */
  const char *type; /* of its content */
};

/* Opens the file at `path`, which is cut into pieces meanwhile, below the open folder `root`; for a
 * folder with a '/' at the end its index.html.
 *
 * Gives 200 (close `file->fd` afterwards), 301 for a folder whose '/' is missing, or the status to
 * refuse with: 403 for a name that begins with a dot, a symbolic link or a file that may not be
 * read; 404 for what is not there or is not a file; 503 when descriptors are used up; 500. */
int file_open(int root, char *path, struct file *file);

/* Sends the first `file->size` bytes. When the file has become shorter the connection is aborted:
 * the client was promised more. */
copas_status file_send(copas_socket *client, const struct file *file);

#endif
