#include "meta/table/schema/schema_format.h"

#include <utility>

#include "meta/codec/bytes.h"
#include "meta/codec/hash.h"
#include "meta/table/schema/row_value.h"
#include "meta/table/schema/schema_parser.h"

namespace mendfs {
namespace {

constexpr uint32_t kMagic = 0x43534d46;  // "FMSC"
constexpr uint16_t kVersion = 1;
constexpr size_t kHeaderBytes = 4 + 2 + 2 + 8;

// Bits of a property's flags byte; of a type's bound byte.
constexpr uint8_t kList = 1, kNullable = 2, kUnique = 4, kIndex = 8, kTtl = 16, kHasMin = 32,
                  kHasMax = 64;
constexpr uint8_t kPropertyBits = 127;

void PutProperty(std::string& out, const Property& property) {
  PutU32(out, property.id.value);
  PutBytes(out, property.name);
  PutU8(out, static_cast<uint8_t>(property.type.scalar));
  const auto bit = [](bool set, uint8_t value) { return set ? value : uint8_t{0}; };
  PutU8(out, static_cast<uint8_t>(
                 bit(property.type.list, kList) | bit(property.type.nullable, kNullable) |
                 bit(property.unique, kUnique) | bit(property.index, kIndex) |
                 bit(property.ttl, kTtl) | bit(property.range_min.has_value(), kHasMin) |
                 bit(property.range_max.has_value(), kHasMax)));
  PutU32(out, property.type.dimension);
  PutVarint(out, property.type.enum_values.size());
  for (const std::string& value : property.type.enum_values) PutBytes(out, value);
  if (property.range_min) PutBytes(out, property.range_min->text);
  if (property.range_max) PutBytes(out, property.range_max->text);
  PutBytes(out, property.check);
  PutBytes(out, property.rename_from);
  PutBytes(out, property.description);
}

void PutProperties(std::string& out, const std::vector<Property>& properties) {
  PutVarint(out, properties.size());
  for (const Property& property : properties) PutProperty(out, property);
}

void PutNode(std::string& out, const NodeType& type) {
  PutU32(out, type.id.value);
  PutBytes(out, type.name);
  PutU8(out, type.open ? 1 : 0);
  PutProperties(out, type.properties);
  PutVarint(out, type.key.size());
  for (const uint32_t part : type.key) PutVarint(out, part);
  PutVarint(out, type.implements.size());
  for (const std::string& name : type.implements) PutBytes(out, name);
  PutBytes(out, type.rename_from);
  PutBytes(out, type.description);
}

void PutEdge(std::string& out, const EdgeType& type) {
  PutU32(out, type.id.value);
  PutBytes(out, type.name);
  PutU32(out, type.source.value);
  PutU32(out, type.target.value);
  PutProperties(out, type.properties);
  PutU64(out, type.card_min);
  PutU8(out, type.card_max ? 1 : 0);
  PutU64(out, type.card_max.value_or(0));
  PutU8(out, static_cast<uint8_t>(type.on_delete));
  PutBytes(out, type.rename_from);
  PutBytes(out, type.description);
}

// Reads what the Put functions wrote. After the first failure everything is empty and ok() false.
class SchemaReader {
 public:
  explicit SchemaReader(std::string_view bytes) : reader_(bytes) {}

  Schema Read() {
    Schema schema;
    schema.next_type_id = TypeId(reader_.GetU32());
    schema.next_property_id = PropertyId(reader_.GetU32());
    GetList(schema.interfaces, kSchemaTypesMax, [this] { return GetInterface(); });
    GetList(schema.nodes, kSchemaTypesMax, [this] { return GetNode(); });
    GetList(schema.edges, kSchemaTypesMax, [this] { return GetEdge(); });
    return schema;
  }

  bool ok() const { return ok_ && reader_.AtEnd(); }

 private:
  // Counts come from the bytes: nothing is reserved for them, and the first bad item ends the list.
  template <typename Item, typename Get>
  void GetList(std::vector<Item>& items, size_t count_max, Get get) {
    const uint64_t count = reader_.GetVarint();
    if (count > count_max) ok_ = false;
    for (uint64_t i = 0; i < count && ok_ && reader_.ok(); ++i) items.push_back(get());
  }
  std::string GetText() { return std::string(reader_.GetBytes()); }
  bool GetFlag() {
    const uint8_t value = reader_.GetU8();
    if (value > 1) ok_ = false;
    return value == 1;
  }
  std::optional<RangeBound> GetBound(const PropertyType& type, bool present) {
    if (!present) return std::nullopt;
    RangeBound bound{.text = GetText(), .ordered = {}};
    Result<std::string> ordered = EncodeOrdered(type, bound.text);
    if (ordered.ok()) {
      bound.ordered = std::move(ordered).value();
    } else {
      ok_ = false;
    }
    return bound;
  }

