#include "meta/tree/body_growth.h"

#include <algorithm>
#include <string>
#include <utility>

namespace mendfs {
namespace {

// Cut where later writes of the same kind are cut.
uint64_t RunBytesAt(uint64_t offset, uint64_t left) {
  return std::min<uint64_t>(left, kRunBytesMax - offset % kRunBytesMax);
}

uint64_t EndOf(const std::vector<BodyPiece>& pieces) {
  return pieces.empty() ? 0 : pieces.back().start + pieces.back().extent.size_bytes();
}

std::vector<BodyPiece> AsTheyAre(std::string_view bytes) {
  return {{0, {.bytes = bytes, .run = {}}}};
}

// The pieces begin at 0.
Result<std::vector<BodyPiece>> PutIntoPacks(BodyStore& bodies, const BodyWrite& write) {
  std::vector<BodyPiece> pieces;
  const uint64_t first = write.offset.value_or(0);
  for (uint64_t at = 0; at < write.bytes.size();) {
    const uint64_t size = RunBytesAt(first + at, write.bytes.size() - at);
    BodyPiece piece{.start = at, .extent = {.bytes = write.bytes.substr(at, size), .run = {}}};
    if (size > kFoldedInlineBytesMax) {
      const RunOwner owner{.inode = write.inode,
                           .generation = write.generation,
                           .offset = write.offset ? *write.offset + at : kOffsetUnknown,
                           .folded = false};
      MENDFS_ASSIGN_OR_RETURN(piece.extent.run, bodies.Append(owner, piece.extent.bytes));
      piece.extent.bytes = {};
    }
    pieces.push_back(std::move(piece));
    at += size;
  }
  return pieces;
}

// Bytes [from, until) of a body, held ones first, then those of a write at its end.
struct Gathering {
  uint64_t from = 0;
  uint64_t until = 0;
  uint64_t size_bytes = 0;  // of the body
  std::string_view bytes;   // behind its end
};

// The pieces reach from `from` to `until`, unless the blob took no more.
Result<std::vector<BodyPiece>> PutIntoBlob(BodyStore& bodies, const BodySource& source,
                                           const Gathering& range) {
  std::vector<BodyPiece> pieces;
  std::string buffer;
  for (uint64_t at = range.from; at < range.until;) {
    const uint64_t size = RunBytesAt(at, range.until - at);
    std::string_view bytes;
    if (at >= range.size_bytes) {
      bytes = range.bytes.substr(at - range.size_bytes, size);
    } else {
      const uint64_t held = std::min(size, range.size_bytes - at);
      buffer.resize(held);
      MENDFS_RETURN_IF_ERROR(ReadBody(source, {.offset = at, .size_bytes = held}, buffer.data()));
      bytes = buffer.append(range.bytes.substr(0, size - held));
    }
    MENDFS_ASSIGN_OR_RETURN(auto run, bodies.AppendToBlob(source.inode, at, bytes));
    if (!run) break;
    pieces.push_back({at, {.bytes = {}, .run = *std::move(run)}});
    at += size;
  }
  return pieces;
}

// From where on all of [from, until) is bytes: behind its last hole.
Result<uint64_t> BehindHoles(const BodySource& source, uint64_t from, uint64_t until) {
  while (from < until) {
    MENDFS_ASSIGN_OR_RETURN(const auto hole, FindInBody(source, from, until, BodySought::kHole));
    if (!hole || *hole >= until) break;
    MENDFS_ASSIGN_OR_RETURN(const auto data, FindInBody(source, *hole, until, BodySought::kData));
    from = data.value_or(until);
  }
  return from;
}

// Nothing where the blob takes nothing.
Result<PlacedBytes> Gather(BodyStore& bodies, const BodySource& source, const Gathering& range) {
  PlacedBytes placed;
  if (range.until <= range.from) return placed;
  MENDFS_RETURN_IF_ERROR(bodies.BeginBlob(source.inode, range.from));
  MENDFS_ASSIGN_OR_RETURN(placed.pieces, PutIntoBlob(bodies, source, range));
  placed.range = {.offset = range.from, .size_bytes = EndOf(placed.pieces) - range.from};
  return placed;
}

// As far as the body's bytes can be read.
Result<PlacedBytes> GatherReadable(BodyStore& bodies, const BodySource& source, Gathering range) {
  const auto from = BehindHoles(source, range.from, range.size_bytes);
  Status status = from.status();
  if (from.ok()) {
    range.from = *from;
    auto gathered = Gather(bodies, source, range);
    status = gathered.status();
    if (status.code() != Code::kCorruption) return gathered;
  }
  if (status.code() != Code::kCorruption) return status;
  // What is damaged stays where it is, for its readers to be told.
  range.from = range.size_bytes;
  return Gather(bodies, source, range);
}

// What is long and not put anywhere yet, because it had to wait for the lock.
Status StageRest(BodyStore& bodies, const BodyWrite& write, std::vector<BodyPiece>& pieces) {
  const BodyPiece last = pieces.back();
  if (last.extent.bytes.size() <= kInlineBytesMax) return Status::Ok();
  BodyWrite rest = write;
  rest.offset = last.start;
  rest.bytes = last.extent.bytes;
  MENDFS_ASSIGN_OR_RETURN(std::vector<BodyPiece> staged, PutIntoPacks(bodies, rest));
  pieces.pop_back();
  for (BodyPiece& piece : staged) {
    piece.start += last.start;
    pieces.push_back(std::move(piece));
  }
  return Status::Ok();
}

}  // namespace

Result<std::vector<BodyPiece>> StageBytes(BodyStore& bodies, const BodyWrite& write) {
  if (write.bytes.size() <= kInlineBytesMax) return AsTheyAre(write.bytes);
  GrowthPlace place = GrowthPlace::kAnywhere;
  if (write.first() == write.size_bytes) {
    place = bodies.PlaceOf({.inode = write.inode, .from = write.first(), .to = write.end()});
  }
  if (place == GrowthPlace::kBehindOthers) return AsTheyAre(write.bytes);
  std::vector<BodyPiece> pieces;
  for (uint64_t at = 0; place == GrowthPlace::kBlob && at < write.bytes.size();) {
    const uint64_t offset = write.first() + at;
    const uint64_t size = RunBytesAt(offset, write.bytes.size() - at);
    MENDFS_ASSIGN_OR_RETURN(auto run,
                            bodies.AppendToBlob(write.inode, offset, write.bytes.substr(at, size)));
    if (!run) break;  // somebody else was quicker
    pieces.push_back({at, {.bytes = {}, .run = *std::move(run)}});
    at += size;
  }
  if (EndOf(pieces) == write.bytes.size()) return pieces;
  return PutIntoPacks(bodies, write);
}

Result<PlacedBytes> PlaceBytes(BodyStore& bodies, const BodySource& source, const BodyWrite& write,
                               std::vector<BodyPiece> staged) {
  const uint64_t first = write.first();
  PlacedBytes placed{.range = {.offset = first, .size_bytes = write.bytes.size()},
                     .pieces = std::move(staged)};
  for (BodyPiece& piece : placed.pieces) piece.start += first;
  std::optional<uint64_t> due;
  if (first == write.size_bytes) {
    due = bodies.Grow({.inode = write.inode, .from = first, .to = write.end()});
  }
  if (due && *due <= first) {
    Gathering range{.from = *due, .until = write.end(), .size_bytes = first, .bytes = write.bytes};
    if (write.bytes.size() <= kInlineBytesMax) range.until -= write.end() % kBodyBlockBytes;
    MENDFS_ASSIGN_OR_RETURN(PlacedBytes gathered, GatherReadable(bodies, source, range));
    const uint64_t reached = EndOf(gathered.pieces);
    if (!gathered.pieces.empty() && reached >= first) {
      placed = std::move(gathered);
      placed.range.size_bytes = write.end() - placed.range.offset;
      if (reached < write.end()) {
        placed.pieces.push_back(
            {reached, {.bytes = write.bytes.substr(reached - first), .run = {}}});
      }
    }
  }
  MENDFS_RETURN_IF_ERROR(StageRest(bodies, write, placed.pieces));
  return placed;
}

Status PlanSettled(BodyStore& bodies, const BodySource& source, const BodyGrowth& rest,
                   Change& change) {
  MENDFS_ASSIGN_OR_RETURN(const uint64_t from, BehindHoles(source, rest.from, rest.to));
  // Only what goes on where the blob ends: no other is begun for so little.
  if (from != rest.from) return Status::Ok();
  const Gathering range{.from = from, .until = rest.to, .size_bytes = rest.to, .bytes = {}};
  MENDFS_ASSIGN_OR_RETURN(const auto pieces, PutIntoBlob(bodies, source, range));
  if (EndOf(pieces) != rest.to) return Status::Ok();
  // The same bytes stand elsewhere: what is stored does not change.
  return PlanBodyReplace(source,
                         {.range = {.offset = from, .size_bytes = rest.to - from},
                          .pieces = pieces,
                          .body_end = rest.to},
                         change)
      .status();
}

}  // namespace mendfs
