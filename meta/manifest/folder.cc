#include "meta/manifest/folder.h"

#include <algorithm>

#include "meta/codec/bytes.h"
#include "meta/codec/fingerprint.h"
#include "meta/manifest/keys.h"

namespace mendfs {
namespace {

Hash128 LeafOf(const FoldHooks* hooks, std::string_view key, std::string_view value) {
  const auto digest = hooks != nullptr ? hooks->Digest(key, value) : std::nullopt;
  return digest ? ContentLeaf(key, *digest) : ContentLeaf(key, value);
}

// Adds (sign +1) or takes away (-1) one visible entry.
void Count(const FoldHooks* hooks, BranchTotals& totals, std::string_view key,
           std::string_view value, int sign) {
  const auto kind = KindOf(key);
  if (!kind || IsDerived(*kind)) return;
  uint64_t none = 0;
  uint64_t* nodes = &none;
  uint64_t* edges = &none;
  uint64_t* files = &none;
  uint64_t node_count = 0;
  uint64_t edge_count = 0;
  Hash128 leaf;
  switch (*kind) {
    case KeyKind::kSegment: {
      // A segment stands for what its entries change; the reference itself is no content.
      auto ref = DecodeSegmentRef(value);
      if (!ref.ok()) return;
      if (ref->clears) sign = -sign;
      leaf = ref->content_sum;
      nodes = &totals.nodes;
      edges = &totals.edges;
      node_count = ref->nodes;
      edge_count = ref->edges;
      break;
    }
    case KeyKind::kRow:
      nodes = &totals.nodes;
      node_count = 1;
      leaf = ContentLeaf(key, value);
      break;
    case KeyKind::kEdge:
      edges = &totals.edges;
      edge_count = 1;
      leaf = ContentLeaf(key, value);
      break;
    case KeyKind::kInode: {
      const auto inode = ParseInodeKey(key);
      if (inode && inode->value >= kFirstFreeInode) files = &totals.files;
      leaf = ContentLeaf(key, value);
      break;
    }
    default: leaf = LeafOf(hooks, key, value);
  }
  if (sign > 0) {
    totals.content_root += leaf;
    *nodes += node_count;
    *edges += edge_count;
    *files += 1;
  } else {
    totals.content_root -= leaf;
    *nodes -= node_count;
    *edges -= edge_count;
    *files -= 1;
  }
}

void TallyOne(FoldHooks* hooks, std::string_view key, const StoredValue& value, int sign) {
  if (hooks != nullptr && !value.whiteout) hooks->Tally(key, value.payload, sign);
}

}  // namespace

template <typename Visit>
Status Folder::EachKey(const WorkingSet& set, bool of_branches, const Visit& visit) {
  WorkingSet::Iterator iterator(set);
  Versions versions;
  for (iterator.SeekToFirst(); iterator.Valid(); iterator.Next()) {
    const WorkingSet::Version version = iterator.version();
    last_ = std::max(last_, version.seq);
    if ((version.key.front() == 'd') != of_branches) continue;
    if (!versions.empty() && versions.front().key != version.key) {
      MENDFS_RETURN_IF_ERROR(visit(versions));
      versions.clear();
    }
    // A change that names a key twice means its last word.
    if (!versions.empty() && versions.back().seq == version.seq) continue;
    versions.push_back(version);
  }
  return versions.empty() ? Status::Ok() : visit(versions);
}

Status Folder::Run(const WorkingSet& set, uint64_t part_bytes, const WritePart& write) {
  const auto fold_key = [&](Versions& versions) -> Status {
    MENDFS_RETURN_IF_ERROR(FoldKey(versions));
    return batch_bytes_ < part_bytes ? Status::Ok() : FlushPart(write);
  };
  MENDFS_RETURN_IF_ERROR(EachKey(set, true, fold_key));
  const auto fold_row = [&](Versions& versions) { return FoldKey(versions); };
  MENDFS_RETURN_IF_ERROR(EachKey(set, false, fold_row));
  AddChanged();
  state_.folded = last_;
  return Chain(state_, write);
}

Status Folder::RunTotals(const WorkingSet& set, bool counts_only) {
  const auto count_key = [&](const Versions& versions) -> Status {
    const WorkingSet::Version& newest = versions.front();
    const auto branch = BranchOf(newest.key);
    const std::string_view key = newest.key.substr(kCurrentPrefixBytes);
    if (!branch || (counts_only && !IsCounted(key))) return Status::Ok();
    std::string base_bytes;
    std::optional<StoredValue> base;
    const bool known_absent = !counts_only && KnownAbsent(versions, *branch, key);
    if (!known_absent) {
      MENDFS_ASSIGN_OR_RETURN(base, Base(newest.key, base_bytes));
    }
    if (base && Pinned(base->start, versions.back().seq)) earlier_bytes_ += base->payload.size();
    return CountChange(*branch, key, base, known_absent, versions);
  };
  MENDFS_RETURN_IF_ERROR(EachKey(set, true, count_key));
  AddChanged();
  return Status::Ok();
}

void Folder::AddChanged() {
  for (const auto& [branch, count] : changed_) state_.totals[branch].changed += count;
  changed_.clear();
}

Status Folder::FlushPart(const WritePart& write) {
  FoldState part = state_;
  part.folded = before_.folded;
  MENDFS_RETURN_IF_ERROR(Chain(part, write));
  before_ = std::move(part);
  batch_ = kv_.NewBatch();
  batch_bytes_ = 0;
  return Status::Ok();
}

Status Folder::Chain(FoldState& state, const WritePart& write) {
  const FoldRow row = ChainFold(before_, state);
  batch_->Put(FoldRowKey(row.number), EncodeFoldRow(row));
  batch_->Put(FoldStateKey(), EncodeFoldState(state));
  return write(*batch_, state);
}

void Folder::Put(std::string_view key, std::string_view value) {
  batch_->Put(key, value);
  batch_bytes_ += key.size() + value.size();
}

void Folder::Delete(std::string_view key) {
  batch_->Delete(key);
  batch_bytes_ += key.size();
}

StoredValue Folder::Stored(const WorkingSet::Version& version) {
  return {version.seq, version.whiteout, version.value};
}

bool Folder::Pinned(Seq start, Seq end) const {
  const auto pin = std::lower_bound(pins_.begin(), pins_.end(), start);
  return pin != pins_.end() && *pin < end;
}

bool Folder::MustKeepWhiteout(BranchId branch, std::string_view key) const {
  const auto row = branches_.find(branch);
  if (row != branches_.end() && row->second.parent) return true;
  return segments_.MayHold(branch, key);
}

bool Folder::KnownAbsent(const Versions& versions, bool keep_whiteouts) const {
  return !started_ && versions.back().fresh && !keep_whiteouts;
}

bool Folder::KnownAbsent(const Versions& versions, BranchId branch, std::string_view key) const {
  return !started_ && versions.back().fresh && !MustKeepWhiteout(branch, key);
}

std::optional<BranchId> Folder::BranchOf(std::string_view full_key) {
  if (full_key.front() != 'd' || full_key.size() <= kCurrentPrefixBytes) return std::nullopt;
  return BranchId(ByteReader(full_key.substr(1)).GetU32BigEndian());
}

bool Folder::IsCounted(std::string_view key) {
  const auto kind = KindOf(key);
  return kind == KeyKind::kRow || kind == KeyKind::kEdge || kind == KeyKind::kInode ||
         kind == KeyKind::kSegment;
}

Status Folder::FoldKey(Versions& versions) {
  const std::string_view full_key = versions.front().key;
  const auto branch = BranchOf(full_key);
  if (!branch) return FoldGlobal(versions.front());
  return FoldBranchKey(*branch, full_key, full_key.substr(kCurrentPrefixBytes), versions);
}

Result<std::optional<StoredValue>> Folder::Base(std::string_view full_key,
                                                std::string& bytes) const {
  auto got = kv_.Get(full_key);
  if (!got.ok()) {
    if (got.status().code() == Code::kNotFound) return std::optional<StoredValue>();
    return got.status();
  }
  bytes = *std::move(got);
  MENDFS_ASSIGN_OR_RETURN(const StoredValue value, DecodeStoredValue(full_key, bytes));
  return std::optional<StoredValue>(value);
}

Status Folder::FoldGlobal(const WorkingSet::Version& newest) {
  if (newest.whiteout) {
    Delete(newest.key);
  } else {
    Put(newest.key, EncodeStoredValue(Stored(newest)));
  }
  return Status::Ok();
}

Status Folder::FoldBranchKey(BranchId branch, std::string_view full_key, std::string_view key,
                             Versions& versions) {
  const WorkingSet::Version newest = versions.front();
  const bool keep_whiteouts = MustKeepWhiteout(branch, key);
  const bool known_absent = KnownAbsent(versions, keep_whiteouts);

  std::string base_bytes;
  std::optional<StoredValue> base;
  if (!known_absent) {
    MENDFS_ASSIGN_OR_RETURN(base, Base(full_key, base_bytes));
  }
  MENDFS_RETURN_IF_ERROR(CountChange(branch, key, base, known_absent, versions));
  // What a part brought before the fold was cut short is done, with what it put into h/.
  while (base && !versions.empty() && versions.back().seq <= base->start) versions.pop_back();
  if (versions.empty()) return Status::Ok();
  MENDFS_RETURN_IF_ERROR(KeepEarlier(branch, key, base, keep_whiteouts, versions));

  if (!newest.whiteout || keep_whiteouts) {
    MENDFS_ASSIGN_OR_RETURN(const std::string value, Moved(key, Stored(newest)));
    Put(full_key, value);
    TallyOne(hooks_, key, Stored(newest), +1);
  } else if (base) {
    Delete(full_key);
  }
  return Status::Ok();
}

Status Folder::CountChange(BranchId branch, std::string_view key,
                           const std::optional<StoredValue>& base, bool known_absent,
                           const Versions& versions) {
  BranchTotals& totals = state_.totals[branch];
  const WorkingSet::Version& newest = versions.front();
  if (branch != kMainBranch || newest.seq > counted_) ++changed_[branch];
  if (known_absent) {  // and no segment holds it
    if (!newest.whiteout) Count(hooks_, totals, key, newest.value, +1);
    return Status::Ok();
  }
  std::optional<StoredValue> before = base;
  for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
    if (base && version->seq <= base->start) continue;  // a part brought it, and counted it
    // The newer of what LevelDB and the segments hold; then what the parent shows.
    const Seq above = before ? before->start : Seq();
    MENDFS_ASSIGN_OR_RETURN(const auto held, segments_.Get(branch, above, version->seq, key));
    if (held) {
      if (!held->whiteout) Count(hooks_, totals, key, held->value, -1);
    } else if (before) {
      if (!before->whiteout) Count(hooks_, totals, key, before->payload, -1);
    } else {
      MENDFS_ASSIGN_OR_RETURN(const auto inherited, Inherited(branch, key));
      if (inherited) Count(hooks_, totals, key, inherited->value, -1);
    }
    if (!version->whiteout) Count(hooks_, totals, key, version->value, +1);
    before = Stored(*version);
  }
  return Status::Ok();
}

