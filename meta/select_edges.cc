#include "meta/select_edges.h"

#include <limits>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "meta/manifest/keys.h"
#include "meta/table/edges.h"
#include "meta/table/select/edge_filter.h"
#include "meta/table/select/ordered_rows.h"
#include "meta/table/text/json_text.h"
#include "meta/table/text/row_line.h"

namespace mendfs {

struct EdgeSelection::State {
  EdgeFilter filter;
  bool descending = false;
  std::optional<uint64_t> limit;
  SelectLimits limits;
};

namespace {

// All edges that can match: those of the ends that are named, one end after the other, or all.
class EdgeCandidates {
 public:
  EdgeCandidates(const Reader& reader, const View& view, const EdgeFilter& filter,
                 uint64_t edges_max)
      : reader_(reader), view_(view), filter_(filter), edges_left_(edges_max) {
    if (!filter.Ends(side_)) side_ = EdgeSide::kIn;
    if (!filter.Ends(side_)) walk_.emplace(reader, view, filter.type());
  }

  // Keys and ends; false at the end.
  Result<bool> Next(EdgeRow& row) {
    while (true) {
      if (!walk_) {
        MENDFS_ASSIGN_OR_RETURN(const bool opened, OpenNextEnd());
        if (!opened) return false;
      }
      MENDFS_ASSIGN_OR_RETURN(const bool more, walk_->Next());
      if (more) break;
      if (!filter_.Ends(side_)) return false;
      walk_.reset();
    }
    if (!filter_.Ends(side_) && edges_left_-- == 0) return TooMany();
    row.ends = walk_->ends();
    row.source_key = walk_->source_key();
    row.target_key = walk_->target_key();
    return true;
  }

 private:
  Result<bool> OpenNextEnd() {
    const std::vector<std::string>& keys = *filter_.Ends(side_);
    const EdgeType& type = filter_.type();
    while (next_end_ < keys.size()) {
      MENDFS_ASSIGN_OR_RETURN(
          const auto end,
          FindRow(reader_, view_, side_ == EdgeSide::kOut ? type.source : type.target,
                  keys[next_end_++]));
      if (!end) continue;  // no such row has edges
      walk_.emplace(reader_, view_, type, side_, end->head.row);
      return true;
    }
    return false;
  }
  Status TooMany() const {
    const std::string& name = filter_.type().name;
    return {Code::kOverflow, name +
                                 " has very many edges, and they have no index but their ends; "
                                 "ask for those of a row with $from= or $to=, or for the scan: "
                                 "where/" +
                                 name + "/@scan/…"};
  }

  const Reader& reader_;
  const View view_;
  const EdgeFilter& filter_;
  uint64_t edges_left_;
  EdgeSide side_ = EdgeSide::kOut;
  size_t next_end_ = 0;
  std::optional<EdgeWalk> walk_;
};

// Those that match, in the order of their source.
class MatchingEdges {
 public:
  MatchingEdges(const Reader& reader, const View& view, const EdgeSelection::State& state)
      : reader_(reader),
        view_(view),
        filter_(state.filter),
        scratch_(filter_.MakeScratch()),
        edges_(reader, view, filter_, state.limits.rows_scanned_max) {}

  Result<std::optional<EdgeRow>> Next() {
    while (true) {
      EdgeRow row;
      MENDFS_ASSIGN_OR_RETURN(const bool more, edges_.Next(row));
      if (!more) return std::optional<EdgeRow>();
      MENDFS_RETURN_IF_ERROR(ReadBody(row));
      Result<bool> matches = filter_.Matches(row.source_key, row.target_key, row.body, scratch_);
      if (!matches.ok()) {
        return Status(Code::kCorruption, "read " + filter_.type().name + " " + row.source_key +
                                             "~" + row.target_key + ": " +
                                             matches.status().message());
      }
      if (*matches) return std::optional<EdgeRow>(std::move(row));
    }
  }
  std::optional<std::string_view> ValueOf(PropertyId property) const {
    return scratch_.ValueOf(property);
  }
  static bool Before(const EdgeRow& one, const EdgeRow& other) {
    return std::tie(one.source_key, one.target_key, one.ends.number) <
           std::tie(other.source_key, other.target_key, other.ends.number);
  }
  static uint64_t HeldBytes(const EdgeRow& row) {
    return row.body.size() + row.source_key.size() + row.target_key.size();
  }

