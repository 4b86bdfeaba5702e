#include "meta/table/select/candidates.h"

#include <utility>
#include <vector>

#include "meta/manifest/keys.h"
#include "meta/table/index.h"

namespace mendfs {
namespace {

class TableSource final : public Candidates {
 public:
  TableSource(const Reader& reader, const View& view, const NodeType& type, uint64_t rows_max)
      : type_(type),
        rows_left_(rows_max),
        rows_max_(rows_max),
        cursor_(reader.Scan(view, PrefixRange(RowPrefix(type.id)))) {}

  Result<std::optional<CandidateRow>> Next() override {
    if (begun_ && cursor_->Valid()) cursor_->Next();
    begun_ = true;
    if (!cursor_->Valid()) {
      MENDFS_RETURN_IF_ERROR(cursor_->status());
      return std::optional<CandidateRow>();
    }
    if (rows_left_-- == 0) {
      return Status(Code::kOverflow,
                    type_.name + " has more than " + std::to_string(rows_max_) +
                        " rows and no index answers this; give a column of it @index, or ask for "
                        "the scan: where/" +
                        type_.name + "/@scan/…");
    }
    CandidateRow row;
    const auto key = ParseRowKey(cursor_->key());
    if (!key) return Status(Code::kCorruption, "read " + type_.name + ": a row's key is malformed");
    row.key = *key;
    row.stored.value = cursor_->value();
    row.stored.start = cursor_->start();
    MENDFS_ASSIGN_OR_RETURN(row.stored.head, DecodeRowHead(row.stored.value));
    return std::optional<CandidateRow>(std::move(row));
  }

 private:
  const NodeType& type_;
  uint64_t rows_left_;
  const uint64_t rows_max_;
  const std::unique_ptr<Cursor> cursor_;
  bool begun_ = false;
};

class IndexSource final : public Candidates {
 public:
  IndexSource(const Reader& reader, const View& view, const NodeType& type,
              std::vector<KeyRange> ranges)
      : reader_(reader), view_(view), type_(type), ranges_(std::move(ranges)) {}

  Result<std::optional<CandidateRow>> Next() override {
    while (true) {
      MENDFS_ASSIGN_OR_RETURN(const auto number, NextNumber());
      if (!number) return std::optional<CandidateRow>();
      MENDFS_ASSIGN_OR_RETURN(auto key, FindRowKey(reader_, view_, type_.id, *number));
      if (!key) continue;  // a stray entry: its row is gone
      MENDFS_ASSIGN_OR_RETURN(auto stored, FindRow(reader_, view_, type_.id, *key));
      if (!stored || stored->head.row != *number) continue;
      return std::optional<CandidateRow>({*std::move(key), *std::move(stored)});
    }
  }

 private:
  Result<std::optional<InodeNumber>> NextNumber() {
    while (true) {
      if (cursor_) {
        cursor_->Next();
      } else if (range_ < ranges_.size()) {
        cursor_ = reader_.Scan(view_, ranges_[range_++]);
      } else {
        return std::optional<InodeNumber>();
      }
      if (cursor_->Valid()) break;
      MENDFS_RETURN_IF_ERROR(cursor_->status());
      cursor_.reset();
    }
    const auto number = ParseIndexKey(cursor_->key());
    if (!number) return Status(Code::kCorruption, "read an index: malformed key");
    return number;
  }

  const Reader& reader_;
  const View view_;
  const NodeType& type_;
  const std::vector<KeyRange> ranges_;
  size_t range_ = 0;
  std::unique_ptr<Cursor> cursor_;
};

// Which source is narrower: a unique value, values, one side of a range.
int Rank(const ColumnCondition& condition) {
  if (!IsIndexed(*condition.property)) return 0;
  switch (condition.compare) {
    case Compare::kNull: return 0;
    case Compare::kEqual: return condition.property->unique ? 3 : 2;
    default: return 1;
  }
}

std::vector<KeyRange> RangesOf(TypeId type, const ColumnCondition& condition) {
  const PropertyId property = condition.property->id;
  std::vector<KeyRange> ranges;
  if (condition.compare == Compare::kEqual) {
    for (const std::string& value : condition.ordered) {
      ranges.push_back(PrefixRange(IndexPrefix(type, property, value)));
    }
    return ranges;
  }
  const KeyRange all = PrefixRange(IndexPrefix(type, property));
  const KeyRange equal = PrefixRange(IndexPrefix(type, property, condition.ordered.front()));
  switch (condition.compare) {
    case Compare::kLess: ranges.push_back({all.first, equal.first}); break;
    case Compare::kLessEqual: ranges.push_back({all.first, equal.last}); break;
    case Compare::kGreater: ranges.push_back({equal.last, all.last}); break;
    default: ranges.push_back({equal.first, all.last}); break;
  }
  return ranges;
}

}  // namespace

std::unique_ptr<Candidates> MakeCandidates(const Reader& reader, const View& view,
                                           const RowFilter& filter, uint64_t rows_scanned_max) {
  const ColumnCondition* best = nullptr;
  for (const ColumnCondition& condition : filter.conditions()) {
    if (Rank(condition) > (best == nullptr ? 0 : Rank(*best))) best = &condition;
  }
  const NodeType& type = filter.type();
  if (best == nullptr) return std::make_unique<TableSource>(reader, view, type, rows_scanned_max);
  return std::make_unique<IndexSource>(reader, view, type, RangesOf(type.id, *best));
}

}  // namespace mendfs
