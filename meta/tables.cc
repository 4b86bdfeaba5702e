#include "meta/tables.h"

#include <utility>

#include "meta/codec/bytes.h"
#include "meta/row_name.h"
#include "meta/table/catalog.h"
#include "meta/table/edges.h"
#include "meta/table/rows.h"

namespace mendfs {
namespace {

constexpr std::string_view kHashedStemStart = "%h";
// What an edge's name has beyond its keys: two tildes, ten digits, ".json".
constexpr size_t kEdgeNameExtraBytes = 17;

class NodeLister final : public NodeCursor {
 public:
  NodeLister(const Reader& reader, const View& view, TypeId type, InodeNumber after)
      : walk_(reader, view, type, after) {}

  Result<std::optional<NodeRow>> Next() override {
    MENDFS_ASSIGN_OR_RETURN(auto row, walk_.Next());
    if (!row) return std::optional<NodeRow>();
    NodeRow node;
    node.row = row->row;
    node.key = std::move(row->key);
    return std::optional<NodeRow>(std::move(node));
  }

 private:
  NodeWalk walk_;
};

EdgeRow EdgeOf(const EdgeWalk& walk) {
  EdgeRow edge;
  edge.ends = walk.ends();
  edge.source_key = walk.source_key();
  edge.target_key = walk.target_key();
  return edge;
}

class EdgeLister final : public EdgeCursor {
 public:
  explicit EdgeLister(EdgeWalk walk) : walk_(std::move(walk)) {}

  Result<std::optional<EdgeRow>> Next() override {
    MENDFS_ASSIGN_OR_RETURN(const bool found, walk_.Next());
    if (!found) return std::optional<EdgeRow>();
    return std::optional<EdgeRow>(EdgeOf(walk_));
  }
  Status Seek(uint64_t ordinal) override { return walk_.Seek(ordinal); }

