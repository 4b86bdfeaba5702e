#include "fs/ops/plane/draft.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace mendfs {

Status DraftTarget::RefuseEmpty() const {
  return {Code::kInvalid, "close " + Show() +
                              ": nothing was written; an empty file is no row, so what was there "
                              "before stays"};
}

DraftHandle::DraftHandle(PlaneContext& context, const Caller& caller,
                         std::unique_ptr<DraftTarget> target, const OpenRequest& request,
                         bool is_new)
    : context_(context),
      caller_(caller),
      append_((request.flags & O_APPEND) != 0),
      target_(std::move(target)),
      loaded_(is_new || (request.flags & O_TRUNC) != 0),
      touched_(loaded_) {}

DraftHandle::~DraftHandle() {
  Release();
}

Status DraftHandle::Load() {
  if (loaded_) return {};
  MENDFS_ASSIGN_OR_RETURN(std::string committed, target_->Committed());
  MENDFS_RETURN_IF_ERROR(target_->Reserve(committed.size()));
  body_ = std::move(committed);
  loaded_ = true;
  return {};
}

Result<size_t> DraftHandle::Read(uint64_t offset, size_t size_bytes, char* target) {
  MutexLock lock(mutex_);
  MENDFS_RETURN_IF_ERROR(Load());
  if (offset >= body_.size()) return size_t{0};
  size_t count = std::min<uint64_t>(size_bytes, body_.size() - offset);
  std::memcpy(target, body_.data() + offset, count);
  return count;
}

// A small body that is complete with this write, be it the whole or the end of an append: a refusal
// here is an error that the shell shows, while it does not look at that of close(2).
Status DraftHandle::CheckNow(uint64_t offset, std::string_view bytes) {
  bool whole = body_.empty() && offset == 0;
  if ((!whole && !append_) || body_.size() + bytes.size() > kCheckedWriteBytesMax) return {};
  std::string body = body_ + std::string(bytes);
  if (target_->ShapeOf(body) != DraftShape::kComplete) return {};
  Status status = target_->Check(body);
  if (status.ok()) return status;
  // Not in the draft, so that a caller who writes something else instead starts clean; kept aside
  // in case nothing else comes: for close and fsync, which fail too, and for .mend/rejected.
  refused_body_ = std::move(body);
  refused_ = status;
  return status;
}

Status DraftHandle::Write(uint64_t offset, std::string_view bytes) {
  MutexLock lock(mutex_);
  MENDFS_RETURN_IF_ERROR(Load());
  if (append_) offset = body_.size();
  uint64_t size_max = target_->size_max();
  if (offset > size_max || bytes.size() > size_max - offset) {
    return Status(Code::kTooBig, "write " + target_->Show() + ": a body is at most " +
                                     std::to_string(size_max) + " bytes");
  }
  MENDFS_RETURN_IF_ERROR(CheckNow(offset, bytes));
  if (offset + bytes.size() > body_.size()) {
    MENDFS_RETURN_IF_ERROR(target_->Reserve(offset + bytes.size()));
    body_.resize(offset + bytes.size());
  }
  std::memcpy(body_.data() + offset, bytes.data(), bytes.size());
  touched_ = written_ = true;
  cut_ = false;
  refused_body_.clear();
  refused_ = {};
  return {};
}

Status DraftHandle::Truncate(uint64_t size_bytes) {
  MutexLock lock(mutex_);
  if (size_bytes > target_->size_max()) {
    return Status(Code::kTooBig, "truncate " + target_->Show() + ": a body is at most " +
                                     std::to_string(target_->size_max()) + " bytes");
  }
  MENDFS_RETURN_IF_ERROR(Load());
  if (size_bytes == body_.size()) return {};
  MENDFS_RETURN_IF_ERROR(target_->Reserve(size_bytes));
  body_.resize(size_bytes);
  touched_ = true;
  written_ = written_ || size_bytes > 0;
  cut_ = true;
  return {};
}

// The body is complete: put it in place.
Status DraftHandle::Commit() {
  MENDFS_RETURN_IF_ERROR(target_->Commit(body_));
  touched_ = cut_ = false;
  committed_ = true;
  return {};
}

// A shell's FLUSH between its open and its first write looks the same as the close of an empty
// file, so that nothing is said of that one before the last close.
Status DraftHandle::FlushEmpty() {
  if (target_->AcceptsEmpty()) return cut_ || target_->IsTouched() ? Commit() : Status();
  return cut_ ? target_->RefuseEmpty() : Status();
}

Status DraftHandle::Flush() {
  MutexLock lock(mutex_);
  // The draft without the refused body is not what its writer means.
  if (!refused_.ok()) return refused_;
  if (touched_ && body_.empty()) return FlushEmpty();
  // Before the first write, and with nothing or half a body: some other close comes later.
  if (!touched_ || !written_) return {};
  if (!cut_ && target_->ShapeOf(body_) != DraftShape::kComplete) return {};
  return Commit();
}

Status DraftHandle::Sync() {
  MutexLock lock(mutex_);
  if (!refused_.ok()) return refused_;
  if (touched_ && body_.empty() && target_->AcceptsEmpty()) return Commit();
  if (!touched_ || !written_) return {};
  if (target_->ShapeOf(body_) != DraftShape::kComplete) {
    return Status(Code::kInvalid, "fsync " + target_->Show() +
                                      ": the body is not complete yet and cannot be made durable");
  }
  return Commit();
}

void DraftHandle::Release() {
  MutexLock lock(mutex_);
  if (std::exchange(released_, true)) return;
  if (!refused_.ok()) {
    Reject(refused_, refused_body_);
  } else if (touched_) {
    Status status;
    if (body_.empty() && !target_->AcceptsEmpty()) {
      status = target_->RefuseEmpty();
    } else {
      status = Commit();
    }
    if (!status.ok()) Reject(status, body_);
  }
  target_->Finished(committed_);
}

void DraftHandle::Reject(const Status& reason, std::string_view body) {
  KeepRefused(context_, caller_,
              {.operation = "close",
               .path = target_->Show(),
               .directory = body.empty() ? "" : target_->RejectedDirectory(),
               .name = body.empty() ? "" : target_->RejectedName(),
               .body = body},
              reason);
}

}  // namespace mendfs
