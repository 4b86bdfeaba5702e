// Changes of the schema. The gate is held exclusively, so no row changes meanwhile.
//
// Order of an apply:
//   1 plan; anything refused or destructive ends here, nothing changed
//   2 indexes that the accepted schema does not have: leftovers cleared, then entries of all rows,
//     in chunks. Nobody reads an index that the schema does not name, so a crash or a failure here
//     leaves only leftovers, which the next attempt clears
//   3 the schema entry: from here on it is in force, with its indexes complete
//   4 indexes that are no longer named: cleared in chunks. A crash leaves leftovers, as above
#include <algorithm>
#include <utility>

#include "meta/base/log.h"
#include "meta/table/schema/schema_format.h"
#include "meta/table/schema/schema_parser.h"
#include "meta/table/schema/schema_plan.h"
#include "meta/tables_core.h"

namespace mendfs {
namespace {

constexpr size_t kIndexEntriesPerChange = 1000;

// An index: one column of one type.
struct IndexColumn {
  const NodeType* type = nullptr;
  PropertyId property;
};

bool IsIndexed(const NodeType* type, PropertyId property) {
  if (type == nullptr) return false;
  return std::any_of(type->properties.begin(), type->properties.end(), [&](const Property& column) {
    return column.id == property && mendfs::IsIndexed(column);
  });
}

// Columns that have an index in `schema` and none in `other`.
std::vector<IndexColumn> IndexesOnlyIn(const Schema& schema, const Schema& other) {
  std::vector<IndexColumn> columns;
  for (const NodeType& type : schema.nodes) {
    for (const Property& property : type.properties) {
      if (!IsIndexed(property) || IsIndexed(other.FindNode(type.id), property.id)) continue;
      columns.push_back({&type, property.id});
    }
  }
  return columns;
}

Status ClearIndex(TableCore& core, TypeId type, PropertyId property) {
  while (true) {
    Change change = core.NewChange();
    const auto cursor = core.reader().Scan(core.view, PrefixRange(IndexPrefix(type, property)));
    for (; cursor->Valid() && change.entries.size() < kIndexEntriesPerChange; cursor->Next()) {
      change.Clear(std::string(cursor->key()));
    }
    MENDFS_RETURN_IF_ERROR(cursor->status());
    if (change.empty()) return Status::Ok();
    MENDFS_RETURN_IF_ERROR(core.Publish(change, Room::kFrees));
  }
}

// Enters every row of the type into the indexes of `columns`, judged by the wanted rules.
class IndexBuild {
 public:
  IndexBuild(TableCore& core, const std::shared_ptr<const RowRules>& rules, const NodeType& type)
      : core_(core), checking_(CheckingFor(rules)), type_(type), change_(core.NewChange()) {}

  Status Run(const std::vector<IndexColumn>& columns) {
    NodeWalk walk(core_.reader(), core_.view, type_.id, InodeNumber(0));
    while (true) {
      MENDFS_ASSIGN_OR_RETURN(const auto row, walk.Next());
      if (!row) break;
      MENDFS_RETURN_IF_ERROR(AddRow(*row, columns));
      if (change_.entries.size() >= kIndexEntriesPerChange) MENDFS_RETURN_IF_ERROR(Flush());
    }
    return Flush();
  }

 private:
  Status AddRow(const NodeWalk::Row& row, const std::vector<IndexColumn>& columns) {
    MENDFS_ASSIGN_OR_RETURN(const StoredRow stored, core_.NeedRow(type_, row.key));
    CheckedRow& checked = checking_.row;
    const Status status = checking_.checker.CheckNode(type_, stored.body(), row.key, checked);
    if (!status.ok()) {
      return status.Annotate("build an index: the row " + RowText(type_, row.key) +
                             " does not fit the new schema");
    }
    for (const IndexValue& value : checked.values) {
      const bool wanted =
          std::any_of(columns.begin(), columns.end(), [&](const IndexColumn& column) {
            return column.type->id == type_.id && column.property == value.property;
          });
      if (!wanted) continue;
      change_.Put(IndexKey(type_.id, value.property, checked.BytesOf(value), row.row), {});
    }
    return Status::Ok();
  }

  Status Flush() {
    if (change_.empty()) return Status::Ok();
    const Status status = core_.Publish(change_, Room::kAdds);
    change_ = core_.NewChange();
    return status;
  }

