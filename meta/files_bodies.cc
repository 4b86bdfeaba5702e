// What FileWriter does with bytes: write, append, clear, share. See files.h.
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "meta/files_core.h"

namespace mendfs {

Status CheckWritable(const Attributes& attributes) {
  if (S_ISREG(attributes.mode)) return Status::Ok();
  const std::string text = InodeText(attributes.inode);
  if (S_ISDIR(attributes.mode)) return Status(Code::kIsDirectory, text + " is a directory");
  return Status(Code::kInvalid, text + " is not a regular file");
}

namespace {

// Does the range end at or before the largest offset?
Status CheckRange(std::string_view what, InodeNumber inode, uint64_t offset, uint64_t size_bytes) {
  if (size_bytes <= kFileBytesMax && offset <= kFileBytesMax - size_bytes) return Status::Ok();
  return Status(Code::kTooBig, std::string(what) + " " + InodeText(inode) + " at " +
                                   std::to_string(offset) + ": ends above the largest size");
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
  std::vector<BodyPiece> pieces;
  if (bytes.size() <= kInlineBytesMax) {
    pieces.push_back({0, {.bytes = bytes, .run = {}}});
    return pieces;
  }
  MENDFS_ASSIGN_OR_RETURN(const Attributes now,
                          ReadInode(door.reader(), View{branch, kHeadSeq}, inode));
  MENDFS_RETURN_IF_ERROR(CheckWritable(now));
  MENDFS_RETURN_IF_ERROR(
      CheckRange("write to", inode, offset.value_or(now.size_bytes), bytes.size()));
  const uint64_t first = offset.value_or(0);
  for (uint64_t at = 0; at < bytes.size();) {
    // Cut where later writes of the same kind are cut.
    const uint64_t size =
        std::min<uint64_t>(bytes.size() - at, kRunBytesMax - (first + at) % kRunBytesMax);
    BodyPiece piece{.start = at, .extent = {.bytes = bytes.substr(at, size), .run = {}}};
    if (size > kFoldedInlineBytesMax) {
      const RunOwner owner{.inode = inode,
                           .generation = now.generation,
                           .offset = offset ? *offset + at : kOffsetUnknown,
                           .folded = false};
      MENDFS_ASSIGN_OR_RETURN(piece.extent.run, door.bodies().Append(owner, piece.extent.bytes));
      piece.extent.bytes = {};
    }
    pieces.push_back(std::move(piece));
    at += size;
  }
  return pieces;
}

// Without an offset: at the end.
Result<Attributes> FileWriter::Core::Write(InodeNumber inode, std::optional<uint64_t> offset,
                                           std::string_view bytes) {
  if (bytes.size() > kWriteBytesMax) {
    return Status(Code::kTooBig, "write of " + std::to_string(bytes.size()) + " bytes, at most " +
                                     std::to_string(kWriteBytesMax) + " at once");
  }
  const RunUses::Use use(door.bodies().uses());
  MENDFS_ASSIGN_OR_RETURN(std::vector<BodyPiece> pieces, Stage(inode, offset, bytes));
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
  const uint64_t first = offset.value_or(attributes->size_bytes);
  MENDFS_RETURN_IF_ERROR(CheckRange("write to", inode, first, bytes.size()));
  for (BodyPiece& piece : pieces) piece.start += first;
  MENDFS_RETURN_IF_ERROR(PlanBodyReplace(Source(plan, inode),
                                         {.range = {.offset = first, .size_bytes = bytes.size()},
                                          .pieces = pieces,
                                          .file_size_bytes = attributes->size_bytes},
                                         plan.change()));
  attributes->size_bytes = std::max<uint64_t>(attributes->size_bytes, first + bytes.size());
  Touch(plan, *attributes);
  MENDFS_RETURN_IF_ERROR(Commit(plan));
  return *attributes;
}

Result<Attributes> FileWriter::Write(InodeNumber inode, uint64_t offset, std::string_view bytes) {
  return core_->Write(inode, offset, bytes);
}

Result<Attributes> FileWriter::Append(InodeNumber inode, std::string_view bytes) {
  return core_->Write(inode, std::nullopt, bytes);
}

// --------------------------------------------------------------------------------------- space
Result<Attributes> FileWriter::ChangeSpace(InodeNumber inode, const SpaceChange& change) {
  if (change.size_bytes == 0) {
    return Status(Code::kInvalid, "change the space of " + InodeText(inode) + ": an empty range");
  }
  MENDFS_RETURN_IF_ERROR(
      CheckRange("change the space of", inode, change.offset, change.size_bytes));
  const uint64_t end = change.offset + change.size_bytes;
  const EntityLocks::Held lock(core_->door.locks(), Entities({inode}));
  MENDFS_ASSIGN_OR_RETURN(const Attributes before,
                          ReadInode(core_->door.reader(), View{core_->branch, kHeadSeq}, inode));
  MENDFS_RETURN_IF_ERROR(CheckWritable(before));
  if (before.uncleared_tail) MENDFS_RETURN_IF_ERROR(core_->CutTail(inode));
  const bool clears = change.mode != SpaceMode::kAllocate;
  const bool grows = change.mode != SpaceMode::kPunch && !change.keep_size;
  const uint64_t cleared_end = clears ? std::min(end, before.size_bytes) : 0;
  // In changes of bounded size, from the front; the last one is the only one but for long ranges.
  for (uint64_t at = change.offset;;) {
    TreePlan plan = core_->Plan();
    MENDFS_ASSIGN_OR_RETURN(Attributes * attributes, plan.Use(inode));
    if (at < cleared_end) {
      const BodySource source = core_->Source(plan, inode);
      MENDFS_ASSIGN_OR_RETURN(
          const uint64_t size,
          BodyStepBytes(source, {.offset = at, .size_bytes = cleared_end - at}));
      MENDFS_RETURN_IF_ERROR(PlanBodyReplace(source,
                                             {.range = {.offset = at, .size_bytes = size},
                                              .pieces = {},
                                              .file_size_bytes = attributes->size_bytes},
                                             plan.change()));
      attributes->mtime_ns = plan.now_ns();
      at += size;
    }
    const bool last = at >= cleared_end;
    if (last && grows && end > attributes->size_bytes) {
      attributes->size_bytes = end;
      attributes->mtime_ns = plan.now_ns();
    }
    attributes->ctime_ns = plan.now_ns();
    MENDFS_RETURN_IF_ERROR(core_->Commit(plan));
    if (last) return *attributes;
  }
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
  MENDFS_RETURN_IF_ERROR(
      PlanBodyReplace(Source(plan, request.target),
                      {.range = {.offset = request.target_offset, .size_bytes = size},
                       .pieces = copy.pieces,
                       .file_size_bytes = target->size_bytes},
                      plan.change()));
  target->size_bytes = std::max(target->size_bytes, request.target_offset + size);
  Touch(plan, *target);
  MENDFS_RETURN_IF_ERROR(Commit(plan));
  return size;
}

Result<uint64_t> FileWriter::Clone(const CloneRequest& request) {
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
