#include "meta/table/schema/schema.h"

#include <algorithm>

namespace mendfs {
namespace {

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Levenshtein distance without regard to case; both words are short names.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = diagonal + (Lower(a[i - 1]) == Lower(b[j - 1]) ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
    }
  }
  return row[b.size()];
}

template <typename Type, typename Match>
const Type* Find(const std::vector<Type>& types, Match match) {
  const auto found = std::find_if(types.begin(), types.end(), match);
  return found == types.end() ? nullptr : &*found;
}

std::string QuotedEnumValue(const std::string& value) {
  if (IsIdentifier(value)) return value;
  std::string text = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') text.push_back('\\');
    text.push_back(c);
  }
  text.push_back('"');
  return text;
}

}  // namespace

std::string_view ScalarName(ScalarKind kind) {
  switch (kind) {
    case ScalarKind::kString: return "String";
    case ScalarKind::kBool: return "Bool";
    case ScalarKind::kI32: return "I32";
    case ScalarKind::kI64: return "I64";
    case ScalarKind::kU32: return "U32";
    case ScalarKind::kU64: return "U64";
    case ScalarKind::kF32: return "F32";
    case ScalarKind::kF64: return "F64";
    case ScalarKind::kDate: return "Date";
    case ScalarKind::kDateTime: return "DateTime";
    case ScalarKind::kBlob: return "Blob";
    case ScalarKind::kVector: return "Vector";
    case ScalarKind::kEnum: return "enum";
  }
  return "unknown";
}

bool IsInteger(ScalarKind kind) {
  return kind >= ScalarKind::kI32 && kind <= ScalarKind::kU64;
}

bool IsFloat(ScalarKind kind) {
  return kind == ScalarKind::kF32 || kind == ScalarKind::kF64;
}

std::string TypeText(const PropertyType& type) {
  std::string text(ScalarName(type.scalar));
  if (type.scalar == ScalarKind::kVector) text += "(" + std::to_string(type.dimension) + ")";
  if (type.scalar == ScalarKind::kEnum) {
    text += "(";
    for (size_t i = 0; i < type.enum_values.size(); ++i) {
      if (i > 0) text += ", ";
      text += QuotedEnumValue(type.enum_values[i]);
    }
    text += ")";
  }
  if (type.list) text = "[" + text + "]";
  if (type.nullable) text += "?";
  return text;
}

const NodeType* Schema::FindNode(std::string_view name) const {
  return Find(nodes, [&](const NodeType& type) { return type.name == name; });
}

const NodeType* Schema::FindNode(TypeId id) const {
  return Find(nodes, [&](const NodeType& type) { return type.id == id; });
}

const EdgeType* Schema::FindEdge(std::string_view name) const {
  return Find(edges, [&](const EdgeType& type) { return type.name == name; });
}

const EdgeType* Schema::FindEdge(TypeId id) const {
  return Find(edges, [&](const EdgeType& type) { return type.id == id; });
}

const Interface* Schema::FindInterface(std::string_view name) const {
  return Find(interfaces, [&](const Interface& type) { return type.name == name; });
}

std::optional<uint32_t> FindProperty(const std::vector<Property>& properties,
                                     std::string_view name) {
  for (size_t i = 0; i < properties.size(); ++i) {
    if (properties[i].name == name) return static_cast<uint32_t>(i);
  }
  return std::nullopt;
}

bool IsIdentifier(std::string_view name) {
  if (name.empty() || name.size() > kSchemaNameBytesMax || !IsLetter(name[0])) return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return IsLetter(c) || (c >= '0' && c <= '9'); });
}

std::string_view NearestName(std::string_view word,
                             const std::vector<std::string_view>& candidates) {
  std::string_view nearest;
  if (word.size() > kSchemaNameBytesMax) return nearest;
  // One edit for every three letters: nearer is a slip, farther is another word.
  size_t best = word.size() / 3 + 2;
  for (const std::string_view candidate : candidates) {
    const size_t longer = std::max(candidate.size(), word.size());
    if (longer - std::min(candidate.size(), word.size()) >= best) continue;
    const size_t distance = EditDistance(word, candidate);
    if (distance < best && distance < longer) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace mendfs
