#include "tests/support/memory_bodies.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace mendfs {

Result<RunRef> MemoryBodies::Append(const RunOwner&, std::string_view bytes) {
  MutexLock lock(mutex_);
  if (const Code code = std::exchange(fail_code_, Code::kOk); code != Code::kOk) {
    return Status(code, "append: the test refuses these bytes");
  }
  if (bytes.empty() || bytes.size() > kRunBytesMax) {
    return Status(Code::kInternal, "append: a run of " + std::to_string(bytes.size()) + " bytes");
  }
  RunRef run{.object = RandomId(),
             .run_bytes = bytes.size(),
             .size_bytes = bytes.size(),
             .hashes = HashRun(bytes)};
  runs_[run.object] = bytes;
  return run;
}

Status MemoryBodies::Read(const RunRef& run, uint64_t offset, size_t size_bytes,
                          char* target) const {
  MutexLock lock(mutex_);
  const auto found = runs_.find(run.object);
  if (found == runs_.end() || found->second.size() != run.run_bytes) {
    return Status(Code::kCorruption, "no such run");
  }
  const std::string_view bytes = found->second;
  const uint64_t first = run.skip_bytes + offset;
  for (uint64_t block = first / kBodyBlockBytes; block * kBodyBlockBytes < first + size_bytes;
       ++block) {
    const Hash128 hash = HashXxh3Wide(bytes.substr(block * kBodyBlockBytes, kBodyBlockBytes));
    if (hash != run.hashes.at(block - run.first_block())) {
      return Status(Code::kCorruption, "block " + std::to_string(block) + " fails its hash");
    }
  }
  std::memcpy(target, bytes.data() + first, size_bytes);
  return Status::Ok();
}

void MemoryBodies::FailAppend(Code code) {
  MutexLock lock(mutex_);
  fail_code_ = code;
}

void MemoryBodies::Damage(const RunRef& run, uint64_t offset) {
  MutexLock lock(mutex_);
  char& byte = runs_.at(run.object).at(run.skip_bytes + offset);
  byte = static_cast<char>(byte ^ 1);
}

size_t MemoryBodies::runs() const {
  MutexLock lock(mutex_);
  return runs_.size();
}

}  // namespace mendfs
