/* SPDX-License-Identifier: MIT */
/* TLS contexts: certificates from files and memory, several by name, clients with certificates,
 * protocols, versions, sessions, new settings while it runs, references. */
#include "tls.h"

static copas *c;
static int port;

static void greet(copas_socket *client, void *user)
{
  copas_bytes line;
  (void)user;
  copas_send(client, "hello\n", 6);
  while (copas_receive(client, COPAS_LINE, &line) == COPAS_OK) copas_send(client, "again\n", 6);
}

static copas_tls_details details_of(copas_socket *skt)
{
  copas_tls_details details = {.size = sizeof details};
  CHECK_OK(copas_tls_info(skt, &details));
  return details;
}

/* Connects and waits for the greeting, so that the handshake is over on both sides. */
static copas_socket *meet(copas_tls_context *client, const char *name)
{
  copas_socket *skt;
  copas_bytes line;
  CHECK_OK(tls_connect(c, client, port, name, &skt));
  CHECK_OK(copas_receive(skt, COPAS_LINE, &line));
  CHECK_BYTES(line, "hello");
  return skt;
}

/* Whether the peer's certificate is that of the folder's `name`. */
static int is_shown(copas_socket *skt, const char *name)
{
  char der[4096], file[64];
  copas_tls_details details = details_of(skt);
  tls_run("openssl x509 -in %s.pem -outform DER -out %s.der", name, name);
  snprintf(file, sizeof file, "%s.der", name);
  FILE *stream = fopen(tls_path(file), "rb");
  CHECK(stream != NULL);
  size_t len = fread(der, 1, sizeof der, stream);
  CHECK(fclose(stream) == 0);
  return len == details.certificate_len && memcmp(der, details.certificate, len) == 0;
}

static void a_connection_tells_what_was_agreed_on(void)
{
  c = net_new(NULL);
  copas_tls_context *server = tls_server(c, "server"), *client = tls_client(c, "ca");
  tls_serve(c, server, greet, NULL, &port);
  copas_socket *skt = meet(client, "localhost");
  copas_tls_details details = details_of(skt);
  CHECK(strcmp(details.version, "TLSv1.3") == 0);
  CHECK(strstr(details.cipher, "TLS13_") == details.cipher);
  CHECK(details.alpn == NULL);
  CHECK(strcmp(details.server_name, "localhost") == 0);
  CHECK(is_shown(skt, "server"));
  CHECK_NUMBER(details.resumed, 0);
  CHECK_OK(copas_tls_context_release(server));
  CHECK_OK(copas_tls_context_release(client));
  CHECK_OK(copas_free(c));
}

static void a_plain_socket_tells_nothing(void)
{
  copas_socket *skt;
  copas_tls_details details = {.size = sizeof details};
  c = net_new(NULL);
  net_serve(c, greet, NULL, &port);
  CHECK_OK(copas_connect_with(c, "127.0.0.1", port, NULL, &skt));
  CHECK_STATUS(copas_tls_info(skt, &details), COPAS_UNSUPPORTED);
  CHECK_OK(copas_free(c));
}

static char *read_file(const char *name, size_t *len)
{
  char *text = net_allocate(65536);
  FILE *stream = fopen(tls_path(name), "rb");
  CHECK(stream != NULL);
  *len = fread(text, 1, 65536, stream);
  CHECK(fclose(stream) == 0);
  return text;
}

static void everything_may_come_from_memory(void)
{
  size_t certificate_len, key_len, ca_len;
  char *certificate = read_file("server.pem", &certificate_len);
  char *key = read_file("server.key", &key_len);
  char *ca = read_file("ca.pem", &ca_len);
  copas_tls_identity identity = {.certificate = certificate, .certificate_len = certificate_len,
                                 .key = key, .key_len = key_len};
  copas_tls_options options = {.size = sizeof options, .identities = &identity,
                               .identity_count = 1};
  copas_tls_options client_options = {.size = sizeof options, .ca = ca, .ca_len = ca_len};
  c = net_new(NULL);
  copas_tls_context *server = tls_context(c, COPAS_TLS_SERVER, &options);
  copas_tls_context *client = tls_context(c, COPAS_TLS_CLIENT, &client_options);
  free(certificate);
  free(key);
  free(ca);
  tls_serve(c, server, greet, NULL, &port);
  meet(client, "localhost");
  CHECK_OK(copas_tls_context_release(server));
  CHECK_OK(copas_tls_context_release(client));
  CHECK_OK(copas_free(c));
}

