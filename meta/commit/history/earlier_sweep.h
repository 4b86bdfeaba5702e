// Finds the earlier values of a branch (h/ of LevelDB) that nobody can see any more.
//
// A value of [start, end) is needed while a moment that is kept lies in there. Only values that
// ended at or before the horizon are judged: moments that come about later than the list of them
// lie behind it, so they cannot need one.
//
// Shape:    chunks in key order, each from an iterator of its own; a cursor goes on between them
// Threads:  one
// Errors:   kCorruption, kIo: the walk cannot go on. A value that does not decode is kept
// Cost:     reads every earlier value of the branch once; memory is one chunk
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/manifest/manifest.h"

namespace mendfs {

class EarlierSweep {
 public:
  static constexpr size_t kVisitedMax = 8192;
  static constexpr size_t kEditsMax = 500;
  static constexpr size_t kEditBytesMax = 1 << 20;

  // What an entry takes outside of the manifest, by its key and value.
  using OutsideBytes = std::function<uint64_t(std::string_view, std::string_view)>;

  // `moments` rise.
  EarlierSweep(const Kv& kv, BranchId branch, std::vector<Seq> moments, Seq horizon,
               OutsideBytes outside_bytes = {});

  bool done() const { return done_; }
  // What is to be taken away of the next values; may be none while there are more.
  Result<std::vector<EntryEdit>> NextChunk();

  // Of what was visited so far:
  uint64_t kept() const { return kept_; }
  uint64_t kept_bytes() const { return kept_bytes_; }
  uint64_t damaged() const { return damaged_; }
  // Of what was kept, with the bytes of bodies: the newest moment that needs it, where that is not
  // one that comes about later. It goes when that moment goes.
  const std::map<Seq, uint64_t>& by_newest() const { return by_newest_; }

 private:
  bool IsNeeded(std::string_view key, std::string_view value);
  void NoteNeeded(std::string_view key, const StoredValue& value, Seq moment, uint64_t bytes);

  const Kv& kv_;
  const std::string prefix_;
  const std::vector<Seq> moments_;
  const Seq horizon_;
  std::string cursor_;
  bool done_ = false;
  uint64_t kept_ = 0;
  uint64_t kept_bytes_ = 0;
  uint64_t damaged_ = 0;
  const OutsideBytes outside_bytes_;
  std::map<Seq, uint64_t> by_newest_;
};

}  // namespace mendfs
