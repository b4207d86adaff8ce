// SPDX-License-Identifier: MIT
// A queue whose workers keep to a rate: a timer fills a semaphore, and each piece of work takes one
// from it.
//     cpp_worker_queue 20 4 100     20 pieces of work, 4 workers, 100 pieces a second at most
#include "example.hpp"

#include <memory>

static const char usage[] =
    "usage: cpp_worker_queue PIECES WORKERS RATE\n"
    "Works through PIECES (1 to 10000) pieces of work with WORKERS (1 to 100) coroutines, at most RATE\n"
    "(1 to 1000) a second, and tells how long it took.\n";

namespace {

struct piece {
  int number;
};

void run(int pieces, int workers, int rate)
{
  copas::dispatcher d;
  const copas::semaphore permits(d, 1, 1);
  copas::timer_options options;
  options.delay = std::chrono::duration<double>(1.0 / rate);
  options.flags = COPAS_RECURRING;
  const copas::timer timer(d, options, [&permits] {
    // When enough wait to be taken, this one is dropped.
    std::error_code ec;
    permits.give(1, ec);
  });

  int done = 0;
  copas::queue<std::unique_ptr<piece>> queue(d, 100);
  for (int i = 0; i < workers; i++)
    queue.addworker([&](std::unique_ptr<piece> work) {
      permits.take(1, copas::forever);
      const std::string name(copas::running().name());
      std::printf("piece %d by %s\n", work->number, name.c_str());
      done++;
    });

  const copas::seconds start = d.now();
  for (int i = 1; i <= pieces; i++)
    queue.push(std::make_unique<piece>(piece{i}), copas::forever);
  queue.finish(copas::forever);
  std::printf("%d pieces in %.3f seconds\n", done, (d.now() - start).count());
}

} // namespace

int main(int argc, char **argv)
{
  example::help(argc, argv, argc == 4, usage);
  const int pieces = example::number(argv[1], 1, 10000);
  const int workers = example::number(argv[2], 1, 100);
  const int rate = example::number(argv[3], 1, 1000);
  return example::run([=] { run(pieces, workers, rate); });
}
