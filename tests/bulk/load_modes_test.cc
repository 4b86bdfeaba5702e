// merge and replace: what they leave is what a model says, whatever was there before, as one commit
// or not at all.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "tests/bulk/load_fixture.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

constexpr LoadMode kMerge = LoadMode::kMerge;
constexpr LoadMode kReplace = LoadMode::kReplace;

// Both ways that entries go: with the publishing change, and as segments.
class LoadModesTest : public LoadTest, public testing::WithParamInterface<uint64_t> {
 protected:
  Status LoadAs(LoadMode mode, const std::string& text, const std::string& type = "") {
    return Load(text, {.mode = mode, .type = type, .plain_entries_max = GetParam()});
  }
  void MustLoad(LoadMode mode, const std::string& text) {
    const Status loaded = LoadAs(mode, text);
    ASSERT_TRUE(loaded.ok()) << loaded.ToString();
  }
  TypeId Type(const std::string& name) {
    return (*TableReader(store_->reader()).GetSchema({}))->FindNode(name)->id;
  }
  uint64_t NumberOf(const std::string& key) {
    const auto row = TableReader(store_->reader()).GetNode({}, Type("Person"), key);
    return row.ok() ? row->row.value : 0;
  }
  std::string Refusal(size_t index = 0) const {
    return index < summary_.errors.size() ? summary_.errors[index].status.message() : "";
  }
};

INSTANTIATE_TEST_SUITE_P(Output, LoadModesTest, testing::Values(10'000, 0), [](const auto& output) {
  return output.param == 0 ? "Segments" : "Plain";
});

constexpr char kTown[] = R"({"type":"Person","data":{"name":"alice","email":"a@x","city":"Oslo"}}
{"type":"Person","data":{"name":"bob","email":"b@x","age":41}}
{"type":"Person","data":{"name":"carl"}}
{"type":"Place","data":{"country":"no","town":"Oslo"}}
{"edge":"Knows","from":"alice","to":"bob"}
{"edge":"Knows","from":"bob","to":"alice","data":{"since":"2020-01-02"}}
{"edge":"Knows","from":"bob","to":"carl"}
{"edge":"LivesIn","from":"bob","to":"no~Oslo"}
)";

TEST_P(LoadModesTest, AMergedRowKeepsItsNumberAndItsEdges) {
  MustLoad(LoadMode::kAppend, kTown);
  const uint64_t bob = NumberOf("bob");
  MustLoad(kMerge, R"({"type":"Person","data":{"name":"bob","age":42}}
{"type":"Person","data":{"name":"dora","email":"b@x"}}
{"edge":"Knows","from":"bob","to":"alice","data":{"since":"2021-01-02"}}
{"edge":"Knows","from":"dora","to":"bob"}
)");
  EXPECT_EQ(summary_.nodes_changed, 1u);
  EXPECT_EQ(summary_.edges_changed, 1u);
  EXPECT_EQ(NumberOf("bob"), bob);
  EXPECT_EQ(Export(), R"({"type":"Person","data":{"name":"alice","email":"a@x","city":"Oslo"}}
{"type":"Person","data":{"name":"bob","age":42}}
{"type":"Person","data":{"name":"carl"}}
{"type":"Person","data":{"name":"dora","email":"b@x"}}
{"type":"Place","data":{"country":"no","town":"Oslo"}}
{"edge":"Knows","from":"alice","to":"bob"}
{"edge":"Knows","from":"bob","to":"alice","data":{"since":"2021-01-02"}}
{"edge":"Knows","from":"bob","to":"carl"}
{"edge":"Knows","from":"dora","to":"bob"}
{"edge":"LivesIn","from":"bob","to":"no~Oslo"}
)");
  EXPECT_EQ(summary_.commit.counts.nodes, 5u);
  EXPECT_EQ(summary_.commit.counts.edges, 5u);
  EXPECT_EQ(Check(), "");
}

TEST_P(LoadModesTest, MergingTheSameTwiceMakesNoCommit) {
  MustLoad(kMerge, kTown);
  const auto first = summary_.commit.id;
  const Seq before = store_->LastSeq();
  MustLoad(kMerge, kTown);
  EXPECT_EQ(summary_.commit.id, first);
  EXPECT_EQ(summary_.nodes_changed, 0u);
  EXPECT_EQ(store_->LastSeq(), before);
}

