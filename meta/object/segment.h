// Segments: sorted immutable tables of branch entries, made by a load and read below LevelDB.
//
// A segment either sets its keys or clears all of them. It hides older versions of them wherever
// they lie (docs/decisions/0003-newest-version-wins.md), so its totals are what it changes: those
// of its entries less those of the entries that they hide.
//
// An object of kind segment holds a LevelDB table (16 KiB blocks, snappy) and behind it bloom
// filters, one per 65,536 keys, with a small index over them. The value of an entry begins with the
// seq that wrote it; 0 stands for the seq of the change that published the segment.
//
// Shape:    branch keys of meta/manifest/keys.h, strictly ascending, of one type and one kind
// Lifetime: the ObjectStore and the cache outlive readers, a SegmentReader its cursors
// Threads:  SegmentReader is safe from any thread; a builder or a cursor belongs to one
// Errors:   as ObjectReader; kCorruption when the table or a filter does not decode
// Cost:     Get of an absent key one filter probe, of a present one a block; a cursor step O(1).
//           A builder holds 1.25 bytes a key and a block, so that its entries are bounded by
//           kSegmentEntriesMax; a reader holds no more than the index, all else is in the cache
// Source:   docs/formats/segment.md
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/codec/hash.h"
#include "meta/object/object_store.h"

namespace leveldb {
class Cache;
}

namespace mendfs {

// A builder answers kTooBig for more; the caller begins another segment well before.
inline constexpr uint64_t kSegmentEntriesMax = uint64_t{16} << 20;

// ---- values of entries ----
struct SegmentValue {
  Seq start;  // 0: the segment's own
  std::string_view payload;
};
void AppendSegmentValue(std::string& out, Seq start, std::string_view payload);
// Nothing for bytes that no segment holds.
std::optional<SegmentValue> ParseSegmentValue(std::string_view value);

// ---- the manifest's entry for a segment ----
struct SegmentRef {
  Id128 object;
  uint64_t file_size_bytes = 0;
  Hash128 fingerprint;  // of the object
  uint64_t entries = 0;
  std::string first_key;  // both included
  std::string last_key;
  // What it adds to the content sum of ContentLeaf, to the nodes and to the edges; for one that
  // clears: what it takes away.
  Hash128 content_sum;
  uint64_t nodes = 0;
  uint64_t edges = 0;
  int64_t time_ns = 0;  // when it was made
  bool clears = false;  // every entry is a whiteout
  friend bool operator==(const SegmentRef&, const SegmentRef&) = default;
};
std::string EncodeSegmentRef(const SegmentRef& ref);
Result<SegmentRef> DecodeSegmentRef(std::string_view value);

// ---- building ----
struct SealedSegment {
  ObjectInfo object;  // for the object's own entry
  SegmentRef ref;
};

// What all entries of one segment are.
enum class SegmentContent : unsigned char {
  kNodes,    // kRow
  kEdges,    // kEdge
  kDerived,  // follow from others and stay out of the content sum
};

struct SegmentOptions {
  SegmentContent content = SegmentContent::kNodes;
  bool filter = true;   // false where keys are only ever scanned
  bool clears = false;  // see SegmentRef
  int64_t time_ns = 0;
  std::optional<Id128> id;  // minted by the caller; nothing: a random one
};

class SegmentBuilder {
 public:
  static Result<std::unique_ptr<SegmentBuilder>> Begin(ObjectStore& objects,
                                                       const SegmentOptions& options);
  ~SegmentBuilder();  // abandons what is not finished

  const Id128& id() const;
  uint64_t entries() const;
  uint64_t size_bytes() const;  // written so far
  // kInvalid unless `key` is above the last one. `hidden`: the ContentLeaf of the entry that is
  // visible under the key until now; nothing: none is. One that clears hides an entry each time,
  // and its payloads are empty.
  Status Add(std::string_view key, Seq start, std::string_view payload,
             const std::optional<Hash128>& hidden = std::nullopt);
  // Sealed when this returns ok. Needs at least one entry.
  Result<SealedSegment> Finish();

 private:
  struct State;
  explicit SegmentBuilder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// ---- reading ----
class SegmentCursor {
 public:
  virtual ~SegmentCursor() = default;
  virtual bool Valid() const = 0;
  virtual std::string_view key() const = 0;    // valid until the next call, as value()
  virtual std::string_view value() const = 0;  // see ParseSegmentValue
  virtual void Next() = 0;
  // To the first entry at or behind `key`.
  virtual void Seek(std::string_view key) = 0;
  // Not ok when the walk ended because something could not be read.
  virtual Status status() const = 0;
};

class SegmentReader {
 public:
  // `cache` may be null: then nothing is kept between reads.
  static Result<std::unique_ptr<SegmentReader>> Open(const ObjectStore& objects,
                                                     const SegmentRef& ref, leveldb::Cache* cache);
  ~SegmentReader();

  const SegmentRef& ref() const;
  // The entry's value as ParseSegmentValue takes it, or nothing.
  Result<std::optional<std::string>> Get(std::string_view key) const;
  // Not valid before its first Seek.
  std::unique_ptr<SegmentCursor> NewCursor() const;

 private:
  struct State;
  explicit SegmentReader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace mendfs
