#include "meta/table/row_check_walk.h"

#include <algorithm>
#include <utility>

#include "meta/table/json_key.h"
#include "meta/table/schema/row_value.h"

namespace mendfs {
namespace {

constexpr size_t kShownBytes = 60;

// A value in a sentence: short, and cut where a character begins.
std::string Shown(std::string_view text) {
  if (text.size() <= kShownBytes) return std::string(text);
  size_t size = kShownBytes;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return std::string(text.substr(0, size)) + "…";
}

const char* Found(char c) {
  switch (c) {
    case '"': return "a string";
    case '{': return "an object";
    case '[': return "an array";
    case 't':
    case 'f': return "a Bool";
    case 'n': return "null";
    default: return "a number";
  }
}

bool IsValueStart(char c) {
  return (c >= '0' && c <= '9') || std::string_view("\"{[tfn-").find(c) != std::string_view::npos;
}

std::string PropertyName(const PropertyRules& rules) {
  return "property \"" + rules.property->name + "\"";
}

}  // namespace

std::string PlaceInBody(std::string_view body, size_t offset) {
  const std::string_view before = body.substr(0, offset);
  const auto lines = std::count(before.begin(), before.end(), '\n');
  const size_t start = before.rfind('\n') == std::string_view::npos ? 0 : before.rfind('\n') + 1;
  return " (line " + std::to_string(lines + 1) + ", column " + std::to_string(offset - start + 1) +
         ")";
}

void RowScratch::Begin(const RowRules::TypeRules& rules) {
  ++row_number;
  names.Clear();
  if (states.size() < rules.properties.size()) states.resize(rules.properties.size());
  if (key_parts.empty()) key_parts.resize(kKeyPartsMax);
  has_source = false;
  has_target = false;
}

Status RowWalk::Run() {
  return Walk() && CheckRequired() ? Status::Ok() : Explain();
}

Status RowWalk::TakeKeyPart(uint32_t index, std::string_view text) {
  const PropertyRules& rules = rules_.properties[index];
  const Property& property = *rules.property;
  value_offset_.reset();
  if (rules.pattern != nullptr && !rules.pattern->Matches(text)) {
    NoMatch(rules, text);
    return Explain();
  }
  if (rules.collect || property.range_min || property.range_max) {
    MENDFS_ASSIGN_OR_RETURN(const std::string ordered, EncodeOrdered(property.type, text));
    const size_t from = row_.ordered.size();
    row_.ordered += ordered;
    if (!CheckRange(rules, from, text) || !KeepOrdered(index, from)) return Explain();
  }
  scratch_.states[index].has_value = scratch_.row_number;
  return Status::Ok();
}

void RowWalk::Collect() {
  if (!rules_.any_collected) return;
  for (size_t i = 0; i < rules_.properties.size(); ++i) {
    if (!rules_.properties[i].collect || !scratch_.HasValue(i)) continue;
    const Property& property = *rules_.properties[i].property;
    row_.values.push_back({.property = property.id,
                           .unique = property.unique,
                           .offset = scratch_.states[i].ordered_offset,
                           .size = scratch_.states[i].ordered_size});
  }
}

bool RowWalk::Walk() {
  if (!cursor_.Expect('{', "a row is a JSON object")) return false;
  if (!cursor_.TakeIf('}')) {
    do {
      if (!ReadMember()) return false;
    } while (cursor_.TakeIf(','));
    if (!cursor_.Expect('}', "expected \",\" or \"}\"")) return false;
  }
  size_t where = 0;
  if (scratch_.names.size() > 1 && scratch_.names.TakeDuplicate(0, where)) {
    return WrongAt(where, "a name stands in the row twice");
  }
  return cursor_.ExpectEnd();
}

bool RowWalk::ReadMember() {
  cursor_.Peek();
  const size_t where = cursor_.offset();
  JsonString name;
  if (!cursor_.ReadString(name)) return false;
  std::string_view text = name.raw;
  if (name.escaped) {
    scratch_.text.clear();
    AppendUnescaped(scratch_.text, name.raw);
    text = scratch_.text;
  }
  const auto index = rules_.Find(text, hint_);
  if (!index) return ReadUndeclared(name, where);
  hint_ = *index + 1;
  RowScratch::PropertyState& state = scratch_.states[*index];
  if (state.seen == scratch_.row_number) {
    return WrongAt(where, PropertyName(rules_.properties[*index]) + " stands in the row twice");
  }
  state.seen = scratch_.row_number;
  if (!cursor_.Expect(':', "expected \":\"")) return false;
  return ReadValue(*index);
}

// A name that the type does not declare: one of an edge's ends, welcome in an open type, else
// wrong.
bool RowWalk::ReadUndeclared(const JsonString& name, size_t where) {
  const std::string_view text = name.escaped ? std::string_view(scratch_.text) : name.raw;
  const bool is_source = text == "$from";
  if (rules_.edge != nullptr && (is_source || text == "$to")) {
    return is_source ? ReadEnd(scratch_.source, scratch_.has_source, where)
                     : ReadEnd(scratch_.target, scratch_.has_target, where);
  }
  if (rules_.node != nullptr && rules_.node->open) {
    scratch_.names.Add(name, where);
    return cursor_.Expect(':', "expected \":\"") && cursor_.SkipValue(1);
  }
  std::vector<std::string_view> declared;
  for (const PropertyRules& rules : rules_.properties) declared.push_back(rules.property->name);
  const std::string_view nearest = NearestName(text, declared);
  const std::string& type = rules_.node != nullptr ? rules_.node->name : rules_.edge->name;
  return WrongAt(where,
                 "property \"" + Shown(text) + "\" is not declared in " + type +
                     (nearest.empty() ? "" : "; did you mean \"" + std::string(nearest) + "\"?"));
}

bool RowWalk::ReadEnd(std::string& key, bool& has, size_t where) {
  if (has) return WrongAt(where, "an end of the edge stands in the row twice");
  has = true;
  return cursor_.Expect(':', "expected \":\"") && ReadKeyText(cursor_, key);
}

bool RowWalk::ReadValue(uint32_t index) {
  const PropertyRules& rules = rules_.properties[index];
  const char c = cursor_.Peek();
  value_offset_ = cursor_.offset();
  if (c == 'n') {
    if (!cursor_.ReadLiteral("null")) return false;
    return !rules.required || Wrong(rules, "is required, not null");
  }
  const size_t ordered_from = row_.ordered.size();
  const bool ok = rules.property->type.list ? ReadList(rules) : ReadScalar(rules);
  if (!ok) return false;
  scratch_.states[index].has_value = scratch_.row_number;
  return KeepOrdered(index, ordered_from);
}

// What stands in `ordered` from there on is the value of the property, if an index wants it.
bool RowWalk::KeepOrdered(uint32_t index, size_t ordered_from) {
  const PropertyRules& rules = rules_.properties[index];
  if (!rules.collect) {
    row_.ordered.resize(ordered_from);
    return true;
  }
  RowScratch::PropertyState& state = scratch_.states[index];
  state.ordered_offset = static_cast<uint32_t>(ordered_from);
  state.ordered_size = static_cast<uint32_t>(row_.ordered.size() - ordered_from);
  if (!rules.indexed || state.ordered_size <= kIndexValueBytesMax) return true;
  return Wrong(rules, "a value of " + std::to_string(state.ordered_size) +
                          " bytes is too long for an index (at most " +
                          std::to_string(kIndexValueBytesMax) + ")");
}

bool RowWalk::ReadList(const PropertyRules& rules) {
  if (!cursor_.TakeIf('[')) return Mismatch(rules);
  if (cursor_.TakeIf(']')) return true;
  const size_t ordered_from = row_.ordered.size();
  do {
    cursor_.Peek();
    value_offset_ = cursor_.offset();
    if (!ReadScalar(rules)) return false;
    row_.ordered.resize(ordered_from);  // lists have no index
  } while (cursor_.TakeIf(','));
  return cursor_.Expect(']', "expected \",\" or \"]\"");
}

bool RowWalk::ReadVector(const PropertyRules& rules) {
  if (!cursor_.TakeIf('[')) return Mismatch(rules);
  const auto begin = value_offset_;
  uint32_t count = 0;
  if (!cursor_.TakeIf(']')) {
    do {
      cursor_.Peek();
      value_offset_ = cursor_.offset();
      if (!ReadFloat(rules)) return false;
      ++count;
    } while (cursor_.TakeIf(','));
    if (!cursor_.Expect(']', "expected \",\" or \"]\"")) return false;
  }
  value_offset_ = begin;
  const uint32_t want = rules.property->type.dimension;
  if (count == want) return true;
  return Wrong(rules, "has " + std::to_string(count) + " numbers, not " + std::to_string(want));
}

bool RowWalk::ReadScalar(const PropertyRules& rules) {
  switch (rules.property->type.scalar) {
    case ScalarKind::kBool: return ReadBool(rules);
    case ScalarKind::kI32:
    case ScalarKind::kI64:
    case ScalarKind::kU32:
    case ScalarKind::kU64: return ReadInteger(rules);
    case ScalarKind::kF32:
    case ScalarKind::kF64: return ReadFloat(rules);
    case ScalarKind::kVector: return ReadVector(rules);
    default: return ReadText(rules);
  }
}

bool RowWalk::ReadBool(const PropertyRules& rules) {
  const char c = cursor_.Peek();
  if (c != 't' && c != 'f') return Mismatch(rules);
  const std::string_view literal = c == 't' ? "true" : "false";
  if (!cursor_.ReadLiteral(literal)) return false;
  if (rules.collect) row_.ordered.push_back(c == 't' ? '\1' : '\0');
  KeepKeyPart(rules, literal);
  return true;
}

bool RowWalk::ReadInteger(const PropertyRules& rules) {
  const char c = cursor_.Peek();
  if (c != '-' && (c < '0' || c > '9')) return Mismatch(rules);
  JsonNumber number;
  if (!cursor_.ReadNumber(number)) return false;
  if (!number.integer) {
    return Wrong(rules, Shown(number.text) + " must be written as an integer");
  }
  const ScalarKind kind = rules.property->type.scalar;
  const size_t from = row_.ordered.size();
  bool fits = false;
  if (kind == ScalarKind::kI32 || kind == ScalarKind::kI64) {
    const auto value = ParseSigned(number.text);
    fits = value && (kind == ScalarKind::kI64 || *value == static_cast<int32_t>(*value));
    if (fits) AppendOrderedSigned(row_.ordered, *value);
  } else {
    const auto value = ParseUnsigned(number.text);
    fits = value && (kind == ScalarKind::kU64 || *value <= UINT32_MAX);
    if (fits) AppendOrderedUnsigned(row_.ordered, *value);
  }
  if (!fits) {
    return Wrong(rules, Shown(number.text) + " does not fit " + std::string(ScalarName(kind)));
  }
  KeepKeyPart(rules, number.text == "-0" ? "0" : number.text);
  return CheckRange(rules, from, number.text);
}

// Also the elements of a Vector, which are floats of 32 bits.
bool RowWalk::ReadFloat(const PropertyRules& rules) {
  const char c = cursor_.Peek();
  if (c != '-' && (c < '0' || c > '9')) return Mismatch(rules);
  JsonNumber number;
  if (!cursor_.ReadNumber(number)) return false;
  const Property& property = *rules.property;
  const bool wide = property.type.scalar == ScalarKind::kF64;
  const bool needs_value = rules.collect || property.range_min || property.range_max;
  // Few digits and no exponent: finite without looking closer.
  constexpr size_t kPlainDigits = 38;
  const bool plain = number.text.size() <= kPlainDigits &&
                     number.text.find_first_of("eE") == std::string_view::npos;
  if (plain && !needs_value) return true;
  const PropertyType type{.scalar = wide ? ScalarKind::kF64 : ScalarKind::kF32};
  const Result<std::string> ordered = EncodeOrdered(type, number.text);
  if (!ordered.ok()) {
    return Wrong(rules, Shown(number.text) + " is too large for " + (wide ? "F64" : "F32"));
  }
  if (!needs_value) return true;
  const size_t from = row_.ordered.size();
  row_.ordered += *ordered;
  return CheckRange(rules, from, number.text);
}

bool RowWalk::ReadText(const PropertyRules& rules) {
  if (cursor_.Peek() != '"') return Mismatch(rules);
  JsonString string;
  if (!cursor_.ReadString(string)) return false;
  if (!string.escaped) return CheckText(rules, string.raw);
  scratch_.text.clear();
  AppendUnescaped(scratch_.text, string.raw);
  return CheckText(rules, scratch_.text);
}

bool RowWalk::CheckText(const PropertyRules& rules, std::string_view text) {
  const Property& property = *rules.property;
  switch (property.type.scalar) {
    case ScalarKind::kDate:
    case ScalarKind::kDateTime: return CheckTime(rules, text);
    case ScalarKind::kBlob: return IsBase64(text) || Wrong(rules, "is not base64 with padding");
    case ScalarKind::kEnum: {
      const auto& values = property.type.enum_values;
      if (std::find(values.begin(), values.end(), text) == values.end()) {
        const std::string_view nearest = NearestName(text, {values.begin(), values.end()});
        return Wrong(
            rules, "\"" + Shown(text) + "\" is not one of " + Shown(TypeText(property.type)) +
                       (nearest.empty() ? "" : "; did you mean \"" + std::string(nearest) + "\"?"));
      }
      break;
    }
    default:
      if (rules.pattern != nullptr && !rules.pattern->Matches(text)) {
        return NoMatch(rules, text);
      }
  }
  if (rules.collect) row_.ordered.append(text);
  KeepKeyPart(rules, text);
  return true;
}

bool RowWalk::CheckTime(const PropertyRules& rules, std::string_view text) {
  const size_t from = row_.ordered.size();
  if (rules.property->type.scalar == ScalarKind::kDate) {
    const auto days = ParseDate(text);
    if (!days) return Wrong(rules, "\"" + Shown(text) + "\" is no Date (2026-11-20)");
    AppendOrderedSigned(row_.ordered, *days);
    KeepKeyPart(rules, text);
  } else {
    const auto instant = ParseDateTime(text);
    if (!instant) {
      return Wrong(rules,
                   "\"" + Shown(text) + "\" is no DateTime with an offset (2026-11-20T12:30:00Z)");
    }
    AppendOrderedInstant(row_.ordered, *instant);
    if (rules.key_part) KeepKeyPart(rules, FormatDateTime(*instant));
  }
  return CheckRange(rules, from, text);
}

bool RowWalk::CheckRange(const PropertyRules& rules, size_t ordered_from, std::string_view text) {
  const Property& property = *rules.property;
  if (!property.range_min && !property.range_max) return true;
  const std::string_view ordered = std::string_view(row_.ordered).substr(ordered_from);
  if ((!property.range_min || ordered >= property.range_min->ordered) &&
      (!property.range_max || ordered <= property.range_max->ordered)) {
    return true;
  }
  return Wrong(rules, Shown(text) + " is outside of " +
                          (property.range_min ? property.range_min->text : "") + ".." +
                          (property.range_max ? property.range_max->text : ""));
}

void RowWalk::KeepKeyPart(const PropertyRules& rules, std::string_view text) {
  if (rules.key_part) scratch_.key_parts[*rules.key_part].assign(text);
}

bool RowWalk::CheckRequired() {
  if (!rules_.any_required) return true;
  for (size_t i = 0; i < rules_.properties.size(); ++i) {
    const PropertyRules& rules = rules_.properties[i];
    if (!rules.required || scratch_.HasValue(i)) continue;
    wrong_ = Status(Code::kInvalid, PropertyName(rules) + " is required and missing");
    return false;
  }
  return true;
}

bool RowWalk::Mismatch(const PropertyRules& rules) {
  const char c = cursor_.Peek();
  if (!IsValueStart(c)) return cursor_.SkipValue();  // no JSON at all: that is its error
  return Wrong(rules, "expected " + TypeText(rules.property->type) + ", found " + Found(c));
}

bool RowWalk::NoMatch(const PropertyRules& rules, std::string_view text) {
  return Wrong(rules, "\"" + Shown(text) + "\" does not match " + rules.property->check);
}

bool RowWalk::Wrong(const PropertyRules& rules, const std::string& sentence) {
  std::string whole = PropertyName(rules) + ": " + sentence;
  if (value_offset_) return WrongAt(*value_offset_, std::move(whole));
  wrong_ = Status(Code::kInvalid, std::move(whole) + " (in the row's name)");
  return false;
}

bool RowWalk::WrongAt(size_t offset, std::string sentence) {
  wrong_ = Status(Code::kInvalid, std::move(sentence) + PlaceInBody(body_, offset));
  return false;
}

Status RowWalk::Explain() const {
  if (!wrong_.ok()) return wrong_;
  const JsonError& error = cursor_.error();
  std::string sentence = "not valid JSON: ";
  if (!error.name.empty()) sentence += "\"" + Shown(error.name) + "\" ";
  return {Code::kInvalid, sentence + error.sentence + PlaceInBody(body_, error.offset)};
}

}  // namespace mendfs
