// The bytes of sidecars and audit rows: golden, and what is not ours refused.
#include "meta/commit/intent/sidecar_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "meta/codec/hash.h"
#include "meta/commit/intent/audit_rows.h"
#include "meta/manifest/keys.h"

namespace mendfs {
namespace {

using ::testing::HasSubstr;

Id128 IdOf(uint8_t byte) {
  Id128 id;
  id.bytes.fill(byte);
  return id;
}

Sidecar Intent() {
  Sidecar sidecar;
  sidecar.operation = IdOf(0x11);
  sidecar.incarnation = IdOf(0x22);
  sidecar.base = Seq(77);
  sidecar.begun_ns = 1'700'000'000'000'000'001;
  sidecar.note = {"uid:1000", "load \"2\" rows", Origin::kUser};
  sidecar.objects = {{ObjectKind::kSegment, IdOf(0x33)}, {ObjectKind::kSegment, IdOf(0x44)}};
  return sidecar;
}

Sidecar Confirmed() {
  Sidecar sidecar = Intent();
  sidecar.note.time_ns = 1'700'000'000'000'000'002;
  IntentPlan plan;
  plan.change.PutFresh("key", "value");
  plan.bounded = {TypeId(9)};
  plan.unique = {{TypeId(3), PropertyId(4)}};
  sidecar.plan = std::move(plan);
  return sidecar;
}

constexpr char kGoldenIntent[] =
    "{\"mendfs\":\"sidecar\",\"format_version\":1,\"checksum\":"
    "\"fe67b81ee1a2c39a4c826760da5d6fd7\",\n"
    "\"operation\":\"11111111111111111111111111111111\",\"kind\":\"load\",\"phase\":\"intent\","
    "\"branch\":1,\"incarnation\":\"22222222222222222222222222222222\",\"base\":77,"
    "\"begun_ns\":1700000000000000001,\"commit\":{\"actor\":\"uid:1000\","
    "\"message\":\"load \\\"2\\\" rows\",\"origin\":0,\"time_ns\":0},"
    "\"objects\":[\"segment-33333333333333333333333333333333\","
    "\"segment-44444444444444444444444444444444\"]}\n";
constexpr char kGoldenConfirmed[] =
    "{\"mendfs\":\"sidecar\",\"format_version\":1,\"checksum\":"
    "\"2278c89f3a09168d720fde3efe53b120\",\n"
    "\"operation\":\"11111111111111111111111111111111\",\"kind\":\"load\","
    "\"phase\":\"confirmed\","
    "\"branch\":1,\"incarnation\":\"22222222222222222222222222222222\",\"base\":77,"
    "\"begun_ns\":1700000000000000001,\"commit\":{\"actor\":\"uid:1000\","
    "\"message\":\"load \\\"2\\\" rows\",\"origin\":0,\"time_ns\":1700000000000000002},"
    "\"objects\":[\"segment-33333333333333333333333333333333\","
    "\"segment-44444444444444444444444444444444\"],"
    "\"plan\":{\"bounded\":[9],\"unique\":[[3,4]],"
    "\"change\":\"010104036b65790576616c7565\"}}\n";

TEST(SidecarFormatTest, GoldenSidecars) {
  EXPECT_EQ(*EncodeSidecar(Intent()), kGoldenIntent);
  EXPECT_EQ(*EncodeSidecar(Confirmed()), kGoldenConfirmed);
  const auto read = DecodeSidecar(kGoldenConfirmed);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->operation, IdOf(0x11));
  EXPECT_EQ(read->note.message, "load \"2\" rows");
  EXPECT_EQ(read->note.time_ns, 1'700'000'000'000'000'002);
  ASSERT_TRUE(read->confirmed());
  EXPECT_EQ(read->plan->change.entries.at(0).value, "value");
  EXPECT_TRUE(read->plan->change.entries.at(0).fresh);
  EXPECT_EQ(read->plan->unique, Confirmed().plan->unique);
  EXPECT_FALSE(DecodeSidecar(kGoldenIntent)->confirmed());
}

TEST(SidecarFormatTest, APlanWithWholeTypesIsVersion2) {
  Sidecar sidecar = Confirmed();
  sidecar.plan->whole = {TypeId(5), TypeId(6)};
  const std::string bytes = *EncodeSidecar(sidecar);
  EXPECT_THAT(bytes, HasSubstr("\"format_version\":2,"));
  EXPECT_THAT(bytes, HasSubstr("\"change\":\"010104036b65790576616c7565\",\"whole\":[5,6]}}"));
  const auto read = DecodeSidecar(bytes);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->plan->whole, sidecar.plan->whole);
  // One spelling: an empty list is not written, and version 1 has none.
  std::string older = bytes;
  older.replace(older.find("\"format_version\":2"), 18, "\"format_version\":1");
  EXPECT_EQ(DecodeSidecar(older).status().code(), Code::kCorruption);
}

