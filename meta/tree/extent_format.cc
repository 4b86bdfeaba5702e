#include "meta/tree/extent_format.h"

#include <cassert>

#include "meta/codec/bytes.h"
#include "meta/object/object_format.h"

namespace mendfs {
namespace {

constexpr uint8_t kInlineVersion = 1;
constexpr uint8_t kRunVersion = 2;
constexpr uint8_t kSetAsideVersion = 3;

constexpr uint8_t kInline = 1;
constexpr uint8_t kRun = 2;
constexpr uint8_t kSetAside = 3;

Status Malformed() {
  return Status(Code::kCorruption, "decode extent: malformed");
}

Result<Extent> DecodeRun(ByteReader& in) {
  const uint8_t form = in.GetU8();
  const auto kind = static_cast<ObjectKind>(in.GetU8());
  RunRef run;
  run.kind = kind;
  run.object = in.GetId();
  run.record_offset = in.GetVarint();
  run.run_bytes = in.GetVarint();
  run.skip_bytes = in.GetVarint();
  run.size_bytes = in.GetVarint();
  if (!in.ok() || form != kRun || (kind != ObjectKind::kPack && kind != ObjectKind::kBlob) ||
      run.record_offset > INT64_MAX || run.run_bytes == 0 || run.run_bytes > kRunBytesMax ||
      run.skip_bytes >= run.run_bytes || run.size_bytes == 0 ||
      run.size_bytes > run.run_bytes - run.skip_bytes) {
    return Malformed();
  }
  const std::string_view hashes = in.GetRaw(run.block_count() * kObjectHashBytes);
  if (!in.AtEnd()) return Malformed();
  run.hashes = DecodeBlockHashes(hashes);
  return Extent{.bytes = {}, .run = std::move(run)};
}

Result<Extent> DecodeSetAside(ByteReader& in) {
  const uint8_t form = in.GetU8();
  const uint64_t size_bytes = in.GetVarint();
  if (!in.AtEnd() || form != kSetAside || size_bytes == 0 || size_bytes > kPieceBytesMax) {
    return Malformed();
  }
  return Extent{.bytes = {}, .run = {}, .set_aside_bytes = size_bytes};
}

}  // namespace

std::string EncodeExtent(std::string_view bytes) {
  assert(!bytes.empty() && bytes.size() <= kExtentBytesMax);
  std::string out;
  out.reserve(bytes.size() + 5);
  PutU8(out, kInlineVersion);
  PutU8(out, kInline);
  PutBytes(out, bytes);
  return out;
}

std::string EncodeExtent(const RunRef& run) {
  assert(run.size_bytes > 0 && run.hashes.size() == run.block_count());
  std::string out;
  out.reserve(40 + run.hashes.size() * kObjectHashBytes);
  PutU8(out, kRunVersion);
  PutU8(out, kRun);
  PutU8(out, static_cast<uint8_t>(run.kind));
  PutId(out, run.object);
  PutVarint(out, run.record_offset);
  PutVarint(out, run.run_bytes);
  PutVarint(out, run.skip_bytes);
  PutVarint(out, run.size_bytes);
  out += EncodeBlockHashes(run.hashes);
  return out;
}

std::string EncodeSetAside(uint64_t size_bytes) {
  assert(size_bytes > 0 && size_bytes <= kPieceBytesMax);
  std::string out;
  PutU8(out, kSetAsideVersion);
  PutU8(out, kSetAside);
  PutVarint(out, size_bytes);
  return out;
}

std::string EncodeExtent(const Extent& extent) {
  if (extent.is_set_aside()) return EncodeSetAside(extent.set_aside_bytes);
  return extent.is_inline() ? EncodeExtent(extent.bytes) : EncodeExtent(extent.run);
}

Result<Extent> DecodeExtent(std::string_view value) {
  ByteReader in(value);
  const uint8_t version = in.GetU8();
  if (in.ok() && version == kRunVersion) return DecodeRun(in);
  if (in.ok() && version == kSetAsideVersion) return DecodeSetAside(in);
  if (version > kSetAsideVersion) {
    return Status(Code::kUnsupported, "decode extent: version " + std::to_string(version) +
                                          " is newer than this program");
  }
  const uint8_t form = in.GetU8();
  const std::string_view bytes = in.GetBytes();
  if (!in.AtEnd() || version != kInlineVersion || form != kInline || bytes.empty() ||
      bytes.size() > kExtentBytesMax) {
    return Malformed();
  }
  return Extent{.bytes = bytes, .run = {}};
}

Extent CutExtent(const Extent& extent, uint64_t from, uint64_t size_bytes) {
  if (extent.is_set_aside()) return {.bytes = {}, .run = {}, .set_aside_bytes = size_bytes};
  if (extent.is_inline()) return {.bytes = extent.bytes.substr(from, size_bytes), .run = {}};
  return {.bytes = {}, .run = PartOf(extent.run, from, size_bytes)};
}

Hash128 ExtentDigest(const Extent& extent) {
  if (extent.is_set_aside()) return RunDigest(extent.set_aside_bytes, 0, {});
  if (extent.is_inline()) return RunDigest(extent.bytes.size(), 0, HashRun(extent.bytes));
  return RunDigest(extent.run.size_bytes, extent.run.skip_bytes % kBodyBlockBytes,
                   extent.run.hashes);
}

}  // namespace mendfs
