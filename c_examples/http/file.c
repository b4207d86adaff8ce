/* SPDX-License-Identifier: MIT */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int hex(char digit)
{
    if (digit >= '0' && digit <= '9') return digit - '0';
    if ((digit | 32) >= 'a' && (digit | 32) <= 'f') return (digit | 32) - 'a' + 10;
    return -1;
}

/* Of "http://host/path" only the path counts (RFC 9112, 3.2.2). */
static void strip_authority(struct http_text *target)
{
    if (target->len < 7 || strncasecmp(target->data, "http://", 7) != 0) return;
    const char *slash = memchr(target->data + 7, '/', target->len - 7);
    if (slash == NULL) {
        *target = (struct http_text){"/", 1};
    } else {
        target->len -= (size_t)(slash - target->data);
        target->data = slash;
    }
}

/* The path of a target: without the query, decoded, relative. 0 when it is none. */
static int decode(struct http_text target, char *path, size_t size)
{
    size_t len = 0;
    strip_authority(&target);
    if (target.len == 0 || target.data[0] != '/') return 0;
    for (size_t i = 1; i < target.len && target.data[i] != '?'; i++) {
        char byte = target.data[i];
        if (byte == '%') {
            if (target.len - i < 3) return 0;
            int high = hex(target.data[i + 1]), low = hex(target.data[i + 2]);
            if (high < 0 || low < 0) return 0;
            byte = (char)(high * 16 + low);
            i += 2;
        }
        if (byte == 0 || len + sizeof "index.html" + 1 > size) return 0;
        path[len++] = byte;
    }
    path[len] = 0;
    return 1;
}

/* Whether a path has a hidden part, ".." among them. */
static int is_hidden(const char *path)
{
    return path[0] == '.' || strstr(path, "/.") != NULL;
}

static const char *type_of(const char *path)
{
    static const char *const types[][2] = {
        {".html", "text/html; charset=utf-8"}, {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"}, {".txt", "text/plain; charset=utf-8"},
        {".json", "application/json"}, {".svg", "image/svg+xml"}, {".png", "image/png"},
        {".jpg", "image/jpeg"}, {".gif", "image/gif"}, {".pdf", "application/pdf"},
        {".wasm", "application/wasm"}};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot != NULL && i < sizeof types / sizeof *types; i++)
        if (strcasecmp(dot, types[i][0]) == 0) return types[i][1];
    return "application/octet-stream";
}

/* Opens what lies below the folder and nothing else, whatever links say (openat2(2)). */
static int open_below(int folder, const char *path)
{
    struct open_how how;
    memset(&how, 0, sizeof how);
    how.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    return (int)syscall(SYS_openat2, folder, path, &how, sizeof how);
}

static int code_of_errno(void)
{
    if (errno == ENOENT || errno == ENOTDIR || errno == ENAMETOOLONG) return 404;
    return errno == EACCES || errno == EXDEV || errno == ELOOP || errno == EPERM ? 403 : 500;
}

int file_open(int folder, struct http_text target, struct file *file)
{
    struct stat info;
    if (!decode(target, file->path, sizeof file->path)) return 400;
    size_t len = strlen(file->path);
    if (len == 0 || file->path[len - 1] == '/') strcat(file->path, "index.html");
    if (is_hidden(file->path)) return 403;
    file->fd = open_below(folder, file->path);
    if (file->fd < 0) return code_of_errno();
    int code = 403;
    if (fstat(file->fd, &info) == 0) {
        if (S_ISREG(info.st_mode)) code = 200;
        else if (S_ISDIR(info.st_mode)) code = 301;
    }
    if (code != 200) close(file->fd);
    file->size = (uint64_t)info.st_size;
    file->type = type_of(file->path);
    return code;
}

/* A file of the page cache is read at once; a slow disk would hold up the whole dispatcher. */
copas_status file_send(copas_socket *client, const struct file *file)
{
    char memory[32768];
    uint64_t done = 0;
    while (done < file->size) {
        uint64_t rest = file->size - done;
        size_t wanted = rest < sizeof memory ? (size_t)rest : sizeof memory;
        ssize_t n = pread(file->fd, memory, wanted, (off_t)done);
        /* It has become shorter: the promised length cannot be kept any more. */
        if (n <= 0) return COPAS_SYSTEM;
        copas_status status = copas_send(client, memory, (size_t)n);
        if (status != COPAS_OK) return status;
        done += (uint64_t)n;
    }
    return COPAS_OK;
}