 private:
  EdgeWalk walk_;
};

Status NoRow(TypeId type, std::string_view key) {
  return {Code::kNotFound,
          "no row \"" + std::string(key) + "\" in table " + std::to_string(type.value)};
}

std::optional<Hash128> HashOfName(const Result<std::string>& name) {
  if (!name.ok() || name->size() < kRowNameSuffix.size()) return std::nullopt;
  return ParseHashedStem(std::string_view(*name).substr(0, name->size() - kRowNameSuffix.size()));
}

}  // namespace

std::optional<Hash128> ParseHashedStem(std::string_view stem) {
  if (stem.substr(0, kHashedStemStart.size()) != kHashedStemStart) return std::nullopt;
  const auto id = ParseId(stem.substr(kHashedStemStart.size()));
  if (!id) return std::nullopt;
  ByteReader in(
      std::string_view(reinterpret_cast<const char*>(id->bytes.data()), id->bytes.size()));
  Hash128 hash;
  hash.high = in.GetU64BigEndian();
  hash.low = in.GetU64BigEndian();
  return hash;
}

std::optional<Hash128> LongNameHash(const NodeType& type, std::string_view key) {
  // Encoding makes at most three bytes of one; short keys need no look.
  if (key.size() * 3 + kRowNameSuffix.size() <= kFileNameBytesMax) return std::nullopt;
  return HashOfName(NodeNameOfKey(key, type.key_part_count(), RowNameForm::kFile));
}

std::optional<Hash128> LongEdgeNameHash(const EdgeKeyTexts& keys) {
  const size_t key_bytes = keys.source.size() + keys.target.size();
  if (key_bytes * 3 + kEdgeNameExtraBytes <= kFileNameBytesMax) return std::nullopt;
  return HashOfName(EdgeNameOfKeys(keys));
}

TableReader::TableReader(const Reader& reader)
    : reader_(reader), catalog_(std::make_shared<Catalog>(reader)) {}

Result<std::shared_ptr<const Schema>> TableReader::GetSchema(const View& view) const {
  MENDFS_ASSIGN_OR_RETURN(const auto rules, catalog_->RulesAt(view));
  return SchemaOf(rules);
}

Result<NodeRow> TableReader::GetNode(const View& view, TypeId type, std::string_view key) const {
  MENDFS_ASSIGN_OR_RETURN(const auto stored, FindRow(reader_, view, type, key));
  if (!stored) return NoRow(type, key);
  NodeRow node;
  node.row = stored->head.row;
  node.key = key;
  node.body = stored->body();
  node.size_bytes = node.body.size();
  node.attributes = stored->head.attributes;
  node.start = stored->start;
  return node;
}

Result<std::string> TableReader::KeyOf(const View& view, TypeId type, InodeNumber row) const {
  MENDFS_ASSIGN_OR_RETURN(auto key, FindRowKey(reader_, view, type, row));
  if (key) return *std::move(key);
  return Status(Code::kNotFound, "no live row has the number " + std::to_string(row.value) +
                                     " in table " + std::to_string(type.value));
}

Result<std::string> TableReader::KeyOfLongName(const View& view, TypeId type,
                                               const Hash128& hash) const {
  auto entry = reader_.Get(view, LongNameKey(type, hash));
  if (entry.ok()) return std::move(entry->value);
  if (entry.status().code() != Code::kNotFound) return entry.status();
  return NoRow(type, std::string(kHashedStemStart) + ToHex(hash));
}

Result<std::unique_ptr<NodeCursor>> TableReader::ListNodes(const View& view, TypeId type,
                                                           InodeNumber after) const {
  return std::unique_ptr<NodeCursor>(std::make_unique<NodeLister>(reader_, view, type, after));
}

Result<EdgeRow> TableReader::GetEdge(const View& view, const EdgeType& type,
                                     std::string_view source_key, std::string_view target_key,
                                     uint32_t number) const {
  const Status absent(Code::kNotFound, "no " + EdgeText(type, source_key, target_key, number));
  MENDFS_ASSIGN_OR_RETURN(const auto source, FindRow(reader_, view, type.source, source_key));
  if (!source) return absent;
  MENDFS_ASSIGN_OR_RETURN(const auto target, FindRow(reader_, view, type.target, target_key));
  if (!target) return absent;

  EdgeRow edge;
  edge.ends = {source->head.row, target->head.row, number};
  auto entry = reader_.Get(view, EdgeKey(type.id, edge.ends));
  if (!entry.ok()) {
    return entry.status().code() == Code::kNotFound ? absent : entry.status();
  }
  MENDFS_ASSIGN_OR_RETURN(const EdgeHead head, DecodeEdgeHead(entry->value));
  edge.source_key = source_key;
  edge.target_key = target_key;
  edge.body = entry->value.substr(head.body_offset);
  edge.size_bytes = edge.body.size();
  edge.attributes = head.attributes;
  edge.start = entry->start;
  return edge;
}

Result<EdgeRow> TableReader::FindEdgeByLongName(const View& view, const EdgeType& type,
                                                const Hash128& hash) const {
  MENDFS_ASSIGN_OR_RETURN(const auto rules, catalog_->RulesAt(view));
  const NodeType* const source = rules->schema().FindNode(type.source);
  const NodeType* const target = rules->schema().FindNode(type.target);
  EdgeWalk walk(reader_, view, type);
  while (source != nullptr && target != nullptr) {
    MENDFS_ASSIGN_OR_RETURN(const bool found, walk.Next());
    if (!found) break;
    const auto its_hash = LongEdgeNameHash({.source = walk.source_key(),
                                            .source_part_count = source->key_part_count(),
                                            .target = walk.target_key(),
                                            .target_part_count = target->key_part_count(),
                                            .n = walk.ends().number});
    if (its_hash == hash) return EdgeOf(walk);
  }
  return Status(Code::kNotFound, "no edge " + type.name + "/" + std::string(kHashedStemStart) +
                                     ToHex(hash) + std::string(kRowNameSuffix));
}

Result<std::unique_ptr<EdgeCursor>> TableReader::ListEdges(const View& view,
                                                           const EdgeType& type) const {
  return std::unique_ptr<EdgeCursor>(std::make_unique<EdgeLister>(EdgeWalk(reader_, view, type)));
}

Result<std::unique_ptr<EdgeCursor>> TableReader::ListEdgesOf(const View& view, const EdgeType& type,
                                                             EdgeSide side, InodeNumber row) const {
  return std::unique_ptr<EdgeCursor>(
      std::make_unique<EdgeLister>(EdgeWalk(reader_, view, type, side, row)));
}

}  // namespace mendfs
