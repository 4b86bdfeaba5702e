// Any bytes as the parts of an object, of a segment and of the entries that name them: refused, or
// exactly what the encoder makes.
#include "meta/object/object_format.h"
#include "meta/object/segment.h"
#include "meta/object/segment_format.h"
#include "meta/pack/pack_format.h"
#include "tests/fuzz/fuzz.h"

namespace mendfs {
namespace {

constexpr uint64_t kPayloadBytes = 1 << 20;
const Id128 kId{.bytes = {1, 2, 3}};

}  // namespace

std::vector<std::string> Seeds() {
  ObjectInfo info{.id = kId, .kind = ObjectKind::kSegment, .size_bytes = 100};
  info.file_size_bytes = ObjectFileBytes(info.kind, info.size_bytes);
  const SegmentRef ref{.object = kId, .entries = 2, .first_key = "a", .last_key = "b"};
  SegmentRef clears = ref;
  clears.clears = true;
  std::string value;
  AppendSegmentValue(value, Seq(300), "payload");
  return {SeedFor(0, EncodeObjectTail(info)),
          SeedFor(1, EncodeObjectInfo(info)),
          SeedFor(2, EncodeFilterIndex({{.last_key = "k", .offset = 10, .size_bytes = 64}})),
          SeedFor(3, EncodeSegmentEnd({.table_bytes = 5, .index_offset = 9, .index_bytes = 30})),
          SeedFor(4, EncodeSegmentRef(ref)),
          SeedFor(4, EncodeSegmentRef(clears)),
          SeedFor(5, value),
          SeedFor(6, EncodePackRecord({.inode = InodeNumber(7), .run_bytes = 70'000})),
          SeedFor(7, EncodeOpenObject(ObjectKind::kPack)),
          SeedFor(7, EncodeOpenObject(ObjectKind::kBlob))};
}

}  // namespace mendfs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mendfs;
  const Choice choice = ChooseDecoder(data, size, 8);
  const std::string_view bytes = choice.bytes;
  switch (choice.decoder) {
    case 0: RequireSameBytes(DecodeObjectTail(bytes), bytes, EncodeObjectTail); break;
    case 1: RequireSameBytes(DecodeObjectInfo(kId, bytes), bytes, EncodeObjectInfo); break;
    case 2: {
      const auto filters = DecodeFilterIndex(bytes, 0, kPayloadBytes);
      RequireSameBytes(filters, bytes, EncodeFilterIndex);
      if (!filters.ok()) break;
      for (const SegmentFilter& filter : *filters) {
        Require(filter.offset <= kPayloadBytes &&
                filter.size_bytes <= kPayloadBytes - filter.offset);
      }
      break;
    }
    case 3: {
      const auto end = DecodeSegmentEnd(bytes, kPayloadBytes);
      RequireSameBytes(end, bytes, EncodeSegmentEnd);
      if (end.ok()) Require(end->table_bytes <= kPayloadBytes && end->index_bytes <= kPayloadBytes);
      break;
    }
    case 4: RequireSameBytes(DecodeSegmentRef(bytes), bytes, EncodeSegmentRef); break;
    case 6:
      RequireSameBytes(DecodePackRecord(bytes), bytes.substr(0, kPackRecordHeaderBytes),
                       EncodePackRecord);
      break;
    case 7: RequireSameBytes(DecodeOpenObject(kId, bytes), bytes, EncodeOpenObject); break;
    default:
      if (const auto value = ParseSegmentValue(bytes)) {
        std::string again;
        AppendSegmentValue(again, value->start, value->payload);
        Require(again == bytes);
      }
  }
  return 0;
}
