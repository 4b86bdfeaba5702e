// Any bytes as a sidecar, as what stands behind its first line, or as an audit row: refused, or
// exactly what the encoder makes.
#include "meta/codec/hash.h"
#include "meta/commit/intent/audit_rows.h"
#include "meta/commit/intent/sidecar_format.h"
#include "meta/manifest/keys.h"
#include "tests/fuzz/fuzz.h"

namespace mendfs {
namespace {

Sidecar Example() {
  Sidecar sidecar;
  sidecar.base = Seq(9);
  sidecar.note = {"uid:0", "load", Origin::kUser, 7};
  sidecar.objects = {{ObjectKind::kSegment, Id128{}}};
  IntentPlan plan;
  plan.change.Put("key", "value");
  plan.bounded = {TypeId(3)};
  plan.unique = {{TypeId(1), PropertyId(2)}};
  sidecar.plan = std::move(plan);
  return sidecar;
}

std::string WithSum(std::string_view rest) {
  return "{\"mendfs\":\"sidecar\",\"format_version\":1,\"checksum\":\"" +
         ToHex(HashXxh3Wide(rest)) + "\",\n" + std::string(rest);
}

void RequireSidecar(std::string_view bytes) {
  RequireSameBytes(DecodeSidecar(bytes), bytes,
                   [](const Sidecar& sidecar) { return *EncodeSidecar(sidecar); });
}

}  // namespace

std::vector<std::string> Seeds() {
  const std::string whole = *EncodeSidecar(Example());
  return {SeedFor(0, whole), SeedFor(1, whole.substr(whole.find('\n') + 1)),
          SeedFor(2, EncodeAuditRow(MakeAuditRow(Example(), AuditOutcome::kDiscarded, "why", 3)))};
}

}  // namespace mendfs

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace mendfs;
  const Choice choice = ChooseDecoder(data, size, 3);
  switch (choice.decoder) {
    case 0: RequireSidecar(choice.bytes); break;
    case 1: RequireSidecar(WithSum(choice.bytes)); break;
    default:
      RequireSameBytes(DecodeAuditRow(AuditKey(Seq(1), Id128{}), choice.bytes), choice.bytes,
                       EncodeAuditRow);
  }
  return 0;
}
