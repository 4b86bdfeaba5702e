#include "meta/commit/migrate/index_build.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "meta/manifest/keys.h"
#include "meta/table/index.h"
#include "meta/table/row_format.h"

namespace mendfs {
namespace {

constexpr size_t kIndexEntriesPerChange = 1000;

Change NewChangeOf(const View& view) {
  Change change;
  change.branch = view.branch;
  return change;
}

bool HasIndexOn(const NodeType* type, PropertyId property) {
  if (type == nullptr) return false;
  return std::any_of(type->properties.begin(), type->properties.end(), [&](const Property& column) {
    return column.id == property && IsIndexed(column);
  });
}

// Enters every row of one type into the indexes of its columns.
class IndexBuild {
 public:
  IndexBuild(Door& door, const View& view, const std::shared_ptr<const RowRules>& rules,
             const NodeType& type, RowRewrite& rewrite)
      : door_(door),
        view_(view),
        checker_(rules),
        type_(type),
        rewrite_(rewrite),
        change_(NewChangeOf(view)) {}

  Status Run(const std::vector<IndexColumn>& columns) {
    const auto cursor = door_.reader().Scan(view_, PrefixRange(RowPrefix(type_.id)));
    for (; cursor->Valid(); cursor->Next()) {
      MENDFS_RETURN_IF_ERROR(AddRow(cursor->key(), cursor->value(), columns));
      if (change_.entries.size() >= kIndexEntriesPerChange) MENDFS_RETURN_IF_ERROR(Flush());
    }
    MENDFS_RETURN_IF_ERROR(cursor->status());
    return Flush();
  }

 private:
  Status AddRow(std::string_view row_key, std::string_view value,
                const std::vector<IndexColumn>& columns) {
    const auto key = ParseRowKey(row_key);
    if (!key) return {Code::kCorruption, "build an index: the key of a row is malformed"};
    MENDFS_ASSIGN_OR_RETURN(const RowHead head, DecodeRowHead(value));
    std::string_view body = value.substr(head.body_offset);
    if (rewrite_.Run(type_.id, body, body_)) body = body_;
    const Status status = checker_.CheckNode(type_, body, *key, checked_);
    if (!status.ok()) {
      return status.Annotate("build an index: the row " + type_.name + "/" + std::string(*key) +
                             " does not fit the new schema");
    }
    for (const IndexValue& entry : checked_.values) {
      const bool wanted =
          std::any_of(columns.begin(), columns.end(), [&](const IndexColumn& column) {
            return column.type->id == type_.id && column.property == entry.property;
          });
      if (!wanted) continue;
      change_.Put(IndexKey(type_.id, entry.property, checked_.BytesOf(entry), head.row), {});
    }
    return Status::Ok();
  }

  Status Flush() {
    if (change_.empty()) return Status::Ok();
    change_.room = Room::kAdds;
    const Status status = door_.Apply(change_).status();
    change_ = NewChangeOf(view_);
    return status;
  }

  Door& door_;
  const View view_;
  RowChecker checker_;
  const NodeType& type_;
  RowRewrite& rewrite_;
  Change change_;
  CheckedRow checked_;  // scratch
  std::string body_;
};

}  // namespace

std::vector<IndexColumn> IndexesOnlyIn(const Schema& schema, const Schema& other) {
  std::vector<IndexColumn> columns;
  for (const NodeType& type : schema.nodes) {
    for (const Property& property : type.properties) {
      if (!IsIndexed(property) || HasIndexOn(other.FindNode(type.id), property.id)) continue;
      columns.push_back({&type, property.id});
    }
  }
  return columns;
}

Status BuildIndexes(Door& door, const View& view, const std::shared_ptr<const RowRules>& wanted,
                    const std::vector<IndexColumn>& columns, RowRewrite& rewrite) {
  const NodeType* built = nullptr;
  for (const IndexColumn& column : columns) {
    MENDFS_RETURN_IF_ERROR(ClearIndex(door, view, column.type->id, column.property));
  }
  for (const IndexColumn& column : columns) {
    if (column.type == built) continue;  // the columns of a type stand together
    built = column.type;
    MENDFS_RETURN_IF_ERROR(IndexBuild(door, view, wanted, *built, rewrite).Run(columns));
  }
  return Status::Ok();
}

Status ClearIndex(Door& door, const View& view, TypeId type, PropertyId property) {
  while (true) {
    Change change = NewChangeOf(view);
    change.room = Room::kFrees;
    const auto cursor = door.reader().Scan(view, PrefixRange(IndexPrefix(type, property)));
    for (; cursor->Valid() && change.entries.size() < kIndexEntriesPerChange; cursor->Next()) {
      change.Clear(std::string(cursor->key()));
    }
    MENDFS_RETURN_IF_ERROR(cursor->status());
    if (change.empty()) return Status::Ok();
    MENDFS_RETURN_IF_ERROR(door.Apply(change).status());
  }
}

}  // namespace mendfs
