#include <atomic>
#include <functional>
#include <set>
#include <thread>

#include "tests/table_ops/table_fixture.h"

namespace mendfs {
namespace {

class ConcurrencyTest : public TableTest {
 protected:
  static constexpr int kThreads = 4;
  static constexpr int kRounds = 150;

  static void RunAll(const std::function<void(int)>& work) {
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int id = 0; id < kThreads; ++id) threads.emplace_back(work, id);
    for (std::thread& thread : threads) thread.join();
  }
};

TEST_F(ConcurrencyTest, AUniqueValueIsWonByOne) {
  for (int round = 0; round < 40; ++round) {
    const std::string body = R"({"email":"e)" + std::to_string(round) + "\"}";
    std::atomic<int> won = 0;
    RunAll([&](int id) {
      const std::string key = "p" + std::to_string(round) + "-" + std::to_string(id);
      if (Put("Person", key, body).ok()) ++won;
    });
    ASSERT_EQ(won, 1);
  }
}

TEST_F(ConcurrencyTest, ANewRowIsCreatedByOne) {
  PutOptions options;
  options.create_only = true;
  for (int round = 0; round < 40; ++round) {
    std::atomic<int> won = 0;
    RunAll([&](int) {
      if (Put("Person", "p" + std::to_string(round), "{}", options).ok()) ++won;
    });
    ASSERT_EQ(won, 1);
  }
}

TEST_F(ConcurrencyTest, BoundsHoldWhoeverWrites) {
  MustPut("Person", "alice");
  for (int id = 0; id < kThreads; ++id) MustPut("City", "c" + std::to_string(id));
  for (int round = 0; round < 40; ++round) {
    std::atomic<int> won = 0;
    RunAll([&](int id) {
      if (Link("LivesIn", "alice", "c" + std::to_string(id)).ok()) ++won;
    });
    ASSERT_EQ(won, 1);
    const auto edges = Edges("LivesIn");
    ASSERT_EQ(edges.size(), 1U);
    ASSERT_TRUE(Unlink("LivesIn", "alice", edges[0].substr(6, 2)).ok());
  }
}

TEST_F(ConcurrencyTest, EverythingAtOnceEndsConsistent) {
  RunAll([&](int id) {
    uint64_t state = static_cast<uint64_t>(id) * 7919 + 13;
    const auto pick = [&state](uint64_t below) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      return (state >> 33) % below;
    };
    const auto key = [&pick] { return "k" + std::to_string(pick(6)); };
    for (int round = 0; round < kRounds; ++round) {
      switch (pick(8)) {
        case 0:
        case 1: static_cast<void>(Put("Person", key(), R"({"email":"e1"})").ok()); break;
        case 2: static_cast<void>(Put("Person", key(), "{}").ok()); break;
        case 3: static_cast<void>(writer.DeleteNode(Node("Person"), key()).ok()); break;
        case 4: static_cast<void>(writer.RenameNode(Node("Person"), key(), key(), {}).ok()); break;
        case 5: static_cast<void>(Unlink("Knows", key(), key()).ok()); break;
        case 6: static_cast<void>(writer.SweepEdges(10).ok()); break;
        default: static_cast<void>(Link("Knows", key(), key()).ok()); break;
      }
      const auto cursor = reader.ListEdges(head, Edge("Knows"));
      while (cursor.ok()) {
        const auto edge = (*cursor)->Next();
        if (!edge.ok() || !*edge) break;
      }
      static_cast<void>(reader.GetSchema(head).ok());
    }
  });
  // Each live row has its name and each name its row; both orders of the edges agree.
  SweepAll();
  const auto rows = Rows("Person");
  EXPECT_EQ(EntriesOf(KeyKind::kRow), rows.size());
  uint64_t emails = 0;
  for (const auto& [name, number] : rows) {
    const auto row = Get("Person", name);
    ASSERT_TRUE(row.ok()) << name;
    EXPECT_EQ(row->row, number);
    emails += row->body.find("email") == std::string::npos ? 0 : 1;
  }
  EXPECT_LE(emails, 1U) << "the value is unique";
  EXPECT_EQ(EntriesOf(KeyKind::kIndex), emails);
  EXPECT_EQ(EntriesOf(KeyKind::kEdge), EntriesOf(KeyKind::kEdgeReverse));
  EXPECT_EQ(EntriesOf(KeyKind::kEdge), Edges("Knows").size()) << "the sweep left nothing behind";
  EXPECT_EQ(EntriesOf(KeyKind::kDeadRow), 0U);
}

