// Empties packs: what is live in them is copied to another pack, and the entries refer to the copy.
//
//   Look     walks all pieces: which blocks of which runs of these packs are referred to
//   Copy     1 these blocks are read, verified and appended, run by run · 2 the copies are durable
//   Rewrite  the entries in LevelDB get references to the copies: same seq, same content digest
//
// Blocks keep their place in the 64 KiB grid, so that a reference keeps its hashes. A run that
// several entries refer to is copied once. One block that cannot be read, or whose hash two entries
// disagree on, spoils its pack: it stays as it is, and is noted. What the working set refers to is
// not rewritten: it is folded first, and looked at again.
//
// Threads:  one
// Errors:   kCorruption when a piece does not decode; kIo: copies that no entry refers to are left;
//           kInterrupted. Where the disk is full, packs that were not copied whole drop out
// Cost:     memory follows the blocks that are live in the packs; the caller bounds them
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "meta/commit/space/space_host.h"

namespace mendfs {

class PackEmptying {
 public:
  PackEmptying(const SpaceParts& parts, const std::atomic<bool>& stop, std::set<Id128> packs)
      : parts_(parts), stop_(stop), packs_(std::move(packs)) {}

  // Exact for one instant during the call, see Manifest::EachVersion.
  Status Look();
  Status SkipLook();  // the defect that a test plants
  // Of the packs that are left: nothing referred to them when Look was called last.
  std::vector<Id128> Unreferenced() const;
  // It is somebody else's business from now on.
  void Drop(Id128 pack);  // a copy: what names it may stand in what it is dropped from

  Status Copy();
  Status Rewrite();

  bool empty() const { return packs_.empty(); }
  const std::set<Id128>& packs() const { return packs_; }
  const std::set<Id128>& spoiled() const { return spoiled_; }
  uint64_t moved_bytes() const { return moved_bytes_; }

 private:
  struct CopiedBlocks {
    uint64_t first = 0;  // blocks [first, last] of the old run are the new run
    uint64_t last = 0;
    RunRef run;
  };
  struct LiveRun {
    ObjectKind kind = ObjectKind::kPack;
    uint64_t run_bytes = 0;
    RunOwner owner;  // offset: of the run's first byte, if it is known
    std::map<uint64_t, Hash128> blocks;
    std::vector<CopiedBlocks> copies;
  };
  using RunPlace = std::pair<Id128, uint64_t>;  // pack, record offset

  void Note(std::string_view branch_key, const RunRef& run);
  void Spoil(const Id128& pack, const Status& why);
  Status CopyRun(const RunPlace& place, LiveRun& run);
  Status CopyBlocks(const RunPlace& place, LiveRun& run, uint64_t first, uint64_t last);
  // Nothing: not copied.
  std::optional<RunRef> CopyOf(const RunRef& run) const;
  Status RewriteSome(std::vector<EntryEdit>& edits);
  Status CheckStop() const;

  const SpaceParts parts_;
  const std::atomic<bool>& stop_;
  std::set<Id128> packs_;
  std::set<Id128> spoiled_;
  std::set<Id128> referenced_;
  std::map<RunPlace, LiveRun> runs_;
  uint64_t moved_bytes_ = 0;
};

}  // namespace mendfs
