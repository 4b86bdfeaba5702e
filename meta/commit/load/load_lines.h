// The first stage of a load: bytes into lines, lines into checked rows, rows into two sorts.
//
// A node's record is sorted by its kRow key, an edge's by the kRow key of its source. Records carry
// what later stages need, so that no line is parsed twice.
//
// Lifetime: what it refers to outlives it
// Threads:  one
// Errors:   a line that is refused goes to the report; what is returned is trouble of our own
// (disk) Cost:     memory: one line, at most kLoadLineBytesMax
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meta/commit/load/external_sort.h"
#include "meta/commit/load/load_report.h"
#include "meta/table/json_line.h"
#include "meta/table/row_check.h"

namespace mendfs {

class ByteReader;

// A body and what a line holds around it.
inline constexpr size_t kLoadLineBytesMax = kRowBodyBytesMax + (size_t{1} << 20);

struct NodeRecord {
  LineRef where;
  struct Value {
    PropertyId property;
    bool unique = false;
    std::string_view bytes;
  };
  std::vector<Value> values;
  std::string_view body;
};
// Into `record`, whose memory is reused. False for bytes that AppendNodeRecord did not make.
bool ParseNodeRecord(std::string_view payload, NodeRecord& record);

struct EdgeRecord {
  LineRef where;
  TypeId type;
  uint32_t number = 1;
  std::string_view target_key;
  std::string_view body;
};
bool ParseEdgeRecord(std::string_view payload, EdgeRecord& record);

class LineReader {
 public:
  struct Target {
    LoadReport& report;
    ExternalSorter& nodes;
    ExternalSorter& edges;
  };
  // `bare_type`: every line is a body of this type; empty: each names its own. kNotFound if there
  // is no such type.
  static Result<std::unique_ptr<LineReader>> Begin(std::shared_ptr<const RowRules> rules,
                                                   const std::string& bare_type,
                                                   const Target& target);

  Status Add(std::string_view source, std::string_view bytes);
  Status EndSource();

  uint64_t nodes() const { return nodes_; }
  uint64_t edges() const { return edges_; }
  uint64_t bytes() const { return bytes_; }
  // Types of which there was any line, and the one that was given.
  const std::set<TypeId>& types() const { return types_; }

 private:
  LineReader(std::shared_ptr<const RowRules> rules, const Target& target);

  void BeginSource(std::string_view source);
  Status TakeLine(std::string_view line);
  Status TakeRow(std::string_view line);
  Status TakeNode(const NodeType& type);
  Status TakeEdge(const EdgeType& type);
  void KeepPart(std::string_view part);
  void Refuse(Status status);

  const Target target_;
  RowChecker checker_;
  const NodeType* bare_node_ = nullptr;
  const EdgeType* bare_edge_ = nullptr;
  bool in_source_ = false;
  std::string source_name_;
  LineRef where_;
  std::string part_;  // of a line whose end has not come
  bool part_too_long_ = false;
  LoadLine line_;  // scratch, as the next three
  CheckedRow row_;
  std::string key_;
  std::string payload_;
  std::set<TypeId> types_;
  uint64_t nodes_ = 0;
  uint64_t edges_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace mendfs
