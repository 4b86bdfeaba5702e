#include "meta/table/schema/schema_parser.h"

#include <map>
#include <unordered_map>
#include <utility>

#include "meta/table/schema/row_value.h"
#include "meta/table/schema/schema_check.h"
#include "meta/table/schema/schema_lexer.h"

namespace mendfs {
namespace {

using Kind = SchemaToken::Kind;

std::string Seen(const SchemaToken& token) {
  switch (token.kind) {
    case Kind::kEnd: return "the text ends";
    case Kind::kBad: return "there is " + std::string(token.text);
    case Kind::kString: return "there is a string";
    default: break;
  }
  return "there is \"" + std::string(token.text.substr(0, 40)) + "\"";
}

std::string DidYouMean(std::string_view word, const std::vector<std::string_view>& candidates) {
  const std::string_view nearest = NearestName(word, candidates);
  return nearest.empty() ? "" : "; did you mean \"" + std::string(nearest) + "\"?";
}

const std::vector<std::string_view>& ScalarNames() {
  static const std::vector<std::string_view> names = {"String", "Bool",   "I32", "I64",  "U32",
                                                      "U64",    "F32",    "F64", "Date", "DateTime",
                                                      "Blob",   "Vector", "enum"};
  return names;
}

// A name that is resolved once everything has been read.
struct NameAt {
  std::string name;
  size_t offset = 0;
};

// Recursive descent over three fixed levels: declarations, properties, constraints. Nothing nests
// deeper than a list of enum, so the text cannot make it recurse.
class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text) {}

  Result<Schema> Run() {
    while (lexer_.Peek().kind != Kind::kEnd) {
      if (lexer_.Peek().Is(";")) {
        lexer_.Take();
        continue;
      }
      MENDFS_RETURN_IF_ERROR(ParseDeclaration());
    }
    MENDFS_RETURN_IF_ERROR(Resolve());
    if (const auto problem = FindSchemaProblem(schema_)) return Locate(*problem);
    return std::move(schema_);
  }

 private:
  struct Header {
    std::string name;
    std::string description;
    std::string rename_from;
    std::vector<NameAt> key;
    NameAt ttl;
    size_t offset = 0;
  };

  Status Fail(size_t offset, const std::string& sentence) const {
    return {Code::kInvalid, lexer_.Place(offset) + ": " + sentence};
  }
  Status Expected(std::string_view what) const {
    const SchemaToken& token = lexer_.Peek();
    return Fail(token.offset, "expected " + std::string(what) + ", but " + Seen(token));
  }
  Status Expect(std::string_view punct) {
    if (!lexer_.Peek().Is(punct)) return Expected("\"" + std::string(punct) + "\"");
    lexer_.Take();
    return Status::Ok();
  }
  bool TakeIf(std::string_view punct) {
    if (!lexer_.Peek().Is(punct)) return false;
    lexer_.Take();
    return true;
  }

  Status ParseDeclaration();
  Status ParseNode(bool open);
  Status ParseEdge();
  Status ParseInterface();
  Status ParseTypeName(std::string_view what, NameAt& name);
  Status ParseNames(std::string_view what, std::vector<NameAt>& names);
  Status ParseHeaderConstraint(Header& header, EdgeType* edge);
  Status ParseCard(EdgeType& edge);
  Status ParseOnDelete(EdgeType& edge);
  Status ParseBody(const Header& header, std::vector<Property>& properties, Header* keys);
  Status ParseProperty(const Header& header, Property& property, Header* keys);
  Status ParsePropertyName(NameAt& name);
  Status ParseType(PropertyType& type);
  Status ParseScalar(PropertyType& type);
  Status ParseEnumValues(PropertyType& type);
  Status ParsePropertyConstraint(Property& property, const NameAt& name, Header* keys);
  Status ParseRange(Property& property);
  Status ParseBound(const PropertyType& type, std::string_view text, size_t offset,
                    std::optional<RangeBound>& bound);
  Status ParseCheck(Property& property);
  Status ParseTextArgument(std::string_view constraint, std::string& text);
  Status ParseOldName(std::string& name);
  Status ApplyHeader(const Header& header, std::vector<Property>& properties,
                     std::vector<uint32_t>* key);
  Status Resolve();
  Status ResolveEnd(const NameAt& name, TypeId& end) const;
  Status Locate(const SchemaProblem& problem) const;

