#include "meta/select.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "meta/table/select/candidates.h"
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

constexpr uint64_t kWaitingRowBytes = 128;  // of a row that waits for its place, besides its texts

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

// Everything is read at the first call. Of what the limit leaves out only as much is kept as makes
// sorting worthwhile: twice the limit.
class OrderedCursor final : public NodeCursor {
 public:
  OrderedCursor(const Reader& reader, const View& view, const RowSelection::State& state)
      : state_(state), rows_(reader, view, state) {}

  Result<std::optional<NodeRow>> Next() override {
    if (!gathered_) MENDFS_RETURN_IF_ERROR(Gather());
    gathered_ = true;
    if (next_ == waiting_.size()) return std::optional<NodeRow>();
    return std::optional<NodeRow>(std::move(waiting_[next_++].row));
  }

 private:
  struct Waiting {
    std::optional<std::string> value;
    NodeRow row;
    uint64_t bytes() const {
      return kWaitingRowBytes + row.body.size() + row.key.size() + (value ? value->size() : 0);
    }
  };

  bool Before(const Waiting& one, const Waiting& other) const {
    if (one.value.has_value() != other.value.has_value()) return one.value.has_value();
    if (one.value != other.value) {
      return state_.descending ? *other.value < *one.value : *one.value < *other.value;
    }
    return one.row.key < other.row.key;
  }
  void Sort() {
    std::sort(waiting_.begin(), waiting_.end(),
              [this](const Waiting& one, const Waiting& other) { return Before(one, other); });
    while (waiting_.size() > state_.limit.value_or(std::numeric_limits<uint64_t>::max())) {
      bytes_ -= waiting_.back().bytes();
      waiting_.pop_back();
    }
  }
  Status Gather() {
    const PropertyId column = state_.filter.order_by()->id;
    while (true) {
      MENDFS_ASSIGN_OR_RETURN(auto row, rows_.Next());
      if (!row) break;
      Waiting waiting{.value = std::nullopt, .row = *std::move(row)};
      if (const auto value = rows_.ValueOf(column)) waiting.value = std::string(*value);
      bytes_ += waiting.bytes();
      waiting_.push_back(std::move(waiting));
      const bool many = state_.limit && waiting_.size() / 2 > *state_.limit;
      if (many || bytes_ > state_.limits.ordered_bytes_max) Sort();
      if (bytes_ > state_.limits.ordered_bytes_max) {
        return {Code::kOverflow,
                "put rows of " + state_.filter.type().name +
                    " in order: they do not fit into memory at once; ask for fewer with @limit=, "
                    "or without @order="};
      }
    }
    Sort();
    return {};
  }

  const RowSelection::State& state_;
  MatchCursor rows_;
  bool gathered_ = false;
  std::vector<Waiting> waiting_;
  uint64_t bytes_ = 0;
  size_t next_ = 0;
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

struct RowLines::State {
  std::shared_ptr<const RowSelection> selection;
  std::unique_ptr<NodeCursor> rows;
  FilterScratch scratch;
};

RowLines::RowLines(std::shared_ptr<const RowSelection> selection, const Reader& reader,
                   const View& view)
    : state_(new State{.selection = selection,
                       .rows = selection->Open(reader, view),
                       .scratch = selection->state_->filter.MakeScratch()}) {}
RowLines::~RowLines() = default;

Result<bool> RowLines::Next(std::string& out) {
  MENDFS_ASSIGN_OR_RETURN(const auto row, state_->rows->Next());
  if (!row) return false;
  const RowFilter& filter = state_->selection->state_->filter;
  if (filter.HasKey(row->key, row->body, state_->scratch)) {
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
  AppendWithMembers(out, members, row->body);
  return true;
}

}  // namespace mendfs
