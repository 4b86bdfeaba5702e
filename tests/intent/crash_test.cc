// The matrix: every failpoint that a load, or a change of the schema, passes, as an error, as a
// full disk, as a crash and as a crash with a power cut; and again inside the recovery from each.
// Afterwards the load is there whole or not at all, what was acknowledged is there, nothing is left
// behind, the audit agrees, the check finds nothing, and the work succeeds when it is repeated.
#include <algorithm>
#include <array>
#include <set>

#include "meta/schema_change.h"
#include "tests/intent/intent_fixture.h"

namespace mendfs {
namespace {

enum class Blow { kError, kNoSpace, kCrash, kPowerCut };
constexpr std::array kBlows = {Blow::kError, Blow::kNoSpace, Blow::kCrash, Blow::kPowerCut};
constexpr std::array kBlowNames = {"error", "no space", "crash", "crash and power cut"};

// So fat that they become segments; counted, unique and joined keys ride along.
std::string Text(int rows) {
  const std::string fat(60'000, 'f');
  std::string text;
  for (int i = 0; i < rows; ++i) {
    const std::string name = "p" + std::to_string(i);
    text += R"({"type":"Person","data":{"name":")" + name + R"(","email":")" + name +
            R"(@x","bio":")" + fat + "\"}}\n";
    text += R"({"edge":"Knows","from":")" + name + "\",\"to\":\"ann\"}\n";
  }
  return text;
}

class IntentCrashTest : public IntentFixture {
 protected:
  static constexpr int kLoaded = 25;
  static std::vector<Failpoint> Points() {
    return {Failpoint::kLoadAfterInput,      Failpoint::kIntentBeforeSidecar,
            Failpoint::kIntentAfterSidecar,  Failpoint::kObjectBeforeSync,
            Failpoint::kObjectBeforeRename,  Failpoint::kObjectAfterRename,
            Failpoint::kIntentBeforeConfirm, Failpoint::kIntentAfterConfirm,
            Failpoint::kJournalBeforeAppend, Failpoint::kJournalAfterAppend,
            Failpoint::kJournalBeforeSync,   Failpoint::kJournalAfterSync,
            Failpoint::kFoldBeforeWrite,     Failpoint::kFoldAfterWrite,
            Failpoint::kCommitBeforeClose,   Failpoint::kCommitAfterClose,
            Failpoint::kIntentAfterPublish,  Failpoint::kIntentAfterFlush,
            Failpoint::kIntentAfterClear};
  }
  static std::vector<Failpoint> RecoveryPoints() {
    return {Failpoint::kRecoverBeforeDecide, Failpoint::kRecoverAfterAudit,
            Failpoint::kRecoverAfterObjects, Failpoint::kJournalBeforeAppend,
            Failpoint::kJournalAfterAppend,  Failpoint::kJournalAfterSync,
            Failpoint::kFoldAfterWrite,      Failpoint::kCommitAfterClose,
            Failpoint::kIntentAfterPublish,  Failpoint::kIntentAfterFlush,
            Failpoint::kIntentAfterClear};
  }

  void Arm(Failpoint point, Blow blow, unsigned hit) {
    if (blow == Blow::kError || blow == Blow::kNoSpace) {
      ArmFailpoint(point, blow == Blow::kError ? FailAction::kError : FailAction::kNoSpace, hit);
      return;
    }
    CallAtFailpoint(
        point,
        [this, blow] {
          // A process that dies changes nothing further; with a power cut what it had not synced
          // goes too.
          if (blow == Blow::kCrash) {
            process_->Die();
          } else {
            disk_->StopAt(1);
          }
        },
        hit);
  }
  // The process is gone, if the blow ended it.
  void Bury(Blow blow, uint64_t seed) {
    DisarmFailpoints();
    if (blow == Blow::kError || blow == Blow::kNoSpace) return;
    store_.reset();
    process_->Revive();
    if (blow == Blow::kPowerCut) disk_->PowerCut(seed);
  }

  uint64_t Count() {
    uint64_t rows = 0;
    const auto status =
        Export(store_->reader(), {}, {.types = {"Person"}}, [&](std::string_view text) {
          rows += static_cast<uint64_t>(std::count(text.begin(), text.end(), '\n'));
          return Status::Ok();
        });
    EXPECT_TRUE(status.ok()) << status.ToString();
    return rows;
  }