  SchemaLexer lexer_;
  Schema schema_;
  std::vector<std::pair<NameAt, NameAt>> ends_;                   // of schema_.edges
  std::map<std::pair<std::string, std::string>, size_t> places_;  // type, property -> offset
};

Status Parser::ParseDeclaration() {
  const SchemaToken& token = lexer_.Peek();
  const size_t count = schema_.interfaces.size() + schema_.nodes.size() + schema_.edges.size();
  if (count >= kSchemaTypesMax) {
    return Fail(token.offset, "a schema has at most " + std::to_string(kSchemaTypesMax) + " types");
  }
  if (token.IsWord("node")) return ParseNode(false);
  if (token.IsWord("edge")) return ParseEdge();
  if (token.IsWord("interface")) return ParseInterface();
  if (token.IsWord("open")) {
    lexer_.Take();
    if (!lexer_.Peek().IsWord("node")) return Expected("\"node\" behind \"open\"");
    return ParseNode(true);
  }
  const std::string hint = token.kind == Kind::kWord
                               ? DidYouMean(token.text, {"node", "edge", "interface", "open"})
                               : "";
  const Status status = Expected("node, edge, interface or open node");
  return {status.code(), status.message() + hint};
}

Status Parser::ParseTypeName(std::string_view what, NameAt& name) {
  const SchemaToken& token = lexer_.Peek();
  if (token.kind != Kind::kWord || !IsIdentifier(token.text)) {
    return Expected(std::string(what) + " (a letter, then letters, digits and _; at most " +
                    std::to_string(kSchemaNameBytesMax) + ")");
  }
  name = {std::string(token.text), token.offset};
  lexer_.Take();
  return Status::Ok();
}

// name, name, … as many as follow.
Status Parser::ParseNames(std::string_view what, std::vector<NameAt>& names) {
  do {
    if (names.size() >= kTypeInterfacesMax) return Expected("no more names");
    NameAt name;
    MENDFS_RETURN_IF_ERROR(ParseTypeName(what, name));
    names.push_back(std::move(name));
  } while (TakeIf(","));
  return Status::Ok();
}

Status Parser::ParseNode(bool open) {
  lexer_.Take();
  NameAt name;
  MENDFS_RETURN_IF_ERROR(ParseTypeName("a node type name", name));
  NodeType type;
  type.name = name.name;
  type.open = open;
  Header header{.name = name.name, .offset = name.offset};
  places_.emplace(std::make_pair(name.name, ""), name.offset);
  if (lexer_.Peek().IsWord("implements")) {
    lexer_.Take();
    std::vector<NameAt> interfaces;
    MENDFS_RETURN_IF_ERROR(ParseNames("an interface name", interfaces));
    for (NameAt& interface : interfaces) type.implements.push_back(std::move(interface.name));
  }
  while (lexer_.Peek().Is("@")) MENDFS_RETURN_IF_ERROR(ParseHeaderConstraint(header, nullptr));
  if (lexer_.Peek().Is("{")) {
    MENDFS_RETURN_IF_ERROR(ParseBody(header, type.properties, &header));
  } else if (!open) {
    return Expected("\"{\"");
  }
  MENDFS_RETURN_IF_ERROR(ApplyHeader(header, type.properties, &type.key));
  type.rename_from = std::move(header.rename_from);
  type.description = std::move(header.description);
  schema_.nodes.push_back(std::move(type));
  return Status::Ok();
}

