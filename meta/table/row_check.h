// Is this body a row of that type? The one judge of rows: for a write through the mount, for each
// line of a load, and again for fsck. It takes bytes and answers with the row's key and the values
// that indexes need; the bytes themselves stay what they are.
//
// A body is one JSON object in UTF-8 without a byte order mark: no duplicate names at any depth, no
// NaN, at most kRowDepthMax deep and kRowBodyBytesMax long. Null is absent. Integers must be
// written as integers and fit; floats must be finite; a closed type takes declared properties only.
//
// Lifetime: RowRules copies the Schema and is immutable: share it. A RowChecker keeps scratch
//           space, so that a row costs no allocation once it is warm
// Threads:  RowRules safe from any thread; one RowChecker per thread
// Errors:   kInvalid "property \"age\": 151 is outside of 0..150 (line 1, column 22)"; kTooBig
// Cost:     one pass over the body, about five times a bare simdjson parse of it
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

inline constexpr size_t kRowBodyBytesMax = size_t{16} << 20;
inline constexpr size_t kRowDepthMax = 128;

// A schema made ready for checking: names hashed, patterns compiled.
class RowRules {
 public:
  struct TypeRules;

  // kInvalid if the schema does not pass CheckSchema.
  // `columns`: properties whose values are collected as if they had an index, at any length.
  static Result<std::shared_ptr<const RowRules>> Make(Schema schema,
                                                      std::span<const PropertyId> columns = {});
  ~RowRules();
  RowRules(const RowRules&) = delete;
  RowRules& operator=(const RowRules&) = delete;

  const Schema& schema() const;
  // Hashed; nullptr where there is none. Valid while the RowRules lives.
  const NodeType* FindNode(std::string_view name) const;
  const EdgeType* FindEdge(std::string_view name) const;
  const TypeRules* FindRules(TypeId type) const;

 private:
  RowRules();
  struct State;
  std::unique_ptr<State> state_;
};

// A value of a @unique or @index property that is not null. @unique, @index and @ttl columns have
// one, in declared order.
struct IndexValue {
  PropertyId property;
  bool unique = false;
  uint32_t offset = 0;  // into CheckedRow::ordered
  uint32_t size = 0;
};

// What a check hands back; reuse one object, so that its memory is reused too.
struct CheckedRow {
  std::string key;         // nodes: key text (row_value.h)
  std::string source_key;  // edges: key text of both ends
  std::string target_key;
  std::string ordered;  // the bytes of all index values, see EncodeOrdered
  std::vector<IndexValue> values;

  std::string_view BytesOf(const IndexValue& value) const {
    return std::string_view(ordered).substr(value.offset, value.size);
  }
  void Clear();
};

class RowChecker {
 public:
  explicit RowChecker(std::shared_ptr<const RowRules> rules);
  ~RowChecker();
  RowChecker(RowChecker&&) noexcept;

  // `name_key` is the key text from the row's name (or from a load line); without it the body must
  // carry the key. `row` is unspecified on error.
  Status CheckNode(const NodeType& type, std::string_view body,
                   std::optional<std::string_view> name_key, CheckedRow& row);

  // An empty body is an edge without properties. An end that is not given must stand in the body as
  // "$from" or "$to"; one that stands in both must agree. Ends exist or not: the caller's question.
  Status CheckEdge(const EdgeType& type, std::string_view body,
                   std::optional<std::string_view> source_key,
                   std::optional<std::string_view> target_key, CheckedRow& row);

  const RowRules& rules() const { return *rules_; }

 private:
  struct Scratch;
  std::shared_ptr<const RowRules> rules_;
  std::unique_ptr<Scratch> scratch_;
};

enum class BodyState : unsigned char {
  kComplete,    // one JSON value and nothing behind it but white space
  kIncomplete,  // a prefix of one: more bytes could complete it (also the empty body)
  kBroken,      // no bytes behind it can make it JSON
};

// What a flush of a draft asks before it judges: could there be more to come?
BodyState ProbeBody(std::string_view body);

}  // namespace mendfs
