// What differs between node rows and edge rows for a plane that shows either as files: how names
// become keys, which store operations put, remove and rename them, and how they are listed.
//
// Rows are named by Places. A node row's identity is its number, an edge row's that of its ends and
// its own, so both keep it when a row is renamed.
//
// Lifetime: the context outlives the kind
// Threads:  safe from any thread
// Errors:   as meta/tables.h; kInvalid for names that no row can have
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fs/ops/plane/directory.h"
#include "fs/ops/plane/plane.h"
#include "fs/view/place.h"
#include "meta/base/status.h"
#include "meta/tables.h"

namespace mendfs {

struct RowTraits {
  PlaceKind tables;         // nodes/
  PlaceKind table;          // nodes/<Type>/
  PlaceKind row;            // nodes/<Type>/<key>.json
  InodeNumber root;         // of `tables`
  std::string_view folder;  // "nodes"
  bool empty_is_row;        // a file without bytes is a row
  bool has_number;          // a removed row that comes back is the same file, with its edges
};

// A row by its name or its place.
struct RowFile {
  Place place;        // of a node row that is not live, without its number
  bool live = false;  // else only the place is given
  std::string body;
  RowAttributes attributes;
  Seq start;  // the change that wrote it
};

class RowKind {
 public:
  virtual ~RowKind() = default;
  virtual const RowTraits& traits() const = 0;

  // Name and number of every table.
  virtual Result<std::vector<ListedName>> Tables() const = 0;
  // `mkdir nodes/City`.
  virtual Status MakeTable(std::string_view name) = 0;

  // What a row name stands for now. kInvalid: no row can have it (and the sentence why).
  virtual Result<RowFile> Look(TypeId table, std::string_view name) const = 0;
  // The present state of a row that was looked up before and may have another key by now.
  virtual Result<RowFile> Get(const Place& row) const = 0;
  virtual Result<std::string> NameOf(const Place& row) const = 0;
  // Rows in their stable order behind a cookie. The schema is the view's and outlives the stream.
  virtual Result<std::unique_ptr<NameStream>> List(const View& view, const Schema& schema,
                                                   TypeId table, uint64_t after) const = 0;

  // Would Put accept it? Without a body: could it accept any, for a new row?
  virtual Status Check(const Place& row, std::optional<std::string_view> body) = 0;
  // Answers the place as it is then: the number may be another one, of which the place says which
  // it should be (`options.reuse_row` is not looked at).
  virtual Result<Place> Put(const Place& row, std::string_view body, PutOptions options) = 0;
  virtual Status Remove(const Place& row) = 0;
  // `target` as Look answered it.
  virtual Status Rename(const RowFile& source, const RowFile& target) = 0;
  virtual Status SetAttributes(const Place& row, const RowAttributes& attributes) = 0;
};

std::unique_ptr<RowKind> MakeNodeRows(PlaneContext& context);
std::unique_ptr<RowKind> MakeEdgeRows(PlaneContext& context);

// The schema that is in force; an empty one before the first.
Result<std::shared_ptr<const Schema>> AcceptedSchema(const PlaneContext& context);
// The table that a table's or row's place belongs to.
TypeId TableOf(const Place& place);
Place TablePlace(const RowTraits& traits, TypeId table);
// The tables of node types, or of edge types, as they are listed.
template <typename Type>
std::vector<ListedName> TableNames(const RowTraits& traits, const std::vector<Type>& types) {
  std::vector<ListedName> names;
  for (const Type& type : types) {
    names.push_back({type.name, InodeOf(TablePlace(traits, type.id)), S_IFDIR, type.id.value});
  }
  return names;
}

}  // namespace mendfs
