#include "meta/commit/load/load_gone.h"

#include <deque>
#include <optional>
#include <utility>

#include "meta/manifest/keys.h"
#include "meta/table/edges.h"
#include "meta/table/rows.h"

namespace mendfs {
namespace {

constexpr int kStepsBeforeSeek = 8;

// The edges of one type at one of their ends, asked for row by row in rising order.
class SideEdges {
 public:
  SideEdges(const LoadContext& context, const EdgeType& type, EdgeSide side)
      : type_(type), side_(side), cursor_(context.reader.Scan(context.view, PrefixRange(All()))) {}

  const EdgeType& type() const { return type_; }
  EdgeSide side() const { return side_; }

  // To the row's first edge, if there is any.
  void Begin(InodeNumber row) {
    prefix_ =
        side_ == EdgeSide::kOut ? EdgePrefix(type_.id, row) : EdgeReversePrefix(type_.id, row);
    for (int step = 0; cursor_->Valid() && cursor_->key() < prefix_; ++step) {
      if (step < kStepsBeforeSeek) {
        cursor_->Next();
      } else {
        cursor_->Seek(prefix_);
      }
    }
  }
  bool Valid() const { return cursor_->Valid() && cursor_->key().starts_with(prefix_); }
  Cursor& cursor() { return *cursor_; }

 private:
  std::string All() const {
    return side_ == EdgeSide::kOut ? EdgePrefix(type_.id) : EdgeReversePrefix(type_.id);
  }

  const EdgeType& type_;
  const EdgeSide side_;
  const std::unique_ptr<Cursor> cursor_;
  std::string prefix_;
};

// Walks the rows of one run, type by type.
class EdgesOfGone {
 public:
  EdgesOfGone(LoadContext& context, ExternalSorter& found) : context_(context), found_(found) {}

  Status Take(std::string_view row_name_key, std::string_view key) {
    const auto type = ParseTypeOf(row_name_key);
    const auto row = ParseRowNameKey(row_name_key);
    if (!type || !row) return {Code::kInternal, "load: a record of a gone row does not decode"};
    if (type_ != *type) BeginType(*type);
    for (SideEdges& side : sides_) MENDFS_RETURN_IF_ERROR(TakeSide(side, *row, key));
    return Status::Ok();
  }

 private:
  void BeginType(TypeId type) {
    type_ = type;
    sides_.clear();
    for (const EdgeType& edge : context_.rules->schema().edges) {
      if (context_.whole.contains(edge.id)) continue;
      if (edge.source == type) sides_.emplace_back(context_, edge, EdgeSide::kOut);
      if (edge.target == type) sides_.emplace_back(context_, edge, EdgeSide::kIn);
    }
  }

  Status TakeSide(SideEdges& side, InodeNumber row, std::string_view key) {
    side.Begin(row);
    bool held = false;
    for (; side.Valid(); side.cursor().Next()) {
      const auto ends = ParseEdgeKey(side.cursor().key());
      if (!ends) return {Code::kCorruption, "an edge's key does not decode"};
      if (side.type().on_delete == OnDelete::kRestrict && !held) {
        MENDFS_ASSIGN_OR_RETURN(held, Holds(side, *ends, row, key));
      }
      MENDFS_RETURN_IF_ERROR(found_.Add(EdgeKey(side.type().id, *ends), {}));
    }
    return side.cursor().status();
  }

  // Told once a row and edge type. An edge whose other end is gone holds nothing.
  Result<bool> Holds(const SideEdges& side, const EdgeEnds& ends, InodeNumber row,
                     std::string_view key) {
    const EdgeType& type = side.type();
    const bool out = side.side() == EdgeSide::kOut;
    const InodeNumber other_row = out ? ends.target : ends.source;
    std::optional<std::string> other = std::string(key);
    if (other_row != row) {
      MENDFS_ASSIGN_OR_RETURN(other, FindRowKey(context_.reader, context_.view,
                                                out ? type.target : type.source, other_row));
    }
    if (!other) return false;
    const NodeType* node = context_.rules->schema().FindNode(type_);
    const std::string edge =
        out ? EdgeText(type, key, *other, ends.number) : EdgeText(type, *other, key, ends.number);
    context_.report.Refuse(
        {}, {Code::kBusy, (node == nullptr ? "row" : node->name) + " \"" + std::string(key) +
                              "\" is not in the input, but " + edge +
                              " holds it and its type says @ondelete(restrict); give the row, or "
                              "remove the edge first"});
    return true;
  }

  LoadContext& context_;
  ExternalSorter& found_;
  TypeId type_;
  std::deque<SideEdges> sides_;  // they do not move
};

}  // namespace

GonePass::GonePass(LoadContext& context)
    : context_(context), sort_(context.MakeSorter("gone", context.sort_bytes / 8)) {}

Status GonePass::Add(TypeId type, InodeNumber row, std::string_view key) {
  return sort_->Add(RowNameKey(type, row), key);
}

Result<RunInfo> GonePass::ClearNames(LoadOutput::Stream& row_names) {
  MENDFS_ASSIGN_OR_RETURN(
      auto run, RunWriter::Begin(context_.disk, context_.staging.directory() + "/gone-rows"));
  MENDFS_ASSIGN_OR_RETURN(auto stream, sort_->Finish());
  while (stream->Valid()) {
    MENDFS_RETURN_IF_ERROR(run->Add(stream->key(), stream->payload()));
    if (context_.report.clean()) MENDFS_RETURN_IF_ERROR(row_names.Clear(stream->key()));
    MENDFS_RETURN_IF_ERROR(stream->Next());
  }
  stream.reset();
  sort_.reset();
  return run->Finish();
}

Result<std::unique_ptr<ExternalSorter>> GonePass::CollectEdges(LoadContext& context,
                                                               const RunInfo& gone) {
  auto found = context.MakeSorter("edges-gone", context.sort_bytes / 4);
  EdgesOfGone edges(context, *found);
  MENDFS_ASSIGN_OR_RETURN(auto rows, RunReader::Open(context.disk, gone));
  while (rows->Valid()) {
    MENDFS_RETURN_IF_ERROR(edges.Take(rows->key(), rows->payload()));
    MENDFS_RETURN_IF_ERROR(rows->Next());
  }
  return found;
}

}  // namespace mendfs
