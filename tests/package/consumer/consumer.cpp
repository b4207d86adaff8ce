// SPDX-License-Identifier: MIT
// Uses the C++ header as a stranger would.
#include <copas.hpp>
#include <cstdio>

int main()
{
  copas::dispatcher d;
  const auto answer = d.addfuture([] { return 42; });
  std::printf("copas %s: %d\n", copas_version(), answer.get());
  return 0;
}
