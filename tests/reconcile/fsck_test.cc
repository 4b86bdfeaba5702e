// What an offline check tells of a manifest that lost something.
#include "reconcile/check/fsck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "meta/disk/sim_disk.h"
#include "meta/files.h"
#include "meta/manifest/keys.h"
#include "meta/manifest/kv/kv.h"
#include "meta/manifest/state_format.h"
#include "meta/tables.h"

namespace mendfs {
namespace {

using ::testing::HasSubstr;

class FsckTest : public ::testing::Test {
 protected:
  void SetUp() override {
    CreateOptions create;
    create.schema_text = "node P { k: String @key, v: I32? }\nedge E: P -> P {}\n";
    ASSERT_TRUE(Store::Create(disk_, "/store", create).ok());
    auto store = Store::Open(disk_, "/store", {.commit_interval_ms = 0});
    ASSERT_TRUE(store.ok());
    TableWriter tables((*store)->door(), kMainBranch);
    const auto schema = TableReader((*store)->reader()).GetSchema({});
    type_ = (*schema)->nodes[0].id;
    const TypeId edge = (*schema)->edges[0].id;
    for (int i = 0; i < 30; ++i) {
      ASSERT_TRUE(tables.PutNode(type_, "r" + std::to_string(i), "{}", {}).ok());
      ASSERT_TRUE(tables.PutEdge(edge, "r0", "r" + std::to_string(i), 1, "", {}).ok());
      if (i % 10 != 9) continue;
      ASSERT_TRUE((*store)->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).ok());
    }
    // Edges of rows that are gone are counted until they are swept.
    ASSERT_TRUE(tables.DeleteNode(type_, "r7").ok());
  }

  CheckReport Check(const CheckOptions& options = {}) {
    auto report = CheckStore(disk_, "/store", options, {});
    EXPECT_TRUE(report.ok()) << report.status().ToString();
    return report.ok() ? *std::move(report) : CheckReport{};
  }
  std::string Kinds() {
    std::string text;
    for (const Finding& finding : Check().findings) text += finding.kind + " ";
    return text;
  }

  // Behind the store's back.
  void ChangeKv(const std::function<void(Kv&, KvBatch&)>& change) {
    auto kv = OpenLevelDb(disk_, "/store/manifest", {});
    ASSERT_TRUE(kv.ok());
    auto batch = (*kv)->NewBatch();
    change(**kv, *batch);
    ASSERT_TRUE((*kv)->Write(*batch, true).ok());
  }

  SimDisk disk_;
  TypeId type_;
};

TEST_F(FsckTest, AWholeStoreIsClean) {
  EXPECT_EQ(Kinds(), "");
}

TEST_F(FsckTest, AThinnedStoreIsClean) {
  for (int i = 0; i < 2; ++i) {
    auto store = Store::Open(disk_, "/store", {.commit_interval_ms = 0});
    ASSERT_TRUE(store.ok());
    TableWriter tables((*store)->door(), kMainBranch);
    ASSERT_TRUE(tables.PutNode(type_, "r1", "{\"v\":" + std::to_string(i) + "}", {}).ok());
    ASSERT_TRUE((*store)->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).ok());
    const Status thinned = (*store)->Thin(ThinHow::kPressing);
    ASSERT_TRUE(thinned.ok()) << thinned.ToString();
    EXPECT_EQ((*store)->Log(kMainBranch, kHeadSeq, 100)->size(), 1U);
    store = Status(Code::kNotFound, "closed");
    EXPECT_EQ(Kinds(), "");
  }
}

TEST_F(FsckTest, ChangesThatNoCommitHoldsAreCounted) {
  {
    auto store = Store::Open(disk_, "/store", {.commit_interval_ms = 0});
    ASSERT_TRUE(store.ok());
    TableWriter tables((*store)->door(), kMainBranch);
    ASSERT_TRUE(tables.PutNode(type_, "late", "{}", {}).ok());
    ASSERT_TRUE((*store)->Flush().ok());
    disk_.PowerCutDropAll();
  }
  EXPECT_EQ(Kinds(), "");
  EXPECT_TRUE(Check().complete);
}

TEST_F(FsckTest, ADamagedSidecarIsAFindingAndForeignFilesAreOnlyTold) {
  const std::string path = "/store/sidecars/" + std::string(32, 'a') + ".json";
  ASSERT_TRUE(ReplaceFile(disk_, "/store/sidecars/notes", "mine").ok());
  EXPECT_EQ(Kinds(), "");
  EXPECT_EQ(Check().foreign, std::vector<std::string>{"/store/sidecars/notes"});
  ASSERT_TRUE(ReplaceFile(disk_, path, "damaged").ok());
  const CheckReport report = Check();
  ASSERT_EQ(report.findings.size(), 1u);
  EXPECT_EQ(report.findings[0].kind, "sidecar");
  EXPECT_EQ(report.findings[0].subject, path);
}

