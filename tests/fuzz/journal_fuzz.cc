// Any bytes as a segment's header, a record's header, a change, what a sync mark says: refused, or
// exactly what the encoder makes. A header with one bit changed is refused.
#include "meta/commit/change_format.h"
#include "meta/journal/record_format.h"
#include "meta/pack/pack_format.h"
#include "tests/fuzz/fuzz.h"

namespace mendfs {
namespace {

constexpr uint64_t kSalt = 0x5eed;

std::string ExampleChange() {
  Change change;
  change.Put("key", "value");
  change.PutFresh("fresh", std::string(300, 'x'));
  change.Clear("gone");
  change.PutGlobal("global", "");
  change.ClearGlobal("old");
  return EncodeChange(change);
}

}  // namespace

std::vector<std::string> Seeds() {
  return {SeedFor(0, EncodeJournalHeader({.first = Seq(7), .salt = kSalt})),
          SeedFor(1, EncodeRecordHeader({.seq = Seq(9), .time_ns = 5, .payload_bytes = 3}, kSalt)),
          SeedFor(2, ExampleChange()), SeedFor(3, EncodeSyncedPacks({{Id128{}, 70'000}}))};
}

}  // namespace mendfs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mendfs;
  const Choice choice = ChooseDecoder(data, size, 4);
  switch (choice.decoder) {
    case 0:
      RequireSameBytes(DecodeJournalHeader(choice.bytes),
                       choice.bytes.substr(0, kJournalHeaderBytes), EncodeJournalHeader);
      break;
    case 1:
      RequireSameBytes(
          DecodeRecordHeader(choice.bytes, kSalt), choice.bytes.substr(0, kRecordHeaderBytes),
          [](const RecordHeader& header) { return EncodeRecordHeader(header, kSalt); });
      break;
    case 2:
      RequireSameBytes(DecodeChange(kMainBranch, choice.bytes), choice.bytes, EncodeChange);
      break;
    default: RequireSameBytes(DecodeSyncedPacks(choice.bytes), choice.bytes, EncodeSyncedPacks);
  }
  return 0;
}
