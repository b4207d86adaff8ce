/* SPDX-License-Identifier: MIT */
/* What scripts/stack-sizes prints: how much of a coroutine's stack common library calls use. */
#include <copas.h>
#include <float.h>
#include <netdb.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef WITH_OPENSSL
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#endif

enum { STACK = 1 << 20, LEAST = 64 * 1024, NAMES = 32 };

static char text[8192];

static void nothing(void *user)
{
  (void)user;
}

static void print_integers_and_text(void *user)
{
  (void)user;
  snprintf(text, sizeof text, "%d %s %zu %p", -1, "text", sizeof text, (void *)text);
}

static void print_doubles(void *user)
{
  (void)user;
  snprintf(text, sizeof text, "%.17g %f %e %a", DBL_MIN, DBL_MAX, DBL_MAX, DBL_MAX);
}

static void print_long_doubles(void *user)
{
  (void)user;
  snprintf(text, sizeof text, "%Lf %Le", LDBL_MAX, LDBL_MIN);
}

static void read_doubles(void *user)
{
  double a, b;
  (void)user;
  (void)sscanf("1.7976931348623157e308 4.9e-324", "%lf %lf", &a, &b);
}

static void tell_the_local_time(void *user)
{
  time_t now = time(NULL);
  struct tm parts;
  (void)user;
  localtime_r(&now, &parts);
  strftime(text, sizeof text, "%c %Z", &parts);
}

static void match_a_regular_expression(void *user)
{
  regex_t pattern;
  (void)user;
  if (regcomp(&pattern, "^([a-z]+)=([0-9]+)(,[a-z]+=[0-9]+)*$", REG_EXTENDED) != 0) return;
  regexec(&pattern, "first=1,second=2,third=3", 0, NULL, 0);
  regfree(&pattern);
}

static void look_up(const char *host)
{
  struct addrinfo *found;
  if (getaddrinfo(host, "80", NULL, &found) == 0) freeaddrinfo(found);
}

static void look_up_a_number(void *user)
{
  (void)user;
  look_up("127.0.0.1");
}

static void look_up_localhost(void *user)
{
  (void)user;
  look_up("localhost");
}

/* Asks the name servers of this machine, if it has some. */
static void look_up_a_name(void *user)
{
  (void)user;
  look_up("name.invalid");
}

#ifdef WITH_OPENSSL
static SSL_CTX *server_context, *client_context;

static int make_contexts(void)
{
  EVP_PKEY *key = EVP_RSA_gen(2048);
  X509 *certificate = X509_new();
  if (key == NULL || certificate == NULL) return 0;
  X509_gmtime_adj(X509_getm_notBefore(certificate), 0);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  server_context = SSL_CTX_new(TLS_server_method());
  client_context = SSL_CTX_new(TLS_client_method());
  int made = SSL_CTX_use_certificate(server_context, certificate) == 1 &&
             SSL_CTX_use_PrivateKey(server_context, key) == 1;
  X509_free(certificate);
  EVP_PKEY_free(key);
  return made;
}

/* Both sides of a handshake, and a record, in memory. */
static void shake_hands(void *user)
{
  SSL *server = SSL_new(server_context), *client = SSL_new(client_context);
  BIO *ends[2];
  (void)user;
  BIO_new_bio_pair(&ends[0], 0, &ends[1], 0);
  SSL_set_bio(server, ends[0], ends[0]);
  SSL_set_bio(client, ends[1], ends[1]);
  SSL_set_accept_state(server);
  SSL_set_connect_state(client);
  for (int i = 0; i < 10; i++) {
    SSL_do_handshake(client);
    SSL_do_handshake(server);
  }
  SSL_write(client, "hello", 5);
  if (SSL_read(server, text, sizeof text) != 5) fputs("the handshake has failed\n", stderr);
  SSL_free(server);
  SSL_free(client);
}
#endif

static const struct {
  const char *name;
  void (*call)(void *);
} calls[] = {
    {"nothing", nothing},
    {"snprintf of integers and text", print_integers_and_text},
    {"snprintf of doubles", print_doubles},
    {"snprintf of long doubles", print_long_doubles},
    {"sscanf of doubles", read_doubles},
    {"localtime_r, strftime", tell_the_local_time},
    {"regcomp, regexec", match_a_regular_expression},
    {"getaddrinfo of a number", look_up_a_number},
    {"getaddrinfo of localhost", look_up_localhost},
    {"getaddrinfo of a name", look_up_a_name},
#ifdef WITH_OPENSSL
    {"OpenSSL: handshake and a record", shake_hands},
#endif
};

static void add_calls(copas *c)
{
  copas_thread_options options;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.stack_size = STACK;
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
    options.name = calls[i].name;
    copas_addthread_with(c, calls[i].call, &options, NULL);
  }
}

/* 1 when all of them fit into the smallest stack that there is. */
static int print_marks(copas *c)
{
  copas_stack_mark marks[NAMES];
  int n = copas_stack_marks(c, marks, NAMES);
  puts("| what a coroutine calls | KiB of its stack |\n|---|---|");
  for (int i = 0; i < n; i++) printf("| %s | %zu |\n", marks[i].name, marks[i].used / 1024);
  return n > 0 && marks[0].used <= LEAST;
}

int main(void)
{
  copas_config config;
  memset(&config, 0, sizeof config);
  config.size = sizeof config;
  config.flags = COPAS_STACK_MARKS;
  copas *c = copas_new(&config);
  if (c == NULL) {
    perror("copas_new");
    return 1;
  }
#ifdef WITH_OPENSSL
  if (!make_contexts()) {
    fputs("OpenSSL makes no key and certificate\n", stderr);
    return 1;
  }
#endif
  add_calls(c);
  copas_loop(c, COPAS_FOREVER);
  int fit = print_marks(c);
  if (!fit) fputs("not all of these calls fit into the smallest stack, 64 KiB\n", stderr);
#ifdef WITH_OPENSSL
  SSL_CTX_free(server_context);
  SSL_CTX_free(client_context);
#endif
  return copas_free(c) == COPAS_OK && fit ? 0 : 1;
}
