// Reading entries: the one interface through which the tree and the tables see the manifest.
//
// A View names a branch and a moment. At kHeadSeq a read sees the newest applied state of that
// instant; at any other seq the caller holds a pin (Manifest::Pin), and every read sees exactly
// that state for as long as the pin lives.
//
// Threads:  Reader is safe from any thread; a Cursor belongs to one thread at a time
// Errors:   kNotFound if absent; kCorruption if an entry does not decode or verify; kIo
// Cost:     Get: the working set, then one LevelDB read, then one read per segment that may hold
// the
//           key; flat in history. A Cursor step is amortised O(1), memory does not grow.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/manifest/keys.h"

namespace mendfs {

struct View {
  BranchId branch = kMainBranch;
  Seq seq = kHeadSeq;
};

struct Entry {
  std::string value;
  Seq start;  // the change that wrote it
};

// Walks visible entries in key order. A cursor at kHeadSeq sees one state too: that of its making.
// Lifetime: key() and value() are valid until the next call; the Reader outlives its cursors.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual bool Valid() const = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual Seq start() const = 0;
  virtual void Next() = 0;
  // To the first entry at or behind `key`, which stays inside the range.
  virtual void Seek(std::string_view key) = 0;
  // Not ok when the walk ended because something could not be read: then it is not complete.
  virtual Status status() const = 0;
};

class Reader {
 public:
  virtual ~Reader() = default;
  virtual Result<Entry> Get(const View& view, std::string_view key) const = 0;
  virtual std::unique_ptr<Cursor> Scan(const View& view, const KeyRange& range) const = 0;
  virtual Result<std::string> GetGlobal(std::string_view key) const = 0;
  virtual std::unique_ptr<Cursor> ScanGlobal(const KeyRange& range) const = 0;
};

}  // namespace mendfs