  // Every point of the catalogue that was listed has been passed.
  static void ExpectReached(const std::vector<Failpoint>& points) {
    const std::vector<uint64_t> hits = FailpointHits();
    for (const Failpoint point : points) {
      EXPECT_GT(hits[static_cast<size_t>(point)], 0u) << FailpointName(point);
    }
  }
  // What is wrong of a store that is opened now, or open, after anything that happened to it; empty
  // when all is well. `acknowledged`: the load had answered ok.
  std::string Wrong(bool acknowledged) {
    if (store_ == nullptr) {
      const Status opened = Open();
      if (!opened.ok()) return "open: " + opened.ToString();
    }
    // Heals what a live failure left.
    if (const Status put = Put("zoe"); !put.ok()) return "put: " + put.ToString();
    const Status closed = store_->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).status();
    if (!closed.ok()) return "close: " + closed.ToString();
    const StoreStatus status = store_->Describe();
    if (status.health != Health::kOk) return "health: " + status.reason;
    const uint64_t rows = Count();
    const bool there = rows == 3 + kLoaded;
    if (!there && rows != 3) return "half a load: " + std::to_string(rows) + " rows";
    if (!there && acknowledged) return "an acknowledged load is lost";
    if (!Has("ann") || !Has("ben")) return "acknowledged rows are lost";
    if ((Segments() > 0) != there) return "objects that nothing names";
    size_t in_the_store = 0;
    for (const AuditRow& row : Audit()) in_the_store += row.in_the_store() ? 1 : 0;
    if (in_the_store != (there ? 1 : 0)) return "the audit says otherwise";
    const Status again = there ? Status::Ok() : Load(Text(kLoaded));
    if (!again.ok() || Count() != 3 + kLoaded) return "repeated: " + again.ToString();
    return WrongOnDisk();
  }
  std::string WrongOnDisk() {
    if (const Status opened = Open(); !opened.ok()) return "open again: " + opened.ToString();
    if (!Names("/sidecars").empty()) return "a sidecar is left";
    for (const std::string& name : Names("/staging")) {
      if (!name.starts_with("pack-")) return "staging/" + name + " is left";
    }
    store_.reset();
    const auto report = CheckStore(*disk_, "/store", {.data = true}, {});
    if (!report.ok()) return "check: " + report.status().ToString();
    if (report->finding_count == 0 && report->complete) return {};
    return report->findings.at(0).kind + " " + report->findings.at(0).sentence;
  }
  // Dies at the point, once, in a load; answers whether the load was acknowledged.
  bool LoadAndDie(Failpoint point, Blow blow, unsigned hit) {
    Arm(point, blow, hit);
    const bool acknowledged = Load(Text(kLoaded)).ok();
    Bury(blow, static_cast<uint64_t>(point) * 8 + hit);
    return acknowledged;
  }
};

TEST_F(IntentCrashTest, EveryFailpointOfALoad) {
  CountFailpointHits();
  for (const Failpoint point : Points()) {
    for (const Blow blow : kBlows) {
      // The first and the second time that it is passed: of a sync, before and after the point of
      // no return.
      for (const unsigned hit : {1u, 2u, 3u}) {
        SCOPED_TRACE(std::string(FailpointName(point)) + ", hit " + std::to_string(hit) + ", " +
                     kBlowNames[static_cast<size_t>(blow)]);
        Make();
        const bool acknowledged = LoadAndDie(point, blow, hit);
        // A failed flush fences the store until it is opened again.
        if (store_ && store_->Describe().health == Health::kReadOnly) store_.reset();
        EXPECT_EQ(Wrong(acknowledged), "");
      }
    }
  }
  ExpectReached(Points());
}

TEST_F(IntentCrashTest, EveryFailpointOfTheRecovery) {
  CountFailpointHits();
  // One that is rolled forward, one that is discarded, one that is published and only to be
  // cleared.
  const std::array first = {Failpoint::kIntentAfterConfirm, Failpoint::kIntentBeforeConfirm,
                            Failpoint::kIntentAfterPublish, Failpoint::kIntentAfterFlush};
  for (const Failpoint death : first) {
    for (const Failpoint point : RecoveryPoints()) {
      for (const Blow blow : kBlows) {
        SCOPED_TRACE("died at " + std::string(FailpointName(death)) + ", recovery at " +
                     std::string(FailpointName(point)) + ", " +
                     kBlowNames[static_cast<size_t>(blow)]);
        Make();
        const bool acknowledged = LoadAndDie(death, Blow::kCrash, 1);
        for (uint64_t life = 0; life < 3; ++life) {
          Arm(point, blow, 1);
          Open().IgnoreError();
          Bury(blow, static_cast<uint64_t>(point) * 8 + life);
        }
        store_.reset();
        EXPECT_EQ(Wrong(acknowledged), "");
      }
    }
  }
  ExpectReached(RecoveryPoints());
}

