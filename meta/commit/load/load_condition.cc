#include "meta/commit/load/load_condition.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>

#include "meta/manifest/keys.h"
#include "meta/table/edges.h"
#include "meta/table/rows.h"

namespace mendfs {
namespace {

constexpr size_t kCommitsPerRead = 256;

std::string Shown(const CommitRow& commit) {
  return ShortHex(commit.id).substr(0, 16);
}

// One type at two moments, key by key.
class Comparison {
 public:
  Comparison(LoadContext& context, const CommitRow& base)
      : context_(context), base_{context.view.branch, base.seq}, base_name_(Shown(base)) {}

  Status Run(TypeId id) {
    node_ = context_.rules->schema().FindNode(id);
    edge_ = context_.rules->schema().FindEdge(id);
    if (node_ == nullptr && edge_ == nullptr) return Status::Ok();
    const KeyRange range = PrefixRange(node_ != nullptr ? RowPrefix(id) : EdgePrefix(id));
    const auto then = context_.reader.Scan(base_, range);
    const auto now = context_.reader.Scan(context_.view, range);
    while (then->Valid() || now->Valid()) {
      const int order = !then->Valid() ? 1 : !now->Valid() ? -1 : then->key().compare(now->key());
      if (order < 0) {
        MENDFS_RETURN_IF_ERROR(Tell(then->key(), base_, "deleted"));
      } else if (order > 0) {
        MENDFS_RETURN_IF_ERROR(Tell(now->key(), context_.view, "added"));
      } else if (then->start() != now->start()) {
        MENDFS_RETURN_IF_ERROR(Tell(now->key(), context_.view, "changed"));
      }
      if (order <= 0) then->Next();
      if (order >= 0) now->Next();
    }
    MENDFS_RETURN_IF_ERROR(then->status());
    return now->status();
  }

 private:
  // Nothing: an end of the edge is gone, and it with it.
  Result<std::optional<std::string>> NameOf(std::string_view key, const View& view) const {
    if (node_ != nullptr) {
      return std::optional(node_->name + " \"" + std::string(ParseRowKey(key).value_or("")) + "\"");
    }
    const auto ends = ParseEdgeKey(key);
    if (!ends) return Status(Code::kCorruption, "an edge's key does not decode");
    MENDFS_ASSIGN_OR_RETURN(const auto source,
                            FindRowKey(context_.reader, view, edge_->source, ends->source));
    MENDFS_ASSIGN_OR_RETURN(const auto target,
                            FindRowKey(context_.reader, view, edge_->target, ends->target));
    if (!source || !target) return std::optional<std::string>();
    return std::optional(EdgeText(*edge_, *source, *target, ends->number));
  }

  Status Tell(std::string_view key, const View& view, const char* what) {
    MENDFS_ASSIGN_OR_RETURN(const auto name, NameOf(key, view));
    if (!name) return Status::Ok();
    context_.report.Refuse(
        {}, {Code::kConditionLost, *name + " was " + what + " since commit " + base_name_});
    return Status::Ok();
  }

  LoadContext& context_;
  const View base_;
  const std::string base_name_;
  const NodeType* node_ = nullptr;
  const EdgeType* edge_ = nullptr;
};

}  // namespace

Result<CommitRow> FindCommitById(const Store& store, BranchId branch, std::string_view id) {
  std::string digits(id);
  std::transform(digits.begin(), digits.end(), digits.begin(), [](char c) {
    return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  const bool hex = digits.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!hex || digits.size() < kCommitDigitsMin) {
    return Status(Code::kInvalid,
                  "\"" + std::string(id) +
                      "\" is no commit id; give 8 or more of its digits, as `mendfs "
                      "log` shows them");
  }
  std::optional<CommitRow> found;
  Seq before = kHeadSeq;
  while (true) {
    MENDFS_ASSIGN_OR_RETURN(const auto rows, store.Log(branch, before, kCommitsPerRead));
    for (const CommitRow& row : rows) {
      if (!ToHex(row.id).starts_with(digits)) continue;
      if (digits.size() >= ShortHex(row.id).size()) return row;  // a whole id, as it is shown
      if (found) {
        return Status(Code::kInvalid,
                      "more than one commit begins with " + digits + "; give more of its digits");
      }
      found = row;
    }
    if (rows.size() < kCommitsPerRead) break;
    before = rows.back().seq;
  }
  if (found) return *std::move(found);
  return Status(Code::kNotFound,
                "there is no commit " + digits +
                    ", or its history was thinned; `mendfs log` shows what is kept");
}

Status CheckNewestCommit(Store& store, BranchId branch, std::string_view id) {
  // By whom it was changed is not known: as the background thread says it.
  const CommitNote by_whoever{OpenOptions().actor, "", Origin::kUser};
  MENDFS_RETURN_IF_ERROR(store.CloseCommit(branch, by_whoever).status());
  MENDFS_ASSIGN_OR_RETURN(const CommitRow wanted, FindCommitById(store, branch, id));
  MENDFS_ASSIGN_OR_RETURN(const auto newest, store.Log(branch, kHeadSeq, 1));
  if (!newest.empty() && newest.front().id == wanted.id) return Status::Ok();
  return {Code::kConditionLost, "load: the newest commit is " +
                                    (newest.empty() ? std::string("none") : Shown(newest.front())) +
                                    ", not " + Shown(wanted) +
                                    " any more; nothing was loaded, look at what has changed and "
                                    "load again"};
}

Status CheckUnchangedSince(LoadContext& context, const CommitRow& base,
                           const std::set<TypeId>& types) {
  const uint64_t before = context.report.refused();
  Comparison comparison(context, base);
  for (const TypeId type : types) MENDFS_RETURN_IF_ERROR(comparison.Run(type));
  const uint64_t changed = context.report.refused() - before;
  if (changed == 0) return Status::Ok();
  return {Code::kConditionLost,
          "load: " + std::to_string(changed) + (changed == 1 ? " row was" : " rows were") +
              " changed since commit " + Shown(base) +
              ", of which the input was made; nothing was loaded, make it anew"};
}

}  // namespace mendfs
