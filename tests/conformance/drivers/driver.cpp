// SPDX-License-Identifier: MIT
// The conformance driver in C++: each command that it reads runs in a coroutine of its own.
#include <copas.hpp>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using words = std::vector<std::string>;

// More bytes than these are told by length and checksum.
constexpr std::size_t shown = 256;
constexpr unsigned period = 65521;

struct command {
  std::string name;
  copas::thread_ref thread;
  bool is_over = false;
};

std::string told(std::string_view data)
{
  char text[32];
  std::string word = "=";
  if (data.size() <= shown) {
    for (const char byte : data) {
      std::snprintf(text, sizeof text, "%02x", static_cast<unsigned char>(byte));
      word += text;
    }
    return word;
  }
  std::uint32_t low = 1, high = 0;
  for (const char byte : data) {
    low = (low + static_cast<unsigned char>(byte)) % 65521;
    high = (high + low) % 65521;
  }
  std::snprintf(text, sizeof text, "#%zu:%08" PRIx32, data.size(), high << 16 | low);
  return text;
}

std::string bytes_of(const std::string &word)
{
  std::string data;
  for (std::size_t at = 1; at + 1 < word.size(); at += 2)
    data += static_cast<char>(std::stoi(word.substr(at, 2), nullptr, 16));
  return data;
}

copas::time_limit limit_of(const std::string &word)
{
  if (word == "-") return copas::forever;
  return copas::seconds(std::stod(word));
}

// Whether an address says "tls:"; such connections are encrypted.
bool is_encrypted(const std::string &address) { return address.substr(0, 4) == "tls:"; }

// Host and port of "tcp:HOST:PORT" or "tls:HOST:PORT".
std::pair<std::string, int> split(const std::string &address)
{
  const std::size_t host = address.find(':') + 1, port = address.rfind(':');
  return {address.substr(host, port - host), std::stoi(address.substr(port + 1))};
}

class driver {
public:
  void run()
  {
    d_.addthread([this] { read_commands(); });
    d_.loop();
    sockets_.clear();
    d_.free();
  }

private:
  // What a command answers, when that is more than COPAS_OK.
  struct answer {
    std::error_code status = {};
    std::string word = "=";
  };

  // A context with the certificates of the run.
  copas_tls_context *context(int role)
  {
    copas::tls_context &made = contexts_[role];
    const std::string folder = made ? "" : std::getenv("COPAS_CONFORMANCE_TLS");
    copas::tls_options options;
    if (role == COPAS_TLS_SERVER)
      options.identities = {{folder + "/server.pem", folder + "/server.key"}};
    else
      options.ca_file = folder + "/ca.pem";
    if (!made) made = copas::tls_context(d_, role, options);
    return made.native();
  }

  copas::socket_ref at(const std::string &name) const { return sockets_.at(name); }

  answer turn(const words &) { return {}; }

  answer connect(const words &w)
  {
    const auto [host, port] = split(w[2]);
    if (is_encrypted(w[2])) {
      copas::connect_options options;
      options.timeout = limit_of(w[1]);
      options.tls = context(COPAS_TLS_CLIENT);
      sockets_[w[0]] = d_.connect(host, port, options);
    } else {
      sockets_[w[0]] = d_.connect(host, port, limit_of(w[1]));
    }
    return {};
  }

  answer listen(const words &w)
  {
    const auto [host, port] = split(w[1]);
    copas::socket &server = sockets_[w[0]];
    server = d_.bind(host, port);
    copas::server_options options;
    if (is_encrypted(w[1])) options.tls = context(COPAS_TLS_SERVER);
    if (w.size() > 2) d_.addserver(server, echo, options);
    const copas::address own = server.getsockname();
    return {{}, w[1].substr(0, 4) + std::string(own.host()) + ":" + std::to_string(own.port())};
  }

  static void echo(copas::socket_ref client)
  {
    try {
      for (;;) client.send(client.receive(COPAS_LINE_RAW));
    } catch (const copas::closed_error &) {
      // The peer has gone: that is how most connections end.
    }
  }

  answer accept(const words &w)
  {
    sockets_[w[2]] = at(w[0]).accept(limit_of(w[1]));
    if (w.size() > 3) at(w[2]).starttls(context(COPAS_TLS_SERVER));
    return {};
  }

  // With an error code, since an exception has no bytes.
  answer receive(const words &w)
  {
    std::error_code ec;
    const copas::socket_ref skt = at(w[0]);
    skt.settimeouts(copas::unchanged, copas::unchanged, limit_of(w[1]), ec);
    const std::string_view bytes = receive(skt, w, ec);
    return {ec, told(bytes)};
  }

