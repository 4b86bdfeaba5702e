// What all stages of a load share.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include "meta/codec/hash.h"
#include "meta/commit/load/external_sort.h"
#include "meta/commit/load/load_report.h"
#include "meta/commit/load/load_staging.h"
#include "meta/disk/disk.h"
#include "meta/manifest/reader.h"
#include "meta/table/row_check.h"

namespace mendfs {

inline constexpr uint64_t kLoadProgressStep = 1 << 16;  // records between two reports

struct LoadContext {
  Disk& disk;
  const Reader& reader;
  View view;
  std::shared_ptr<const RowRules> rules;
  LoadReport& report;
  LoadStaging& staging;
  bool upsert = false;      // keys that are there get the new body; else they are refused
  std::set<TypeId> whole;   // types of which the input is all there is to be
  uint64_t sort_bytes = 0;  // of one large sort; two are alive at most
  // The hash that stands for a key in a file name that would be too long.
  std::function<std::optional<Hash128>(const NodeType&, std::string_view key)> long_name;
  std::function<void(std::string_view stage, uint64_t done, uint64_t total)> progress;

  std::unique_ptr<ExternalSorter> MakeSorter(std::string name, uint64_t memory_bytes) const {
    return std::make_unique<ExternalSorter>(
        disk, ExternalSorter::Place{staging.directory(), std::move(name)}, memory_bytes);
  }
};

}  // namespace mendfs
