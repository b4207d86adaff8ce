// SPDX-License-Identifier: MIT
// Servers: lambdas that serve clients.
#ifndef COPAS_SERVER_HPP
#define COPAS_SERVER_HPP

#include "callable.hpp"
#include "socket.hpp"

namespace copas_cpp {

/// Settings of a connection.
struct connect_options {
  /// For everything: resolving, connecting, the handshake.
  time_limit timeout = forever;
  /// tls_context::native(): it is encrypted, and the server verified.
  copas_tls_context *tls = nullptr;
  /// Whom the server's certificate must be for; empty: the host.
  std::string_view server_name = {};
};

/// Settings of a server.
struct server_options {
  /// Of each waiting call on an accepted socket.
  time_limit timeout = forever;
  /// Empty: its address and port.
  std::string_view name = {};
  /// Bytes of a handler's stack; 0: the dispatcher's.
  std::size_t stack_size = 0;
  /// The longest line, and the most bytes of COPAS_ALL and blocks; 0: as the listening socket.
  std::size_t line_limit = 0;
  std::size_t all_limit = 0;
  /// 0, or COPAS_KEEP_OPEN: a handler's client stays open, and a `socket` of the handler takes it over.
  std::uint64_t flags = 0;
  /// tls_context::native(): the clients are encrypted; and how long a handshake may take (0: as `timeout`,
  /// or 30 s without one).
  copas_tls_context *tls = nullptr;
  seconds handshake_timeout = seconds(0);
  /// What the server bears of its peers, as copas_server_options tells; 0: as the listening socket.
  std::size_t max_connections = 0;
  std::size_t max_per_address = 0;
  seconds first_byte = seconds(0);
  /// Bytes a second, averaged over `rate_window`.
  std::size_t min_rate = 0;
  seconds rate_window = seconds(0);
};

namespace detail {

template <class F> void run_handler(copas_socket *client, void *user)
{
  guarded_handler([client, user] { (*static_cast<F *>(user))(socket_ref(client)); });
}

/// The time limit as the options of C have it, where 0 is none.
inline double option_of(time_limit limit) noexcept
{
  const double shortest = 1e-9;
  if (limit.is_none()) return 0;
  return limit.count() > 0 ? limit.count() : shortest;
}

template <class F>
int add_server(copas *c, socket_ref server, F &&handler, const server_options &settings,
               const char *name)
{
  using body = std::decay_t<F>;
  copas_server_options options{};
  options.size = sizeof options;
  options.flags = settings.flags;
  options.name = name;
  options.user = new body(std::forward<F>(handler));
  options.user_free = drop<body>;
  options.timeout = option_of(settings.timeout);
  options.stack_size = settings.stack_size;
  options.line_limit = settings.line_limit;
  options.all_limit = settings.all_limit;
  options.tls = settings.tls;
  options.handshake_timeout = settings.handshake_timeout.count();
  options.max_connections = settings.max_connections;
  options.max_per_address = settings.max_per_address;
  options.first_byte = settings.first_byte.count();
  options.min_rate = settings.min_rate;
  options.rate_window = settings.rate_window.count();
  return copas_addserver_with(c, server.native(), run_handler<body>, &options);
}

} // namespace detail
} // namespace copas_cpp

#endif