  TableCore& core_;
  Checking& checking_;
  const NodeType& type_;
  Change change_;
};

Status BuildIndexes(TableCore& core, const std::shared_ptr<const RowRules>& wanted,
                    const std::vector<IndexColumn>& columns) {
  const NodeType* built = nullptr;
  for (const IndexColumn& column : columns) {
    MENDFS_RETURN_IF_ERROR(ClearIndex(core, column.type->id, column.property));
  }
  for (const IndexColumn& column : columns) {
    if (column.type == built) continue;  // the columns of a type stand together
    built = column.type;
    MENDFS_RETURN_IF_ERROR(IndexBuild(core, wanted, *column.type).Run(columns));
  }
  return Status::Ok();
}

Status CheckKept(const Schema& schema) {
  for (const EdgeType& edge : schema.edges) {
    for (const Property& property : edge.properties) {
      if (!property.unique && !property.index) continue;
      return {Code::kUnsupported, "property " + edge.name + "." + property.name +
                                      ": @unique and @index are for properties of nodes"};
    }
  }
  return Status::Ok();
}

Result<bool> IsPopulated(const TableCore& core, TypeId type) {
  for (const std::string& prefix : {RowNamePrefix(type), EdgePrefix(type)}) {
    const auto cursor = core.reader().Scan(core.view, PrefixRange(prefix));
    if (cursor->Valid()) return true;
    MENDFS_RETURN_IF_ERROR(cursor->status());
  }
  return false;
}

// Ok when every step from `accepted` to `wanted` may be taken.
Status CheckSteps(const TableCore& core, const Schema& accepted, const Schema& wanted) {
  Status unread;
  const auto populated = [&](TypeId type) {
    const auto answer = IsPopulated(core, type);
    if (!answer.ok()) unread = answer.status();
    return !answer.ok() || *answer;
  };
  const SchemaChange steps = PlanSchema(accepted, wanted, populated);
  MENDFS_RETURN_IF_ERROR(unread);
  return steps.Applicable(false);
}

Result<std::shared_ptr<const Schema>> Accept(TableCore& core, std::string_view text) {
  MENDFS_ASSIGN_OR_RETURN(const auto accepted, core.catalog.RulesAt(core.view));
  MENDFS_ASSIGN_OR_RETURN(const Schema parsed, ParseSchema(text));
  MENDFS_ASSIGN_OR_RETURN(Schema wanted, AssignIds(accepted->schema(), parsed));
  if (wanted == accepted->schema()) return SchemaOf(accepted);
  MENDFS_RETURN_IF_ERROR(CheckKept(wanted));
  MENDFS_RETURN_IF_ERROR(CheckSteps(core, accepted->schema(), wanted));

  const std::string bytes = EncodeSchema(wanted);
  MENDFS_ASSIGN_OR_RETURN(const auto rules, RowRules::Make(std::move(wanted)));
  MENDFS_RETURN_IF_ERROR(
      BuildIndexes(core, rules, IndexesOnlyIn(rules->schema(), accepted->schema())));
  Change change = core.NewChange();
  change.Put(SchemaKey(), bytes);
  MENDFS_RETURN_IF_ERROR(core.Publish(change, Room::kAdds));
  for (const IndexColumn& column : IndexesOnlyIn(accepted->schema(), rules->schema())) {
    const Status status = ClearIndex(core, column.type->id, column.property);
    if (status.ok()) continue;
    // The schema is in force; what is left is in nobody's way.
    LogLine(LogLevel::kWarning, "table", "a dropped index was not cleared to its end",
            {{"type", column.type->name}, {"why", status.ToString()}});
  }
  return SchemaOf(rules);
}

}  // namespace

Result<std::shared_ptr<const Schema>> TableWriter::ApplySchema(std::string_view text) {
  WriterLock gate(core_->door.table_gate());
  return Accept(*core_, text);
}

Result<std::shared_ptr<const Schema>> TableWriter::AddOpenType(std::string_view name) {
  WriterLock gate(core_->door.table_gate());
  if (!IsIdentifier(name)) {
    return Status(Code::kInvalid, "\"" + std::string(name) +
                                      "\" is no name for a type: a letter, then letters, digits "
                                      "and _, at most " +
                                      std::to_string(kSchemaNameBytesMax) + " bytes");
  }
  MENDFS_ASSIGN_OR_RETURN(const auto accepted, core_->catalog.RulesAt(core_->view));
  const Schema& schema = accepted->schema();
  if (schema.FindNode(name) != nullptr || schema.FindEdge(name) != nullptr ||
      schema.FindInterface(name) != nullptr) {
    return Status(Code::kExists, "the schema has a type " + std::string(name) + " already");
  }
  return Accept(*core_, FormatSchema(schema) + "\nopen node " + std::string(name) + "\n");
}

}  // namespace mendfs
