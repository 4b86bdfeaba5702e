// Which rows are gone with edges left behind, and which entries clear them.
//
// Deleting a row costs one record whatever its number of edges: they are invisible from then on and
// are cleared later, in chunks. A row that comes back under its number before that has them again;
// once the first is cleared the number must not come back until the last one is.
//
// What is owed is an entry (DeadRowKey): set by the delete of a row that has edges, cleared by the
// change that puts the row back or by the one that clears the last edge. The queue is the order in
// which this open of the store pays; it is filled by deletes, and from the entries that an earlier
// open left. Of those it is not known whether clearing had begun, so their numbers do not come
// back.
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
  uint64_t ticket = 0;  // of this going; the same row gone again has another
  std::string resume;   // the last entry that was cleared; empty: none yet
};

// First in, first out; what an earlier open left goes before.
class SweepQueue {
 public:
  explicit SweepQueue(size_t rows_max = kRowsMax) : rows_max_(rows_max) {}

  // False when the queue is full: the row is found by its entry, when there is room again.
  bool Add(TypeId type, InodeNumber row, int64_t now_ns);
  // One that was found by its entry. False when the queue is full.
  bool AddOwed(TypeId type, InodeNumber row);
  // There may be entries of rows that it does not hold, and it has room for them.
  bool WantsOwed() const;
  // All entries are about to be offered to AddOwed.
  void BeginOwed();
  // The first row, if it has been gone since `before_ns`. A row that came back and went again
  // counts from the last time.
  std::optional<GoneRow> First(int64_t before_ns);
  // `gone` is what First answered. It is about to lose edges: its number stays gone.
  void Begin(const GoneRow& gone);
  // As above, but it may not be the first any more, also when the same row is that again: then
  // nothing happens.
  // It has been cleared up to `resume`.
  void Advance(const GoneRow& gone, std::string resume);
  void Drop(const GoneRow& gone);
  // Has clearing begun and not ended?
  bool IsBeingSwept(TypeId type, InodeNumber row) const;
  bool Holds(TypeId type, InodeNumber row) const;

 private:
  static constexpr size_t kRowsMax = size_t{1} << 20;

  bool IsFirstLocked(const GoneRow& gone) const REQUIRES(mu_);
  void DropFirstLocked() REQUIRES(mu_);

  const size_t rows_max_;
  mutable Mutex mu_{LockRank::kLeaf};
  bool unread_ GUARDED_BY(mu_) = true;  // entries may be there of rows that are not in rows_
  std::deque<GoneRow> rows_ GUARDED_BY(mu_);
  uint64_t tickets_ GUARDED_BY(mu_) = 0;  // handed out
  struct Last {
    uint64_t ticket = 0;  // of its last going; an element of rows_ with another is void
    bool begun = false;   // some of its edges are cleared; stays when it is noted as gone again
  };
  std::map<std::pair<TypeId, InodeNumber>, Last> last_ GUARDED_BY(mu_);
};

// Has the row edges, whatever their other ends are? Then its delete owes a sweep.
// Cost:     at most one step for each end of an edge type
Result<bool> HasEdges(const Reader& reader, const View& view, const Schema& schema, TypeId type,
                      InodeNumber row);

struct SweptChunk {
  uint64_t edges = 0;
  std::string last;   // where to resume
  bool done = false;  // nothing is left behind it, and `change` clears what was owed
};
// Fills `change` with what clears up to `edges_max` edges of a row that is not live.
Result<SweptChunk> CollectSwept(const Reader& reader, const View& view, const Schema& schema,
                                const GoneRow& gone, uint64_t edges_max, Change& change);

}  // namespace mendfs
