// The refusals of a mount, newest first: what `mendfs why` and .mend/last_error show.
//
// An errno says little; the sentence of the Status that caused it is kept here. A lookup that finds
// nothing is no refusal and is not kept.
//
// Shape:    a ring of kErrorLogEntriesMax; the oldest goes
// Threads:  safe from any thread
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/mutex.h"
#include "meta/base/status.h"

namespace mendfs {

inline constexpr size_t kErrorLogEntriesMax = 64;
inline constexpr size_t kErrorSentenceBytesMax = 4096;

struct Refusal {
  int64_t time_ns = 0;
  uint32_t uid = 0;
  int32_t pid = 0;
  std::string operation;  // "write", "close", "rename", …
  std::string path;       // as far as it is known, from the mount point
  Code code = Code::kOk;
  std::string sentence;
  std::string rejected;  // where the refused bytes are, below the mount point; may be empty
};

class ErrorLog {
 public:
  void Add(Refusal refusal) EXCLUDES(mutex_);
  // Newest first.
  std::vector<Refusal> Recent() const EXCLUDES(mutex_);
  uint64_t count() const EXCLUDES(mutex_);  // ever added

 private:
  mutable Mutex mutex_{LockRank::kHandles};
  std::deque<Refusal> entries_ GUARDED_BY(mutex_);  // oldest first
  uint64_t count_ GUARDED_BY(mutex_) = 0;
};

// Is this worth an entry? Not plain absence, existence, or what POSIX callers probe for.
bool NeedsSentence(const Status& status);

// "EINVAL": what the caller saw. fs/kernel speaks the same errno (a test compares them).
std::string_view ErrnoName(Code code);
// For people: when, errno and path; what was refused and why; where the bytes are. Two or three
// lines whatever the names hold: control bytes become \xNN.
std::string RefusalText(const Refusal& refusal);

}  // namespace mendfs
