#include "meta/table/edges_sweep.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace mendfs {

bool SweepQueue::Add(TypeId type, InodeNumber row, int64_t now_ns) {
  MutexLock lock(mu_);
  if (rows_.size() >= rows_max_) {
    unread_ = true;
    return false;
  }
  rows_.push_back({type, row, now_ns, ++tickets_, {}});
  last_[{type, row}].ticket = tickets_;
  return true;
}

bool SweepQueue::AddOwed(TypeId type, InodeNumber row) {
  MutexLock lock(mu_);
  if (last_.contains({type, row})) return true;
  if (rows_.size() >= rows_max_) {
    unread_ = true;
    return false;
  }
  rows_.push_front({type, row, 0, ++tickets_, {}});
  last_[{type, row}] = {.ticket = tickets_, .begun = true};
  return true;
}

bool SweepQueue::WantsOwed() const {
  MutexLock lock(mu_);
  return unread_ && rows_.size() <= rows_max_ / 2;
}

void SweepQueue::BeginOwed() {
  MutexLock lock(mu_);
  unread_ = false;
}

void SweepQueue::DropFirstLocked() {
  const GoneRow& first = rows_.front();
  const auto last = last_.find({first.type, first.row});
  if (last != last_.end() && last->second.ticket == first.ticket) last_.erase(last);
  rows_.pop_front();
}

std::optional<GoneRow> SweepQueue::First(int64_t before_ns) {
  MutexLock lock(mu_);
  while (!rows_.empty()) {
    const auto last = last_.find({rows_.front().type, rows_.front().row});
    if (last != last_.end() && last->second.ticket == rows_.front().ticket) break;
    DropFirstLocked();
  }
  if (rows_.empty() || rows_.front().gone_ns > before_ns) return std::nullopt;
  return rows_.front();
}

bool SweepQueue::IsFirstLocked(const GoneRow& gone) const {
  return !rows_.empty() && rows_.front().ticket == gone.ticket;
}

void SweepQueue::Begin(const GoneRow& gone) {
  MutexLock lock(mu_);
  // Also when it was noted as gone again since: it is the number that must not come back.
  const auto last = last_.find({gone.type, gone.row});
  if (last != last_.end()) last->second.begun = true;
}

void SweepQueue::Advance(const GoneRow& gone, std::string resume) {
  MutexLock lock(mu_);
  if (!IsFirstLocked(gone)) return;
  rows_.front().resume = std::move(resume);
}

void SweepQueue::Drop(const GoneRow& gone) {
  MutexLock lock(mu_);
  if (IsFirstLocked(gone)) DropFirstLocked();
}

bool SweepQueue::IsBeingSwept(TypeId type, InodeNumber row) const {
  MutexLock lock(mu_);
  const auto last = last_.find({type, row});
  return last != last_.end() && last->second.begun;
}

bool SweepQueue::Holds(TypeId type, InodeNumber row) const {
  MutexLock lock(mu_);
  return last_.contains({type, row});
}

namespace {

// Where edges of the row stand, in key order.
std::vector<KeyRange> RangesOf(const Schema& schema, TypeId type, InodeNumber row) {
  std::vector<KeyRange> ranges;
  for (const EdgeType& edge : schema.edges) {
    if (edge.source == type) ranges.push_back(PrefixRange(EdgePrefix(edge.id, row)));
    if (edge.target == type) ranges.push_back(PrefixRange(EdgeReversePrefix(edge.id, row)));
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const KeyRange& left, const KeyRange& right) { return left.first < right.first; });
  return ranges;
}

}  // namespace

Result<bool> HasEdges(const Reader& reader, const View& view, const Schema& schema, TypeId type,
                      InodeNumber row) {
  for (const KeyRange& range : RangesOf(schema, type, row)) {
    const auto cursor = reader.Scan(view, range);
    if (cursor->Valid()) return true;
    MENDFS_RETURN_IF_ERROR(cursor->status());
  }
  return false;
}

Result<SweptChunk> CollectSwept(const Reader& reader, const View& view, const Schema& schema,
                                const GoneRow& gone, uint64_t edges_max, Change& change) {
  SweptChunk chunk;
  for (KeyRange& range : RangesOf(schema, gone.type, gone.row)) {
    // What lies before is cleared, and a row that is gone gets no new edges.
    if (range.last <= gone.resume) continue;
    const auto cursor = reader.Scan(view, range);
    if (range.first < gone.resume) cursor->Seek(gone.resume);
    for (; cursor->Valid() && chunk.edges < edges_max; cursor->Next()) {
      const auto ends = ParseEdgeKey(cursor->key());
      const auto type = ParseTypeOf(cursor->key());
      if (!ends || !type) return Status(Code::kCorruption, "sweep edges: malformed key");
      // A loop stands in both of the row's ranges; the forward one deals with it.
      if (ends->source == ends->target && KindOf(cursor->key()) == KeyKind::kEdgeReverse) continue;
      change.Clear(EdgeKey(*type, *ends));
      change.Clear(EdgeReverseKey(*type, *ends));
      chunk.last = cursor->key();
      ++chunk.edges;
    }
    MENDFS_RETURN_IF_ERROR(cursor->status());
    if (chunk.edges == edges_max) return chunk;
  }
  chunk.done = true;
  change.Clear(DeadRowKey(gone.type, gone.row));
  return chunk;
}

}  // namespace mendfs
