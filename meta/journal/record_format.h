// The bytes of a journal segment: a file header, then records, back to back.
//
// Every checksum is salted with random bytes from the file header, so that bytes which a user
// stores in a file can never pass for a record when a damaged journal is searched.
//
// Source:   docs/formats/journal.md
// Threads:  pure functions
// Errors:   kUnsupported for a newer version, kCorruption for anything else that does not verify
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/codec/hash.h"

namespace mendfs {

inline constexpr uint32_t kJournalVersion = 1;
inline constexpr size_t kJournalHeaderBytes = 64;
inline constexpr size_t kRecordHeaderBytes = 56;
// A row body is at most 16 MiB and a file write at most 1 MiB; the rest is keys.
inline constexpr uint32_t kRecordPayloadBytesMax = 64u << 20;

struct JournalHeader {
  Id128 store;
  Seq first;  // of the first change or commit in this segment
  uint64_t salt = 0;
};

// Written values are never renumbered.
enum class RecordKind : uint8_t {
  kChange = 1,    // entries set and cleared
  kCommit = 2,    // the same, and they close a commit
  kSyncMark = 3,  // everything up to `seq` was durable before this mark was written
};

struct RecordHeader {
  RecordKind kind = RecordKind::kChange;
  BranchId branch;
  Seq seq;
  int64_t time_ns = 0;
  uint32_t payload_bytes = 0;
  Hash128 payload_hash;
};

std::string EncodeJournalHeader(const JournalHeader& header);
Result<JournalHeader> DecodeJournalHeader(std::string_view bytes);

std::string EncodeRecordHeader(const RecordHeader& header, uint64_t salt);
// Verifies the header itself; the payload's hash is the caller's to compare.
Result<RecordHeader> DecodeRecordHeader(std::string_view bytes, uint64_t salt);

}  // namespace mendfs
