#include "meta/commit/load/load_output.h"

#include <utility>

#include "meta/manifest/keys.h"
#include "meta/table/row_format.h"

namespace mendfs {
namespace {

constexpr size_t kTypePrefixBytes = 5;  // kind, type

// Rows of segments show their segment's time. Plain ones carry it: that of their commit is gone
// when the commit is thinned away.
Status SetTime(ChangeEntry& entry, int64_t time_ns) {
  const auto kind = KindOf(entry.key);
  std::string value;
  if (kind == KeyKind::kRow) {
    MENDFS_ASSIGN_OR_RETURN(RowHead head, DecodeRowHead(entry.value));
    head.attributes.mtime_ns = time_ns;
    AppendRowValue(value, head.row, head.attributes, entry.value.substr(head.body_offset));
  } else if (kind == KeyKind::kEdge) {
    MENDFS_ASSIGN_OR_RETURN(EdgeHead head, DecodeEdgeHead(entry.value));
    head.attributes.mtime_ns = time_ns;
    AppendEdgeValue(value, head.attributes, entry.value.substr(head.body_offset));
  } else {
    return Status::Ok();
  }
  entry.value = std::move(value);
  return Status::Ok();
}

}  // namespace

LoadOutput::Stream::Stream(LoadOutput& output, const SegmentOptions& options)
    : output_(output), options_(options) {}

Status LoadOutput::Stream::Add(std::string_view key, std::string_view value,
                               const std::optional<Hash128>& hidden) {
  if (segmented_) return AddToSegment(sets_, key, value, hidden);
  return Take({.fresh = !hidden, .key = std::string(key), .value = std::string(value)}, hidden);
}

Status LoadOutput::Stream::Clear(std::string_view key, const std::optional<Hash128>& hidden) {
  if (segmented_) return AddToSegment(clears_, key, {}, hidden);
  return Take({.whiteout = true, .key = std::string(key), .value = {}}, hidden);
}

Status LoadOutput::Stream::Take(ChangeEntry entry, const std::optional<Hash128>& hidden) {
  const uint64_t bytes = entry.key.size() + entry.value.size();
  LoadOutput& output = output_;
  const bool many = output.plain_entries_ + 1 > output.options_.plain_entries_max ||
                    output.plain_bytes_ + bytes > output.options_.plain_bytes_max;
  if (many && output.write_ != nullptr) {
    MENDFS_RETURN_IF_ERROR(MovePlainToSegments());
    return AddToSegment(entry.whiteout ? clears_ : sets_, entry.key, entry.value, hidden);
  }
  plain_.push_back({std::move(entry), hidden});
  plain_bytes_ += bytes;
  output.plain_bytes_ += bytes;
  ++output.plain_entries_;
  return Status::Ok();
}

// Gives the room back that this stream had taken, for the smaller ones that follow.
Status LoadOutput::Stream::MovePlainToSegments() {
  segmented_ = true;
  output_.plain_entries_ -= plain_.size();
  output_.plain_bytes_ -= plain_bytes_;
  for (const Plain& plain : plain_) {
    const ChangeEntry& entry = plain.entry;
    MENDFS_RETURN_IF_ERROR(
        AddToSegment(entry.whiteout ? clears_ : sets_, entry.key, entry.value, plain.hidden));
  }
  plain_ = {};
  plain_bytes_ = 0;
  return Status::Ok();
}

// A segment holds one type, and is named under it.
Status LoadOutput::Stream::AddToSegment(OpenSegment& open, std::string_view key,
                                        std::string_view value,
                                        const std::optional<Hash128>& hidden) {
  const std::string_view type_prefix = key.substr(0, kTypePrefixBytes);
  const bool full =
      open.builder && (open.builder->entries() >= output_.options_.segment_entries_max ||
                       open.builder->size_bytes() >= output_.options_.segment_bytes_max);
  if (open.builder && (full || type_prefix != open.type_prefix)) {
    MENDFS_RETURN_IF_ERROR(FinishSegment(open));
  }
  if (!open.builder) {
    SegmentOptions options = options_;
    options.clears = &open == &clears_;
    options.time_ns = output_.options_.time_ns;
    MENDFS_ASSIGN_OR_RETURN(options.id, output_.write_->TakeSegment());
    MENDFS_ASSIGN_OR_RETURN(open.builder, SegmentBuilder::Begin(output_.objects_, options));
    open.type_prefix = type_prefix;
  }
  return open.builder->Add(key, Seq(), value, hidden);
}

Status LoadOutput::Stream::FinishSegment(OpenSegment& open) {
  MENDFS_ASSIGN_OR_RETURN(auto sealed, open.builder->Finish());
  output_.segments_.push_back(std::move(sealed));
  open.builder.reset();
  return Status::Ok();
}

Status LoadOutput::Stream::Finish() {
  for (OpenSegment* open : {&sets_, &clears_}) {
    if (open->builder) MENDFS_RETURN_IF_ERROR(FinishSegment(*open));
  }
  for (Plain& plain : plain_) {
    if (!plain.entry.whiteout) {
      MENDFS_RETURN_IF_ERROR(SetTime(plain.entry, output_.options_.time_ns));
    }
    output_.plain_.push_back(std::move(plain.entry));
  }
  plain_.clear();
  return Status::Ok();
}

Change LoadOutput::TakeChange() {
  Change change;
  change.branch = options_.branch;
  for (const SealedSegment& segment : segments_) {
    const TypeId type = *ParseTypeOf(segment.ref.first_key);
    change.PutGlobal(ObjectKey(segment.object.id), EncodeObjectInfo(segment.object));
    change.PutFresh(SegmentKey(type, segment.object.id), EncodeSegmentRef(segment.ref));
  }
  for (ChangeEntry& entry : plain_) change.entries.push_back(std::move(entry));
  segments_.clear();
  plain_.clear();
  return change;
}

}  // namespace mendfs
