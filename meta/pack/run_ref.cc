#include "meta/pack/run_ref.h"

#include <algorithm>
#include <cassert>

#include "meta/codec/bytes.h"
#include "meta/pack/pack_format.h"

namespace mendfs {

uint64_t RunBytesOffset(const RunRef& run) {
  return run.record_offset + (run.kind == ObjectKind::kPack ? kPackRecordHeaderBytes : 0);
}

std::vector<Hash128> HashRun(std::string_view bytes) {
  std::vector<Hash128> hashes;
  hashes.reserve(bytes.size() / kBodyBlockBytes + 1);
  while (!bytes.empty()) {
    const size_t size = std::min<size_t>(bytes.size(), kBodyBlockBytes);
    hashes.push_back(HashXxh3Wide(bytes.substr(0, size)));
    bytes.remove_prefix(size);
  }
  return hashes;
}

RunRef PartOf(const RunRef& whole, uint64_t from, uint64_t size_bytes) {
  assert(size_bytes > 0 && from <= whole.size_bytes && size_bytes <= whole.size_bytes - from);
  RunRef part{.kind = whole.kind,
              .object = whole.object,
              .record_offset = whole.record_offset,
              .run_bytes = whole.run_bytes,
              .skip_bytes = whole.skip_bytes + from,
              .size_bytes = size_bytes,
              .hashes = {}};
  const auto first =
      whole.hashes.begin() + static_cast<ptrdiff_t>(part.first_block() - whole.first_block());
  part.hashes.assign(first, first + static_cast<ptrdiff_t>(part.block_count()));
  return part;
}

Hash128 RunDigest(uint64_t size_bytes, uint64_t skip_in_block, const std::vector<Hash128>& hashes) {
  std::string bytes;
  bytes.reserve(16 + hashes.size() * kObjectHashBytes);
  PutU64(bytes, size_bytes);
  PutU64(bytes, skip_in_block);
  bytes += EncodeBlockHashes(hashes);
  return HashXxh3Wide(bytes);
}

}  // namespace mendfs
