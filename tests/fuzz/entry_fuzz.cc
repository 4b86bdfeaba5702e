// Any bytes as the values of a tree's and a table's entries: refused, or exactly what the encoder
// makes.
#include "meta/table/row_format.h"
#include "meta/tree/extent_format.h"
#include "meta/tree/inode_format.h"
#include "meta/tree/quota.h"
#include "tests/fuzz/fuzz.h"

namespace mendfs {
namespace {

const InodeNumber kInode(77);

RunRef ExampleRun(ObjectKind kind = ObjectKind::kPack) {
  return {.kind = kind,
          .object = {.bytes = {1, 2, 3}},
          .record_offset = 4096,
          .run_bytes = 200'000,
          .skip_bytes = 70'000,
          .size_bytes = 100'000,
          .hashes = {Hash128{1, 2}, Hash128{3, 4}}};
}

}  // namespace

std::vector<std::string> Seeds() {
  const RowAttributes attributes{.mtime_ns = 5, .permissions = 0644, .uid = 1, .gid = 2};
  std::string row, edge;
  AppendRowValue(row, kInode, attributes, "{}");
  AppendEdgeValue(edge, attributes, "{}");
  return {SeedFor(0, EncodeAttributes({.inode = kInode, .mode = 0100644, .links = 1})),
          SeedFor(1, EncodeDentry({kInode, 0100000})),
          SeedFor(2, EncodeExtent("bytes")),
          SeedFor(2, EncodeExtent(ExampleRun())),
          SeedFor(2, EncodeExtent(ExampleRun(ObjectKind::kBlob))),
          SeedFor(3, row),
          SeedFor(4, edge),
          SeedFor(5, EncodeQuota({.id = kInode, .directory = kInode, .limit_bytes = 1 << 20}))};
}

}  // namespace mendfs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mendfs;
  const Choice choice = ChooseDecoder(data, size, 6);
  const std::string_view bytes = choice.bytes;
  switch (choice.decoder) {
    case 0: RequireSameBytes(DecodeAttributes(kInode, bytes), bytes, EncodeAttributes); break;
    case 1: RequireSameBytes(DecodeDentry(bytes), bytes, EncodeDentry); break;
    case 2: {
      const auto extent = DecodeExtent(bytes);
      RequireSameBytes(extent, bytes, [](const Extent& piece) { return EncodeExtent(piece); });
      if (!extent.ok()) break;
      const uint64_t length = extent->size_bytes();
      Require(length > 0 && length <= kPieceBytesMax);
      Require(DecodeExtent(EncodeExtent(CutExtent(*extent, length / 2, length - length / 2))).ok());
      break;
    }
    case 5: RequireSameBytes(DecodeQuota(kInode, bytes), bytes, EncodeQuota); break;
    case 3:
      RequireSameBytes(DecodeRowHead(bytes), bytes, [&](const RowHead& head) {
        std::string again;
        AppendRowValue(again, head.row, head.attributes, bytes.substr(head.body_offset));
        return again;
      });
      break;
    default:
      RequireSameBytes(DecodeEdgeHead(bytes), bytes, [&](const EdgeHead& head) {
        std::string again;
        AppendEdgeValue(again, head.attributes, bytes.substr(head.body_offset));
        return again;
      });
  }
  return 0;
}
