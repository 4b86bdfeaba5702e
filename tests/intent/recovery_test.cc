// What an open makes of sidecars that it finds, and of things that are none.
#include "tests/intent/intent_fixture.h"

namespace mendfs {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

class RecoveryTest : public IntentFixture {
 protected:
  // The process dies with a confirmed load.
  void DieConfirmed(const std::string& text) {
    LeaveConfirmed(text);
    store_.reset();
  }
  // Somebody changes rows without asking what waits, as no writer of this program does.
  void ChangeBehind(const std::function<void(Change&)>& fill) {
    Change change;
    fill(change);
    ASSERT_TRUE(store_->door().Apply(change).ok());
    ASSERT_TRUE(store_->Flush().ok());
  }
  void WriteRaw(const std::string& path, const std::string& bytes) {
    ASSERT_TRUE(ReplaceFile(*disk_, "/store" + path, bytes).ok());
  }
  std::string ReadRaw(const std::string& path) {
    auto bytes = ReadWholeFile(*disk_, "/store" + path, 1 << 26);
    return bytes.ok() ? *std::move(bytes) : "";
  }
};

TEST_F(RecoveryTest, AConfirmedLoadIsFinishedWithItsOwnActorAndTime) {
  LeaveConfirmed(Many());
  const auto sidecar = SidecarFiles(*disk_, "/store").Read(OnlySidecar());
  ASSERT_TRUE(sidecar.ok());
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(Has("p0"));
  EXPECT_THAT(Names("/sidecars"), IsEmpty());
  EXPECT_THAT(Outcomes(), ElementsAre(AuditOutcome::kRolledForward));
  const auto commits = store_->Log(kMainBranch, kHeadSeq, 1);
  ASSERT_TRUE(commits.ok());
  EXPECT_EQ(commits->at(0).note.actor, "loader");
  EXPECT_EQ(commits->at(0).note.message, "the load");
  EXPECT_EQ(commits->at(0).time_ns, sidecar->note.time_ns);
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Audit(), SizeIs(1));
  ExpectClean();
}

TEST_F(RecoveryTest, AnIntentIsDiscardedWithAllThatItOwns) {
  CallAtFailpoint(Failpoint::kIntentBeforeConfirm, [&] { process_->Die(); });
  EXPECT_FALSE(Load(Many()).ok());
  store_.reset();
  process_->Revive();
  EXPECT_GT(Segments(), 0u);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Segments(), 0u);
  EXPECT_THAT(Names("/sidecars"), IsEmpty());
  EXPECT_THAT(Names("/staging"), IsEmpty());
  const auto rows = Audit();
  ASSERT_THAT(rows, SizeIs(1));
  EXPECT_EQ(rows[0].outcome, AuditOutcome::kDiscarded);
  EXPECT_EQ(rows[0].actor, "recovery");
  EXPECT_TRUE(Load(Many()).ok());
  ExpectClean();
}

TEST_F(RecoveryTest, AReadOnlyOpenChangesNothingAndTellsWhatWaits) {
  DieConfirmed(Many());
  const std::string name = Names("/sidecars").at(0);
  const std::string bytes = ReadRaw("/sidecars/" + name);
  const uint64_t calls = disk_->mutating_calls();
  ASSERT_TRUE(Open(OpenAccess::kReadOnly).ok());
  EXPECT_FALSE(Has("p0"));
  EXPECT_EQ(store_->Describe().sidecars_left, 1u);
  EXPECT_EQ(store_->Describe().health, Health::kDegraded);
  store_.reset();
  EXPECT_EQ(disk_->mutating_calls(), calls);
  EXPECT_EQ(ReadRaw("/sidecars/" + name), bytes);
}

TEST_F(RecoveryTest, ADisjointWinnerStaysAndTheLoadComesOnTop) {
  LeaveConfirmed(Few());
  ChangeBehind([&](Change& change) { change.Put(RowKey(place_, "oslo"), "not looked at"); });
  ChangeBehind([&](Change& change) {
    change.PutFresh(EdgeKey(likes_, {InodeNumber(9000), InodeNumber(9001), 1}), "other ends");
  });
  // Counted edges of another source.
  ChangeBehind([&](Change& change) {
    change.PutFresh(EdgeKey(knows_, {InodeNumber(9000), InodeNumber(9001), 1}), "");
  });
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(Has("few"));
  EXPECT_THAT(Outcomes(), ElementsAre(AuditOutcome::kRolledForward));
}

