// A store in memory with tables, and short ways to say what the tests of tables say.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "meta/row_name.h"
#include "meta/table/schema/row_value.h"
#include "meta/tables.h"
#include "tests/support/memory_door.h"

namespace mendfs {

inline constexpr std::string_view kPeopleSchema = R"(
node Person {
  name:  String @key
  age:   I32?
  email: String? @unique
  city:  String? @index
}
node City { name: String @key }
node Flight @key(day, number) { day: Date, number: I32, gate: String? }
edge Knows: Person -> Person { since: Date? }
edge LivesIn: Person -> City @card(0..1)
edge Guards: Person -> City @ondelete(restrict)
edge Owns: Person -> City @card(1..3)
)";

class TableTest : public ::testing::Test {
 protected:
  void SetUp() override { Accept(kPeopleSchema); }

  void Accept(std::string_view text) {
    const auto applied = writer.ApplySchema(text);
    ASSERT_TRUE(applied.ok()) << applied.status().ToString();
    schema = *applied;
  }
  TypeId Node(std::string_view name) const { return schema->FindNode(name)->id; }
  const EdgeType& Edge(std::string_view name) const { return *schema->FindEdge(name); }

  Result<NodeRow> Put(std::string_view type, std::string_view key, std::string_view body = "{}",
                      const PutOptions& options = {}) {
    return writer.PutNode(Node(type), key, body, options);
  }
  // The number of a row that has to be accepted.
  InodeNumber MustPut(std::string_view type, std::string_view key, std::string_view body = "{}",
                      const PutOptions& options = {}) {
    const auto row = Put(type, key, body, options);
    EXPECT_TRUE(row.ok()) << row.status().ToString();
    return row.ok() ? row->row : InodeNumber(0);
  }
  Result<EdgeRow> Link(std::string_view type, std::string_view source, std::string_view target,
                       uint32_t number = 1, std::string_view body = "") {
    return writer.PutEdge(Edge(type).id, source, target, number, body, {});
  }
  void MustLink(std::string_view type, std::string_view source, std::string_view target,
                uint32_t number = 1, std::string_view body = "") {
    const auto edge = Link(type, source, target, number, body);
    EXPECT_TRUE(edge.ok()) << edge.status().ToString();
  }
  Status Unlink(std::string_view type, std::string_view source, std::string_view target,
                uint32_t number = 1) {
    return writer.DeleteEdge(Edge(type).id, source, target, number);
  }
  Result<NodeRow> Get(std::string_view type, std::string_view key) {
    return reader.GetNode(head, Node(type), key);
  }
  bool HasEdge(std::string_view type, std::string_view source, std::string_view target,
               uint32_t number = 1) {
    const auto edge = reader.GetEdge(head, Edge(type), source, target, number);
    if (!edge.ok()) {
      EXPECT_EQ(edge.status().code(), Code::kNotFound) << edge.status().ToString();
    }
    return edge.ok();
  }

  std::map<std::string, InodeNumber> Rows(std::string_view type, const View& view = {}) {
    std::map<std::string, InodeNumber> rows;
    const auto cursor = reader.ListNodes(view, Node(type), InodeNumber(0));
    EXPECT_TRUE(cursor.ok());
    InodeNumber last;
    while (true) {
      const auto row = (*cursor)->Next();
      EXPECT_TRUE(row.ok()) << row.status().ToString();
      if (!row.ok() || !*row) return rows;
      EXPECT_LT(last, (*row)->row);
      last = (*row)->row;
      EXPECT_TRUE(rows.emplace((*row)->key, (*row)->row).second) << "listed twice";
    }
  }
  static std::string Name(const EdgeRow& edge) {
    return edge.source_key + "~" + edge.target_key + "~" + std::to_string(edge.ends.number);
  }
  static std::vector<std::string> Drain(EdgeCursor& cursor) {
    std::vector<std::string> names;
    while (true) {
      const auto edge = cursor.Next();
      EXPECT_TRUE(edge.ok()) << edge.status().ToString();
      if (!edge.ok() || !*edge) return names;
      names.push_back(Name(**edge));
    }
  }
  std::vector<std::string> Edges(std::string_view type, const View& view = {}) {
    const auto cursor = reader.ListEdges(view, Edge(type));
    EXPECT_TRUE(cursor.ok());
    return Drain(**cursor);
  }
  std::vector<std::string> EdgesOf(std::string_view type, EdgeSide side, InodeNumber row) {
    const auto cursor = reader.ListEdgesOf(head, Edge(type), side, row);
    EXPECT_TRUE(cursor.ok());
    return Drain(**cursor);
  }
  // Sweeps as if every deletion were long ago.
  uint64_t SweepAll() {
    door.SetNowNs(door.NowNs() + 2 * TableWriter::kReattachNs);
    uint64_t total = 0;
    while (true) {
      const auto cleared = writer.SweepEdges(7);
      EXPECT_TRUE(cleared.ok()) << cleared.status().ToString();
      if (!cleared.ok() || *cleared == 0) return total;
      EXPECT_LE(*cleared, 7U);
      total += *cleared;
    }
  }
  uint64_t EntriesOf(KeyKind kind) const {
    uint64_t count = 0;
    for (const auto& [key, value] : door.Dump({})) count += KindOf(key) == kind ? 1 : 0;
    return count;
  }

  MemoryDoor door;
  TableWriter writer{door, kMainBranch};
  TableReader reader{door};
  std::shared_ptr<const Schema> schema;
  const View head{};
};

// Both in one place: which code, and that the sentence names what it is about.
inline void ExpectRefused(const Status& status, Code code, std::string_view word) {
  EXPECT_EQ(status.code(), code) << status.ToString();
  EXPECT_NE(status.message().find(word), std::string::npos) << status.ToString();
}

}  // namespace mendfs
