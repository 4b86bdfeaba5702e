#include "fs/ops/tables/append_handle.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "fs/ops/plane/rejected.h"

namespace mendfs {
namespace {

constexpr size_t kReasonsInSentence = 5;

}  // namespace

Result<size_t> AppendHandle::Read(uint64_t, size_t, char*) {
  return Status(Code::kNotPermitted, Show() + " is open for appending");
}

Status AppendHandle::Truncate(uint64_t) {
  return {Code::kNotPermitted, Show() + ": what is appended cannot be cut"};
}

LoadOptions AppendHandle::Options(bool check_only) const {
  LoadOptions options;
  options.mode = LoadMode::kMerge;
  options.branch = context_.branch;
  options.format = target_.format;
  options.check_only = check_only;
  options.type = target_.type;
  options.named_lines = true;
  options.note.actor = "uid:" + std::to_string(caller_.uid);
  options.note.message = "append to tables/" + target_.name;
  options.memory_bytes = kAppendMemoryBytes;
  return options;
}

// The kernel names threads. A thread that ended cannot be told from a stranger: then the last close
// decides.
bool AppendHandle::IsOpener(const Caller& caller) const {
  if (caller.pid == caller_.pid) return true;
  std::error_code unknown;
  return std::filesystem::exists(
      "/proc/" + std::to_string(caller.pid) + "/task/" + std::to_string(caller_.pid), unknown);
}

Status AppendHandle::Write(uint64_t, std::string_view bytes) {
  MutexLock lock(mutex_);
  if (refused_.ok() && !bytes.empty()) {
    const Status status = Take(bytes);
    if (!status.ok() && refused_.ok()) return Refuse(status, {});
  }
  return refused_;
}

Status AppendHandle::Take(std::string_view bytes) {
  const bool first = text_.is_untouched();
  const std::string header(text_.header());  // of an earlier batch
  text_.Take(bytes);
  if (text_.has_long_header()) {
    return {Code::kInvalid, Show() + ": the header of a CSV table is at most " +
                                std::to_string(AppendedText::kProbedBytesMax) + " bytes"};
  }
  const bool small = first && bytes.size() <= kCheckedAppendBytesMax && text_.IsWhole();
  if (small && text_.has_rows()) MENDFS_RETURN_IF_ERROR(Check(bytes));
  if (!loader_) {
    MENDFS_ASSIGN_OR_RETURN(loader_, Loader::Begin(context_.store, Options(false)));
    if (lines_published_ > 0 && !header.empty()) {
      MENDFS_RETURN_IF_ERROR(loader_->Add(target_.name, header));
    }
  }
  return loader_->Add(target_.name, bytes);
}

Status AppendHandle::Check(std::string_view bytes) {
  MENDFS_ASSIGN_OR_RETURN(const auto loader, Loader::Begin(context_.store, Options(true)));
  MENDFS_RETURN_IF_ERROR(loader->Add(target_.name, bytes));
  LoadSummary summary;
  const Status status = loader->Finish({}, summary);
  return status.ok() ? status : Refuse(status, summary);
}

Status AppendHandle::Publish() {
  LoadSummary summary;
  const Status status = loader_->Finish({}, summary);
  if (!status.ok()) return Refuse(status, summary);
  loader_.reset();
  lines_published_ += text_.lines();
  text_.BeginBatch();
  return {};
}

Status AppendHandle::Refuse(const Status& status, const LoadSummary& summary) {
  loader_.reset();
  refused_ = status;
  if (summary.errors.empty()) return refused_;
  // Lines are counted from the open; a later batch begins with the header again.
  const auto header_lines =
      static_cast<uint64_t>(std::count(text_.header().begin(), text_.header().end(), '\n'));
  const uint64_t before = lines_published_ > header_lines ? lines_published_ - header_lines : 0;
  std::string sentence = Show() + ": " + std::to_string(summary.refused) +
                         (summary.refused == 1 ? " line was" : " lines were") +
                         " refused, so nothing of what was appended was taken; mend it and append "
                         "it again";
  size_t told = 0;
  for (const LoadError& error : summary.errors) {
    std::string reason;
    if (error.line > 0) reason = "line " + std::to_string(error.line + before);
    if (error.column > 0) reason += ", column " + std::to_string(error.column);
    reason += (reason.empty() ? "" : ": ") + error.status.message();
    reasons_ += reason + "\n";
    if (told++ < kReasonsInSentence) sentence += "; " + reason;
  }
  if (summary.refused > summary.errors.size()) {
    reasons_ += "and " + std::to_string(summary.refused - summary.errors.size()) + " more lines\n";
  }
  refused_ = Status(status.code(), std::move(sentence));
  return refused_;
}

Status AppendHandle::FlushBy(const Caller& caller) {
  MutexLock lock(mutex_);
  if (!refused_.ok() || !loader_) return refused_;
  if (!text_.has_rows() || !text_.IsWhole() || !IsOpener(caller)) return {};
  return Publish();
}

Status AppendHandle::Sync() {
  MutexLock lock(mutex_);
  if (!refused_.ok() || !loader_ || !text_.has_rows()) return refused_;
  if (!text_.IsWhole()) {
    return {Code::kInvalid,
            "fsync " + Show() + ": the last line is not whole yet and cannot be made durable"};
  }
  return Publish();
}

void AppendHandle::Release() {
  MutexLock lock(mutex_);
  if (std::exchange(released_, true)) return;
  if (refused_.ok() && loader_ && text_.has_rows()) {
    if (target_.format == TableFormat::kCsv && !text_.IsWhole()) {
      Refuse(
          {Code::kInvalid,
           "close " + Show() +
               ": the last record has no line end, and may be half of one; "
               "nothing of what was appended was taken; end it with a newline and append it again"},
          {})
          .IgnoreError();
    } else {
      Publish().IgnoreError();
    }
  }
  loader_.reset();
  if (!refused_.ok()) Reject();
}

void AppendHandle::Reject() {
  std::string kept_at;
  // What waits for a recovery is not refused.
  if (text_.bytes() > 0 && refused_.code() != Code::kRecoveryNeeded) {
    std::string reason = reasons_.empty() ? refused_.message() : reasons_;
    if (text_.bytes() > text_.kept().size()) {
      reason += "\nOf " + std::to_string(text_.bytes()) + " bytes that were appended the first " +
                std::to_string(text_.kept().size()) + " are kept.";
    }
    const Result<std::string> kept = context_.rejected.Add({.directory = target_.type,
                                                            .name = target_.name,
                                                            .body = text_.kept(),
                                                            .reason = reason,
                                                            .uid = caller_.uid,
                                                            .gid = caller_.gid});
    kept_at = kept.ok() ? *kept : "lost: " + kept.status().message();
  }
  NoteRefusal(context_, caller_, "close", Show(), refused_, kept_at);
}

}  // namespace mendfs
