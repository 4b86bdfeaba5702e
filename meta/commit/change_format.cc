#include "meta/commit/change_format.h"

#include "meta/codec/bytes.h"

namespace mendfs {
namespace {

constexpr uint8_t kVersion = 1;
constexpr uint8_t kGlobal = 1;
constexpr uint8_t kWhiteout = 2;
constexpr uint8_t kFresh = 4;

uint8_t FlagsOf(const ChangeEntry& entry) {
  return static_cast<uint8_t>((entry.scope == EntryScope::kGlobal ? kGlobal : 0) |
                              (entry.whiteout ? kWhiteout : 0) | (entry.fresh ? kFresh : 0));
}

}  // namespace

std::string EncodeChange(const Change& change) {
  size_t size = 11;
  for (const ChangeEntry& entry : change.entries) size += entry.key.size() + entry.value.size() + 9;
  std::string out;
  out.reserve(size);
  PutU8(out, kVersion);
  PutVarint(out, change.entries.size());
  for (const ChangeEntry& entry : change.entries) {
    PutU8(out, FlagsOf(entry));
    PutBytes(out, entry.key);
    if (!entry.whiteout) PutBytes(out, entry.value);
  }
  return out;
}

Result<Change> DecodeChange(BranchId branch, std::string_view payload) {
  ByteReader in(payload);
  Change change;
  change.branch = branch;
  const uint8_t version = in.GetU8();
  const uint64_t count = in.GetVarint();
  bool valid = version == kVersion && count <= payload.size();
  for (uint64_t i = 0; valid && i < count; ++i) {
    const uint8_t flags = in.GetU8();
    ChangeEntry entry;
    entry.scope = (flags & kGlobal) != 0 ? EntryScope::kGlobal : EntryScope::kBranch;
    entry.whiteout = (flags & kWhiteout) != 0;
    entry.fresh = (flags & kFresh) != 0;
    entry.key = in.GetBytes();
    if (!entry.whiteout) entry.value = in.GetBytes();
    valid = in.ok() && flags <= (kGlobal | kWhiteout | kFresh) && !entry.key.empty();
    change.entries.push_back(std::move(entry));
  }
  if (!valid || !in.AtEnd()) return Status(Code::kCorruption, "a change does not decode");
  return change;
}

}  // namespace mendfs
