// A table that is open for appending: what is written to it is a load in merge mode, collected
// while it is open and published as one commit.
//
//   Write     into the load, which sorts it on disk. A small text that comes whole in the first
//             write is checked at once, so that `echo … >> table` fails visibly in the shell
//   Flush     nothing while the last line is not whole, and for processes that did not open it (the
//             members of a pipeline close copies); else the load is published, and why it was
//             refused is the errno of close(2)
//   Sync      the same for everybody; a line that is not whole is refused
//   Release   publishes what is left; a CSV record that is not whole refuses it
//
// All or nothing: a refusal leaves the table as it is, is the answer to every later write, and goes
// to .mend/rejected with its reasons. A crash is that of a load.
//
// Lifetime: the context outlives it
// Threads:  safe from any thread; while it publishes, other uses of it wait
// Errors:   kInvalid with the lines; else as Loader
// Cost:     memory: kAppendMemoryBytes and one line
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "fs/ops/plane/plane.h"
#include "fs/ops/tables/appended_text.h"
#include "meta/base/mutex.h"
#include "meta/bulk.h"

namespace mendfs {

inline constexpr uint64_t kAppendMemoryBytes = uint64_t{8} << 20;
inline constexpr size_t kCheckedAppendBytesMax = size_t{64} << 10;

struct AppendTarget {
  std::string type;
  TableFormat format = TableFormat::kJsonLines;
  std::string name;  // "Person.jsonl"
  // Alive as long as the handle is: counts them.
  std::shared_ptr<const void> slot;
};

class AppendHandle final : public FileHandle {
 public:
  AppendHandle(PlaneContext& context, const Caller& caller, AppendTarget target)
      : context_(context),
        caller_(caller),
        target_(std::move(target)),
        text_(target_.format == TableFormat::kCsv) {}
  ~AppendHandle() override { Release(); }

  Result<size_t> Read(uint64_t offset, size_t size_bytes, char* target) override;
  Status Write(uint64_t offset, std::string_view bytes) override EXCLUDES(mutex_);
  Status Truncate(uint64_t size_bytes) override;
  Status FlushBy(const Caller& caller) override EXCLUDES(mutex_);
  Status Sync() override EXCLUDES(mutex_);
  void Release() override EXCLUDES(mutex_);

 private:
  LoadOptions Options(bool check_only) const;
  std::string Show() const { return ".mend/tables/" + target_.name; }
  bool IsOpener(const Caller& caller) const;
  Status Take(std::string_view bytes) REQUIRES(mutex_);
  Status Check(std::string_view bytes) REQUIRES(mutex_);
  Status Publish() REQUIRES(mutex_);
  // Keeps why the load ended.
  Status Refuse(const Status& status, const LoadSummary& summary) REQUIRES(mutex_);
  void Reject() REQUIRES(mutex_);

  PlaneContext& context_;
  const Caller caller_;
  const AppendTarget target_;
  Mutex mutex_{LockRank::kOpen};
  AppendedText text_ GUARDED_BY(mutex_);
  std::unique_ptr<Loader> loader_ GUARDED_BY(mutex_);  // of the batch, once it has any byte
  uint64_t lines_published_ GUARDED_BY(mutex_) = 0;
  Status refused_ GUARDED_BY(mutex_);
  std::string reasons_ GUARDED_BY(mutex_);  // one a line
  bool released_ GUARDED_BY(mutex_) = false;
};

}  // namespace mendfs
