// SPDX-License-Identifier: MIT
// Sockets: a borrowed view with all operations, and the owner that closes itself.
#ifndef COPAS_SOCKET_HPP
#define COPAS_SOCKET_HPP

#include "address.hpp"
#include "choice.hpp"
#include "error.hpp"
#include "time.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <utility>

namespace copas_cpp {

/// One datagram, lent as receive() lends its bytes, and who sent it.
struct datagram {
  std::string_view data;
  address from;
};

class line_range;
class socket;

/// A socket that somebody else closes: a handler's client, or what a `socket` owns. A copy is cheap.
/// Each view of bytes is valid until the next receive on the socket, its close, or the borrower's end.
class socket_ref {
public:
  constexpr socket_ref() noexcept = default;
  constexpr explicit socket_ref(copas_socket *raw) noexcept : raw_(raw) {}
  constexpr copas_socket *native() const noexcept { return raw_; }
  constexpr explicit operator bool() const noexcept { return raw_ != nullptr; }

  /// Receives COPAS_LINE, COPAS_LINE_RAW, COPAS_ALL or so many bytes. With an error in `ec`: what has
  /// arrived so far, which is not consumed.
  std::string_view receive(std::int64_t pattern, std::error_code &ec = detail::throwing) const
  {
    copas_bytes bytes{"", 0};
    detail::settle(copas_receive(raw_, pattern, &bytes), raw_, ec);
    return {bytes.data, bytes.len};
  }

  /// Receives up to a delimiter, which is dropped.
  std::string_view receive_until(std::string_view delimiter,
                                 std::error_code &ec = detail::throwing) const
  {
    copas_bytes bytes{"", 0};
    detail::settle(copas_receive_until(raw_, delimiter.data(), delimiter.size(), &bytes), raw_, ec);
    return {bytes.data, bytes.len};
  }

  /// Receives whatever is there, at least one byte.
  std::string_view receive_some(std::error_code &ec = detail::throwing) const
  {
    copas_bytes bytes{"", 0};
    detail::settle(copas_receive_some(raw_, &bytes), raw_, ec);
    return {bytes.data, bytes.len};
  }

  /// Receives exactly `len` bytes into the caller's memory; with an error in `ec`: how many came.
  std::size_t receive_into(void *memory, std::size_t len,
                           std::error_code &ec = detail::throwing) const
  {
    std::size_t received = 0;
    detail::settle(copas_receive_into(raw_, memory, len, &received), raw_, ec);
    return received;
  }

  /// The lines until the peer closes, for a range-based `for`; every error is thrown, a reset too. A last
  /// line without its ending is not given: receive_some() has it.
  line_range lines() const noexcept;

  void send(std::string_view data, std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_send(raw_, data.data(), data.size()), raw_, ec);
  }

  /// send() that tells how many bytes were accepted, also with an error in `ec`.
  std::size_t send_part(std::string_view data, std::error_code &ec = detail::throwing) const
  {
    std::size_t taken = 0;
    detail::settle(copas_send_part(raw_, data.data(), data.size(), &taken), raw_, ec);
    return taken;
  }

  /// Waits until the kernel has every byte sent before.
  void flush(std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_flush(raw_), raw_, ec);
  }

  datagram receivefrom(std::error_code &ec = detail::throwing) const
  {
    copas_bytes bytes{"", 0};
    copas_address from{};
    detail::settle(copas_receivefrom(raw_, &bytes, &from), raw_, ec);
    return {{bytes.data, bytes.len}, address(from)};
  }

  void sendto(std::string_view data, const address &to,
              std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_sendto(raw_, data.data(), data.size(), &to.native()), raw_, ec);
  }

  void close(std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_close(raw_), raw_, ec);
  }

  /// Closes it and throws unsent output away; a TCP peer gets a reset.
  void abort(std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_abort(raw_), raw_, ec);
  }

  /// The next connection of a listening socket that no server has.
  socket accept(time_limit limit = forever, std::error_code &ec = detail::throwing) const;

  /// Ends COPAS_SHUT_SEND, COPAS_SHUT_RECEIVE or COPAS_SHUT_BOTH.
  void shut(int how, std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_shut(raw_, how), raw_, ec);
  }

#ifdef COPAS_HAS_TLS
  /// Encrypts a connection that is there; a client says whom it wants at the other side.
  void starttls(copas_tls_context *context, const char *server_name = nullptr,
                std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_starttls(raw_, context, server_name), raw_, ec);
  }

  /// What was agreed on; its texts are valid until the socket is closed.
  copas_tls_details tls_info(std::error_code &ec = detail::throwing) const
  {
    copas_tls_details details{};
    details.size = sizeof details;
    detail::settle(copas_tls_info(raw_, &details), raw_, ec);
    return details;
  }
