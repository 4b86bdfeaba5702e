// Room that is set aside for files, by fallocate(2). See files.h.
//
// A hole that is set aside becomes pieces that say so (docs/formats/tree.md). An entry of the
// branch holds the sum over all files, and changes with the change that alters it; the store keeps
// a file of about that size on its disk (meta/disk/promised_space.h). So, where the sum grows: 1
// the file grows, or all is refused · 2 the change; where it becomes less: 1 the file shrinks · 2
// the change. A crash between leaves a file that is too large or too small for the sum; the next
// open makes it fit.
//
// Bytes that are written where room was set aside go on while the disk is full: they ride in the
// journal, which has the room of the reserve, until a fold puts them where the file has made room.
#include <algorithm>
#include <chrono>
#include <thread>

#include "meta/base/log.h"
#include "meta/codec/bytes.h"
#include "meta/files_core.h"
#include "meta/manifest/keys.h"

namespace mendfs {
namespace {

// Longer writes are not made by a kernel; they do not go on while the disk is full.
constexpr size_t kWrittenBytesMax = 1 << 20;
// The journal's own room comes back by reclaiming, which rests between its rounds.
constexpr int kFullAttemptsMax = 50;
constexpr auto kBetweenAttempts = std::chrono::milliseconds(20);
constexpr uint8_t kSumVersion = 1;

// Beside the records of quotas, under a name that no xattr can have.
std::string SumKey() {
  return XattrKey(kFilesRoot, "mend.set-aside");
}

Result<uint64_t> ReadSum(const Reader& reader, const View& view) {
  const auto entry = reader.Get(view, SumKey());
  if (entry.status().code() == Code::kNotFound) return uint64_t{0};
  MENDFS_RETURN_IF_ERROR(entry.status());
  ByteReader in(entry->value);
  const uint8_t version = in.GetU8();
  const uint64_t sum = in.GetVarint();
  if (version == kSumVersion && in.AtEnd()) return sum;
  return Status(version > kSumVersion ? Code::kUnsupported : Code::kCorruption,
                "decode what is set aside for files: version " + std::to_string(version));
}

std::string EncodeSum(uint64_t sum) {
  std::string out;
  PutU8(out, kSumVersion);
  PutVarint(out, sum);
  return out;
}

}  // namespace

Result<uint64_t> FileWriter::Core::MoveSetAside(TreePlan& plan, int64_t delta) {
  MENDFS_ASSIGN_OR_RETURN(const uint64_t before, ReadSum(plan.reader(), plan.view()));
  const uint64_t less = delta < 0 ? 0 - static_cast<uint64_t>(delta) : 0;
  const uint64_t now =
      delta < 0 ? before - std::min(before, less) : before + static_cast<uint64_t>(delta);
  const Status kept = door.SetAside(now);
  // What becomes less may go on with a file that is too large.
  if (delta > 0) MENDFS_RETURN_IF_ERROR(kept);
  if (now == 0) {
    plan.change().Clear(SumKey());
  } else {
    plan.change().Put(SumKey(), EncodeSum(now));
  }
  return before;
}

void FileWriter::Core::RestoreSetAside() {
  const MutexLock lock(quota_mutex);
  const auto sum = ReadSum(door.reader(), View{branch, kHeadSeq});
  const Status kept = sum.ok() ? door.SetAside(*sum) : sum.status();
  if (kept.ok()) return;
  LogLine(LogLevel::kWarning, "tree",
          "what fallocate has set aside is not there: " + kept.ToString());
}

// So that a refusal comes before anything of it is done, also where several changes follow.
Status FileWriter::Core::CheckRoomFor(const Attributes& inode, uint64_t size_bytes) {
  const View head{branch, kHeadSeq};
  const MutexLock lock(quota_mutex);
  Attributes larger = inode;
  larger.set_aside_bytes += size_bytes;
  SetStoredBytes(larger, StoredBytes(inode) + size_bytes);
  Change unused;
  const auto more = static_cast<int64_t>(TakenBytes(larger) - TakenBytes(inode));
  MENDFS_RETURN_IF_ERROR(
      ChargeQuotas(door.reader(), head, {{inode.quota, more}}, QuotaLimit::kKept, unused));
  MENDFS_ASSIGN_OR_RETURN(const uint64_t sum, ReadSum(door.reader(), head));
  return door.SetAside(sum + size_bytes);
}

// The caller holds the inode's lock, has checked the range, and cleared what was behind the end.
Result<Attributes> FileWriter::Core::SetAside(InodeNumber inode, const SpaceChange& change) {
  BodyRange rest{.offset = change.offset, .size_bytes = change.size_bytes};
  const uint64_t end = change.offset + change.size_bytes;
  for (bool first = true;; first = false) {
    TreePlan plan = Plan();
    MENDFS_ASSIGN_OR_RETURN(Attributes * attributes, plan.Use(inode));
    const BodySource source = Source(plan, inode);
    if (first) {
      MENDFS_ASSIGN_OR_RETURN(const uint64_t holes, CountHoles(source, rest));
      if (holes > 0) MENDFS_RETURN_IF_ERROR(CheckRoomFor(*attributes, holes));
    }
    MENDFS_ASSIGN_OR_RETURN(const uint64_t added, PlanSetAside(source, rest, plan.change()));
    if (added > 0) {
      TreePlan::CountBody(*attributes, {static_cast<int64_t>(added), static_cast<int64_t>(added)});
      attributes->set_aside_end = std::max(attributes->set_aside_end, rest.offset);
    }
    const bool last = rest.size_bytes == 0;
    const bool grows = last && !change.keep_size && end > attributes->size_bytes;
    if (grows) attributes->mtime_ns = plan.now_ns();
    Grow(*attributes, grows ? end : 0);
    attributes->ctime_ns = plan.now_ns();
    MENDFS_RETURN_IF_ERROR(Commit(plan));
    if (last) return *attributes;
  }
}

Result<Attributes> FileWriter::Core::WriteSetAside(InodeNumber inode,
                                                   std::optional<uint64_t> offset,
                                                   std::string_view bytes) {
  for (int attempt = 1;; ++attempt) {
    auto written = Write(inode, offset, bytes, true);
    if (!MetNoSpace(written) || attempt == kFullAttemptsMax) return written;
    const View head{branch, kHeadSeq};
    MENDFS_ASSIGN_OR_RETURN(const Attributes now, ReadInode(door.reader(), head, inode));
    const BodySource source{door.reader(), door.bodies(), head, inode};
    const BodyRange range{.offset = offset.value_or(now.size_bytes), .size_bytes = bytes.size()};
    MENDFS_ASSIGN_OR_RETURN(const bool set_aside, IsSetAside(source, range));
    if (!set_aside) return written;
    if (door.AwaitRoom(true).ok()) continue;
    std::this_thread::sleep_for(kBetweenAttempts);
  }
}

Result<Attributes> FileWriter::Core::WriteWithRoom(InodeNumber inode,
                                                   std::optional<uint64_t> offset,
                                                   std::string_view bytes) {
  const auto write = [&] { return Write(inode, offset, bytes); };
  const auto has_set_aside = [&] {
    const auto now = ReadInode(door.reader(), View{branch, kHeadSeq}, inode);
    return now.ok() && now->set_aside_bytes > 0 && bytes.size() <= kWrittenBytesMax;
  };
  const bool tight = door.IsTight();
  if (!tight || !has_set_aside()) {
    auto written = AddWithRoom(door, write);
    if (tight || !MetNoSpace(written) || !has_set_aside()) return written;
  }
  auto written = WriteSetAside(inode, offset, bytes);
  return MetNoSpace(written) && tight ? AddWithRoom(door, write) : written;
}

}  // namespace mendfs
