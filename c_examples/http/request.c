/* SPDX-License-Identifier: MIT */
#include "request.h"

#include <math.h>
#include <string.h>
#include <strings.h>

static int is(http_slice slice, const char *text)
{
  return slice.len == strlen(text) && strncasecmp(slice.data, text, slice.len) == 0;
}

/* How many headers have this name; `value` gets the last one's, or stays as it is. */
static int find_header(const struct request *request, const char *name, http_slice *value)
{
  int found = 0;
  for (size_t i = 0; i < request->head.header_count; i++) {
    if (!is(request->head.headers[i].name, name)) continue;
    *value = request->head.headers[i].value;
    found++;
  }
  return found;
}

static int list_has(http_slice list, const char *token)
{
  size_t start = 0;
  while (start < list.len) {
    size_t end = start;
    while (end < list.len && strchr(", \t", list.data[end]) == NULL) end++;
    http_slice item = {list.data + start, end - start};
    if (is(item, token)) return 1;
    start = end + 1;
  }
  return 0;
}

static int connection_has(const struct request *request, const char *token)
{
  for (size_t i = 0; i < request->head.header_count; i++) {
    const http_header *header = &request->head.headers[i];
    if (is(header->name, "connection") && list_has(header->value, token)) return 1;
  }
  return 0;
}

void request_limit(copas_socket *client, double end)
{
  double left = end - copas_now(copas_current());
  copas_settimeouts(client, NAN, NAN, left > 0 ? left : 0);
}

/* What to answer to a head that did not arrive; `have` bytes of it are there before `rest`. */
static int refuse_head(copas_status status, size_t have, copas_bytes rest)
{
  if (status == COPAS_TIMEOUT) return have + rest.len == 0 ? 0 : 408;
  if (status == COPAS_TOO_LONG) return have == 0 ? 414 : 431;
  return 0;
}

/* Collects the lines up to the empty one: bytes of a line are lent only until the next receive. */
static int read_head(copas_socket *client, double end, struct request *request, size_t *len)
{
  copas_bytes line;
  int empty;
  *len = 0;
  do {
    request_limit(client, end);
    copas_status status = copas_receive(client, COPAS_LINE_RAW, &line);
    if (status != COPAS_OK) return refuse_head(status, *len, line);
    empty = line.data[0] == '\n' || (line.len == 2 && line.data[0] == '\r');
    if (*len == 0 && empty) continue; /* some clients send one after a body */
    if (*len + line.len > HEAD_LIMIT) return *len == 0 ? 414 : 431;
    memcpy(request->bytes + *len, line.data, line.len);
    *len += line.len;
  } while (*len == 0 || !empty);
  return 200;
}

static int parse_head(struct request *request, size_t len)
{
  switch (http_parse(request->bytes, len, &request->head)) {
  case HTTP_PARSED: return 200;
  case HTTP_TOO_MANY_HEADERS: return 431;
  case HTTP_BAD_VERSION: return 505;
  default: return 400;
  }
}

static int hex(char digit)
{
  const char *digits = "0123456789abcdef";
  const char *found = digit == '\0' ? NULL : strchr(digits, digit | 0x20);
  return found == NULL ? -1 : (int)(found - digits);
}

/* Decodes the path of the target into `path`. */
static int decode_path(struct request *request)
{
  http_slice from = request->target;
  size_t len = 0;
  for (size_t i = 0; i < from.len; i++) {
    int byte = (unsigned char)from.data[i];
    if (byte == '%') {
      if (from.len - i < 3 || hex(from.data[i + 1]) < 0 || hex(from.data[i + 2]) < 0) return 400;
      byte = hex(from.data[i + 1]) * 16 + hex(from.data[i + 2]);
      i += 2;
    }
    if (byte == '\0') return 400;
    request->path[len++] = (char)byte;
  }
  request->path[len] = '\0';
  return len > 0 && request->path[0] == '/' ? 200 : 400;
}

