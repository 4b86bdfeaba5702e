#include "meta/commit/migrate/schema_look.h"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "meta/codec/hash.h"
#include "meta/commit/migrate/row_rewrite.h"
#include "meta/manifest/keys.h"
#include "meta/table/edges.h"
#include "meta/table/row_format.h"
#include "meta/table/rows.h"

namespace mendfs {
namespace {

// Values that two rows seem to share, which are then read again; more would only name more.
constexpr size_t kCandidatesMax = 64;

class Look {
 public:
  Look(const Reader& reader, const LookOptions& options, const RowRules& accepted,
       const std::shared_ptr<const RowRules>& wanted, SchemaChange& change, RowRewrite rewrite)
      : reader_(reader),
        view_(options.view),
        hashes_max_(std::max<size_t>(1, options.hashes_max)),
        accepted_(accepted.schema()),
        wanted_(wanted->schema()),
        change_(change),
        rewrite_(std::move(rewrite)),
        checker_(wanted) {}

  Status Run();

 private:
  // A node row as it will be; false ends the walk.
  using TakeNode = std::function<bool(std::string_view key, const Status& fits)>;

  bool WantsRows(TypeId type) const;
  Status CountDropped(SchemaStep& step);
  Status LookAtNodes(const NodeType& type);
  Status LookAtEdges(const EdgeType& type);
  Status EachNode(const NodeType& type, const TakeNode& take);
  void NoteTaken();
  // The step that is to blame for a row that does not fit.
  void Blame(TypeId type, const std::string& row, const Status& why);
  static void Refuse(SchemaStep& step, const std::string& why);

  Status LookAtUnique(SchemaStep& step);
  Result<std::set<uint64_t>> RepeatedHashes(const NodeType& type, PropertyId property,
                                            uint64_t part, uint64_t parts);
  Result<std::string> FindPair(const NodeType& type, PropertyId property,
                               const std::set<uint64_t>& hashes);
  std::optional<std::string_view> ValueOf(PropertyId property) const;
  Status LookAtCard(SchemaStep& step);

