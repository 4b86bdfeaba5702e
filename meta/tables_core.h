// What the parts of TableWriter share; for meta/tables_*.cc only.
//
// Every write has the same shape: the gate shared, the body checked, entities locked, what is there
// read at the head, the rules asked, one Change filled in, one Apply. The rules are in meta/table
// and know nothing of locks.
//
// Locks:    a row by its key (two writers of one row, and a row against its edges); a unique value;
//           an edge type with @card, for writes that look at edges of other rows; a number that is
//           gone (its return against the sweep)
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "meta/table/catalog.h"
#include "meta/table/edges_sweep.h"
#include "meta/table/index.h"
#include "meta/table/row_check.h"
#include "meta/table/rows.h"
#include "meta/tables.h"

namespace mendfs {

// The rules in force and one type of them, alive together.
struct NodeRules {
  std::shared_ptr<const RowRules> rules;
  const NodeType* type = nullptr;

  const Schema& schema() const { return rules->schema(); }
};
struct EdgeRules {
  std::shared_ptr<const RowRules> rules;
  const EdgeType* type = nullptr;
  const NodeType* source = nullptr;
  const NodeType* target = nullptr;

  const Schema& schema() const { return rules->schema(); }
};

// This thread's checker for `rules`, with room for what is checked.
struct Checking {
  explicit Checking(std::shared_ptr<const RowRules> rules) : checker(std::move(rules)) {}
  RowChecker checker;
  CheckedRow row;     // the body that is written
  CheckedRow stored;  // one that stands already
};
Checking& CheckingFor(const std::shared_ptr<const RowRules>& rules);

struct TableCore {
  TableCore(Door& the_door, BranchId branch)
      : door(the_door), view{branch, kHeadSeq}, catalog(the_door.reader()) {}

  Door& door;
  const View view;
  Catalog catalog;
  SweepQueue swept;

  const Reader& reader() const { return door.reader(); }
  Change NewChange() const {
    Change change;
    change.branch = view.branch;
    return change;
  }
  Status Publish(Change& change, Room room) {
    change.room = room;
    return door.Apply(change).status();
  }
  // kNotFound when the schema has no such type.
  Result<NodeRules> FindNodeType(TypeId type);
  Result<EdgeRules> FindEdgeType(TypeId type);
  // The stored row, or kNotFound naming it.
  Result<StoredRow> NeedRow(const NodeType& type, std::string_view key) const;
  // The attributes that a write leaves; without a time of its own it happens now.
  RowAttributes Stamp(const RowAttributes& stored, const RowAttributes& given);
  // Index entries of a row that stands.
  Result<IndexKeys> StoredIndexKeys(const NodeRules& node, std::string_view key,
                                    const StoredRow& stored) const;
  // Adds to the change that takes a row away what its edges owe, if it has any. True: NoteGone is
  // to follow once the change is published.
  Result<bool> OweSweep(const Schema& schema, TypeId type, InodeNumber row, Change& change) const;
  // From now on the row's edges are invisible and wait for the sweep.
  void NoteGone(TypeId type, InodeNumber row);
};
struct TableWriter::Core : TableCore {
  using TableCore::TableCore;
};

// What EntityLocks are taken on.
uint64_t RowEntity(TypeId type, std::string_view key);
uint64_t NumberEntity(TypeId type, InodeNumber row);
void AddUniqueEntities(TypeId type, const CheckedRow& checked, std::vector<uint64_t>& entities);
void AddBoundEntity(const EdgeType& type, std::vector<uint64_t>& entities);
// Those of every type with @card whose edges enter rows of `type`, or leave them.
void AddBoundEntities(const Schema& schema, TypeId type, std::vector<uint64_t>& entities);

// "Person/alice", for messages.
std::string RowText(const NodeType& type, std::string_view key);

}  // namespace mendfs