TEST_P(LoadModesTest, AttributesOfARowOutliveAMerge) {
  MustLoad(LoadMode::kAppend, kTown);
  TableWriter writer(store_->door(), kMainBranch);
  RowAttributes given;
  given.permissions = 0600;
  ASSERT_TRUE(writer.SetNodeAttributes(Type("Person"), "bob", given).ok());
  MustLoad(kMerge, R"({"type":"Person","data":{"name":"bob"}})");
  const auto bob = TableReader(store_->reader()).GetNode({}, Type("Person"), "bob");
  ASSERT_TRUE(bob.ok());
  EXPECT_EQ(bob->body, R"({"name":"bob"})");
  EXPECT_EQ(bob->attributes.permissions, 0600u);
}

TEST_P(LoadModesTest, ReplaceIsTheWholeImageOfTheTypesItNames) {
  MustLoad(LoadMode::kAppend, kTown);
  const uint64_t alice = NumberOf("alice");
  MustLoad(kReplace, R"({"type":"Person","data":{"name":"alice","city":"Bergen"}}
{"type":"Person","data":{"name":"eve","email":"a@x"}}
{"edge":"Knows","from":"eve","to":"alice"}
)");
  EXPECT_EQ(summary_.nodes_gone, 2u);
  EXPECT_EQ(summary_.edges_gone, 4u);
  EXPECT_EQ(NumberOf("alice"), alice);
  EXPECT_EQ(Export(), R"({"type":"Person","data":{"name":"alice","city":"Bergen"}}
{"type":"Person","data":{"name":"eve","email":"a@x"}}
{"type":"Place","data":{"country":"no","town":"Oslo"}}
{"edge":"Knows","from":"eve","to":"alice"}
)");
  EXPECT_EQ(summary_.commit.counts.nodes, 3u);
  EXPECT_EQ(summary_.commit.counts.edges, 1u);
  EXPECT_EQ(Check(), "");
  // What went can come again, with nothing of what it had.
  MustLoad(LoadMode::kAppend, R"({"type":"Person","data":{"name":"bob","email":"b@x"}})");
  EXPECT_EQ(Export().find("\"from\":\"bob\""), std::string::npos);
  EXPECT_EQ(Check(), "");
}

TEST_P(LoadModesTest, ReplacingEdgesAloneLeavesTheRows) {
  MustLoad(LoadMode::kAppend, kTown);
  MustLoad(kReplace, R"({"edge":"Knows","from":"carl","to":"carl"})");
  EXPECT_EQ(Export({.types = {"Knows"}}),
            "{\"edge\":\"Knows\",\"from\":\"carl\",\"to\":\"carl\"}\n");
  EXPECT_EQ(summary_.nodes_gone, 0u);
  EXPECT_EQ(summary_.edges_gone, 3u);
  EXPECT_EQ(store_->Describe().counts.nodes, 4u);
  EXPECT_EQ(Check(), "");
}

TEST_P(LoadModesTest, AnEdgeToARowThatGoesHasNoEnd) {
  MustLoad(LoadMode::kAppend, kTown);
  const std::string before = Export();
  EXPECT_EQ(LoadAs(kReplace, R"({"type":"Person","data":{"name":"alice"}}
{"edge":"Knows","from":"alice","to":"bob"}
)")
                .code(),
            Code::kInvalid);
  ASSERT_EQ(summary_.errors.size(), 1u);
  EXPECT_EQ(summary_.errors[0].line, 2u);
  EXPECT_NE(Refusal().find("there is no Person \"bob\""), std::string::npos) << Refusal();
  EXPECT_EQ(Export(), before);
}