Result<std::optional<Entry>> Folder::Inherited(BranchId branch, std::string_view key) const {
  const auto row = branches_.find(branch);
  if (row == branches_.end() || !row->second.parent) return std::optional<Entry>();
  auto inherited = reader_.Get({*row->second.parent, row->second.fork}, key);
  if (inherited.ok()) return std::optional<Entry>(*std::move(inherited));
  if (inherited.status().code() == Code::kNotFound) return std::optional<Entry>();
  return inherited.status();
}

Result<std::string> Folder::Moved(std::string_view key, StoredValue value) {
  std::optional<std::string> moved;
  if (hooks_ != nullptr && !value.whiteout) {
    MENDFS_ASSIGN_OR_RETURN(moved, hooks_->Move(key, value.payload));
    if (moved) value.payload = *moved;
  }
  return EncodeStoredValue(value);
}

Status Folder::KeepEarlier(BranchId branch, std::string_view key,
                           const std::optional<StoredValue>& base, bool keep_whiteouts,
                           const Versions& versions) {
  std::optional<StoredValue> earlier = base;
  bool in_leveldb = true;
  for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
    if (earlier && (!earlier->whiteout || keep_whiteouts) && Pinned(earlier->start, version->seq)) {
      MENDFS_ASSIGN_OR_RETURN(const std::string value, Moved(key, *earlier));
      Put(EarlierKey(branch, key, version->seq), value);
      if (!in_leveldb) TallyOne(hooks_, key, *earlier, +1);
    } else if (earlier) {
      TallyOne(hooks_, key, *earlier, -1);
    }
    earlier = Stored(*version);
    in_leveldb = false;
  }
  return Status::Ok();
}

}  // namespace mendfs
