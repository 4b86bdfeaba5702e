// The bytes of bodies: reads every piece that lies in a pack, verified block by block, and names
// what cannot be had.
//
// Pieces whose object is missing or too short are passed over: the check of references tells them.
//
// Threads:  one
// Errors:   Run: the walk could not see everything; damaged bytes are no error
// Cost:     every byte once, at most one piece (1 MiB) of them in memory; names cost one walk over
//           all names, and only when something was found
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "meta/base/status.h"
#include "meta/inspect.h"
#include "meta/store.h"

namespace mendfs {

class DataCheck {
 public:
  struct Lost {
    InodeNumber inode;
    uint64_t offset = 0;  // in the body
    uint64_t size_bytes = 0;
    std::string path;  // one name of it, from the mount point; a sentence when it has none
    Status why;        // names the object
  };

  // Keeps the first `kept_max` ranges, counts all.
  DataCheck(Door& door, const Inspector& inspector, size_t kept_max);

  Status Run(const std::function<void(uint64_t bytes)>& progress);
  // What was lost, with paths.
  const std::vector<Lost>& Name();

  uint64_t bytes() const { return bytes_; }
  uint64_t lost_count() const { return lost_count_; }
  uint64_t kept_count() const { return kept_.size(); }

 private:
  std::string PathOf(InodeNumber parent, const std::string& name) const;

  Door& door_;
  const Inspector& inspector_;
  const size_t kept_max_;
  std::vector<Lost> kept_;
  uint64_t lost_count_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace mendfs
