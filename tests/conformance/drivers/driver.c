/* SPDX-License-Identifier: MIT */
/* The conformance driver in C: each command that it reads runs in a coroutine of its own. */
#include <copas.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 8
#define NAMES 16
/* More bytes than these are told by length and checksum. */
#define SHOWN 256
#define PERIOD 65521u

struct command {
  struct command *next;
  copas_thread *thread;
  char *line;
  /* The command's own name, its verb, and the rest. */
  char *words[WORDS];
  bool is_over;
};

static copas *c;
static copas_socket *input;
static struct command *commands;
static struct {
  char name[32];
  copas_socket *skt;
} names[NAMES];

/* The place of a name; the socket stays there when it is closed, as a stale handle. */
static copas_socket **socket_at(const char *name)
{
  for (int i = 0; i < NAMES; i++) {
    if (names[i].name[0] == 0) snprintf(names[i].name, sizeof names[i].name, "%s", name);
    if (strcmp(names[i].name, name) == 0) return &names[i].skt;
  }
  fprintf(stderr, "more than %d names\n", NAMES);
  exit(1);
}

/* Whether an address says "tls:"; such connections are encrypted. */
static bool is_encrypted(const char *address) { return strncmp(address, "tls:", 4) == 0; }

/* A context with the certificates of the run. */
static copas_tls_context *context_for(int role)
{
  static copas_tls_context *made[3];
  char certificate[256], key[256], ca[256];
  const char *folder = getenv("COPAS_CONFORMANCE_TLS");
  if (made[role] != NULL) return made[role];
  snprintf(certificate, sizeof certificate, "%s/server.pem", folder);
  snprintf(key, sizeof key, "%s/server.key", folder);
  snprintf(ca, sizeof ca, "%s/ca.pem", folder);
  copas_tls_identity identity = {.certificate_file = certificate, .key_file = key};
  copas_tls_options options = {.size = sizeof options};
  if (role == COPAS_TLS_SERVER) {
    options.identities = &identity;
    options.identity_count = 1;
  } else {
    options.ca_file = ca;
  }
  if (copas_tls_context_new(c, role, &options, &made[role]) != COPAS_OK) exit(1);
  return made[role];
}

static double limit_of(const char *word) { return strcmp(word, "-") == 0 ? COPAS_FOREVER : atof(word); }

static void answer(struct command *m, int status, const char *word)
{
  /* Without COPAS_. */
  printf("%s %s %s\n", m->words[0], copas_status_name(status) + 6, word);
  fflush(stdout);
  m->is_over = true;
}

static void answer_bytes(struct command *m, int status, copas_bytes bytes)
{
  char word[2 * SHOWN + 2] = "=";
  const unsigned char *data = (const unsigned char *)bytes.data;
  if (bytes.len <= SHOWN) {
    for (size_t i = 0; i < bytes.len; i++) sprintf(word + 1 + 2 * i, "%02x", data[i]);
  } else {
    uint32_t low = 1, high = 0;
    for (size_t i = 0; i < bytes.len; i++) {
      low = (low + data[i]) % 65521;
      high = (high + low) % 65521;
    }
    sprintf(word, "#%zu:%08" PRIx32, bytes.len, high << 16 | low);
  }
  answer(m, status, word);
}

/* The bytes of "=HEX", to be freed. */
static copas_bytes bytes_of(const char *word)
{
  size_t len = strlen(word + 1) / 2;
  char *data = malloc(len + 1);
  for (size_t i = 0; i < len; i++) {
    unsigned byte = 0;
    sscanf(word + 1 + 2 * i, "%2x", &byte);
    data[i] = (char)byte;
  }
  return (copas_bytes){data, len};
}

/* "tcp:HOST:PORT", or "tls:HOST:PORT", in place. */
static int split_address(char *address, char **host)
{
  char *port = strrchr(address, ':');
  *port = 0;
  *host = strchr(address, ':') + 1;
  return atoi(port + 1);
}

static void do_turn(struct command *m) { answer(m, COPAS_OK, "="); }

