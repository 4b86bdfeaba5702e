// What is asked of a node type's rows, as words: nothing of it is judged yet.
//
// Threads:  values
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace mendfs {

enum class Compare : unsigned char { kEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kNull };

struct RowCondition {
  std::string column;
  Compare compare = Compare::kEqual;
  // As text: of kEqual any number, one of which it is; of kNull none; else one.
  std::vector<std::string> values;
};

// All conditions hold. A null meets kNull and nothing else.
struct RowQuery {
  std::vector<RowCondition> conditions;
  std::string order_by;           // empty: in the order that is read
  bool descending = false;        // nulls come last both ways
  std::optional<uint64_t> limit;  // rows
  bool scan = false;              // asked for: reading more rows than rows_scanned_max
};

}  // namespace mendfs
