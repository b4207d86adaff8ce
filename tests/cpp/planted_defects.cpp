// SPDX-License-Identifier: MIT
// planted_defects DEFECT: a program with one defect on a coroutine's stack, which the check
// scripts must see their tool report before they trust its silence.
#include <copas.hpp>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>

namespace {

volatile int sink;

void use_after_free()
{
  auto owner = std::make_unique<int>(7);
  const int *volatile left = owner.get();
  owner.reset();
  sink = *left;
}

void use_after_scope()
{
  const volatile int *left;
  {
    volatile int gone = 7;
    left = &gone;
  }
  sink = *left;
}

void leak()
{
  char *volatile memory = new char[64];
  memory[0] = 1;
  memory = nullptr;
}

void overflow()
{
  volatile int most = std::numeric_limits<int>::max();
  sink = most + 1;
}

const struct {
  const char *name;
  void (*commit)();
} defects[] = {{"use_after_free", use_after_free},
               {"use_after_scope", use_after_scope},
               {"leak", leak},
               {"overflow", overflow},
               {"none", [] {}}};

} // namespace

int main(int argc, char **argv)
{
  for (const auto &defect : defects) {
    if (argc != 2 || std::strcmp(argv[1], defect.name) != 0) continue;
    copas::dispatcher d;
    d.addthread(defect.commit);
    d.loop();
    return 0;
  }
  std::fputs("usage: planted_defects use_after_free|use_after_scope|leak|overflow|none\n", stderr);
  return 2;
}
