// Which rows are gone with edges left behind, and which entries clear them.
//
// Deleting a row costs one record whatever its number of edges: they are invisible from then on and
// are cleared later, in chunks. A row that comes back under its number before that has them again;
// once the first is cleared the number must not come back until the last one is.
//
// Threads:  SweepQueue safe from any thread; CollectSwept is a free function
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "meta/base/mutex.h"
#include "meta/base/status.h"
#include "meta/manifest/change.h"
#include "meta/manifest/reader.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

struct GoneRow {
  TypeId type;
  InodeNumber row;
  int64_t gone_ns = 0;
  std::string resume;  // the last entry that was cleared; empty: none yet
};

// First in, first out.
class SweepQueue {
 public:
  static constexpr size_t kRowsMax = size_t{1} << 20;

  // False when the queue is full: the edges stay behind, invisible.
  bool Add(TypeId type, InodeNumber row, int64_t now_ns);
  // The first row, if it has been gone since `before_ns`. A row that came back and went again
  // counts from the last time.
  std::optional<GoneRow> First(int64_t before_ns);
  // The first row, if it is this one, has been cleared up to `resume`.
  void Advance(TypeId type, InodeNumber row, std::string resume);
  // Takes the first row off, if it is this one.
  void Drop(TypeId type, InodeNumber row);
  // Has clearing begun and not ended?
  bool IsBeingSwept(TypeId type, InodeNumber row) const;

 private:
  bool IsFirstLocked(TypeId type, InodeNumber row) const REQUIRES(mu_);
  void DropFirstLocked() REQUIRES(mu_);

  mutable Mutex mu_{LockRank::kLeaf};
  std::deque<GoneRow> rows_ GUARDED_BY(mu_);
  struct Last {
    int64_t gone_ns =
        0;               // when it went for the last time; an element of rows_ with another is void
    bool begun = false;  // some of its edges are cleared; stays when it is noted as gone again
  };
  std::map<std::pair<TypeId, InodeNumber>, Last> last_ GUARDED_BY(mu_);
};

struct SweptChunk {
  uint64_t edges = 0;
  std::string last;  // where to resume
};
// Fills `change` with what clears up to `edges_max` edges of a row that is not live.
Result<SweptChunk> CollectSwept(const Reader& reader, const View& view, const Schema& schema,
                                const GoneRow& gone, uint64_t edges_max, Change& change);

}  // namespace mendfs