// Everything that a plan reads or writes, changed by somebody else in turn.
TEST_F(RecoveryTest, AForeignWinnerOnWhatThePlanTouchesFailsClosed) {
  const auto number = [&](const std::string& name) {
    return TableReader(store_->reader()).GetNode({}, person_, name)->row;
  };
  struct Case {
    const char* what;
    std::function<void(Change&)> fill;
  };
  const Case cases[] = {
      {"the key", [&](Change& change) { change.PutFresh(RowKey(person_, "few"), "foreign"); }},
      {"an end", [&](Change& change) { change.Clear(RowNameKey(person_, number("ben"))); }},
      {"an end with edges",
       [&](Change& change) { change.Put(DeadRowKey(person_, number("ben")), ""); }},
      {"a counted source",
       [&](Change& change) {
         change.PutFresh(EdgeKey(knows_, {number("ann"), number("ben"), 1}), "");
       }},
      {"the schema", [&](Change& change) { change.Put(SchemaKey(), "later"); }},
      {"a bulk write", [&](Change& change) { change.Clear(SegmentKey(person_, RandomId())); }},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    for (const bool large : {false, true}) {
      Make();
      std::string text = Few();
      if (large) text += Many();
      LeaveConfirmed(text);
      ChangeBehind(one.fill);
      // No row is judged: only what recovery does with the sidecar counts here.
      const Status opened = Open();
      ASSERT_TRUE(opened.ok()) << opened.ToString();
      EXPECT_THAT(Names("/sidecars"), IsEmpty());
      EXPECT_EQ(Segments(), 0u);
      const auto rows = Audit();
      ASSERT_THAT(rows, SizeIs(1));
      EXPECT_EQ(rows[0].outcome, AuditOutcome::kDiscarded);
      EXPECT_THAT(rows[0].reason, HasSubstr("was changed since it began"));
    }
  }
}

// A replace leaves nothing of its types but what it brings: a new row or edge of one touches it,
// and so does an edge of any type to a row that it takes away.
TEST_F(RecoveryTest, WhatAReplaceDoesNotKnowFailsClosed) {
  const auto number = [&](const std::string& name) {
    return TableReader(store_->reader()).GetNode({}, person_, name)->row;
  };
  struct Case {
    const char* what;
    bool touches;
    std::function<void(Change&)> fill;
  };
  const Case cases[] = {
      {"a row", true, [&](Change& change) { change.PutFresh(RowKey(person_, "eve"), "foreign"); }},
      {"an edge of the type", true,
       [&](Change& change) {
         change.PutFresh(EdgeKey(knows_, {InodeNumber(9000), InodeNumber(9001), 1}), "");
       }},
      {"an edge to a row that goes", true,
       [&](Change& change) {
         change.PutFresh(EdgeKey(likes_, {number("ann"), number("ben"), 1}), "");
       }},
      {"another type", false,
       [&](Change& change) { change.PutFresh(RowKey(place_, "oslo"), "not looked at"); }},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    for (const bool large : {false, true}) {
      Make();
      std::string text = R"({"type":"Person","data":{"name":"ann"}})"
                         "\n"
                         R"({"edge":"Knows","from":"ann","to":"ann"})"
                         "\n";
      if (large) text += Many();
      LeaveConfirmed(text, LoadMode::kReplace);
      ChangeBehind(one.fill);
      ASSERT_TRUE(Open().ok());
      EXPECT_EQ(Has("ben"), one.touches);
      EXPECT_THAT(Outcomes(), ElementsAre(one.touches ? AuditOutcome::kDiscarded
                                                      : AuditOutcome::kRolledForward));
    }
  }
}

TEST_F(RecoveryTest, AUniqueValueThatWasTakenFailsClosedAndAnotherDoesNot) {
  for (const bool same : {false, true}) {
    Make();
    ASSERT_TRUE(Put("cat", same ? R"({"email":"few@x"})" : R"({"email":"cat@x"})").ok());
    // The index entry as it is, but brought after the plan's base.
    std::string key;
    const auto schema = TableReader(store_->reader()).GetSchema({});
    PropertyId email;
    for (const Property& property : (*schema)->FindNode(person_)->properties) {
      if (property.name == "email") email = property.id;
    }
    auto cursor = store_->reader().Scan({}, PrefixRange(IndexPrefix(person_, email)));
    ASSERT_TRUE(cursor->Valid());
    key = cursor->key();
    cursor.reset();
    ASSERT_TRUE(Delete("cat").ok());
    LeaveConfirmed(Few());
    ChangeBehind([&](Change& change) { change.Put(key, ""); });
    ASSERT_TRUE(Open().ok());
    EXPECT_THAT(Outcomes(),
                ElementsAre(same ? AuditOutcome::kDiscarded : AuditOutcome::kRolledForward));
  }
}

TEST_F(RecoveryTest, ADiscardDoesNotDriftWhenItIsRepeated) {
  LeaveConfirmed(Few());
  ChangeBehind([&](Change& change) { change.PutFresh(RowKey(person_, "few"), "foreign"); });
  for (int i = 0; i < 5; ++i) {
    ArmFailpoint(i == 0 ? Failpoint::kRecoverAfterAudit : Failpoint::kRecoverAfterObjects,
                 FailAction::kError);
    EXPECT_FALSE(Open().ok());
    DisarmFailpoints();
    EXPECT_THAT(Names("/sidecars"), SizeIs(1));
  }
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Outcomes(), ElementsAre(AuditOutcome::kDiscarded));
}

