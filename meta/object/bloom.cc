#include "meta/object/bloom.h"

#include <algorithm>

namespace mendfs {
namespace {

constexpr size_t kBitsPerKey = 10;
constexpr size_t kWordsPerBlock = 8;
// Odd multipliers that spread the low half of a hash over one bit in each word.
constexpr uint32_t kSalts[kWordsPerBlock] = {0x47b6137bU, 0x44974d91U, 0x8824ad5bU, 0xa2b7289dU,
                                             0x705495c7U, 0x2df1424bU, 0x9efc4947U, 0x5c6bfb31U};

// The high half picks the block: a multiplication spreads it evenly over any number of blocks.
size_t BlockOf(uint64_t key_hash, size_t block_count) {
  return static_cast<size_t>((key_hash >> 32) * block_count >> 32);
}

// Where the bit of one word stands, as (byte in the block, mask): words are little-endian.
struct BitPlace {
  size_t byte;
  uint8_t mask;
};
BitPlace PlaceOf(uint64_t key_hash, size_t word) {
  const uint32_t bit = static_cast<uint32_t>(key_hash) * kSalts[word] >> 27;
  return {word * 4 + bit / 8, static_cast<uint8_t>(1U << (bit % 8))};
}

}  // namespace

size_t BloomBytes(size_t key_count) {
  const size_t bits_per_block = kBloomBlockBytes * 8;
  return std::max<size_t>(1, (key_count * kBitsPerKey + bits_per_block - 1) / bits_per_block) *
         kBloomBlockBytes;
}

std::string BuildBloom(std::span<const uint64_t> key_hashes) {
  std::string bloom(BloomBytes(key_hashes.size()), '\0');
  const size_t block_count = bloom.size() / kBloomBlockBytes;
  for (const uint64_t hash : key_hashes) {
    char* const block = bloom.data() + BlockOf(hash, block_count) * kBloomBlockBytes;
    for (size_t word = 0; word < kWordsPerBlock; ++word) {
      const BitPlace place = PlaceOf(hash, word);
      block[place.byte] = static_cast<char>(static_cast<uint8_t>(block[place.byte]) | place.mask);
    }
  }
  return bloom;
}

bool BloomMayHold(std::string_view bloom, uint64_t key_hash) {
  if (bloom.empty() || bloom.size() % kBloomBlockBytes != 0) return true;
  const size_t block_count = bloom.size() / kBloomBlockBytes;
  const char* const block = bloom.data() + BlockOf(key_hash, block_count) * kBloomBlockBytes;
  for (size_t word = 0; word < kWordsPerBlock; ++word) {
    const BitPlace place = PlaceOf(key_hash, word);
    if ((static_cast<uint8_t>(block[place.byte]) & place.mask) == 0) return false;
  }
  return true;
}

}  // namespace mendfs
