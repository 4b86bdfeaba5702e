// Changes of the schema that take nothing away. The gate is held exclusively, so no row changes
// meanwhile; the order of the steps is that of meta/commit/migrate/schema_apply.h.
#include <utility>

#include "meta/commit/migrate/schema_apply.h"
#include "meta/table/schema/schema_parser.h"
#include "meta/tables_core.h"

namespace mendfs {
namespace {

Result<std::shared_ptr<const Schema>> Accept(TableCore& core, std::string_view text) {
  MENDFS_ASSIGN_OR_RETURN(const auto accepted, core.catalog.RulesAt(core.view));
  MENDFS_ASSIGN_OR_RETURN(const SchemaPlan plan,
                          MakeSchemaPlan(core.reader(), core.view, accepted, text));
  MENDFS_RETURN_IF_ERROR(plan.change.Applicable(false));
  if (plan.wanted->schema() == accepted->schema()) return SchemaOf(accepted);
  MENDFS_RETURN_IF_ERROR(ApplySafePlan(core.door, core.view, plan));
  return SchemaOf(plan.wanted);
}

}  // namespace

Result<std::shared_ptr<const Schema>> TableWriter::ApplySchema(std::string_view text) {
  const TableHold gate(core_->door, TableHold::Mode::kExclusive);
  MENDFS_RETURN_IF_ERROR(gate.status());
  return Accept(*core_, text);
}

Result<std::shared_ptr<const Schema>> TableWriter::AddOpenType(std::string_view name) {
  const TableHold gate(core_->door, TableHold::Mode::kExclusive);
  MENDFS_RETURN_IF_ERROR(gate.status());
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