  static std::string_view receive(copas::socket_ref skt, const words &w, std::error_code &ec)
  {
    static const std::map<std::string, std::int64_t> patterns = {
        {"line", COPAS_LINE}, {"raw", COPAS_LINE_RAW}, {"all", COPAS_ALL}};
    if (w[2] == "until") return skt.receive_until(bytes_of(w[3]), ec);
    if (w[2] == "some") return skt.receive_some(ec);
    const auto known = patterns.find(w[2]);
    return skt.receive(known == patterns.end() ? std::stoll(w[2]) : known->second, ec);
  }

  answer send(const words &w)
  {
    limit_sends(w);
    at(w[0]).send(bytes_of(w[2]));
    return {};
  }

  // Sends so many bytes of a seed, and tells how many were taken where not all were.
  answer generate(const words &w)
  {
    std::string data(std::stoul(w[2]), 0);
    const unsigned seed = static_cast<unsigned>(std::stoi(w[3]));
    for (std::size_t i = 0; i < data.size(); i++) {
      const unsigned place = static_cast<unsigned>(i % period);
      data[i] = static_cast<char>(place * 167 + (place >> 8) * 13 + seed);
    }
    limit_sends(w);
    std::error_code ec;
    const std::size_t taken = at(w[0]).send_part(data, ec);
    return {ec, ec ? std::to_string(taken) : "="};
  }

  void limit_sends(const words &w) const
  {
    at(w[0]).settimeouts(copas::unchanged, limit_of(w[1]), copas::unchanged);
  }

  answer flush(const words &w)
  {
    limit_sends(w);
    at(w[0]).flush();
    return {};
  }

  answer limits(const words &w)
  {
    at(w[0]).setlimits(std::stoul(w[1]), std::stoul(w[2]));
    return {};
  }

  answer shut(const words &w)
  {
    at(w[0]).shut(w[1] == "send"      ? COPAS_SHUT_SEND
                  : w[1] == "receive" ? COPAS_SHUT_RECEIVE
                                      : COPAS_SHUT_BOTH);
    return {};
  }

  answer close(const words &w)
  {
    at(w[0]).close();
    return {};
  }

  answer abort(const words &w)
  {
    at(w[0]).abort();
    return {};
  }

  answer cancel(const words &w)
  {
    for (const auto &each : commands_)
      if (each->name == w[0]) each->thread.cancel();
    return {};
  }

  answer perform(const std::string &verb, const words &w)
  {
    using method = answer (driver::*)(const words &);
    static const std::map<std::string, method> verbs = {
        {"turn", &driver::turn},       {"connect", &driver::connect},   {"listen", &driver::listen},
        {"accept", &driver::accept},   {"receive", &driver::receive},   {"send", &driver::send},
        {"flush", &driver::flush},     {"generate", &driver::generate}, {"limits", &driver::limits},
        {"shut", &driver::shut},       {"close", &driver::close},       {"abort", &driver::abort},
        {"cancel", &driver::cancel},
    };
    try {
      return (this->*verbs.at(verb))(w);
    } catch (const copas::error &error) {
      return {error.code(), "="};
    } catch (const copas::canceled &) {
      return {COPAS_CANCELED, "="};
    }
  }

  void run_command(command &m, const std::string &verb, const words &w)
  {
    const answer a = perform(verb, w);
    // Without COPAS_.
    std::cout << m.name << ' ' << copas_status_name(a.status.value()) + std::strlen("COPAS_") << ' '
              << a.word << std::endl;
    m.is_over = true;
  }

  void read_commands()
  {
    const copas::socket input = d_.wrap(0);
    for (const std::string_view line : input.lines()) {
      std::istringstream rest{std::string(line)};
      auto m = std::make_shared<command>();
      std::string verb, word;
      words w;
      rest >> m->name;
      const bool started = m->name == "start";
      if (started) rest >> m->name;
      rest >> verb;
      while (rest >> word) w.push_back(word);
      commands_.push_back(m);
      m->thread = d_.addthread([=] { run_command(*m, verb, w); });
      // It runs now, up to its wait.
      d_.pause(copas::seconds(0));
      if (started && !m->is_over) std::cout << m->name << " waits" << std::endl;
    }
    d_.shutdown(copas::seconds(0));
  }

  copas::dispatcher d_;
  std::map<std::string, copas::socket> sockets_;
  std::map<int, copas::tls_context> contexts_;
  std::vector<std::shared_ptr<command>> commands_;
};

} // namespace

int main(int argc, char **argv)
{
  if (argc > 1) {
    std::cout << "usage: " << argv[0]
              << "\nA driver of the conformance suite: tests/conformance/README.md tells what it reads "
                 "and writes.\n";
    return std::string_view(argv[1]) == "--help" ? 0 : 2;
  }
  try {
    driver().run();
  } catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return 0;
}
