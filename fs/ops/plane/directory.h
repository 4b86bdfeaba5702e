// An open directory that streams: names come in a stable order, each with a cookie to go on behind
// it, and nothing is kept in memory but the place where the stream stands.
//
// A plane makes one from a NameSource, which holds the Snapshot that the whole listing reads.
// "." and ".." come first; the cookies of a source are above kFirstCookie.
//
// Threads:  safe from any thread
// Errors:   those of the source; a listing is complete or it fails
// Cost:     one step of the source per name; a seek opens a new stream at the cookie
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/mutex.h"
#include "meta/base/status.h"

namespace mendfs {

inline constexpr uint64_t kDotCookie = 1;
inline constexpr uint64_t kDotDotCookie = 2;
// Cookies from here to 2^63 - 1 belong to the sources.
inline constexpr uint64_t kFirstCookie = 3;
inline constexpr int64_t kIdleStreamNs = 30'000'000'000;

struct ListedName {
  std::string name;
  InodeNumber inode;
  uint32_t mode_type = 0;  // S_IFMT bits
  uint64_t cookie = 0;     // pass as `after` to go on behind this name
};

class NameStream {
 public:
  virtual ~NameStream() = default;
  virtual Result<std::optional<ListedName>> Next() = 0;
};

class NameSource {
 public:
  virtual ~NameSource() = default;
  // Names behind the cookie `after`, in rising order of cookies or in the source's own stable
  // order; 0: from the start. The stream does not outlive the source.
  virtual Result<std::unique_ptr<NameStream>> OpenAt(uint64_t after) = 0;
};

// Takes names until it is full.
class NameSink {
 public:
  virtual ~NameSink() = default;
  // False: it did not fit and must be offered again first.
  virtual bool Add(const ListedName& listed) = 0;
};

class DirectoryHandle {
 public:
  struct Ends {
    InodeNumber self;
    InodeNumber parent;
  };
  DirectoryHandle(const Ends& ends, std::unique_ptr<NameSource> source);

  const Ends& ends() const { return ends_; }
  // Offers the names behind `after` until the sink is full or the directory ends.
  Status Read(uint64_t after, NameSink& sink) EXCLUDES(mutex_);
  // For a directory that shows the names of this one, which is not read any more then.
  std::unique_ptr<NameSource> TakeSource() EXCLUDES(mutex_);
  // Gives the stream back when nobody has read since `idle_since_ns` (steady clock).
  void DropIdleStream(int64_t idle_since_ns) EXCLUDES(mutex_);

 private:
  Status ReadStream(uint64_t after, NameSink& sink) REQUIRES(mutex_);
  Result<std::optional<ListedName>> TakeNext() REQUIRES(mutex_);

  const Ends ends_;
  Mutex mutex_{LockRank::kOpen};
  std::unique_ptr<NameSource> source_ GUARDED_BY(mutex_);
  std::unique_ptr<NameStream> stream_ GUARDED_BY(mutex_);  // none: opened at the next read
  std::optional<ListedName> refused_ GUARDED_BY(mutex_);   // did not fit the last time
  uint64_t position_ GUARDED_BY(mutex_) = 0;               // cookie of the last name handed out
  int64_t last_read_ns_ GUARDED_BY(mutex_) = 0;
};

// A source over names that are known when the directory is opened: short fixed lists. Cookies are
// kFirstCookie + index.
class FixedNames final : public NameSource {
 public:
  explicit FixedNames(std::vector<ListedName> names);
  Result<std::unique_ptr<NameStream>> OpenAt(uint64_t after) override;

 private:
  std::vector<ListedName> names_;
};

int64_t SteadyNowNs();

}  // namespace mendfs