Status Parser::ParseEdge() {
  lexer_.Take();
  NameAt name;
  NameAt source;
  NameAt target;
  MENDFS_RETURN_IF_ERROR(ParseTypeName("an edge type name", name));
  MENDFS_RETURN_IF_ERROR(Expect(":"));
  MENDFS_RETURN_IF_ERROR(ParseTypeName("the node type where the edge begins", source));
  MENDFS_RETURN_IF_ERROR(Expect("->"));
  MENDFS_RETURN_IF_ERROR(ParseTypeName("the node type where the edge ends", target));
  EdgeType type;
  type.name = name.name;
  Header header{.name = name.name, .offset = name.offset};
  places_.emplace(std::make_pair(name.name, ""), name.offset);
  while (lexer_.Peek().Is("@")) MENDFS_RETURN_IF_ERROR(ParseHeaderConstraint(header, &type));
  if (lexer_.Peek().Is("{")) {
    MENDFS_RETURN_IF_ERROR(ParseBody(header, type.properties, nullptr));
  }
  MENDFS_RETURN_IF_ERROR(ApplyHeader(header, type.properties, nullptr));
  type.rename_from = std::move(header.rename_from);
  type.description = std::move(header.description);
  schema_.edges.push_back(std::move(type));
  ends_.emplace_back(std::move(source), std::move(target));
  return Status::Ok();
}

Status Parser::ParseInterface() {
  lexer_.Take();
  NameAt name;
  MENDFS_RETURN_IF_ERROR(ParseTypeName("an interface name", name));
  Interface interface;
  interface.name = name.name;
  Header header{.name = name.name, .offset = name.offset};
  places_.emplace(std::make_pair(name.name, ""), name.offset);
  while (lexer_.Peek().Is("@")) {
    lexer_.Take();
    if (!lexer_.Peek().IsWord("description")) return Expected("description behind \"@\"");
    lexer_.Take();
    MENDFS_RETURN_IF_ERROR(ParseTextArgument("@description", interface.description));
  }
  MENDFS_RETURN_IF_ERROR(ParseBody(header, interface.properties, nullptr));
  schema_.interfaces.push_back(std::move(interface));
  return Status::Ok();
}

// `edge` is set for edges, which have bounds and a rule for deletion but no key.
Status Parser::ParseHeaderConstraint(Header& header, EdgeType* edge) {
  lexer_.Take();
  const SchemaToken word = lexer_.Peek();
  if (word.kind != Kind::kWord) return Expected("the name of a constraint behind \"@\"");
  lexer_.Take();
  if (word.text == "description") return ParseTextArgument("@description", header.description);
  if (word.text == "rename_from") return ParseOldName(header.rename_from);
  if (word.text == "ttl") {
    MENDFS_RETURN_IF_ERROR(Expect("("));
    MENDFS_RETURN_IF_ERROR(ParsePropertyName(header.ttl));
    return Expect(")");
  }
  if (word.text == "key" && edge == nullptr) {
    if (!header.key.empty()) return Fail(word.offset, "@key stands there twice");
    MENDFS_RETURN_IF_ERROR(Expect("("));
    do {
      if (header.key.size() >= kKeyPartsMax) return Expected("no more key parts");
      MENDFS_RETURN_IF_ERROR(ParsePropertyName(header.key.emplace_back()));
    } while (TakeIf(","));
    return Expect(")");
  }
  if (word.text == "card" && edge != nullptr) return ParseCard(*edge);
  if (word.text == "ondelete" && edge != nullptr) return ParseOnDelete(*edge);
  std::vector<std::string_view> known = {"description", "rename_from", "ttl", "key"};
  if (edge != nullptr) known = {"description", "rename_from", "ttl", "card", "ondelete"};
  return Fail(word.offset, std::string(edge != nullptr ? "an edge" : "a node") +
                               " type has no constraint @" + std::string(word.text.substr(0, 40)) +
                               DidYouMean(word.text, known));
}

