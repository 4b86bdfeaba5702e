// A store: opened once, by one process for writing; the values that status and log show.
//
//   Store::Create            mkfs
//   Store::Open              identity → lock → manifest → replay of the journal
//   store->door()            all change (through FileWriter, TableWriter, Loader)
//   store->reader()          all reading
//   Flush / CloseCommit      durable / a named state
//
// Lifetime: everything obtained from a Store ends before it. Destroying one closes it: a commit
// when
//           something changed, then a checkpoint; a failure there is logged, the journal has it
//           all.
// Threads:  safe from any thread
// Errors:   kNotFound (no store there), kUnsupported (newer format), kBusy (names the holder's pid
// and
//           host), kCorruption, kReadOnly, kNoSpace, kIo
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/codec/hash.h"
#include "meta/commit/door.h"
#include "meta/disk/disk.h"
#include "meta/manifest/reader.h"
#include "meta/store_space.h"

namespace mendfs {

inline constexpr uint32_t kStoreFormatVersion = 1;

struct CreateOptions {
  uint32_t owner_uid = 0;  // owns files/ and the tables' rows
  uint32_t owner_gid = 0;
  std::string schema_text;  // empty: no types yet
};

enum class OpenAccess {
  kReadWrite,
  kReadOnly,  // writes nothing at all; no lock; LevelDB on a memory overlay
};

struct OpenOptions {
  OpenAccess access = OpenAccess::kReadWrite;
  unsigned commit_interval_ms = 1000;    // 0: no background thread, the caller closes commits
  uint64_t working_set_bytes = 8 << 20;  // folded at this size
  uint64_t cache_bytes = 256 << 20;      // a quarter for the manifest, the rest for bodies
  uint64_t journal_segment_bytes = 64 << 20;
  uint64_t pack_bytes = 64 << 20;
  uint64_t blob_begin_bytes = 1 << 20;  // a file that grows by as much gets a blob
  SpaceOptions space;
  std::string actor = "mount";  // of the commits that the background thread closes
  // Read-only: where the newest state does not verify, the newest that does is opened, and
  // Describe says so (Health::kReadOnly); kCorruption where none does.
  bool last_good = false;
  std::string refusal;  // why the store was not opened for writing: what Describe then says
  // The first damage that a read meets ends all writing, until the store is opened again.
  bool damage_stops_writes = false;
};

struct StoreIdentity {
  std::string uuid;  // 32 hex digits
  uint32_t format_version = kStoreFormatVersion;
  int64_t created_ns = 0;
  uint32_t owner_uid = 0;
  uint32_t owner_gid = 0;
};

// Who makes a commit and why.
enum class Origin : unsigned char {
  kUser = 0,
  kReconcile = 1,
  kRetention = 2,
  kTtl = 3,
  kReplica = 4
};

struct CommitNote {
  std::string actor;    // "uid:1000", a name, …
  std::string message;  // one line; may be empty
  Origin origin = Origin::kUser;
  int64_t time_ns = 0;  // of a commit that is closed later than it was made; 0: now
};

struct ContentCounts {
  uint64_t files = 0;  // inodes of any kind below files/
  uint64_t nodes = 0;
  uint64_t edges = 0;
};

struct CommitRow {
  CommitId id;
  std::vector<CommitId> parents;
  Seq parent_seq;  // of the first parent; 0: none
  Hash128 content_root;
  Seq seq;  // the last change it holds
  CommitNote note;
  int64_t time_ns = 0;
  ContentCounts counts;          // totals as of this commit
  uint64_t changed_entries = 0;  // since the parent
  uint64_t changed_total = 0;    // since the store was made
};

enum class ThinHow {
  kByPolicy,  // as config.toml says
  kPressing,  // all that is not pinned, but the newest commit of each branch: the disk is full
};

// What thinning knows; the times say as of when.
struct HistoryStatus {
  int64_t judged_ns = 0;  // 0: never, and then the next three say nothing
  uint64_t commits = 0;   // that are kept
  Seq oldest;             // of these
  int64_t oldest_ns = 0;
  int64_t looked_ns = 0;  // 0: never, and then the next two say nothing
  uint64_t values = 0;    // earlier values, and what they take in the manifest
  uint64_t value_bytes = 0;
  uint64_t owed = 0;     // commits that are gone and whose values have not been looked for yet
  uint64_t dropped = 0;  // commits taken away since the store was made
};

enum class Health { kOk, kDegraded, kRepairing, kReadOnly, kFailed };
std::string_view HealthName(Health health);

struct StoreStatus {
  StoreIdentity identity;
  Health health = Health::kOk;
  std::string reason;  // why health is not ok
  Seq last_seq;
  Seq durable_seq;  // acknowledged as durable
  Seq folded_seq;   // in LevelDB
  std::optional<CommitRow> head;
  ContentCounts counts;
  Seq counts_as_of;  // less than last_seq: later changes are not counted yet
  uint64_t working_set_bytes = 0;
  uint64_t journal_bytes = 0;
  uint64_t segments = 0;
  uint64_t replayed_records = 0;  // at open
  std::string journal_damage;     // met at open, in records that are not needed; empty: none
  HistoryStatus history;
  uint64_t snapshots = 0;        // named commits, which no thinning takes
  std::string snapshots_reason;  // why history is not thinned at all; empty: all is well
  uint64_t sidecars_live = 0;    // of multi-step writes that run
  uint64_t sidecars_left = 0;    // of such that failed or died
  std::string sidecars_reason;   // why something is left, or is not known; empty: all is well
  SpaceInfo space;
  PackSpace packs;
};

// A moment that stays readable for as long as this lives. Not what people call a snapshot, which is
// a commit with a name: meta/snapshots.h.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
  virtual View view() const = 0;
};

