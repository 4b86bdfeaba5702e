#include <algorithm>
#include <set>

#include "meta/table/edges.h"
#include "meta/table/edges_sweep.h"
#include "tests/table_ops/table_fixture.h"

namespace mendfs {
namespace {

class EdgeTest : public TableTest {
 protected:
  void SetUp() override {
    TableTest::SetUp();
    alice = MustPut("Person", "alice");
    bob = MustPut("Person", "bob");
    carol = MustPut("Person", "carol");
    rome = MustPut("City", "Rome");
    oslo = MustPut("City", "Oslo");
  }
  InodeNumber alice, bob, carol, rome, oslo;
};

TEST_F(EdgeTest, ABodyReadsBackByteForByte) {
  const std::string body = "{ \"since\": \"2020-01-01\" }\n";
  MustLink("Knows", "alice", "bob", 1, body);
  const auto edge = reader.GetEdge(head, Edge("Knows"), "alice", "bob", 1);
  ASSERT_TRUE(edge.ok());
  EXPECT_EQ(edge->body, body);
  EXPECT_EQ(edge->size_bytes, body.size());
  EXPECT_EQ(edge->ends, (EdgeEnds{alice, bob, 1}));
  EXPECT_FALSE(HasEdge("Knows", "bob", "alice"));
  MustLink("Knows", "alice", "bob", 1, "");
  EXPECT_EQ(reader.GetEdge(head, Edge("Knows"), "alice", "bob", 1)->body, "");
}

TEST_F(EdgeTest, AMissingEndIsNamed) {
  ExpectRefused(Link("Knows", "alice", "zoe").status(), Code::kInvalid, "Person/zoe");
  ExpectRefused(Link("LivesIn", "zoe", "Rome").status(), Code::kInvalid, "Person/zoe");
  ExpectRefused(Link("LivesIn", "alice", "bob").status(), Code::kInvalid, "City/bob");
  EXPECT_EQ(EntriesOf(KeyKind::kEdge), 0U);
}

TEST_F(EdgeTest, EndsInTheBodyMustAgree) {
  ExpectRefused(Link("Knows", "alice", "bob", 1, R"({"$from":"carol"})").status(), Code::kInvalid,
                "edges/Knows/alice~bob.json");
  ExpectRefused(Link("Knows", "alice", "bob", 1, R"({"$to":"carol"})").status(), Code::kInvalid,
                "edges/Knows");
  MustLink("Knows", "alice", "bob", 1, R"({"$from":"alice","$to":"bob"})");
}

TEST_F(EdgeTest, ParallelEdgesAreToldApartByNumber) {
  EXPECT_EQ(Link("Knows", "alice", "bob", 0).status().code(), Code::kInvalid);
  MustLink("Knows", "alice", "bob", 1);
  MustLink("Knows", "alice", "bob", 2, R"({"since":"2020-01-01"})");
  EXPECT_EQ(Edges("Knows"), (std::vector<std::string>{"alice~bob~1", "alice~bob~2"}));
  ASSERT_TRUE(Unlink("Knows", "alice", "bob", 1).ok());
  EXPECT_EQ(Edges("Knows"), std::vector<std::string>{"alice~bob~2"});
}

TEST_F(EdgeTest, CreateOnlyRefusesAnEdgeThatIsThere) {
  PutOptions options;
  options.create_only = true;
  ASSERT_TRUE(writer.PutEdge(Edge("Knows").id, "alice", "bob", 1, "", options).ok());
  ExpectRefused(writer.PutEdge(Edge("Knows").id, "alice", "bob", 1, "", options).status(),
                Code::kExists, "edges/Knows/alice~bob.json");
}

TEST_F(EdgeTest, BothDirectionsAreListed) {
  MustLink("Knows", "alice", "bob");
  MustLink("Knows", "carol", "bob");
  MustLink("Knows", "bob", "alice");
  MustLink("Knows", "bob", "bob");
  EXPECT_EQ(EdgesOf("Knows", EdgeSide::kIn, bob),
            (std::vector<std::string>{"alice~bob~1", "bob~bob~1", "carol~bob~1"}));
  EXPECT_EQ(EdgesOf("Knows", EdgeSide::kOut, bob),
            (std::vector<std::string>{"bob~alice~1", "bob~bob~1"}));
  EXPECT_EQ(Edges("Knows").size(), 4U);
}

TEST_F(EdgeTest, AttributesMergeAndBodiesStay) {
  MustLink("Knows", "alice", "bob", 1, R"({"since":"2020-01-01"})");
  ASSERT_TRUE(writer
                  .SetEdgeAttributes(Edge("Knows").id, "alice", "bob", 1,
                                     {.mtime_ns = 9, .permissions = 0600})
                  .ok());
  MustLink("Knows", "alice", "bob", 1, "");
  const auto edge = reader.GetEdge(head, Edge("Knows"), "alice", "bob", 1);
  EXPECT_EQ(edge->attributes.permissions, 0600U);
  EXPECT_GT(edge->attributes.mtime_ns, 9);
  EXPECT_EQ(writer.SetEdgeAttributes(Edge("Knows").id, "alice", "carol", 1, {}).code(),
            Code::kNotFound);
}

TEST_F(EdgeTest, DeletingWhatIsNotThereIsNotFound) {
  EXPECT_EQ(Unlink("Knows", "alice", "bob").code(), Code::kNotFound);
  EXPECT_EQ(Unlink("Knows", "alice", "zoe").code(), Code::kNotFound);
}

TEST_F(EdgeTest, EdgesOfADeletedRowAreGoneAtOnceInOneRecord) {
  for (uint32_t n = 1; n <= 20; ++n) MustLink("Knows", "alice", "bob", n);
  MustLink("Knows", "carol", "alice");
  MustLink("Knows", "carol", "bob");
  const uint64_t changes = door.applied_changes();
  ASSERT_TRUE(writer.DeleteNode(Node("Person"), "alice").ok());
  EXPECT_EQ(door.applied_changes(), changes + 1);
  EXPECT_LE(door.last_change().entries.size(), 3U);
  EXPECT_EQ(EntriesOf(KeyKind::kDeadRow), 1U);
  EXPECT_EQ(Edges("Knows"), std::vector<std::string>{"carol~bob~1"});
  EXPECT_EQ(EdgesOf("Knows", EdgeSide::kIn, bob), std::vector<std::string>{"carol~bob~1"});
  EXPECT_EQ(EdgesOf("Knows", EdgeSide::kOut, alice), std::vector<std::string>{});
  EXPECT_FALSE(HasEdge("Knows", "carol", "alice"));
}

TEST_F(EdgeTest, ANewRowOfTheSameNameHasNoneOfTheOldEdges) {
  MustLink("Knows", "alice", "bob");
  ASSERT_TRUE(writer.DeleteNode(Node("Person"), "alice").ok());
  MustPut("Person", "alice");
  EXPECT_TRUE(Edges("Knows").empty());
}

TEST_F(EdgeTest, ARowPutBackUnderItsNumberHasItsEdgesAgain) {
  MustLink("Knows", "alice", "bob", 1, R"({"since":"2020-01-01"})");
  MustLink("Knows", "bob", "alice");
  ASSERT_TRUE(writer.DeleteNode(Node("Person"), "alice").ok());
  PutOptions options;
  options.reuse_row = alice;
  EXPECT_EQ(MustPut("Person", "alice", "{}", options), alice);
  EXPECT_EQ(reader.GetEdge(head, Edge("Knows"), "alice", "bob", 1)->body,
            R"({"since":"2020-01-01"})");
  EXPECT_TRUE(HasEdge("Knows", "bob", "alice"));
  EXPECT_EQ(SweepAll(), 0U) << "it lives";
  EXPECT_EQ(Edges("Knows").size(), 2U);
}

TEST_F(EdgeTest, TheSweepClearsBothOrdersAndWaitsForReturns) {
  for (uint32_t n = 1; n <= 20; ++n) MustLink("Knows", "alice", "bob", n);
  for (uint32_t n = 1; n <= 20; ++n) MustLink("Knows", "carol", "alice", n);
  MustLink("Knows", "alice", "alice");
  MustLink("LivesIn", "alice", "Rome");
  MustLink("Knows", "carol", "bob");
  ASSERT_TRUE(writer.DeleteNode(Node("Person"), "alice").ok());
  EXPECT_EQ(*writer.SweepEdges(100), 0U) << "it may still come back";
  EXPECT_EQ(EntriesOf(KeyKind::kEdge), 43U);
  EXPECT_EQ(SweepAll(), 42U);
  EXPECT_EQ(EntriesOf(KeyKind::kEdge), 1U);
  EXPECT_EQ(EntriesOf(KeyKind::kEdgeReverse), 1U);
  EXPECT_EQ(EntriesOf(KeyKind::kDeadRow), 0U);
  EXPECT_EQ(Edges("Knows"), std::vector<std::string>{"carol~bob~1"});
}

TEST_F(EdgeTest, OnceSweepingHasBegunTheNumberStaysGone) {
  for (uint32_t n = 1; n <= 20; ++n) MustLink("Knows", "alice", "bob", n);
  ASSERT_TRUE(writer.DeleteNode(Node("Person"), "alice").ok());
  door.SetNowNs(door.NowNs() + 2 * TableWriter::kReattachNs);
  EXPECT_EQ(*writer.SweepEdges(5), 5U);
  PutOptions options;
  options.reuse_row = alice;
  EXPECT_NE(MustPut("Person", "alice", "{}", options), alice) << "half of its edges are gone";
  EXPECT_TRUE(Edges("Knows").empty());
  EXPECT_EQ(SweepAll(), 15U);
}

TEST_F(EdgeTest, AFailedSweepLosesNothingAndGoesOnLater) {
  for (uint32_t n = 1; n <= 20; ++n) MustLink("Knows", "alice", "bob", n);
  ASSERT_TRUE(writer.DeleteNode(Node("Person"), "alice").ok());
  door.SetNowNs(door.NowNs() + 2 * TableWriter::kReattachNs);
  door.FailApply(Code::kNoSpace);
  EXPECT_EQ(writer.SweepEdges(5).status().code(), Code::kNoSpace);
  EXPECT_EQ(EntriesOf(KeyKind::kEdge), 20U);
  EXPECT_EQ(SweepAll(), 20U);
}

TEST_F(EdgeTest, ARowThatGoesTwiceWaitsFromTheSecondTime) {
  MustLink("Knows", "alice", "bob");
  ASSERT_TRUE(writer.DeleteNode(Node("Person"), "alice").ok());
  PutOptions options;
  options.reuse_row = alice;
  MustPut("Person", "alice", "{}", options);
  door.SetNowNs(door.NowNs() + 2 * TableWriter::kReattachNs);
  ASSERT_TRUE(writer.DeleteNode(Node("Person"), "alice").ok());
  EXPECT_EQ(*writer.SweepEdges(100), 0U);
  EXPECT_EQ(MustPut("Person", "alice", "{}", options), alice);
  EXPECT_EQ(Edges("Knows").size(), 1U);
}

// ------------------------------------------------------------------------- bounds and restrict
TEST_F(EdgeTest, AnUpperBoundHoldsForLiveEdges) {
  MustLink("LivesIn", "alice", "Rome");
  MustLink("LivesIn", "alice", "Rome", 1, "{}");
  ExpectRefused(Link("LivesIn", "alice", "Oslo").status(), Code::kManyLinks, "alice");
  ExpectRefused(Link("LivesIn", "alice", "Rome", 2).status(), Code::kManyLinks, "@card");
  MustLink("LivesIn", "bob", "Rome");
  ASSERT_TRUE(writer.DeleteNode(Node("City"), "Rome").ok());
  MustLink("LivesIn", "alice", "Oslo");
}

TEST_F(EdgeTest, AnUpperBoundHoldsAlsoWhenARowComesBack) {
  MustLink("LivesIn", "alice", "Rome");
  MustLink("LivesIn", "bob", "Rome");
  ASSERT_TRUE(writer.DeleteNode(Node("City"), "Rome").ok());
  MustLink("LivesIn", "alice", "Oslo");
  PutOptions options;
  options.reuse_row = rome;
  EXPECT_NE(MustPut("City", "Rome", "{}", options), rome) << "alice would live in two cities";
  EXPECT_EQ(Edges("LivesIn"), std::vector<std::string>{"alice~Oslo~1"});
}

TEST_F(EdgeTest, AnUpperBoundHoldsForTheEdgesARowComesBackWith) {
  MustLink("LivesIn", "alice", "Rome");
  ASSERT_TRUE(writer.DeleteNode(Node("City"), "Rome").ok());
  MustLink("LivesIn", "alice", "Oslo");
  ASSERT_TRUE(writer.DeleteNode(Node("Person"), "alice").ok());
  PutOptions options;
  options.reuse_row = rome;
  EXPECT_EQ(MustPut("City", "Rome", "{}", options), rome) << "nobody lives there now";
  options.reuse_row = alice;
  EXPECT_NE(MustPut("Person", "alice", "{}", options), alice);
  EXPECT_TRUE(Edges("LivesIn").empty());
}

TEST_F(EdgeTest, ALowerBoundIsKeptOnceItIsReached) {
  MustLink("Owns", "alice", "Rome");
  ExpectRefused(Unlink("Owns", "alice", "Rome"), Code::kManyLinks, "alice");
  ExpectRefused(writer.DeleteNode(Node("City"), "Rome").status(), Code::kManyLinks, "alice");
  MustLink("Owns", "alice", "Oslo");
  ASSERT_TRUE(Unlink("Owns", "alice", "Rome").ok());
  EXPECT_EQ(writer.DeleteNode(Node("City"), "Oslo").status().code(), Code::kManyLinks);
  EXPECT_TRUE(writer.DeleteNode(Node("City"), "Rome").ok());
  EXPECT_TRUE(writer.DeleteNode(Node("Person"), "alice").ok()) << "its own edges go with it";
  EXPECT_TRUE(writer.DeleteNode(Node("City"), "Oslo").ok());
}

TEST_F(EdgeTest, ParallelEdgesToOneRowCountTogetherAgainstTheLowerBound) {
  MustLink("Owns", "alice", "Rome", 1);
  MustLink("Owns", "alice", "Rome", 2);
  EXPECT_EQ(writer.DeleteNode(Node("City"), "Rome").status().code(), Code::kManyLinks);
  MustLink("Owns", "alice", "Oslo");
  EXPECT_TRUE(writer.DeleteNode(Node("City"), "Rome").ok());
}

TEST_F(EdgeTest, ACheckSaysWhatAPutWouldSayAndChangesNothing) {
  MustLink("LivesIn", "alice", "Rome");
  const auto before = door.Dump({});
  const auto check = [&](std::string_view type, std::string_view source, std::string_view target,
                         uint32_t number, std::string_view body) {
    return writer.CheckEdge(Edge(type).id, source, target, number, body).code();
  };
  EXPECT_EQ(check("Knows", "alice", "bob", 1, ""), Code::kOk);
  EXPECT_EQ(check("LivesIn", "alice", "Rome", 1, "{}"), Code::kOk);
  EXPECT_EQ(check("LivesIn", "alice", "Oslo", 1, ""), Code::kManyLinks);
  EXPECT_EQ(check("Knows", "alice", "zoe", 1, ""), Code::kInvalid);
  EXPECT_EQ(check("Knows", "alice", "bob", 0, ""), Code::kInvalid);
  EXPECT_EQ(check("Knows", "alice", "bob", 1, "["), Code::kInvalid);
  EXPECT_EQ(door.Dump({}), before);
}

TEST_F(EdgeTest, ARestrictingEdgeHoldsBothOfItsEnds) {
  MustLink("Guards", "alice", "Rome");
  ExpectRefused(writer.DeleteNode(Node("City"), "Rome").status(), Code::kBusy,
                "edges/Guards/alice~Rome.json");
  ExpectRefused(writer.DeleteNode(Node("Person"), "alice").status(), Code::kBusy,
                "edges/Guards/alice~Rome.json");
  ASSERT_TRUE(Unlink("Guards", "alice", "Rome").ok());
  EXPECT_TRUE(writer.DeleteNode(Node("City"), "Rome").ok());
  EXPECT_TRUE(writer.DeleteNode(Node("Person"), "alice").ok());
}

TEST_F(EdgeTest, ReplacingARowCountsAsLosingTheSource) {
  MustLink("Guards", "alice", "Rome");
  EXPECT_EQ(writer.RenameNode(Node("Person"), "alice", "bob", {}).status().code(), Code::kBusy);
  EXPECT_TRUE(writer.RenameNode(Node("Person"), "bob", "alice", {}).ok());
  EXPECT_TRUE(HasEdge("Guards", "alice", "Rome"));
}

TEST_F(EdgeTest, ARefusedChangeLeavesEverythingAsItWas) {
  MustLink("Knows", "alice", "bob");
  const auto before = door.Dump({});
  door.FailApply(Code::kNoSpace);
  EXPECT_EQ(Link("Knows", "alice", "carol").status().code(), Code::kNoSpace);
  door.FailApply(Code::kNoSpace);
  EXPECT_EQ(Link("Knows", "alice", "bob", 1, "{}").status().code(), Code::kNoSpace);
  door.FailApply(Code::kNoSpace);
  EXPECT_EQ(Unlink("Knows", "alice", "bob").code(), Code::kNoSpace);
  EXPECT_EQ(door.Dump({}), before);
}

// --------------------------------------------------------------------------------- long names
TEST_F(EdgeTest, ALongNameIsFoundByItsHashWhateverItsEndsWereCalled) {
  const std::string one(130, 'o');
  const std::string two(125, 't');
  const std::string three(140, 'x');
  MustPut("Person", one);
  MustPut("Person", two);
  MustLink("Knows", "alice", "bob");
  MustLink("Knows", one, "bob");
  MustLink("Knows", one, two);
  MustLink("Knows", one, two, 2);
  const auto hash_of = [](const std::string& source, const std::string& target, uint32_t number) {
    const auto name = EdgeNameOfKeys({.source = source, .target = target, .n = number});
    const auto hash = ParseHashedStem(std::string_view(*name).substr(0, name->size() - 5));
    EXPECT_TRUE(hash.has_value()) << *name;
    return hash.value_or(Hash128());
  };
  const auto found = [&](const Hash128& hash) -> std::string {
    const auto edge = reader.FindEdgeByLongName(head, Edge("Knows"), hash);
    if (edge.ok()) return Name(*edge);
    EXPECT_EQ(edge.status().code(), Code::kNotFound) << edge.status().ToString();
    return "none";
  };
  const Hash128 first = hash_of(one, two, 1);
  const Hash128 second = hash_of(one, two, 2);
  EXPECT_EQ(found(first), one + "~" + two + "~1");
  EXPECT_EQ(found(second), one + "~" + two + "~2");
  EXPECT_EQ(found(hash_of(two, one, 1)), "none");

  ASSERT_TRUE(writer.RenameNode(Node("Person"), one, three, {}).ok());
  EXPECT_EQ(found(first), "none") << "it has another name now";
  EXPECT_EQ(found(hash_of(three, two, 1)), three + "~" + two + "~1");
  ASSERT_TRUE(writer.RenameNode(Node("Person"), three, one, {}).ok());
  EXPECT_EQ(found(second), one + "~" + two + "~2");
  ASSERT_TRUE(Unlink("Knows", one, two, 2).ok());
  EXPECT_EQ(found(second), "none");
  ASSERT_TRUE(writer.DeleteNode(Node("Person"), two).ok());
  EXPECT_EQ(found(first), "none");
}

// ------------------------------------------------------------------------------------ listing
TEST_F(EdgeTest, AnOlderViewShowsTheOlderEdges) {
  MustLink("Knows", "alice", "bob");
  const View then{kMainBranch, door.LastSeq()};
  ASSERT_TRUE(writer.DeleteNode(Node("Person"), "alice").ok());
  SweepAll();
  EXPECT_EQ(Edges("Knows", then), std::vector<std::string>{"alice~bob~1"});
  EXPECT_TRUE(reader.GetEdge(then, Edge("Knows"), "alice", "bob", 1).ok());
  EXPECT_TRUE(Edges("Knows").empty());
}

TEST_F(EdgeTest, AListingThatCannotReadSaysSo) {
  MustLink("Knows", "alice", "bob");
  MustLink("Knows", "alice", "carol");
  door.FailReadsOf(RowNameKey(Node("Person"), carol));
  auto cursor = *reader.ListEdges(head, Edge("Knows"));
  EXPECT_EQ(Name(**cursor->Next()), "alice~bob~1");
  EXPECT_EQ(cursor->Next().status().code(), Code::kIo) << "complete or an error";
}

TEST_F(EdgeTest, SeekGoesToAnyOrdinal) {
  constexpr uint32_t kEdges = 3 * EdgeWalk::kMarkStride + 17;
  for (uint32_t n = 1; n <= kEdges; ++n)
    MustLink("Knows", n % 2 == 0 ? "alice" : "bob", "carol", n);
  // Entries without a live end are between the visible ones and do not count.
  const InodeNumber dave = MustPut("Person", "dave");
  ASSERT_GT(dave, carol);
  for (uint32_t n = 1; n <= 50; ++n) MustLink("Knows", "alice", "dave", n);
  ASSERT_TRUE(writer.DeleteNode(Node("Person"), "dave").ok());

  const std::vector<std::string> all = Edges("Knows");
  ASSERT_EQ(all.size(), kEdges);
  auto cursor = *reader.ListEdges(head, Edge("Knows"));
  const std::vector<uint64_t> places = {0, 5,    2,    1023,       1024,       1025,
                                        3, 3071, 3072, kEdges - 1, kEdges + 5, 1024,
                                        0, 2047, 2048, kEdges,     1};
  for (const uint64_t place : places) {
    ASSERT_TRUE(cursor->Seek(place).ok());
    for (uint64_t at = place; at < std::min<uint64_t>(place + 3, kEdges + 1); ++at) {
      const auto edge = cursor->Next();
      ASSERT_TRUE(edge.ok());
      if (at < kEdges) {
        ASSERT_TRUE(edge->has_value()) << at;
        EXPECT_EQ(Name(**edge), all[at]);
      } else {
        EXPECT_FALSE(edge->has_value()) << at;
      }
    }
  }
}

TEST(SweepQueueTest, ANumberThatIsHalfSweptStaysSoWhenItGoesAgain) {
  SweepQueue queue;
  const TypeId type(1);
  const InodeNumber row(7);
  ASSERT_TRUE(queue.Add(type, row, 10));
  EXPECT_FALSE(queue.IsBeingSwept(type, row));
  const GoneRow gone = *queue.First(10);
  queue.Begin(gone);
  queue.Advance(gone, "g-some");
  EXPECT_TRUE(queue.IsBeingSwept(type, row));
  ASSERT_TRUE(queue.Add(type, row, 20)) << "it was noted late";
  EXPECT_TRUE(queue.IsBeingSwept(type, row));
  EXPECT_FALSE(queue.First(15).has_value());
  EXPECT_TRUE(queue.IsBeingSwept(type, row)) << "its other edges are still to be cleared";
  ASSERT_TRUE(queue.First(20).has_value());
  queue.Drop(*queue.First(20));
  EXPECT_FALSE(queue.IsBeingSwept(type, row));
  EXPECT_FALSE(queue.First(100).has_value());
}

// Two sweepers see that a row is back; it goes again before the second one says so.
TEST(SweepQueueTest, ARowThatWentAgainIsNotDroppedByWhoSawItBack) {
  SweepQueue queue;
  const TypeId type(1);
  const InodeNumber row(7);
  ASSERT_TRUE(queue.Add(type, row, 10));
  const GoneRow one = *queue.First(10);
  const GoneRow other = *queue.First(10);
  queue.Drop(one);
  ASSERT_TRUE(queue.Add(type, row, 10)) << "at the same time, by the clock";
  queue.Drop(other);
  EXPECT_TRUE(queue.Holds(type, row));
  ASSERT_TRUE(queue.First(10).has_value());
  // And noted twice, what is dropped of it is one.
  ASSERT_TRUE(queue.Add(type, row, 10));
  EXPECT_EQ(queue.First(10)->row, row);
  EXPECT_TRUE(queue.Holds(type, row));
}

// It is deleted again, and that is noted only after a sweeper has looked.
TEST(SweepQueueTest, ANumberIsBeingSweptAlsoWhenItsGoingWasNotedMeanwhile) {
  SweepQueue queue;
  const TypeId type(1);
  const InodeNumber row(7);
  ASSERT_TRUE(queue.Add(type, row, 10));
  const GoneRow gone = *queue.First(10);
  ASSERT_TRUE(queue.Add(type, row, 20));
  EXPECT_FALSE(queue.First(10).has_value()) << "another sweeper drops what is void";
  queue.Begin(gone);
  EXPECT_TRUE(queue.IsBeingSwept(type, row));
  queue.Advance(gone, "g-some");
  ASSERT_TRUE(queue.First(20).has_value());
  EXPECT_EQ(queue.First(20)->resume, "") << "all of it is looked at again";
  queue.Drop(gone);
  EXPECT_TRUE(queue.IsBeingSwept(type, row));
}

TEST(SweepQueueTest, WhatDoesNotFitIsReadAgainWhenThereIsRoom) {
  SweepQueue queue(4);
  const TypeId type(1);
  EXPECT_TRUE(queue.WantsOwed()) << "of an earlier open";
  queue.BeginOwed();
  ASSERT_TRUE(queue.Add(type, InodeNumber(1), 10));
  ASSERT_TRUE(queue.AddOwed(type, InodeNumber(2)));
  ASSERT_TRUE(queue.AddOwed(type, InodeNumber(1))) << "it is there already, and waits";
  EXPECT_FALSE(queue.IsBeingSwept(type, InodeNumber(1)));
  EXPECT_TRUE(queue.IsBeingSwept(type, InodeNumber(2))) << "perhaps";
  EXPECT_EQ(queue.First(5)->row, InodeNumber(2)) << "it waited longer";
  EXPECT_FALSE(queue.WantsOwed());
  ASSERT_TRUE(queue.Add(type, InodeNumber(3), 11));
  ASSERT_TRUE(queue.Add(type, InodeNumber(4), 12));
  EXPECT_FALSE(queue.Add(type, InodeNumber(5), 13));
  EXPECT_FALSE(queue.Holds(type, InodeNumber(5)));
  EXPECT_FALSE(queue.WantsOwed()) << "not while it is full";
  queue.Drop(*queue.First(100));
  EXPECT_EQ(queue.First(100)->row, InodeNumber(1));
  queue.Drop(*queue.First(100));
  EXPECT_TRUE(queue.WantsOwed());
}

TEST(SparseMarksTest, StayBoundedAndExact) {
  constexpr size_t kMarksMax = 8;
  SparseMarks marks(4, kMarksMax);
  EXPECT_FALSE(marks.Before(7).has_value());
  for (uint64_t ordinal = 0; ordinal < 1000; ++ordinal) {
    marks.Note(ordinal, std::to_string(ordinal));
    ASSERT_LE(marks.size(), kMarksMax);
    ASSERT_GE(ordinal < 32 ? kMarksMax : marks.size(), kMarksMax / 2);
    for (uint64_t place = 0; place <= ordinal; place += 13) {
      const auto mark = marks.Before(place);
      ASSERT_TRUE(mark.has_value());
      EXPECT_EQ(mark->key, std::to_string(mark->ordinal));
      EXPECT_LE(mark->ordinal, place);
    }
  }
  EXPECT_GE(marks.Before(999)->ordinal, 999 - 256U) << "the stride that eight marks need";
  marks.Note(0, "again");
  EXPECT_EQ(marks.Before(0)->key, "0") << "a place that is marked stays as it is";
}

TEST_F(EdgeTest, ManyRowsAreListedOnceEach) {
  std::set<std::string> want;
  for (int i = 0; i < 300; ++i) MustPut("City", "c" + std::to_string(i));
  for (int i = 0; i < 300; ++i) {
    for (int k = 0; k < 3; ++k) {
      const std::string city = "c" + std::to_string((i * 7 + k) % 300);
      const std::string person = i % 2 == 0 ? "alice" : "bob";
      if (Link("Guards", person, city).ok()) want.insert(person + "~" + city + "~1");
    }
  }
  const auto listed = Edges("Guards");
  EXPECT_EQ(std::set<std::string>(listed.begin(), listed.end()), want);
  EXPECT_EQ(listed.size(), want.size());
}

}  // namespace
}  // namespace mendfs