static void do_connect(struct command *m)
{
  char *host;
  bool encrypted = is_encrypted(m->words[4]);
  int port = split_address(m->words[4], &host);
  double limit = limit_of(m->words[3]);
  copas_socket **skt = socket_at(m->words[2]);
  if (!encrypted) {
    answer(m, copas_connect(c, host, port, limit, skt), "=");
    return;
  }
  /* 0 is no limit there. */
  copas_connect_options options = {.size = sizeof options, .timeout = limit == 0 ? 1e-9 : limit,
                                   .tls = context_for(COPAS_TLS_CLIENT)};
  answer(m, copas_connect_with(c, host, port, &options, skt), "=");
}

static void echo(copas_socket *client, void *user)
{
  copas_bytes line;
  (void)user;
  while (copas_receive(client, COPAS_LINE_RAW, &line) == COPAS_OK)
    copas_send(client, line.data, line.len);
}

static void do_listen(struct command *m)
{
  char *host, word[160] = "=";
  copas_address own;
  copas_socket **server = socket_at(m->words[2]);
  copas_server_options options = {.size = sizeof options};
  bool encrypted = is_encrypted(m->words[3]);
  if (encrypted) options.tls = context_for(COPAS_TLS_SERVER);
  int port = split_address(m->words[3], &host);
  int status = copas_bind(c, host, port, server);
  if (status == COPAS_OK && m->words[4] != NULL)
    status = copas_addserver_with(c, *server, echo, &options);
  if (status == COPAS_OK) status = copas_getsockname(*server, &own);
  if (status == COPAS_OK) snprintf(word, sizeof word, "%s:%s:%d", encrypted ? "tls" : "tcp", own.host, own.port);
  answer(m, status, word);
}

static void do_accept(struct command *m)
{
  copas_socket *server = *socket_at(m->words[2]), **skt = socket_at(m->words[4]);
  int status = copas_accept(server, limit_of(m->words[3]), skt);
  if (status == COPAS_OK && m->words[5] != NULL)
    status = copas_starttls(*skt, context_for(COPAS_TLS_SERVER), NULL);
  answer(m, status, "=");
}

static int receive(copas_socket *skt, char **words, copas_bytes *bytes)
{
  if (strcmp(words[0], "until") == 0) {
    copas_bytes delimiter = bytes_of(words[1]);
    int status = copas_receive_until(skt, delimiter.data, delimiter.len, bytes);
    free((char *)delimiter.data);
    return status;
  }
  if (strcmp(words[0], "some") == 0) return copas_receive_some(skt, bytes);
  int64_t pattern = strcmp(words[0], "line") == 0  ? COPAS_LINE
                    : strcmp(words[0], "raw") == 0 ? COPAS_LINE_RAW
                    : strcmp(words[0], "all") == 0 ? COPAS_ALL
                                                   : atoll(words[0]);
  return copas_receive(skt, pattern, bytes);
}

static void do_receive(struct command *m)
{
  copas_socket *skt = *socket_at(m->words[2]);
  copas_bytes bytes = {"", 0};
  /* A stale handle shows in the receive. */
  copas_settimeouts(skt, NAN, NAN, limit_of(m->words[3]));
  int status = receive(skt, m->words + 4, &bytes);
  answer_bytes(m, status, bytes);
}

static void do_send(struct command *m)
{
  copas_socket *skt = *socket_at(m->words[2]);
  copas_bytes bytes = bytes_of(m->words[4]);
  copas_settimeouts(skt, NAN, limit_of(m->words[3]), NAN);
  answer(m, copas_send(skt, bytes.data, bytes.len), "=");
  free((char *)bytes.data);
}

/* Sends so many bytes of a seed, and tells how many were taken where not all were. */
static void do_generate(struct command *m)
{
  copas_socket *skt = *socket_at(m->words[2]);
  size_t len = strtoull(m->words[4], NULL, 10), taken = 0;
  unsigned seed = (unsigned)atoi(m->words[5]);
  unsigned char *data = malloc(len);
  char word[32] = "=";
  for (size_t i = 0; i < len; i++) {
    unsigned at = (unsigned)(i % PERIOD);
    data[i] = (unsigned char)(at * 167 + (at >> 8) * 13 + seed);
  }
  copas_settimeouts(skt, NAN, limit_of(m->words[3]), NAN);
  int status = copas_send_part(skt, data, len, &taken);
  if (status != COPAS_OK) snprintf(word, sizeof word, "%zu", taken);
  answer(m, status, word);
  free(data);
}