#endif

  /// Stops serving it; it is closed unless it is to stay open.
  void removeserver(bool keep_open = false, std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_removeserver(raw_, keep_open), raw_, ec);
  }

  /// The time limit of every waiting call on it.
  void settimeout(time_limit limit, std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_settimeout(raw_, limit.count()), raw_, ec);
  }

  void settimeouts(time_limit connect, time_limit send, time_limit receive,
                   std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_settimeouts(raw_, connect.count(), send.count(), receive.count()), raw_, ec);
  }

  /// The longest line, and the most bytes of COPAS_ALL and blocks; 0 leaves one as it is.
  void setlimits(std::size_t line, std::size_t all, std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_setlimits(raw_, line, all), raw_, ec);
  }

  /// What a listening socket bears of its peers; its `size` is set here.
  void setarmour(copas_armour armour, std::error_code &ec = detail::throwing) const
  {
    armour.size = sizeof armour;
    detail::settle(copas_setarmour(raw_, &armour), raw_, ec);
  }

  /// COPAS_KEEPALIVE and the like.
  void setoption(int option, int value, std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_setoption(raw_, option, value), raw_, ec);
  }

  /// Joins a multicast group; an empty interface is the system's choice.
  void joingroup(std::string_view group, std::string_view interface = {},
                 std::error_code &ec = detail::throwing) const
  {
    change_group(copas_joingroup, group, interface, ec);
  }

  void leavegroup(std::string_view group, std::string_view interface = {},
                  std::error_code &ec = detail::throwing) const
  {
    change_group(copas_leavegroup, group, interface, ec);
  }

  address getsockname(std::error_code &ec = detail::throwing) const
  {
    copas_address own{};
    detail::settle(copas_getsockname(raw_, &own), raw_, ec);
    return address(own);
  }

  address getpeername(std::error_code &ec = detail::throwing) const
  {
    copas_address other{};
    detail::settle(copas_getpeername(raw_, &other), raw_, ec);
    return address(other);
  }

  copas_socket_stats getstats(std::error_code &ec = detail::throwing) const
  {
    copas_socket_stats stats{};
    stats.size = sizeof stats;
    detail::settle(copas_getstats(raw_, &stats), raw_, ec);
    return stats;
  }

  void setname(std::string_view name, std::error_code &ec = detail::throwing) const
  {
    const detail::c_text text(name);
    if (text.is_right(ec)) detail::settle(copas_setname(raw_, text.get()), raw_, ec);
  }

  /// Valid until it is named anew or closed; empty when it is closed.
  std::string_view name() const noexcept
  {
    const char *name = copas_getname(raw_);
    return name == nullptr ? std::string_view() : name;
  }

  /// Choices of select(): something was received or the stream has ended; a send finds room.
  choice on_receive() const noexcept { return detail::plain_choice(COPAS_CHOICE_RECEIVE, raw_); }
  choice on_send() const noexcept { return detail::plain_choice(COPAS_CHOICE_SEND, raw_); }

  friend bool operator==(socket_ref a, socket_ref b) noexcept { return a.raw_ == b.raw_; }
  friend bool operator!=(socket_ref a, socket_ref b) noexcept { return a.raw_ != b.raw_; }

protected:
  copas_socket *raw_ = nullptr;

private:
  template <class Change>
  void change_group(Change change, std::string_view group, std::string_view interface,
                    std::error_code &ec) const
  {
    const detail::c_text name(group), where(interface);
    if (!name.is_right(ec) || !where.is_right(ec)) return;
    detail::settle(change(raw_, name.get(), where.get()), raw_, ec);
  }
};

/// A socket that is closed when this ends.
class socket : public socket_ref {
public:
  socket() noexcept = default;
  /// Takes a socket over, such as the client of a server that keeps clients open.
  explicit socket(socket_ref taken) noexcept : socket_ref(taken) {}
  socket(socket &&other) noexcept : socket_ref(other.release()) {}
  socket &operator=(socket &&other) noexcept
  {
    if (this != &other) {
      end();
      raw_ = other.release().native();
    }
    return *this;
  }
  ~socket() { end(); }

  /// Gives it out of this owner's care.
  socket_ref release() noexcept { return socket_ref(std::exchange(raw_, nullptr)); }

  /// Gives the descriptor back; this owns nothing then.
  int unwrap(std::error_code &ec = detail::throwing)
  {
    int fd = -1;
    const copas_status status = copas_unwrap(raw_, &fd);
    detail::settle(status, raw_, ec);
    if (status == COPAS_OK) release();
    return fd;
  }

private:
  // Closed already by somebody else: nothing is left to do.
  void end() noexcept
  {
    if (raw_ != nullptr) copas_close(raw_);
  }
};

inline socket socket_ref::accept(time_limit limit, std::error_code &ec) const
{
  copas_socket *client = nullptr;
  detail::settle(copas_accept(raw_, limit.count(), &client), raw_, ec);
  return socket(socket_ref(client));
}

/// What lines() gives.
class line_range {
public:
  class iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = std::string_view;
    using difference_type = std::ptrdiff_t;
    using pointer = const std::string_view *;
    using reference = std::string_view;

    iterator() noexcept = default;
    explicit iterator(socket_ref skt) : skt_(skt) { next(); }
    std::string_view operator*() const noexcept { return line_; }
    iterator &operator++()
    {
      next();
      return *this;
    }
    void operator++(int) { next(); }
    friend bool operator==(const iterator &a, const iterator &b) noexcept
    {
      return a.skt_ == b.skt_;
    }
    friend bool operator!=(const iterator &a, const iterator &b) noexcept { return !(a == b); }

  private:
    // Without a socket it is the end.
    void next()
    {
      copas_bytes bytes{"", 0};
      const copas_status status = copas_receive(skt_.native(), COPAS_LINE, &bytes);
      if (status == COPAS_OK) line_ = {bytes.data, bytes.len};
      else if (status == COPAS_CLOSED && is_end()) skt_ = socket_ref();
      else detail::raise(status, skt_.native());
    }

    // A reset is no end: what came may not be all.
    bool is_end() const noexcept
    {
      return detail::last_error(copas_of(skt_.native())).sys_errno == 0;
    }

    socket_ref skt_;
    std::string_view line_;
  };

  explicit line_range(socket_ref skt) noexcept : skt_(skt) {}
  iterator begin() const { return iterator(skt_); }
  iterator end() const noexcept { return {}; }

private:
  socket_ref skt_;
};

inline line_range socket_ref::lines() const noexcept
{
  return line_range(*this);
}

} // namespace copas_cpp

#endif