Status Parser::ParseCard(EdgeType& edge) {
  MENDFS_RETURN_IF_ERROR(Expect("("));
  const size_t offset = lexer_.Peek().offset;
  const std::string_view raw = lexer_.TakeRaw();
  const size_t dots = raw.find("..");
  const std::string_view high = dots == std::string_view::npos ? "" : raw.substr(dots + 2);
  const auto low = ParseUnsigned(raw.substr(0, dots));
  const auto most = ParseUnsigned(high);
  if (!low || (!most && high != "*")) {
    return Fail(offset, "@card takes min..max, such as 0..1 or 1..*");
  }
  edge.card_min = *low;
  edge.card_max = most;
  return Expect(")");
}

Status Parser::ParseOnDelete(EdgeType& edge) {
  MENDFS_RETURN_IF_ERROR(Expect("("));
  if (lexer_.Peek().IsWord("cascade")) {
    edge.on_delete = OnDelete::kCascade;
  } else if (lexer_.Peek().IsWord("restrict")) {
    edge.on_delete = OnDelete::kRestrict;
  } else {
    return Expected("cascade or restrict");
  }
  lexer_.Take();
  return Expect(")");
}

Status Parser::ParseBody(const Header& header, std::vector<Property>& properties, Header* keys) {
  MENDFS_RETURN_IF_ERROR(Expect("{"));
  bool separated = true;
  while (!TakeIf("}")) {
    if (TakeIf(",") || TakeIf(";")) {
      separated = true;
      continue;
    }
    const SchemaToken& token = lexer_.Peek();
    if (token.kind == Kind::kEnd) return Expected("\"}\" to close " + header.name);
    if (!separated && !token.starts_line) {
      return Expected("a constraint, a line end, \",\", \";\" or \"}\"");
    }
    if (properties.size() >= kTypePropertiesMax) return Expected("no more than 1024 properties");
    MENDFS_RETURN_IF_ERROR(ParseProperty(header, properties.emplace_back(), keys));
    separated = false;
  }
  return Status::Ok();
}

Status Parser::ParsePropertyName(NameAt& name) {
  const SchemaToken& token = lexer_.Peek();
  if (token.kind != Kind::kWord && token.kind != Kind::kString) return Expected("a property name");
  name.offset = token.offset;
  if (token.kind == Kind::kWord && !IsIdentifier(token.text)) {
    return Fail(token.offset, "a property name that is no word stands in quotes");
  }
  name.name = token.kind == Kind::kWord ? std::string(token.text) : token.value;
  lexer_.Take();
  return Status::Ok();
}

Status Parser::ParseProperty(const Header& header, Property& property, Header* keys) {
  NameAt name;
  MENDFS_RETURN_IF_ERROR(ParsePropertyName(name));
  property.name = name.name;
  if (!places_.emplace(std::make_pair(header.name, name.name), name.offset).second) {
    return Fail(name.offset, "the property \"" + name.name + "\" is declared twice");
  }
  MENDFS_RETURN_IF_ERROR(Expect(":"));
  MENDFS_RETURN_IF_ERROR(ParseType(property.type));
  while (lexer_.Peek().Is("@")) {
    MENDFS_RETURN_IF_ERROR(ParsePropertyConstraint(property, name, keys));
  }
  return Status::Ok();
}

Status Parser::ParseType(PropertyType& type) {
  type.list = TakeIf("[");
  if (type.list && lexer_.Peek().Is("[")) return Expected("a scalar: lists do not nest");
  MENDFS_RETURN_IF_ERROR(ParseScalar(type));
  if (type.list) {
    if (lexer_.Peek().Is("?")) return Expected("\"]\": elements of a list are never null");
    MENDFS_RETURN_IF_ERROR(Expect("]"));
  }
  type.nullable = TakeIf("?");
  return Status::Ok();
}

