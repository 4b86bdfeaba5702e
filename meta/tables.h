// Node and edge tables, as values. The doors that fs and the tools use.
//
// A row keeps the exact bytes that were written; typed values are derived from them. A row's number
// is its identity: edges are tied to it, so a row that is deleted and put back under the number it
// had has its edges again until they are swept (Rule 5 of the mount).
//
// Threads:  safe from any thread
// Errors:   kNotFound, kExists, kInvalid (the message names the field and what to do), kTooBig,
//           kBusy (restricted delete), kManyLinks (cardinality), kNoSpace, kReadOnly, kCorruption,
//           kIo
// Cost:     flat in the size of the tables and in history; a delete costs one record whatever its
//           number of edges, which are swept later
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/codec/hash.h"
#include "meta/commit/door.h"
#include "meta/manifest/reader.h"
#include "meta/row_name.h"
#include "meta/table/row_check.h"
#include "meta/table/row_format.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

class Catalog;

struct NodeRow {
  InodeNumber row;
  std::string key;          // collision-free key of meta/row_name.h
  std::string body;         // empty where only the rest was asked for
  uint64_t size_bytes = 0;  // of the body
  RowAttributes attributes;
  Seq start;  // the change that wrote it; where it was read with its body
};

struct EdgeRow {
  EdgeEnds ends;
  std::string source_key;
  std::string target_key;
  std::string body;
  uint64_t size_bytes = 0;
  RowAttributes attributes;
  Seq start;
};

// Rows in the order of their numbers; `cookie` of a node row is its number, of an edge its ordinal.
class NodeCursor {
 public:
  virtual ~NodeCursor() = default;
  virtual Result<std::optional<NodeRow>> Next() = 0;  // without body and attributes
};

class EdgeCursor {
 public:
  virtual ~EdgeCursor() = default;
  virtual Result<std::optional<EdgeRow>> Next() = 0;  // without body and attributes
  // Goes to the `ordinal`-th visible edge of this cursor, 0 = the first.
  virtual Status Seek(uint64_t ordinal) = 0;
};

// Keep one for as long as the store is open: copies share the schemas it has decoded. At kHeadSeq
// every answer is true at some moment of the call; what belongs together is read at a pinned view.
class TableReader {
 public:
  explicit TableReader(const Reader& reader);

  // The accepted schema as of the view; empty before the first one. Cached while it stays the same.
  Result<std::shared_ptr<const Schema>> GetSchema(const View& view) const;
  Result<NodeRow> GetNode(const View& view, TypeId type, std::string_view key) const;
  // The key of a live row.
  Result<std::string> KeyOf(const View& view, TypeId type, InodeNumber row) const;
  // Key of the row whose encoded file name is hashed (%h<hash>.json).
  Result<std::string> KeyOfLongName(const View& view, TypeId type, const Hash128& hash) const;
  // Rows with a number above `after`.
  Result<std::unique_ptr<NodeCursor>> ListNodes(const View& view, TypeId type,
                                                InodeNumber after) const;
  Result<EdgeRow> GetEdge(const View& view, const EdgeType& type, std::string_view source_key,
                          std::string_view target_key, uint32_t number) const;
  // The edge whose encoded file name is hashed, without body and attributes.
  // Cost:     no entry leads from the hash to the edge: walks the edges of the type
  Result<EdgeRow> FindEdgeByLongName(const View& view, const EdgeType& type,
                                     const Hash128& hash) const;
  Result<std::unique_ptr<EdgeCursor>> ListEdges(const View& view, const EdgeType& type) const;
  // Edges that leave or enter one row.
  Result<std::unique_ptr<EdgeCursor>> ListEdgesOf(const View& view, const EdgeType& type,
                                                  EdgeSide side, InodeNumber row) const;

 private:
  const Reader& reader_;
  std::shared_ptr<Catalog> catalog_;  // shared by copies
};

// The hash that stands for a key, or for the ends of an edge, in a file name that would be too long
// else; nothing for other keys.
std::optional<Hash128> LongNameHash(const NodeType& type, std::string_view key);
std::optional<Hash128> LongEdgeNameHash(const EdgeKeyTexts& keys);
// The hash in a name that meta/row_name.h calls hashed: "%h" and 32 digits.
std::optional<Hash128> ParseHashedStem(std::string_view stem);

struct PutOptions {
  bool create_only = false;  // kExists when the row is there
  // Put a deleted row back under its number, and with it the edges it had. A new number is drawn
  // when that one is live, when its edges are being swept or when they no longer fit a @card.
  std::optional<InodeNumber> reuse_row;
  RowAttributes attributes;  // mtime_ns 0: now; what is not given stays as it was
};

// Writes of one branch. One of them exists per branch of an open store: it remembers which rows
// are gone, so that their edges can be swept. What was not swept when the store closes stays
// invisible, is owed durably, and is swept after the next open.
//
// A lower bound of @card is kept against loss only: a new row has no edges yet, so it may have
// fewer until it first reaches the bound.
// Rows that are answered come without their bodies.
class TableWriter {
 public:
  TableWriter(Door& door, BranchId branch);
  ~TableWriter();

  Result<NodeRow> PutNode(TypeId type, std::string_view key, std::string_view body,
                          const PutOptions& options);
  // Answers the number the row had: put it back with PutOptions::reuse_row.
  Result<InodeNumber> DeleteNode(TypeId type, std::string_view key);
  // Changes the key; edges follow, attributes stay. A body that names the key names the new one
  // then: only the bytes of these values change, unless `body` brings new ones. kInvalid when
  // `new_key` is no key of the type. An existing target is replaced and keeps its number.
  Result<NodeRow> RenameNode(TypeId type, std::string_view key, std::string_view new_key,
                             std::optional<std::string_view> body);
  Status SetNodeAttributes(TypeId type, std::string_view key, const RowAttributes& attributes);
  Result<EdgeRow> PutEdge(TypeId type, std::string_view source_key, std::string_view target_key,
                          uint32_t number, std::string_view body, const PutOptions& options);
  Status DeleteEdge(TypeId type, std::string_view source_key, std::string_view target_key,
                    uint32_t number);
  Status SetEdgeAttributes(TypeId type, std::string_view source_key, std::string_view target_key,
                           uint32_t number, const RowAttributes& attributes);
  // Would this body be accepted now? Changes nothing.
  Status CheckNode(TypeId type, std::string_view key, std::string_view body);
  // Without a body: is there room for such an edge?
  Status CheckEdge(TypeId type, std::string_view source_key, std::string_view target_key,
                   uint32_t number, std::optional<std::string_view> body);
  // Adds a type any JSON object is a row of: `mkdir nodes/City`. kExists when the name is taken.
  Result<std::shared_ptr<const Schema>> AddOpenType(std::string_view name);
  // Plans `text` against the accepted schema and applies the safe steps, all or nothing.
  Result<std::shared_ptr<const Schema>> ApplySchema(std::string_view text);
  // Clears up to `limit` edges of rows that are gone; answers how many were cleared. 0: none is
  // left whose row has been gone for kReattachNs; younger ones wait for their row to come back.
  // Cost:     what is owed is read once an open, and again when more was owed than is remembered
  Result<uint64_t> SweepEdges(uint64_t limit);

  static constexpr int64_t kReattachNs = 10'000'000'000;

 private:
  struct Core;
  std::unique_ptr<Core> core_;
};

}  // namespace mendfs
