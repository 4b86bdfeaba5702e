#include "meta/manifest/manifest.h"

#include <leveldb/cache.h>

#include "meta/base/log.h"
#include "meta/codec/bytes.h"
#include "meta/disk/overlay_disk.h"
#include "meta/manifest/fold_chain.h"
#include "meta/manifest/stored_value.h"

namespace mendfs {
namespace {

// A lineage is at most this long; a longer chain in the rows is damage.
constexpr size_t kBranchDepthMax = 16;

}  // namespace

Manifest::Manifest(Disk& disk, const std::string& store_path)
    : objects_(disk, store_path),
      cache_(leveldb::NewLRUCache(1)),
      segments_(objects_, cache_.get()) {}

Manifest::~Manifest() = default;

Result<std::unique_ptr<Manifest>> Manifest::Open(Disk& disk, const std::string& store_path,
                                                 const ManifestOptions& options) {
  std::unique_ptr<Manifest> manifest(new Manifest(disk, store_path));
  manifest->part_bytes_ = options.fold_part_bytes;
  // LevelDB's own blocks and those of segments share the bound half and half.
  manifest->cache_.reset(leveldb::NewLRUCache(options.cache_bytes / 2));
  manifest->segments_.UseCache(manifest->cache_.get());
  manifest->segments_.UseDamageNote(manifest->read_damage_);
  if (!options.create && !options.read_only && !options.checked) {
    MENDFS_RETURN_IF_ERROR(Check(disk, store_path).status());
  }
  KvOptions kv_options;
  kv_options.create = options.create;
  kv_options.cache_bytes = options.cache_bytes / 2;
  kv_options.write_buffer_bytes = options.write_buffer_bytes;
  kv_options.tight = options.tight;
  kv_options.damage = manifest->read_damage_;
  MENDFS_ASSIGN_OR_RETURN(manifest->kv_, OpenLevelDb(disk, store_path + "/" + options.directory,
                                                     kv_options, options.defects));
  {
    MutexLock lock(manifest->mutex_);
    manifest->sets_.active = std::make_shared<WorkingSet>();
  }
  if (!options.create) {
    MENDFS_RETURN_IF_ERROR(manifest->ReadState());
    MENDFS_RETURN_IF_ERROR(manifest->NoteDamage(options.read_only));
    MENDFS_RETURN_IF_ERROR(manifest->ReadBranches());
    MENDFS_RETURN_IF_ERROR(manifest->ReadSegments());
  }
  return manifest;
}

Result<std::unique_ptr<Manifest>> Manifest::Lay(Disk& disk, const std::string& store_path,
                                                ManifestOptions options) {
  options.create = true;
  MENDFS_ASSIGN_OR_RETURN(auto manifest, Open(disk, store_path, options));
  auto batch = manifest->kv().NewBatch();
  batch->Put(FoldStateKey(), EncodeFoldState({}));
  MENDFS_RETURN_IF_ERROR(manifest->kv().Write(*batch, true));
  return manifest;
}

// LevelDB puts its log into tables when it is opened, and removes the files that its own list has
// lost: here on an overlay.
Result<Seq> Manifest::Check(Disk& disk, const std::string& store_path) {
  OverlayDisk memory(disk);
  ManifestOptions options;
  options.read_only = true;
  MENDFS_ASSIGN_OR_RETURN(const auto manifest, Open(memory, store_path, options));
  if (!manifest->damage_.rows_lost) return manifest->folded().folded;
  return Status(Code::kCorruption, "manifest of " + store_path + ": " + manifest->damage_.sentence +
                                       "; nothing was changed");
}

// After ReadState: LevelDB's tables hold all that the open found.
Status Manifest::NoteDamage(bool read_only) {
  const FoldState state = folded();
  Status chained = CheckFoldChain(*kv_, state);
  if (!chained.ok()) {
    if (chained.code() != Code::kCorruption || !read_only) return chained;
    damage_ = {true, chained.message()};
  } else if (const std::string log = kv_->log_damage(); !log.empty()) {
    damage_ = {false, "LevelDB's log " + log + "; what it held behind change " +
                          std::to_string(state.folded.value) +
                          " is read from the journal, and written again when the store is opened "
                          "for writing"};
    LogLine(LogLevel::kWarning, "manifest", damage_.sentence);
  }
  MutexLock lock(mutex_);
  folding_.settled = state.folded;
  return Status::Ok();
}

Status Manifest::ReadState() {
  auto bytes = kv_->Get(FoldStateKey());
  if (!bytes.ok() && bytes.status().code() == Code::kNotFound) {
    return Status(Code::kCorruption, "the manifest holds no fold state");
  }
  MENDFS_RETURN_IF_ERROR(bytes.status());
  MENDFS_ASSIGN_OR_RETURN(FoldState state, DecodeFoldState(*bytes));
  MutexLock lock(mutex_);
  applied_.store(std::max(applied_.load(), state.folded.value));
  state_ = std::move(state);
  return Status::Ok();
}

Status Manifest::ReadBranches() {
  auto cursor = ScanGlobal(PrefixRange(BranchPrefix()));
  for (; cursor->Valid(); cursor->Next()) {
    MENDFS_ASSIGN_OR_RETURN(const BranchRow row, DecodeBranchRow(cursor->value()));
    MutexLock lock(mutex_);
    branches_[row.id] = row;
    if (row.head > Seq()) commits_.insert(row.head);
  }
  return cursor->status();
}

Status Manifest::ReadSegments() {
  std::vector<BranchId> branches;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, row] : branches_) branches.push_back(id);
  }
  for (const BranchId branch : branches) {
    std::multimap<Seq, SegmentRef> refs;  // in the order in which they were published
    std::vector<std::unique_ptr<Layer>> layers;
    layers.push_back(MakeCurrentLayer(kv_->Scan(), CurrentPrefix(branch), kHeadSeq));
    auto cursor = MakeMergingCursor(std::move(layers), PrefixRange(SegmentPrefix()));
    for (; cursor->Valid(); cursor->Next()) {
      MENDFS_ASSIGN_OR_RETURN(SegmentRef ref, DecodeSegmentRef(cursor->value()));
      refs.emplace(cursor->start(), std::move(ref));
    }
    MENDFS_RETURN_IF_ERROR(cursor->status());
    for (const auto& [start, ref] : refs) segments_.Add(branch, start, ref);
  }
  return Status::Ok();
}

