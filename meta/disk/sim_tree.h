// The names and files of a SimDisk: directories whose unsynced changes a power cut may keep or
// lose.
//
// A change is what one call did: a create or mkdir (one name set), a removal (one name cleared), a
// rename (both). A cut keeps an arbitrary part of the changes that SyncDir has not made durable,
// under four rules that every real file system keeps as well:
//   1 changes of one name are kept in their order;
//   2 a rename is kept or lost whole; between two directories the new name may be kept while the
//     old one stays too, but never is neither there;
//   3 nothing is moved into a directory whose own name is lost;
//   4 a directory goes only when everything that was done in it is kept.
// SyncDir is taken at its word: names in a directory that was synced are lost all the same when the
// directory's own name was never synced in its parent.
//
// Threads:  none by itself; SimDisk holds its mutex
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "meta/disk/memory_file.h"

namespace mendfs {

struct SimNode;
using SimNodePtr = std::shared_ptr<SimNode>;  // shared: names, unsynced changes and handles hold it

// One half of a rename between two directories, or any other change of one directory.
struct SimChange {
  uint64_t number = 0;              // equal for the two halves of a rename
  std::string cleared;              // the name that goes; empty: none
  std::string set;                  // the name that comes; empty: none
  SimNodePtr node;                  // what `set` names
  SimNodePtr replaced;              // what `set` or `cleared` named and no longer does
  std::weak_ptr<SimNode> moved_to;  // of the half that clears: the other directory
  bool between_directories = false;
};

struct SimNode {
  uint64_t id = 0;
  bool is_directory = false;
  int64_t mtime_ns = 0;
  unsigned name_count = 0;

  CrashableBytes bytes;
  uint64_t reserved_bytes = 0;

  std::map<std::string, SimNodePtr> names;
  std::map<std::string, SimNodePtr> durable_names;
  std::deque<SimChange> unsynced;
  std::weak_ptr<SimNode> parent;
  uint64_t named_by = 0;  // number of the last change that set this directory's name
};

class SimTree {
 public:
  SimTree();
  ~SimTree();
  // An independent tree that holds the same, unsynced changes included. Files without a name that
  // only handles hold are not in it.
  // Cost:     follows the number of names; bytes are shared until either tree changes them
  SimTree(const SimTree& other);
  SimTree& operator=(const SimTree&) = delete;

  const SimNodePtr& root() const { return root_; }
  // Bytes that files with a name take, or have reserved.
  uint64_t used_bytes() const { return used_bytes_; }

  // The caller has checked that the name is free, or taken, as the change needs it.
  SimNodePtr Create(const SimNodePtr& directory, const std::string& name, bool is_directory);
  void Remove(const SimNodePtr& directory, const std::string& name);
  void Rename(const SimNodePtr& source_directory, const std::string& source,
              const SimNodePtr& target_directory, const std::string& target);
  void SyncNames(const SimNodePtr& directory);

  // Call around every change of a file's bytes, so that a cut finds it and its space is counted.
  template <typename Change>
  auto ChangeFile(const SimNodePtr& file, Change change) {
    NoteChanged(file);
    used_bytes_ -= SpaceOf(*file);
    auto answer = change();
    used_bytes_ += SpaceOf(*file);
    return answer;
  }

  // Keeps what is durable and an arbitrary part of what is not; nothing of it without `random`.
  void PowerCut(std::mt19937_64* random);

 private:
  struct Cut;
  class Copier;

  static uint64_t SpaceOf(const SimNode& node);
  void NoteChanged(const SimNodePtr& node);
  void AddName(SimNode& node);
  void DropName(SimNode& node);
  void CommitUpTo(const SimNodePtr& directory, uint64_t number);
  std::vector<SimNodePtr> TakeChanged();
  void CountNames(const SimNodePtr& directory);

  SimNodePtr root_;
  uint64_t next_id_ = 1;
  uint64_t next_change_ = 1;
  uint64_t used_bytes_ = 0;
  std::map<uint64_t, std::weak_ptr<SimNode>> changed_;  // by id: a cut must replay from its seed
};

}  // namespace mendfs
