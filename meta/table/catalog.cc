#include "meta/table/catalog.h"

#include <algorithm>
#include <utility>

#include "meta/table/schema/schema_format.h"

namespace mendfs {
namespace {

// No change has this seq, so the empty schema can be kept under it.
constexpr Seq kNoSchema{0};

}  // namespace

std::shared_ptr<const RowRules> Catalog::Find(Seq start) {
  MutexLock lock(mu_);
  for (auto slot = slots_.begin(); slot != slots_.end() && slot->rules; ++slot) {
    if (slot->start != start) continue;
    std::rotate(slots_.begin(), slot, slot + 1);
    return slots_.front().rules;
  }
  return nullptr;
}

void Catalog::Keep(Seq start, std::shared_ptr<const RowRules> rules) {
  MutexLock lock(mu_);
  std::rotate(slots_.begin(), slots_.end() - 1, slots_.end());
  slots_.front() = {start, std::move(rules)};
}

Result<std::shared_ptr<const RowRules>> Catalog::RulesAt(const View& view) {
  auto entry = reader_.Get(view, SchemaKey());
  const bool absent = !entry.ok() && entry.status().code() == Code::kNotFound;
  if (!entry.ok() && !absent) return entry.status().Annotate("read the schema");
  const Seq start = absent ? kNoSchema : entry->start;
  if (auto rules = Find(start)) return rules;

  Schema schema;
  if (!absent) {
    auto decoded = DecodeSchema(entry->value);
    if (!decoded.ok()) return decoded.status().Annotate("read the schema");
    schema = *std::move(decoded);
  }
  auto made = RowRules::Make(std::move(schema));
  if (!made.ok()) {
    return Status(Code::kCorruption, "read the schema: " + made.status().message());
  }
  Keep(start, *made);
  return made;
}

std::shared_ptr<const Schema> SchemaOf(const std::shared_ptr<const RowRules>& rules) {
  return {rules, &rules->schema()};
}

}  // namespace mendfs
