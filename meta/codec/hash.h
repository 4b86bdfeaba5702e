// The only place where bytes are hashed: XXH3 for integrity and fingerprints, SHA-256 for names
// that must not be forged (commits, sealed objects), random ids, and their hexadecimal form.
//
// Threads:  free functions are safe from any thread; a Sha256 belongs to one
// Cost:     XXH3 12 GB/s, SHA-256 1.5 GB/s on the reference machine (bench/README.md)
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "meta/base/ids.h"

namespace mendfs {

struct Hash128 {
  uint64_t low = 0;
  uint64_t high = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;

  // Sums modulo 2^128: order-independent, and what was added can be taken away.
  Hash128& operator+=(const Hash128& other);
  Hash128& operator-=(const Hash128& other);
};

uint64_t HashXxh3(std::string_view bytes);
Hash128 HashXxh3Wide(std::string_view bytes);

// LevelDB's checksum, for reading what it wrote; ours are XXH3.
uint32_t HashCrc32c(std::string_view bytes);

using Sha256Digest = std::array<uint8_t, 32>;

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void Update(std::string_view bytes);
  // Ends the computation; the object is empty again.
  Sha256Digest Finish();

  static Sha256Digest Of(std::string_view bytes);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// 128 bits from the operating system's generator.
Id128 RandomId();

std::string ToHex(std::string_view bytes);
std::string ToHex(const Id128& id);
std::string ToHex(const Hash128& hash);    // high half first
std::string ToHex(const CommitId& id);     // all 64 digits
std::string ShortHex(const CommitId& id);  // the 32 digits that are shown
// Exactly 32 lower-case hexadecimal digits, else nothing.
std::optional<Id128> ParseId(std::string_view hex);

}  // namespace mendfs
