#include "meta/commit/space_guard.h"

#include <algorithm>
#include <chrono>

#include "meta/base/log.h"

namespace mendfs {
namespace {

// Parts of the reserve. Free beside it: below `kLow` tight begins, so that the reserve is seldom
// met by surprise; it ends where the reserve and `kSlack` have room, which is more.
constexpr uint64_t kLowPart = 8;
constexpr uint64_t kSlackPart = 4;
// What neither adds nor frees stops here, and leaves the rest to what frees.
constexpr uint64_t kKeepsPart = 2;
// The disk is looked at when this part of `kLow` has been added.
constexpr uint64_t kLookPart = 4;
// A buffer may be filled to four times its size before it is written.
constexpr uint64_t kBufferPart = 4;
constexpr uint64_t kBufferBytesMin = 1 << 20;
// More than that is no small change, whatever it says.
constexpr uint64_t kKeepsBytesMax = 64 << 10;
// The disk may have room for a retry though it was full a moment ago.
constexpr uint64_t kRetryBytes = 256 << 10;
// Tight again so soon after it had ended, it ends later.
constexpr int64_t kSoonMs = 5'000;
// A reclaim that gained less gained nothing; after such ones the rest doubles.
constexpr uint64_t kGainBytesMin = 256 << 10;
constexpr int64_t kIdleRestMs = 250;
constexpr unsigned kIdleDoublingsMax = 5;
// A segment of the journal is at most this part of the reserve, and smaller ones while tight.
constexpr uint64_t kSegmentPart = 2;
constexpr uint64_t kTightSegmentPart = 8;
constexpr uint64_t kSegmentBytesMin = 1 << 20;
// When nothing was freed that is known of, reclaiming is tried again after this time.
constexpr int64_t kReclaimAgainMs = 60'000;

int64_t NowMs() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string Mebibytes(uint64_t size_bytes) {
  const uint64_t tenths = (size_bytes * 10) >> 20;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " MiB";
}

}  // namespace

bool IsFull(const Status& status) {
  return status.code() == Code::kNoSpace || status.code() == Code::kQuota;
}

SpaceGuard::SpaceGuard(Disk& disk, const std::string& store_path)
    : disk_(disk), path_(store_path), reserve_(disk, store_path), set_aside_(disk, store_path) {}

uint64_t SpaceGuard::BufferBytes(uint64_t wanted_bytes) const {
  const uint64_t reserve = reserve_bytes();
  if (reserve == 0) return wanted_bytes;
  return std::min(wanted_bytes, std::max(reserve / kBufferPart, kBufferBytesMin));
}

uint64_t SpaceGuard::SegmentBytes(uint64_t wanted_bytes) const {
  const uint64_t reserve = reserve_bytes();
  if (reserve == 0) return wanted_bytes;
  const uint64_t part = reserve / (tight() ? kTightSegmentPart : kSegmentPart);
  return std::min(wanted_bytes, std::max(part, kSegmentBytesMin));
}

// ------------------------------------------------------------------------------- tight and ample
void SpaceGuard::Begin() {
  MutexLock lock(mutex_);
  const auto space = disk_.Space(path_);
  if (!space.ok()) return GoWithout(space.status());
  const uint64_t reserve = ReserveBytes(space->total_bytes);
  reserve_bytes_.store(reserve);
  const uint64_t low = reserve / kLowPart;
  const uint64_t wanted = reserve_.IsThere() ? low : reserve + low;
  if (space->available_bytes < wanted) {
    return BecomeTight(Mebibytes(space->available_bytes) + " are free");
  }
  const Status taken = reserve_.Take(reserve);
  if (IsFull(taken)) return BecomeTight(taken.ToString());
  if (!taken.ok()) GoWithout(taken);
}

void SpaceGuard::GoWithout(const Status& why) {
  reserve_bytes_.store(0);
  LogLine(LogLevel::kWarning, "space",
          "no reserve is kept: " + why.ToString() + "; a full disk is met unprepared");
}

void SpaceGuard::BecomeTight(const std::string& why) {
  const Status given = reserve_.GiveUp();
  if (!given.ok()) {
    LogLine(LogLevel::kError, "space", "the reserve stays: " + given.ToString());
  }
  const uint64_t reserve = reserve_bytes();
  const bool soon = ample_since_ms_ && NowMs() - *ample_since_ms_ < kSoonMs;
  if (!tight()) {
    slack_bytes_.store(soon ? std::min(2 * slack_bytes_.load(), reserve) : reserve / kSlackPart);
  }
  if (tight_.exchange(true, std::memory_order_acq_rel)) return;
  reclaim_.began_ms = reclaim_.ended_ms = 0;
  reclaim_.idle_rounds = 0;
  freed_.store(true);  // what was freed before counts
  LogLine(LogLevel::kWarning, "space",
          "the disk is full (" + why + "): the reserve is given up, new data is refused",
          {{"store", path_}});
}

void SpaceGuard::BecomeAmple(uint64_t available_bytes) {
  const uint64_t reserve = reserve_bytes();
  const Status taken = reserve_.Take(reserve);
  if (IsFull(taken)) return;  // others were faster
  if (!taken.ok()) GoWithout(taken);
  ample_since_ms_ = NowMs();
  tight_.store(false, std::memory_order_release);
  LogLine(LogLevel::kInfo, "space", "the disk has room again, the reserve is there",
          {{"store", path_}, {"free", Mebibytes(available_bytes - reserve)}});
}

void SpaceGuard::Look() {
  MutexLock lock(mutex_);
  LookLocked();
}

void SpaceGuard::LookLocked() {
  const auto space = disk_.Space(path_);
  if (!space.ok() || reserve_bytes() == 0) return;
  const uint64_t available = space->available_bytes;
  if (!tight()) {
    if (available < reserve_bytes() / kLowPart) BecomeTight(Mebibytes(available) + " are free");
    return;
  }
  // The disk may have another size by now.
  const uint64_t reserve = ReserveBytes(space->total_bytes);
  reserve_bytes_.store(reserve);
  if (available >= reserve + slack_bytes_.load()) BecomeAmple(available);
}

bool SpaceGuard::MetNoSpace(const Status& seen) {
  MutexLock lock(mutex_);
  if (reserve_bytes() == 0) return false;
  if (!tight()) {
    BecomeTight(seen.ToString());
    return true;
  }
  const auto space = disk_.Space(path_);
  return space.ok() && space->available_bytes >= kRetryBytes;
}

// -------------------------------------------------------------------------------------- admission
Status SpaceGuard::Refusal() const {
  return {Code::kNoSpace, sentence()};
}

Status SpaceGuard::Admit(Room room, uint64_t size_bytes) {
  if (room == Room::kFrees) {
    freed_.store(true, std::memory_order_relaxed);
    return Status::Ok();
  }
  if (!tight()) {
    const uint64_t look_bytes = reserve_bytes() / kLowPart / kLookPart;
    const uint64_t added = unlooked_bytes_.fetch_add(size_bytes) + size_bytes;
    if (look_bytes == 0 || added < look_bytes) return Status::Ok();
    unlooked_bytes_.store(0);
    Look();
    if (!tight()) return Status::Ok();
  }
  if (room == Room::kAdds || size_bytes > kKeepsBytesMax) return Refusal();
  const auto space = disk_.Space(path_);
  if (!space.ok() || space->available_bytes < reserve_bytes() / kKeepsPart) return Refusal();
  return Status::Ok();
}

// Never of what tight begins at: the change that it is for has still to be written.
Status SpaceGuard::SetAside(uint64_t promised_bytes) {
  MutexLock lock(mutex_);
  MENDFS_ASSIGN_OR_RETURN(const uint64_t before, set_aside_.Size());
  const uint64_t wanted = PromisedSpace::FileBytes(promised_bytes);
  if (wanted > before) {
    if (tight()) return Refusal();
    const auto space = disk_.Space(path_);
    const uint64_t kept = reserve_bytes() / kLowPart;
    if (space.ok() &&
        (space->available_bytes < kept || space->available_bytes - kept < wanted - before)) {
      return {Code::kNoSpace, "set aside " + Mebibytes(wanted - before) + " on the disk of " +
                                  path_ + ": " + Mebibytes(space->available_bytes) +
                                  " are free; remove files, or make the disk larger"};
    }
  }
  return set_aside_.Resize(wanted);
}

// ------------------------------------------------------------------------------------- reclaiming
bool SpaceGuard::MayReclaim() const {
  if (!tight() || reclaim_.running) return false;
  if (reclaim_.ended_ms == 0) return true;
  const int64_t rested_ms = NowMs() - reclaim_.ended_ms;
  // What the last one did itself counts as freed too.
  const unsigned doublings = std::min(reclaim_.idle_rounds, kIdleDoublingsMax);
  const int64_t idle_ms = doublings == 0 ? 0 : kIdleRestMs << doublings;
  if (freed_.load()) {
    return rested_ms >= std::max(reclaim_.ended_ms - reclaim_.began_ms, idle_ms);
  }
  return rested_ms >= kReclaimAgainMs;
}

uint64_t SpaceGuard::FreeBytes() const {
  const auto space = disk_.Space(path_);
  return space.ok() ? space->available_bytes : 0;
}

bool SpaceGuard::BeginReclaim() {
  MutexLock lock(mutex_);
  if (!MayReclaim()) return false;
  reclaim_.running = true;
  reclaim_.began_ms = NowMs();
  reclaim_.began_free_bytes = FreeBytes();
  freed_.store(false);
  return true;
}

void SpaceGuard::EndReclaim() {
  MutexLock lock(mutex_);
  reclaim_.running = false;
  reclaim_.ended_ms = std::max<int64_t>(NowMs(), 1);
  const bool gained = FreeBytes() >= reclaim_.began_free_bytes + kGainBytesMin;
  reclaim_.idle_rounds = gained ? 0 : reclaim_.idle_rounds + 1;
  LookLocked();
  ++reclaim_.rounds;
  reclaimed_.NotifyAll();
}

Status SpaceGuard::AwaitReclaim(const std::function<void()>& start) {
  if (!tight()) return Status::Ok();
  uint64_t rounds = 0;
  {
    MutexLock lock(mutex_);
    LookLocked();
    if (!tight()) return Status::Ok();
    if (!reclaim_.running && !MayReclaim()) return Refusal();
    if (reclaim_.waiters >= kReclaimWaitersMax) return Refusal();
    ++reclaim_.waiters;
    rounds = reclaim_.rounds;
  }
  start();
  const int64_t last_ms = NowMs() + kReclaimWaitMs;
  MutexLock lock(mutex_);
  while (tight() && reclaim_.rounds == rounds) {
    const int64_t left_ms = last_ms - NowMs();
    if (left_ms <= 0) break;
    reclaimed_.WaitFor(mutex_, static_cast<unsigned>(left_ms));
  }
  --reclaim_.waiters;
  return tight() ? Refusal() : Status::Ok();
}

// --------------------------------------------------------------------------------------- telling
// While tight what could be given back was.
SpaceInfo SpaceGuard::Spendable(SpaceInfo space, uint64_t on_demand_bytes) const {
  const uint64_t reserve = reserve_bytes();
  if (!tight()) {
    const uint64_t more = std::min(
        on_demand_bytes, space.total_bytes - std::min(space.total_bytes, space.free_bytes));
    space.free_bytes += more;
    space.available_bytes += more;
  }
  const uint64_t held = tight() ? reserve + slack_bytes_.load() : reserve / kLowPart;
  space.free_bytes -= std::min(space.free_bytes, held);
  space.available_bytes -= std::min(space.available_bytes, held);
  return space;
}

std::string SpaceGuard::sentence() const {
  if (!tight()) return "";
  const uint64_t reserve = reserve_bytes();
  return "the disk of " + path_ +
         " is full: reading and deleting work, new data is refused until " +
         Mebibytes(reserve + slack_bytes_.load()) +
         " are free on it; remove files, or make the disk larger";
}

// ----------------------------------------------------------------------------------------- bodies
Result<RunRef> GuardedBodies::Append(const RunOwner& owner, std::string_view bytes) {
  MENDFS_RETURN_IF_ERROR(guard_.Admit(Room::kAdds, bytes.size()));
  auto run = bodies_.Append(owner, bytes);
  if (!run.ok() && IsFull(run.status())) guard_.MetNoSpace(run.status());
  return run;
}

Result<std::optional<RunRef>> GuardedBodies::AppendToBlob(InodeNumber inode, uint64_t offset,
                                                          std::string_view bytes) {
  MENDFS_RETURN_IF_ERROR(guard_.Admit(Room::kAdds, bytes.size()));
  auto run = bodies_.AppendToBlob(inode, offset, bytes);
  if (!run.ok() && IsFull(run.status())) guard_.MetNoSpace(run.status());
  return run;
}

}  // namespace mendfs
