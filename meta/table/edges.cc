#include "meta/table/edges.h"

#include <algorithm>
#include <utility>

namespace mendfs {
namespace {

std::string SidePrefix(TypeId type, EdgeSide side, InodeNumber row) {
  return side == EdgeSide::kOut ? EdgePrefix(type, row) : EdgeReversePrefix(type, row);
}

Status MalformedKey() {
  return {Code::kCorruption, "read edges: malformed key"};
}

}  // namespace

// ---------------------------------------------------------------------------------- SparseMarks
void SparseMarks::Note(uint64_t ordinal, std::string_view key) {
  if (ordinal % stride_ != 0 || ordinal / stride_ != keys_.size()) return;
  keys_.emplace_back(key);
  if (keys_.size() <= marks_max_) return;
  size_t kept = 0;
  for (size_t i = 0; i < keys_.size(); i += 2, ++kept) {
    if (kept != i) keys_[kept] = std::move(keys_[i]);
  }
  keys_.resize(kept);
  stride_ *= 2;
}

std::optional<SparseMarks::Mark> SparseMarks::Before(uint64_t ordinal) const {
  if (keys_.empty()) return std::nullopt;
  const uint64_t index = std::min<uint64_t>(ordinal / stride_, keys_.size() - 1);
  return Mark{index * stride_, keys_[index]};
}

// ------------------------------------------------------------------------------------- EdgeWalk
EdgeWalk::EdgeWalk(const Reader& reader, const View& view, const EdgeType& type, KeyRange range)
    : type_(type.id),
      range_(std::move(range)),
      cursor_(reader.Scan(view, range_)),
      sources_(reader, view, type.source),
      targets_(reader, view, type.target) {}

EdgeWalk::EdgeWalk(const Reader& reader, const View& view, const EdgeType& type)
    : EdgeWalk(reader, view, type, PrefixRange(EdgePrefix(type.id))) {}

EdgeWalk::EdgeWalk(const Reader& reader, const View& view, const EdgeType& type, EdgeSide side,
                   InodeNumber row)
    : EdgeWalk(reader, view, type, PrefixRange(SidePrefix(type.id, side, row))) {}

void EdgeWalk::SkipDead(InodeNumber source) {
  // Among reverse entries the dead source is one of many; among forward ones all that follow share
  // it, and a deleted hub may have left millions.
  const bool forward = KindOf(cursor_->key()) == KeyKind::kEdge;
  if (!forward || source.value == UINT64_MAX) {
    cursor_->Next();
    return;
  }
  const std::string next = EdgePrefix(type_, InodeNumber(source.value + 1));
  if (range_.last.empty() || next < range_.last) {
    cursor_->Seek(next);
  } else {
    while (cursor_->Valid()) cursor_->Next();
  }
}

Result<bool> EdgeWalk::Next() {
  while (cursor_->Valid()) {
    const auto ends = ParseEdgeKey(cursor_->key());
    if (!ends) return MalformedKey();
    MENDFS_ASSIGN_OR_RETURN(const std::string* const source, sources_.Find(ends->source));
    if (source == nullptr) {
      SkipDead(ends->source);
      continue;
    }
    MENDFS_ASSIGN_OR_RETURN(const std::string* const target, targets_.Find(ends->target));
    if (target == nullptr) {
      cursor_->Next();
      continue;
    }
    ends_ = *ends;
    source_key_ = *source;
    target_key_ = *target;
    marks_.Note(ordinal_, cursor_->key());
    ++ordinal_;
    cursor_->Next();
    return true;
  }
  MENDFS_RETURN_IF_ERROR(cursor_->status());
  return false;
}

Status EdgeWalk::Seek(uint64_t ordinal) {
  // Forward from here unless the place lies behind, or a mark is nearer to it.
  const auto mark = marks_.Before(ordinal);
  const uint64_t marked = mark ? mark->ordinal : 0;
  if (ordinal < ordinal_ || marked > ordinal_) {
    cursor_->Seek(mark ? mark->key : range_.first);
    ordinal_ = marked;
  }
  while (ordinal_ < ordinal) {
    MENDFS_ASSIGN_OR_RETURN(const bool found, Next());
    if (!found) return Status::Ok();
  }
  return Status::Ok();
}

// ---------------------------------------------------------------------------------------- rules
std::string EdgeText(const EdgeType& type, std::string_view source_key, std::string_view target_key,
                     uint32_t number) {
  std::string text = "edges/" + type.name + "/";
  text.append(source_key).append("~").append(target_key);
  if (number > 1) text.append("~").append(std::to_string(number));
  return text.append(".json");
}

Result<uint64_t> CountOut(const Reader& reader, const View& view, const EdgeType& type,
                          InodeNumber source, uint64_t limit,
                          std::optional<InodeNumber> except_target) {
  EdgeWalk walk(reader, view, type, EdgeSide::kOut, source);
  uint64_t count = 0;
  while (count < limit) {
    MENDFS_ASSIGN_OR_RETURN(const bool found, walk.Next());
    if (!found) break;
    if (walk.ends().target != except_target) ++count;
  }
  return count;
}

Status CheckRoomForEdge(const Reader& reader, const View& view, const EdgeType& type,
                        InodeNumber source, std::string_view source_key) {
  if (!type.card_max) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const uint64_t count,
                          CountOut(reader, view, type, source, *type.card_max));
  if (count < *type.card_max) return Status::Ok();
  return {Code::kManyLinks, std::string(source_key) + " has " + std::to_string(count) +
                                " edges of type " + type.name + " and @card allows no more; " +
                                "remove one first"};
}

