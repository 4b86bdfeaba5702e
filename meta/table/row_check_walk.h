// One pass over one body, type by type. Private to row_check.
//
// Shape:    Run, then for key parts that stand in the row's name only TakeKeyPart, then Collect;
//           key and ends are put together by row_check.cc
// Lifetime: of one row; views of the body and of the scratch space
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/table/json_cursor.h"
#include "meta/table/row_check.h"
#include "meta/table/row_check_rules.h"

namespace mendfs {

// Memory that goes from row to row. `seen` holds row numbers, so that it needs no clearing.
struct RowScratch {
  struct PropertyState {
    uint64_t seen = 0;       // the row in which the name stood
    uint64_t has_value = 0;  // … with a value that is not null
    uint32_t ordered_offset = 0;
    uint32_t ordered_size = 0;
  };
  JsonNames names;
  std::vector<PropertyState> states;
  std::vector<std::string> key_parts;
  std::string text;    // a string with its escapes undone
  std::string source;  // "$from" and "$to"
  std::string target;
  bool has_source = false;
  bool has_target = false;
  uint64_t row_number = 0;

  void Begin(const RowRules::TypeRules& rules);
  bool HasValue(size_t index) const { return states[index].has_value == row_number; }
};

class RowWalk {
 public:
  RowWalk(std::string_view body, const RowRules::TypeRules& rules, RowScratch& scratch,
          CheckedRow& row)
      : body_(body), rules_(rules), scratch_(scratch), row_(row), cursor_(body, scratch.names) {}

  // The whole body: syntax, names, values, required properties.
  Status Run();
  // A part of the key that the body does not have: judged and kept as if it did. `text` is
  // canonical (CheckKeyText).
  Status TakeKeyPart(uint32_t index, std::string_view text);
  // The index values, in declared order.
  void Collect();

 private:
  bool Walk();
  bool ReadMember();
  bool ReadUndeclared(const JsonString& name, size_t where);
  bool ReadEnd(std::string& key, bool& has, size_t where);
  bool ReadValue(uint32_t index);
  bool ReadList(const PropertyRules& rules);
  bool ReadVector(const PropertyRules& rules);
  bool ReadScalar(const PropertyRules& rules);
  bool ReadBool(const PropertyRules& rules);
  bool ReadInteger(const PropertyRules& rules);
  bool ReadFloat(const PropertyRules& rules);
  bool ReadText(const PropertyRules& rules);
  bool CheckText(const PropertyRules& rules, std::string_view text);
  bool CheckTime(const PropertyRules& rules, std::string_view text);
  bool CheckRange(const PropertyRules& rules, size_t ordered_from, std::string_view text);
  bool KeepOrdered(uint32_t index, size_t ordered_from);
  void KeepKeyPart(const PropertyRules& rules, std::string_view text);
  bool CheckRequired();

  bool Mismatch(const PropertyRules& rules);
  bool NoMatch(const PropertyRules& rules, std::string_view text);
  bool Wrong(const PropertyRules& rules, const std::string& sentence);
  bool WrongAt(size_t offset, std::string sentence);
  Status Explain() const;

  std::string_view body_;
  const RowRules::TypeRules& rules_;
  RowScratch& scratch_;
  CheckedRow& row_;
  JsonCursor cursor_;
  // Where the value at hand begins; nothing for one that stands in the row's name.
  std::optional<size_t> value_offset_;
  uint32_t hint_ = 0;  // the property that is expected next
  Status wrong_;
};

// " (line 2, column 7)" of an offset; columns count bytes.
std::string PlaceInBody(std::string_view body, size_t offset);

}  // namespace mendfs
