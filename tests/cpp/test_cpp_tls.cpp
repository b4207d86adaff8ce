// SPDX-License-Identifier: MIT
// Encrypted sockets with copas.hpp.
#include "expect.hpp"
#include "tls_folder.h"

namespace {

copas::tls_options server_options()
{
  copas::tls_options made;
  made.identities = {{tls_path("server.pem"), tls_path("server.key")}};
  return made;
}

copas::tls_context client_context(copas::dispatcher_ref d)
{
  copas::tls_options made;
  made.ca_file = tls_path("ca.pem");
  return {d, COPAS_TLS_CLIENT, made};
}

/// Serves upper-case greetings; gives the port.
int serve(copas::dispatcher_ref d, const copas::tls_context &context)
{
  copas::server_options options;
  options.tls = context.native();
  options.timeout = patience;
  const copas::socket_ref server = d.addserver(
      d.bind("127.0.0.1", 0),
      [](copas::socket_ref client) {
        for (const std::string_view line : client.lines()) client.send(std::string(line) + "!\n");
      },
      options);
  return server.getsockname().port();
}

copas::socket connect(copas::dispatcher_ref d, const copas::tls_context &context, int port,
                      std::string_view name)
{
  copas::connect_options options;
  options.timeout = patience;
  options.tls = context.native();
  options.server_name = name;
  return d.connect("127.0.0.1", port, options);
}

void an_encrypted_server_is_served_by_the_same_lambda()
{
  copas::dispatcher d;
  const copas::tls_context server(d, COPAS_TLS_SERVER, server_options());
  const copas::tls_context client = client_context(d);
  const copas::socket skt = connect(d, client, serve(d, server), "localhost");
  skt.send("hello\n");
  CHECK_TEXT(skt.receive(COPAS_LINE), "hello!");
  CHECK_TEXT(skt.tls_info().version, "TLSv1.3");
  CHECK_NUMBER(server.stats().handshakes, 1);
}

void a_wrong_name_throws()
{
  copas::dispatcher d;
  const copas::tls_context server(d, COPAS_TLS_SERVER, server_options());
  const copas::tls_context client = client_context(d);
  const int port = serve(d, server);
  CHECK_THROWS(copas::untrusted_error, connect(d, client, port, "example.org"));
}

void an_empty_bundle_is_not_taken_for_none()
{
  copas::dispatcher d;
  copas::tls_options options = server_options();
  options.ca = "";
  CHECK_THROWS(copas::error, copas::tls_context(d, COPAS_TLS_SERVER, options));
  options.ca.reset();
  options.ca_file = "";
  CHECK_THROWS(copas::error, copas::tls_context(d, COPAS_TLS_SERVER, options));
}

void a_copy_keeps_a_context_alive()
{
  copas::dispatcher d;
  copas::tls_context client = client_context(d);
  copas::tls_context copy = client;
  client = copas::tls_context();
  const copas::tls_context server(d, COPAS_TLS_SERVER, server_options());
  server.reload(d, server_options());
  const copas::socket skt = connect(d, std::move(copy), serve(d, server), "localhost");
  skt.send("still\n");
  CHECK_TEXT(skt.receive(COPAS_LINE), "still!");
}

void a_wrong_file_throws_what_is_wrong()
{
  copas::dispatcher d;
  copas::tls_options options = server_options();
  options.identities[0].key_file = tls_path("client.key");
  try {
    const copas::tls_context context(d, COPAS_TLS_SERVER, options);
    CHECK_FAIL("nothing was thrown");
  } catch (const copas::error &failure) {
    CHECK(std::string(failure.what()).find("does not belong") != std::string::npos);
  }
}

void both_ends_of_a_connection_are_upgraded()
{
  copas::dispatcher d;
  const copas::tls_context server(d, COPAS_TLS_SERVER, server_options());
  const copas::tls_context client = client_context(d);
  auto [near, far] = socket_pair(d);
  d.addthread([&, peer = static_cast<copas::socket_ref>(far)] {
    peer.starttls(server.native());
    peer.send("secret");
    peer.shut(COPAS_SHUT_SEND);
  });
  near.starttls(client.native(), "localhost");
  CHECK_TEXT(near.receive(COPAS_ALL), "secret");
}

} // namespace

int main()
{
  tls_begin();
  RUN(an_encrypted_server_is_served_by_the_same_lambda);
  RUN(a_wrong_name_throws);
  RUN(an_empty_bundle_is_not_taken_for_none);
  RUN(a_copy_keeps_a_context_alive);
  RUN(a_wrong_file_throws_what_is_wrong);
  RUN(both_ends_of_a_connection_are_upgraded);
  return check_report();
}
