#include "meta/object/segment_format.h"

#include <utility>

#include "meta/codec/bytes.h"
#include "meta/codec/hash.h"
#include "meta/object/bloom.h"
#include "meta/object/segment.h"

namespace mendfs {
namespace {

constexpr std::string_view kMagic = "MENDSEG\n";
constexpr uint32_t kVersion = 1;
constexpr uint8_t kRefVersion = 1;
constexpr uint8_t kClearsRefVersion = 2;  // the same for a segment that clears
constexpr uint8_t kClearsFlag = 1;

Status Bad(std::string_view what) {
  return {Code::kCorruption, std::string(what)};
}

}  // namespace

// ------------------------------------------------------------------------------------- entries
void AppendSegmentValue(std::string& out, Seq start, std::string_view payload) {
  PutVarint(out, start.value);
  out.append(payload);
}

std::optional<SegmentValue> ParseSegmentValue(std::string_view value) {
  ByteReader in(value);
  const Seq start(in.GetVarint());
  if (!in.ok()) return std::nullopt;
  return SegmentValue{start, in.rest()};
}

// ------------------------------------------------------------------------------------- filters
std::string EncodeFilterIndex(const std::vector<SegmentFilter>& filters) {
  std::string bytes;
  PutVarint(bytes, filters.size());
  for (const SegmentFilter& filter : filters) {
    PutBytes(bytes, filter.last_key);
    PutVarint(bytes, filter.offset);
    PutVarint(bytes, filter.size_bytes);
  }
  return bytes;
}

Result<std::vector<SegmentFilter>> DecodeFilterIndex(std::string_view bytes, uint64_t first_offset,
                                                     uint64_t end_offset) {
  ByteReader in(bytes);
  const uint64_t count = in.GetVarint();
  // Each takes 3 bytes at least, so a count beyond that is no count.
  if (!in.ok() || count > bytes.size() / 3) return Bad("filter index: impossible count");
  std::vector<SegmentFilter> filters;
  filters.reserve(static_cast<size_t>(count));
  uint64_t offset = first_offset;
  for (uint64_t index = 0; index < count; ++index) {
    SegmentFilter filter;
    filter.last_key = std::string(in.GetBytes());
    filter.offset = in.GetVarint();
    const uint64_t size = in.GetVarint();
    const bool fits = in.ok() && filter.offset == offset && size <= end_offset - offset &&
                      size > 0 && size % kBloomBlockBytes == 0 &&
                      size <= BloomBytes(kSegmentFilterKeys);
    if (!fits) return Bad("filter index: filter " + std::to_string(index) + " is out of place");
    if (!filters.empty() && filter.last_key <= filters.back().last_key) {
      return Bad("filter index: keys do not ascend");
    }
    filter.size_bytes = static_cast<uint32_t>(size);
    offset += size;
    filters.push_back(std::move(filter));
  }
  if (!in.AtEnd() || offset != end_offset) return Bad("filter index: does not fill its place");
  return filters;
}

std::string EncodeSegmentEnd(const SegmentEnd& end) {
  std::string body;
  PutU32(body, kVersion);
  PutU32(body, 0);
  PutU64(body, end.table_bytes);
  PutU64(body, end.index_offset);
  PutU64(body, end.index_bytes);
  PutU64(body, end.index_checksum);
  body.append(kMagic);
  std::string bytes;
  PutU64(bytes, HashXxh3(body));
  bytes.append(body);
  return bytes;
}

Result<SegmentEnd> DecodeSegmentEnd(std::string_view bytes, uint64_t payload_bytes) {
  if (bytes.size() != kSegmentEndBytes || payload_bytes < kSegmentEndBytes ||
      !bytes.ends_with(kMagic)) {
    return Bad("no segment end");
  }
  ByteReader in(bytes);
  if (in.GetU64() != HashXxh3(in.rest())) return Bad("segment end fails its checksum");
  const uint32_t version = in.GetU32();
  if (version != kVersion) {
    return Status(Code::kUnsupported, "segment format " + std::to_string(version) +
                                          "; this program knows format " +
                                          std::to_string(kVersion));
  }
  if (in.GetU32() != 0) return Bad("segment end: reserved bytes are set");
  SegmentEnd end;
  end.table_bytes = in.GetU64();
  end.index_offset = in.GetU64();
  end.index_bytes = in.GetU64();
  end.index_checksum = in.GetU64();
  const uint64_t room = payload_bytes - kSegmentEndBytes;
  if (end.table_bytes > end.index_offset || end.index_offset > room ||
      end.index_bytes != room - end.index_offset) {
    return Bad("segment end: sizes disagree");
  }
  return end;
}

// ------------------------------------------------------------------------------- manifest entry
std::string EncodeSegmentRef(const SegmentRef& ref) {
  std::string value;
  PutU8(value, ref.clears ? kClearsRefVersion : kRefVersion);
  PutU8(value, ref.clears ? kClearsFlag : 0);
  PutU16(value, 0);
  PutId(value, ref.object);
  PutVarint(value, ref.file_size_bytes);
  PutU64(value, ref.fingerprint.low);
  PutU64(value, ref.fingerprint.high);
  PutVarint(value, ref.entries);
  PutBytes(value, ref.first_key);
  PutBytes(value, ref.last_key);
  PutU64(value, ref.content_sum.low);
  PutU64(value, ref.content_sum.high);
  PutVarint(value, ref.nodes);
  PutVarint(value, ref.edges);
  PutI64(value, ref.time_ns);
  return value;
}

Result<SegmentRef> DecodeSegmentRef(std::string_view value) {
  ByteReader in(value);
  const uint8_t version = in.GetU8();
  if (in.ok() && version > kClearsRefVersion) {
    return Status(Code::kUnsupported, "segment entry: format " + std::to_string(version) +
                                          " is newer than this program");
  }
  SegmentRef ref;
  ref.clears = version == kClearsRefVersion;
  const uint8_t flags = in.GetU8();
  const bool head_sound =
      version >= kRefVersion && flags == (ref.clears ? kClearsFlag : 0) && in.GetU16() == 0;
  ref.object = in.GetId();
  ref.file_size_bytes = in.GetVarint();
  ref.fingerprint.low = in.GetU64();
  ref.fingerprint.high = in.GetU64();
  ref.entries = in.GetVarint();
  ref.first_key = std::string(in.GetBytes());
  ref.last_key = std::string(in.GetBytes());
  ref.content_sum.low = in.GetU64();
  ref.content_sum.high = in.GetU64();
  ref.nodes = in.GetVarint();
  ref.edges = in.GetVarint();
  ref.time_ns = in.GetI64();
  const bool sound = in.AtEnd() && head_sound && ref.entries > 0 &&
                     ref.entries <= kSegmentEntriesMax && ref.first_key <= ref.last_key &&
                     ref.nodes <= ref.entries && ref.edges <= ref.entries - ref.nodes;
  if (!sound) return Bad("segment entry: malformed");
  return ref;
}

}  // namespace mendfs