 private:
  Status ReadBody(EdgeRow& row) const {
    MENDFS_ASSIGN_OR_RETURN(const Entry entry,
                            reader_.Get(view_, EdgeKey(filter_.type().id, row.ends)));
    MENDFS_ASSIGN_OR_RETURN(const EdgeHead head, DecodeEdgeHead(entry.value));
    row.body = entry.value.substr(head.body_offset);
    row.size_bytes = row.body.size();
    row.attributes = head.attributes;
    row.start = entry.start;
    return {};
  }

  const Reader& reader_;
  const View view_;
  const EdgeFilter& filter_;
  FilterScratch scratch_;
  EdgeCandidates edges_;
};

// One of the two below a limit.
template <typename Rows>
class LimitedEdges final : public SelectedEdges {
 public:
  template <typename... Arguments>
  explicit LimitedEdges(std::optional<uint64_t> limit, Arguments&&... arguments)
      : rows_(std::forward<Arguments>(arguments)...),
        left_(limit.value_or(std::numeric_limits<uint64_t>::max())) {}

  Result<std::optional<EdgeRow>> Next() override {
    if (left_ == 0) return std::optional<EdgeRow>();
    --left_;
    return rows_.Next();
  }

 private:
  Rows rows_;
  uint64_t left_;
};

}  // namespace

EdgeSelection::EdgeSelection(std::unique_ptr<State> state) : state_(std::move(state)) {}
EdgeSelection::~EdgeSelection() = default;

Result<std::shared_ptr<const EdgeSelection>> EdgeSelection::Make(
    std::shared_ptr<const Schema> schema, TypeId type, const RowQuery& query,
    const SelectLimits& limits) {
  const EdgeType* const edge = schema == nullptr ? nullptr : schema->FindEdge(type);
  if (edge == nullptr) {
    return Status(Code::kNotFound, "no edge type " + std::to_string(type.value));
  }
  MENDFS_ASSIGN_OR_RETURN(EdgeFilter filter, EdgeFilter::Make(*schema, *edge, query));
  auto state = std::make_unique<State>(State{.filter = std::move(filter),
                                             .descending = query.descending,
                                             .limit = query.limit,
                                             .limits = limits});
  if (query.scan) state->limits.rows_scanned_max = std::numeric_limits<uint64_t>::max();
  return std::shared_ptr<const EdgeSelection>(new EdgeSelection(std::move(state)));
}

const EdgeType& EdgeSelection::type() const {
  return state_->filter.type();
}

Result<bool> EdgeSelection::Matches(const EdgeRow& row) const {
  FilterScratch scratch = state_->filter.MakeScratch();
  return state_->filter.Matches(row.source_key, row.target_key, row.body, scratch);
}

std::unique_ptr<SelectedEdges> EdgeSelection::Open(const Reader& reader, const View& view) const {
  const State& state = *state_;
  if (state.filter.order_by() == nullptr) {
    return std::make_unique<LimitedEdges<MatchingEdges>>(state.limit, reader, view, state);
  }
  RowOrder order{.type_name = type().name,
                 .column = state.filter.order_by()->id,
                 .descending = state.descending,
                 .limit = state.limit,
                 .bytes_max = state.limits.ordered_bytes_max};
  return std::make_unique<LimitedEdges<OrderedRows<EdgeRow, MatchingEdges>>>(
      state.limit, std::move(order), reader, view, state);
}

class EdgeSelection::Lines final : public LineStream {
 public:
  Lines(std::shared_ptr<const EdgeSelection> selection, const Reader& reader, const View& view)
      : selection_(std::move(selection)),
        rows_(selection_->Open(reader, view)),
        scratch_(selection_->state_->filter.MakeScratch()) {}

  Result<bool> Next(std::string& out) override {
    MENDFS_ASSIGN_OR_RETURN(const auto row, rows_->Next());
    if (!row) return false;
    const bool parallel = row->ends.number > 1;
    const bool has_ends =
        selection_->state_->filter.HasEnds(row->source_key, row->target_key, row->body, scratch_);
    if (has_ends && !parallel) {
      AppendMinified(out, row->body);
      return true;
    }
    std::string members;
    AppendEndMembers(members, row->source_key, row->target_key);
    if (parallel) members += ",\"$n\":" + std::to_string(row->ends.number);
    MENDFS_RETURN_IF_ERROR(AppendWithMembers(out, members, kEndMemberNames, row->body));
    return true;
  }

 private:
  const std::shared_ptr<const EdgeSelection> selection_;
  const std::unique_ptr<SelectedEdges> rows_;
  FilterScratch scratch_;
};

std::unique_ptr<LineStream> EdgeSelection::OpenLines(std::shared_ptr<const EdgeSelection> selection,
                                                     const Reader& reader, const View& view) {
  return std::make_unique<Lines>(std::move(selection), reader, view);
}

}  // namespace mendfs
