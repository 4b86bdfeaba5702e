// EdgeSelection against a model: a filter over edges kept in memory.
#include "meta/select_edges.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "tests/support/seed.h"
#include "tests/table_ops/table_fixture.h"

namespace mendfs {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

constexpr std::string_view kEdgeSchema =
    "node Person { name: String @key }\n"
    "node Flight @key(day, number) { day: Date, number: I32 }\n"
    "edge Knows: Person -> Person { since: Date?, weight: I32? }\n"
    "edge Takes: Person -> Flight\n";

class SelectEdgesTest : public TableTest {
 protected:
  void SetUp() override { Accept(kEdgeSchema); }

  Result<std::shared_ptr<const EdgeSelection>> Make(const RowQuery& query,
                                                    const SelectLimits& limits = {},
                                                    std::string_view type = "Knows") {
    return EdgeSelection::Make(schema, Edge(type).id, query, limits);
  }
  Result<std::vector<std::string>> Names(const RowQuery& query, const SelectLimits& limits = {},
                                         std::string_view type = "Knows") {
    MENDFS_ASSIGN_OR_RETURN(const auto selection, Make(query, limits, type));
    const auto cursor = selection->Open(door, {});
    std::vector<std::string> names;
    while (true) {
      MENDFS_ASSIGN_OR_RETURN(const auto row, cursor->Next());
      if (!row) return names;
      MENDFS_ASSIGN_OR_RETURN(const bool matches, selection->Matches(*row));
      EXPECT_TRUE(matches) << Name(*row);
      names.push_back(Name(*row));
    }
  }
  std::vector<std::string> Lines(const RowQuery& query, std::string_view type = "Knows") {
    const auto lines = EdgeSelection::OpenLines(*Make(query, {}, type), door, {});
    std::vector<std::string> all;
    for (std::string line;; line.clear()) {
      Result<bool> more = lines->Next(line);
      EXPECT_TRUE(more.ok()) << more.status().ToString();
      if (!more.ok() || !*more) return all;
      all.push_back(line);
    }
  }
  static RowQuery Where(std::string column, Compare compare, std::vector<std::string> values) {
    RowQuery query;
    query.conditions.push_back({std::move(column), compare, std::move(values)});
    return query;
  }
};

TEST_F(SelectEdgesTest, ConditionsAreOnColumnsAndEnds) {
  for (const char* name : {"ann", "bob", "cid"}) MustPut("Person", name);
  MustLink("Knows", "ann", "bob", 1, R"({"since": "2020-01-01", "weight": 3})");
  MustLink("Knows", "ann", "bob", 2, R"({"weight": 1})");
  MustLink("Knows", "ann", "cid");
  MustLink("Knows", "bob", "cid", 1, R"({"since": "2021-01-01"})");
  EXPECT_THAT(*Names(Where("$from", Compare::kEqual, {"ann"})),
              ElementsAre("ann~bob~1", "ann~bob~2", "ann~cid~1"));
  EXPECT_THAT(*Names(Where("$to", Compare::kEqual, {"cid", "nobody"})),
              ElementsAre("ann~cid~1", "bob~cid~1"));
  EXPECT_THAT(*Names(Where("since", Compare::kGreaterEqual, {"2020-06-01"})),
              ElementsAre("bob~cid~1"));
  EXPECT_THAT(*Names(Where("weight", Compare::kNull, {})), ElementsAre("ann~cid~1", "bob~cid~1"));
  RowQuery both = Where("$from", Compare::kEqual, {"ann", "bob"});
  both.conditions.push_back({"$to", Compare::kEqual, {"cid"}});
  EXPECT_THAT(*Names(both), ElementsAre("ann~cid~1", "bob~cid~1"));
  both.conditions.push_back({"$from", Compare::kEqual, {"bob", "cid"}});
  EXPECT_THAT(*Names(both), ElementsAre("bob~cid~1"));
  RowQuery ordered;
  ordered.order_by = "weight";
  ordered.descending = true;
  ordered.limit = 3;
  EXPECT_THAT(*Names(ordered), ElementsAre("ann~bob~1", "ann~bob~2", "ann~cid~1"));
}

TEST_F(SelectEdgesTest, WrongQuestionsHaveReasons) {
  ExpectRefused(Make(Where("wieght", Compare::kEqual, {"1"})).status(), Code::kNotFound, "weight");
  ExpectRefused(Make(Where("weight", Compare::kEqual, {"x"})).status(), Code::kInvalid, "I32");
  ExpectRefused(Make(Where("$from", Compare::kLess, {"x"})).status(), Code::kInvalid, "$from");
  RowQuery ordered;
  ordered.order_by = "$to";
  ExpectRefused(Make(ordered).status(), Code::kInvalid, "order");
}

TEST_F(SelectEdgesTest, AScanOfManyIsAskedFor) {
  for (const char* name : {"ann", "bob"}) MustPut("Person", name);
  for (uint32_t n = 1; n <= 4; ++n) MustLink("Knows", "ann", "bob", n);
  EXPECT_EQ(Names({}, {.rows_scanned_max = 3}).status().code(), Code::kOverflow);
  EXPECT_EQ(Names({}, {.rows_scanned_max = 4})->size(), 4u);
  EXPECT_EQ(Names(Where("$to", Compare::kEqual, {"bob"}), {.rows_scanned_max = 3})->size(), 4u);
  RowQuery scan;
  scan.scan = true;
  EXPECT_EQ(Names(scan, {.rows_scanned_max = 3})->size(), 4u);
}

TEST_F(SelectEdgesTest, LinesNameTheEndsOnce) {
  for (const char* name : {"ann", "bob"}) MustPut("Person", name);
  MustPut("Flight", "2020-02-29~7", R"({})");
  MustLink("Knows", "ann", "bob", 1, R"({"$from": "ann", "weight": 1})");
  MustLink("Knows", "ann", "bob", 2, R"({"$to": "bob", "$from": "ann"})");
  MustLink("Knows", "bob", "ann");
  MustLink("Takes", "ann", "2020-02-29~7");
  EXPECT_THAT(Lines({}), UnorderedElementsAre(R"({"$from":"ann","$to":"bob","weight":1})",
                                              R"({"$from":"ann","$to":"bob","$n":2})",
                                              R"({"$from":"bob","$to":"ann"})"));
  EXPECT_EQ(Lines(Where("$to", Compare::kEqual, {"2020-02-29~7"}), "Takes").size(), 1u);
}

TEST_F(SelectEdgesTest, AgreesWithAModel) {
  std::mt19937_64 random(TestSeed());
  auto draw = [&](uint64_t count) { return random() % count; };
  using Key = std::tuple<std::string, std::string, uint32_t>;
  std::map<Key, std::optional<int>> model;
  std::set<std::string> people;
  auto person = [&] { return "p" + std::to_string(draw(12)); };
  for (int i = 0; i < 400; ++i) {
    const std::string one = person();
    const std::string other = person();
    if (!people.contains(one) || draw(15) == 0) {
      if (people.erase(one) > 0) {
        ASSERT_TRUE(writer.DeleteNode(Node("Person"), one).ok());
        std::erase_if(model, [&](const auto& edge) {
          return std::get<0>(edge.first) == one || std::get<1>(edge.first) == one;
        });
      } else {
        MustPut("Person", one);
        people.insert(one);
      }
      continue;
    }
    if (!people.contains(other)) continue;
    const Key key(one, other, 1 + static_cast<uint32_t>(draw(2)));
    if (model.contains(key) && draw(3) == 0) {
      ASSERT_TRUE(Unlink("Knows", one, other, std::get<2>(key)).ok());
      model.erase(key);
      continue;
    }
    std::optional<int> weight;
    if (draw(3) > 0) weight = static_cast<int>(draw(9)) - 4;
    MustLink("Knows", one, other, std::get<2>(key),
             weight ? "{\"weight\": " + std::to_string(*weight) + "}" : "");
    model[key] = weight;
  }
  for (int round = 0; round < 400; ++round) {
    RowQuery query;
    const uint64_t which = draw(8);
    const std::set<std::string> from{person(), person()};
    const std::set<std::string> to{person(), person(), person()};
    const auto compare = static_cast<Compare>(draw(6));
    const int than = static_cast<int>(draw(9)) - 4;
    if (which & 1) {
      query.conditions.push_back({"$from", Compare::kEqual, {from.begin(), from.end()}});
    }
    if (which & 2) query.conditions.push_back({"$to", Compare::kEqual, {to.begin(), to.end()}});
    if (which & 4) {
      query.conditions.push_back({"weight", compare,
                                  compare == Compare::kNull
                                      ? std::vector<std::string>()
                                      : std::vector<std::string>{std::to_string(than)}});
    }
    auto holds = [&](std::optional<int> weight) {
      if (compare == Compare::kNull) return !weight.has_value();
      if (!weight) return false;
      switch (compare) {
        case Compare::kEqual: return *weight == than;
        case Compare::kLess: return *weight < than;
        case Compare::kLessEqual: return *weight <= than;
        case Compare::kGreater: return *weight > than;
        default: return *weight >= than;
      }
    };
    std::vector<std::string> expected;
    for (const auto& [key, weight] : model) {
      const auto& [source, target, number] = key;
      if ((which & 1) && !from.contains(source)) continue;
      if ((which & 2) && !to.contains(target)) continue;
      if ((which & 4) && !holds(weight)) continue;
      expected.push_back(source + "~" + target + "~" + std::to_string(number));
    }
    Result<std::vector<std::string>> names = Names(query);
    ASSERT_TRUE(names.ok()) << names.status().ToString();
    std::sort(names->begin(), names->end());
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(*names, expected) << "round " << round;
  }
}

}  // namespace
}  // namespace mendfs