/* Finds path and query in "/path?query" or "http://host/path?query". */
static int split_target(struct request *request)
{
  http_slice target = request->head.target;
  const char *end = target.data + target.len;
  const char *start = target.data;
  if (target.len >= TARGET_LIMIT) return 414;
  /* "*" and "host:port" belong to methods that are not served. */
  if (request_check_method(request) != 200) return 200;
  if (target.len >= 7 && strncasecmp(start, "http://", 7) == 0) {
    start = memchr(start + 7, '/', target.len - 7);
    if (start == NULL) return 400;
  }
  const char *query = memchr(start, '?', (size_t)(end - start));
  if (query == NULL) query = end;
  request->target = (http_slice){start, (size_t)(query - start)};
  request->query = (http_slice){query, (size_t)(end - query)};
  return decode_path(request);
}

/* How long the body is: a mistake here would take a body for a request. */
static int measure_body(const struct request *request, size_t *body)
{
  http_slice value = {"", 0};
  *body = 0;
  if (find_header(request, "transfer-encoding", &value) != 0) return 501;
  int found = find_header(request, "content-length", &value);
  if (found == 0) return 200;
  if (found > 1 || value.len == 0) return 400;
  for (size_t i = 0; i < value.len; i++) {
    if (value.data[i] < '0' || value.data[i] > '9') return 400;
    if (*body <= BODY_LIMIT) *body = *body * 10 + (size_t)(value.data[i] - '0');
  }
  return *body <= BODY_LIMIT ? 200 : 413;
}

static int skip_body(copas_socket *client, double end, struct request *request)
{
  http_slice value = {"", 0};
  copas_bytes bytes;
  size_t len;
  int status = measure_body(request, &len);
  if (status != 200 || len == 0) return status;
  if (find_header(request, "expect", &value) != 0) {
    /* The client waits for our answer before it sends the body, and may not send it at all. */
    request->keep_alive = 0;
    return 200;
  }
  request_limit(client, end);
  switch (copas_receive(client, (int64_t)len, &bytes)) {
  case COPAS_OK: return 200;
  case COPAS_TIMEOUT: return 408;
  default: return 0;
  }
}

/* What the headers say of the request itself. */
static int check_headers(struct request *request)
{
  http_slice host;
  int hosts = find_header(request, "host", &host);
  int minor = request->head.minor_version;
  http_slice etag;
  if (hosts > 1 || (hosts == 0 && minor == 1)) return 400;
  request->keep_alive =
    !connection_has(request, "close") && (minor == 1 || connection_has(request, "keep-alive"));
  request->known_since = (http_slice){"", 0};
  /* We give no tags, so who asks by tag does not have our version. */
  if (find_header(request, "if-none-match", &etag) == 0)
    find_header(request, "if-modified-since", &request->known_since);
  return 200;
}

int request_check_method(const struct request *request)
{
  static const char *const known[] = {"POST",  "PUT",     "DELETE", "CONNECT",
                                      "TRACE", "OPTIONS", "PATCH"};
  if (request->is_get || request->is_head) return 200;
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (request->head.method.len == strlen(known[i]) &&
        memcmp(request->head.method.data, known[i], strlen(known[i])) == 0)
      return 405;
  return 501;
}

int request_read(copas_socket *client, double seconds, struct request *request)
{
  double end = copas_now(copas_current()) + seconds;
  size_t len;
  request->is_get = request->is_head = request->keep_alive = 0;
  int status = read_head(client, end, request, &len);
  if (status == 200) status = parse_head(request, len);
  if (status != 200) return status;
  http_slice method = request->head.method;
  request->is_get = method.len == 3 && memcmp(method.data, "GET", 3) == 0;
  request->is_head = method.len == 4 && memcmp(method.data, "HEAD", 4) == 0;
  if ((status = check_headers(request)) != 200) return status;
  if ((status = split_target(request)) != 200) return status;
  return skip_body(client, end, request);
}