TEST_F(FsckTest, ALostRowShowsInTheTotals) {
  ChangeKv([&](Kv& kv, KvBatch& batch) {
    // With its derived entry, so that nothing but a count can tell.
    const std::string key = CurrentKey(kMainBranch, RowKey(type_, "r3"));
    ASSERT_TRUE(kv.Get(key).ok());
    batch.Delete(key);
    const auto iterator = kv.Scan();
    const std::string names = CurrentKey(kMainBranch, RowNamePrefix(type_));
    for (iterator->Seek(names); iterator->Valid(); iterator->Next()) {
      if (iterator->value().find("r3") == std::string::npos) continue;
      batch.Delete(iterator->key());
      break;
    }
  });
  const CheckReport report = Check();
  ASSERT_FALSE(report.findings.empty());
  EXPECT_EQ(report.findings.back().kind, "totals");
  EXPECT_THAT(report.findings.back().sentence, HasSubstr("29 nodes"));
  EXPECT_THAT(report.findings.back().sentence, HasSubstr("28 nodes"));
}

TEST_F(FsckTest, AnOlderValueShowsInTheContentSum) {
  ChangeKv([&](Kv& kv, KvBatch& batch) {
    const std::string key = CurrentKey(kMainBranch, RowKey(type_, "r3"));
    std::string value = *kv.Get(key);
    value.replace(value.size() - 2, 2, "{ }");
    batch.Put(key, value);
  });
  EXPECT_THAT(Kinds(), HasSubstr("totals"));
}

TEST_F(FsckTest, AQuotasUseIsCounted) {
  auto store = Store::Open(disk_, "/store", {.commit_interval_ms = 0});
  ASSERT_TRUE(store.ok());
  FileWriter files((*store)->door(), kMainBranch);
  const auto top = files.Make(kFilesRoot, "top", {.mode = S_IFDIR | 0755});
  ASSERT_TRUE(top.ok() && files.SetQuota(top->inode, 1 << 20).ok());
  const auto file = files.Make(top->inode, "f", {.mode = S_IFREG | 0644});
  ASSERT_TRUE(file.ok() && files.Append(file->inode, "bytes").ok());
  store->reset();
  EXPECT_EQ(Kinds(), "");

  store = Store::Open(disk_, "/store", {.commit_interval_ms = 0});
  ASSERT_TRUE(store.ok());
  Quota quota = FileReader((*store)->door()).ListQuotas({})->front();
  EXPECT_EQ(quota.used_bytes, 4096U + 512U);
  quota.used_bytes -= 512;
  Change change;
  change.Put(QuotaKey(quota.id), EncodeQuota(quota));
  ASSERT_TRUE((*store)->door().Apply(change).ok());
  store->reset();
  EXPECT_EQ(Kinds(), "quota-use ");
}

TEST_F(FsckTest, AFoldThatIsGoneIsNamed) {
  ChangeKv([&](Kv&, KvBatch& batch) { batch.Delete(FoldRowKey(2)); });
  const CheckReport report = Check();
  ASSERT_FALSE(report.findings.empty());
  EXPECT_EQ(report.findings.front().kind, "manifest");
  EXPECT_THAT(report.findings.front().sentence, HasSubstr("fold 2 is missing"));
  const auto refused = Store::Open(disk_, "/store", {.commit_interval_ms = 0});
  EXPECT_EQ(refused.status().code(), Code::kCorruption);
  EXPECT_THAT(refused.status().message(), HasSubstr("-o ro"));
  const auto readable = Store::Open(disk_, "/store", {.access = OpenAccess::kReadOnly});
  ASSERT_TRUE(readable.ok());
  EXPECT_EQ((*readable)->Describe().health, Health::kFailed);
}

TEST_F(FsckTest, DamageToLevelDbsLogIsNamedUntilAWriterHasMendedIt) {
  std::string log;
  for (const DirEntry& entry : *disk_.List("/store/manifest")) {
    if (entry.name.find(".log") != std::string::npos) log = "/store/manifest/" + entry.name;
  }
  ASSERT_TRUE(disk_.FlipBit(log, 100, 3).ok());
  const CheckReport report = Check();
  ASSERT_EQ(report.finding_count, 1u);
  EXPECT_EQ(report.findings.front().kind, "manifest");
  EXPECT_THAT(report.findings.front().sentence, HasSubstr(log));
  EXPECT_EQ(report.nodes, 29u);
  { ASSERT_TRUE(Store::Open(disk_, "/store", {.commit_interval_ms = 0}).ok()); }
  EXPECT_EQ(Kinds(), "");
}

