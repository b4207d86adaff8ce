// SPDX-License-Identifier: MIT
// What can be done with a dispatcher, by its owner and by everybody it runs.
#ifndef COPAS_DISPATCHER_REF_HPP
#define COPAS_DISPATCHER_REF_HPP

#include "offload.hpp"
#include "post.hpp"
#include "server.hpp"
#include "thread.hpp"

#include <vector>

namespace copas_cpp {

template <class T> class future;

/// A dispatcher that somebody else frees. A copy is cheap.
class dispatcher_ref {
public:
  constexpr dispatcher_ref() noexcept = default;
  constexpr explicit dispatcher_ref(copas *raw) noexcept : raw_(raw) {}
  constexpr copas *native() const noexcept { return raw_; }
  constexpr explicit operator bool() const noexcept { return raw_ != nullptr; }

  /// Runs until nothing is left to do. `step_limit` is the longest wait of one step.
  void loop(time_limit step_limit = forever, std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_loop(raw_, step_limit.count()), raw_, ec);
  }

  /// One iteration; tells whether something was done within the time.
  bool step(time_limit limit = forever, std::error_code &ec = detail::throwing) const
  {
    const copas_status status = copas_step(raw_, limit.count());
    detail::settle(status == COPAS_TIMEOUT ? COPAS_OK : status, raw_, ec);
    return status == COPAS_OK;
  }

  /// Whether nothing is left that keeps the loop alive.
  bool finished(std::error_code &ec = detail::throwing) const { return flag(copas_finished, ec); }