TEST_F(RecoveryTest, SeveralSidecarsAreEachJudgedByWhatIsThereThen) {
  SidecarFiles files(*disk_, "/store");
  LeaveConfirmed(Few());
  const auto first = files.Read(OnlySidecar());
  ASSERT_TRUE(first.ok());
  // The same once more, under other ids: what the first brings is in its way. And one that is not.
  Sidecar second = *first;
  second.operation = RandomId();
  second.base = Seq(second.base.value + 1);
  ASSERT_TRUE(files.Write(second).ok());
  Sidecar third = second;
  third.operation = RandomId();
  third.plan->change.entries.clear();
  third.plan->change.Put(RowKey(place_, "oslo"), "disjoint");
  ASSERT_TRUE(files.Write(third).ok());
  ASSERT_TRUE(Put("ann", "{}").code() == Code::kRecoveryNeeded);  // the second cannot be finished
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Names("/sidecars"), IsEmpty());
  EXPECT_THAT(Outcomes(),
              UnorderedElementsAre(AuditOutcome::kRolledForward, AuditOutcome::kDiscarded,
                                   AuditOutcome::kRolledForward));
  EXPECT_TRUE(Has("few"));
}

TEST_F(RecoveryTest, ADeletedBranchIsAuditedAndDiscardedOnce) {
  for (const bool recreated : {false, true}) {
    Make();
    LeaveConfirmed(Many());
    ChangeSidecar([&](Sidecar& sidecar) {
      if (recreated) {
        sidecar.incarnation = RandomId();
      } else {
        sidecar.branch = BranchId(7);
      }
    });
    ArmFailpoint(Failpoint::kIntentAfterFlush, FailAction::kError);
    EXPECT_FALSE(Open().ok());
    DisarmFailpoints();
    ASSERT_TRUE(Open().ok());
    EXPECT_THAT(Names("/sidecars"), IsEmpty());
    EXPECT_EQ(Segments(), 0u);
    EXPECT_FALSE(Has("p0"));
    EXPECT_THAT(Outcomes(), ElementsAre(AuditOutcome::kBranchGone));
    ExpectClean();
  }
}

TEST_F(RecoveryTest, ADamagedOrNewerSidecarIsRefusedAndKeptByteForByte) {
  DieConfirmed(Many());
  const std::string path = "/sidecars/" + Names("/sidecars").at(0);
  const std::string whole = ReadRaw(path);
  std::string flipped = whole;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
  std::string newer = whole;
  newer.replace(newer.find("\"format_version\":1"), 18, "\"format_version\":9");
  for (const std::string& bytes : {flipped, newer, whole.substr(0, 40), std::string()}) {
    WriteRaw(path, bytes);
    const size_t segments = Segments();
    for (int i = 0; i < 2; ++i) {
      const Status refused = Open();
      EXPECT_EQ(refused.code(), Code::kRecoveryNeeded);
      EXPECT_THAT(refused.message(), HasSubstr("/store" + path));
      EXPECT_THAT(refused.message(), HasSubstr("-o ro"));
    }
    EXPECT_EQ(ReadRaw(path), bytes);
    EXPECT_EQ(Segments(), segments);
    ASSERT_TRUE(Open(OpenAccess::kReadOnly).ok());
    EXPECT_TRUE(Has("ann"));
    EXPECT_EQ(store_->Describe().health, Health::kDegraded);
    store_.reset();
    const auto report = CheckStore(*disk_, "/store", {}, {});
    ASSERT_TRUE(report.ok());
    EXPECT_GT(report->finding_count, 0u);
  }
  WriteRaw(path, whole);
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(Has("p0"));
}

TEST_F(RecoveryTest, AnObjectThatIsNotWholeIsNeverPublished) {
  DieConfirmed(Many());
  const auto sidecar = SidecarFiles(*disk_, "/store").Read(OnlySidecar());
  ASSERT_TRUE(sidecar.ok());
  const ObjectStore objects(*disk_, "/store");
  const std::string path = objects.PathOf(ObjectKind::kSegment, sidecar->objects.at(0).id);
  ASSERT_TRUE(disk_->Rename(path, path + ".away").ok());
  const Status refused = Open();
  EXPECT_EQ(refused.code(), Code::kRecoveryNeeded);
  EXPECT_THAT(refused.message(), HasSubstr(ToHex(sidecar->operation)));
  ASSERT_TRUE(disk_->Rename(path + ".away", path).ok());
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(Has("p0"));
}

