// SPDX-License-Identifier: MIT
// Blocking work beside the loop: files are read on OS threads, one future for each.
//     cpp_sum_files README.md LICENSE
#include "example.hpp"

#include <cerrno>
#include <cstdint>
#include <memory>
#include <system_error>
#include <vector>

static const char usage[] =
    "usage: cpp_sum_files FILE...\n"
    "Prints each FILE's FNV-1a hash of 64 bits; the files are read at the same time, a few at once.\n"
    "Exits with 1 when one cannot be read.\n";

namespace {

// Blocks: runs on an OS thread, where nothing of the library may be called.
std::uint64_t hash_of(const std::string &path)
{
  const auto shut = [](std::FILE *file) { std::fclose(file); };
  const std::unique_ptr<std::FILE, decltype(shut)> file(std::fopen(path.c_str(), "rb"), shut);
  if (!file) throw std::system_error(errno, std::generic_category(), path);
  std::uint64_t hash = 0xcbf29ce484222325;
  unsigned char block[4096];
  while (const std::size_t len = std::fread(block, 1, sizeof block, file.get()))
    for (std::size_t i = 0; i < len; i++) hash = (hash ^ block[i]) * 0x100000001b3;
  if (std::ferror(file.get())) throw std::system_error(errno, std::generic_category(), path);
  return hash;
}

int sum(int count, char **paths)
{
  copas::dispatcher d;
  std::vector<copas::future<std::uint64_t>> hashes;
  for (int i = 0; i < count; i++)
    hashes.push_back(d.addfuture([d = copas::dispatcher_ref(d), path = std::string(paths[i])] {
      return d.offload([&path] { return hash_of(path); });
    }));
  int code = 0;
  for (int i = 0; i < count; i++) {
    try {
      std::printf("%016llx %s\n", static_cast<unsigned long long>(hashes[i].get()), paths[i]);
    } catch (const std::system_error &failure) {
      std::fprintf(stderr, "%s\n", failure.what());
      code = 1;
    }
  }
  return code;
}

} // namespace

int main(int argc, char **argv)
{
  example::help(argc, argv, argc >= 2, usage);
  int code = 1;
  const int ended = example::run([&] { code = sum(argc - 1, argv + 1); });
  return ended == 0 ? code : ended;
}