// ------------------------------------------------------------------------------------ reading
Manifest::Sets Manifest::GetSets() const {
  MutexLock lock(mutex_);
  return sets_;
}

std::vector<Manifest::Step> Manifest::Lineage(const View& view) const {
  std::vector<Step> steps{{view.branch, view.seq}};
  MutexLock lock(mutex_);
  while (steps.size() < kBranchDepthMax) {
    const auto row = branches_.find(steps.back().branch);
    if (row == branches_.end() || !row->second.parent) break;
    steps.push_back({*row->second.parent, std::min(steps.back().seq, row->second.fork)});
  }
  return steps;
}

Result<Manifest::Maybe> Manifest::GetEarlier(BranchId branch, Seq seq, std::string_view key) const {
  auto iterator = kv_->Scan();
  iterator->Seek(EarlierKey(branch, key, Seq(seq.value + 1)));
  if (!iterator->Valid()) {
    MENDFS_RETURN_IF_ERROR(iterator->status());
    return Maybe();
  }
  // The first interval of this key that ends behind the moment, if it is this key at all.
  std::string prefix = EarlierPrefix(branch);
  PutKeyBytes(prefix, key);
  const std::string_view found = iterator->key();
  if (found.size() != prefix.size() + 8 || found.substr(0, prefix.size()) != prefix) return Maybe();
  MENDFS_ASSIGN_OR_RETURN(const StoredValue value, DecodeStoredValue(found, iterator->value()));
  if (value.start > seq) return Maybe();
  return Maybe(Found{value.start, value.whiteout, std::string(value.payload)});
}

Result<Manifest::Maybe> Manifest::GetCurrent(const Sets& sets, const Step& step, Seq seq,
                                             std::string_view key) const {
  const std::string current_key = CurrentKey(step.branch, key);
  WorkingSet::Version version;
  for (const auto* set : {sets.active.get(), sets.folding.get()}) {
    if (set == nullptr || !set->Find(current_key, seq, version)) continue;
    return Maybe(Found{version.seq, version.whiteout, std::string(version.value)});
  }
  const bool head = step.seq == kHeadSeq;
  auto bytes = kv_->Get(current_key);
  if (bytes.ok()) {
    MENDFS_ASSIGN_OR_RETURN(const StoredValue value, DecodeStoredValue(current_key, *bytes));
    // A read at head takes what a fold brought meanwhile; it is newer, and newest is what it wants.
    if (head || value.start <= seq) {
      return Maybe(Found{value.start, value.whiteout, std::string(value.payload)});
    }
  } else if (bytes.status().code() != Code::kNotFound) {
    return bytes.status();
  }
  return head ? Result<Maybe>(Maybe()) : GetEarlier(step.branch, seq, key);
}

Result<Manifest::Maybe> Manifest::GetStep(const Sets& sets, const Step& step,
                                          std::string_view key) const {
  const Seq seq = step.seq == kHeadSeq ? applied() : step.seq;
  MENDFS_ASSIGN_OR_RETURN(Maybe found, GetCurrent(sets, step, seq, key));
  const Seq above = found ? found->start : Seq();
  MENDFS_ASSIGN_OR_RETURN(auto newer, segments_.Get(step.branch, above, seq, key));
  if (newer) found = Found{newer->start, newer->whiteout, std::move(newer->value)};
  return found;
}