  /// Raises the exit flag, which releases those in waitforexit(). From any OS thread.
  void exit(std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_exit(raw_), raw_, ec);
  }

  bool exiting(std::error_code &ec = detail::throwing) const { return flag(copas_exiting, ec); }

  void waitforexit(std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_waitforexit(raw_), raw_, ec);
  }

  /// Ends the loop: servers go, coroutines have `grace` and are canceled then. From any OS thread.
  void shutdown(time_limit grace, std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_shutdown(raw_, grace.count()), raw_, ec);
  }

  /// Wakes the step that waits. From any OS thread.
  void notify(std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_notify(raw_), raw_, ec);
  }

  /// Has `f()` called on the dispatcher's OS thread, on the root stack. From any OS thread.
  template <class F> void post(F f, std::error_code &ec = detail::throwing) const
  {
    detail::settle(detail::posted<F>::send(raw_, std::move(f)), raw_, ec);
  }

  /// Since some moment in the past, on a clock that only goes forward.
  seconds now() const noexcept { return seconds(copas_now(raw_)); }

  /// Lets the others run for a while; gives the time that really passed.
  seconds pause(time_limit span, std::error_code &ec = detail::throwing) const
  {
    double slept = 0;
    detail::settle(copas_pause(raw_, span.count(), &slept), raw_, ec);
    return seconds(slept);
  }

  /// Sleeps until thread_ref::wakeup().
  void pauseforever(std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_pauseforever(raw_), raw_, ec);
  }

  /// Starts a coroutine that runs `f()`, in the next step.
  template <class F>
  thread_ref addthread(F f, const thread_options &settings = {},
                       std::error_code &ec = detail::throwing) const
  {
    copas_thread *thread = nullptr;
    const detail::c_text name(settings.name);
    if (!name.is_right(ec)) return {};
    const int status = detail::add_thread(raw_, std::move(f), name.get(), settings.stack_size, &thread);
    detail::settle(status, raw_, ec);
    return thread_ref(thread);
  }

  /// Starts a coroutine for the result of `f()`.
  template <class F>
  future<std::invoke_result_t<F &>> addfuture(F f, std::error_code &ec = detail::throwing) const
  {
    return {*this, std::move(f), ec};
  }

  /// Serves a listening or datagram socket that stays the caller's: `handler(client)` for each client.
  template <class F>
  void addserver(socket_ref server, F &&handler, const server_options &settings = {},
                 std::error_code &ec = detail::throwing) const
  {
    const detail::c_text name(settings.name);
    if (!name.is_right(ec)) return;
    detail::settle(detail::add_server(raw_, server, std::forward<F>(handler), settings, name.get()),
                   raw_, ec);
  }

  /// The same with a socket that is the dispatcher's from then on; on an error it stays the caller's.
  template <class F>
  socket_ref addserver(socket &&server, F &&handler, const server_options &settings = {},
                       std::error_code &ec = detail::throwing) const
  {
    addserver(static_cast<socket_ref>(server), std::forward<F>(handler), settings, ec);
    return &ec != &detail::throwing && ec ? socket_ref() : server.release();
  }

  /// A listening TCP socket; an empty host is every IPv4 address, port 0 a free one.
  socket bind(std::string_view host, int port, std::error_code &ec = detail::throwing) const
  {
    return open_at(copas_bind, host, port, ec);
  }

  /// `flags`: COPAS_BIND_REUSEPORT, COPAS_BIND_V6ONLY.
  socket bind(std::string_view host, int port, std::uint64_t flags,
              std::error_code &ec = detail::throwing) const
  {
    copas_bind_options options{};
    options.size = sizeof options;
    options.flags = flags;
    const auto open = [&options](copas *c, const char *name, int number, copas_socket **out) {
      return copas_bind_with(c, name, number, &options, out);
    };
    return open_at(open, host, port, ec);
  }

  socket connect(std::string_view host, int port, time_limit limit = forever,
                 std::error_code &ec = detail::throwing) const
  {
    const auto open = [limit](copas *c, const char *name, int number, copas_socket **out) {
      return copas_connect(c, name, number, limit.count(), out);
    };
    return open_at(open, host, port, ec);
  }

  /// An encrypted connection, or with other settings.
  socket connect(std::string_view host, int port, const connect_options &settings,
                 std::error_code &ec = detail::throwing) const
  {
    const detail::c_text server(settings.server_name);
    if (!server.is_right(ec)) return {};
    copas_connect_options options{};
    options.size = sizeof options;
    options.timeout = detail::option_of(settings.timeout);
    options.tls = settings.tls;
    options.server_name = server.get();
    const auto open = [&options](copas *c, const char *name, int number, copas_socket **out) {
      return copas_connect_with(c, name, number, &options, out);
    };
    return open_at(open, host, port, ec);
  }

  socket bind_udp(std::string_view host, int port, std::error_code &ec = detail::throwing) const
  {
    return open_at(copas_bind_udp, host, port, ec);
  }

  /// A UDP socket that sends to and receives from one address only.
  socket connect_udp(std::string_view host, int port, std::error_code &ec = detail::throwing) const
  {
    return open_at(copas_connect_udp, host, port, ec);
  }

  /// `flags`: COPAS_DATAGRAM, COPAS_UNLINK.
  socket bind_unix(std::string_view path, std::uint64_t flags = 0,
                   std::error_code &ec = detail::throwing) const
  {
    copas_socket *skt = nullptr;
    const detail::c_text name(path);
    if (name.is_right(ec)) detail::settle(copas_bind_unix(raw_, name.get(), flags, &skt), raw_, ec);
    return socket(socket_ref(skt));
  }

  socket connect_unix(std::string_view path, time_limit limit = forever, std::uint64_t flags = 0,
                      std::error_code &ec = detail::throwing) const
  {
    copas_socket *skt = nullptr;
    const detail::c_text name(path);
    if (name.is_right(ec))
      detail::settle(copas_connect_unix(raw_, name.get(), flags, limit.count(), &skt), raw_, ec);
    return socket(socket_ref(skt));
  }

  /// A socket of an open descriptor, which is the socket's from then on.
  socket wrap(int fd, std::error_code &ec = detail::throwing) const
  {
    copas_socket *skt = nullptr;
    detail::settle(copas_wrap(raw_, fd, &skt), raw_, ec);
    return socket(socket_ref(skt));
  }

  /// The addresses of a name, best first.
  std::vector<address> resolve(std::string_view host, time_limit limit = forever,
                               std::error_code &ec = detail::throwing) const
  {
    const std::size_t most = 32;
    copas_address found[most];
    std::size_t count = 0;
    const detail::c_text name(host);
    if (!name.is_right(ec)) return {};
    detail::settle(copas_resolve(raw_, name.get(), limit.count(), found, most, &count), raw_, ec);
    std::vector<address> addresses;
    for (std::size_t i = 0; i < count && i < most; i++) addresses.emplace_back(found[i]);
    return addresses;
  }

  /// How many names' answers are kept, and for how long.
  void setresolver(std::size_t names, seconds span, std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_setresolver(raw_, names, span.count()), raw_, ec);
  }

  /// Runs `f()`, which may block, on an OS thread while only the caller waits. Gives its result; what
  /// it throws is thrown here.
  template <class F> std::invoke_result_t<F &> offload(F &&f) const
  {
    detail::offloaded<std::remove_reference_t<F>> work(f);
    detail::settle(work.run(raw_), raw_, detail::throwing);
    return work.result();
  }

  /// The same without the library's exceptions: nothing (for void: false) when `ec` has an error.
  template <class F> auto offload(F &&f, std::error_code &ec) const
  {
    detail::offloaded<std::remove_reference_t<F>> work(f);
    detail::settle(work.run(raw_), raw_, ec);
    return work.result_unless(ec);
  }

  /// Waits for the first of several choices and gives its place: `select({skt.on_receive(), …}, 5s)`.
  /// With an error in `ec`: the place of the choice that has it, or -1 when it is the wait's.
  template <std::size_t N>
  int select(choice(&&choices)[N], time_limit limit = forever,
             std::error_code &ec = detail::throwing) const
  {
    copas_choice raw[N];
    for (std::size_t i = 0; i < N; i++) raw[i] = choices[i].raw;
    const int first = copas_select(raw_, raw, static_cast<int>(N), limit.count());
    for (std::size_t i = 0; i < N; i++)
      if (choices[i].conclude != nullptr)
        choices[i].conclude(raw[i], static_cast<int>(i) == first, choices[i].place);
    detail::settle(first < 0 ? first : raw[first].status, raw_, ec);
    return first < 0 ? -1 : first;
  }

  /// Waits until a descriptor of the caller's is COPAS_READABLE, COPAS_WRITABLE or either.
  int wait_fd(int fd, int events, time_limit limit = forever,
              std::error_code &ec = detail::throwing) const
  {
    const int ready = copas_wait_fd(raw_, fd, events, limit.count());
    detail::settle(ready, raw_, ec);
    return ready < 0 ? 0 : ready;
  }

  copas_dispatcher_stats stats(std::error_code &ec = detail::throwing) const
  {
    copas_dispatcher_stats stats{};
    stats.size = sizeof stats;
    detail::settle(copas_stats(raw_, &stats), raw_, ec);
    return stats;
  }

  void setstatistics(bool on, std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_setstatistics(raw_, on), raw_, ec);
  }

  /// Cancels every coroutine but the caller.
  void cancelall(std::error_code &ec = detail::throwing) const
  {
    detail::settle(copas_cancelall(raw_), raw_, ec);
  }

  /// The last call that failed in this coroutine, or on the root stack.
  error_detail error() const noexcept
  {
    const copas_error_info info = detail::last_error(raw_);
    return {info.status, info.sys_errno, info.text};
  }

  friend bool operator==(dispatcher_ref a, dispatcher_ref b) noexcept { return a.raw_ == b.raw_; }
  friend bool operator!=(dispatcher_ref a, dispatcher_ref b) noexcept { return a.raw_ != b.raw_; }

protected:
  copas *raw_ = nullptr;

private:
  bool flag(int (*ask)(copas *), std::error_code &ec) const
  {
    const int answer = ask(raw_);
    detail::settle(answer, raw_, ec);
    return answer > 0;
  }

  template <class Open>
  socket open_at(Open open, std::string_view host, int port, std::error_code &ec) const
  {
    copas_socket *skt = nullptr;
    const detail::c_text name(host.empty() ? "*" : host);
    if (name.is_right(ec)) detail::settle(open(raw_, name.get(), port, &skt), raw_, ec);
    return socket(socket_ref(skt));
  }
};

/// The dispatcher whose coroutine or callback runs on this OS thread; none outside of its loop.
inline dispatcher_ref current() noexcept
{
  return dispatcher_ref(copas_current());
}

} // namespace copas_cpp

#endif
