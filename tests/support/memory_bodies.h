// Bodies in memory: the contract of BodyStore in the plainest way. Every block is verified when it
// is read, as a pack's is.
//
// Threads:  safe from any thread
#pragma once

#include <map>
#include <string>

#include "meta/base/mutex.h"
#include "meta/pack/body_store.h"

namespace mendfs {

class MemoryBodies final : public BodyStore {
 public:
  Result<RunRef> Append(const RunOwner& owner, std::string_view bytes) override;
  Status Read(const RunRef& run, uint64_t offset, size_t size_bytes, char* target) const override;

  // What the test does to it: the next Append answers `code`; a byte of a run changes.
  void FailAppend(Code code);
  void Damage(const RunRef& run, uint64_t offset);
  size_t runs() const;

 private:
  mutable Mutex mutex_{LockRank::kPack};
  std::map<Id128, std::string> runs_ GUARDED_BY(mutex_);
  Code fail_code_ GUARDED_BY(mutex_) = Code::kOk;
};

}  // namespace mendfs
