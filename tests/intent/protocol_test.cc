// The five steps while the process lives, and what the next write makes of a failed one.
#include <thread>

#include "tests/intent/intent_fixture.h"

namespace mendfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ProtocolTest : public IntentFixture {};

TEST_F(ProtocolTest, ALoadLeavesOneAuditRowAndNoSidecar) {
  ASSERT_TRUE(Load(Many()).ok());
  EXPECT_THAT(Names("/sidecars"), IsEmpty());
  EXPECT_THAT(Names("/staging"), IsEmpty());
  const auto rows = Audit();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].outcome, AuditOutcome::kPublished);
  EXPECT_EQ(rows[0].actor, "loader");
  EXPECT_EQ(rows[0].message, "the load");
  EXPECT_GT(rows[0].objects, 0u);
  EXPECT_LE(rows[0].seq, summary_.commit.seq);
  EXPECT_FALSE(store_->door().NeedsHeal());
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Audit(), SizeIs(1));
  ExpectClean();
}

TEST_F(ProtocolTest, TheSidecarOwnsEveryObjectBeforeItIsThere) {
  std::vector<std::string> seen;
  CallAtFailpoint(Failpoint::kObjectBeforeRename, [&] {
    const auto listing = SidecarFiles(*disk_, "/store").List();
    const auto sidecar = SidecarFiles(*disk_, "/store").Read(listing->operations.at(0));
    ASSERT_TRUE(sidecar.ok());
    EXPECT_FALSE(sidecar->confirmed());
    EXPECT_EQ(sidecar->note.actor, "loader");
    size_t owned = 0;
    for (const DirEntry& entry : *disk_->List("/store/staging")) {
      if (entry.name.starts_with("load-")) {
        EXPECT_EQ(entry.name, "load-" + ToHex(sidecar->operation));
        continue;
      }
      for (const OwnedObject& object : sidecar->objects) {
        owned += entry.name == "segment-" + ToHex(object.id) ? 1 : 0;
      }
      seen.push_back(entry.name);
    }
    EXPECT_EQ(owned, seen.size());
  });
  ASSERT_TRUE(Load(Many()).ok());
  EXPECT_FALSE(seen.empty());
}

TEST_F(ProtocolTest, ASidecarThatCannotBeWrittenLeavesEverythingAsItWas) {
  const Seq before = store_->LastSeq();
  for (const FailAction action : {FailAction::kError, FailAction::kNoSpace}) {
    ArmFailpoint(Failpoint::kIntentBeforeSidecar, action);
    EXPECT_FALSE(Load(Few()).ok());
    EXPECT_THAT(Names("/sidecars"), IsEmpty());
    EXPECT_THAT(Names("/staging"), IsEmpty());
    EXPECT_EQ(store_->LastSeq(), before);
    EXPECT_THAT(Audit(), IsEmpty());
    EXPECT_EQ(store_->Describe().sidecars_live + store_->Describe().sidecars_left, 0u);
  }
  EXPECT_TRUE(Load(Few()).ok());
}

TEST_F(ProtocolTest, ARefusedLoadLeavesNothingAtAll) {
  const Seq before = store_->LastSeq();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(Load(Many() + R"({"type":"Person","data":{"name":"ann"}})"
                            "\n")
                  .code(),
              Code::kInvalid);
  }
  EXPECT_THAT(Names("/sidecars"), IsEmpty());
  EXPECT_EQ(Segments(), 0u);
  EXPECT_THAT(Audit(), IsEmpty());
  EXPECT_LE(store_->LastSeq().value, before.value + 3);  // reserved row numbers
}