static void do_flush(struct command *m)
{
  copas_socket *skt = *socket_at(m->words[2]);
  copas_settimeouts(skt, NAN, limit_of(m->words[3]), NAN);
  answer(m, copas_flush(skt), "=");
}

static void do_limits(struct command *m)
{
  size_t line = strtoull(m->words[3], NULL, 10), all = strtoull(m->words[4], NULL, 10);
  answer(m, copas_setlimits(*socket_at(m->words[2]), line, all), "=");
}

static void do_shut(struct command *m)
{
  int how = strcmp(m->words[3], "send") == 0      ? COPAS_SHUT_SEND
            : strcmp(m->words[3], "receive") == 0 ? COPAS_SHUT_RECEIVE
                                                  : COPAS_SHUT_BOTH;
  answer(m, copas_shut(*socket_at(m->words[2]), how), "=");
}

static void do_close(struct command *m) { answer(m, copas_close(*socket_at(m->words[2])), "="); }

static void do_abort(struct command *m) { answer(m, copas_abort(*socket_at(m->words[2])), "="); }

static void do_cancel(struct command *m)
{
  int status = COPAS_INVALID;
  for (struct command *other = commands; other != NULL; other = other->next)
    if (strcmp(other->words[0], m->words[2]) == 0) status = copas_removethread(other->thread);
  answer(m, status, "=");
}

static const struct {
  const char *verb;
  void (*run)(struct command *);
} verbs[] = {
    {"turn", do_turn},         {"connect", do_connect}, {"listen", do_listen}, {"accept", do_accept},
    {"receive", do_receive},   {"send", do_send},       {"flush", do_flush},   {"limits", do_limits},
    {"generate", do_generate}, {"shut", do_shut},       {"close", do_close},   {"abort", do_abort},
    {"cancel", do_cancel},
};

static void run(void *user)
{
  struct command *m = user;
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
    if (strcmp(verbs[i].verb, m->words[1]) == 0) {
      verbs[i].run(m);
      return;
    }
  }
  answer(m, COPAS_UNSUPPORTED, "=");
}

static struct command *new_command(copas_bytes line)
{
  struct command *m = calloc(1, sizeof *m);
  char *rest, *word;
  m->line = strndup(line.data, line.len);
  word = strtok_r(m->line, " ", &rest);
  for (int i = 0; i < WORDS && word != NULL; i++, word = strtok_r(NULL, " ", &rest))
    m->words[i] = word;
  m->next = commands;
  commands = m;
  return m;
}

static void read_commands(void *user)
{
  copas_bytes line;
  (void)user;
  while (copas_receive(input, COPAS_LINE, &line) == COPAS_OK) {
    static const char start[] = "start ";
    bool started = line.len > strlen(start) && memcmp(line.data, start, strlen(start)) == 0;
    if (started) line = (copas_bytes){line.data + strlen(start), line.len - strlen(start)};
    struct command *m = new_command(line);
    if (copas_addthread(c, run, m, &m->thread) != COPAS_OK) exit(1);
    /* It runs now, up to its wait. */
    copas_pause(c, 0, NULL);
    if (started && !m->is_over) {
      printf("%s waits\n", m->words[0]);
      fflush(stdout);
    }
  }
  copas_shutdown(c, 0);
}

int main(int argc, char **argv)
{
  if (argc > 1) {
    printf("usage: %s\nA driver of the conformance suite: tests/conformance/README.md tells what it reads "
           "and writes.\n", argv[0]);
    return strcmp(argv[1], "--help") == 0 ? 0 : 2;
  }
  c = copas_new(NULL);
  if (c == NULL || copas_wrap(c, 0, &input) != COPAS_OK) {
    fprintf(stderr, "the standard input has to be a pipe or a socket\n");
    return 1;
  }
  copas_addthread(c, read_commands, NULL, NULL);
  copas_loop(c, COPAS_FOREVER);
  int status = copas_free(c);
  while (commands != NULL) {
    struct command *m = commands;
    commands = m->next;
    free(m->line);
    free(m);
  }
  return status == COPAS_OK ? 0 : 1;
}
