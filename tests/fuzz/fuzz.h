// What the fuzzers share. Each is one file `<name>_fuzz.cc` that defines LLVMFuzzerTestOneInput and
// Seeds. Built with -DMENDFS_FUZZ=ON (clang) it is a libFuzzer program; else driver.cc feeds it
// mutations of the seeds, which is what the test runs.
//
// Shape:    a property that does not hold aborts
#pragma once

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace mendfs {

// Inputs that are worth changing: whole, valid ones.
std::vector<std::string> Seeds();

inline void Require(bool condition) {
  if (!condition) std::abort();
}

// The first byte of an input chooses among `count` decoders, the rest is for the chosen one.
struct Choice {
  size_t decoder = 0;
  std::string_view bytes;
};
inline Choice ChooseDecoder(const uint8_t* data, size_t size, size_t count) {
  if (size == 0) return {};
  return {data[0] % count, {reinterpret_cast<const char*>(data) + 1, size - 1}};
}
inline std::string SeedFor(size_t decoder, std::string_view bytes) {
  return static_cast<char>(decoder) + std::string(bytes);
}

// What decodes is what its encoder makes: there are no two spellings of one value.
template <typename Decoded, typename Encode>
void RequireSameBytes(const Decoded& decoded, std::string_view bytes, const Encode& encode) {
  if (decoded.ok()) Require(encode(*decoded) == bytes);
}

}  // namespace mendfs