class Intents;
class CommitPins;

class Store {
 public:
  virtual ~Store() = default;

  // `path` must not exist or be an empty directory.
  static Status Create(Disk& disk, const std::string& path, const CreateOptions& options);
  static Result<std::unique_ptr<Store>> Open(Disk& disk, const std::string& path,
                                             const OpenOptions& options);
  // For writing; but a store that is damaged so that it cannot be, read-only at the newest state
  // that verifies, and Describe says so. `before_reading` takes the caller's lock, which no open
  // for reading takes by itself. Refused where no state verifies, and for all that is no damage.
  static Result<std::unique_ptr<Store>> OpenWhatVerifies(
      Disk& disk, const std::string& path, OpenOptions options,
      const std::function<Status()>& before_reading);

  virtual Door& door() = 0;
  virtual const Reader& reader() const = 0;
  // The newest applied state of the branch, or that of a commit, kept readable. kStale where no
  // commit is kept.
  virtual Result<std::unique_ptr<Snapshot>> Pin(BranchId branch, Seq seq = kHeadSeq) = 0;

  // Everything acknowledged before the call is durable when this returns ok; one flush is shared by
  // all that wait. A failed flush fences the store: it is read-only until it is opened again.
  virtual Status Flush() = 0;
  // Names the present state. Nothing when nothing changed since the last commit.
  virtual Result<std::optional<CommitRow>> CloseCommit(BranchId branch, const CommitNote& note) = 0;
  // Applies `change` and closes a commit for it; what was changed before gets a commit of its own.
  // On error nothing of it was applied. Nothing when it was applied and its commit could not be
  // closed yet: the next one holds it.
  virtual Result<std::optional<CommitRow>> Publish(const Change& change,
                                                   const CommitNote& note) = 0;
  // Those that are kept, newest first, at most `limit`, starting below `before` (kHeadSeq: from the
  // newest). A parent may be one that is not kept any more.
  virtual Result<std::vector<CommitRow>> Log(BranchId branch, Seq before, size_t limit) const = 0;

  // Takes away commits that are not to be kept, then the values that only they see. Runs by itself
  // in the background. An error leaves values that the next run takes away. Takes the fold's lock.
  virtual Status Thin(ThinHow how) = 0;
  // Gives space back now; one cycle at a time. The caller holds no lock: it waits for operations.
  virtual Result<Reclaimed> Reclaim(ReclaimHow how) = 0;

  virtual StoreStatus Describe() const = 0;
  // Changes whenever anything was applied; cheap.
  virtual Seq LastSeq() const = 0;
  virtual Disk& disk() const = 0;
  virtual const std::string& path() const = 0;
  // The multi-step writes that have a sidecar on disk: meta/commit/intents.h.
  virtual Intents& intents() = 0;
  // The commits that no thinning takes: meta/commit/history/commit_pins.h.
  virtual CommitPins& commit_pins() = 0;
};

}  // namespace mendfs