TEST_F(RecoveryTest, WhatThePlanNamesAndTheSidecarDoesNotOwnIsRefused) {
  DieConfirmed(Many());
  ChangeSidecar([](Sidecar& sidecar) { sidecar.objects.clear(); });
  EXPECT_EQ(Open().code(), Code::kRecoveryNeeded);
}

TEST_F(RecoveryTest, AnObjectThatTheManifestNamesIsNeverDiscarded) {
  ASSERT_TRUE(Load(Many()).ok());
  const size_t segments = Segments();
  const auto schema = TableReader(store_->reader()).GetSchema({});
  // An unconfirmed sidecar that claims what others have published.
  Sidecar thief;
  thief.operation = RandomId();
  thief.base = store_->LastSeq();
  const auto cursor = store_->reader().ScanGlobal(PrefixRange(ObjectPrefix()));
  for (; cursor->Valid(); cursor->Next()) {
    const auto id = ParseObjectKey(cursor->key());
    const auto info = DecodeObjectInfo(*id, cursor->value());
    thief.objects.push_back({info->kind, *id});
  }
  ASSERT_GE(thief.objects.size(), segments);
  ASSERT_TRUE(SidecarFiles(*disk_, "/store").Write(thief).ok());
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Segments(), segments);
  EXPECT_THAT(Names("/sidecars"), IsEmpty());
  EXPECT_TRUE(Has("p0"));
  ExpectClean();
}

TEST_F(RecoveryTest, AListingThatFailsRefusesTheOpen) {
  DieConfirmed(Few());
  process_->FailListing("/store/sidecars");
  const Status refused = Open();
  EXPECT_EQ(refused.code(), Code::kRecoveryNeeded);
  EXPECT_THAT(refused.message(), HasSubstr("list /store/sidecars"));
  EXPECT_THAT(refused.message(), HasSubstr("mendfs fsck"));
  process_->FailListing("");
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(Has("few"));
  EXPECT_THAT(Audit(), SizeIs(1));

  store_.reset();
  ASSERT_TRUE(disk_->Rename("/store/sidecars", "/store/elsewhere").ok());
  EXPECT_EQ(Open().code(), Code::kRecoveryNeeded);  // absent is not empty
  ASSERT_TRUE(Open(OpenAccess::kReadOnly).ok());
  EXPECT_THAT(store_->Describe().reason, HasSubstr("not known"));
}

TEST_F(RecoveryTest, AFullDiskLetsTheStoreOpenAndTheSidecarWait) {
  DieConfirmed(Many());
  ArmFailpoint(Failpoint::kRecoverBeforeDecide, FailAction::kNoSpace);
  ASSERT_TRUE(Open().ok());
  EXPECT_THAT(Names("/sidecars"), SizeIs(1));
  EXPECT_EQ(store_->Describe().health, Health::kDegraded);
  EXPECT_TRUE(store_->door().NeedsHeal());
  ASSERT_TRUE(Put("cat").ok());
  EXPECT_TRUE(Has("p0"));
}

TEST_F(RecoveryTest, JunkIsNeverTouched) {
  store_.reset();
  const std::string id(32, 'a');
  WriteRaw("/sidecars/README", "mine");
  WriteRaw("/sidecars/" + id + ".json~", "mine");
  WriteRaw("/sidecars/" + std::string(32, 'A') + ".json", "mine");
  WriteRaw("/staging/notes.txt", "mine");
  WriteRaw("/staging/load-x", "mine");
  ASSERT_TRUE(disk_->MakeDir("/store/sidecars/" + id + ".json").ok());
  ASSERT_TRUE(disk_->MakeDir("/store/staging/segment-" + id).ok());
  ASSERT_TRUE(disk_->MakeDir("/store/staging/load-" + id).ok());
  ASSERT_TRUE(disk_->MakeDir("/store/staging/load-" + id + "/mine").ok());
  // What a crash left of writing a sidecar, and of a load, is ours.
  WriteRaw("/sidecars/" + std::string(32, 'b') + ".json.new", "torn");
  WriteRaw("/staging/load-" + id + "/nodes-1", "a run");
  const auto sidecars = Names("/sidecars");
  ASSERT_TRUE(Open().ok());
  EXPECT_TRUE(Load(Many()).ok());
  store_.reset();
  EXPECT_THAT(Names("/sidecars"), SizeIs(sidecars.size() - 1));
  EXPECT_EQ(ReadRaw("/sidecars/README"), "mine");
  EXPECT_EQ(ReadRaw("/staging/notes.txt"), "mine");
  EXPECT_EQ(ReadRaw("/staging/load-x"), "mine");
  EXPECT_TRUE(disk_->Stat("/store/staging/segment-" + id).ok());
  EXPECT_THAT(Names("/staging/load-" + id), ElementsAre("mine"));
}

}  // namespace
}  // namespace mendfs
