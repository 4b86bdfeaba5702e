// Rows put in the order of one column: all of a source are read before the first one comes. Of what
// a limit leaves out only as much is kept as makes sorting worthwhile: twice the limit.
//
// Source: Next() as below, ValueOf(PropertyId) of the row that came last, and of rows Before(one,
//         other), by key, and HeldBytes(row)
// Errors:   those of the source; kOverflow past bytes_max
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "meta/base/status.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

struct RowOrder {
  std::string type_name;
  PropertyId column;
  bool descending = false;  // rows without a value come last both ways
  std::optional<uint64_t> limit;
  uint64_t bytes_max = 0;
};

template <typename Row, typename Source>
class OrderedRows {
 public:
  template <typename... Arguments>
  explicit OrderedRows(RowOrder order, Arguments&&... arguments)
      : order_(std::move(order)), rows_(std::forward<Arguments>(arguments)...) {}

  Result<std::optional<Row>> Next() {
    if (!gathered_) MENDFS_RETURN_IF_ERROR(Gather());
    gathered_ = true;
    if (next_ == waiting_.size()) return std::optional<Row>();
    return std::optional<Row>(std::move(waiting_[next_++].row));
  }

 private:
  static constexpr uint64_t kWaitingRowBytes = 128;  // besides its texts
  struct Waiting {
    std::optional<std::string> value;
    Row row;
    uint64_t bytes() const {
      return kWaitingRowBytes + Source::HeldBytes(row) + (value ? value->size() : 0);
    }
  };

  bool Before(const Waiting& one, const Waiting& other) const {
    if (one.value.has_value() != other.value.has_value()) return one.value.has_value();
    if (one.value != other.value) {
      return order_.descending ? *other.value < *one.value : *one.value < *other.value;
    }
    return Source::Before(one.row, other.row);
  }
  void Sort() {
    std::sort(waiting_.begin(), waiting_.end(),
              [this](const Waiting& one, const Waiting& other) { return Before(one, other); });
    while (waiting_.size() > order_.limit.value_or(std::numeric_limits<uint64_t>::max())) {
      bytes_ -= waiting_.back().bytes();
      waiting_.pop_back();
    }
  }
  Status Gather() {
    while (true) {
      MENDFS_ASSIGN_OR_RETURN(auto row, rows_.Next());
      if (!row) break;
      Waiting waiting{.value = std::nullopt, .row = *std::move(row)};
      if (const auto value = rows_.ValueOf(order_.column)) waiting.value = std::string(*value);
      bytes_ += waiting.bytes();
      waiting_.push_back(std::move(waiting));
      const bool many = order_.limit && waiting_.size() / 2 > *order_.limit;
      if (many || bytes_ > order_.bytes_max) Sort();
      if (bytes_ > order_.bytes_max) {
        return {Code::kOverflow,
                "put rows of " + order_.type_name +
                    " in order: they do not fit into memory at once; ask for fewer with @limit=, "
                    "or without @order="};
      }
    }
    Sort();
    return {};
  }

  const RowOrder order_;
  Source rows_;
  bool gathered_ = false;
  std::vector<Waiting> waiting_;
  uint64_t bytes_ = 0;
  size_t next_ = 0;
};

}  // namespace mendfs
