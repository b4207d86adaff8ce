// SPDX-License-Identifier: MIT
// cost_cpp WORK COUNT: the same work as cost_c, written with copas.hpp. "echo" uses the calls that
// throw, "twin" those with a std::error_code.
#include <copas.hpp>
#include <cstdio>
#include <cstdlib>
#include <sys/socket.h>

namespace {

void work_echo(copas::dispatcher &d, long count, long &sum)
{
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) std::abort();
  copas::socket near_end = d.wrap(fds[0]), far_end = d.wrap(fds[1]);
  d.addthread([&] {
    for (const std::string_view line : far_end.lines()) {
      far_end.send(line);
      far_end.send("\n");
    }
  });
  d.addthread([&, count] {
    for (long i = 0; i < count; i++) {
      near_end.send("a line of text\n");
      sum += static_cast<long>(near_end.receive(COPAS_LINE).size());
    }
    near_end.close();
  });
  d.loop();
}

void work_twin(copas::dispatcher &d, long count, long &sum)
{
  int fds[2];
  if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) std::abort();
  copas::socket near_end = d.wrap(fds[0]), far_end = d.wrap(fds[1]);
  d.addthread([&] {
    std::error_code ec;
    for (;;) {
      const std::string_view line = far_end.receive(COPAS_LINE, ec);
      if (ec) return;
      far_end.send(line, ec);
      far_end.send("\n", ec);
    }
  });
  d.addthread([&, count] {
    std::error_code ec;
    for (long i = 0; i < count; i++) {
      near_end.send("a line of text\n", ec);
      const std::string_view line = near_end.receive(COPAS_LINE, ec);
      if (ec) std::abort();
      sum += static_cast<long>(line.size());
    }
    near_end.close();
  });
  d.loop();
}

void work_objects(copas::dispatcher &d, long count, long &sum)
{
  d.addthread([&, count] {
    const copas::lock lock(d);
    const copas::queue<long> queue(d);
    for (long i = 0; i < count; i++) {
      const copas::lock_guard held(lock);
      queue.push(i);
      sum += queue.pop();
    }
  });
  d.loop();
}

void work_threads(copas::dispatcher &d, long count, long &sum)
{
  d.addthread([&, count] {
    for (long i = 0; i < count; i++) d.addthread([&sum] { ++sum; }).join();
  });
  d.loop();
}

} // namespace

int main(int argc, char **argv)
{
  if (argc != 3) {
    std::fputs("usage: cost_cpp echo|twin|objects|threads COUNT\n", stderr);
    return 2;
  }
  copas::dispatcher d;
  const std::string_view work = argv[1];
  const long count = std::atol(argv[2]);
  long sum = 0;
  if (work == "objects") work_objects(d, count, sum);
  else if (work == "threads") work_threads(d, count, sum);
  else if (work == "twin") work_twin(d, count, sum);
  else work_echo(d, count, sum);
  std::printf("%ld\n", sum);
  return 0;
}