TEST_F(ProtocolTest, AFailedPublishIsFinishedByTheNextWriteWithoutARemount) {
  LeaveConfirmed(Many());
  EXPECT_FALSE(Has("p0"));
  EXPECT_TRUE(store_->door().NeedsHeal());
  const StoreStatus waiting = store_->Describe();
  EXPECT_EQ(waiting.sidecars_left, 1u);
  EXPECT_EQ(waiting.health, Health::kDegraded);
  EXPECT_THAT(waiting.reason, HasSubstr("sidecars/" + ToHex(OnlySidecar())));

  ASSERT_TRUE(Put("cat").ok());
  EXPECT_TRUE(Has("p0"));
  EXPECT_FALSE(store_->door().NeedsHeal());
  EXPECT_EQ(store_->Describe().health, Health::kOk);
  EXPECT_THAT(Names("/sidecars"), IsEmpty());
  EXPECT_THAT(Outcomes(), ElementsAre(AuditOutcome::kRolledForward));
  const auto commits = store_->Log(kMainBranch, kHeadSeq, 1);
  ASSERT_TRUE(commits.ok());
  EXPECT_EQ(commits->at(0).note.actor, "loader");
  EXPECT_EQ(commits->at(0).note.message, "the load");
  EXPECT_EQ(Load(Many()).code(), Code::kInvalid);  // it is there
  ExpectClean();
}

TEST_F(ProtocolTest, EveryKindOfTableWriteFinishesItFirst) {
  const std::function<Status()> writes[] = {
      [&] { return Put("dan"); },
      [&] { return Delete("ben"); },
      [&] { return PutEdge(likes_, "ann", "ben"); },
      [&] {
        return Load(R"({"type":"Person","data":{"name":"eve"}})"
                    "\n");
      },
      [&] { return TableWriter(store_->door(), kMainBranch).AddOpenType("Fresh").status(); },
      [&] {
        return TableWriter(store_->door(), kMainBranch)
            .RenameNode(person_, "ben", "bob", {})
            .status();
      }};
  for (const auto& write : writes) {
    Make();
    LeaveConfirmed(Many());
    const Status done = write();
    EXPECT_TRUE(done.ok()) << done.ToString();
    EXPECT_TRUE(Has("p0"));
    EXPECT_THAT(Names("/sidecars"), IsEmpty());
  }
}

TEST_F(ProtocolTest, AWriteThatCannotBeFinishedKeepsOthersOutAndNamesTheSidecar) {
  LeaveConfirmed(Many());
  ArmFailpoint(Failpoint::kRecoverBeforeDecide, FailAction::kError);
  const Status refused = Put("cat");
  EXPECT_EQ(refused.code(), Code::kRecoveryNeeded);
  EXPECT_THAT(refused.message(), HasSubstr(ToHex(OnlySidecar())));
  EXPECT_FALSE(Has("cat"));
  ASSERT_TRUE(Put("cat").ok());
  EXPECT_TRUE(Has("p0"));
}

TEST_F(ProtocolTest, AFullDiskKeepsNobodyFromDeleting) {
  LeaveConfirmed(Many());
  ArmFailpoint(Failpoint::kRecoverBeforeDecide, FailAction::kNoSpace);
  EXPECT_TRUE(Delete("ben").ok());
  EXPECT_THAT(Names("/sidecars"), SizeIs(1));
  // Nothing that it builds on was deleted.
  ASSERT_TRUE(Put("cat").ok());
  EXPECT_TRUE(Has("p0"));
  EXPECT_FALSE(Has("ben"));
}

TEST_F(ProtocolTest, ASidecarThatCannotBeRemovedCostsTheUserNothing) {
  ArmFailpoint(Failpoint::kIntentAfterFlush, FailAction::kError);
  ASSERT_TRUE(Load(Many()).ok());
  DisarmFailpoints();
  EXPECT_EQ(summary_.nodes, static_cast<uint64_t>(kRows));
  EXPECT_TRUE(Has("p0"));
  EXPECT_THAT(Names("/sidecars"), SizeIs(1));
  EXPECT_EQ(store_->Describe().sidecars_left, 1u);
  const size_t segments = Segments();
  ASSERT_TRUE(Put("cat").ok());
  EXPECT_THAT(Names("/sidecars"), IsEmpty());
  EXPECT_EQ(Segments(), segments);
  EXPECT_THAT(Outcomes(), ElementsAre(AuditOutcome::kPublished));
  ExpectClean();
}

