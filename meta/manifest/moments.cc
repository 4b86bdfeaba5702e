// Which moments stay readable, and which can be read. See manifest.h.
#include <algorithm>
#include <functional>

#include "meta/manifest/manifest.h"
#include "meta/manifest/stored_value.h"

namespace mendfs {

Seq Manifest::Pin() {
  MutexLock lock(mutex_);
  const Seq seq = applied();
  pins_.insert(seq);
  return seq;
}

void Manifest::Unpin(Seq seq) {
  MutexLock lock(mutex_);
  const auto found = pins_.find(seq);
  if (found != pins_.end()) pins_.erase(found);
}

void Manifest::NoteCommit(Seq seq) {
  MutexLock lock(mutex_);
  commits_.insert(seq);
}

void Manifest::ForgetCommits(Seq newest, const std::vector<Seq>& kept) {
  MutexLock lock(mutex_);
  commits_.erase(commits_.begin(), commits_.lower_bound(newest));
  commits_.insert(kept.begin(), kept.end());
}

// Thinning 1 takes the commit's row away · 2 asks for Moments · 3 takes values away. This 1 claims
// · 2 looks for the row. So a row that is seen here was there when the claim was: 2 of thinning,
// being behind its 1, finds the claim. A claim is no pin: until it is granted nobody may read by
// it.
Status Manifest::PinCommit(BranchId branch, Seq seq) {
  {
    MutexLock lock(mutex_);
    claims_.insert(seq);
  }
  Status readable = CanRead({branch, seq});
  MutexLock lock(mutex_);
  claims_.erase(claims_.find(seq));
  if (readable.ok()) pins_.insert(seq);
  return readable;
}

Status Manifest::CanRead(const View& view) const {
  // At the newest change nothing was replaced that it sees.
  if (view.seq == kHeadSeq || view.seq == applied()) return Status::Ok();
  {
    MutexLock lock(mutex_);
    if (pins_.count(view.seq) > 0) return Status::Ok();
    for (const auto& [id, row] : branches_) {
      if (row.parent == view.branch && row.fork == view.seq) return Status::Ok();
    }
  }
  const Status row = GetGlobal(CommitKey(view.branch, view.seq)).status();
  if (row.code() != Code::kNotFound) return row;
  return Status(
      Code::kStale,
      "read branch " + std::to_string(view.branch.value) + " as of change " +
          std::to_string(view.seq.value) +
          ": no commit is kept there, history is thinned as it ages; `mendfs log` lists " +
          "the commits that can be read");
}

std::vector<Seq> Manifest::Moments() const {
  MutexLock lock(mutex_);
  std::vector<Seq> moments(pins_.begin(), pins_.end());
  moments.insert(moments.end(), claims_.begin(), claims_.end());
  moments.insert(moments.end(), commits_.begin(), commits_.end());
  std::sort(moments.begin(), moments.end());
  return moments;
}

std::map<BranchId, BranchRow> Manifest::Branches() const {
  MutexLock lock(mutex_);
  return branches_;
}

Result<std::vector<std::string>> Manifest::CommitsBelow(BranchId branch, Seq before,
                                                        size_t limit) const {
  // The sets hold few commits, or few that went, so they are put in order first; LevelDB is walked
  // back from there. Sets before LevelDB, as in every read.
  const Sets sets = GetSets();
  const std::string prefix = CommitPrefix(branch);
  const std::string end = CommitKey(branch, before);
  const Seq now = applied();
  std::map<std::string, std::optional<std::string>, std::greater<>> waiting;  // none: gone
  for (const auto* set : {sets.active.get(), sets.folding.get()}) {
    if (set == nullptr) continue;
    WorkingSet::Iterator iterator(*set);
    for (iterator.Seek(prefix, kHeadSeq); iterator.Valid(); iterator.Next()) {
      const WorkingSet::Version version = iterator.version();
      if (version.key >= end || version.key.substr(0, prefix.size()) != prefix) break;
      if (version.seq > now) continue;
      // The newest version comes first, and the active set is the newer.
      waiting.try_emplace(std::string(version.key), version.whiteout ? std::optional<std::string>()
                                                                     : std::string(version.value));
    }
  }
  std::vector<std::string> rows;
  auto next = waiting.begin();
  auto folded = kv_->Scan();
  for (folded->SeekBefore(end); rows.size() < limit;) {
    const bool has_folded = folded->Valid() && folded->key().substr(0, prefix.size()) == prefix;
    if (!has_folded) MENDFS_RETURN_IF_ERROR(folded->status());
    if (next != waiting.end() && (!has_folded || next->first >= folded->key())) {
      if (has_folded && next->first == folded->key()) folded->Prev();
      if (next->second) rows.push_back(*next->second);
      ++next;
      continue;
    }
    if (!has_folded) break;
    MENDFS_ASSIGN_OR_RETURN(const StoredValue value,
                            DecodeStoredValue(folded->key(), folded->value()));
    if (!value.whiteout) rows.emplace_back(value.payload);
    folded->Prev();
  }
  return rows;
}

}  // namespace mendfs