/* The status of a context with these options; that it is COPAS_INVALID is told in words. */
static copas_status status_of(int role, const copas_tls_options *options)
{
  copas_tls_context *context;
  copas_error_info info = {.size = sizeof info};
  copas_status status = copas_tls_context_new(c, role, options, &context);
  CHECK_OK(copas_error(c, &info));
  if (status == COPAS_INVALID) CHECK(strstr(info.text, "length 0") != NULL);
  return status;
}

static void memory_without_a_byte_is_not_taken_for_none(void)
{
  copas_tls_identity identity = tls_identity("server");
  copas_tls_options options = {.size = sizeof options, .identities = &identity,
                               .identity_count = 1, .ca = ""};
  copas_tls_options client_options = {.size = sizeof options, .ca = ""};
  c = net_new(NULL);
  CHECK_STATUS(status_of(COPAS_TLS_SERVER, &options), COPAS_INVALID);
  CHECK_STATUS(status_of(COPAS_TLS_CLIENT, &client_options), COPAS_INVALID);
  options.ca = NULL;
  identity.key_file = NULL;
  identity.key = "";
  CHECK_STATUS(status_of(COPAS_TLS_SERVER, &options), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

static void a_client_sees_the_certificate_of_the_name_that_it_asks_for(void)
{
  copas_tls_identity identities[] = {tls_identity("server"), tls_identity("one"),
                                     tls_identity("wild")};
  copas_tls_options options = {.size = sizeof options, .identities = identities,
                               .identity_count = 3};
  c = net_new(NULL);
  copas_tls_context *server = tls_context(c, COPAS_TLS_SERVER, &options);
  copas_tls_context *client = tls_client(c, "ca");
  tls_serve(c, server, greet, NULL, &port);
  CHECK(is_shown(meet(client, "one.example"), "one"));
  CHECK(is_shown(meet(client, "any.wild.example"), "wild"));
  CHECK(is_shown(meet(client, "localhost"), "server"));
  /* An address asks for no name: the first is shown. */
  CHECK(is_shown(meet(client, "127.0.0.1"), "server"));
  CHECK_OK(copas_tls_context_release(server));
  CHECK_OK(copas_tls_context_release(client));
  CHECK_OK(copas_free(c));
}

static copas_status served_status;
static char served_name[64];
static int served;

/* Tells who the client is. */
static void recognise(copas_socket *client, void *user)
{
  copas_tls_details details = {.size = sizeof details};
  (void)user;
  served_status = copas_tls_info(client, &details);
  snprintf(served_name, sizeof served_name, "%s", details.certificate == NULL ? "nobody" : "known");
  served++;
  copas_send(client, "hello\n", 6);
}

/* A client with the identity `own` (NULL: none) at a server that asks for one of "ca". */
static copas_status introduce(const char *own, uint64_t flags)
{
  copas_socket *skt;
  copas_bytes line;
  copas_tls_identity identity = tls_identity("server"), mine;
  copas_tls_options options = {.size = sizeof options, .flags = flags, .identities = &identity,
                               .identity_count = 1, .ca_file = tls_path("ca.pem")};
  copas_tls_options client_options = {.size = sizeof options, .ca_file = tls_path("ca.pem")};
  if (own != NULL) {
    mine = tls_identity(own);
    client_options.identities = &mine;
    client_options.identity_count = 1;
  }
  c = net_new(NULL);
  served = 0;
  copas_tls_context *server = tls_context(c, COPAS_TLS_SERVER, &options);
  copas_tls_context *client = tls_context(c, COPAS_TLS_CLIENT, &client_options);
  tls_serve(c, server, recognise, NULL, &port);
  copas_status status = tls_connect(c, client, port, "localhost", &skt);
  if (status == COPAS_OK) status = copas_receive(skt, COPAS_LINE, &line);
  CHECK_OK(copas_tls_context_release(server));
  CHECK_OK(copas_tls_context_release(client));
  CHECK_OK(copas_free(c));
  return status;
}

static void a_server_with_a_ca_serves_those_whom_it_has_signed(void)
{
  CHECK_OK(introduce("client", 0));
  CHECK_OK(served_status);
  CHECK(strcmp(served_name, "known") == 0);
}

static void a_client_without_a_certificate_meets_no_handler(void)
{
  CHECK_STATUS(introduce(NULL, 0), COPAS_TLS_FAILED);
  CHECK_NUMBER(served, 0);
}

static void a_client_of_another_ca_meets_no_handler(void)
{
  CHECK_STATUS(introduce("stranger", 0), COPAS_TLS_FAILED);
  CHECK_NUMBER(served, 0);
}

static void a_clients_certificate_may_be_optional(void)
{
  CHECK_OK(introduce(NULL, COPAS_TLS_CLIENT_CERTIFICATE_OPTIONAL));
  CHECK(strcmp(served_name, "nobody") == 0);
  CHECK_STATUS(introduce("stranger", COPAS_TLS_CLIENT_CERTIFICATE_OPTIONAL), COPAS_TLS_FAILED);
}

static copas_tls_context *server_with(const char *alpn, int min_version, uint64_t flags)
{
  copas_tls_identity identity = tls_identity("server");
  copas_tls_options options = {.size = sizeof options, .flags = flags, .identities = &identity,
                               .identity_count = 1, .alpn = alpn, .min_version = min_version};
  return tls_context(c, COPAS_TLS_SERVER, &options);
}

static copas_tls_context *client_with(const char *alpn, uint64_t flags)
{
  copas_tls_options options = {.size = sizeof options, .flags = flags, .alpn = alpn,
                               .ca_file = tls_path("ca.pem")};
  return tls_context(c, COPAS_TLS_CLIENT, &options);
}

static void the_first_protocol_that_both_know_is_agreed_on(void)
{
  copas_socket *skt;
  c = net_new(NULL);
  copas_tls_context *server = server_with("h2,http/1.1", 0, 0);
  copas_tls_context *client = client_with("spdy/1,http/1.1", 0), *other = client_with("smtp", 0);
  tls_serve(c, server, greet, NULL, &port);
  CHECK(strcmp(details_of(meet(client, "localhost")).alpn, "http/1.1") == 0);
  CHECK_STATUS(tls_connect(c, other, port, "localhost", &skt), COPAS_TLS_FAILED);
  CHECK_OK(copas_tls_context_release(server));
  CHECK_OK(copas_tls_context_release(client));
  CHECK_OK(copas_tls_context_release(other));
  CHECK_OK(copas_free(c));
}

static void a_second_connection_resumes_the_session(void)
{
  c = net_new(NULL);
  copas_tls_context *server = tls_server(c, "server"), *client = tls_client(c, "ca");
  tls_serve(c, server, greet, NULL, &port);
  CHECK_NUMBER(details_of(meet(client, "localhost")).resumed, 0);
  copas_socket *skt = meet(client, "localhost");
  CHECK_NUMBER(details_of(skt).resumed, 1);
  /* The certificate of the session that was resumed. */
  CHECK(is_shown(skt, "server"));
  CHECK_NUMBER(tls_stats(server).handshakes, 2);
  CHECK_NUMBER(tls_stats(server).resumed, 1);
  CHECK_OK(copas_tls_context_release(server));
  CHECK_OK(copas_tls_context_release(client));
  CHECK_OK(copas_free(c));
}

static void without_resumption_every_handshake_is_a_whole_one(void)
{
  c = net_new(NULL);
  copas_tls_context *server = server_with(NULL, 0, COPAS_TLS_NO_RESUMPTION);
  copas_tls_context *client = tls_client(c, "ca");
  tls_serve(c, server, greet, NULL, &port);
  meet(client, "localhost");
  CHECK_NUMBER(details_of(meet(client, "localhost")).resumed, 0);
  CHECK_OK(copas_tls_context_release(server));
  CHECK_OK(copas_tls_context_release(client));
  CHECK_OK(copas_free(c));
}

static void a_renewed_certificate_is_shown_without_a_restart(void)
{
  copas_bytes line;
  copas_tls_identity identity = tls_identity("renewed");
  copas_tls_options options = {.size = sizeof options, .identities = &identity,
                               .identity_count = 1};
  c = net_new(NULL);
  copas_tls_context *server = tls_server(c, "server"), *client = tls_client(c, "ca");
  tls_serve(c, server, greet, NULL, &port);
  copas_socket *before = meet(client, "localhost");
  CHECK_OK(copas_tls_context_reload(c, server, &options));
  CHECK(is_shown(meet(client, "localhost"), "renewed"));
  CHECK_OK(copas_send(before, "still\n", 6));
  CHECK_OK(copas_receive(before, COPAS_LINE, &line));
  CHECK_BYTES(line, "again");
  /* A failed one changes nothing. */
  identity.key_file = tls_path("nowhere.key");
  CHECK(copas_tls_context_reload(c, server, &options) != COPAS_OK);
  CHECK(is_shown(meet(client, "localhost"), "renewed"));
  CHECK_OK(copas_tls_context_release(server));
  CHECK_OK(copas_tls_context_release(client));
  CHECK_OK(copas_free(c));
}

static void the_switch_that_turns_verification_off_does_so(void)
{
  copas_tls_options options = {.size = sizeof options,
                               .flags = COPAS_TLS_INSECURE_NO_VERIFICATION};
  c = net_new(NULL);
  copas_tls_context *server = tls_server(c, "stranger");
  copas_tls_context *client = tls_context(c, COPAS_TLS_CLIENT, &options);
  tls_serve(c, server, greet, NULL, &port);
  meet(client, "anything.example");
  CHECK_OK(copas_tls_context_release(server));
  CHECK_OK(copas_tls_context_release(client));
  CHECK_OK(copas_free(c));
}

static void a_context_lives_until_its_last_reference_and_use(void)
{
  c = net_new(NULL);
  copas_tls_context *server = tls_server(c, "server"), *client = tls_client(c, "ca");
  tls_serve(c, server, greet, NULL, &port);
  CHECK_OK(copas_tls_context_retain(server));
  CHECK_OK(copas_tls_context_release(server));
  CHECK_OK(copas_tls_context_release(server));
  CHECK_STATUS(copas_tls_context_release(server), COPAS_STALE);
  CHECK_STATUS(copas_tls_context_retain(server), COPAS_STALE);
  /* The server goes on with it. */
  meet(client, "localhost");
  CHECK_OK(copas_tls_context_release(client));
  CHECK_STATUS(tls_connect(c, client, port, "localhost", &(copas_socket *){NULL}), COPAS_STALE);
  CHECK_STATUS(copas_tls_context_release(NULL), COPAS_INVALID);
  CHECK_STATUS(copas_tls_context_release((copas_tls_context *)c), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

struct other {
  copas_tls_context *client;
  int port;
};

static void *meet_elsewhere(void *user)
{
  struct other *other = (struct other *)user;
  copas *own = net_new(NULL);
  copas_socket *skt;
  copas_bytes line;
  for (int i = 0; i < 20; i++) {
    CHECK_OK(tls_connect(own, other->client, other->port, "localhost", &skt));
    CHECK_OK(copas_receive(skt, COPAS_LINE, &line));
    CHECK_OK(copas_close(skt));
  }
  CHECK_OK(copas_free(own));
  return NULL;
}

static void a_context_serves_dispatchers_of_several_os_threads(void)
{
  pthread_t os_threads[2];
  c = net_new(NULL);
  copas_tls_context *server = tls_server(c, "server");
  struct other other = {.client = tls_client(c, "ca")};
  tls_serve(c, server, greet, NULL, &other.port);
  for (int i = 0; i < 2; i++)
    CHECK(pthread_create(&os_threads[i], NULL, meet_elsewhere, &other) == 0);
  while (tls_stats(other.client).handshakes < 40) net_step(c);
  net_settle(c);
  for (int i = 0; i < 2; i++) {
    struct timespec until = {.tv_nsec = 0};
    while (clock_gettime(CLOCK_REALTIME, &until) == 0 &&
           pthread_timedjoin_np(os_threads[i], NULL, &until) != 0)
      net_step(c);
  }
  CHECK_NUMBER(tls_stats(server).handshakes, 40);
  CHECK_OK(copas_tls_context_release(server));
  CHECK_OK(copas_tls_context_release(other.client));
  CHECK_OK(copas_free(c));
}

/* A context that cannot be made, and what is said about it. */
static void refuse(int role, const copas_tls_options *options, copas_status wanted,
                   const char *why)
{
  copas_tls_context *context;
  copas_error_info info = {.size = sizeof info};
  CHECK_STATUS(copas_tls_context_new(c, role, options, &context), wanted);
  CHECK_OK(copas_error(c, &info));
  if (strstr(info.text, why) == NULL) CHECK_FAIL("\"%s\" does not say \"%s\"", info.text, why);
}

static void wrong_settings_are_told(void)
{
  copas_tls_identity identity = tls_identity("server");
  copas_tls_options options = {.size = sizeof options, .identities = &identity,
                               .identity_count = 1};
  c = net_new(NULL);
  refuse(COPAS_TLS_SERVER, NULL, COPAS_INVALID, "identities");
  refuse(3, &options, COPAS_INVALID, "role");
  identity.key_file = tls_path("client.key");
  refuse(COPAS_TLS_SERVER, &options, COPAS_INVALID, "does not belong");
  refuse(COPAS_TLS_CLIENT, &options, COPAS_INVALID, "does not belong");
  identity.key_file = tls_path("server.pem");
  refuse(COPAS_TLS_SERVER, &options, COPAS_INVALID, "no private key");
  identity.key_file = tls_path("nowhere.key");
  refuse(COPAS_TLS_SERVER, &options, COPAS_SYSTEM, "nowhere.key");
  identity = tls_identity("server");
  identity.certificate_file = tls_path("server.key");
  refuse(COPAS_TLS_SERVER, &options, COPAS_INVALID, "no certificate");
  identity = tls_identity("server");
  options.flags = COPAS_TLS_INSECURE_NO_VERIFICATION;
  refuse(COPAS_TLS_SERVER, &options, COPAS_INVALID, "for clients");
  options.flags = 1 << 20;
  refuse(COPAS_TLS_SERVER, &options, COPAS_INVALID, "flag");
  options.flags = 0;
  options.min_version = 11;
  refuse(COPAS_TLS_SERVER, &options, COPAS_INVALID, "min_version");
  options.min_version = 0;
  options.alpn = "h2,,h3";
  refuse(COPAS_TLS_SERVER, &options, COPAS_INVALID, "alpn");
  options.alpn = "h2, http/1.1";
  refuse(COPAS_TLS_SERVER, &options, COPAS_INVALID, "blanks");
  options.alpn = NULL;
  options.ca_file = tls_path("server.key");
  refuse(COPAS_TLS_SERVER, &options, COPAS_INVALID, "no certificate");
  CHECK_OK(copas_free(c));
}

static void roles_do_not_mix(void)
{
  copas_socket *skt;
  c = net_new(NULL);
  copas_tls_context *server = tls_server(c, "server"), *client = tls_client(c, "ca");
  copas_server_options options = {.size = sizeof options, .tls = client};
  CHECK_STATUS(copas_addserver_with(c, net_bind(c, &port), greet, &options), COPAS_INVALID);
  CHECK_STATUS(tls_connect(c, server, port, "localhost", &skt), COPAS_INVALID);
  CHECK_OK(copas_bind_udp(c, "127.0.0.1", 0, &skt));
  options.tls = server;
  CHECK_STATUS(copas_addserver_with(c, skt, greet, &options), COPAS_UNSUPPORTED);
  CHECK_STATUS(copas_starttls(skt, server, NULL), COPAS_UNSUPPORTED);
  CHECK_OK(copas_tls_context_release(server));
  CHECK_OK(copas_tls_context_release(client));
  CHECK_OK(copas_free(c));
}

static void the_feature_is_told(void)
{
  CHECK_NUMBER(COPAS_HAS_TLS, 1);
  CHECK_NUMBER(copas_has_feature("tls"), 1);
  CHECK_NUMBER(copas_has_feature("time travel"), 0);
  CHECK_NUMBER(copas_has_feature(NULL), 0);
}

int main(void)
{
  tls_begin();
  tls_make_ca("other");
  tls_make("other", "stranger", "DNS:localhost", 2);
  tls_make("ca", "one", "DNS:one.example", 2);
  tls_make("ca", "wild", "DNS:*.wild.example", 2);
  tls_make("ca", "renewed", "DNS:localhost", 2);
  RUN(a_connection_tells_what_was_agreed_on);
  RUN(a_plain_socket_tells_nothing);
  RUN(everything_may_come_from_memory);
  RUN(memory_without_a_byte_is_not_taken_for_none);
  RUN(a_client_sees_the_certificate_of_the_name_that_it_asks_for);
  RUN(a_server_with_a_ca_serves_those_whom_it_has_signed);
  RUN(a_client_without_a_certificate_meets_no_handler);
  RUN(a_client_of_another_ca_meets_no_handler);
  RUN(a_clients_certificate_may_be_optional);
  RUN(the_first_protocol_that_both_know_is_agreed_on);
  RUN(a_second_connection_resumes_the_session);
  RUN(without_resumption_every_handshake_is_a_whole_one);
  RUN(a_renewed_certificate_is_shown_without_a_restart);
  RUN(the_switch_that_turns_verification_off_does_so);
  RUN(a_context_lives_until_its_last_reference_and_use);
  RUN(a_context_serves_dispatchers_of_several_os_threads);
  RUN(wrong_settings_are_told);
  RUN(roles_do_not_mix);
  RUN(the_feature_is_told);
  return check_report();
}
