// Random histories against a model that keeps everything in plain maps.
#include <algorithm>
#include <cstdlib>
#include <optional>
#include <random>
#include <set>
#include <tuple>

#include "tests/table_ops/table_fixture.h"

namespace mendfs {
namespace {

uint64_t SeedOf(uint64_t fallback) {
  const char* const seed = std::getenv("MENDFS_SEED");
  return seed == nullptr ? fallback : std::strtoull(seed, nullptr, 10);
}

// Edges by the numbers of their ends; visible while both are live.
struct Model {
  struct Row {
    InodeNumber number;
    std::string body;
    std::string email;  // unique; empty: none
  };
  using Ends = std::tuple<InodeNumber, InodeNumber, uint32_t>;

  std::map<std::string, Row> rows;
  std::map<Ends, std::string> edges;
  std::map<InodeNumber, std::string> gone;  // numbers that may come back, with their last key

  std::optional<std::string> KeyOf(InodeNumber number) const {
    for (const auto& [key, row] : rows) {
      if (row.number == number) return key;
    }
    return std::nullopt;
  }
  bool EmailIsFree(const std::string& email, const std::set<std::string>& except) const {
    return email.empty() || std::none_of(rows.begin(), rows.end(), [&](const auto& row) {
             return row.second.email == email && except.count(row.first) == 0;
           });
  }
  std::vector<std::string> VisibleEdges() const {
    std::vector<std::string> names;
    for (const auto& [ends, body] : edges) {
      const auto source = KeyOf(std::get<0>(ends));
      const auto target = KeyOf(std::get<1>(ends));
      if (source && target) {
        names.push_back(*source + "~" + *target + "~" + std::to_string(std::get<2>(ends)));
      }
    }
    return names;
  }
};

class ModelTest : public TableTest {
 protected:
  uint64_t Pick(uint64_t below) { return random() % below; }
  std::string AnyKey() { return "k" + std::to_string(Pick(12)); }
  std::string AnyEmail() { return Pick(3) == 0 ? "" : "e" + std::to_string(Pick(6)); }
  static std::string BodyOf(const std::string& email, uint64_t age) {
    std::string body = R"({"age":)" + std::to_string(age);
    if (!email.empty()) body += R"(,"email":")" + email + "\"";
    return body + "}";
  }

  void StepPut() {
    const std::string key = AnyKey();
    const std::string email = AnyEmail();
    const std::string body = BodyOf(email, Pick(100));
    const bool was = model.rows.count(key) > 0;
    PutOptions options;
    options.create_only = Pick(4) == 0;
    if (!model.gone.empty() && Pick(2) == 0) {
      options.reuse_row = std::next(model.gone.begin(), Pick(model.gone.size()))->first;
    }
    const auto put = Put("Person", key, body, options);
    const bool allowed = model.EmailIsFree(email, {key}) && !(was && options.create_only);
    ASSERT_EQ(put.ok(), allowed) << put.status().ToString();
    if (!put.ok()) return;
    if (was) {
      ASSERT_EQ(put->row, model.rows[key].number);
    } else if (options.reuse_row) {
      ASSERT_EQ(put->row, *options.reuse_row);
      model.gone.erase(*options.reuse_row);
    }
    model.rows[key] = {put->row, body, email};
  }

  void StepDelete() {
    const std::string key = AnyKey();
    const auto deleted = writer.DeleteNode(Node("Person"), key);
    ASSERT_EQ(deleted.ok(), model.rows.count(key) > 0);
    if (!deleted.ok()) return;
    ASSERT_EQ(*deleted, model.rows[key].number);
    model.gone[*deleted] = key;
    model.rows.erase(key);
  }

  void StepRename() {
    const std::string key = AnyKey();
    const std::string new_key = AnyKey();
    const bool with_body = Pick(2) == 0;
    const std::string email = AnyEmail();
    const std::string body = BodyOf(email, Pick(100));
    const auto renamed =
        writer.RenameNode(Node("Person"), key, new_key,
                          with_body ? std::optional<std::string_view>(body) : std::nullopt);
    const bool allowed =
        model.rows.count(key) > 0 && (!with_body || model.EmailIsFree(email, {key, new_key}));
    ASSERT_EQ(renamed.ok(), allowed) << renamed.status().ToString();
    if (!renamed.ok()) return;
    Model::Row row = model.rows[key];
    if (with_body) row = {row.number, body, email};
    if (key != new_key && model.rows.count(new_key) > 0) {
      model.gone[row.number] = key;
      row.number = model.rows[new_key].number;
    }
    model.rows.erase(key);
    model.rows[new_key] = row;
    ASSERT_EQ(renamed->row, row.number);
  }

