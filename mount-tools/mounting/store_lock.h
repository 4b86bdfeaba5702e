// Who has a store open, and the lock of those who only read.
//
// A writer holds the store's LOCK exclusively and has written its name into it (meta/store.h). A
// reader that stays holds it shared, on a descriptor that cannot write, so that a store on a
// read-only disk can be read: what it reads through an overlay would otherwise be compacted away
// under it. A store without a LOCK is read without.
//
// Threads:  safe from any thread; looks at the operating system's state of the moment
// Errors:   kBusy names the writer; kDenied: LOCK may not be read
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"

namespace mendfs {

// Held while a store is open for reading. Destroying it lets go.
class ReadLock {
 public:
  static Result<ReadLock> Take(const std::string& store_path);
  ~ReadLock();
  ReadLock(ReadLock&& other) noexcept;
  ReadLock& operator=(ReadLock&&) = delete;

 private:
  explicit ReadLock(int fd) : fd_(fd) {}
  int fd_;  // -1: there is no LOCK
};

// Who has the store open for writing, as the lock file tells it ("pid 17 on host"); nothing while
// nobody has. Takes no lock itself.
std::optional<std::string> StoreHolder(const std::string& store_path);
// Whether somebody reads it, and who as far as this user may see: "pid 17, which reads it".
std::optional<std::string> StoreReader(const std::string& store_path);
// The pid in a holder's text, 0 if there is none.
int HolderPid(std::string_view holder);

// The store at `path` is held; says by whom and what to do.
Status HeldBy(const std::string& path, std::string_view holder);
// Until the holder of a lock has written its name: right after it was taken LOCK holds the name of
// the one before, or none. Nothing when the lock became free instead.
std::optional<std::string> AwaitHolderName(const std::string& store_path);

}  // namespace mendfs