TEST_P(LoadModesTest, AUniqueValueMayMoveWithinOneLoad) {
  MustLoad(LoadMode::kAppend, kTown);
  // Swapped, and one freed by a row that goes.
  MustLoad(kMerge, R"({"type":"Person","data":{"name":"alice","email":"b@x"}}
{"type":"Person","data":{"name":"bob","email":"a@x"}}
)");
  MustLoad(kReplace, R"({"type":"Person","data":{"name":"alice","email":"a@x"}}
{"type":"Person","data":{"name":"zoe","email":"b@x"}}
)");
  EXPECT_EQ(Check(), "");
  EXPECT_EQ(LoadAs(kMerge, R"({"type":"Person","data":{"name":"new","email":"a@x"}})").code(),
            Code::kInvalid);
  EXPECT_NE(Refusal().find("Person \"alice\" has the same value"), std::string::npos) << Refusal();
  // The store's own judge sees what was freed and what was claimed.
  TableWriter writer(store_->door(), kMainBranch);
  EXPECT_EQ(writer.PutNode(Type("Person"), "ann", R"({"email":"b@x"})", {}).status().code(),
            Code::kExists);
  MustLoad(kMerge, R"({"type":"Person","data":{"name":"zoe"}})");
  EXPECT_TRUE(writer.PutNode(Type("Person"), "ann", R"({"email":"b@x"})", {}).ok());
}

TEST_P(LoadModesTest, BoundsAreAskedOfWhatTheLoadLeaves) {
  Create(
      "node A { k: String @key }\n"
      "node B { k: String @key }\n"
      "edge E: A -> B @card(1..2)\n");
  MustLoad(LoadMode::kAppend, R"({"type":"A","data":{"k":"a"}}
{"type":"B","data":{"k":"x"}}
{"type":"B","data":{"k":"y"}}
{"type":"B","data":{"k":"z"}}
{"edge":"E","from":"a","to":"x"}
{"edge":"E","from":"a","to":"y"}
)");
  // Two are there and stay: a third is too many, the same two are not.
  EXPECT_EQ(LoadAs(kMerge, R"({"edge":"E","from":"a","to":"z"})").code(), Code::kInvalid);
  MustLoad(kMerge,
           "{\"edge\":\"E\",\"from\":\"a\",\"to\":\"x\"}\n"
           "{\"edge\":\"E\",\"from\":\"a\",\"to\":\"y\",\"data\":{}}\n");
  // One goes with its end, so that there is room for another.
  MustLoad(kReplace,
           "{\"type\":\"B\",\"data\":{\"k\":\"y\"}}\n"
           "{\"type\":\"B\",\"data\":{\"k\":\"z\"}}\n");
  EXPECT_EQ(summary_.edges_gone, 1u);
  MustLoad(kMerge, R"({"edge":"E","from":"a","to":"z"})");
  // Both ends go: the source would have none.
  EXPECT_EQ(LoadAs(kReplace, R"({"type":"B","data":{"k":"new"}})").code(), Code::kInvalid);
  EXPECT_NE(Refusal().find("\"a\" would be left with 0 edges E"), std::string::npos) << Refusal();
  EXPECT_EQ(summary_.errors[0].line, 0u);
  // Unless it goes, too.
  MustLoad(kReplace,
           "{\"type\":\"B\",\"data\":{\"k\":\"new\"}}\n"
           "{\"type\":\"A\",\"data\":{\"k\":\"c\"}}\n"
           "{\"edge\":\"E\",\"from\":\"c\",\"to\":\"new\"}\n");
  EXPECT_EQ(Check(), "");
}

TEST_P(LoadModesTest, ARestrictedEdgeHoldsItsRows) {
  Create(
      "node A { k: String @key }\n"
      "edge R: A -> A @ondelete(restrict)\n"
      "edge S: A -> A\n");
  MustLoad(LoadMode::kAppend, R"({"type":"A","data":{"k":"a"}}
{"type":"A","data":{"k":"b"}}
{"edge":"R","from":"a","to":"b"}
{"edge":"S","from":"a","to":"b"}
)");
  const std::string before = Export();
  EXPECT_EQ(LoadAs(kReplace, R"({"type":"A","data":{"k":"a"}})").code(), Code::kInvalid);
  ASSERT_EQ(summary_.errors.size(), 1u);
  EXPECT_EQ(summary_.errors[0].status.code(), Code::kBusy);
  EXPECT_NE(Refusal().find("A \"b\" is not in the input, but edges/R/a~b.json holds it"),
            std::string::npos)
      << Refusal();
  EXPECT_EQ(Export(), before);
  // Named itself, it goes first.
  MustLoad(kReplace, R"({"type":"A","data":{"k":"a"}}
{"edge":"R","from":"a","to":"a"}
)");
  EXPECT_EQ(Export(),
            "{\"type\":\"A\",\"data\":{\"k\":\"a\"}}\n"
            "{\"edge\":\"R\",\"from\":\"a\",\"to\":\"a\"}\n");
  EXPECT_EQ(Check(), "");
}

