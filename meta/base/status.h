// Status and Result: how every fallible function in MendFS answers.
//
// A code exists only where some caller acts on it differently; everything a person needs stands in
// the message. A message says what was being done, to what, what was seen, and what happens next.
// errno is read in meta/disk and spoken in fs/kernel, nowhere between.
//
// Threads: values; no sharing.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace mendfs {

// The errno that fs/kernel speaks for each code stands in docs/errors.md.
enum class Code : unsigned char {
  kOk = 0,
  kNotFound,        // no such row, file, ref or column
  kExists,          // key, unique value or name is taken
  kInvalid,         // content or name malformed; a constraint is violated; unknown command
  kNotPermitted,    // this kind of place does not allow it
  kDenied,          // mode bits, ACL or policy say no
  kReadOnly,        // history, read-only mount, fenced store
  kCrossDevice,     // rename or link across planes
  kNotEmpty,        // directory not empty
  kIsDirectory,     // a directory where something else is needed
  kNotDirectory,    // something else where a directory is needed
  kBusy,            // restricted delete, second writer, a run in progress
  kConditionLost,   // a conditional write lost
  kManyLinks,       // cardinality; link count
  kTooBig,          // a body or file is too big
  kNameTooLong,     // a name is too long
  kOverflow,        // cannot be shown whole
  kNoSpace,         // disk full
  kQuota,           // quota reached
  kIo,              // the disk refused: read, write or sync failed
  kCorruption,      // bytes fail their checksum or do not decode
  kRecoveryNeeded,  // blocked by an unresolved recovery
  kStale,           // the object's life has ended
  kUnsupported,     // feature off or absent; a newer format
  kInterrupted,     // the caller gave up
  kInternal,        // our own bug, contained
};

// "not found", "already exists", …: for people and logs.
std::string_view CodeName(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) {}

  static Status Ok() { return {}; }

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }

  // "not found: open row Person/bob: …", or "ok".
  std::string ToString() const;

  // The same code; the message becomes "<context>: <message>".
  Status Annotate(std::string_view context) const;

  // For the rare place where a failure changes nothing that anybody can act on.
  void IgnoreError() const {}

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}         // NOLINT(google-explicit-constructor)
  Result(Status status) : status_(std::move(status)) {  // NOLINT(google-explicit-constructor)
    assert(!status_.ok() && "a Result made of an ok Status has no value");
  }

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }

  T& value() & {
    assert(ok());
    return *value_;
  }
  const T& value() const& {
    assert(ok());
    return *value_;
  }
  // By value: a range-for over `*Call()` must not walk what has gone with the Result.
  T value() && {
    assert(ok());
    return *std::move(value_);
  }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  Status status_;
  std::optional<T> value_;
};

}  // namespace mendfs

// Returns the Status of `expression` to the caller unless it is ok.
#define MENDFS_RETURN_IF_ERROR(expression)           \
  do {                                               \
    ::mendfs::Status mendfs_status_ = (expression);  \
    if (!mendfs_status_.ok()) return mendfs_status_; \
  } while (false)

#define MENDFS_CONCAT_INNER_(a, b) a##b
#define MENDFS_CONCAT_(a, b) MENDFS_CONCAT_INNER_(a, b)
#define MENDFS_ASSIGN_OR_RETURN_(result, target, expression) \
  auto result = (expression);                                \
  if (!result.ok()) return result.status();                  \
  target = std::move(result).value()

// `MENDFS_ASSIGN_OR_RETURN(auto row, ReadRow(key));`: the value, or the Status to the caller.
#define MENDFS_ASSIGN_OR_RETURN(target, expression) \
  MENDFS_ASSIGN_OR_RETURN_(MENDFS_CONCAT_(mendfs_result_, __LINE__), target, expression)
