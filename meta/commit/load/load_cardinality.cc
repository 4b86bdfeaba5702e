#include "meta/commit/load/load_cardinality.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "meta/codec/bytes.h"
#include "meta/manifest/keys.h"
#include "meta/table/rows.h"

namespace mendfs {
namespace {

std::string Bounds(const EdgeType& type) {
  return "@card(" + std::to_string(type.card_min) + ".." +
         (type.card_max ? std::to_string(*type.card_max) : "*") + ")";
}

constexpr size_t kTooFewMax = 1000;  // told at most; the report bounds it further
constexpr size_t kToldMax = 1000;    // lines of one source with too many edges

}  // namespace

Result<bool> CardinalityCheck::Enter(const EdgeType& type, InodeNumber source) {
  if (type.card_min == 0 && !type.card_max) return false;
  const bool same_type = type_ != nullptr && type_->id == type.id;
  if (same_type && group_ && group_->source == source) return true;
  MENDFS_RETURN_IF_ERROR(EndGroup());
  if (!same_type) {
    EndType();
    type_ = &type;
    types_seen_.insert(type.id);
    gone_.reset();
    const auto range = new_rows_.types.find(type.source);
    next_new_ = range == new_rows_.types.end() ? 0 : range->second.first;
  }
  group_.emplace();
  group_->source = source;
  if (!new_rows_.Holds(source)) return true;
  TooFew(type, next_new_, source.value, 0);
  next_new_ = source.value + 1;
  return true;
}

Status CardinalityCheck::Count(const EdgeType& type, InodeNumber source, const LineRef& where) {
  MENDFS_ASSIGN_OR_RETURN(const bool bounded, Enter(type, source));
  if (!bounded) return Status::Ok();
  ++group_->added;
  if (!type.card_max) return Status::Ok();
  group_->last_added.push_back(where);
  if (group_->last_added.size() > kToldMax) group_->last_added.pop_front();
  return Status::Ok();
}

Status CardinalityCheck::Keep(const EdgeType& type, InodeNumber source) {
  MENDFS_ASSIGN_OR_RETURN(const bool bounded, Enter(type, source));
  if (bounded) ++group_->kept;
  return Status::Ok();
}

Status CardinalityCheck::TakeAway(const EdgeType& type, InodeNumber source) {
  MENDFS_ASSIGN_OR_RETURN(const bool bounded, Enter(type, source));
  if (bounded) ++group_->gone;
  return Status::Ok();
}

// What the source will have; exact up to what the bounds ask for.
Result<uint64_t> CardinalityCheck::CountNow(const Group& group) {
  if (new_rows_.Holds(group.source) || context_.whole.contains(type_->id)) {
    return group.kept + group.added;
  }
  const uint64_t enough = std::max(type_->card_min, type_->card_max.value_or(0)) + group.gone + 1;
  MENDFS_ASSIGN_OR_RETURN(const uint64_t stored, CountStored(*type_, group.source, enough));
  return stored - std::min(stored, group.gone) + group.added;
}

Status CardinalityCheck::EndGroup() {
  if (!group_) return Status::Ok();
  const Group group = *std::exchange(group_, std::nullopt);
  const bool is_new = new_rows_.Holds(group.source);
  const bool may_be_many = type_->card_max && group.added > 0;
  const bool may_be_few = type_->card_min > 0 && (is_new || group.gone > 0);
  if (!may_be_many && !may_be_few) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const uint64_t count, CountNow(group));
  if (may_be_many && count > *type_->card_max) TellTooMany(group, count);
  if (is_new) {
    TooFew(*type_, group.source.value, group.source.value + 1, count);
  } else if (may_be_few && count < type_->card_min) {
    return TellLeftWithTooFew(group, count);
  }
  return Status::Ok();
}

// The last ones that were added are those that are too many.
void CardinalityCheck::TellTooMany(const Group& group, uint64_t count) {
  const uint64_t over = std::min(count - *type_->card_max, group.added);
  const uint64_t told = std::min<uint64_t>(over, group.last_added.size());
  for (uint64_t left = told; left > 0; --left) {
    context_.report.Refuse(group.last_added[group.last_added.size() - left],
                           {Code::kManyLinks, "edge " + type_->name + ": its source would have " +
                                                  std::to_string(count - left + 1) +
                                                  " of them; the schema says " + Bounds(*type_)});
  }
  context_.report.CountRefused(over - told);
}

