// SPDX-License-Identifier: MIT
// Asks several servers the same at once, within one deadline: a group of coroutines that inherit it.
//     cpp_ask_all 500 hello 127.0.0.1:20000 127.0.0.1:20001
#include "example.hpp"

#include <vector>

static const char usage[] =
    "usage: cpp_ask_all MILLISECONDS LINE HOST:PORT...\n"
    "Sends LINE to every server at once and prints the line that each answers. Who has not answered\n"
    "after MILLISECONDS (1 to 60000) in all is given up. Exits with 1 unless all have answered.\n";

namespace {

struct server {
  std::string host;
  int port;
  std::string answer;
};

server parse(std::string_view text)
{
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    std::fprintf(stderr, "%.*s is not HOST:PORT\n", static_cast<int>(text.size()), text.data());
    std::exit(2);
  }
  return {std::string(text.substr(0, colon)), example::port(text.substr(colon + 1), 1), {}};
}

void ask(copas::dispatcher_ref d, server &one, std::string_view line)
{
  try {
    const copas::socket skt = d.connect(one.host, one.port);
    skt.send(line);
    skt.send("\n");
    one.answer = "answers " + std::string(skt.receive(COPAS_LINE));
  } catch (const copas::error &failure) {
    one.answer = std::string("fails: ") + failure.what();
    throw;
  }
}

bool ask_all(std::vector<server> &servers, std::string_view line, copas::time_limit limit)
{
  copas::dispatcher_options options;
  options.flags = COPAS_QUIET;
  copas::dispatcher d(std::move(options));
  bool all = true;
  try {
    const copas::deadline scope(d, limit);
    copas::group group(d);
    for (server &one : servers) group.addthread([&d, &one, line] { ask(d, one, line); });
    // What has not ended when the deadline passes, the group's end cancels.
    group.join();
  } catch (const copas::error &) {
    all = false;
  }
  for (const server &one : servers)
    std::printf("%s:%d %s\n", one.host.c_str(), one.port,
                one.answer.empty() ? "does not answer" : one.answer.c_str());
  return all;
}

} // namespace

int main(int argc, char **argv)
{
  example::help(argc, argv, argc >= 4, usage);
  const std::chrono::milliseconds limit(example::number(argv[1], 1, 60000));
  std::vector<server> servers;
  for (int i = 3; i < argc; i++) servers.push_back(parse(argv[i]));
  bool all = false;
  const int code = example::run([&] { all = ask_all(servers, argv[2], limit); });
  return all ? code : 1;
}
