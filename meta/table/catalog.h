// The accepted schema, decoded and made ready for checking, for any view of a store.
//
// A schema is named by the change that wrote it, so that branches and history share what is equal;
// the few last used ones are kept.
//
// Lifetime: the Reader outlives the Catalog; what it hands out lives on its own
// Threads:  safe from any thread
// Errors:   as Reader::Get; kCorruption or kUnsupported for a schema that does not decode
// Cost:     one Get; decoding only when the schema is not among the last kSlots used
#pragma once

#include <array>
#include <cstddef>
#include <memory>

#include "meta/base/mutex.h"
#include "meta/base/status.h"
#include "meta/manifest/reader.h"
#include "meta/table/row_check.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

class Catalog {
 public:
  explicit Catalog(const Reader& reader) : reader_(reader) {}

  // Empty rules before the first schema.
  Result<std::shared_ptr<const RowRules>> RulesAt(const View& view);

  static constexpr size_t kSlots = 8;

 private:
  struct Slot {
    Seq start;
    std::shared_ptr<const RowRules> rules;
  };
  std::shared_ptr<const RowRules> Find(Seq start);
  void Keep(Seq start, std::shared_ptr<const RowRules> rules);

  const Reader& reader_;
  Mutex mu_{LockRank::kCatalog};
  std::array<Slot, kSlots> slots_ GUARDED_BY(mu_);  // last used first
};

// The schema of `rules`, sharing their life.
std::shared_ptr<const Schema> SchemaOf(const std::shared_ptr<const RowRules>& rules);

}  // namespace mendfs
