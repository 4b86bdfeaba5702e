// Drafts: bytes written to a row or to schema.graph before they are accepted (Rule 3 of the mount).
//
//   Write     into the draft; a small complete body that arrives in one write is checked at once
//   Flush     nothing before the first write, or while the body is incomplete; complete: commit,
//             and a refusal is the errno of close(2), as is that of the last write; the draft
//             stays. What ftruncate made, with no write since, and a new body whose times were set
//             are judged as they are
//   Sync      as Flush, but an incomplete body is refused: fsync means durable
//   Release   commits what is still pending; what is refused goes to .mend/rejected with the reason
//
// Readers of the name never see a draft; the handle that writes reads its own bytes.
//
// Threads:  a DraftHandle is safe from any thread; while it commits, other uses of it wait
// Errors:   kTooBig past the target's limit; else those of the target
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "fs/ops/plane/plane.h"
#include "meta/base/mutex.h"

namespace mendfs {

enum class DraftShape : unsigned char {
  kEmpty,       // no bytes
  kIncomplete,  // may become valid when more bytes follow
  kComplete,    // to be judged now
};

inline constexpr size_t kCheckedWriteBytesMax = 64 << 10;

// What a draft is a draft of. Called with the draft locked; takes locks above LockRank::kOpen.
class DraftTarget {
 public:
  virtual ~DraftTarget() = default;
  // The bytes that readers see now; empty for a name that is new.
  virtual Result<std::string> Committed() = 0;
  virtual DraftShape ShapeOf(std::string_view body) const = 0;
  // Would Commit accept it? Changes nothing.
  virtual Status Check(std::string_view body) = 0;
  // Puts the body in place, all or nothing. Called again when more was written afterwards.
  virtual Status Commit(std::string_view body) = 0;
  // The draft is about to hold so many bytes. kNoSpace: all drafts together hold too many.
  virtual Status Reserve(uint64_t /*size_bytes*/) { return {}; }
  // Is an empty body an accepted one (an edge without properties)? Then the last close commits it.
  virtual bool AcceptsEmpty() const { return false; }
  // Were times set on a new name? Then whoever does so (touch) means it to be there as it is.
  virtual bool IsTouched() const { return false; }
  // Why an empty body is refused, and what to do.
  virtual Status RefuseEmpty() const;
  // A new name that was closed without any accepted body, or any last close: forget what was kept
  // for the draft. Called exactly once, last.
  virtual void Finished(bool committed) = 0;
  virtual uint64_t size_max() const = 0;
  // For refusals: "nodes/Person/bob.json", and where below .mend/rejected ("Person", "bob.json").
  virtual std::string Show() const = 0;
  virtual std::string RejectedDirectory() const = 0;
  virtual std::string RejectedName() const = 0;
};

class DraftHandle final : public FileHandle {
 public:
  // `request` decides: O_TRUNC (or `is_new`) starts empty, else with the committed bytes, which are
  // fetched at the first use.
  DraftHandle(PlaneContext& context, const Caller& caller, std::unique_ptr<DraftTarget> target,
              const OpenRequest& request, bool is_new);
  ~DraftHandle() override;

  Result<size_t> Read(uint64_t offset, size_t size_bytes, char* target) override EXCLUDES(mutex_);
  Status Write(uint64_t offset, std::string_view bytes) override EXCLUDES(mutex_);
  Status Truncate(uint64_t size_bytes) override EXCLUDES(mutex_);
  Status Flush() override EXCLUDES(mutex_);
  Status Sync() override EXCLUDES(mutex_);
  void Release() override EXCLUDES(mutex_);

 private:
  Status Load() REQUIRES(mutex_);
  Status CheckNow(uint64_t offset, std::string_view bytes) REQUIRES(mutex_);
  Status Commit() REQUIRES(mutex_);
  Status FlushEmpty() REQUIRES(mutex_);
  void Reject(const Status& reason, std::string_view body) REQUIRES(mutex_);

  PlaneContext& context_;
  const Caller caller_;
  const bool append_;
  Mutex mutex_{LockRank::kOpen};
  std::unique_ptr<DraftTarget> target_ GUARDED_BY(mutex_);
  std::string body_ GUARDED_BY(mutex_);
  bool loaded_ GUARDED_BY(mutex_);           // body_ holds the draft
  bool touched_ GUARDED_BY(mutex_);          // differs from what is committed, or may
  bool written_ GUARDED_BY(mutex_) = false;  // a write or truncate came through this handle
  bool cut_ GUARDED_BY(mutex_) = false;      // by ftruncate, with nothing written since
  bool committed_ GUARDED_BY(mutex_) = false;
  bool released_ GUARDED_BY(mutex_) = false;
  // A body that was refused at its write and is not in the draft, with the reason.
  std::string refused_body_ GUARDED_BY(mutex_);
  Status refused_ GUARDED_BY(mutex_);
};

}  // namespace mendfs
