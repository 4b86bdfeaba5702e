// Runs a fuzzer without libFuzzer: the files that are named, or else its seeds and random mutations
// of them, the same ones for the same seed.
//
// Usage:  fuzz_<name> [FILE…]     MENDFS_SEED=n  MENDFS_FUZZ_ROUNDS=n
#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz.h"

namespace {

constexpr uint64_t kRounds = 20'000;
constexpr size_t kInputBytesMax = 4096;
constexpr size_t kMutationsMax = 6;

using Random = std::mt19937_64;

uint64_t Setting(const char* name, uint64_t fallback) {
  const char* text = std::getenv(name);
  return text == nullptr ? fallback : std::strtoull(text, nullptr, 10);
}

size_t Below(Random& random, size_t limit) {
  return std::uniform_int_distribution<size_t>(0, limit - 1)(random);
}

char AnyByte(Random& random) {
  constexpr unsigned char kTelling[] = {0, 1, 0x7f, 0x80, 0xff, '{', '"', '\\', '%', '~'};
  if (Below(random, 2) == 0) return static_cast<char>(kTelling[Below(random, sizeof kTelling)]);
  return static_cast<char>(Below(random, 256));
}

void Mutate(Random& random, std::string& input) {
  const size_t at = Below(random, input.size() + 1);
  const size_t run = 1 + Below(random, 8);
  switch (Below(random, 6)) {
    case 0:
      if (at < input.size()) input[at] = static_cast<char>(input[at] ^ (1 << Below(random, 8)));
      break;
    case 1:
      if (at < input.size()) input[at] = AnyByte(random);
      break;
    case 2: input.insert(at, run, AnyByte(random)); break;
    case 3: input.erase(at, run); break;
    case 4: input.resize(at); break;
    default: input.insert(at, input.substr(Below(random, input.size() + 1), run)); break;
  }
  input.resize(std::min(input.size(), kInputBytesMax));
}

void Feed(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    Feed(std::string(std::istreambuf_iterator<char>(file), {}));
  }
  if (argc > 1) return 0;

  const uint64_t seed = Setting("MENDFS_SEED", 1);
  const uint64_t rounds = Setting("MENDFS_FUZZ_ROUNDS", kRounds);
  // Told first: an abort leaves no later chance.
  std::cout << "MENDFS_SEED=" << seed << ", " << rounds << " rounds" << std::endl;
  Random random(seed);
  std::vector<std::string> seeds = mendfs::Seeds();
  for (const std::string& input : seeds) Feed(input);
  seeds.emplace_back();
  for (uint64_t round = 0; round < rounds; ++round) {
    std::string input = seeds[Below(random, seeds.size())];
    for (size_t left = 1 + Below(random, kMutationsMax); left > 0; --left) Mutate(random, input);
    Feed(input);
  }
  return 0;
}
