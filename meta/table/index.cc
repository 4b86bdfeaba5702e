#include "meta/table/index.h"

#include <algorithm>
#include <iterator>

#include "meta/table/rows.h"

namespace mendfs {

bool IsIndexed(const Property& property) {
  return property.unique || property.index || property.ttl;
}

bool HasIndexes(const NodeType& type) {
  return std::any_of(type.properties.begin(), type.properties.end(), IsIndexed);
}

IndexKeys IndexKeysOf(TypeId type, InodeNumber row, const CheckedRow& checked) {
  IndexKeys keys;
  keys.reserve(checked.values.size());
  for (const IndexValue& value : checked.values) {
    keys.push_back(IndexKey(type, value.property, checked.BytesOf(value), row));
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

void ChangeIndexes(const IndexKeys& had, const IndexKeys& want, bool fresh, Change& change) {
  IndexKeys gone;
  IndexKeys added;
  std::set_difference(had.begin(), had.end(), want.begin(), want.end(), std::back_inserter(gone));
  std::set_difference(want.begin(), want.end(), had.begin(), had.end(), std::back_inserter(added));
  for (std::string& key : gone) change.Clear(std::move(key));
  for (std::string& key : added) {
    if (fresh) {
      change.PutFresh(std::move(key), {});
    } else {
      change.Put(std::move(key), {});
    }
  }
}

Result<IndexKeys> ScanIndexKeys(const Reader& reader, const View& view, const NodeType& type,
                                InodeNumber row) {
  IndexKeys keys;
  for (const Property& property : type.properties) {
    if (!IsIndexed(property)) continue;
    const auto cursor = reader.Scan(view, PrefixRange(IndexPrefix(type.id, property.id)));
    for (; cursor->Valid(); cursor->Next()) {
      if (ParseIndexKey(cursor->key()) == row) keys.emplace_back(cursor->key());
    }
    MENDFS_RETURN_IF_ERROR(cursor->status());
  }
  std::sort(keys.begin(), keys.end());
  return keys;
}

Result<std::optional<UniqueHolder>> FindHolder(const Reader& reader, const View& view, TypeId type,
                                               PropertyId property, std::string_view value,
                                               std::span<const InodeNumber> except) {
  const auto cursor = reader.Scan(view, PrefixRange(IndexPrefix(type, property, value)));
  for (; cursor->Valid(); cursor->Next()) {
    const auto row = ParseIndexKey(cursor->key());
    if (!row) return Status(Code::kCorruption, "read an index: malformed key");
    if (std::find(except.begin(), except.end(), *row) != except.end()) continue;
    // An entry without its row is a stray: it names nobody and must not refuse anything.
    MENDFS_ASSIGN_OR_RETURN(auto key, FindRowKey(reader, view, type, *row));
    if (key) return std::optional<UniqueHolder>({*row, *std::move(key)});
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return std::optional<UniqueHolder>();
}

Status CheckUnique(const Reader& reader, const View& view, const NodeType& type,
                   const CheckedRow& checked, std::span<const InodeNumber> except) {
  for (const IndexValue& value : checked.values) {
    if (!value.unique) continue;
    MENDFS_ASSIGN_OR_RETURN(const auto holder, FindHolder(reader, view, type.id, value.property,
                                                          checked.BytesOf(value), except));
    if (!holder) continue;
    std::string name;
    for (const Property& property : type.properties) {
      if (property.id == value.property) name = property.name;
    }
    return {Code::kExists, "property \"" + name + "\" is unique and " + type.name + "/" +
                               holder->key + " has this value already; change one of the two"};
  }
  return Status::Ok();
}

}  // namespace mendfs
