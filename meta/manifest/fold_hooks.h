// What the layer above knows of values that are folded: which are put elsewhere, what stands for
// one in the content sum, and what it means that they come and go. The manifest itself does not
// look into values of files.
//
// Threads:  called by the one that folds
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/codec/hash.h"

namespace mendfs {

class FoldHooks {
 public:
  virtual ~FoldHooks() = default;

  // What LevelDB holds in place of `value`; nothing: the value itself. A fold that fails may ask
  // for the same value again.
  virtual Result<std::optional<std::string>> Move(std::string_view key, std::string_view value) = 0;
  // What Move has put elsewhere is durable when this returns ok; called before the batch is
  // written.
  virtual Status SyncMoved() = 0;
  // A batch begins to be filled; one that was not written did nothing.
  virtual void BeginTally() {}
  // LevelDB will hold the value from now on (+1), or neither it nor the working set any more (-1).
  virtual void Tally(std::string_view /*key*/, std::string_view /*value*/, int /*sign*/) {}
  virtual void EndTally() {}  // the batch was written
  // The digest of a value, the same before and after Move; nothing: its XXH3-128.
  virtual std::optional<Hash128> Digest(std::string_view key, std::string_view value) const = 0;
};

}  // namespace mendfs