TEST_F(IntentCrashTest, APowerCutAtAnyCallOfALoadAndOfItsRecovery) {
  const std::string text = Text(kLoaded);
  bool cut = true;
  for (uint64_t call = 1; cut; call += 1 + call / 16) {
    SCOPED_TRACE("mutating call " + std::to_string(call));
    Make();
    disk_->StopAt(call);
    const bool acknowledged = Load(text).ok();
    cut = !disk_->FaultWaits();
    store_.reset();
    disk_->PowerCut(call);
    for (uint64_t k = 3; k < 40; k += 7) {
      disk_->StopAt(k);
      Open().IgnoreError();
      store_.reset();
      disk_->PowerCut(call + k);
    }
    EXPECT_EQ(Wrong(acknowledged), "");
  }
}

// ------------------------------------------------------------------- a schema that takes data away
class SchemaCrashTest : public IntentCrashTest {
 protected:
  // Without email, whose rows are so fat that their new bodies become segments, and without Likes.
  static constexpr char kLess[] =
      "node Person { name: String @key, bio: String? }\n"
      "node Place { name: String @key }\n"
      "edge Knows: Person -> Person @card(0..2) {}\n";

  void MakeFull() {
    Make();
    ASSERT_TRUE(Load(Text(kLoaded)).ok());
    ASSERT_TRUE(PutEdge(likes_, "ann", "p3").ok());
    ASSERT_TRUE(store_->Flush().ok());
    before_ = All();
    segments_ = Segments();
  }
  Status Apply() {
    return ApplySchemaChange(
               *store_, kLess,
               {.allow_data_loss = true, .act = true, .note = {"schemer", "", Origin::kUser}})
        .status();
  }
  bool ApplyAndDie(Failpoint point, Blow blow, unsigned hit) {
    Arm(point, blow, hit);
    const bool acknowledged = Apply().ok();
    Bury(blow, static_cast<uint64_t>(point) * 8 + hit);
    return acknowledged;
  }
  // The schema's types, then everything.
  std::string All() {
    const auto schema = TableReader(store_->reader()).GetSchema({});
    if (!schema.ok()) return schema.status().ToString();
    std::string text;
    for (const EdgeType& type : (*schema)->edges) text += type.name + " ";
    for (const Property& property : (*schema)->nodes.at(0).properties) text += property.name + " ";
    const auto status = Export(store_->reader(), {}, {}, [&](std::string_view part) {
      text.append(part);
      return Status::Ok();
    });
    return text + status.ToString();
  }
  std::string WrongApply(bool acknowledged) {
    if (store_ == nullptr) {
      if (const Status opened = Open(); !opened.ok()) return "open: " + opened.ToString();
    }
    if (const Status heal = store_->door().Heal(); !heal.ok()) return "heal: " + heal.ToString();
    const Status closed = store_->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).status();
    if (!closed.ok()) return "close: " + closed.ToString();
    const StoreStatus status = store_->Describe();
    if (status.health != Health::kOk) return "health: " + status.reason;
    const std::string all = All();
    const bool there = all == after_;
    if (!there && all != before_) return "half an apply: " + all.substr(0, 200);
    if (!there && acknowledged) return "an acknowledged apply is lost";
    if ((Segments() > segments_) != there) return "objects that nothing names";
    if (const Status again = Apply(); !again.ok()) return "repeated: " + again.ToString();
    if (All() != after_) return "repeated, it is something else";
    return WrongOnDisk();
  }
  void FindAfter() {
    MakeFull();
    ASSERT_TRUE(Apply().ok());
    after_ = All();
    ASSERT_NE(after_, before_);
    ASSERT_GT(Segments(), segments_);
    ASSERT_EQ(WrongApply(true), "");
  }

  std::string before_;
  std::string after_;
  size_t segments_ = 0;
};

TEST_F(SchemaCrashTest, EveryFailpointOfAnApply) {
  FindAfter();
  CountFailpointHits();
  for (const Failpoint point : Points()) {
    for (const Blow blow : kBlows) {
      for (const unsigned hit : {1u, 2u, 3u}) {
        SCOPED_TRACE(std::string(FailpointName(point)) + ", hit " + std::to_string(hit) + ", " +
                     kBlowNames[static_cast<size_t>(blow)]);
        MakeFull();
        const bool acknowledged = ApplyAndDie(point, blow, hit);
        if (store_ && store_->Describe().health == Health::kReadOnly) store_.reset();
        EXPECT_EQ(WrongApply(acknowledged), "");
      }
    }
  }
  ExpectReached(Points());
}

