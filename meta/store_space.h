// Giving space back: what can be set, what was done, and what a store says of the space it holds.
//
// Units:    bytes; percent of 100
// Threads:  values
#pragma once

#include <cstdint>
#include <optional>

#include "meta/base/ids.h"

namespace mendfs {

// Defects that a test can plant to see that something turns red; none in production.
struct SpaceDefects {
  bool remove_before_rewrite = false;  // a pack goes before the entries that leave it are durable
  bool remove_unsettled = false;       // a pack goes while damage to a log can bring them back
  bool remove_file_first = false;      // a file goes before the record that dooms it
  bool skip_check = false;  // a pack goes without a look whether something refers to it again
};

struct SpaceOptions {
  // A cycle runs by itself when at least this much is garbage, by the estimate, and this part of
  // what packs hold. Nothing: as config.toml says, else the defaults.
  std::optional<uint64_t> garbage_bytes_min;
  unsigned garbage_percent_min = 5;
  // A pack is emptied when at most this part of it is live.
  unsigned live_percent_max = 50;
  // Sealed journal is kept up to this, the oldest goes first. Nothing: as config.toml says, else
  // 1 GiB or 2 % of the disk, whichever is less.
  std::optional<uint64_t> journal_kept_bytes;
  SpaceDefects defects;  // tests only
};

inline constexpr uint64_t kGarbageBytesMinDefault = uint64_t{64} << 20;
inline constexpr uint64_t kJournalKeptBytesDefault = uint64_t{1} << 30;

enum class ReclaimHow {
  kNormal,    // when enough is garbage, packs that are mostly garbage
  kDead,      // the disk is full: what nothing refers to, folded journal included; copies nothing
  kPressing,  // as kDead, then packs that are at most nine tenths live, as far as copies have room
};

// What one cycle gave back.
struct Reclaimed {
  uint64_t freed_bytes = 0;  // of files that are gone
  uint64_t moved_bytes = 0;  // live bytes that were copied out of them, to other packs
  uint64_t packs = 0;
  uint64_t journal_objects = 0;
};

// What packs hold, as counted by the last cycle.
struct PackSpace {
  Seq as_of;  // 0: not counted since the store was opened
  uint64_t held_bytes = 0;
  uint64_t live_bytes = 0;
  uint64_t garbage_bytes = 0;
  uint64_t garbage_since_bytes = 0;  // about what became garbage later
  uint64_t older_bytes = 0;          // that the newest state does not need
  // What a write that needs it gets before it is refused: of these in packs that are worth
  // emptying, and sealed journal.
  uint64_t on_demand_bytes = 0;
};

}  // namespace mendfs