TEST_P(LoadModesTest, LongNamesComeAndGo) {
  const std::string name(300, 'n');
  MustLoad(LoadMode::kAppend, "{\"type\":\"Person\",\"data\":{\"name\":\"" + name + "\"}}");
  MustLoad(kReplace, R"({"type":"Person","data":{"name":"short"}})");
  EXPECT_EQ(Check(), "");
  MustLoad(kReplace, "{\"type\":\"Person\",\"data\":{\"name\":\"" + name + "\"}}");
  EXPECT_EQ(Check(), "");
  EXPECT_NE(NumberOf(name), 0u);
}

TEST_P(LoadModesTest, NastyLinesAreTakenOrToldInEveryMode) {
  Create("node O { k: String @key, i: I64?, u: U64? }\nnode W { k: String @key }");
  const std::string deep(200, '[');
  for (const LoadMode mode : {LoadMode::kAppend, kMerge, kReplace}) {
    EXPECT_EQ(LoadAs(mode,
                     "{\"type\":\"O\",\"data\":{\"k\":\"a\",\"k\":\"b\"}}\n"
                     "{\"type\":\"O\",\"data\":{\"k\":\"c\",\"i\":9223372036854775808}}\n"
                     "{\"type\":\"O\",\"data\":{\"k\":\"c\",\"u\":-1}}\n"
                     "{\"type\":\"O\",\"data\":{\"k\":\"\\ud800\"}}\n"
                     "{\"type\":\"O\",\"data\":{\"k\":\"\xff\"}}\n"
                     "{\"type\":\"W\",\"data\":{\"k\":\"x\",\"y\":" +
                         deep +
                         "}}\n"
                         "{\"type\":\"O\",\"data\":{\"k\":\"d\"}} {}\n"
                         "{\"type\":\"O\",\"data\":{\"k\":\"same\"}}\n"
                         "{\"type\":\"O\",\"data\":{\"k\":\"same\"}}\n")
                  .code(),
              Code::kInvalid);
    std::string lines;
    for (const LoadError& error : summary_.errors) lines += std::to_string(error.line) + " ";
    EXPECT_EQ(lines, "1 2 3 4 5 6 7 9 ");
    EXPECT_EQ(Export(), "");
  }
  MustLoad(kMerge,
           "{\"type\":\"O\",\"data\":{\"k\":\"\xF0\x9F\x98\x80 ~%/\",\"i\":-9223372036854775808,"
           "\"u\":18446744073709551615}}\r\n");
  MustLoad(kMerge, Export());
  EXPECT_EQ(Check(), "");
}

TEST_P(LoadModesTest, EarlierMomentsKeepWhatTheyHad) {
  MustLoad(LoadMode::kAppend, kTown);
  const std::string before = Export();
  const auto then = store_->Pin(kMainBranch);
  ASSERT_TRUE(then.ok());
  MustLoad(kMerge, R"({"type":"Person","data":{"name":"bob"}})");
  MustLoad(kReplace, R"({"type":"Person","data":{"name":"zoe"}})");
  std::string text;
  const Status exported =
      mendfs::Export(store_->reader(), (*then)->view(), {}, [&](std::string_view part) {
        text.append(part);
        return Status::Ok();
      });
  ASSERT_TRUE(exported.ok()) << exported.ToString();
  EXPECT_EQ(text, before);
}

