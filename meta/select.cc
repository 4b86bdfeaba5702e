#include "meta/select.h"

#include <limits>
#include <utility>

#include "meta/table/select/candidates.h"
#include "meta/table/select/ordered_rows.h"
#include "meta/table/select/row_filter.h"
#include "meta/table/text/json_text.h"
#include "meta/table/text/row_line.h"

namespace mendfs {

struct RowSelection::State {
  RowFilter filter;
  bool descending = false;
  std::optional<uint64_t> limit;
  SelectLimits limits;
};

namespace {

NodeRow NodeOf(CandidateRow sourced) {
  NodeRow row;
  row.row = sourced.stored.head.row;
  row.key = std::move(sourced.key);
  row.body = sourced.stored.body();
  row.size_bytes = row.body.size();
  row.attributes = sourced.stored.head.attributes;
  row.start = sourced.stored.start;
  return row;
}

// Rows that match, in the order of their source.
class MatchCursor final : public NodeCursor {
 public:
  MatchCursor(const Reader& reader, const View& view, const RowSelection::State& state)
      : filter_(state.filter),
        scratch_(filter_.MakeScratch()),
        source_(MakeCandidates(reader, view, filter_, state.limits.rows_scanned_max)) {}

  Result<std::optional<NodeRow>> Next() override {
    while (true) {
      MENDFS_ASSIGN_OR_RETURN(auto sourced, source_->Next());
      if (!sourced) return std::optional<NodeRow>();
      Result<bool> matches = filter_.Matches(sourced->key, sourced->stored.body(), scratch_);
      if (!matches.ok()) {
        return Status(Code::kCorruption, "read " + filter_.type().name + "/" + sourced->key + ": " +
                                             matches.status().message());
      }
      if (*matches) return std::optional<NodeRow>(NodeOf(*std::move(sourced)));
    }
  }
  // Of the row that came last.
  std::optional<std::string_view> ValueOf(PropertyId property) const {
    return scratch_.ValueOf(property);
  }
  static bool Before(const NodeRow& one, const NodeRow& other) { return one.key < other.key; }
  static uint64_t HeldBytes(const NodeRow& row) { return row.body.size() + row.key.size(); }

 private:
  const RowFilter& filter_;
  FilterScratch scratch_;
  const std::unique_ptr<Candidates> source_;
};

class LimitCursor final : public NodeCursor {
 public:
  LimitCursor(std::unique_ptr<NodeCursor> rows, uint64_t limit)
      : rows_(std::move(rows)), left_(limit) {}

  Result<std::optional<NodeRow>> Next() override {
    if (left_ == 0) return std::optional<NodeRow>();
    --left_;
    return rows_->Next();
  }

 private:
  const std::unique_ptr<NodeCursor> rows_;
  uint64_t left_;
};

// Everything is read at the first call.
class OrderedCursor final : public NodeCursor {
 public:
  OrderedCursor(const Reader& reader, const View& view, const RowSelection::State& state)
      : rows_({.type_name = state.filter.type().name,
               .column = state.filter.order_by()->id,
               .descending = state.descending,
               .limit = state.limit,
               .bytes_max = state.limits.ordered_bytes_max},
              reader, view, state) {}

  Result<std::optional<NodeRow>> Next() override { return rows_.Next(); }

 private:
  OrderedRows<NodeRow, MatchCursor> rows_;
};

}  // namespace

RowSelection::RowSelection(std::unique_ptr<State> state) : state_(std::move(state)) {}
RowSelection::~RowSelection() = default;

Result<std::shared_ptr<const RowSelection>> RowSelection::Make(std::shared_ptr<const Schema> schema,
                                                               TypeId type, const RowQuery& query,
                                                               const SelectLimits& limits) {
  const NodeType* const node = schema == nullptr ? nullptr : schema->FindNode(type);
  if (node == nullptr) {
    return Status(Code::kNotFound, "no node type " + std::to_string(type.value));
  }
  MENDFS_ASSIGN_OR_RETURN(RowFilter filter, RowFilter::Make(*node, query));
  auto state = std::make_unique<State>(State{.filter = std::move(filter),
                                             .descending = query.descending,
                                             .limit = query.limit,
                                             .limits = limits});
  if (query.scan) state->limits.rows_scanned_max = std::numeric_limits<uint64_t>::max();
  return std::shared_ptr<const RowSelection>(new RowSelection(std::move(state)));
}

const NodeType& RowSelection::type() const {
  return state_->filter.type();
}

Result<bool> RowSelection::Matches(const NodeRow& row) const {
  FilterScratch scratch = state_->filter.MakeScratch();
  return state_->filter.Matches(row.key, row.body, scratch);
}

std::unique_ptr<NodeCursor> RowSelection::Open(const Reader& reader, const View& view) const {
  if (state_->filter.order_by() != nullptr) {
    return std::make_unique<OrderedCursor>(reader, view, *state_);
  }
  auto rows = std::make_unique<MatchCursor>(reader, view, *state_);
  if (!state_->limit) return rows;
  return std::make_unique<LimitCursor>(std::move(rows), *state_->limit);
}

class RowSelection::Lines final : public LineStream {
 public:
  Lines(std::shared_ptr<const RowSelection> selection, const Reader& reader, const View& view)
      : selection_(std::move(selection)),
        rows_(selection_->Open(reader, view)),
        scratch_(selection_->state_->filter.MakeScratch()) {}

  Result<bool> Next(std::string& out) override;

 private:
  const std::shared_ptr<const RowSelection> selection_;
  const std::unique_ptr<NodeCursor> rows_;
  FilterScratch scratch_;
};

std::unique_ptr<LineStream> RowSelection::OpenLines(std::shared_ptr<const RowSelection> selection,
                                                    const Reader& reader, const View& view) {
  return std::make_unique<Lines>(std::move(selection), reader, view);
}

Result<bool> RowSelection::Lines::Next(std::string& out) {
  MENDFS_ASSIGN_OR_RETURN(const auto row, rows_->Next());
  if (!row) return false;
  const RowFilter& filter = selection_->state_->filter;
  if (filter.HasKey(row->key, row->body, scratch_)) {
    AppendMinified(out, row->body);
    return true;
  }
  std::string members;
  if (filter.type().key.empty()) {
    members = "\"$key\":";
    AppendJsonString(members, row->key);
  } else {
    MENDFS_RETURN_IF_ERROR(AppendKeyMembers(members, filter.type(), row->key));
  }
  MENDFS_RETURN_IF_ERROR(AppendWithMembers(out, members, KeyMemberNames(filter.type()), row->body));
  return true;
}

}  // namespace mendfs