  Property GetProperty() {
    Property property;
    property.id = PropertyId(reader_.GetU32());
    property.name = GetText();
    property.type.scalar = static_cast<ScalarKind>(reader_.GetU8());
    const uint8_t bits = reader_.GetU8();
    if ((bits & ~kPropertyBits) != 0) ok_ = false;
    property.type.list = (bits & kList) != 0;
    property.type.nullable = (bits & kNullable) != 0;
    property.unique = (bits & kUnique) != 0;
    property.index = (bits & kIndex) != 0;
    property.ttl = (bits & kTtl) != 0;
    property.type.dimension = reader_.GetU32();
    GetList(property.type.enum_values, kEnumValuesMax, [this] { return GetText(); });
    property.range_min = GetBound(property.type, (bits & kHasMin) != 0);
    property.range_max = GetBound(property.type, (bits & kHasMax) != 0);
    property.check = GetText();
    property.rename_from = GetText();
    property.description = GetText();
    return property;
  }
  void GetProperties(std::vector<Property>& properties) {
    GetList(properties, kTypePropertiesMax, [this] { return GetProperty(); });
  }

  Interface GetInterface() {
    Interface interface;
    interface.name = GetText();
    GetProperties(interface.properties);
    interface.description = GetText();
    return interface;
  }

  NodeType GetNode() {
    NodeType type;
    type.id = TypeId(reader_.GetU32());
    type.name = GetText();
    type.open = GetFlag();
    GetProperties(type.properties);
    GetList(type.key, kKeyPartsMax, [this] {
      const uint64_t part = reader_.GetVarint();
      if (part >= kTypePropertiesMax) ok_ = false;
      return static_cast<uint32_t>(part);
    });
    GetList(type.implements, kTypeInterfacesMax, [this] { return GetText(); });
    type.rename_from = GetText();
    type.description = GetText();
    return type;
  }

  EdgeType GetEdge() {
    EdgeType type;
    type.id = TypeId(reader_.GetU32());
    type.name = GetText();
    type.source = TypeId(reader_.GetU32());
    type.target = TypeId(reader_.GetU32());
    GetProperties(type.properties);
    type.card_min = reader_.GetU64();
    const bool bounded = GetFlag();
    const uint64_t card_max = reader_.GetU64();
    if (bounded) type.card_max = card_max;
    if (!bounded && card_max != 0) ok_ = false;
    type.on_delete = static_cast<OnDelete>(reader_.GetU8());
    type.rename_from = GetText();
    type.description = GetText();
    return type;
  }

  ByteReader reader_;
  bool ok_ = true;
};

}  // namespace

std::string EncodeSchema(const Schema& schema) {
  std::string body;
  PutU32(body, schema.next_type_id.value);
  PutU32(body, schema.next_property_id.value);
  PutVarint(body, schema.interfaces.size());
  for (const Interface& interface : schema.interfaces) {
    PutBytes(body, interface.name);
    PutProperties(body, interface.properties);
    PutBytes(body, interface.description);
  }
  PutVarint(body, schema.nodes.size());
  for (const NodeType& type : schema.nodes) PutNode(body, type);
  PutVarint(body, schema.edges.size());
  for (const EdgeType& type : schema.edges) PutEdge(body, type);

  std::string bytes;
  PutU32(bytes, kMagic);
  PutU16(bytes, kVersion);
  PutU16(bytes, 0);
  PutU64(bytes, HashXxh3(body));
  return bytes + body;
}

Result<Schema> DecodeSchema(std::string_view bytes) {
  ByteReader header(bytes.substr(0, kHeaderBytes));
  const uint32_t magic = header.GetU32();
  const uint16_t version = header.GetU16();
  const uint16_t reserved = header.GetU16();
  const uint64_t checksum = header.GetU64();
  if (!header.ok() || magic != kMagic) return Status(Code::kCorruption, "schema: not schema bytes");
  if (version != kVersion) {
    return Status(Code::kUnsupported, "schema: format version " + std::to_string(version) +
                                          ", this program reads " + std::to_string(kVersion));
  }
  const std::string_view body = bytes.substr(kHeaderBytes);
  if (reserved != 0 || HashXxh3(body) != checksum) {
    return Status(Code::kCorruption, "schema: the checksum does not match");
  }
  SchemaReader reader(body);
  Schema schema = reader.Read();
  if (!reader.ok()) return Status(Code::kCorruption, "schema: the bytes do not decode");
  const Status meaning = CheckSchema(schema);
  if (!meaning.ok()) return Status(Code::kCorruption, "schema: " + meaning.message());
  return schema;
}

}  // namespace mendfs