// Rows in the order of their numbers, as the sources of one edge type come.
Result<bool> CardinalityCheck::IsGone(TypeId type, InodeNumber row) {
  if (!gone_) {
    MENDFS_ASSIGN_OR_RETURN(gone_, RunReader::Open(context_.disk, new_rows_.gone));
  }
  const std::string key = RowNameKey(type, row);
  while (gone_->Valid() && gone_->key() < key) MENDFS_RETURN_IF_ERROR(gone_->Next());
  return gone_->Valid() && gone_->key() == key;
}

// No line is at fault: its edges are not in the input, or go with the row at their other end.
Status CardinalityCheck::TellLeftWithTooFew(const Group& group, uint64_t count) {
  MENDFS_ASSIGN_OR_RETURN(const bool gone, IsGone(type_->source, group.source));
  if (gone) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const auto key,
                          FindRowKey(context_.reader, context_.view, type_->source, group.source));
  if (!key) return Status::Ok();
  context_.report.Refuse(
      {}, {Code::kManyLinks, "\"" + *key + "\" would be left with " + std::to_string(count) +
                                 " edges " + type_->name + "; the schema says " + Bounds(*type_) +
                                 "; give it another one in the input"});
  return Status::Ok();
}

void CardinalityCheck::EndType() {
  if (type_ == nullptr) return;
  const auto range = new_rows_.types.find(type_->source);
  if (range != new_rows_.types.end()) {
    TooFew(*type_, next_new_, range->second.first + range->second.count, 0);
  }
  type_ = nullptr;
}

void CardinalityCheck::TooFew(const EdgeType& type, uint64_t first, uint64_t last, uint64_t count) {
  if (count >= type.card_min || first >= last) return;
  for (; first < last && too_few_.size() < kTooFewMax; ++first) {
    too_few_.emplace(first, "it would have " + std::to_string(count) + " edges " + type.name +
                                "; the schema says " + Bounds(type));
  }
  context_.report.CountRefused(last - first);
}

// Edges whose other end is gone are not there any more.
Result<uint64_t> CardinalityCheck::CountStored(const EdgeType& type, InodeNumber source,
                                               uint64_t enough) {
  uint64_t count = 0;
  const auto cursor = context_.reader.Scan(context_.view, PrefixRange(EdgePrefix(type.id, source)));
  for (; cursor->Valid() && count < enough; cursor->Next()) {
    const auto ends = ParseEdgeKey(cursor->key());
    if (!ends) return Status(Code::kCorruption, "an edge's key does not decode");
    MENDFS_ASSIGN_OR_RETURN(const auto target,
                            FindRowKey(context_.reader, context_.view, type.target, ends->target));
    if (target) ++count;
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return count;
}

Status CardinalityCheck::Finish() {
  MENDFS_RETURN_IF_ERROR(EndGroup());
  EndType();
  // Types of which the load brings no edge at all.
  for (const EdgeType& type : context_.rules->schema().edges) {
    const auto range = new_rows_.types.find(type.source);
    if (types_seen_.contains(type.id) || range == new_rows_.types.end()) continue;
    TooFew(type, range->second.first, range->second.first + range->second.count, 0);
  }
  return too_few_.empty() ? Status::Ok() : TellTooFew();
}

// Numbers rise along the run, so one pass finds the lines of all.
Status CardinalityCheck::TellTooFew() {
  MENDFS_ASSIGN_OR_RETURN(auto run, RunReader::Open(context_.disk, new_rows_.run));
  auto next = too_few_.begin();
  while (run->Valid() && next != too_few_.end()) {
    ByteReader in(run->payload());
    const uint64_t row = in.GetU64();
    const LineRef where = GetLineRef(in);
    for (; next != too_few_.end() && next->first == row; ++next) {
      const std::string key(ParseRowKey(run->key()).value_or(""));
      context_.report.Refuse(where, {Code::kManyLinks, "\"" + key + "\": " + next->second});
    }
    MENDFS_RETURN_IF_ERROR(run->Next());
  }
  return Status::Ok();
}

}  // namespace mendfs