  const Reader& reader_;
  const View view_;
  const size_t hashes_max_;
  const Schema& accepted_;
  const Schema& wanted_;
  SchemaChange& change_;
  RowRewrite rewrite_;
  RowChecker checker_;
  CheckedRow checked_;  // of the row at hand
  std::string body_;    // scratch
  std::map<TypeId, uint64_t> rows_;
};

bool Look::WantsRows(TypeId type) const {
  return std::any_of(change_.steps.begin(), change_.steps.end(), [&](const SchemaStep& step) {
    return step.type == type &&
           (step.check == StepCheck::kRows || step.check == StepCheck::kUnique ||
            step.step_class == StepClass::kDestructive);
  });
}

Status Look::Run() {
  for (SchemaStep& step : change_.steps) {
    if (step.kind == StepKind::kDropType) MENDFS_RETURN_IF_ERROR(CountDropped(step));
  }
  for (const NodeType& type : wanted_.nodes) {
    if (WantsRows(type.id)) MENDFS_RETURN_IF_ERROR(LookAtNodes(type));
  }
  for (const EdgeType& type : wanted_.edges) {
    if (WantsRows(type.id)) MENDFS_RETURN_IF_ERROR(LookAtEdges(type));
  }
  for (SchemaStep& step : change_.steps) {
    if (step.step_class != StepClass::kChecked) continue;
    if (step.check == StepCheck::kUnique) MENDFS_RETURN_IF_ERROR(LookAtUnique(step));
    if (step.check == StepCheck::kCard) MENDFS_RETURN_IF_ERROR(LookAtCard(step));
  }
  return Status::Ok();
}

// Edges are those that are seen: what waits to be swept is not lost by a drop.
Status Look::CountDropped(SchemaStep& step) {
  if (const EdgeType* const edge = accepted_.FindEdge(step.type)) {
    EdgeWalk walk(reader_, view_, *edge);
    while (true) {
      MENDFS_ASSIGN_OR_RETURN(const bool more, walk.Next());
      if (!more) return Status::Ok();
      ++step.rows;
    }
  }
  const auto cursor = reader_.Scan(view_, PrefixRange(RowNamePrefix(step.type)));
  for (; cursor->Valid(); cursor->Next()) ++step.rows;
  return cursor->status();
}

void Look::NoteTaken() {
  for (const size_t step : rewrite_.taken()) ++change_.steps[step].rows;
}

void Look::Refuse(SchemaStep& step, const std::string& why) {
  step.step_class = StepClass::kRefused;
  step.sentence += ": " + why;
}

void Look::Blame(TypeId type, const std::string& row, const Status& why) {
  SchemaStep* blamed = nullptr;
  for (SchemaStep& step : change_.steps) {
    if (step.type != type || step.code.empty()) continue;
    const bool named =
        !step.name.empty() && why.message().find("\"" + step.name + "\"") != std::string::npos;
    // The first one that names the property, else the first that asks anything of the rows.
    if (named) {
      blamed = &step;
      break;
    }
    if (blamed == nullptr) blamed = &step;
  }
  if (blamed != nullptr) Refuse(*blamed, row + " does not fit: " + why.message());
}

Status Look::EachNode(const NodeType& type, const TakeNode& take) {
  const auto cursor = reader_.Scan(view_, PrefixRange(RowPrefix(type.id)));
  for (; cursor->Valid(); cursor->Next()) {
    const auto key = ParseRowKey(cursor->key());
    if (!key) return {Code::kCorruption, "read " + type.name + ": the key of a row is malformed"};
    MENDFS_ASSIGN_OR_RETURN(const RowHead head, DecodeRowHead(cursor->value()));
    std::string_view body = cursor->value().substr(head.body_offset);
    if (rewrite_.Run(type.id, body, body_)) body = body_;
    if (!take(*key, checker_.CheckNode(type, body, *key, checked_))) return Status::Ok();
  }
  return cursor->status();
}

Status Look::LookAtNodes(const NodeType& type) {
  uint64_t& rows = rows_[type.id];
  return EachNode(type, [&](std::string_view key, const Status& fits) {
    ++rows;
    NoteTaken();
    if (fits.ok()) return true;
    Blame(type.id, type.name + "/" + std::string(key), fits);
    return false;
  });
}

Status Look::LookAtEdges(const EdgeType& type) {
  RowKeyCache sources(reader_, view_, type.source);
  RowKeyCache targets(reader_, view_, type.target);
  const auto cursor = reader_.Scan(view_, PrefixRange(EdgePrefix(type.id)));
  for (; cursor->Valid(); cursor->Next()) {
    const auto ends = ParseEdgeKey(cursor->key());
    if (!ends) return {Code::kCorruption, "read " + type.name + ": an edge's key is malformed"};
    MENDFS_ASSIGN_OR_RETURN(const std::string* const source, sources.Find(ends->source));
    MENDFS_ASSIGN_OR_RETURN(const std::string* const target, targets.Find(ends->target));
    if (source == nullptr || target == nullptr) continue;  // waits to be swept
    MENDFS_ASSIGN_OR_RETURN(const EdgeHead head, DecodeEdgeHead(cursor->value()));
    std::string_view body = cursor->value().substr(head.body_offset);
    if (rewrite_.Run(type.id, body, body_)) body = body_;
    NoteTaken();
    const Status fits = checker_.CheckEdge(type, body, *source, *target, checked_);
    if (fits.ok()) continue;
    Blame(type.id, EdgeText(type, *source, *target, ends->number), fits);
    return Status::Ok();
  }
  return cursor->status();
}

// ------------------------------------------------------------------------------------------
// @unique: hashes of the values, as many at a time as memory may hold; those that come twice are
// looked at again by their bytes.

std::optional<std::string_view> Look::ValueOf(PropertyId property) const {
  for (const IndexValue& value : checked_.values) {
    if (value.property == property) return checked_.BytesOf(value);
  }
  return std::nullopt;
}

Result<std::set<uint64_t>> Look::RepeatedHashes(const NodeType& type, PropertyId property,
                                                uint64_t part, uint64_t parts) {
  std::vector<uint64_t> hashes;
  const Status read = EachNode(type, [&](std::string_view, const Status& fits) {
    const auto value = fits.ok() ? ValueOf(property) : std::nullopt;
    if (!value) return true;
    const uint64_t hash = HashXxh3(*value);
    if (hash % parts == part) hashes.push_back(hash);
    return true;
  });
  MENDFS_RETURN_IF_ERROR(read);
  std::sort(hashes.begin(), hashes.end());
  std::set<uint64_t> repeated;
  for (size_t i = 1; i < hashes.size() && repeated.size() < kCandidatesMax; ++i) {
    if (hashes[i] == hashes[i - 1]) repeated.insert(hashes[i]);
  }
  return repeated;
}

// "Person/a and Person/b have the same value"; empty when only their hashes are the same.
Result<std::string> Look::FindPair(const NodeType& type, PropertyId property,
                                   const std::set<uint64_t>& hashes) {
  std::map<std::string, std::string, std::less<>> keys;  // by value
  std::string pair;
  const Status read = EachNode(type, [&](std::string_view key, const Status& fits) {
    const auto value = fits.ok() ? ValueOf(property) : std::nullopt;
    if (!value || !hashes.contains(HashXxh3(*value))) return true;
    const auto [other, first] = keys.emplace(*value, key);
    if (first) return true;
    pair = type.name + "/" + other->second + " and " + type.name + "/" + std::string(key) +
           " have the same value";
    return false;
  });
  MENDFS_RETURN_IF_ERROR(read);
  return pair;
}

Status Look::LookAtUnique(SchemaStep& step) {
  const NodeType* const type = wanted_.FindNode(step.type);
  if (type == nullptr) return Status::Ok();
  const uint64_t parts = rows_[type->id] / hashes_max_ + 1;
  for (uint64_t part = 0; part < parts; ++part) {
    MENDFS_ASSIGN_OR_RETURN(const auto hashes, RepeatedHashes(*type, step.property, part, parts));
    if (hashes.empty()) continue;
    MENDFS_ASSIGN_OR_RETURN(const std::string pair, FindPair(*type, step.property, hashes));
    if (pair.empty()) continue;
    Refuse(step, pair);
    return Status::Ok();
  }
  return Status::Ok();
}

// Rows and visible edges both come in the order of the sources' numbers.
Status Look::LookAtCard(SchemaStep& step) {
  const EdgeType* const type = wanted_.FindEdge(step.type);
  const NodeType* const source = type == nullptr ? nullptr : wanted_.FindNode(type->source);
  if (source == nullptr) return Status::Ok();
  EdgeWalk edges(reader_, view_, *type);
  MENDFS_ASSIGN_OR_RETURN(bool more, edges.Next());
  NodeWalk nodes(reader_, view_, source->id, InodeNumber(0));
  while (true) {
    MENDFS_ASSIGN_OR_RETURN(const auto row, nodes.Next());
    if (!row) return Status::Ok();
    uint64_t count = 0;
    while (more && edges.ends().source == row->row) {
      ++count;
      MENDFS_ASSIGN_OR_RETURN(more, edges.Next());
    }
    if (count >= type->card_min && (!type->card_max || count <= *type->card_max)) continue;
    Refuse(step, source->name + "/" + row->key + " has " + std::to_string(count) + " of them");
    return Status::Ok();
  }
}

}  // namespace

Status LookAtRows(const Reader& reader, const LookOptions& options, const RowRules& accepted,
                  const std::shared_ptr<const RowRules>& wanted, SchemaChange& change) {
  if (change.Has(StepClass::kRefused)) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(RowRewrite rewrite, RowRewrite::Make(wanted->schema(), change));
  return Look(reader, options, accepted, wanted, change, std::move(rewrite)).Run();
}

}  // namespace mendfs
