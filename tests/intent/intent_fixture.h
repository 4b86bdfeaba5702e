// A store with people in it on the simulated disk, and a load whose failures and crashes are looked
// at: what is there afterwards, what is left on disk, what the audit says.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "meta/base/failpoint.h"
#include "meta/bulk.h"
#include "meta/codec/hash.h"
#include "meta/commit/intent/audit_rows.h"
#include "meta/commit/intent/sidecar_files.h"
#include "meta/commit/intents.h"
#include "meta/disk/sim_disk.h"
#include "meta/manifest/keys.h"
#include "meta/tables.h"
#include "reconcile/check/fsck.h"
#include "tests/intent/mortal_disk.h"

namespace mendfs {

class IntentFixture : public ::testing::Test {
 protected:
  static constexpr char kSchema[] =
      "node Person { name: String @key, email: String? @unique, bio: String? }\n"
      "node Place { name: String @key }\n"
      "edge Knows: Person -> Person @card(0..2) {}\n"
      "edge Likes: Person -> Person {}\n";
  static constexpr int kRows = 6000;  // enough for segments

  void SetUp() override { Make(); }
  void TearDown() override { DisarmFailpoints(); }

  // A new store with two people, who are acknowledged as durable.
  void Make() {
    store_.reset();
    process_.reset();
    disk_ = std::make_unique<SimDisk>();
    process_ = std::make_unique<MortalDisk>(*disk_);
    ASSERT_TRUE(Store::Create(*disk_, "/store", {.schema_text = kSchema}).ok());
    ASSERT_TRUE(Open().ok());
    const auto schema = TableReader(store_->reader()).GetSchema({});
    ASSERT_TRUE(schema.ok());
    person_ = (*schema)->FindNode("Person")->id;
    place_ = (*schema)->FindNode("Place")->id;
    knows_ = (*schema)->FindEdge("Knows")->id;
    likes_ = (*schema)->FindEdge("Likes")->id;
    ASSERT_TRUE(Put("ann").ok());
    ASSERT_TRUE(Put("ben").ok());
    ASSERT_TRUE(store_->Flush().ok());
  }

  Status Open(OpenAccess access = OpenAccess::kReadWrite) {
    store_.reset();
    auto store = Store::Open(*process_, "/store", {.access = access, .commit_interval_ms = 0});
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    return Status::Ok();
  }
  Status Put(const std::string& name, const std::string& body = "{}") {
    return TableWriter(store_->door(), kMainBranch).PutNode(person_, name, body, {}).status();
  }
  Status PutEdge(TypeId type, const std::string& source, const std::string& target) {
    return TableWriter(store_->door(), kMainBranch)
        .PutEdge(type, source, target, 1, "", {})
        .status();
  }
  Status Delete(const std::string& name) {
    return TableWriter(store_->door(), kMainBranch).DeleteNode(person_, name).status();
  }
  bool Has(const std::string& name) {
    return TableReader(store_->reader()).GetNode({}, person_, name).ok();
  }

  Status Load(const std::string& text,
              const CommitNote& note = {"loader", "the load", Origin::kUser},
              LoadMode mode = LoadMode::kAppend) {
    auto loader = Loader::Begin(*store_, {.mode = mode, .note = note, .memory_bytes = 256 << 10});
    if (!loader.ok()) return loader.status();
    const Status added = (*loader)->Add("rows.jsonl", text);
    if (!added.ok()) return added;
    return (*loader)->Finish({}, summary_);
  }
  // kRows people, and ann likes the first of them.
  static std::string Many(const std::string& prefix = "p") {
    std::string text;
    for (int i = 0; i < kRows; ++i) {
      text += R"({"type":"Person","data":{"name":")" + prefix + std::to_string(i) + "\"}}\n";
    }
    return text + R"({"edge":"Likes","from":"ann","to":")" + prefix + "0\"}\n";
  }
  // One person with an email and one edge of each type.
  static std::string Few() {
    return R"({"type":"Person","data":{"name":"few","email":"few@x"}})"
           "\n"
           R"({"edge":"Knows","from":"ann","to":"few"})"
           "\n"
           R"({"edge":"Likes","from":"few","to":"ben"})"
           "\n";
  }
  // The load is confirmed, its writer fails before it publishes.
  void LeaveConfirmed(const std::string& text, LoadMode mode = LoadMode::kAppend) {
    ArmFailpoint(Failpoint::kIntentAfterConfirm, FailAction::kError);
    EXPECT_EQ(Load(text, {"loader", "the load", Origin::kUser}, mode).code(),
              Code::kRecoveryNeeded);
    DisarmFailpoints();
  }

  std::vector<std::string> Names(const std::string& directory) {
    std::vector<std::string> names;
    const auto entries = disk_->List("/store" + directory);
    EXPECT_TRUE(entries.ok()) << entries.status().ToString();
    if (entries.ok()) {
      for (const DirEntry& entry : *entries) names.push_back(entry.name);
    }
    return names;
  }
  size_t Segments() {
    size_t count = 0;
    const auto directories = disk_->List("/store/objects/segment");
    if (!directories.ok()) return 0;
    for (const DirEntry& entry : *directories)
      count += Names("/objects/segment/" + entry.name).size();
    return count;
  }
  std::vector<AuditRow> Audit() {
    auto rows = ReadAuditRows(store_->reader());
    EXPECT_TRUE(rows.ok()) << rows.status().ToString();
    return rows.ok() ? *std::move(rows) : std::vector<AuditRow>{};
  }
  std::vector<AuditOutcome> Outcomes() {
    std::vector<AuditOutcome> outcomes;
    for (const AuditRow& row : Audit()) outcomes.push_back(row.outcome);
    return outcomes;
  }
  Id128 OnlySidecar() {
    const auto listing = SidecarFiles(*disk_, "/store").List();
    EXPECT_TRUE(listing.ok() && listing->operations.size() == 1);
    return listing->operations.at(0);
  }
  // The only sidecar, changed behind everybody's back.
  void ChangeSidecar(const std::function<void(Sidecar&)>& change) {
    SidecarFiles files(*disk_, "/store");
    auto sidecar = files.Read(OnlySidecar());
    ASSERT_TRUE(sidecar.ok()) << sidecar.status().ToString();
    change(*sidecar);
    ASSERT_TRUE(files.Write(*sidecar).ok());
  }
  // Of a closed store.
  void ExpectClean() {
    store_.reset();
    const auto report = CheckStore(*disk_, "/store", {.data = true}, {});
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    for (const Finding& finding : report->findings) {
      ADD_FAILURE() << finding.kind << " " << finding.subject << ": " << finding.sentence;
    }
    EXPECT_TRUE(report->complete);
  }

  std::unique_ptr<SimDisk> disk_;
  std::unique_ptr<MortalDisk> process_;  // what the store sees of it
  std::unique_ptr<Store> store_;
  LoadSummary summary_;
  TypeId person_, place_, knows_, likes_;
};

}  // namespace mendfs