TEST_P(LoadModesTest, APowerCutAnywhereLeavesTheOldStateOrTheNew) {
  const std::string next = R"({"type":"Person","data":{"name":"bob","email":"a@x"}}
{"type":"Person","data":{"name":"new","city":"Oslo"}}
{"edge":"Knows","from":"new","to":"bob"}
)";
  MustLoad(LoadMode::kAppend, kTown);
  const std::string before = Export();
  MustLoad(kReplace, next);
  const std::string after = Export();
  bool cut = true;
  for (uint64_t call = 1; cut; call += 1 + call / 8) {
    SCOPED_TRACE("mutating call " + std::to_string(call));
    Create(kSchema);
    MustLoad(LoadMode::kAppend, kTown);
    disk_.StopAt(call);
    const Status loaded = LoadAs(kReplace, next);
    cut = !disk_.FaultWaits();
    store_.reset();
    disk_.PowerCut(call);
    Open();
    const std::string found = Export();
    EXPECT_TRUE(found == before || found == after) << found;
    EXPECT_TRUE(!loaded.ok() || found == after);
    EXPECT_TRUE(Residue("/staging").empty());
    EXPECT_EQ(Check(), "");
  }
}

// ------------------------------------------------------------------------------------- the model
constexpr char kModelSchema[] = R"(
node P { k: String @key, u: String? @unique, c: String? @index }
node Q { k: String @key, v: I32? }
edge E: P -> P
edge C: P -> Q @card(0..2) { w: I32? }
edge R: P -> Q @ondelete(restrict)
)";

using EdgeName = std::tuple<std::string, std::string, std::string, int>;  // type, ends, number

struct Model {
  std::map<std::pair<std::string, std::string>, std::string> nodes;  // type and key -> body
  std::map<EdgeName, std::string> edges;

  std::string Text() const {
    std::string text;
    for (const auto& [name, body] : nodes) text += Line(name.first, body);
    for (const auto& [name, body] : edges) text += Line(name, body);
    return text;
  }
  static std::string Line(const std::string& type, const std::string& body) {
    return "{\"type\":\"" + type + "\",\"data\":" + body + "}\n";
  }
  static std::string Line(const EdgeName& name, const std::string& body) {
    const auto& [type, from, to, n] = name;
    return "{\"edge\":\"" + type + "\",\"from\":\"" + from + "\",\"to\":\"" + to + "\"" +
           (n > 1 ? ",\"n\":" + std::to_string(n) : "") +
           (body.empty() ? "" : ",\"data\":" + body) + "}\n";
  }
};

class Input {
 public:
  explicit Input(std::mt19937_64& random) : random_(random) {}

  void Fill() {
    // Rows of one type or of both, edges of some; a repetition now and then.
    const uint64_t nodes = Draw(7);
    for (uint64_t i = 0; i < nodes; ++i) AddNode(Draw(3) == 0 ? "Q" : "P");
    const uint64_t edges = Draw(4);
    const std::string type(1, "ECR"[Draw(3)]);
    for (uint64_t i = 0; i < edges; ++i) AddEdge(Draw(3) == 0 ? "E" : type);
  }
  // What is left when it is loaded on `before`; nothing: it is refused.
  std::optional<Model> Apply(const Model& before, LoadMode mode) const {
    if (repeats_) return std::nullopt;
    Model after = before;
    std::set<std::string> named;
    for (const auto& [name, body] : rows_.nodes) named.insert(name.first);
    for (const auto& [name, body] : rows_.edges) named.insert(std::get<0>(name));
    if (mode == LoadMode::kReplace && !TakeAway(named, after)) return std::nullopt;
    for (const auto& [name, body] : rows_.nodes) {
      if (mode == LoadMode::kAppend && after.nodes.contains(name)) return std::nullopt;
      after.nodes[name] = body;
    }
    for (const auto& [name, body] : rows_.edges) {
      if (mode == LoadMode::kAppend && after.edges.contains(name)) return std::nullopt;
      after.edges[name] = body;
    }
    return IsSound(after) ? std::optional(after) : std::nullopt;
  }
  const std::string& text() const { return text_; }

 private:
  uint64_t Draw(uint64_t below) { return random_() % below; }
  std::string Key() { return std::string(1, static_cast<char>('a' + Draw(5))); }

