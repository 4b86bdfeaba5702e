// What a schema must hold beyond its syntax, for text (schema_parser) and bytes (schema_format)
// alike.
#pragma once

#include <optional>
#include <string>

#include "meta/table/schema/schema.h"

namespace mendfs {

// The first thing that is wrong, and where: `type` and `property` are names, or empty.
struct SchemaProblem {
  std::string type;
  std::string property;
  std::string sentence;
};

std::optional<SchemaProblem> FindSchemaProblem(const Schema& schema);

}  // namespace mendfs