Result<Entry> Manifest::Get(const View& view, std::string_view key) const {
  Result<Entry> found = GetVisible(view, key);
  // Asked behind the read: a commit goes before its values do, so what was read was whole.
  if (view.seq != kHeadSeq) MENDFS_RETURN_IF_ERROR(CanRead(view));
  return found;
}

Result<Entry> Manifest::GetVisible(const View& view, std::string_view key) const {
  // The sets first: what is folded meanwhile is still in the sets that this read holds.
  const Sets sets = GetSets();
  for (const Step& step : Lineage(view)) {
    MENDFS_ASSIGN_OR_RETURN(Maybe found, GetStep(sets, step, key));
    if (!found) continue;
    if (found->whiteout) break;
    return Entry{std::move(found->value), found->start};
  }
  return Status(Code::kNotFound, "no such entry");
}

std::unique_ptr<Cursor> Manifest::Scan(const View& view, const KeyRange& range) const {
  // Sets before LevelDB before the moment: whatever is folded meanwhile is in one of the two, and
  // the moment is not before anything that they hold together.
  const Sets sets = GetSets();
  auto current = kv_->Scan();
  const Seq now = applied();
  std::vector<std::unique_ptr<Layer>> layers;
  for (const Step& step : Lineage(view)) {
    const Seq seq = std::min(step.seq, now);
    const std::string prefix = CurrentPrefix(step.branch);
    layers.push_back(MakeWorkingSetLayer(sets.active, prefix, seq));
    if (sets.folding != nullptr) layers.push_back(MakeWorkingSetLayer(sets.folding, prefix, seq));
    if (current == nullptr) current = kv_->Scan();
    layers.push_back(MakeCurrentLayer(std::move(current), prefix, seq));
    if (step.seq != kHeadSeq) {
      layers.push_back(MakeEarlierLayer(kv_->Scan(), EarlierPrefix(step.branch), seq));
    }
    segments_.AppendLayers(step.branch, seq, range, layers);
  }
  // As in Get: behind the making of the layers, which from here on see one state.
  if (view.seq != kHeadSeq) {
    if (Status readable = CanRead(view); !readable.ok()) return MakeFailedCursor(readable);
  }
  return MakeMergingCursor(std::move(layers), range);
}

Result<std::string> Manifest::GetGlobal(std::string_view key) const {
  const Sets sets = GetSets();
  WorkingSet::Version version;
  for (const auto* set : {sets.active.get(), sets.folding.get()}) {
    if (set == nullptr || !set->Find(key, applied(), version)) continue;
    if (version.whiteout) return Status(Code::kNotFound, "no such entry");
    return std::string(version.value);
  }
  MENDFS_ASSIGN_OR_RETURN(const std::string bytes, kv_->Get(key));
  MENDFS_ASSIGN_OR_RETURN(const StoredValue value, DecodeStoredValue(key, bytes));
  return std::string(value.payload);
}

std::unique_ptr<Cursor> Manifest::ScanGlobal(const KeyRange& range) const {
  const Sets sets = GetSets();
  auto current = kv_->Scan();
  const Seq now = applied();
  std::vector<std::unique_ptr<Layer>> layers;
  layers.push_back(MakeWorkingSetLayer(sets.active, "", now));
  if (sets.folding != nullptr) layers.push_back(MakeWorkingSetLayer(sets.folding, "", now));
  layers.push_back(MakeCurrentLayer(std::move(current), "", kHeadSeq, range.last));
  return MakeMergingCursor(std::move(layers), range);
}