TEST_F(ProtocolTest, AListingThatFailsIsLoudAtAWriteAndNothingIsWritten) {
  LeaveConfirmed(Many());
  disk_->FailCall(1, Code::kIo, CallScope::kAny);  // a heal begins with the listing
  const Status refused = Put("cat");
  disk_->ClearFault();
  EXPECT_EQ(refused.code(), Code::kRecoveryNeeded);
  EXPECT_THAT(refused.message(), HasSubstr("list /store/sidecars"));
  EXPECT_THAT(store_->Describe().reason, HasSubstr("list /store/sidecars"));
  EXPECT_FALSE(Has("cat"));
  ASSERT_TRUE(Put("cat").ok());
  EXPECT_TRUE(Has("p0"));
  EXPECT_EQ(store_->Describe().health, Health::kOk);
}

TEST_F(ProtocolTest, ALiveWritersSidecarIsNobodyElses) {
  LeaveConfirmed(Many());
  // A live one beside it, and a writer who heals while it stands there.
  Sidecar live;
  live.operation = RandomId();
  live.base = store_->LastSeq();
  ASSERT_TRUE(SidecarFiles(*disk_, "/store").Write(live).ok());
  ASSERT_TRUE(store_->intents().Begin(live.operation, live.base).ok());
  ASSERT_TRUE(Put("cat").ok());
  EXPECT_THAT(Names("/sidecars"), ElementsAre(SidecarFiles::NameOf(live.operation)));
  EXPECT_EQ(store_->Describe().sidecars_live, 1u);
}

TEST_F(ProtocolTest, WritersWhoWaitedLookAgain) {
  std::thread writer;
  CallAtFailpoint(Failpoint::kIntentAfterConfirm, [&] {
    // The load holds the gate: this one waits in front of it until the load has failed.
    writer = std::thread([&] { EXPECT_TRUE(Put("p0", R"({"email":"late@x"})").ok()); });
    ArmFailpoint(Failpoint::kJournalBeforeAppend, FailAction::kError);
  });
  EXPECT_EQ(Load(Many()).code(), Code::kRecoveryNeeded);
  writer.join();
  EXPECT_THAT(Names("/sidecars"), IsEmpty());
  EXPECT_THAT(Outcomes(), ElementsAre(AuditOutcome::kRolledForward));
  const auto row = TableReader(store_->reader()).GetNode({}, person_, "p0");
  ASSERT_TRUE(row.ok());
  EXPECT_TRUE(Has("p1"));
  ExpectClean();  // p0 is one row, written twice
}

TEST_F(ProtocolTest, SidecarsAreCounted) {
  for (size_t i = 0; i < Intents::kSidecarsMax; ++i) {
    ASSERT_TRUE(store_->intents().Begin(RandomId(), Seq(1)).ok());
  }
  EXPECT_EQ(Load(Few()).code(), Code::kBusy);
  EXPECT_THAT(Names("/sidecars"), IsEmpty());
}

TEST_F(ProtocolTest, TheJournalStaysFromTheOldestBaseOn) {
  EXPECT_EQ(store_->intents().OldestBase(), kHeadSeq);
  LeaveConfirmed(Few());
  EXPECT_LE(store_->intents().OldestBase(), store_->LastSeq());
  ASSERT_TRUE(Put("cat").ok());
  EXPECT_EQ(store_->intents().OldestBase(), kHeadSeq);
}

TEST_F(ProtocolTest, OnlyTheNewestAuditRowsAreKept) {
  Sidecar sidecar;
  for (uint64_t i = 1; i <= kAuditRowsMax; ++i) {
    Change change;
    sidecar.operation = RandomId();
    sidecar.base = Seq(i);
    change.PutGlobal(AuditKey(sidecar.base, sidecar.operation),
                     EncodeAuditRow(MakeAuditRow(sidecar, AuditOutcome::kDiscarded, "", 1)));
    ASSERT_TRUE(store_->door().Apply(change).ok());
  }
  ASSERT_TRUE(Load(Few()).ok());
  const auto rows = Audit();
  ASSERT_THAT(rows, SizeIs(kAuditRowsMax));
  EXPECT_EQ(rows.front().base, Seq(2));
  EXPECT_EQ(rows.back().outcome, AuditOutcome::kPublished);
}

}  // namespace
}  // namespace mendfs
