#include "meta/table/text/csv_rows.h"

#include <algorithm>
#include <utility>

#include "meta/table/schema/row_value.h"
#include "meta/table/text/json_text.h"

namespace mendfs {
namespace {

constexpr size_t kShownBytesMax = 60;

std::string Quoted(std::string_view text) {
  std::string quoted;
  AppendJsonString(quoted, IsUtf8(text) ? text.substr(0, kShownBytesMax) : "?");
  return quoted;
}

// As JSON writes them, because the body is JSON: no plus, no leading zeros, no blanks.
bool IsIntegerText(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  if (text.empty() || (text.size() > 1 && text.front() == '0')) return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::string_view> BoolText(std::string_view text) {
  std::string lower(text.substr(0, 6));
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  if (lower == "true") return "true";
  if (lower == "false") return "false";
  return std::nullopt;
}

bool IsText(const PropertyType& type) {
  if (type.list) return false;
  switch (type.scalar) {
    case ScalarKind::kString:
    case ScalarKind::kDate:
    case ScalarKind::kDateTime:
    case ScalarKind::kBlob:
    case ScalarKind::kEnum: return true;
    default: return false;
  }
}

const Property* FindProperty(const CsvType& type, std::string_view name, uint32_t& index) {
  const std::vector<Property>& properties = type.properties();
  for (index = 0; index < properties.size(); ++index) {
    if (properties[index].name == name) return &properties[index];
  }
  return nullptr;
}

}  // namespace

// ------------------------------------------------------------------------------------- CsvRowMaker
Status CsvRowMaker::Bind(const CsvField& field, Column& column) const {
  const std::string_view name = field.text;
  if (name.empty()) return {Code::kInvalid, "the header has a column without a name"};
  if (!IsUtf8(name)) return {Code::kInvalid, "the name of a column is not UTF-8"};
  AppendJsonString(column.member, name);
  column.member.push_back(':');
  if (FindProperty(type_, name, column.property) != nullptr) return Status::Ok();
  const bool node = type_.node != nullptr;
  if (node && name == "$key") {
    column.kind = Kind::kKey;
  } else if (!node && name == "$from") {
    column.kind = Kind::kFrom;
  } else if (!node && name == "$to") {
    column.kind = Kind::kTo;
  } else if (!node && name == "$n") {
    column.kind = Kind::kNumber;
  } else if (node && type_.node->open && !name.starts_with('$')) {
    column.kind = Kind::kUndeclared;
  } else {
    return {Code::kInvalid, type_.name() + " has no property " + Quoted(name) +
                                "; the columns of a header are the type's properties" +
                                (node ? "" : ", $from, $to and $n")};
  }
  return Status::Ok();
}

bool CsvRowMaker::Has(Kind kind, uint32_t property) const {
  return std::any_of(columns_.begin(), columns_.end(), [&](const Column& column) {
    return column.kind == kind && (kind != Kind::kProperty || column.property == property);
  });
}

Status CsvRowMaker::CheckColumns() const {
  if (type_.edge != nullptr) {
    if (Has(Kind::kFrom) && Has(Kind::kTo)) return Status::Ok();
    return {Code::kInvalid, "the header of an edge table has the columns $from and $to"};
  }
  if (Has(Kind::kKey)) return Status::Ok();
  if (type_.node->key.empty()) {
    return {Code::kInvalid, "the keys of " + type_.name() +
                                " stand in the rows' names: the header needs the column $key"};
  }
  for (const uint32_t index : type_.node->key) {
    if (Has(Kind::kProperty, index)) continue;
    return {Code::kInvalid, "the header lacks the key of " + type_.name() + ", the column " +
                                Quoted(type_.node->properties[index].name)};
  }
  return Status::Ok();
}

bool CsvRowMaker::Begin(std::span<const CsvField> header, CsvFault& fault) {
  columns_.clear();
  for (const CsvField& field : header) {
    Column column;
    fault = {field.place, Bind(field, column)};
    if (!fault.status.ok()) return false;
    const bool twice = std::any_of(columns_.begin(), columns_.end(),
                                   [&](const Column& one) { return one.member == column.member; });
    if (twice) {
      fault.status = {Code::kInvalid, "the header has the column " + Quoted(field.text) + " twice"};
      return false;
    }
    columns_.push_back(std::move(column));
  }
  fault = {header.front().place, CheckColumns()};
  return fault.status.ok();
}

bool CsvRowMaker::Make(std::span<const CsvField> fields, CsvRow& row, CsvFault& fault) {
  row.body.assign("{");
  row.key.reset();
  row.from.clear();
  row.to.clear();
  row.n = 1;
  ends_.clear();
  if (fields.size() != columns_.size()) {
    fault = {fields.front().place,
             {Code::kInvalid, "the record has " + std::to_string(fields.size()) +
                                  " fields, the header " + std::to_string(columns_.size())}};
    return false;
  }
  for (size_t index = 0; index < fields.size(); ++index) {
    Status taken = TakeField(columns_[index], fields[index], row);
    if (!taken.ok()) {
      const std::string& member = columns_[index].member;
      fault = {fields[index].place,
               taken.Annotate("column " + member.substr(0, member.size() - 1))};
      return false;
    }
    ends_.push_back(row.body.size());
  }
  if (row.body.size() == 1 && type_.edge != nullptr) {
    row.body.clear();
  } else {
    row.body.push_back('}');
  }
  return true;
}

CsvPlace CsvRowMaker::PlaceOf(std::span<const CsvField> fields, size_t offset) const {
  for (size_t index = 0; index < ends_.size() && index < fields.size(); ++index) {
    if (offset < ends_[index]) return fields[index].place;
  }
  return fields.front().place;
}

Status CsvRowMaker::TakeField(const Column& column, const CsvField& field, CsvRow& row) {
  if (!IsUtf8(field.text)) return {Code::kInvalid, "the field is not UTF-8"};
  switch (column.kind) {
    case Kind::kKey:
      if (!field.is_null()) row.key = std::string(field.text);
      return Status::Ok();
    case Kind::kFrom: row.from.assign(field.text); return Status::Ok();
    case Kind::kTo: row.to.assign(field.text); return Status::Ok();
    case Kind::kNumber: {
      if (field.is_null()) return Status::Ok();
      const auto number = ParseUnsigned(field.text);
      if (!number || *number == 0 || *number > UINT32_MAX) {
        return {Code::kInvalid, Quoted(field.text) + " is no number from 1 up"};
      }
      row.n = static_cast<uint32_t>(*number);
      return Status::Ok();
    }
    case Kind::kProperty:
    case Kind::kUndeclared: break;
  }
  if (field.is_null()) return Status::Ok();
  if (row.body.size() > 1) row.body.push_back(',');
  row.body.append(column.member);
  if (column.kind == Kind::kProperty) {
    return AppendValue(type_.properties()[column.property], field, row.body);
  }
  AppendJsonString(row.body, field.text);
  return Status::Ok();
}

Status CsvRowMaker::AppendValue(const Property& property, const CsvField& field,
                                std::string& body) {
  const PropertyType& type = property.type;
  const auto mismatch = [&](const char* how) -> Status {
    return {Code::kInvalid, Quoted(field.text) + " is no " + TypeText(type) + how};
  };
  if (IsText(type)) {
    AppendJsonString(body, field.text);
    return Status::Ok();
  }
  if (field.text.empty()) return mismatch("; no value at all is an empty field without quotes");
  if (type.list || type.scalar == ScalarKind::kVector) {
    JsonCursor cursor(field.text, names_);
    if (cursor.Peek() != '[' || !cursor.SkipValue() || !cursor.ExpectEnd()) {
      return mismatch("; a list is written as a JSON array, [1,2]");
    }
    AppendMinified(body, field.text);
    return Status::Ok();
  }
  if (type.scalar == ScalarKind::kBool) {
    const auto text = BoolText(field.text);
    if (!text) return mismatch("; write true or false");
    body.append(*text);
    return Status::Ok();
  }
  if (IsInteger(type.scalar)) {
    if (!IsIntegerText(field.text)) return mismatch("; digits, without a plus or leading zeros");
    body.append(field.text);
    return Status::Ok();
  }
  JsonCursor cursor(field.text, names_);
  JsonNumber number;
  if (!cursor.ReadNumber(number) || number.text.size() != field.text.size()) {
    return mismatch("; write it as 1.5 or 1e-3");
  }
  body.append(field.text);
  return Status::Ok();
}

// ------------------------------------------------------------------------------------ CsvRowWriter
Result<CsvRowWriter> CsvRowWriter::Begin(const CsvType& type, char delimiter) {
  if (type.node != nullptr && type.node->open) {
    return Status(Code::kUnsupported, type.name() +
                                          " is an open type, whose columns nobody has declared; "
                                          "export it as JSON lines");
  }
  return CsvRowWriter(type, delimiter);
}

void CsvRowWriter::AppendField(std::string_view text, std::string& out) const {
  const char special[] = {delimiter_, '"', '\r', '\n'};
  const bool plain =
      !text.empty() && text.find_first_of(std::string_view(special, 4)) == std::string_view::npos;
  if (plain) {
    out.append(text);
    return;
  }
  out.push_back('"');
  for (const char c : text) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  out.push_back('"');
}

void CsvRowWriter::AppendHeader(std::string& out) const {
  std::string_view separator;
  const std::string_view delimiter(&delimiter_, 1);
  if (type_.edge != nullptr) {
    out.append("$from").append(delimiter).append("$to").append(delimiter).append("$n");
    separator = delimiter;
  }
  for (const Property& property : type_.properties()) {
    out.append(std::exchange(separator, delimiter));
    AppendField(property.name, out);
  }
}

bool CsvRowWriter::ReadValue(JsonCursor& cursor, uint32_t index) {
  const char first = cursor.Peek();
  const size_t from = cursor.offset();
  std::optional<std::string>& value = values_[index];
  if (first == '"') {
    JsonString text;
    if (!cursor.ReadString(text)) return false;
    value.emplace();
    if (text.escaped) {
      AppendUnescaped(*value, text.raw);
    } else {
      value->assign(text.raw);
    }
    return true;
  }
  if (!cursor.SkipValue()) return false;
  if (first == 'n') return true;
  value.emplace();
  AppendMinified(*value, cursor.Slice(from));
  return true;
}

Status CsvRowWriter::ReadBody(std::string_view body) {
  values_.assign(type_.properties().size(), std::nullopt);
  if (body.empty()) return Status::Ok();
  JsonCursor cursor(body, names_);
  const Status bad(Code::kCorruption, "the body of a row of " + type_.name() + " is no JSON");
  if (!cursor.Expect('{', "")) return bad;
  if (cursor.TakeIf('}')) return Status::Ok();
  do {
    cursor.Peek();
    JsonString name;
    if (!cursor.ReadString(name) || !cursor.Expect(':', "")) return bad;
    name_.clear();
    AppendUnescaped(name_, name.raw);
    uint32_t index = 0;
    const bool known = FindProperty(type_, name_, index) != nullptr;
    if (!(known ? ReadValue(cursor, index) : cursor.SkipValue())) return bad;
  } while (cursor.TakeIf(','));
  return Status::Ok();
}

void CsvRowWriter::AppendProperties(std::string& out) const {
  for (size_t index = 0; index < values_.size(); ++index) {
    if (index > 0) out.push_back(delimiter_);
    if (values_[index]) AppendField(*values_[index], out);
  }
}

// A key that stands only in the row's name gets into its columns all the same.
Status CsvRowWriter::AppendNode(std::string_view key, std::string_view body, std::string& out) {
  MENDFS_RETURN_IF_ERROR(ReadBody(body));
  const std::vector<uint32_t>& columns = type_.node->key;
  if (columns.size() == 1 && !values_[columns.front()]) {
    values_[columns.front()] = std::string(key);
  } else if (columns.size() > 1) {
    MENDFS_ASSIGN_OR_RETURN(const auto parts, SplitKeyText(key, columns.size()));
    for (size_t part = 0; part < parts.size(); ++part) {
      if (!values_[columns[part]]) values_[columns[part]] = parts[part];
    }
  }
  AppendProperties(out);
  return Status::Ok();
}

Status CsvRowWriter::AppendEdge(const Ends& ends, std::string_view body, std::string& out) {
  MENDFS_RETURN_IF_ERROR(ReadBody(body));
  AppendField(ends.from, out);
  out.push_back(delimiter_);
  AppendField(ends.to, out);
  out.push_back(delimiter_);
  if (ends.n > 1) out.append(std::to_string(ends.n));
  if (!values_.empty()) out.push_back(delimiter_);
  AppendProperties(out);
  return Status::Ok();
}

}  // namespace mendfs
