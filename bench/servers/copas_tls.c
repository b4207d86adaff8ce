/* SPDX-License-Identifier: MIT */
/* Ours, encrypted: the handlers are the same. */
#include "copas_echo.h"

/* TLS 1.3 without tickets: no session is resumed. */
static copas_tls_context *make_context(copas *c, const char *folder)
{
  char certificate[4096], key[4096];
  copas_tls_identity identity = {
      .certificate_file = server_file(certificate, sizeof certificate, folder, SERVER_CERTIFICATE),
      .key_file = server_file(key, sizeof key, folder, SERVER_KEY)};
  copas_tls_options options = {.size = sizeof options,
                               .flags = COPAS_TLS_NO_RESUMPTION,
                               .identities = &identity,
                               .identity_count = 1,
                               .min_version = COPAS_TLS_1_3};
  copas_tls_context *context;
  server_must(copas_tls_context_new(c, COPAS_TLS_SERVER, &options, &context) == COPAS_OK,
              "copas_tls_context_new");
  return context;
}

int main(int argc, char **argv)
{
  struct server_options options = server_parse(argc, argv, SERVER_LINES | SERVER_BULK | SERVER_TLS);
  copas *c = copas_new(NULL);
  server_must(c != NULL, "copas_new");
  copas_socket *server = echo_listen(c);
  copas_server_options how = {.size = sizeof how, .timeout = COPAS_FOREVER,
                              .tls = make_context(c, options.identity)};
  copas_addserver_with(c, server, echo_handler(options.mode), &how);
  copas_loop(c, COPAS_FOREVER);
  copas_free(c);
  return 0;
}
