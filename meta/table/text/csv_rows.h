// Rows of one type as CSV records: a header that names columns, bodies made of records, and records
// made of bodies. docs/user/cli.md says how each kind of value is written.
//
// Shape:    a column is a property, or one of $key (nodes whose key stands in the row's name only),
//           $from, $to and $n (edges). A body has its members in the order of the columns
// Lifetime: the type outlives both
// Threads:  each belongs to one thread
// Errors:   kInvalid; CsvFault tells the field. A body made here is still RowChecker's to judge
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/table/json_cursor.h"
#include "meta/table/schema/schema.h"
#include "meta/table/text/csv_reader.h"

namespace mendfs {

struct CsvFault {
  CsvPlace place;
  Status status;
};

// The type that a table holds: one of the two.
struct CsvType {
  const NodeType* node = nullptr;
  const EdgeType* edge = nullptr;

  const std::string& name() const { return node != nullptr ? node->name : edge->name; }
  const std::vector<Property>& properties() const {
    return node != nullptr ? node->properties : edge->properties;
  }
};

struct CsvRow {
  std::string body;  // empty for an edge without properties
  std::optional<std::string> key;
  std::string from;
  std::string to;
  uint32_t n = 1;
};

class CsvRowMaker {
 public:
  explicit CsvRowMaker(const CsvType& type) : type_(type) {}

  // The first record. False: `fault` tells why no table of this type begins like that.
  bool Begin(std::span<const CsvField> header, CsvFault& fault);
  bool Make(std::span<const CsvField> fields, CsvRow& row, CsvFault& fault);
  // The field that the byte at `offset` of the last body was made of.
  CsvPlace PlaceOf(std::span<const CsvField> fields, size_t offset) const;

 private:
  enum class Kind : unsigned char { kProperty, kUndeclared, kKey, kFrom, kTo, kNumber };
  struct Column {
    Kind kind = Kind::kProperty;
    uint32_t property = 0;
    std::string member;  // as JSON: "name":
  };

  Status Bind(const CsvField& field, Column& column) const;
  Status CheckColumns() const;
  bool Has(Kind kind, uint32_t property = 0) const;
  Status TakeField(const Column& column, const CsvField& field, CsvRow& row);
  Status AppendValue(const Property& property, const CsvField& field, std::string& body);

  const CsvType type_;
  std::vector<Column> columns_;
  std::vector<size_t> ends_;  // in the last body, of what each column gave
  JsonNames names_;
};

class CsvRowWriter {
 public:
  // kUnsupported for a type whose columns are not declared.
  static Result<CsvRowWriter> Begin(const CsvType& type, char delimiter);

  void AppendHeader(std::string& out) const;
  // `body` passes RowChecker; `key` is the row's.
  Status AppendNode(std::string_view key, std::string_view body, std::string& out);
  struct Ends {
    std::string_view from;
    std::string_view to;
    uint32_t n = 1;
  };
  Status AppendEdge(const Ends& ends, std::string_view body, std::string& out);

 private:
  CsvRowWriter(const CsvType& type, char delimiter) : type_(type), delimiter_(delimiter) {}
  Status ReadBody(std::string_view body);
  bool ReadValue(JsonCursor& cursor, uint32_t index);
  void AppendField(std::string_view text, std::string& out) const;
  void AppendProperties(std::string& out) const;

  CsvType type_;
  char delimiter_;
  std::vector<std::optional<std::string>> values_;
  std::string name_;  // scratch
  JsonNames names_;
};

}  // namespace mendfs
