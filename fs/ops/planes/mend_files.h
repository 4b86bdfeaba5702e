// The generated files of .mend: what each is called and how its text is made.
//
// Shape:    a text is whole or an error; kOverflow for a log past kLogTextBytesMax
// Threads:  safe from any thread
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "fs/ops/plane/plane.h"
#include "fs/ops/planes/planes.h"
#include "meta/base/mutex.h"

namespace mendfs {

// A longer log is made while it is read, and its size is not known before.
inline constexpr uint64_t kLogTextBytesMax = 4 << 20;

// The number is Place::number and part of the inode: it stays.
enum class MendFile : uint32_t {
  kReadme = 1,
  kHealth = 2,
  kStatus = 3,
  kVersion = 4,
  kConfig = 5,
  kMetrics = 6,
  kLog = 7,
  kLastError = 8,
  kHandles = 9,
  kControl = 10,
  kAudit = 11,
  kSidecars = 12,  // a directory; and with a key the file of that operation in it
};

struct MendFileName {
  MendFile file;
  std::string_view name;
};
std::span<const MendFileName> MendFileNames();

class MendTexts {
 public:
  MendTexts(PlaneContext& context, MendSources sources);

  Result<std::shared_ptr<const std::string>> Render(MendFile file);

 private:
  std::string Metrics() const;
  std::string OpenFiles() const;
  std::string Refusals() const;
  Result<std::shared_ptr<const std::string>> Log() EXCLUDES(mutex_);

  PlaneContext& context_;
  const MendSources sources_;
  Mutex mutex_{LockRank::kPlane};
  // The log as it was rendered last; later commits are put in front of it. Rendered anew when
  // commits were thinned away.
  std::shared_ptr<const std::string> log_ GUARDED_BY(mutex_);
  Seq log_head_ GUARDED_BY(mutex_);
  uint64_t log_dropped_ GUARDED_BY(mutex_) = 0;
  bool log_is_long_ GUARDED_BY(mutex_) = false;  // as of then, and it only grows
};

}  // namespace mendfs
