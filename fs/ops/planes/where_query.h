// What a directory of .mend/where stands for: conditions on the rows of a node or an edge type.
//
// Lifetime: the context outlives what is made from it
// Threads:  a WhereQuery is immutable: share it; WhereQueries is safe from any thread
// Errors:   those of meta/select.h
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fs/ops/plane/plane.h"
#include "meta/base/mutex.h"
#include "meta/bulk.h"

namespace mendfs {

// A row as a name of the directory.
struct WhereRow {
  std::string name;
  // Of a node its number; of an edge a hash of its name, which alone leads to it.
  InodeNumber id;
};

class WhereRows {
 public:
  virtual ~WhereRows() = default;
  virtual Result<std::optional<WhereRow>> Next() = 0;
};

class WhereQuery {
 public:
  virtual ~WhereQuery() = default;
  // The rows of a moment; what is opened keeps the query alive.
  virtual std::unique_ptr<WhereRows> OpenRows(const Reader& reader, const View& view) const = 0;
  virtual std::unique_ptr<LineStream> OpenLines(const Reader& reader, const View& view) const = 0;
  // The row that has this name now and meets the conditions. The limit is not asked.
  virtual Result<std::optional<WhereRow>> Find(const PlaneContext& context,
                                               std::string_view name) const = 0;
};
using WhereQueryRef = std::shared_ptr<const WhereQuery>;

// Queries that were asked for lately: `ls -l` looks every row of a directory up by itself.
class WhereQueries {
 public:
  // `place` is a kWhereQuery or a file of one.
  Result<WhereQueryRef> Find(const std::shared_ptr<const Schema>& schema, const Place& place)
      EXCLUDES(mutex_);

 private:
  Mutex mutex_{LockRank::kPlane};
  std::shared_ptr<const Schema> schema_ GUARDED_BY(mutex_);
  std::map<std::string, WhereQueryRef> queries_ GUARDED_BY(mutex_);
};

}  // namespace mendfs
