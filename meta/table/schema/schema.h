// The schema as a value: which node and edge types a store has, what their rows must look like, and
// the stable ids under which rows and indexes are kept. It is read from text by schema_parser.h,
// kept as bytes by schema_format.h and compared by schema_plan.h.
//
// Shape:    names are unique over nodes, edges and interfaces, properties unique within their type;
//           a schema from ParseSchema has provisional ids (1, 2, … in the order of FormatSchema)
//           until AssignIds gives it the store's
// Lifetime: pointers from Find… are valid while the Schema is neither changed nor moved
// Threads:  a value
// Source:   docs/formats/schema.md
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/ids.h"

namespace mendfs {

inline constexpr size_t kSchemaTextBytesMax = size_t{1} << 20;
inline constexpr size_t kSchemaTypesMax = 4096;  // nodes, edges and interfaces together
inline constexpr size_t kTypePropertiesMax = 1024;
inline constexpr size_t kTypeInterfacesMax = 64;
inline constexpr size_t kEnumValuesMax = 1024;
inline constexpr size_t kKeyPartsMax = 16;
inline constexpr size_t kSchemaNameBytesMax = 128;  // types, properties, enum values
inline constexpr size_t kDescriptionBytesMax = 4096;
inline constexpr size_t kCheckPatternBytesMax = 256;
inline constexpr uint32_t kVectorDimensionMax = 65536;

// Written to disk; never renumbered.
enum class ScalarKind : uint8_t {
  kString = 1,
  kBool = 2,
  kI32 = 3,
  kI64 = 4,
  kU32 = 5,
  kU64 = 6,
  kF32 = 7,
  kF64 = 8,
  kDate = 9,       // "2026-11-20"
  kDateTime = 10,  // RFC 3339 with an offset, to the nanosecond
  kBlob = 11,      // base64 text
  kVector = 12,    // `dimension` finite numbers
  kEnum = 13,      // one of `enum_values`
};

// "String", "I32", …; "enum" and "Vector" for the two that carry more.
std::string_view ScalarName(ScalarKind kind);
bool IsInteger(ScalarKind kind);
bool IsFloat(ScalarKind kind);  // F32, F64

struct PropertyType {
  ScalarKind scalar = ScalarKind::kString;
  bool list = false;                     // [T]; elements are never null
  bool nullable = false;                 // T?; null and absent are the same
  uint32_t dimension = 0;                // kVector only
  std::vector<std::string> enum_values;  // kEnum only, in declared order

  friend bool operator==(const PropertyType&, const PropertyType&) = default;
};

// As the schema language writes it: "enum(reader, editor)?", "[Vector(3)]", "I32".
std::string TypeText(const PropertyType& type);

// One end of @range, inclusive: canonical text, and the bytes that EncodeOrdered makes of it.
struct RangeBound {
  std::string text;
  std::string ordered;
  friend bool operator==(const RangeBound&, const RangeBound&) = default;
};

struct Property {
  PropertyId id;
  std::string name;
  PropertyType type;
  bool unique = false;
  bool index = false;
  bool ttl = false;  // the type's @ttl column
  std::optional<RangeBound> range_min;
  std::optional<RangeBound> range_max;
  std::string check;        // RE2 pattern that a String must contain a match of; empty: none
  std::string rename_from;  // empty once AssignIds has applied it
  std::string description;

  friend bool operator==(const Property&, const Property&) = default;
};

struct Interface {
  std::string name;
  std::vector<Property> properties;  // name, type and description only; without ids
  std::string description;

  friend bool operator==(const Interface&, const Interface&) = default;
};

struct NodeType {
  TypeId id;
  std::string name;
  bool open = false;  // undeclared properties are welcome
  std::vector<Property> properties;
  std::vector<uint32_t> key;  // indexes into properties; empty only for open types: key = row name
  std::vector<std::string> implements;
  std::string rename_from;
  std::string description;

  // How many parts a key of this type has; 1 where the key is the row name alone.
  size_t key_part_count() const { return key.empty() ? 1 : key.size(); }
  friend bool operator==(const NodeType&, const NodeType&) = default;
};

// Written to disk; never renumbered.
enum class OnDelete : uint8_t { kCascade = 1, kRestrict = 2 };

struct EdgeType {
  TypeId id;
  std::string name;
  TypeId source;
  TypeId target;
  std::vector<Property> properties;
  uint64_t card_min = 0;             // edges of this type out of one source node
  std::optional<uint64_t> card_max;  // nullopt: any number
  OnDelete on_delete = OnDelete::kCascade;
  std::string rename_from;
  std::string description;

  friend bool operator==(const EdgeType&, const EdgeType&) = default;
};

struct Schema {
  std::vector<Interface> interfaces;
  std::vector<NodeType> nodes;
  std::vector<EdgeType> edges;
  TypeId next_type_id{1};
  PropertyId next_property_id{1};

  // nullptr where there is none. Linear in the number of types; RowRules has hashed ones.
  const NodeType* FindNode(std::string_view name) const;
  const NodeType* FindNode(TypeId id) const;
  const EdgeType* FindEdge(std::string_view name) const;
  const EdgeType* FindEdge(TypeId id) const;
  const Interface* FindInterface(std::string_view name) const;

  friend bool operator==(const Schema&, const Schema&) = default;
};

// Index of the property of that name, or nullopt.
std::optional<uint32_t> FindProperty(const std::vector<Property>& properties,
                                     std::string_view name);

// A letter or `_`, then letters, digits and `_`, at most kSchemaNameBytesMax bytes: a name that
// needs no quotes. Type names must be such names.
bool IsIdentifier(std::string_view name);

// The candidate with the fewest edits from `word` when it is near enough to be meant, else empty.
std::string_view NearestName(std::string_view word,
                             const std::vector<std::string_view>& candidates);

}  // namespace mendfs
