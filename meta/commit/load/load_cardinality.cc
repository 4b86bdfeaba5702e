#include "meta/commit/load/load_cardinality.h"

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

}  // namespace

Status CardinalityCheck::Count(const EdgeType& type, InodeNumber source, const LineRef& where) {
  if (type.card_min == 0 && !type.card_max) return Status::Ok();
  if (type_ == nullptr || type.id != type_->id || source != source_) {
    MENDFS_RETURN_IF_ERROR(BeginGroup(type, source));
  }
  ++count_;
  if (type.card_max && count_ > *type.card_max) {
    context_.report.Refuse(
        where, {Code::kManyLinks, "edge " + type.name + ": its source would have " +
                                      std::to_string(count_) + " of them; the schema says " +
                                      Bounds(type)});
  }
  return Status::Ok();
}

Status CardinalityCheck::BeginGroup(const EdgeType& type, InodeNumber source) {
  EndGroup();
  if (type_ == nullptr || type_->id != type.id) {
    EndType();
    type_ = &type;
    types_seen_.insert(type.id);
    const auto range = new_rows_.types.find(type.source);
    next_new_ = range == new_rows_.types.end() ? 0 : range->second.first;
  }
  source_ = source;
  count_ = 0;
  if (!new_rows_.Holds(source)) {
    if (!type.card_max) return Status::Ok();
    MENDFS_ASSIGN_OR_RETURN(count_, CountStored(type, source));
    return Status::Ok();
  }
  TooFew(type, next_new_, source.value, 0);
  next_new_ = source.value + 1;
  return Status::Ok();
}

void CardinalityCheck::EndGroup() {
  if (type_ != nullptr && source_.value != 0 && new_rows_.Holds(source_)) {
    TooFew(*type_, source_.value, source_.value + 1, count_);
  }
  source_ = InodeNumber();
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
Result<uint64_t> CardinalityCheck::CountStored(const EdgeType& type, InodeNumber source) {
  uint64_t count = 0;
  const auto cursor = context_.reader.Scan(context_.view, PrefixRange(EdgePrefix(type.id, source)));
  for (; cursor->Valid() && count <= *type.card_max; cursor->Next()) {
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
  EndGroup();
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
