// STORE/sidecars: one file for each multi-step write that is not over.
//
// Only regular files named <32 hex>.json are sidecars, and <32 hex>.json.new what a crash left of
// writing one. Everything else is somebody's: it is told, and neither read, followed nor removed.
//
// Threads:  safe from any thread, for different operations
// Errors:   Read: kCorruption and kUnsupported name the file; List: whatever keeps it from being
//           complete, an absent directory included
#pragma once

#include <string>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/commit/intent/sidecar_format.h"
#include "meta/disk/disk.h"

namespace mendfs {

class SidecarFiles {
 public:
  SidecarFiles(Disk& disk, const std::string& store_path)
      : disk_(disk), directory_(store_path + "/sidecars") {}

  // Durable, whole, when this returns ok. On error the older one stands, or the new one does.
  Status Write(const Sidecar& sidecar);
  Result<Sidecar> Read(const Id128& operation) const;
  // The bytes as they are.
  Result<std::string> ReadBytes(const Id128& operation) const;
  // Durable when this returns ok; ok if it is not there.
  Status Remove(const Id128& operation);
  // What a crash left of writing it.
  Status RemoveUnfinished(const Id128& operation);

  struct Listing {
    std::vector<Id128> operations;
    std::vector<Id128> unfinished;
    std::vector<std::string> foreign;  // names
  };
  Result<Listing> List() const;

  static std::string NameOf(const Id128& operation);
  std::string PathOf(const Id128& operation) const;

 private:
  Disk& disk_;
  const std::string directory_;
};

}  // namespace mendfs
