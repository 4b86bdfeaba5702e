#include "meta/commit/space/pack_emptying.h"

#include <algorithm>
#include <string>

#include "meta/base/failpoint.h"
#include "meta/base/log.h"
#include "meta/codec/bytes.h"
#include "meta/tree/extent_format.h"

namespace mendfs {
namespace {

// Entries that one batch of LevelDB rewrites: the fold's lock is held for that long.
constexpr size_t kEditsMax = 256;

uint64_t LastBlock(const RunRef& run) {
  return run.first_block() + run.block_count() - 1;
}

}  // namespace

Status PackEmptying::CheckStop() const {
  if (!stop_.load()) return Status::Ok();
  return Status(Code::kInterrupted, "the store is being closed");
}

// ------------------------------------------------------------------------------------- looking
Status PackEmptying::Look() {
  referenced_.clear();
  return parts_.manifest.EachVersion(
      KeyKind::kExtent, [this](const StoredVersion& version) -> Status {
        MENDFS_RETURN_IF_ERROR(CheckStop());
        MENDFS_ASSIGN_OR_RETURN(const Extent extent, DecodeExtent(version.value.payload));
        if (!extent.has_run() || !packs_.contains(extent.run.object)) return Status::Ok();
        referenced_.insert(extent.run.object);
        Note(version.branch_key, extent.run);
        return Status::Ok();
      });
}

Status PackEmptying::SkipLook() {
  referenced_.clear();
  return Status::Ok();
}

void PackEmptying::Note(std::string_view branch_key, const RunRef& run) {
  LiveRun& live = runs_[{run.object, run.record_offset}];
  if (live.run_bytes == 0) {
    live.kind = run.kind;
    live.run_bytes = run.run_bytes;
    const uint64_t offset = ParseExtentKey(branch_key).value_or(0);
    live.owner = {.inode = InodeNumber(ByteReader(branch_key.substr(1)).GetU64BigEndian()),
                  .generation = 0,
                  .offset = offset >= run.skip_bytes ? offset - run.skip_bytes : kOffsetUnknown,
                  .folded = true};
  }
  bool agrees = live.kind == run.kind && live.run_bytes == run.run_bytes;
  for (size_t i = 0; i < run.hashes.size(); ++i) {
    const auto [known, fresh] = live.blocks.try_emplace(run.first_block() + i, run.hashes[i]);
    agrees = agrees && known->second == run.hashes[i];
  }
  if (agrees) return;
  Spoil(run.object, Status(Code::kCorruption, "two entries disagree on the run at " +
                                                  std::to_string(run.record_offset)));
}

std::vector<Id128> PackEmptying::Unreferenced() const {
  std::vector<Id128> packs;
  for (const Id128& pack : packs_) {
    if (!referenced_.contains(pack) && !spoiled_.contains(pack)) packs.push_back(pack);
  }
  return packs;
}

void PackEmptying::Drop(Id128 pack) {
  packs_.erase(pack);
  const auto first = runs_.lower_bound({pack, 0});
  auto last = first;
  while (last != runs_.end() && last->first.first == pack) ++last;
  runs_.erase(first, last);
}

void PackEmptying::Spoil(const Id128& pack, const Status& why) {
  if (!spoiled_.insert(pack).second) return;
  LogLine(LogLevel::kWarning, "space",
          "a pack cannot be read as it was written and stays as it is; unmount, then `mendfs fsck "
          "--data` names the files",
          {{"pack", ToHex(pack)}, {"reason", why.ToString()}});
}

// ------------------------------------------------------------------------------------- copying
Status PackEmptying::Copy() {
  std::optional<Id128> full;  // the first pack that did not fit
  for (auto& [place, run] : runs_) {
    MENDFS_RETURN_IF_ERROR(CheckStop());
    if (spoiled_.contains(place.first) || !referenced_.contains(place.first)) continue;
    const Status copied = CopyRun(place, run);
    if (copied.code() == Code::kCorruption) {
      Spoil(place.first, copied);
    } else if (copied.code() == Code::kNoSpace) {
      full = place.first;
      break;
    } else {
      MENDFS_RETURN_IF_ERROR(copied);
    }
  }
  for (const Id128& pack : spoiled_) Drop(pack);
  // Those that come before were copied whole: giving them back makes room for the others.
  while (full && packs_.lower_bound(*full) != packs_.end()) Drop(*packs_.lower_bound(*full));
  // The copies' bytes, and the record that names the pack which they are in.
  MENDFS_RETURN_IF_ERROR(parts_.packs.Sync());
  MENDFS_RETURN_IF_ERROR(parts_.host.Flush());
  return HitFailpoint(Failpoint::kMoveAfterCopy);
}

// Neighbours among the blocks go together; those that were copied before are left out.
Status PackEmptying::CopyRun(const RunPlace& place, LiveRun& run) {
  const auto is_copied = [&run](uint64_t block) {
    return std::any_of(run.copies.begin(), run.copies.end(), [block](const CopiedBlocks& copy) {
      return copy.first <= block && block <= copy.last;
    });
  };
  for (auto at = run.blocks.begin(); at != run.blocks.end();) {
    if (is_copied(at->first)) {
      ++at;
      continue;
    }
    const uint64_t first = at->first;
    uint64_t last = first;
    for (++at; at != run.blocks.end() && at->first == last + 1 && !is_copied(at->first); ++at) {
      ++last;
    }
    MENDFS_RETURN_IF_ERROR(CopyBlocks(place, run, first, last));
  }
  return Status::Ok();
}

Status PackEmptying::CopyBlocks(const RunPlace& place, LiveRun& run, uint64_t first,
                                uint64_t last) {
  const uint64_t skip = first * kBodyBlockBytes;
  const uint64_t end = std::min(run.run_bytes, (last + 1) * kBodyBlockBytes);
  RunRef part{.kind = run.kind,
              .object = place.first,
              .record_offset = place.second,
              .run_bytes = run.run_bytes,
              .skip_bytes = skip,
              .size_bytes = end - skip,
              .hashes = {}};
  for (uint64_t block = first; block <= last; ++block) part.hashes.push_back(run.blocks.at(block));
  if (!parts_.host.MayCopy(part.size_bytes)) {
    return Status(Code::kNoSpace, "the disk is too full for copies");
  }
  std::string bytes(part.size_bytes, '\0');
  MENDFS_RETURN_IF_ERROR(parts_.packs.Read(part, 0, bytes.size(), bytes.data()));
  RunOwner owner = run.owner;
  if (owner.offset != kOffsetUnknown) owner.offset += skip;
  MENDFS_ASSIGN_OR_RETURN(RunRef copy, parts_.packs.Append(owner, bytes));
  moved_bytes_ += bytes.size();
  run.copies.push_back({first, last, std::move(copy)});
  return Status::Ok();
}

// ----------------------------------------------------------------------------------- rewriting
std::optional<RunRef> PackEmptying::CopyOf(const RunRef& run) const {
  const auto found = runs_.find({run.object, run.record_offset});
  if (found == runs_.end()) return std::nullopt;
  for (const CopiedBlocks& copy : found->second.copies) {
    if (copy.first > run.first_block() || LastBlock(run) > copy.last) continue;
    const size_t from = run.first_block() - copy.first;
    // Hashes that nobody verified would make the entry refer to other bytes.
    if (!std::equal(run.hashes.begin(), run.hashes.end(),
                    copy.run.hashes.begin() + static_cast<ptrdiff_t>(from))) {
      return std::nullopt;
    }
    RunRef moved = copy.run;
    moved.skip_bytes = run.skip_bytes - copy.first * kBodyBlockBytes;
    moved.size_bytes = run.size_bytes;
    moved.hashes = run.hashes;
    return moved;
  }
  return std::nullopt;
}

Status PackEmptying::Rewrite() {
  std::vector<EntryEdit> edits;
  const Status walked =
      parts_.manifest.EachVersion(KeyKind::kExtent, [&](const StoredVersion& version) -> Status {
        MENDFS_RETURN_IF_ERROR(CheckStop());
        if (version.bytes.empty()) return Status::Ok();
        MENDFS_ASSIGN_OR_RETURN(const Extent extent, DecodeExtent(version.value.payload));
        if (!extent.has_run() || !packs_.contains(extent.run.object)) return Status::Ok();
        const auto moved = CopyOf(extent.run);
        if (!moved) return Status::Ok();
        const std::string payload = EncodeExtent(*moved);
        edits.push_back({std::string(version.key), std::string(version.bytes),
                         EncodeStoredValue({version.value.start, false, payload})});
        return edits.size() < kEditsMax ? Status::Ok() : RewriteSome(edits);
      });
  MENDFS_RETURN_IF_ERROR(walked);
  return RewriteSome(edits);
}

Status PackEmptying::RewriteSome(std::vector<EntryEdit>& edits) {
  if (edits.empty()) return Status::Ok();
  MENDFS_RETURN_IF_ERROR(parts_.host.RewriteEntries(edits).status());
  edits.clear();
  return Status::Ok();
}

}  // namespace mendfs
