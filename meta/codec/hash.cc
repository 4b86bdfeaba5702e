#include "meta/codec/hash.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/random.h>
#include <xxhash.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace mendfs {

namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

// A library without SHA-256 or random numbers leaves no way to go on that would be safe.
void RequireOrAbort(bool done, const char* what) {
  if (done) return;
  std::fprintf(stderr, "%s failed; cannot continue safely\n", what);
  std::abort();
}

template <size_t Size>
std::string_view AsText(const std::array<uint8_t, Size>& bytes, size_t size = Size) {
  return {reinterpret_cast<const char*>(bytes.data()), size};
}

int HexValue(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

void AppendHex(std::string& out, uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) out.push_back(kHexDigits[(value >> shift) & 15]);
}

// [k][b]: what byte b does to the checksum of k further bytes behind it.
using Crc32cTables = std::array<std::array<uint32_t, 256>, 8>;

constexpr Crc32cTables MakeCrc32cTables() {
  constexpr uint32_t kReversedPolynomial = 0x82F63B78;
  Crc32cTables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) {
      rest = (rest >> 1) ^ ((rest & 1) != 0 ? kReversedPolynomial : 0);
    }
    tables[0][byte] = rest;
  }
  for (size_t k = 1; k < tables.size(); ++k) {
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t before = tables[k - 1][byte];
      tables[k][byte] = tables[0][before & 0xFF] ^ (before >> 8);
    }
  }
  return tables;
}

constexpr Crc32cTables kCrc32cTables = MakeCrc32cTables();

uint32_t Crc32cByTable(uint32_t crc, std::string_view bytes) {
  const auto at = [&bytes](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const auto& t = kCrc32cTables;
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    crc = t[7][(crc ^ at(0)) & 0xFF] ^ t[6][((crc >> 8) ^ at(1)) & 0xFF] ^
          t[5][((crc >> 16) ^ at(2)) & 0xFF] ^ t[4][(crc >> 24) ^ at(3)] ^ t[3][at(4)] ^
          t[2][at(5)] ^ t[1][at(6)] ^ t[0][at(7)];
  }
  for (const char byte : bytes) {
    crc = t[0][(crc ^ static_cast<uint8_t>(byte)) & 0xFF] ^ (crc >> 8);
  }
  return crc;
}

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t Crc32cByMachine(uint32_t crc, std::string_view bytes) {
  uint64_t wide = crc;
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    uint64_t word = 0;
    std::memcpy(&word, bytes.data(), sizeof word);
    wide = __builtin_ia32_crc32di(wide, word);
  }
  crc = static_cast<uint32_t>(wide);
  for (const char byte : bytes) crc = __builtin_ia32_crc32qi(crc, static_cast<uint8_t>(byte));
  return crc;
}

const bool kMachineHasCrc32c = __builtin_cpu_supports("sse4.2") != 0;
#else
constexpr bool kMachineHasCrc32c = false;
uint32_t Crc32cByMachine(uint32_t crc, std::string_view bytes) {
  return Crc32cByTable(crc, bytes);
}
#endif

}  // namespace

Hash128& Hash128::operator+=(const Hash128& other) {
  low += other.low;
  high += other.high + (low < other.low ? 1 : 0);
  return *this;
}

Hash128& Hash128::operator-=(const Hash128& other) {
  const uint64_t borrow = low < other.low ? 1 : 0;
  low -= other.low;
  high -= other.high + borrow;
  return *this;
}

uint32_t HashCrc32c(std::string_view bytes) {
  const uint32_t crc = ~uint32_t{0};
  return ~(kMachineHasCrc32c ? Crc32cByMachine(crc, bytes) : Crc32cByTable(crc, bytes));
}

uint64_t HashXxh3(std::string_view bytes) {
  return XXH3_64bits(bytes.data(), bytes.size());
}

Hash128 HashXxh3Wide(std::string_view bytes) {
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

struct Sha256::State {
  State() { Restart(); }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void Restart() {
    RequireOrAbort(context != nullptr && EVP_DigestInit_ex(context, EVP_sha256(), nullptr) == 1,
                   "starting SHA-256");
  }

  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::Update(std::string_view bytes) {
  RequireOrAbort(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1, "SHA-256");
}

Sha256Digest Sha256::Finish() {
  Sha256Digest digest;
  RequireOrAbort(EVP_DigestFinal_ex(state_->context, digest.data(), nullptr) == 1,
                 "finishing SHA-256");
  state_->Restart();
  return digest;
}

Sha256Digest Sha256::Of(std::string_view bytes) {
  Sha256 hash;
  hash.Update(bytes);
  return hash.Finish();
}

Id128 RandomId() {
  Id128 id;
  ssize_t got = 0;
  do {
    got = ::getrandom(id.bytes.data(), id.bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got == static_cast<ssize_t>(id.bytes.size())) return id;
  RequireOrAbort(RAND_bytes(id.bytes.data(), static_cast<int>(id.bytes.size())) == 1,
                 "drawing random bytes");
  return id;
}

std::string ToHex(std::string_view bytes) {
  std::string hex;
  hex.reserve(bytes.size() * 2);
  for (const char byte : bytes) {
    const auto value = static_cast<uint8_t>(byte);
    hex.push_back(kHexDigits[value >> 4]);
    hex.push_back(kHexDigits[value & 15]);
  }
  return hex;
}

std::string ToHex(const Id128& id) {
  return ToHex(AsText(id.bytes));
}
std::string ToHex(const CommitId& id) {
  return ToHex(AsText(id.bytes));
}
std::string ShortHex(const CommitId& id) {
  return ToHex(AsText(id.bytes, 16));
}

std::string ToHex(const Hash128& hash) {
  std::string hex;
  AppendHex(hex, hash.high);
  AppendHex(hex, hash.low);
  return hex;
}

std::optional<Id128> ParseId(std::string_view hex) {
  Id128 id;
  if (hex.size() != id.bytes.size() * 2) return std::nullopt;
  for (size_t index = 0; index < id.bytes.size(); ++index) {
    const int high = HexValue(hex[2 * index]);
    const int low = HexValue(hex[2 * index + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    id.bytes[index] = static_cast<uint8_t>(high << 4 | low);
  }
  return id;
}

}  // namespace mendfs
