// The schema language: text to Schema and back. Comments run from `#` or `//` to the end of the
// line.
//
//   interface Named { name: String }
//   node Person implements Named @description("a human") {
//     name: String @key          # or `node Flight @key(day, number) { … }`
//     age:  I32?   @range(0..150)
//     mail: String @unique @check("^[^@]+@[^@]+$"), "given-name": String?; role: enum(reader,
//     owner)
//   }
//   open node Place              # any JSON object is a row; a body may declare some properties
//   edge Knows: Person -> Person @card(0..*) @ondelete(cascade) { since: Date? }
//
// Properties are separated by a line end, a comma or a semicolon.
// Errors:   kInvalid "line 3, column 9: …" with what was expected and, for a misspelt name, the
//           nearest one; kTooBig past kSchemaTextBytesMax
// Cost:     linear in the text; nothing in it can make the parser recurse
// Source:   docs/formats/schema.md
#pragma once

#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

// Syntax and meaning are both checked; the ids are provisional (see schema.h).
Result<Schema> ParseSchema(std::string_view text);

// Canonical text: interfaces, nodes, edges, each in declared order. For every parsed `schema`,
// ParseSchema(FormatSchema(schema)) == schema.
std::string FormatSchema(const Schema& schema);

// The meaning alone, for a Schema that did not come from ParseSchema (decoded bytes).
Status CheckSchema(const Schema& schema);

}  // namespace mendfs