TEST_F(FsckTest, AFlippedBitInAPackIsFoundWhenBytesAreRead) {
  std::string bytes(300'000, 'x');
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 2654435761U >> 11);
  auto store = Store::Open(disk_, "/store", {.commit_interval_ms = 0});
  ASSERT_TRUE(store.ok());
  FileWriter files((*store)->door(), kMainBranch);
  const auto top = files.Make(kFilesRoot, "top", {.mode = S_IFDIR | 0755});
  const auto deep = files.Make(top->inode, "deep", {.mode = S_IFDIR | 0755});
  const auto file = files.Make(deep->inode, "f", {.mode = S_IFREG | 0644});
  ASSERT_TRUE(file.ok() && files.Append(file->inode, bytes).ok());
  store->reset();

  CheckReport report = Check({.data = true});
  EXPECT_EQ(report.finding_count, 0U);
  EXPECT_TRUE(report.data_read);
  EXPECT_EQ(report.data_bytes, bytes.size());

  std::string pack;
  for (const DirEntry& entry : *disk_.List("/store/objects/pack")) {
    const std::string below = "/store/objects/pack/" + entry.name;
    for (const DirEntry& object : *disk_.List(below)) pack = below + "/" + object.name;
  }
  const std::string raw = *ReadWholeFile(disk_, pack, 1 << 20);
  ASSERT_TRUE(disk_.FlipBit(pack, raw.find(bytes.substr(0, 100)) + 70'000, 3).ok());

  report = Check();
  EXPECT_EQ(report.finding_count, 0U);
  EXPECT_FALSE(report.data_read);

  report = Check({.data = true});
  ASSERT_EQ(report.finding_count, 1U);
  EXPECT_TRUE(report.data_read);
  const Finding& finding = report.findings.front();
  EXPECT_EQ(finding.kind, "damaged-bytes");
  EXPECT_EQ(finding.subject, "inode " + std::to_string(file->inode.value) +
                                 ", files/top/deep/f, bytes [65536, 131072)");
  EXPECT_THAT(finding.sentence, HasSubstr("65536 bytes cannot be read"));
  EXPECT_THAT(finding.sentence, HasSubstr(pack.substr(pack.rfind('/') + 1).substr(0, 32)));

  report = Check({.findings_max = 0, .data = true});
  EXPECT_EQ(report.finding_count, 1U);
  EXPECT_TRUE(report.findings.empty());
}

TEST_F(FsckTest, ABlobsMetaIsMissedAndItsBytesAreRead) {
  auto store = Store::Open(disk_, "/store", {.commit_interval_ms = 0});
  ASSERT_TRUE(store.ok());
  FileWriter files((*store)->door(), kMainBranch);
  for (const char* name : {"one", "two"}) {
    const auto file = files.Make(kFilesRoot, name, {.mode = S_IFREG | 0644});
    ASSERT_TRUE(file.ok() && files.Append(file->inode, std::string(2 << 20, *name)).ok());
  }
  store->reset();
  EXPECT_EQ(Check({.data = true}).finding_count, 0U);

  std::string blob;
  for (const DirEntry& entry : *disk_.List("/store/objects/blob")) {
    const std::string below = "/store/objects/blob/" + entry.name;
    blob = below + "/" + disk_.List(below)->front().name;
  }
  const std::string meta = *ReadWholeFile(disk_, blob + ".meta", 1 << 20);
  const auto only_the_meta = [&](const char* word) {
    const CheckReport report = Check({.data = true});
    ASSERT_EQ(report.finding_count, 1U);
    EXPECT_EQ(report.findings[0].kind, "damaged");
    EXPECT_EQ(report.findings[0].subject, "blob " + blob);
    EXPECT_THAT(report.findings[0].sentence, HasSubstr(word));
  };
  ASSERT_TRUE(disk_.FlipBit(blob + ".meta", 3, 3).ok());
  only_the_meta("fingerprint");
  ASSERT_TRUE(disk_.Open(blob + ".meta", OpenMode::kReadWrite).value()->Truncate(20).ok());
  only_the_meta("shorter");
  ASSERT_TRUE(disk_.Remove(blob + ".meta").ok());
  only_the_meta("missing");
  ASSERT_TRUE(disk_.MakeDir(blob + ".meta").ok());
  only_the_meta("no regular file");
  ASSERT_TRUE(disk_.RemoveDir(blob + ".meta").ok());
  ASSERT_TRUE(ReplaceFile(disk_, blob + ".meta", meta).ok());
  EXPECT_EQ(Check({.data = true}).finding_count, 0U);

  // The blob itself: each run that lies behind what is left of it is missed.
  ASSERT_TRUE(disk_.Open(blob, OpenMode::kReadWrite).value()->Truncate(2 << 19).ok());
  const CheckReport report = Check();
  EXPECT_EQ(report.findings.front().kind, "damaged");
  EXPECT_EQ(report.findings.back().kind, "missing-bytes");
  EXPECT_EQ(report.finding_count, 1U + 2U);
}

}  // namespace
}  // namespace mendfs
