// Split-block bloom filters over 64-bit hashes of keys: one probe touches one block of 32 bytes.
//
// At 10 bits a key about one absent key in a hundred passes; a present one always does.
//
// Threads:  pure functions
// Source:   docs/formats/segment.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace mendfs {

inline constexpr size_t kBloomBlockBytes = 32;

// Whole blocks, at least one.
size_t BloomBytes(size_t key_count);
std::string BuildBloom(std::span<const uint64_t> key_hashes);
// False: the key is not in it. `bloom` must be whole blocks, else every key may be in it.
bool BloomMayHold(std::string_view bloom, uint64_t key_hash);

}  // namespace mendfs