namespace {

constexpr size_t kBranchPrefixBytes = 5;  // 'd' or 'h', and the branch

Status VisitSet(const WorkingSet& set, KeyKind kind, const VersionVisitor& visit) {
  WorkingSet::Iterator iterator(set);
  for (iterator.SeekToFirst(); iterator.Valid(); iterator.Next()) {
    const WorkingSet::Version version = iterator.version();
    if (version.whiteout || version.key.size() <= kBranchPrefixBytes || version.key[0] != 'd' ||
        version.key[kBranchPrefixBytes] != static_cast<char>(kind)) {
      continue;
    }
    MENDFS_RETURN_IF_ERROR(visit({.key = version.key,
                                  .bytes = {},
                                  .branch_key = version.key.substr(kBranchPrefixBytes),
                                  .value = {version.seq, false, version.value}}));
  }
  return Status::Ok();
}

Status VisitStored(const KvIterator& at, bool earlier, const VersionVisitor& visit) {
  const std::string_view key = at.key();
  StoredVersion version{.key = key, .bytes = at.value(), .branch_key = {}, .value = {}};
  MENDFS_ASSIGN_OR_RETURN(version.value, DecodeStoredValue(key, version.bytes));
  if (version.value.whiteout) return Status::Ok();
  version.branch_key = key.substr(kBranchPrefixBytes);
  if (!earlier) return visit(version);
  ByteReader in(version.branch_key);
  const std::string branch_key = in.GetKeyBytes();
  in.GetU64BigEndian();
  if (!in.AtEnd()) return Status(Code::kCorruption, "history key does not decode");
  version.branch_key = branch_key;
  return visit(version);
}

// Entries of one kind under `letter`, branch by branch.
Status VisitBranches(KvIterator& iterator, char letter, KeyKind kind, const VersionVisitor& visit) {
  const bool earlier = letter == 'h';
  for (BranchId branch;;) {
    const std::string begin = earlier ? EarlierPrefix(branch) : CurrentPrefix(branch);
    const std::string prefix = begin + static_cast<char>(kind);
    iterator.Seek(prefix);
    for (; iterator.Valid() && iterator.key().starts_with(prefix); iterator.Next()) {
      MENDFS_RETURN_IF_ERROR(VisitStored(iterator, earlier, visit));
    }
    if (branch.value == UINT32_MAX) break;
    // The next branch that holds anything.
    branch = BranchId(branch.value + 1);
    iterator.Seek(earlier ? EarlierPrefix(branch) : CurrentPrefix(branch));
    if (!iterator.Valid() || iterator.key()[0] != letter) break;
    branch = BranchId(ByteReader(iterator.key().substr(1)).GetU32BigEndian());
  }
  return iterator.status();
}

}  // namespace

Status Manifest::EachVersion(KeyKind kind, const VersionVisitor& visit) const {
  // The sets before LevelDB: what is folded meanwhile is in one of the two. One iterator for d/ and
  // h/: what moves from the one to the other meanwhile is in one of them.
  const Sets sets = GetSets();
  const auto iterator = kv_->Scan();
  for (const auto* set : {sets.active.get(), sets.folding.get()}) {
    if (set != nullptr) MENDFS_RETURN_IF_ERROR(VisitSet(*set, kind, visit));
  }
  MENDFS_RETURN_IF_ERROR(VisitBranches(*iterator, 'd', kind, visit));
  return VisitBranches(*iterator, 'h', kind, visit);
}

// ------------------------------------------------------------------------------------ changing
void Manifest::NoteEntry(Seq seq, BranchId branch, const ChangeEntry& entry) {
  if (entry.whiteout || entry.key.empty()) return;
  if (entry.scope == EntryScope::kBranch) {
    if (KindOf(entry.key) != KeyKind::kSegment) return;
    auto ref = DecodeSegmentRef(entry.value);
    if (ref.ok()) {
      segments_.Add(branch, seq, *ref);
    } else {
      LogLine(LogLevel::kError, "manifest", "segment reference ignored: " + ref.status().message());
    }
    return;
  }
  if (const auto commit = ParseCommitKey(entry.key)) NoteCommit(*commit);
  if (entry.key.rfind(BranchPrefix(), 0) == 0) {
    auto row = DecodeBranchRow(entry.value);
    if (!row.ok()) return;
    MutexLock lock(mutex_);
    branches_[row->id] = *row;
  }
}

void Manifest::Apply(Seq seq, const Change& change) {
  std::shared_ptr<WorkingSet> active;
  {
    MutexLock lock(mutex_);
    active = sets_.active;
  }
  for (const ChangeEntry& entry : change.entries) {
    WorkingSet::Version version;
    version.value = entry.value;
    version.seq = seq;
    version.whiteout = entry.whiteout;
    version.fresh = entry.fresh;
    if (entry.scope == EntryScope::kBranch) {
      const std::string key = CurrentKey(change.branch, entry.key);
      version.key = key;
      active->Add(version);
    } else {
      version.key = entry.key;
      active->Add(version);
    }
    NoteEntry(seq, change.branch, entry);
  }
  // From here on every read sees the change, and all of it.
  applied_.store(seq.value, std::memory_order_release);
}

bool Manifest::Rotate() {
  MutexLock lock(mutex_);
  if (sets_.folding != nullptr) return false;
  if (sets_.active->empty()) return true;
  sets_.folding = std::move(sets_.active);
  sets_.active = std::make_shared<WorkingSet>();
  return true;
}

FoldState Manifest::folded() const {
  MutexLock lock(mutex_);
  return state_;
}

uint64_t Manifest::working_set_bytes() const {
  MutexLock lock(mutex_);
  return sets_.active->bytes() + (sets_.folding != nullptr ? sets_.folding->bytes() : 0);
}

}  // namespace mendfs
