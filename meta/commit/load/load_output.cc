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

Status LoadOutput::Stream::Add(std::string_view key, std::string_view value) {
  if (segmented_) return AddToSegment(key, value);
  const uint64_t bytes = key.size() + value.size();
  LoadOutput& output = output_;
  if (output.plain_entries_ + 1 > output.options_.plain_entries_max ||
      output.plain_bytes_ + bytes > output.options_.plain_bytes_max) {
    MENDFS_RETURN_IF_ERROR(MovePlainToSegments());
    return AddToSegment(key, value);
  }
  plain_.push_back({.fresh = true, .key = std::string(key), .value = std::string(value)});
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
  for (const ChangeEntry& entry : plain_) {
    MENDFS_RETURN_IF_ERROR(AddToSegment(entry.key, entry.value));
  }
  plain_ = {};
  plain_bytes_ = 0;
  return Status::Ok();
}

// A segment holds one type, and is named under it.
Status LoadOutput::Stream::AddToSegment(std::string_view key, std::string_view value) {
  const std::string_view type_prefix = key.substr(0, kTypePrefixBytes);
  const bool full = builder_ && (builder_->entries() >= output_.options_.segment_entries_max ||
                                 builder_->size_bytes() >= output_.options_.segment_bytes_max);
  if (builder_ && (full || type_prefix != type_prefix_)) MENDFS_RETURN_IF_ERROR(FinishSegment());
  if (!builder_) {
    SegmentOptions options = options_;
    options.time_ns = output_.options_.time_ns;
    MENDFS_ASSIGN_OR_RETURN(options.id, output_.write_.TakeSegment());
    MENDFS_ASSIGN_OR_RETURN(builder_, SegmentBuilder::Begin(output_.objects_, options));
    type_prefix_ = type_prefix;
  }
  return builder_->Add(key, Seq(), value);
}

Status LoadOutput::Stream::FinishSegment() {
  MENDFS_ASSIGN_OR_RETURN(auto sealed, builder_->Finish());
  output_.segments_.push_back(std::move(sealed));
  builder_.reset();
  return Status::Ok();
}

Status LoadOutput::Stream::Finish() {
  if (builder_) MENDFS_RETURN_IF_ERROR(FinishSegment());
  for (ChangeEntry& entry : plain_) {
    MENDFS_RETURN_IF_ERROR(SetTime(entry, output_.options_.time_ns));
    output_.plain_.push_back(std::move(entry));
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
