// The first stage of a load: bytes into lines or records, those into checked rows, rows into two
// sorts.
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
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meta/commit/load/external_sort.h"
#include "meta/commit/load/load_report.h"
#include "meta/table/json_line.h"
#include "meta/table/row_check.h"
#include "meta/table/text/csv_reader.h"
#include "meta/table/text/csv_rows.h"

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

// kByName: *.csv and *.tsv, all else is JSON lines.
enum class SourceFormat : unsigned char { kByName, kJsonLines, kCsv, kTsv };

struct RowReaderOptions {
  // Every row is one of this type; empty: a line names its own, a table has it in its file's name.
  std::string type;
  bool named_lines = false;  // a line may name it, too
  SourceFormat format = SourceFormat::kByName;
};

class RowReader final : private CsvSink {
 public:
  struct Target {
    LoadReport& report;
    ExternalSorter& nodes;
    ExternalSorter& edges;
  };
  // kNotFound if there is no such type.
  static Result<std::unique_ptr<RowReader>> Begin(std::shared_ptr<const RowRules> rules,
                                                  const RowReaderOptions& options,
                                                  const Target& target);

  Status Add(std::string_view source, std::string_view bytes);
  Status EndSource();

  uint64_t nodes() const { return nodes_; }
  uint64_t edges() const { return edges_; }
  uint64_t bytes() const { return bytes_; }
  // Types of which there was any line, or a table's header.
  const std::set<TypeId>& types() const { return types_; }

 private:
  // Of the table that is being read; JSON lines have none.
  struct Table {
    Table(char delimiter, const CsvType& table_type)
        : reader(delimiter, kLoadLineBytesMax), type(table_type), maker(table_type) {}
    CsvReader reader;
    const CsvType type;
    CsvRowMaker maker;
    bool begun = false;    // its header was read
    bool useless = false;  // and tells no columns
    CsvRow row;
  };

  RowReader(std::shared_ptr<const RowRules> rules, RowReaderOptions options, const Target& target);

  void BeginSource(std::string_view source);
  void BeginTable(char delimiter);
  void RefuseForeign(std::string_view begin);
  CsvType FindTableType(std::string_view path) const;
  Status AddLines(std::string_view bytes);
  Status TakeLine(std::string_view line);
  Status TakeRow(std::string_view line);
  Status SplitLine(std::string_view line);
  bool HasColumn(std::string_view name) const;
  Status TakeRecord(std::span<const CsvField> fields) override;
  Status TakeFault(const CsvPlace& place, const Status& fault) override;
  Status TakeNode(const NodeType& type, std::string_view body, std::optional<std::string_view> key);
  Status TakeEdge(const EdgeType& type, const LoadLine& line, bool bare);
  Status TakeTableEdge(const EdgeType& type, const CsvRow& row);
  Status KeepEdge(const EdgeType& type, uint32_t number, std::string_view body);
  void KeepPart(std::string_view part);
  void Refuse(Status status, uint64_t column = 0);
  void RefuseBody(const Status& status, std::string_view body);

  const Target target_;
  const RowReaderOptions options_;
  RowChecker checker_;
  const NodeType* bare_node_ = nullptr;
  const EdgeType* bare_edge_ = nullptr;
  bool in_source_ = false;
  bool skip_source_ = false;  // nothing in it can be read
  std::string source_name_;
  LineRef where_;
  std::unique_ptr<Table> table_;
  std::span<const CsvField> fields_;  // of the record at hand
  std::string_view text_;             // of the line at hand
  std::string part_;                  // of a line whose end has not come
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
