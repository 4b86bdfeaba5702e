// Layers: what a scan merges. Each walks one place where entries live and yields, for a moment of a
// branch, at most one version a key; the newest version of a key decides.
//
//   working set · the set being folded · d/ of LevelDB · h/ of LevelDB · segments ·
//   then the same of the parent branch at the fork
//
// Threads:  a layer belongs to one thread at a time
// Errors:   status() tells why a walk ended early
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/manifest/kv/kv.h"
#include "meta/manifest/reader.h"
#include "meta/manifest/working_set.h"

namespace mendfs {

class Layer {
 public:
  virtual ~Layer() = default;
  // Keys are branch keys, without the prefix that LevelDB sees.
  virtual void Seek(std::string_view key) = 0;
  virtual void Next() = 0;
  virtual bool Valid() const = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual Seq start() const = 0;
  virtual bool whiteout() const = 0;
  virtual Status status() const = 0;
};

// Versions at or before `seq` of keys that begin with `prefix`, which is cut off.
std::unique_ptr<Layer> MakeWorkingSetLayer(std::shared_ptr<const WorkingSet> set,
                                           std::string prefix, Seq seq);
// Entries under `prefix` whose start is at or before `seq`; ends before the key `last` of LevelDB
// unless that is empty.
std::unique_ptr<Layer> MakeCurrentLayer(std::unique_ptr<KvIterator> iterator, std::string prefix,
                                        Seq seq, std::string last = {});
// Earlier values under `prefix` that were valid at `seq`.
std::unique_ptr<Layer> MakeEarlierLayer(std::unique_ptr<KvIterator> iterator, std::string prefix,
                                        Seq seq);

// Merges: smallest key first, the newest version wins, whiteouts hide. On a tie the earlier layer.
std::unique_ptr<Cursor> MakeMergingCursor(std::vector<std::unique_ptr<Layer>> layers,
                                          KeyRange range);
// Ends at once, and says why.
std::unique_ptr<Cursor> MakeFailedCursor(Status why);

}  // namespace mendfs
