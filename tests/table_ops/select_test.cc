// RowSelection against a model: a filter over values kept in memory.
#include "meta/select.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "tests/support/seed.h"
#include "tests/table_ops/table_fixture.h"

namespace mendfs {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

constexpr std::string_view kSchema =
    "node Person {\n"
    "  name: String @key\n"
    "  age: I32?\n"
    "  city: String? @index\n"
    "  mail: String? @unique\n"
    "  score: F64? @index\n"
    "  born: Date?\n"
    "  tags: [String]?\n"
    "  photo: Blob?\n"
    "}\n"
    "open node Place\n";

class SelectTest : public TableTest {
 protected:
  void SetUp() override { Accept(kSchema); }

  Result<std::shared_ptr<const RowSelection>> Make(const RowQuery& query,
                                                   const SelectLimits& limits = {},
                                                   std::string_view type = "Person") {
    return RowSelection::Make(schema, Node(type), query, limits);
  }
  Result<std::vector<std::string>> Keys(const RowQuery& query, const SelectLimits& limits = {}) {
    MENDFS_ASSIGN_OR_RETURN(const auto selection, Make(query, limits));
    const auto cursor = selection->Open(door, {});
    std::vector<std::string> keys;
    while (true) {
      MENDFS_ASSIGN_OR_RETURN(const auto row, cursor->Next());
      if (!row) return keys;
      MENDFS_ASSIGN_OR_RETURN(const bool matches, selection->Matches(*row));
      EXPECT_TRUE(matches) << row->key;
      keys.push_back(row->key);
    }
  }
  std::vector<std::string> Lines(const RowQuery& query, std::string_view type = "Person") {
    const auto lines = RowSelection::OpenLines(*Make(query, {}, type), door, {});
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

TEST_F(SelectTest, AConditionIsOnAnyColumnWithAnIndexOrWithout) {
  MustPut("Person", "ann", R"({"age": 30, "city": "Paris", "mail": "a@x"})");
  MustPut("Person", "bob", R"({"age": 4, "city": "Paris", "born": "2020-02-29"})");
  MustPut("Person", "cid", R"({"city": "", "score": -1.5, "tags": ["x"]})");
  EXPECT_THAT(*Keys(Where("city", Compare::kEqual, {"Paris"})), UnorderedElementsAre("ann", "bob"));
  EXPECT_THAT(*Keys(Where("city", Compare::kEqual, {""})), ElementsAre("cid"));
  EXPECT_THAT(*Keys(Where("city", Compare::kEqual, {"", "Paris", "Paris"})),
              UnorderedElementsAre("ann", "bob", "cid"));
  EXPECT_THAT(*Keys(Where("mail", Compare::kEqual, {"a@x"})), ElementsAre("ann"));
  EXPECT_THAT(*Keys(Where("name", Compare::kEqual, {"bob"})), ElementsAre("bob"));
  EXPECT_THAT(*Keys(Where("age", Compare::kGreater, {"4"})), ElementsAre("ann"));
  EXPECT_THAT(*Keys(Where("age", Compare::kNull, {})), ElementsAre("cid"));
  EXPECT_THAT(*Keys(Where("score", Compare::kNull, {})), UnorderedElementsAre("ann", "bob"));
  EXPECT_THAT(*Keys(Where("tags", Compare::kNull, {})), UnorderedElementsAre("ann", "bob"));
  EXPECT_THAT(*Keys(Where("born", Compare::kLessEqual, {"2020-02-29"})), ElementsAre("bob"));
  RowQuery both = Where("city", Compare::kEqual, {"Paris"});
  both.conditions.push_back({"age", Compare::kLess, {"18"}});
  EXPECT_THAT(*Keys(both), ElementsAre("bob"));
  EXPECT_THAT(*Keys({}), ElementsAre("ann", "bob", "cid"));
}

TEST_F(SelectTest, WhatCannotBeAskedIsRefusedWithWhatThereIs) {
  auto refused = [&](const RowQuery& query) { return Make(query).status(); };
  EXPECT_EQ(refused(Where("cyti", Compare::kEqual, {"x"})).code(), Code::kNotFound);
  EXPECT_THAT(refused(Where("cyti", Compare::kEqual, {"x"})).message(), HasSubstr("\"city\""));
  EXPECT_EQ(refused(Where("age", Compare::kEqual, {"old"})).code(), Code::kInvalid);
  EXPECT_THAT(refused(Where("age", Compare::kEqual, {"old"})).message(), HasSubstr("I32"));
  EXPECT_EQ(refused(Where("tags", Compare::kEqual, {"x"})).code(), Code::kInvalid);
  EXPECT_EQ(refused(Where("photo", Compare::kLess, {"x"})).code(), Code::kInvalid);
  EXPECT_EQ(refused(Where("age", Compare::kLess, {"1", "2"})).code(), Code::kInvalid);
  EXPECT_EQ(refused(Where("age", Compare::kEqual, {})).code(), Code::kInvalid);
  RowQuery order;
  order.order_by = "tags";
  EXPECT_EQ(refused(order).code(), Code::kInvalid);
  order.order_by = "none";
  EXPECT_EQ(refused(order).code(), Code::kNotFound);
}

TEST_F(SelectTest, OrderAndLimit) {
  MustPut("Person", "ann", R"({"age": 30})");
  MustPut("Person", "bob", R"({"age": -4})");
  MustPut("Person", "cid", R"({})");
  MustPut("Person", "dan", R"({"age": 30})");
  RowQuery query;
  query.order_by = "age";
  EXPECT_THAT(*Keys(query), ElementsAre("bob", "ann", "dan", "cid"));
  query.descending = true;
  EXPECT_THAT(*Keys(query), ElementsAre("ann", "dan", "bob", "cid"));
  query.limit = 1;
  EXPECT_THAT(*Keys(query), ElementsAre("ann"));
  query.limit = 0;
  EXPECT_THAT(*Keys(query), ElementsAre());
  RowQuery limited;
  limited.limit = 2;
  EXPECT_THAT(*Keys(limited), ElementsAre("ann", "bob"));
}

TEST_F(SelectTest, LimitsAreRefusedNeverCutShort) {
  for (int i = 0; i < 10; ++i) {
    MustPut("Person", "p" + std::to_string(i), R"({"age": 1, "city": "Paris"})");
  }
  const SelectLimits few{.rows_scanned_max = 9, .ordered_bytes_max = uint64_t{64} << 20};
  EXPECT_EQ(Keys(Where("age", Compare::kEqual, {"1"}), few).status().code(), Code::kOverflow);
  EXPECT_THAT(Keys({}, few).status().message(), HasSubstr("@scan"));
  EXPECT_EQ(Keys(Where("city", Compare::kEqual, {"Paris"}), few)->size(), 10u);
  RowQuery scan = Where("age", Compare::kEqual, {"1"});
  scan.scan = true;
  EXPECT_EQ(Keys(scan, few)->size(), 10u);
  RowQuery ordered;
  ordered.order_by = "age";
  const SelectLimits small{.rows_scanned_max = 100, .ordered_bytes_max = 800};
  EXPECT_EQ(Keys(ordered, small).status().code(), Code::kOverflow);
  ordered.limit = 3;
  EXPECT_EQ(Keys(ordered, small)->size(), 3u);
}

TEST_F(SelectTest, LinesCarryTheKeyOnceAndStandOnOneLine) {
  MustPut("Person", "ann", "{\n  \"age\": 30\n}\n");
  MustPut("Person", "bob", R"({"name": "bob"})");
  MustPut("Person", "cid", "{ }");
  EXPECT_THAT(Lines({}),
              ElementsAre(R"({"name":"ann","age":30})", R"({"name":"bob"})", R"({"name":"cid"})"));
  MustPut("Place", "the \"sea\"", R"({"deep": true})");
  EXPECT_THAT(Lines({}, "Place"), ElementsAre(R"({"$key":"the \"sea\"","deep":true})"));
}

TEST_F(SelectTest, AgreesWithAModel) {
  std::mt19937_64 random(TestSeed());
  struct Values {
    std::optional<int> age;
    std::optional<std::string> city;
    std::optional<double> score;
  };
  std::map<std::string, Values> model;
  for (int i = 0; i < 300; ++i) {
    const std::string key = "p" + std::to_string(random() % 200);
    if (model.contains(key) && random() % 3 == 0) {
      ASSERT_TRUE(writer.DeleteNode(Node("Person"), key).ok());
      model.erase(key);
      continue;
    }
    Values values;
    std::string body = "{\"tags\": []";
    if (random() % 4 != 0) {
      values.age = static_cast<int>(random() % 21) - 10;
      body += ", \"age\": " + std::to_string(*values.age);
    }
    if (random() % 4 != 0) {
      values.city = std::string(random() % 3, 'a' + static_cast<char>(random() % 3));
      body += ", \"city\": \"" + *values.city + "\"";
    }
    if (random() % 4 != 0) {
      values.score = (static_cast<double>(random() % 9) - 4) / 2;
      body += ", \"score\": " + std::to_string(*values.score);
    }
    MustPut("Person", key, body + "}");
    model[key] = values;
  }
  auto holds = [](auto value, Compare compare, auto than) {
    if (compare == Compare::kNull) return !value.has_value();
    if (!value) return false;
    switch (compare) {
      case Compare::kEqual: return *value == than;
      case Compare::kLess: return *value < than;
      case Compare::kLessEqual: return *value <= than;
      case Compare::kGreater: return *value > than;
      default: return *value >= than;
    }
  };
  for (int round = 0; round < 500; ++round) {
    RowQuery query;
    std::vector<std::string> expected;
    const auto age_compare = static_cast<Compare>(random() % 6);
    const auto city_compare = static_cast<Compare>(random() % 6);
    const auto score_compare = static_cast<Compare>(random() % 6);
    const int age = static_cast<int>(random() % 21) - 10;
    const std::string city(random() % 3, 'a' + static_cast<char>(random() % 3));
    const double score = (static_cast<double>(random() % 9) - 4) / 2;
    const uint64_t which = random() % 8;
    auto values = [](Compare compare, std::string text) {
      return compare == Compare::kNull ? std::vector<std::string>()
                                       : std::vector<std::string>{std::move(text)};
    };
    if (which & 1) {
      query.conditions.push_back({"age", age_compare, values(age_compare, std::to_string(age))});
    }
    if (which & 2) query.conditions.push_back({"city", city_compare, values(city_compare, city)});
    if (which & 4) {
      query.conditions.push_back(
          {"score", score_compare, values(score_compare, std::to_string(score))});
    }
    for (const auto& [key, row] : model) {
      if ((which & 1) && !holds(row.age, age_compare, age)) continue;
      if ((which & 2) && !holds(row.city, city_compare, city)) continue;
      if ((which & 4) && !holds(row.score, score_compare, score)) continue;
      expected.push_back(key);
    }
    Result<std::vector<std::string>> keys = Keys(query);
    ASSERT_TRUE(keys.ok()) << keys.status().ToString();
    std::sort(keys->begin(), keys->end());
    std::sort(expected.begin(), expected.end());
    ASSERT_EQ(*keys, expected) << "round " << round;
  }
}

}  // namespace
}  // namespace mendfs
