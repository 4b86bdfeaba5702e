// The matrix: every failpoint that a load passes, as an error, as a full disk, as a crash and as a
// crash with a power cut; and again inside the recovery from each. Afterwards the load is there
// whole or not at all, what was acknowledged is there, nothing is left behind, the audit agrees,
// the check finds nothing, and the work succeeds when it is repeated.
#include <algorithm>
#include <array>
#include <set>

#include "tests/intent/intent_fixture.h"

namespace mendfs {
namespace {

using ::testing::IsEmpty;

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
    return {Failpoint::kIntentBeforeSidecar, Failpoint::kIntentAfterSidecar,
            Failpoint::kObjectBeforeSync,    Failpoint::kObjectBeforeRename,
            Failpoint::kObjectAfterRename,   Failpoint::kIntentBeforeConfirm,
            Failpoint::kIntentAfterConfirm,  Failpoint::kJournalBeforeAppend,
            Failpoint::kJournalAfterAppend,  Failpoint::kJournalBeforeSync,
            Failpoint::kJournalAfterSync,    Failpoint::kFoldBeforeWrite,
            Failpoint::kFoldAfterWrite,      Failpoint::kCommitBeforeClose,
            Failpoint::kCommitAfterClose,    Failpoint::kIntentAfterPublish,
            Failpoint::kIntentAfterFlush,    Failpoint::kIntentAfterClear};
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

  // What holds after anything, of an open store. `acknowledged`: the load had answered ok.
  void Judge(bool acknowledged) {
    ASSERT_TRUE(Put("zoe").ok());  // heals what a live failure left
    EXPECT_TRUE(Has("ann") && Has("ben"));
    const uint64_t rows = Count();
    const bool there = rows == 3 + kLoaded;
    EXPECT_TRUE(there || rows == 3) << rows;
    EXPECT_TRUE(there || !acknowledged);
    EXPECT_EQ(Segments() > 0, there);
    ASSERT_TRUE(store_->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).ok());
    EXPECT_EQ(store_->Describe().health, Health::kOk) << store_->Describe().reason;
    size_t in_the_store = 0;
    std::set<Id128> operations;
    for (const AuditRow& row : Audit()) {
      in_the_store += row.in_the_store() ? 1 : 0;
      EXPECT_TRUE(operations.insert(row.operation).second);
    }
    EXPECT_EQ(in_the_store, there ? 1u : 0u);
    if (!there) {
      const Status again = Load(Text(kLoaded));
      EXPECT_TRUE(again.ok()) << again.ToString();
    }
    EXPECT_EQ(Count(), uint64_t{3 + kLoaded});
    ASSERT_TRUE(Open().ok());
    EXPECT_THAT(Names("/sidecars"), IsEmpty());
    std::vector<std::string> staged = Names("/staging");
    std::erase_if(staged, [](const std::string& name) { return name.starts_with("pack-"); });
    EXPECT_THAT(staged, IsEmpty());
    ExpectClean();
  }
};

TEST_F(IntentCrashTest, EveryFailpointOfALoad) {
  for (const Failpoint point : Points()) {
    for (const Blow blow : kBlows) {
      // The first and the second time that it is passed: of a sync, before and after the point of
      // no return.
      for (const unsigned hit : {1u, 2u, 3u}) {
        SCOPED_TRACE(std::string(FailpointName(point)) + ", hit " + std::to_string(hit) + ", " +
                     kBlowNames[static_cast<size_t>(blow)]);
        Make();
        Arm(point, blow, hit);
        const Status loaded = Load(Text(kLoaded));
        const bool acknowledged = loaded.ok();
        Bury(blow, static_cast<uint64_t>(point) * 8 + hit);
        // A failed flush fences the store until it is opened again.
        if (store_ == nullptr || store_->Describe().health == Health::kReadOnly) {
          const Status opened = Open();
          ASSERT_TRUE(opened.ok()) << opened.ToString();
        }
        Judge(acknowledged);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_F(IntentCrashTest, EveryFailpointOfTheRecovery) {
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
        Arm(death, Blow::kCrash, 1);
        const bool acknowledged = Load(Text(kLoaded)).ok();
        Bury(Blow::kCrash, 0);
        for (uint64_t life = 0; life < 3; ++life) {
          Arm(point, blow, 1);
          Open().IgnoreError();
          Bury(blow, static_cast<uint64_t>(point) * 8 + life);
        }
        const Status opened = Open();
        ASSERT_TRUE(opened.ok()) << opened.ToString();
        Judge(acknowledged);
        if (HasFatalFailure()) return;
      }
    }
  }
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
    const Status opened = Open();
    ASSERT_TRUE(opened.ok()) << opened.ToString();
    Judge(acknowledged);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace mendfs
