#include "meta/row_expiry.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "meta/commit/history/retention.h"
#include "meta/manifest/keys.h"
#include "meta/table/edges.h"
#include "meta/table/edges_sweep.h"
#include "meta/table/schema/row_value.h"
#include "meta/tables_core.h"

namespace mendfs {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;
// Rows that an edge holds are asked again after this.
constexpr int64_t kHeldRetryNs = 60 * kSecondNs;

// Index entries of `column` up to now. A Date is the first instant of that day, in UTC.
std::optional<KeyRange> PassedRange(TypeId type, const Property& column, int64_t now_ns) {
  if (now_ns < 0) return std::nullopt;
  std::string now;
  const int64_t seconds = now_ns / kSecondNs;
  if (column.type.scalar == ScalarKind::kDate) {
    AppendOrderedSigned(now, seconds / kSecondsPerDay);
  } else {
    AppendOrderedInstant(now, {seconds, static_cast<uint32_t>(now_ns % kSecondNs)});
  }
  KeyRange range = PrefixRange(IndexPrefix(type, column.id, now));
  range.first = IndexPrefix(type, column.id);
  return range;
}

const Property* TtlColumn(const NodeType& type) {
  for (const Property& property : type.properties) {
    if (property.ttl) return &property;
  }
  return nullptr;
}

// May the end of such a row keep another one from ending? Then they go one after the other.
bool CountsFor(const Schema& schema, TypeId type) {
  return std::any_of(schema.edges.begin(), schema.edges.end(), [&](const EdgeType& edge) {
    return edge.target == type && edge.card_min > 0;
  });
}

class Expiry {
 public:
  Expiry(TableCore& core, std::shared_ptr<const RowRules> rules, uint64_t limit)
      : core_(core), rules_(std::move(rules)), limit_(limit), change_(core.NewChange()) {}

  // Fills the change.
  Status Collect(int64_t now_ns) {
    for (const NodeType& type : rules_->schema().nodes) {
      const Property* const column = TtlColumn(type);
      if (column == nullptr) continue;
      const auto range = PassedRange(type.id, *column, now_ns);
      if (range) MENDFS_RETURN_IF_ERROR(CollectOf(type, *range));
    }
    return Status::Ok();
  }
  Change& change() { return change_; }
  uint64_t rows() const { return rows_; }
  uint64_t held() const { return held_; }

 private:
  bool HasRoom() const { return rows_ < limit_ && edge_count_ < RowExpiry::kExpiredEdgesMax; }
  Status CollectOf(const NodeType& type, const KeyRange& range) {
    const bool counted = CountsFor(rules_->schema(), type.id);
    const auto cursor = core_.reader().Scan(core_.view, range);
    for (; cursor->Valid() && HasRoom(); cursor->Next()) {
      if (counted && rows_ > 0) return Status::Ok();
      const auto row = ParseIndexKey(cursor->key());
      if (!row) return {Code::kCorruption, "expire rows of " + type.name + ": malformed index key"};
      MENDFS_RETURN_IF_ERROR(Take(type, *row));
    }
    return cursor->status();
  }

  Status Take(const NodeType& type, InodeNumber row) {
    MENDFS_ASSIGN_OR_RETURN(const auto key, FindRowKey(core_.reader(), core_.view, type.id, row));
    if (!key) return Status::Ok();
    const Status may_go = CheckRowMayGo(core_.reader(), core_.view, rules_->schema(), type.id, row);
    if (may_go.code() == Code::kBusy || may_go.code() == Code::kManyLinks) {
      ++held_;
      return Status::Ok();
    }
    MENDFS_RETURN_IF_ERROR(may_go);
    MENDFS_ASSIGN_OR_RETURN(const StoredRow stored, core_.NeedRow(type, *key));
    MENDFS_ASSIGN_OR_RETURN(const IndexKeys had,
                            core_.StoredIndexKeys({rules_, &type}, *key, stored));
    ClearRowKey(type.id, *key, LongNameHash(type, *key), change_);
    ClearRowNumber(type.id, row, change_);
    ChangeIndexes(had, {}, false, change_);
    ++rows_;
    return TakeEdges(type.id, row);
  }

  // Two rows that go may share an edge, which is cleared once.
  Status TakeEdges(TypeId type, InodeNumber row) {
    Change edges = core_.NewChange();
    MENDFS_ASSIGN_OR_RETURN(
        const SweptChunk chunk,
        CollectSwept(core_.reader(), core_.view, rules_->schema(), {.type = type, .row = row},
                     RowExpiry::kExpiredEdgesMax, edges));
    for (ChangeEntry& entry : edges.entries) {
      if (edges_.insert(entry.key).second) change_.entries.push_back(std::move(entry));
    }
    if (!chunk.done) change_.Put(DeadRowKey(type, row), {});
    edge_count_ += chunk.edges;
    return Status::Ok();
  }

  TableCore& core_;
  const std::shared_ptr<const RowRules> rules_;
  const uint64_t limit_;
  Change change_;
  uint64_t rows_ = 0;
  uint64_t held_ = 0;            // whose edges keep them
  std::set<std::string> edges_;  // keys that are cleared
  uint64_t edge_count_ = 0;
};

Result<bool> AnyPassed(TableCore& core, int64_t now_ns) {
  MENDFS_ASSIGN_OR_RETURN(const auto rules, core.catalog.RulesAt(core.view));
  for (const NodeType& type : rules->schema().nodes) {
    const Property* const column = TtlColumn(type);
    const auto range = column == nullptr ? std::nullopt : PassedRange(type.id, *column, now_ns);
    if (!range) continue;
    const auto cursor = core.reader().Scan(core.view, *range);
    if (cursor->Valid()) return true;
    MENDFS_RETURN_IF_ERROR(cursor->status());
  }
  return false;
}

}  // namespace

Result<uint64_t> RowExpiry::Run(uint64_t limit) {
  const int64_t now_ns = store_.door().NowNs();
  if (now_ns < held_until_ns_) return uint64_t{0};
  TableCore core(store_.door(), branch_);
  MENDFS_ASSIGN_OR_RETURN(const bool any, AnyPassed(core, now_ns));
  if (!any) return uint64_t{0};
  MENDFS_RETURN_IF_ERROR(store_.door().TakeInodes(0).status());  // refused where nothing is written
  const TableHold gate(store_.door(), TableHold::Mode::kExclusive, TableHold::Purpose::kDelete);
  MENDFS_RETURN_IF_ERROR(gate.status());
  MENDFS_ASSIGN_OR_RETURN(auto rules, core.catalog.RulesAt(core.view));
  Expiry expiry(core, std::move(rules), limit);
  MENDFS_RETURN_IF_ERROR(expiry.Collect(now_ns));
  if (expiry.rows() == 0) {
    if (expiry.held() > 0) held_until_ns_ = now_ns + kHeldRetryNs;
    return uint64_t{0};
  }
  expiry.change().room = Room::kFrees;
  const CommitNote note{.actor = "ttl",
                        .message = "rows whose time has passed: " + std::to_string(expiry.rows()),
                        .origin = Origin::kTtl};
  MENDFS_RETURN_IF_ERROR(store_.Publish(expiry.change(), note).status());
  return expiry.rows();
}

}  // namespace mendfs
