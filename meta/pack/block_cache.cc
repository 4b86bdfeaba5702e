#include "meta/pack/block_cache.h"

#include <leveldb/cache.h>

#include <cstring>
#include <utility>

#include "meta/codec/bytes.h"

namespace mendfs {
namespace {

// What an entry costs beside its bytes.
constexpr size_t kEntryBytes = 128;

std::string KeyOf(const Id128& object, uint64_t offset) {
  std::string key;
  key.reserve(24);
  PutId(key, object);
  PutU64(key, offset);
  return key;
}

void DeleteBlock(const leveldb::Slice&, void* block) {
  delete static_cast<std::string*>(block);
}

}  // namespace

BlockCache::BlockCache(uint64_t size_bytes)
    : cache_(leveldb::NewLRUCache(static_cast<size_t>(size_bytes))) {}

BlockCache::~BlockCache() = default;

bool BlockCache::Copy(const Id128& object, uint64_t offset, size_t from, size_t size_bytes,
                      char* target) const {
  leveldb::Cache::Handle* const handle = cache_->Lookup(KeyOf(object, offset));
  if (handle == nullptr) return false;
  const auto& block = *static_cast<const std::string*>(cache_->Value(handle));
  const bool fits = from <= block.size() && size_bytes <= block.size() - from;
  if (fits) std::memcpy(target, block.data() + from, size_bytes);
  cache_->Release(handle);
  return fits;
}

bool BlockCache::Contains(const Id128& object, uint64_t offset) const {
  leveldb::Cache::Handle* const handle = cache_->Lookup(KeyOf(object, offset));
  if (handle == nullptr) return false;
  cache_->Release(handle);
  return true;
}

void BlockCache::Insert(const Id128& object, uint64_t offset, std::string block) {
  const size_t charge = block.size() + kEntryBytes;
  cache_->Release(cache_->Insert(KeyOf(object, offset), new std::string(std::move(block)), charge,
                                 &DeleteBlock));
}

uint64_t BlockCache::used_bytes() const {
  return cache_->TotalCharge();
}

}  // namespace mendfs
