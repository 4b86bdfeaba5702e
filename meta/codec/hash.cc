#include "meta/codec/hash.h"

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/random.h>
#include <xxhash.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
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

constexpr std::array<uint32_t, 256> MakeCrc32cTable() {
  constexpr uint32_t kReversedPolynomial = 0x82F63B78;
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < table.size(); ++byte) {
    uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) {
      rest = (rest >> 1) ^ ((rest & 1) != 0 ? kReversedPolynomial : 0);
    }
    table[byte] = rest;
  }
  return table;
}

constexpr std::array<uint32_t, 256> kCrc32cTable = MakeCrc32cTable();

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
  uint32_t crc = ~uint32_t{0};
  for (const char byte : bytes) {
    crc = kCrc32cTable[(crc ^ static_cast<uint8_t>(byte)) & 0xFF] ^ (crc >> 8);
  }
  return ~crc;
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