TEST(SidecarFormatTest, ASchemaApplyIsVersion3) {
  Sidecar sidecar = Confirmed();
  sidecar.kind = IntentKind::kSchema;
  sidecar.plan->whole = {TypeId(5)};
  const std::string bytes = *EncodeSidecar(sidecar);
  EXPECT_THAT(bytes, HasSubstr("\"format_version\":3,"));
  EXPECT_THAT(bytes, HasSubstr("\"kind\":\"schema apply\","));
  const auto read = DecodeSidecar(bytes);
  ASSERT_TRUE(read.ok()) << read.status().ToString();
  EXPECT_EQ(read->kind, IntentKind::kSchema);
  EXPECT_EQ(read->plan->whole, sidecar.plan->whole);
  AuditRow row = MakeAuditRow(*read, AuditOutcome::kPublished, "", 7);
  EXPECT_EQ(EncodeAuditRow(row).substr(0, 3), std::string("\2\2\1"));
  const auto decoded = DecodeAuditRow(AuditKey(row.base, row.operation), EncodeAuditRow(row));
  ASSERT_TRUE(decoded.ok()) << decoded.status().ToString();
  EXPECT_EQ(decoded->kind, IntentKind::kSchema);
}

TEST(SidecarFormatTest, EveryBitAndEveryEndCounts) {
  const std::string whole = *EncodeSidecar(Confirmed());
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string damaged = whole;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(DecodeSidecar(damaged).ok()) << bit;
  }
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(DecodeSidecar(whole.substr(0, size)).status().code(), Code::kCorruption) << size;
  }
  EXPECT_FALSE(DecodeSidecar(whole + "\n").ok());
}

TEST(SidecarFormatTest, ANewerOneIsNewerWhateverItHolds) {
  const auto read = DecodeSidecar("{\"mendfs\":\"sidecar\",\"format_version\":4,\"x\":[]}");
  EXPECT_EQ(read.status().code(), Code::kUnsupported);
  EXPECT_THAT(read.status().message(), HasSubstr("format 4"));
}

TEST(SidecarFormatTest, ValidSumsOverOtherThingsAreRefused) {
  for (const std::string& body :
       {std::string("}\n"), std::string("\"operation\":1}\n"), std::string("[\n"),
        std::string(kGoldenIntent).substr(std::string(kGoldenIntent).find('\n') + 2)}) {
    const std::string text = "{\"mendfs\":\"sidecar\",\"format_version\":1,\"checksum\":\"" +
                             ToHex(HashXxh3Wide(body)) + "\",\n" + body;
    EXPECT_EQ(DecodeSidecar(text).status().code(), Code::kCorruption) << body;
  }
}

TEST(SidecarFormatTest, SizesAreBounded) {
  Sidecar many = Intent();
  many.objects.assign(kSidecarObjectsMax + 1, {ObjectKind::kSegment, IdOf(1)});
  EXPECT_EQ(EncodeSidecar(many).status().code(), Code::kTooBig);
  Sidecar big = Confirmed();
  big.plan->change.Put("k", std::string(kSidecarBytesMax / 2, 'v'));
  EXPECT_EQ(EncodeSidecar(big).status().code(), Code::kTooBig);
}

TEST(AuditRowTest, GoldenRow) {
  AuditRow row = MakeAuditRow(Intent(), AuditOutcome::kDiscarded, "why", 5);
  const std::string key = AuditKey(row.base, row.operation);
  EXPECT_EQ(ToHex(key), "61000000000000004d11111111111111111111111111111111");
  const std::string value = EncodeAuditRow(row);
  EXPECT_EQ(ToHex(value),
            "01010300010000002222222222222222222222222222222201002a36fe9c97170500000000000000020872"
            "65636f766572790d6c6f61642022322220726f777303776879");
  const auto read = DecodeAuditRow(key, value);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->actor, "recovery");
  EXPECT_EQ(read->reason, "why");
  EXPECT_EQ(read->base, Seq(77));
  EXPECT_EQ(EncodeAuditRow(*read), value);
  for (size_t size = 0; size < value.size(); ++size) {
    EXPECT_FALSE(DecodeAuditRow(key, value.substr(0, size)).ok());
  }
  EXPECT_FALSE(DecodeAuditRow("a", value).ok());
  EXPECT_EQ(DecodeAuditRow(key, "\x03" + value.substr(1)).status().code(), Code::kUnsupported);
}

}  // namespace
}  // namespace mendfs
