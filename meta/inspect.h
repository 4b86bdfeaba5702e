// Inspect: everything that a store holds, entry by entry, for checks that must not trust it.
//
// Each visit walks one kind of entry in key order. What decodes goes to `visit`, what does not goes
// to `damaged` with the key in hexadecimal, and the walk goes on.
//
// Threads:  one
// Errors:   the Status of a visit tells that the walk could not see everything; kCorruption, kIo
// Cost:     one scan a visit; memory stays flat
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/files.h"
#include "meta/pack/run_ref.h"
#include "meta/store.h"
#include "meta/tables.h"

namespace mendfs {

class Inspector {
 public:
  using Damaged = std::function<void(const std::string& key, const Status& why)>;

  Inspector(const Store& store, const View& view) : store_(store), view_(view) {}

  struct Name {
    InodeNumber parent;
    std::string_view name;
    InodeNumber inode;
    uint32_t mode_type = 0;
  };
  struct Piece {
    InodeNumber inode;
    uint64_t offset = 0;
    uint64_t size_bytes = 0;
    const RunRef* run = nullptr;  // null: the bytes stand in the entry, or there are none
  };
  struct Row {
    InodeNumber row;
    std::string_view key;
    std::string_view body;
  };
  struct Edge {
    EdgeEnds ends;
    std::string_view body;  // empty in the reverse order
  };

  Status EachInode(const std::function<void(const Attributes&)>& visit,
                   const Damaged& damaged) const;
  Status EachName(const std::function<void(const Name&)>& visit, const Damaged& damaged) const;
  // Is the object there that the run lies in, and long enough? Reads no bytes of it.
  Status CheckRun(const RunRef& run) const;
  // Reads what the run's part refers to, verified; `lost` is told, in order, the ranges of the part
  // that cannot be had. `scratch` grows to the part's size.
  void ReadRun(Door& door, const RunRef& run, std::string& scratch,
               const std::function<void(uint64_t offset, uint64_t size_bytes, const Status& why)>&
                   lost) const;
  Status EachPiece(const std::function<void(const Piece&)>& visit, const Damaged& damaged) const;
  Status EachRow(TypeId type, const std::function<void(const Row&)>& visit,
                 const Damaged& damaged) const;
  // By number: `body` stays empty.
  Status EachRowName(TypeId type, const std::function<void(const Row&)>& visit,
                     const Damaged& damaged) const;
  Status EachEdge(TypeId type, EdgeSide side, const std::function<void(const Edge&)>& visit,
                  const Damaged& damaged) const;
  // Segments that are published: reads every block. `damaged` names the object's file.
  Status EachSegment(const std::function<void(const std::string& path)>& visit,
                     const Damaged& damaged) const;
  // Blobs that are sealed: is each there as its row says, with its .meta? Reads no bytes of bodies.
  // `damaged` names the object's file.
  Status EachBlob(const std::function<void(const std::string& path)>& visit,
                  const Damaged& damaged) const;
  // What the entries add up to, counted as the manifest's totals are: all that is not derived,
  // edges of rows that are gone included until they are swept.
  struct Totals {
    Hash128 content_root;
    ContentCounts counts;
  };
  Result<Totals> AddUp() const;
  Result<std::vector<Quota>> Quotas() const;
  // Has the store this entry? Errors count as yes: they are told elsewhere.
  bool Has(std::string_view key) const;

 private:
  Status Walk(const KeyRange& range,
              const std::function<Status(std::string_view key, std::string_view value)>& visit,
              const Damaged& damaged) const;

  Result<uint64_t> PayloadBytesOf(const RunRef& run) const;

  const Store& store_;
  const View view_;
  mutable std::map<Id128, Result<uint64_t>> payloads_;  // of the objects seen last
};

}  // namespace mendfs