  void AddNode(const std::string& type) {
    const std::string key = Key();
    std::string body = "{\"k\":\"" + key + "\"";
    if (type == "P" && Draw(4) == 0) body += ",\"u\":\"" + Key() + "\"";
    if (type == "P" && Draw(2) == 0) body += ",\"c\":\"" + Key() + "\"";
    if (type == "Q" && Draw(2) == 0) body += ",\"v\":" + std::to_string(Draw(3));
    body += "}";
    if (rows_.nodes.contains({type, key})) {
      if (Draw(8) != 0) return;
      repeats_ = true;
    }
    rows_.nodes[{type, key}] = body;
    text_ += Model::Line(type, body);
  }
  void AddEdge(const std::string& type) {
    const EdgeName name(type, Key(), Key(), Draw(4) == 0 ? 2 : 1);
    std::string body;
    if (type == "C" && Draw(2) == 0) body = "{\"w\":" + std::to_string(Draw(3)) + "}";
    if (rows_.edges.contains(name)) return;
    rows_.edges[name] = body;
    text_ += Model::Line(name, body);
  }
  // False: a restricted edge holds a row.
  bool TakeAway(const std::set<std::string>& named, Model& model) const {
    std::set<std::pair<std::string, std::string>> gone;
    for (const auto& [name, body] : model.nodes) {
      if (named.contains(name.first) && !rows_.nodes.contains(name)) gone.insert(name);
    }
    for (const auto& name : gone) model.nodes.erase(name);
    for (auto edge = model.edges.begin(); edge != model.edges.end();) {
      const auto& [type, from, to, n] = edge->first;
      const bool whole = named.contains(type) && !rows_.edges.contains(edge->first);
      const bool cut = gone.contains({"P", from}) || gone.contains({type == "E" ? "P" : "Q", to});
      if (cut && !named.contains(type) && type == "R") return false;
      edge = whole || cut ? model.edges.erase(edge) : std::next(edge);
    }
    return true;
  }
  static bool IsSound(const Model& model) {
    std::set<std::string> taken;
    for (const auto& [name, body] : model.nodes) {
      const size_t at = body.find("\"u\":\"");
      if (at != std::string::npos && !taken.insert(body.substr(at + 5, 1)).second) return false;
    }
    std::map<std::string, int> count;
    for (const auto& [name, body] : model.edges) {
      const auto& [type, from, to, n] = name;
      if (!model.nodes.contains({"P", from})) return false;
      if (!model.nodes.contains({type == "E" ? "P" : "Q", to})) return false;
      if (type == "C" && ++count[from] > 2) return false;
    }
    return true;
  }

  std::mt19937_64& random_;
  Model rows_;
  std::string text_;
  bool repeats_ = false;
};

TEST_F(LoadTest, AnyLoadsInAnyOrderLeaveWhatTheModelSays) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  std::mt19937_64 random(seed);
  piece_ = 64;
  int done = 0;
  for (int round = 0; round < 12; ++round) {
    Create(kModelSchema);
    Model model;
    for (int step = 0; step < 60; ++step) {
      const auto mode = static_cast<LoadMode>(random() % 3);
      Input input(random);
      input.Fill();
      const auto after = input.Apply(model, mode);
      const uint64_t plain = random() % 2 == 0 ? 0 : random() % 12;
      const Status loaded = Load(input.text(), {.mode = mode, .plain_entries_max = plain});
      ASSERT_EQ(loaded.ok(), after.has_value())
          << "round " << round << " step " << step << " mode " << static_cast<int>(mode) << "\n"
          << loaded.ToString() << "\n"
          << model.Text() << "---\n"
          << input.text();
      if (after) {
        model = *after;
        ++done;
      }
      ASSERT_EQ(Export(), model.Text()) << "round " << round << " step " << step << "\n"
                                        << input.text();
      // Single writes between loads, folded or not, are counted with them.
      if (random() % 4 == 0) {
        TableWriter writer(store_->door(), kMainBranch);
        const auto schema = TableReader(store_->reader()).GetSchema({});
        const std::string key(1, static_cast<char>('a' + random() % 6));
        const std::string body = "{\"k\":\"" + key + "\"}";
        ASSERT_TRUE(writer.PutNode((*schema)->FindNode("P")->id, key, body, {}).ok());
        model.nodes[{"P", key}] = body;
      }
      if (random() % 8 == 0) {
        ASSERT_EQ(Check(), "") << "round " << round << " step " << step;
      }
    }
    ASSERT_EQ(Check(), "");
  }
  EXPECT_GT(done, 60);
}

}  // namespace
}  // namespace mendfs
