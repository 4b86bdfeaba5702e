#include "meta/diff.h"

#include "meta/describe.h"
#include "meta/diff/file_diff.h"
#include "meta/diff/row_diff.h"
#include "meta/tables.h"

namespace mendfs {

std::string_view DiffOpName(DiffOp op) {
  switch (op) {
    case DiffOp::kAdded: return "added";
    case DiffOp::kRemoved: return "removed";
    case DiffOp::kChanged: return "changed";
    case DiffOp::kRenamed: return "renamed";
  }
  return "";
}

Status DiffMoments(Door& door, const View& before, const View& after, const DiffOptions& options,
                   DiffSink& sink) {
  const TableReader tables(door.reader());
  MENDFS_ASSIGN_OR_RETURN(const auto schema_before, tables.GetSchema(before));
  MENDFS_ASSIGN_OR_RETURN(const auto schema_after, tables.GetSchema(after));
  const std::string text_before = SchemaText(*schema_before);
  const std::string text_after = SchemaText(*schema_after);
  if (text_before != text_after) {
    MENDFS_RETURN_IF_ERROR(sink.OnSchema(text_before, text_after));
  }
  const Moments moments{door.reader(), before, after};
  MENDFS_RETURN_IF_ERROR(DiffRows(moments, *schema_before, *schema_after, sink));
  return DiffFiles(moments, door, options, sink);
}

}  // namespace mendfs
