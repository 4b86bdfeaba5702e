// Edges over a Reader: walking the visible ones, and the rules that bind them to their ends.
//
// An edge is visible while both of its ends are live. Entries whose ends are gone stay behind until
// they are swept; nothing here counts or shows them.
//
// Threads:  free functions; an EdgeWalk belongs to one thread at a time
// Errors:   as Reader; the rules answer kBusy and kManyLinks, naming an edge or a row
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/manifest/reader.h"
#include "meta/table/rows.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

// Where some of the visible edges stand, so that a cursor can go back without beginning at the
// start: every stride-th, and when that is too many, every second of them.
class SparseMarks {
 public:
  SparseMarks(uint64_t stride, size_t marks_max) : stride_(stride), marks_max_(marks_max) {}

  struct Mark {
    uint64_t ordinal = 0;
    std::string key;
  };
  // Ordinals come one by one, or again from an earlier one.
  void Note(uint64_t ordinal, std::string_view key);
  // The last mark at or before `ordinal`; nothing before the first.
  std::optional<Mark> Before(uint64_t ordinal) const;
  size_t size() const { return keys_.size(); }

 private:
  uint64_t stride_;
  const size_t marks_max_;
  std::vector<std::string> keys_;  // [i] has the ordinal i * stride_
};

// Visible edges of a type, all or those of one row, by (source, target, number); those that enter
// one row by (source, number).
// Cost:     a step is a cursor step and two lookups, mostly remembered; the edges of a source that
//           is gone are skipped in one
class EdgeWalk {
 public:
  EdgeWalk(const Reader& reader, const View& view, const EdgeType& type);
  EdgeWalk(const Reader& reader, const View& view, const EdgeType& type, EdgeSide side,
           InodeNumber row);

  // To the next visible edge; false at the end. The accessors are valid until the next call.
  Result<bool> Next();
  const EdgeEnds& ends() const { return ends_; }
  const std::string& source_key() const { return source_key_; }
  const std::string& target_key() const { return target_key_; }

  // The next Next() answers the `ordinal`-th visible edge, 0 = the first. Exact at a pinned view;
  // at the head, rows that come and go meanwhile shift what was not yet seen.
  Status Seek(uint64_t ordinal);

  static constexpr uint64_t kMarkStride = 1024;
  static constexpr size_t kMarksMax = 4096;

 private:
  EdgeWalk(const Reader& reader, const View& view, const EdgeType& type, KeyRange range);
  void SkipDead(InodeNumber source);

  const TypeId type_;
  KeyRange range_;
  std::unique_ptr<Cursor> cursor_;  // on the next entry to judge
  RowKeyCache sources_;
  RowKeyCache targets_;
  EdgeEnds ends_;
  std::string source_key_;
  std::string target_key_;
  uint64_t ordinal_ = 0;  // of the edge that Next() would find
  SparseMarks marks_{kMarkStride, kMarksMax};
};

// "edges/Knows/alice~bob.json", for messages, with the keys as they are.
std::string EdgeText(const EdgeType& type, std::string_view source_key, std::string_view target_key,
                     uint32_t number);

// Visible edges out of `source`, counted up to `limit`; those to `except_target` are left out.
Result<uint64_t> CountOut(const Reader& reader, const View& view, const EdgeType& type,
                          InodeNumber source, uint64_t limit,
                          std::optional<InodeNumber> except_target = std::nullopt);

// kManyLinks when `source` has as many edges as the type allows.
Status CheckRoomForEdge(const Reader& reader, const View& view, const EdgeType& type,
                        InodeNumber source, std::string_view source_key);
// kManyLinks when `source` has just as many edges as the type requires. One that has fewer (its
// first edges are still to come) may lose more.
Status CheckEdgeMayGo(const Reader& reader, const View& view, const EdgeType& type,
                      InodeNumber source, std::string_view source_key);
// kBusy when an edge of a restricting type touches the row, kManyLinks when a row that points here
// would be left with too few edges.
// Cost:     with restrict, one lookup a type; with a minimum, the edges that enter the row
Status CheckRowMayGo(const Reader& reader, const View& view, const Schema& schema, TypeId type,
                     InodeNumber row);
// Would every upper bound hold if this dead row were live again with the edges it left?
Result<bool> FitsBack(const Reader& reader, const View& view, const Schema& schema, TypeId type,
                      InodeNumber row);

// Bounds on this type can only be kept by looking at edges of other rows.
inline bool IsBounded(const EdgeType& type) {
  return type.card_min > 0 || type.card_max;
}

}  // namespace mendfs
