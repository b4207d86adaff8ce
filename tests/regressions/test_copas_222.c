/* SPDX-License-Identifier: MIT */
/* Copas 222: a TLS client without settings checked neither the certificate nor the host's name. */
#include "tls.h"

static void handler(copas_socket *client, void *user)
{
  (void)user;
  copas_send(client, "hello\n", 6);
}

/* What a client gets from a server with the identity `name`, when it trusts `ca` (NULL: says nothing
 * about it) and wants `host`; the words must hold `why`. */
static void expect(const char *name, const char *ca, const char *host, copas_status wanted,
                   const char *why)
{
  int port;
  copas_socket *skt = NULL;
  copas *c = net_new(NULL);
  copas_tls_context *server = tls_server(c, name);
  copas_tls_context *client =
      ca == NULL ? tls_context(c, COPAS_TLS_CLIENT, NULL) : tls_client(c, ca);
  tls_serve(c, server, handler, NULL, &port);
  CHECK_STATUS(tls_connect(c, client, port, host, &skt), wanted);
  if (wanted != COPAS_OK) {
    copas_error_info info = {.size = sizeof info};
    CHECK_OK(copas_error(c, &info));
    if (strstr(info.text, why) == NULL) CHECK_FAIL("\"%s\" does not say \"%s\"", info.text, why);
    CHECK_NUMBER(tls_stats(client).failed, 1);
  }
  CHECK_OK(copas_tls_context_release(server));
  CHECK_OK(copas_tls_context_release(client));
  CHECK_OK(copas_free(c));
}

static void a_client_without_settings_refuses_a_certificate_that_signed_itself(void)
{
  expect("self", NULL, "localhost", COPAS_UNTRUSTED, "signed");
}

static void a_client_without_settings_refuses_an_unknown_ca(void)
{
  expect("server", NULL, "localhost", COPAS_UNTRUSTED, "signed");
}

static void a_trusted_certificate_for_another_host_is_refused(void)
{
  expect("server", "ca", "example.org", COPAS_UNTRUSTED, "not for example.org");
}

static void a_certificate_of_another_ca_is_refused(void)
{
  expect("server", "other", "localhost", COPAS_UNTRUSTED, "signed");
}

static void an_expired_certificate_is_refused(void)
{
  expect("expired", "ca", "localhost", COPAS_UNTRUSTED, "expired");
}

static void a_trusted_certificate_for_the_host_is_accepted(void)
{
  expect("server", "ca", "localhost", COPAS_OK, "");
}

static void the_address_is_verified_where_no_name_is_given(void)
{
  expect("server", "ca", NULL, COPAS_OK, "");
  expect("named", "ca", NULL, COPAS_UNTRUSTED, "not for 127.0.0.1");
}

static void a_ca_that_serves_a_connection_itself_is_refused(void)
{
  expect("ca", "ca", "localhost", COPAS_UNTRUSTED, "that of a CA");
}

int main(void)
{
  tls_begin();
  tls_make_ca("other");
  tls_make("ca", "expired", "DNS:localhost", -1);
  tls_make("ca", "named", "DNS:localhost", 2);
  tls_run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "
          "/CN=self-made -addext subjectAltName=DNS:localhost -addext "
          "basicConstraints=critical,CA:FALSE -keyout self.key -out self.pem");
  RUN(a_client_without_settings_refuses_a_certificate_that_signed_itself);
  RUN(a_client_without_settings_refuses_an_unknown_ca);
  RUN(a_trusted_certificate_for_another_host_is_refused);
  RUN(a_certificate_of_another_ca_is_refused);
  RUN(an_expired_certificate_is_refused);
  RUN(a_trusted_certificate_for_the_host_is_accepted);
  RUN(the_address_is_verified_where_no_name_is_given);
  RUN(a_ca_that_serves_a_connection_itself_is_refused);
  return check_report();
}