TEST_F(SchemaCrashTest, EveryFailpointOfItsRecovery) {
  FindAfter();
  for (const Failpoint death : {Failpoint::kIntentAfterConfirm, Failpoint::kIntentBeforeConfirm,
                                Failpoint::kIntentAfterPublish}) {
    for (const Failpoint point : RecoveryPoints()) {
      for (const Blow blow : {Blow::kCrash, Blow::kPowerCut}) {
        SCOPED_TRACE("died at " + std::string(FailpointName(death)) + ", recovery at " +
                     std::string(FailpointName(point)) + ", " +
                     kBlowNames[static_cast<size_t>(blow)]);
        MakeFull();
        const bool acknowledged = ApplyAndDie(death, Blow::kCrash, 1);
        for (uint64_t life = 0; life < 2; ++life) {
          Arm(point, blow, 1);
          Open().IgnoreError();
          Bury(blow, static_cast<uint64_t>(point) * 8 + life);
        }
        store_.reset();
        EXPECT_EQ(WrongApply(acknowledged), "");
      }
    }
  }
}

TEST_F(SchemaCrashTest, APowerCutAtAnyCallOfAnApply) {
  FindAfter();
  bool cut = true;
  for (uint64_t call = 1; cut; call += 1 + call / 16) {
    SCOPED_TRACE("mutating call " + std::to_string(call));
    MakeFull();
    disk_->StopAt(call);
    const bool acknowledged = Apply().ok();
    cut = !disk_->FaultWaits();
    store_.reset();
    disk_->PowerCut(call);
    EXPECT_EQ(WrongApply(acknowledged), "");
  }
}

// ------------------------------------------------------------------------------ planted defects
class PlantedTest : public IntentCrashTest {
 protected:
  void TearDown() override {
    PlantIntentDefect(IntentDefect::kNone);
    IntentCrashTest::TearDown();
  }
};

TEST_F(PlantedTest, ASidecarThatGoesBeforeTheAuditRowIsSeen) {
  PlantIntentDefect(IntentDefect::kClearBeforeAudit);
  EXPECT_FALSE(LoadAndDie(Failpoint::kFoldBeforeWrite, Blow::kPowerCut, 1));
  EXPECT_EQ(Wrong(false), "objects that nothing names");
  Make();
  EXPECT_FALSE(LoadAndDie(Failpoint::kIntentBeforeConfirm, Blow::kCrash, 1));
  Arm(Failpoint::kJournalBeforeAppend, Blow::kCrash, 1);
  EXPECT_FALSE(Open().ok());
  Bury(Blow::kCrash, 0);
  EXPECT_EQ(Wrong(false), "objects that nothing names");
}

TEST_F(PlantedTest, AnObjectThatIsNamedBeforeItIsSyncedIsSeen) {
  process_->LieAboutSyncs("/staging/segment-");
  EXPECT_FALSE(LoadAndDie(Failpoint::kIntentAfterConfirm, Blow::kPowerCut, 1));
  process_->LieAboutSyncs("");
  EXPECT_THAT(Wrong(false), ::testing::StartsWith("open: recovery needed"));
}

TEST_F(PlantedTest, ADiscardWithoutTheCheckOfIdsIsSeen) {
  ASSERT_TRUE(Load(Text(kLoaded)).ok());
  Sidecar thief;
  thief.operation = RandomId();
  thief.base = store_->LastSeq();
  const auto cursor = store_->reader().ScanGlobal(PrefixRange(ObjectPrefix()));
  for (; cursor->Valid(); cursor->Next()) {
    const auto id = ParseObjectKey(cursor->key());
    thief.objects.push_back({DecodeObjectInfo(*id, cursor->value())->kind, *id});
  }
  for (const bool planted : {false, true}) {
    ASSERT_TRUE(SidecarFiles(*disk_, "/store").Write(thief).ok());
    PlantIntentDefect(planted ? IntentDefect::kDiscardNamed : IntentDefect::kNone);
    const Status opened = Open();
    EXPECT_EQ(opened.ok() && Segments() > 0 && Has("p0"), !planted);
  }
}

}  // namespace
}  // namespace mendfs
