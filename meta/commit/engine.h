// The engine: one open store. It is the door for change, and it makes moments durable and named.
//
//   Apply         1 journal record appended · 2 applied to the working set · 3 answered
//   Flush         the journal's sync, shared by all that wait: bodies first, then the journal
//   CloseCommit   1 the moment is fixed: the working set is put aside and its seq noted as a commit
//   ·
//                 2 journal synced · 3 folded into LevelDB · 4 commit row appended and applied
//
// Crash after CloseCommit's 1 or 2: replay brings the changes back, the next tick closes the
// commit. After 3: the same; the fold carries its position. After 4: the commit row is replayed
// like any record. The background thread closes a commit every interval when something changed, and
// turns journal segments that are folded, packs that are full and blobs that rest into objects.
// Another thins history (history/history.h), another gives back the space of what nothing refers to
// (space/collector.h).
//
// Threads:  safe from any thread
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "meta/base/mutex.h"
#include "meta/commit/config.h"
#include "meta/commit/history/history.h"
#include "meta/commit/intents.h"
#include "meta/commit/space/collector.h"
#include "meta/commit/space_guard.h"
#include "meta/journal/journal.h"
#include "meta/manifest/manifest.h"
#include "meta/object/object_store.h"
#include "meta/pack/blob_store.h"
#include "meta/pack/pack_store.h"
#include "meta/store.h"