Status Parser::ParseScalar(PropertyType& type) {
  const SchemaToken word = lexer_.Peek();
  if (word.kind != Kind::kWord) return Expected("a type, such as String or [I64]?");
  const auto& names = ScalarNames();
  size_t index = 0;
  while (index < names.size() && names[index] != word.text) ++index;
  if (index == names.size()) {
    return Fail(word.offset, "there is no type " + std::string(word.text.substr(0, 40)) +
                                 DidYouMean(word.text, names));
  }
  lexer_.Take();
  type.scalar = static_cast<ScalarKind>(index + 1);
  if (type.scalar == ScalarKind::kEnum) return ParseEnumValues(type);
  if (type.scalar != ScalarKind::kVector) return Status::Ok();
  MENDFS_RETURN_IF_ERROR(Expect("("));
  const auto dimension = ParseUnsigned(lexer_.Peek().text);
  if (!dimension || *dimension == 0 || *dimension > kVectorDimensionMax) {
    return Expected("a dimension from 1 to " + std::to_string(kVectorDimensionMax));
  }
  lexer_.Take();
  type.dimension = static_cast<uint32_t>(*dimension);
  return Expect(")");
}

Status Parser::ParseEnumValues(PropertyType& type) {
  MENDFS_RETURN_IF_ERROR(Expect("("));
  do {
    const SchemaToken value = lexer_.Peek();
    if (type.enum_values.size() >= kEnumValuesMax) return Expected("no more enum values");
    if (value.kind != Kind::kWord && value.kind != Kind::kString) {
      return Expected("an enum value (a word or a string)");
    }
    type.enum_values.push_back(value.kind == Kind::kWord ? std::string(value.text) : value.value);
    lexer_.Take();
  } while (TakeIf(","));
  return Expect(")");
}

// `keys` is the header of a node type, null where there are no keys.
Status Parser::ParsePropertyConstraint(Property& property, const NameAt& name, Header* keys) {
  lexer_.Take();
  const SchemaToken word = lexer_.Peek();
  if (word.kind != Kind::kWord) return Expected("the name of a constraint behind \"@\"");
  lexer_.Take();
  if (word.text == "key" && keys != nullptr) {
    if (!keys->key.empty()) {
      return Fail(word.offset,
                  "a second @key; a key of several parts is @key(a, b) behind the name");
    }
    keys->key.push_back(name);
    return Status::Ok();
  }
  if (word.text == "unique") {
    property.unique = true;
    return Status::Ok();
  }
  if (word.text == "index") {
    property.index = true;
    return Status::Ok();
  }
  if (word.text == "range") return ParseRange(property);
  if (word.text == "check") return ParseCheck(property);
  if (word.text == "rename_from") return ParseOldName(property.rename_from);
  if (word.text == "description") return ParseTextArgument("@description", property.description);
  return Fail(word.offset, "a property here has no constraint @" +
                               std::string(word.text.substr(0, 40)) +
                               DidYouMean(word.text, {"key", "unique", "index", "range", "check",
                                                      "rename_from", "description"}));
}

Status Parser::ParseBound(const PropertyType& type, std::string_view text, size_t offset,
                          std::optional<RangeBound>& bound) {
  if (text.empty()) return Status::Ok();
  Result<std::string> ordered = EncodeOrdered(type, text);
  Result<std::string> canonical = CanonicalText(type, text);
  if (!ordered.ok() || !canonical.ok()) {
    return Fail(offset, "@range: " + ordered.status().message());
  }
  bound = RangeBound{.text = std::move(canonical).value(), .ordered = std::move(ordered).value()};
  return Status::Ok();
}

Status Parser::ParseRange(Property& property) {
  MENDFS_RETURN_IF_ERROR(Expect("("));
  const size_t offset = lexer_.Peek().offset;
  const std::string_view raw = lexer_.TakeRaw();
  const size_t dots = raw.find("..");
  if (dots == std::string_view::npos || raw.size() == 2) {
    return Fail(offset, "@range takes lo..hi, lo.. or ..hi");
  }
  MENDFS_RETURN_IF_ERROR(
      ParseBound(property.type, raw.substr(0, dots), offset, property.range_min));
  MENDFS_RETURN_IF_ERROR(
      ParseBound(property.type, raw.substr(dots + 2), offset, property.range_max));
  return Expect(")");
}