Status CheckEdgeMayGo(const Reader& reader, const View& view, const EdgeType& type,
                      InodeNumber source, std::string_view source_key) {
  if (type.card_min == 0) return Status::Ok();
  MENDFS_ASSIGN_OR_RETURN(const uint64_t count,
                          CountOut(reader, view, type, source, type.card_min + 1));
  if (count != type.card_min) return Status::Ok();
  return {Code::kManyLinks, std::string(source_key) + " has " + std::to_string(count) +
                                " edges of type " + type.name + " and @card requires as many; " +
                                "add another one first"};
}

namespace {

Status CheckNotRestricted(const Reader& reader, const View& view, const EdgeType& type,
                          EdgeSide side, InodeNumber row) {
  EdgeWalk walk(reader, view, type, side, row);
  MENDFS_ASSIGN_OR_RETURN(const bool found, walk.Next());
  if (!found) return Status::Ok();
  return {Code::kBusy, EdgeText(type, walk.source_key(), walk.target_key(), walk.ends().number) +
                           " holds this row and its type says @ondelete(restrict); remove the " +
                           "edge first"};
}

// Would every source that points at `row` keep its minimum without those edges?
Status CheckMinimumWithout(const Reader& reader, const View& view, const EdgeType& type,
                           InodeNumber row) {
  EdgeWalk walk(reader, view, type, EdgeSide::kIn, row);
  std::optional<InodeNumber> source;  // of the run of edges being counted
  std::string source_key;
  uint64_t run = 0;
  const auto judge = [&]() -> Status {
    if (!source || *source == row) return Status::Ok();
    MENDFS_ASSIGN_OR_RETURN(const uint64_t others,
                            CountOut(reader, view, type, *source, type.card_min, row));
    if (others >= type.card_min || others + run < type.card_min) return Status::Ok();
    return {Code::kManyLinks, source_key + " would be left with " + std::to_string(others) +
                                  " edges of type " + type.name + " and @card requires " +
                                  std::to_string(type.card_min) + "; give it another one first"};
  };
  while (true) {
    MENDFS_ASSIGN_OR_RETURN(const bool found, walk.Next());
    if (!found) return judge();
    if (source != walk.ends().source) {
      MENDFS_RETURN_IF_ERROR(judge());
      source = walk.ends().source;
      source_key = walk.source_key();
      run = 0;
    }
    ++run;
  }
}

}  // namespace

Status CheckRowMayGo(const Reader& reader, const View& view, const Schema& schema, TypeId type,
                     InodeNumber row) {
  for (const EdgeType& edge : schema.edges) {
    if (edge.on_delete == OnDelete::kRestrict) {
      if (edge.source == type) {
        MENDFS_RETURN_IF_ERROR(CheckNotRestricted(reader, view, edge, EdgeSide::kOut, row));
      }
      if (edge.target == type) {
        MENDFS_RETURN_IF_ERROR(CheckNotRestricted(reader, view, edge, EdgeSide::kIn, row));
      }
    }
    if (edge.card_min > 0 && edge.target == type) {
      MENDFS_RETURN_IF_ERROR(CheckMinimumWithout(reader, view, edge, row));
    }
  }
  return Status::Ok();
}

namespace {

// Entries out of the dead row whose target is live, or itself.
Result<bool> OutFits(const Reader& reader, const View& view, const EdgeType& type,
                     InodeNumber row) {
  RowKeyCache targets(reader, view, type.target);
  uint64_t count = 0;
  const auto cursor = reader.Scan(view, PrefixRange(EdgePrefix(type.id, row)));
  for (; cursor->Valid() && count <= *type.card_max; cursor->Next()) {
    const auto ends = ParseEdgeKey(cursor->key());
    if (!ends) return MalformedKey();
    MENDFS_ASSIGN_OR_RETURN(const std::string* const target, targets.Find(ends->target));
    if (target != nullptr || ends->target == row) ++count;
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return count <= *type.card_max;
}

// Each live source that points at the dead row: what it has, and what it would have again.
Result<bool> InFits(const Reader& reader, const View& view, const EdgeType& type, InodeNumber row) {
  RowKeyCache sources(reader, view, type.source);
  std::optional<InodeNumber> source;
  uint64_t count = 0;
  const auto cursor = reader.Scan(view, PrefixRange(EdgeReversePrefix(type.id, row)));
  for (; cursor->Valid(); cursor->Next()) {
    const auto ends = ParseEdgeKey(cursor->key());
    if (!ends) return MalformedKey();
    MENDFS_ASSIGN_OR_RETURN(const std::string* const live, sources.Find(ends->source));
    if (live == nullptr) continue;
    if (source != ends->source) {
      source = ends->source;
      MENDFS_ASSIGN_OR_RETURN(count, CountOut(reader, view, type, *source, *type.card_max));
    }
    if (++count > *type.card_max) return false;
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return true;
}

}  // namespace

Result<bool> FitsBack(const Reader& reader, const View& view, const Schema& schema, TypeId type,
                      InodeNumber row) {
  for (const EdgeType& edge : schema.edges) {
    if (!edge.card_max) continue;
    if (edge.source == type) {
      MENDFS_ASSIGN_OR_RETURN(const bool fits, OutFits(reader, view, edge, row));
      if (!fits) return false;
    }
    if (edge.target == type) {
      MENDFS_ASSIGN_OR_RETURN(const bool fits, InFits(reader, view, edge, row));
      if (!fits) return false;
    }
  }
  return true;
}

}  // namespace mendfs