namespace mendfs {

// The manifest's part of the cache; verified blocks of bodies get the rest.
inline uint64_t ManifestCacheBytes(const OpenOptions& options) {
  return options.cache_bytes / 4;
}

class Engine : public Store,
               private Door,
               private PackRows,
               private FoldHooks,
               private HistoryHost,
               private SpaceHost {
 public:
  // `path` holds a store whose identity is known. Makes nothing but what a crash left unmade, and
  // that only when `before_writing`, asked under the store's lock, had nothing against it.
  static Result<std::unique_ptr<Engine>> Open(Disk& disk, const std::string& path,
                                              const StoreIdentity& identity,
                                              const StoreConfig& config, const OpenOptions& options,
                                              const std::function<Status()>& before_writing);
  // Lays out manifest and journal in an empty directory and applies `first` as the first change.
  static Status Lay(Disk& disk, const std::string& path, const Id128& store, const Change& first,
                    int64_t now_ns);
  ~Engine() override;

  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // The store is ready for use: commits are closed from now on, in the background and at the end.
  void Start();
  // What gives space back when the disk is full; before Start. Called with no lock held, by one
  // thread at a time, when something may have become free since the last call.
  void UseReclaim(std::function<Status()> reclaim) { reclaim_ = std::move(reclaim); }

  Door& door() override { return *this; }
  const Reader& reader() const override { return *manifest_; }
  Result<std::unique_ptr<Snapshot>> Pin(BranchId branch, Seq seq) override;
  Status Flush() override;
  Result<std::optional<CommitRow>> CloseCommit(BranchId branch, const CommitNote& note) override;
  Result<std::optional<CommitRow>> Publish(const Change& change, const CommitNote& note) override;
  Result<std::vector<CommitRow>> Log(BranchId branch, Seq before, size_t limit) const override;
  Status Thin(ThinHow how) override;
  Result<Reclaimed> Reclaim(ReclaimHow how) override;
  StoreStatus Describe() const override;
  Seq LastSeq() const override { return manifest_->applied(); }
  Disk& disk() const override { return disk_; }
  const std::string& path() const override { return path_; }
  Intents& intents() override { return intents_; }
  CommitPins& commit_pins() override { return commit_pins_; }

 private:
  Engine(Disk& disk, std::string path, StoreIdentity identity, OpenOptions options);

  // Door
  Result<Seq> Apply(const Change& change) override;
  Status AwaitRoom(bool again) override;
  bool IsTight() const override { return guard_.tight(); }
  Status SetAside(uint64_t promised_bytes) override { return guard_.SetAside(promised_bytes); }
  Result<InodeNumber> TakeInodes(uint64_t count) override;
  EntityLocks& locks() override { return entity_locks_; }
  SharedMutex& table_gate() override { return table_gate_; }
  int64_t NowNs() override;
  bool NeedsHeal() const override { return intents_.NeedsHeal(); }
  Status Heal() override { return intents_.Heal(); }
  BodyStore& bodies() override { return user_bodies_; }

  // What packs and folds ask of the engine: engine_bodies.cc.
  Status NameOpen(ObjectKind kind, const Id128& object) override;
  Status SyncNames() override;
  Status NameSealed(const ObjectInfo& object) override;
  Status ForgetOpen(const Id128& object) override;
  Result<std::optional<std::string>> Move(std::string_view key, std::string_view value) override;
  Status SyncMoved() override;
  std::optional<Hash128> Digest(std::string_view key, std::string_view value) const override;
  void BeginTally() override { collector_->estimate().Begin(); }
  void Tally(std::string_view key, std::string_view value, int sign) override {
    collector_->estimate().Tally(key, value, sign);
  }
  void EndTally() override { collector_->estimate().End(); }
  Result<bool> HoldsBodies(const JournalRecord& record, const SyncedPacks& synced) const;
  Result<bool> MayBeTorn(const RunRef& run, const SyncedPacks& synced) const;
  Status RecoverPacks(const SyncedPacks& synced);
  Status SyncBodies();
  SyncedPacks SyncedBodies() const;
  void SealBodies(bool all, uint64_t blob_bytes);

  // HistoryHost
  Status FoldAll() override;
  uint64_t DiskBytes() const override;
  Result<uint64_t> CountOlderBytes() override;
  uint64_t PackedBytesOf(std::string_view key, std::string_view value) const override;
  // HistoryHost and SpaceHost: engine_bodies.cc.
  Result<size_t> RewriteEntries(const std::vector<EntryEdit>& edits) override;
  // SpaceHost: engine_bodies.cc.
  Status FoldAndSettle() override;
  bool MayCopy(uint64_t size_bytes) override;
  bool Quiesce() override;

  Status Replay();
  void PinSnapshots();
  Status ReadHead();
  void CountReplayed();
  Status CheckWritable() const;
  // What reads met since the open, and what to do; empty: nothing.
  std::string MetDamage() const;
  // `payload` is the change, encoded.
  Result<Seq> AppendAndApply(RecordKind kind, const Change& change, std::string_view payload,
                             int64_t time_ns) REQUIRES(door_mutex_);
  // As AppendAndApply, under the door's lock. What does not add is tried again when the disk is
  // full and the reserve could be given up.
  Result<Seq> Append(RecordKind kind, const Change& change, std::string_view payload,
                     int64_t time_ns, Room room) EXCLUDES(door_mutex_);
  Status CheckBeforeWriting() const;
  Status OpenManifest();
  Status OpenVerified();
  void NoteUnverified(const ReplayEnd& end);
  std::string UnverifiedText() const REQUIRES(door_mutex_);
  void Judge(StoreStatus& status) const REQUIRES(door_mutex_);
  Status FoldWhenFull(Room room);
  void Relieve();
  Status ReclaimAll();
  Result<Reclaimed> ReclaimUntil(ReclaimHow how, const std::function<bool()>& enough);
  void CompactManifest();
  // `note` for the commit that is closed where the fold needs room: MakeWay.
  Status FoldPending(const CommitNote& note) REQUIRES(fold_mutex_);
  Status FoldSet(bool tight, const CommitNote& note) REQUIRES(fold_mutex_);
  Status MakeWay(const CommitNote& note) REQUIRES(fold_mutex_);
  Status SyncAndFold() REQUIRES(fold_mutex_);
  Result<std::optional<CommitRow>> CloseLocked(BranchId branch, const CommitNote& note)
      REQUIRES(fold_mutex_);
  BranchTotals TotalsOf(BranchId branch) const;
  Result<CommitRow> WriteCommitRow(BranchId branch, Seq seq, const CommitNote& note,
                                   const BranchTotals& totals) REQUIRES(fold_mutex_);
  Refold MakeRefold() const;
  void Tick();
  void KeeperLoop();
  void Close();

  // How many ticks pass before a commit is tried again that found no room.
  struct Rest {
    unsigned ticks = 0;
    unsigned left = 0;
  };

  Disk& disk_;
  const std::string path_;
  const StoreIdentity identity_;
  const OpenOptions options_;
  Id128 store_id_;

  std::unique_ptr<DiskLock> lock_;
  std::unique_ptr<Disk> overlay_;  // read-only opens: what LevelDB writes stays in memory
  SpaceGuard guard_;
  std::function<Status()> reclaim_;
  ObjectStore objects_;
  PackStore packs_;
  BlobStore blobs_;  // before the packs
  GuardedBodies user_bodies_;
  std::atomic<uint64_t> pack_named_{0};    // seq of the newest record that names an open pack
  std::atomic<bool> moved_{false};         // bodies were moved since the last SyncMoved
  std::atomic<Code> unsealed_{Code::kOk};  // why packs or blobs stayed open the last time
  std::unique_ptr<Manifest> manifest_;
  std::unique_ptr<Journal> journal_;  // null when read-only
  CommitPins commit_pins_;
  std::unique_ptr<History> history_;
  std::unique_ptr<Collector> collector_;
  EntityLocks entity_locks_;
  SharedMutex table_gate_{LockRank::kGate};
  Intents intents_;
  std::atomic<int64_t> clock_ns_{0};
  uint64_t replayed_records_ = 0;
  std::string journal_damage_;
  // Opened at the newest state that verifies: why, and what may be missing. Empty: all is shown.
  std::string unverified_;
  std::optional<ContentCounts> replayed_counts_;  // read-only: with what replay brought
  bool started_ = false;  // before, a failed open leaves everything as it was

  Mutex numbers_mutex_{LockRank::kNumbers};
  uint64_t next_number_ GUARDED_BY(numbers_mutex_) = kFirstFreeInode;
  uint64_t number_limit_ GUARDED_BY(numbers_mutex_) = kFirstFreeInode;

  Mutex fold_mutex_{LockRank::kFold};
  // What the present fold has moved, by key and value: a fold that is repeated moves no byte twice.
  std::map<std::string, std::string> moves_ GUARDED_BY(fold_mutex_);
  mutable Mutex door_mutex_{LockRank::kDoor};
  Seq last_change_ GUARDED_BY(door_mutex_);  // the newest that a commit would hold
  std::optional<CommitRow> head_ GUARDED_BY(door_mutex_);
  Status trouble_ GUARDED_BY(door_mutex_);  // why the last fold or commit failed

  Mutex keeper_mutex_{LockRank::kDaemon};
  CondVar keeper_wake_;
  bool keeper_stop_ GUARDED_BY(keeper_mutex_) = false;
  Rest rest_;  // the keeper's own
  std::thread keeper_;
};

}  // namespace mendfs
