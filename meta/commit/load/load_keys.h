// From row numbers to keys, for many questions in any order: a bounded table of a type's rows, and
// a read for what does not fit.
//
// Lifetime: the Reader outlives it; an answer is valid until the next Find
// Threads:  one
// Errors:   as Reader
// Cost:     memory: at most kTableBytesMax; a scan of the type's names at the start
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/manifest/reader.h"

namespace mendfs {

class RowKeyTable {
 public:
  static constexpr size_t kTableBytesMax = size_t{64} << 20;

  static Result<std::unique_ptr<RowKeyTable>> Make(const Reader& reader, const View& view,
                                                   TypeId type);
  // Nothing if the row is not live.
  Result<std::optional<std::string_view>> Find(InodeNumber row);

 private:
  RowKeyTable(const Reader& reader, const View& view, TypeId type)
      : reader_(reader), view_(view), type_(type) {}
  Status Fill();
  std::string_view KeyAt(size_t index) const;

  const Reader& reader_;
  const View view_;
  const TypeId type_;
  std::vector<uint64_t> numbers_;  // rising
  std::vector<uint32_t> ends_;     // of each key in keys_
  std::string keys_;
  bool complete_ = false;
  std::string answer_;
};

}  // namespace mendfs
