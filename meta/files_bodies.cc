// What FileWriter does with bytes: write, append, clear, share. See files.h.
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "meta/base/log.h"
#include "meta/files_core.h"
#include "meta/tree/body_growth.h"

namespace mendfs {

Status CheckWritable(const Attributes& attributes) {
  if (S_ISREG(attributes.mode)) return Status::Ok();
  const std::string text = InodeText(attributes.inode);
  if (S_ISDIR(attributes.mode)) return Status(Code::kIsDirectory, text + " is a directory");
  return Status(Code::kInvalid, text + " is not a regular file");
}

Status CheckRange(std::string_view what, InodeNumber inode, uint64_t offset, uint64_t size_bytes) {
  if (size_bytes <= kFileBytesMax && offset <= kFileBytesMax - size_bytes) return Status::Ok();
  return Status(Code::kTooBig, std::string(what) + " " + InodeText(inode) + " at " +
                                   std::to_string(offset) + ": ends above the largest size");
}

void Grow(Attributes& attributes, uint64_t size_bytes) {
  const uint64_t stored = StoredBytes(attributes);
  attributes.size_bytes = std::max(attributes.size_bytes, size_bytes);
  SetStoredBytes(attributes, stored);
}

namespace {

Status CheckSetAside(const BodySource& source, const BodyRange& range) {
  MENDFS_ASSIGN_OR_RETURN(const bool set_aside, IsSetAside(source, range));
  if (set_aside) return Status::Ok();
  return Status(Code::kNoSpace, "write to " + InodeText(source.inode) + " at " +
                                    std::to_string(range.offset) +
                                    ": the disk is full, and no room was set aside there");
}

void Touch(const TreePlan& plan, Attributes& attributes) {
  attributes.mtime_ns = attributes.ctime_ns = plan.now_ns();
}

}  // namespace

// ------------------------------------------------------------------------------------- writing
// Without the entity's lock: the bytes of one writer do not keep others from theirs. What is staged
// and then refused is space that nothing refers to, so what can be refused is looked at before.
Result<std::vector<BodyPiece>> FileWriter::Core::Stage(InodeNumber inode,
                                                       std::optional<uint64_t> offset,
                                                       std::string_view bytes) {
  BodyWrite write{.inode = inode, .offset = offset, .bytes = bytes};
  if (bytes.size() > kInlineBytesMax) {
    MENDFS_ASSIGN_OR_RETURN(const Attributes now,
                            ReadInode(door.reader(), View{branch, kHeadSeq}, inode));
    MENDFS_RETURN_IF_ERROR(CheckWritable(now));
    write.generation = now.generation;
    write.size_bytes = now.size_bytes;
    MENDFS_RETURN_IF_ERROR(CheckRange("write to", inode, write.first(), bytes.size()));
  }
  return StageBytes(door.bodies(), write);
}

// Without an offset: at the end.
Result<Attributes> FileWriter::Core::Write(InodeNumber inode, std::optional<uint64_t> offset,
                                           std::string_view bytes, bool set_aside) {
  if (bytes.size() > kWriteBytesMax) {
    return Status(Code::kTooBig, "write of " + std::to_string(bytes.size()) + " bytes, at most " +
                                     std::to_string(kWriteBytesMax) + " at once");
  }
  const RunUses::Use use(door.bodies().uses());
  std::vector<BodyPiece> staged = {{0, {.bytes = bytes, .run = {}}}};
  if (!set_aside) {
    MENDFS_ASSIGN_OR_RETURN(staged, Stage(inode, offset, bytes));
  }
  const EntityLocks::Held lock(door.locks(), Entities({inode}));
  TreePlan plan = Plan();
  MENDFS_ASSIGN_OR_RETURN(Attributes * attributes, plan.Use(inode));
  MENDFS_RETURN_IF_ERROR(CheckWritable(*attributes));
  if (bytes.empty()) return *attributes;
  if (attributes->uncleared_tail) {
    // A merged piece must not bring back what lies behind the end.
    MENDFS_RETURN_IF_ERROR(CutTail(inode));
    attributes->uncleared_tail = false;
  }
  const BodyWrite write{.inode = inode,
                        .generation = attributes->generation,
                        .size_bytes = attributes->size_bytes,
                        .offset = offset,
                        .bytes = bytes};
  MENDFS_RETURN_IF_ERROR(CheckRange("write to", inode, write.first(), bytes.size()));
  const BodySource source = Source(plan, inode);
  PlacedBytes placed;
  if (set_aside) {
    // They ride in the journal, and a fold finds them a place.
    placed.range = {.offset = write.first(), .size_bytes = bytes.size()};
    placed.pieces = {{write.first(), staged.front().extent}};
    MENDFS_RETURN_IF_ERROR(CheckSetAside(source, placed.range));
  } else {
    MENDFS_ASSIGN_OR_RETURN(placed, PlaceBytes(door.bodies(), source, write, std::move(staged)));
  }
  MENDFS_ASSIGN_OR_RETURN(const BodyDelta delta, PlanBodyReplace(source,
                                                                 {.range = placed.range,
                                                                  .pieces = placed.pieces,
                                                                  .body_end = BodyEnd(*attributes)},
                                                                 plan.change()));
  TreePlan::CountBody(*attributes, delta);
  Grow(*attributes, write.end());
  Touch(plan, *attributes);
  MENDFS_RETURN_IF_ERROR(Commit(plan, set_aside ? Room::kFrees : Room::kAdds));
  return *attributes;
}

Result<Attributes> FileWriter::Write(InodeNumber inode, uint64_t offset, std::string_view bytes) {
  return core_->WriteWithRoom(inode, offset, bytes);
}

Result<Attributes> FileWriter::Append(InodeNumber inode, std::string_view bytes) {
  return core_->WriteWithRoom(inode, std::nullopt, bytes);
}

// Nobody has it open any more; the caller holds the inode's lock. Its bytes are safe where they
// are.
void FileWriter::Core::Settle(InodeNumber inode) {
  const std::optional<BodyGrowth> rest = door.bodies().EndGrowth(inode);
  if (!rest) return;
  const auto settle = [&]() -> Status {
    const RunUses::Use use(door.bodies().uses());
    TreePlan plan = Plan();
    const auto now = ReadInode(plan.reader(), plan.view(), inode);
    // Not where it grew to, or about to be freed: nothing to do.
    const bool settles = now.ok() && now->links > 0 && !now->uncleared_tail;
    if (!settles || now->size_bytes != rest->to) return Status::Ok();
    MENDFS_RETURN_IF_ERROR(PlanSettled(door.bodies(), Source(plan, inode), *rest, plan.change()));
    return Commit(plan);
  };
  const Status settled = settle();
  if (settled.ok()) return;
  LogLine(LogLevel::kWarning, "tree", "the end of a large file stays in small pieces",
          {{"inode", std::to_string(inode.value)}, {"reason", settled.ToString()}});
}

// --------------------------------------------------------------------------------------- space
Result<Attributes> FileWriter::Core::ChangeSpace(InodeNumber inode, const SpaceChange& change) {
  if (change.size_bytes == 0) {
    return Status(Code::kInvalid, "change the space of " + InodeText(inode) + ": an empty range");
  }
  MENDFS_RETURN_IF_ERROR(
      CheckRange("change the space of", inode, change.offset, change.size_bytes));
  const uint64_t end = change.offset + change.size_bytes;
  const EntityLocks::Held lock(door.locks(), Entities({inode}));
  MENDFS_ASSIGN_OR_RETURN(const Attributes before,
                          ReadInode(door.reader(), View{branch, kHeadSeq}, inode));
  MENDFS_RETURN_IF_ERROR(CheckWritable(before));
  if (before.uncleared_tail) MENDFS_RETURN_IF_ERROR(CutTail(inode));
  if (change.mode == SpaceMode::kAllocate) return SetAside(inode, change);
  const bool grows = change.mode != SpaceMode::kPunch && !change.keep_size;
  const uint64_t cleared_end = std::min(end, BodyEnd(before));
  // In changes of bounded size, from the front; the last one is the only one but for long ranges.
  for (uint64_t at = change.offset;;) {
    TreePlan plan = Plan();
    MENDFS_ASSIGN_OR_RETURN(Attributes * attributes, plan.Use(inode));
    if (at < cleared_end) {
      const BodySource source = Source(plan, inode);
      MENDFS_ASSIGN_OR_RETURN(
          const uint64_t size,
          BodyStepBytes(source, {.offset = at, .size_bytes = cleared_end - at}));
      MENDFS_ASSIGN_OR_RETURN(const BodyDelta delta,
                              PlanBodyReplace(source,
                                              {.range = {.offset = at, .size_bytes = size},
                                               .pieces = {},
                                               .body_end = BodyEnd(*attributes)},
                                              plan.change()));
      TreePlan::CountBody(*attributes, delta);
      Grow(*attributes, 0);
      attributes->mtime_ns = plan.now_ns();
      at += size;
    }
    const bool last = at >= cleared_end;
    if (last && grows && end > attributes->size_bytes) {
      Grow(*attributes, end);
      attributes->mtime_ns = plan.now_ns();
    }
    attributes->ctime_ns = plan.now_ns();
    MENDFS_RETURN_IF_ERROR(Commit(plan, Room::kFrees));
    if (last) return *attributes;
  }
}

// Whatever clears may go on while the disk is full.
Result<Attributes> FileWriter::ChangeSpace(InodeNumber inode, const SpaceChange& change) {
  if (change.mode != SpaceMode::kAllocate) return core_->ChangeSpace(inode, change);
  return AddWithRoom(core_->door, [&] { return core_->ChangeSpace(inode, change); });
}

// One change; the caller holds the locks of both and has checked the request.
Result<uint64_t> FileWriter::Core::CloneSome(const CloneRequest& request) {
  TreePlan plan = Plan();
  MENDFS_ASSIGN_OR_RETURN(Attributes * target, plan.Use(request.target));
  MENDFS_ASSIGN_OR_RETURN(
      BodyCopy copy, CopyBody(Source(plan, request.source),
                              {.offset = request.source_offset, .size_bytes = request.size_bytes}));
  for (BodyPiece& piece : copy.pieces) {
    piece.start = piece.start - request.source_offset + request.target_offset;
  }
  MENDFS_ASSIGN_OR_RETURN(const uint64_t size, BodyStepBytes(Source(plan, request.target),
                                                             {.offset = request.target_offset,
                                                              .size_bytes = copy.size_bytes}));
  // What the target holds there bounds the step too; pieces behind it wait for the next one.
  while (!copy.pieces.empty()) {
    BodyPiece& last = copy.pieces.back();
    const uint64_t end = request.target_offset + size;
    if (last.start + last.extent.size_bytes() <= end) break;
    if (last.start < end) {
      last.extent = CutExtent(last.extent, 0, end - last.start);
    } else {
      copy.pieces.pop_back();
    }
  }
  MENDFS_ASSIGN_OR_RETURN(
      const BodyDelta delta,
      PlanBodyReplace(Source(plan, request.target),
                      {.range = {.offset = request.target_offset, .size_bytes = size},
                       .pieces = copy.pieces,
                       .body_end = BodyEnd(*target)},
                      plan.change()));
  TreePlan::CountBody(*target, delta);
  Grow(*target, request.target_offset + size);
  Touch(plan, *target);
  MENDFS_RETURN_IF_ERROR(Commit(plan));
  return size;
}

Result<uint64_t> FileWriter::Clone(const CloneRequest& request) {
  MENDFS_RETURN_IF_ERROR(core_->door.AwaitRoom(false));
  const EntityLocks::Held lock(core_->door.locks(), Entities({request.source, request.target}));
  const View head{core_->branch, kHeadSeq};
  MENDFS_ASSIGN_OR_RETURN(const Attributes source,
                          ReadInode(core_->door.reader(), head, request.source));
  MENDFS_ASSIGN_OR_RETURN(const Attributes target,
                          ReadInode(core_->door.reader(), head, request.target));
  MENDFS_RETURN_IF_ERROR(CheckWritable(source));
  MENDFS_RETURN_IF_ERROR(CheckWritable(target));
  CloneRequest rest = request;
  rest.size_bytes = request.source_offset >= source.size_bytes
                        ? 0
                        : std::min(request.size_bytes, source.size_bytes - request.source_offset);
  MENDFS_RETURN_IF_ERROR(
      CheckRange("copy to", request.target, request.target_offset, rest.size_bytes));
  const uint64_t distance = request.source_offset > request.target_offset
                                ? request.source_offset - request.target_offset
                                : request.target_offset - request.source_offset;
  if (request.source == request.target && distance < rest.size_bytes) {
    return Status(Code::kInvalid,
                  "copy within " + InodeText(request.source) + ": the two ranges overlap");
  }
  if (rest.size_bytes > 0 && target.uncleared_tail) {
    MENDFS_RETURN_IF_ERROR(core_->CutTail(request.target));
  }
  uint64_t done = 0;
  while (rest.size_bytes > 0) {
    const Result<uint64_t> copied = core_->CloneSome(rest);
    if (!copied.ok() && done == 0) return copied.status();
    if (!copied.ok()) break;
    done += *copied;
    rest.source_offset += *copied;
    rest.target_offset += *copied;
    rest.size_bytes -= *copied;
  }
  return done;
}

}  // namespace mendfs