TEST_F(ConcurrencyTest, RenamesInARingLeaveEveryBodyWithItsOwnName) {
  constexpr int kKeys = 5;
  const auto key = [](int i) { return "k" + std::to_string(i % kKeys); };
  const auto body = [](const std::string& name, const std::string& email) {
    return R"({"name":")" + name + R"(","email":")" + email + "\"}";
  };
  MustPut("Person", "hub");
  for (int i = 0; i < kKeys - 1; ++i) {
    MustPut("Person", key(i), body(key(i), "e" + std::to_string(i)));
    MustLink("Knows", "hub", key(i));
  }
  std::atomic<int> moved = 0;
  RunAll([&](int id) {
    for (int round = 0; round < kRounds; ++round) {
      const int at = id + round;
      if (writer.RenameNode(Node("Person"), key(at), key(at + 1), {}).ok()) ++moved;
      // What was replaced comes back, so that there is always something to move.
      const std::string fresh = "e" + std::to_string(at % kKeys);
      static_cast<void>(Put("Person", key(at + 2), body(key(at + 2), fresh)).ok());
    }
  });
  EXPECT_GT(moved, 0);
  std::set<std::string> emails;
  for (const auto& [name, number] : Rows("Person")) {
    if (name == "hub") continue;
    const auto row = Get("Person", name);
    ASSERT_TRUE(row.ok()) << name;
    EXPECT_EQ(row->row, number);
    EXPECT_EQ(row->body.find(R"({"name":")" + name + "\""), 0U) << name << ": " << row->body;
    EXPECT_TRUE(emails.insert(row->body.substr(row->body.find("email"))).second) << row->body;
  }
  EXPECT_EQ(EntriesOf(KeyKind::kIndex), emails.size());
  EXPECT_EQ(EntriesOf(KeyKind::kRow), emails.size() + 1);
  EXPECT_EQ(EntriesOf(KeyKind::kRowName), emails.size() + 1);
}

TEST_F(ConcurrencyTest, ARowThatComesBackHasAllOfItsEdgesOrNone) {
  constexpr size_t kEdges = 8;
  const auto link = [&] {
    for (size_t i = 0; i < kEdges; ++i) MustLink("Knows", "hub", "p" + std::to_string(i));
  };
  for (size_t i = 0; i < kEdges; ++i) MustPut("Person", "p" + std::to_string(i));
  MustPut("Person", "hub");
  link();
  std::atomic<bool> done = false;
  RunAll([&](int id) {
    while (id > 0 && !done) {
      // As if each deletion were long ago, a few edges at a time.
      if (id == 1) door.SetNowNs(door.NowNs() + 2 * TableWriter::kReattachNs);
      static_cast<void>(writer.SweepEdges(3).ok());
    }
    if (id > 0) return;
    for (int round = 0; round < kRounds; ++round) {
      PutOptions options;
      options.reuse_row = *writer.DeleteNode(Node("Person"), "hub");
      const InodeNumber row = MustPut("Person", "hub", "{}", options);
      const size_t edges = EdgesOf("Knows", EdgeSide::kOut, row).size();
      // None under a new number, or when the sweep had ended before it came back.
      EXPECT_TRUE(edges == 0 || (edges == kEdges && row == *options.reuse_row)) << edges;
      if (edges == 0) link();
    }
    done = true;
  });
  SweepAll();
  EXPECT_EQ(EntriesOf(KeyKind::kEdge), kEdges);
  EXPECT_EQ(EntriesOf(KeyKind::kEdgeReverse), kEdges);
}

TEST_F(ConcurrencyTest, AnEdgeIsRefusedOrGoesWithItsEnd) {
  MustPut("Person", "alice");
  for (int round = 0; round < 40; ++round) {
    MustPut("City", "Rome");
    std::atomic<bool> linked = false;
    std::atomic<Code> deleted = Code::kOk;
    RunAll([&](int id) {
      if (id == 0) deleted = writer.DeleteNode(Node("City"), "Rome").status().code();
      if (id == 1) linked = Link("Guards", "alice", "Rome").ok();
    });
    // The type says restrict: one of the two has to lose.
    ASSERT_NE(deleted == Code::kOk, linked);
    ASSERT_EQ(HasEdge("Guards", "alice", "Rome"), linked);
    if (linked) {
      ASSERT_TRUE(Unlink("Guards", "alice", "Rome").ok());
    }
  }
}

TEST_F(ConcurrencyTest, SchemaChangesWaitForWritesAndBack) {
  std::atomic<int> refused = 0;
  RunAll([&](int id) {
    for (int round = 0; round < 30; ++round) {
      if (id == 0) {
        if (!writer.AddOpenType("T" + std::to_string(round)).ok()) ++refused;
      } else if (!Put("Person", "k" + std::to_string(id)).ok()) {
        ++refused;
      }
    }
  });
  EXPECT_EQ(refused, 0);
  EXPECT_EQ((*reader.GetSchema(head))->nodes.size(), schema->nodes.size() + 30);
}

}  // namespace
}  // namespace mendfs
