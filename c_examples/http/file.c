/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

/* Small enough to go to the kernel together with the head, without waiting for room. */
#define BLOCK_SIZE 32768

static const struct {
  const char *ending;
  const char *type;
} types[] = {
  {".html", "text/html; charset=utf-8"},
  {".css", "text/css; charset=utf-8"},
  {".js", "text/javascript; charset=utf-8"},
  {".json", "application/json"},
  {".txt", "text/plain; charset=utf-8"},
  {".md", "text/plain; charset=utf-8"},
  {".xml", "application/xml"},
  {".svg", "image/svg+xml"},
  {".png", "image/png"},
  {".jpg", "image/jpeg"},
  {".jpeg", "image/jpeg"},
  {".gif", "image/gif"},
  {".webp", "image/webp"},
  {".ico", "image/vnd.microsoft.icon"},
  {".pdf", "application/pdf"},
  {".wasm", "application/wasm"},
  {".mp4", "video/mp4"},
  {".woff2", "font/woff2"},
};

static const char *type_of(const char *name)
{
  const char *ending = strrchr(name, '.');
  for (size_t i = 0; ending != NULL && i < sizeof types / sizeof types[0]; i++)
    if (strcasecmp(ending, types[i].ending) == 0) return types[i].type;
  return "application/octet-stream";
}

static int refusal(int error)
{
  switch (error) {
  case ENOENT:
  case ENOTDIR:
  case ENAMETOOLONG:
  case ENXIO: return 404;
  case EACCES:
  case EPERM:
  case ELOOP: return 403;
  case EMFILE:
  case ENFILE: return 503;
  default: return 500;
  }
}

/* Opens `name` in the folder `*at` and goes on there. A name is one piece of a path and no link, so
 * nothing outside of the folder can be reached, whatever others do to it meanwhile. */
static int step_into(int *at, int root, const char *name)
{
  /* O_NONBLOCK: opening a named pipe must not wait for its other end. */
  int next = openat(*at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  int error = errno;
  if (*at != root) close(*at);
  *at = next;
  return next >= 0 ? 200 : refusal(error);
}

/* Goes along `path` to its end. */
static int walk(int *at, int root, char *path, const char **last)
{
  char *rest;
  for (char *name = strtok_r(path, "/", &rest); name != NULL; name = strtok_r(NULL, "/", &rest)) {
    if (name[0] == '.') return 403;
    int status = step_into(at, root, name);
    if (status != 200) return status;
    *last = name;
  }
  return 200;
}

/* What was found at the end of the path: a file, or a folder whose index is opened instead. */
static int settle(int *at, int root, int wants_folder, const char **last, struct stat *about)
{
  if (fstat(*at, about) != 0) return 500;
  if (S_ISDIR(about->st_mode)) {
    if (!wants_folder) return 301;
    *last = "index.html";
    int status = step_into(at, root, *last);
    if (status != 200) return status;
    if (fstat(*at, about) != 0) return 500;
    wants_folder = 0;
  }
  return S_ISREG(about->st_mode) && !wants_folder ? 200 : 404;
}

int file_open(int root, char *path, struct file *file)
{
  struct stat about;
  int at = root;
  int wants_folder = path[strlen(path) - 1] == '/';
  const char *last = "";
  int status = walk(&at, root, path, &last);
  if (status == 200) status = settle(&at, root, wants_folder, &last, &about);
  if (status != 200) {
    if (at >= 0 && at != root) close(at);
    return status;
  }
  file->fd = at;
  file->size = (uint64_t)about.st_size;
  file->modified = about.st_mtime;
  file->type = type_of(last);
  return 200;
}

/* Reading blocks the whole dispatcher while the disk is slow. Mostly it is not: what is asked for
 * often is in the page cache, and a block of it costs microseconds. */
static copas_status send_blocks(copas_socket *client, const struct file *file, char *block)
{
  for (uint64_t at = 0; at < file->size;) {
    uint64_t left = file->size - at;
    ssize_t n = pread(file->fd, block, left < BLOCK_SIZE ? (size_t)left : BLOCK_SIZE, (off_t)at);
    if (n <= 0) return copas_abort(client), COPAS_FAILED;
    copas_status status = copas_send(client, block, (size_t)n);
    if (status != COPAS_OK) return status;
    at += (uint64_t)n;
  }
  return COPAS_OK;
}

copas_status file_send(copas_socket *client, const struct file *file)
{
  char *block = malloc(BLOCK_SIZE);
  if (block == NULL) return copas_abort(client), COPAS_NO_MEMORY;
  copas_status status = send_blocks(client, file, block);
  free(block);
  return status;
}
