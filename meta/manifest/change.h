// A change: the entries that one acknowledged operation sets and clears, all or nothing.
//
// Plain data. The tree and table code fill one in, the door (meta/commit) journals and applies it.
// Threads:  a value; one owner
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meta/base/ids.h"

namespace mendfs {

enum class EntryScope : unsigned char { kBranch = 0, kGlobal = 1 };

struct ChangeEntry {
  EntryScope scope = EntryScope::kBranch;
  bool whiteout = false;  // the key is cleared
  bool fresh = false;     // nothing was visible under this key before the change: the caller knows
  std::string key;
  std::string value;
};

// What a change does to the space of the disk, for when that is full (meta/commit/space_guard.h).
enum class Room : unsigned char {
  kAdds,   // new content or names
  kKeeps,  // a small record in place of another: a rename, attributes
  kFrees,  // takes something away, or is the store's own work
};

struct Change {
  BranchId branch = kMainBranch;
  Room room = Room::kAdds;  // not part of the record
  std::vector<ChangeEntry> entries;

  void Put(std::string key, std::string value) {
    entries.push_back({.key = std::move(key), .value = std::move(value)});
  }
  // For a key that was absent: lets a create and a delete within one fold cost nothing.
  void PutFresh(std::string key, std::string value) {
    entries.push_back({.fresh = true, .key = std::move(key), .value = std::move(value)});
  }
  void Clear(std::string key) {
    entries.push_back({.whiteout = true, .key = std::move(key), .value = {}});
  }
  void PutGlobal(std::string key, std::string value) {
    entries.push_back(
        {.scope = EntryScope::kGlobal, .key = std::move(key), .value = std::move(value)});
  }
  void ClearGlobal(std::string key) {
    entries.push_back(
        {.scope = EntryScope::kGlobal, .whiteout = true, .key = std::move(key), .value = {}});
  }
  bool empty() const { return entries.empty(); }
  // Only branch entries are content; reserved numbers and names of objects make no commit.
  bool HasContent() const {
    for (const ChangeEntry& entry : entries) {
      if (entry.scope == EntryScope::kBranch) return true;
    }
    return false;
  }
};

}  // namespace mendfs
