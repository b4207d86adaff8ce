// SPDX-License-Identifier: MIT
// Addresses of sockets.
#ifndef COPAS_ADDRESS_HPP
#define COPAS_ADDRESS_HPP

#include "error.hpp"

#include <cstring>
#include <string_view>
#include <sys/socket.h>

namespace copas_cpp {

/// A numeric address and a port, or the path of a Unix socket.
class address {
public:
  address() noexcept : raw_{} {}
  explicit address(const copas_address &raw) noexcept : raw_(raw) {}

  /// A numeric IPv4 or IPv6 address; what is too long for one is cut, and refused where it is used.
  address(std::string_view host, int port) noexcept : raw_{}
  {
    raw_.family = host.find(':') == std::string_view::npos ? AF_INET : AF_INET6;
    raw_.port = port;
    host.copy(raw_.host, sizeof raw_.host - 1);
  }

  std::string_view host() const noexcept { return raw_.host; }
  int port() const noexcept { return raw_.port; }
  int family() const noexcept { return raw_.family; }
  const copas_address &native() const noexcept { return raw_; }

  friend bool operator==(const address &a, const address &b) noexcept
  {
    return a.family() == b.family() && a.port() == b.port() && a.host() == b.host();
  }
  friend bool operator!=(const address &a, const address &b) noexcept { return !(a == b); }

private:
  copas_address raw_;
};

} // namespace copas_cpp

#endif