  void StepLink() {
    const std::string source = AnyKey();
    const std::string target = AnyKey();
    const uint32_t number = 1 + static_cast<uint32_t>(Pick(2));
    const std::string body = Pick(2) == 0 ? "" : R"({"since":"2020-01-01"})";
    const auto put = Link("Knows", source, target, number, body);
    const bool allowed = model.rows.count(source) > 0 && model.rows.count(target) > 0;
    ASSERT_EQ(put.ok(), allowed) << put.status().ToString();
    if (!put.ok()) return;
    model.edges[{model.rows[source].number, model.rows[target].number, number}] = body;
  }

  void StepUnlink() {
    const auto visible = model.VisibleEdges();
    if (visible.empty()) return;
    const std::string name = visible[Pick(visible.size())];
    const size_t first = name.find('~');
    const size_t second = name.rfind('~');
    const std::string source = name.substr(0, first);
    const std::string target = name.substr(first + 1, second - first - 1);
    const auto number = static_cast<uint32_t>(std::stoul(name.substr(second + 1)));
    ASSERT_TRUE(Unlink("Knows", source, target, number).ok());
    model.edges.erase({model.rows[source].number, model.rows[target].number, number});
  }

  // A change that the door refuses leaves no trace.
  void StepFail() {
    const auto before = door.Dump({});
    door.FailApply(Code::kNoSpace);
    const std::string key = AnyKey();
    switch (Pick(3)) {
      case 0: static_cast<void>(writer.DeleteNode(Node("Person"), key).ok()); break;
      case 1: static_cast<void>(writer.RenameNode(Node("Person"), key, AnyKey(), {}).ok()); break;
      default: static_cast<void>(Link("Knows", key, AnyKey(), 1, "{}").ok()); break;
    }
    door.FailApply(Code::kOk, 0);
    ASSERT_EQ(door.Dump({}), before);
  }

  void StepSweep() {
    SweepAll();
    // The numbers that were gone are gone for good: their edges are.
    for (auto edge = model.edges.begin(); edge != model.edges.end();) {
      const bool dead = model.gone.count(std::get<0>(edge->first)) > 0 ||
                        model.gone.count(std::get<1>(edge->first)) > 0;
      edge = dead ? model.edges.erase(edge) : std::next(edge);
    }
  }

  void Step() {
    const uint64_t dice = Pick(100);
    if (dice < 25) {
      StepPut();
    } else if (dice < 37) {
      StepDelete();
    } else if (dice < 50) {
      StepRename();
    } else if (dice < 80) {
      StepLink();
    } else if (dice < 90) {
      StepUnlink();
    } else if (dice < 98) {
      StepFail();
    } else {
      StepSweep();
    }
  }

  void CompareRows() {
    std::map<std::string, InodeNumber> want;
    uint64_t emails = 0;
    for (const auto& [key, row] : model.rows) {
      want.emplace(key, row.number);
      emails += row.email.empty() ? 0 : 1;
      const auto got = Get("Person", key);
      ASSERT_TRUE(got.ok());
      ASSERT_EQ(got->body, row.body);
      ASSERT_EQ(got->row, row.number);
    }
    ASSERT_EQ(Rows("Person"), want);
    ASSERT_EQ(EntriesOf(KeyKind::kIndex), emails);
  }

  void CompareEdges() {
    ASSERT_EQ(Edges("Knows"), model.VisibleEdges());
    ASSERT_EQ(EntriesOf(KeyKind::kEdge), EntriesOf(KeyKind::kEdgeReverse));
    if (Edges("Knows").size() < EntriesOf(KeyKind::kEdge)) {
      ASSERT_GT(EntriesOf(KeyKind::kDeadRow), 0U) << "somebody owes them";
    }
    std::multiset<std::string> all;
    std::multiset<std::string> out;
    std::multiset<std::string> in;
    for (const std::string& name : Edges("Knows")) all.insert(name);
    for (const auto& [key, row] : model.rows) {
      for (const std::string& name : EdgesOf("Knows", EdgeSide::kOut, row.number)) out.insert(name);
      for (const std::string& name : EdgesOf("Knows", EdgeSide::kIn, row.number)) in.insert(name);
    }
    ASSERT_EQ(out, all);
    ASSERT_EQ(in, all);
  }

  void Run(uint64_t seed, int steps) {
    SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
    random.seed(seed);
    for (int step = 0; step < steps && !HasFatalFailure(); ++step) {
      SCOPED_TRACE("step " + std::to_string(step));
      Step();
      if (HasFatalFailure()) return;
      CompareRows();
      if (HasFatalFailure()) return;
      CompareEdges();
    }
  }

  Model model;
  std::mt19937_64 random;
};

TEST_F(ModelTest, ARandomHistoryEqualsTheModel) {
  Run(SeedOf(1), 700);
}
TEST_F(ModelTest, AnotherRandomHistoryEqualsTheModel) {
  Run(SeedOf(20261121), 700);
}
TEST_F(ModelTest, AThirdRandomHistoryEqualsTheModel) {
  Run(SeedOf(77), 700);
}

}  // namespace
}  // namespace mendfs