Status Parser::ParseCheck(Property& property) {
  MENDFS_RETURN_IF_ERROR(Expect("("));
  if (!lexer_.TakePattern(property.check)) {
    if (lexer_.Peek().kind != Kind::kString) {
      return Expected("a pattern, as /^[a-z]+$/ or \"^[a-z]+$\"");
    }
    property.check = lexer_.Take().value;
  }
  return Expect(")");
}

Status Parser::ParseTextArgument(std::string_view constraint, std::string& text) {
  MENDFS_RETURN_IF_ERROR(Expect("("));
  if (lexer_.Peek().kind != Kind::kString) {
    return Expected("a string in quotes for " + std::string(constraint));
  }
  text = lexer_.Take().value;
  return Expect(")");
}

Status Parser::ParseOldName(std::string& name) {
  MENDFS_RETURN_IF_ERROR(Expect("("));
  NameAt old;
  MENDFS_RETURN_IF_ERROR(ParsePropertyName(old));
  name = std::move(old.name);
  return Expect(")");
}

// Key and ttl columns are named before their properties are read.
Status Parser::ApplyHeader(const Header& header, std::vector<Property>& properties,
                           std::vector<uint32_t>* key) {
  std::vector<std::string_view> names;
  for (const Property& property : properties) names.push_back(property.name);
  const auto find = [&](const NameAt& name, std::string_view constraint) -> Result<uint32_t> {
    const auto index = FindProperty(properties, name.name);
    if (index) return *index;
    return Fail(name.offset, std::string(constraint) + " names \"" + name.name +
                                 "\", which is no property of " + header.name +
                                 DidYouMean(name.name, names));
  };
  for (const NameAt& part : header.key) {
    MENDFS_ASSIGN_OR_RETURN(const uint32_t index, find(part, "@key"));
    key->push_back(index);
  }
  if (header.ttl.offset == 0) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const uint32_t index, find(header.ttl, "@ttl"));
  properties[index].ttl = true;
  return Status::Ok();
}

// Gives out the provisional ids and turns the names of edge ends into them.
Status Parser::Resolve() {
  const auto number = [this](auto& type) {
    type.id = schema_.next_type_id;
    ++schema_.next_type_id.value;
    for (Property& property : type.properties) {
      property.id = schema_.next_property_id;
      ++schema_.next_property_id.value;
    }
  };
  for (NodeType& type : schema_.nodes) number(type);
  for (EdgeType& type : schema_.edges) number(type);
  for (size_t i = 0; i < schema_.edges.size(); ++i) {
    MENDFS_RETURN_IF_ERROR(ResolveEnd(ends_[i].first, schema_.edges[i].source));
    MENDFS_RETURN_IF_ERROR(ResolveEnd(ends_[i].second, schema_.edges[i].target));
  }
  return Status::Ok();
}

Status Parser::ResolveEnd(const NameAt& name, TypeId& end) const {
  if (const NodeType* const type = schema_.FindNode(name.name)) {
    end = type->id;
    return Status::Ok();
  }
  std::vector<std::string_view> names;
  for (const NodeType& type : schema_.nodes) names.push_back(type.name);
  return Fail(name.offset, "there is no node type " + name.name + DidYouMean(name.name, names));
}

Status Parser::Locate(const SchemaProblem& problem) const {
  const auto place = places_.find({problem.type, problem.property});
  std::string where = problem.type;
  if (!problem.property.empty()) where += "." + problem.property;
  const std::string sentence = where.empty() ? problem.sentence : where + ": " + problem.sentence;
  return Fail(place == places_.end() ? 0 : place->second, sentence);
}

}  // namespace

Result<Schema> ParseSchema(std::string_view text) {
  if (text.size() > kSchemaTextBytesMax) {
    return Status(Code::kTooBig, "a schema of " + std::to_string(text.size()) +
                                     " bytes is longer than " +
                                     std::to_string(kSchemaTextBytesMax));
  }
  if (!IsUtf8(text)) return Status(Code::kInvalid, "the schema is not UTF-8");
  return Parser(text).Run();
}

}  // namespace mendfs
