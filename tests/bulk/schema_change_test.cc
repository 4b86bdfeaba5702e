// Each class of step of a schema change, over a whole store: what the plan says, an apply to empty
// and to populated types, the refusal and that it changes nothing, and the past afterwards.
#include "meta/schema_change.h"

#include <gmock/gmock.h>

#include <set>

#include "meta/commit/migrate/schema_look.h"
#include "meta/manifest/keys.h"
#include "meta/table/index.h"
#include "meta/table/row_format.h"
#include "meta/table/schema/schema_parser.h"
#include "tests/bulk/load_fixture.h"

namespace mendfs {
namespace {

using ::testing::HasSubstr;

struct Case {
  std::string name;
  std::string from;
  std::string to;
  std::string rows;     // JSON lines
  std::string steps;    // "class code" of each, with those rows
  std::string refusal;  // words of the sentence; empty: it is accepted
  std::string after;    // the export afterwards; empty: the rows as they were
};

const std::string kA = "node A { k: String @key ";
const std::string kOne = R"({"type":"A","data":{"k":"x","p":1}})"
                         "\n";

std::string Row(const std::string& key, const std::string& members, const std::string& type = "A") {
  return R"({"type":")" + type + R"(","data":{"k":")" + key + "\"" +
         (members.empty() ? "" : "," + members) + "}}\n";
}
std::string EdgeLine(const std::string& from, const std::string& to, const std::string& data) {
  return R"({"edge":"E","from":")" + from + R"(","to":")" + to + R"(","data":)" + data + "}\n";
}

const std::string kTwo = Row("x", R"("p":1)") + Row("y", R"("p":2)");
const std::string kSame = Row("x", R"("p":1)") + Row("y", R"("p":1)");
const std::string kText = Row("x", R"("p":"red")") + Row("y", R"("p":"blue")");
const std::string kSome = Row("x", R"("p":1)") + Row("y", "");
const std::string kAb = kA + "}\nnode B { k: String @key }\nedge E: A -> B ";
const std::string kGraph = Row("x", "") + Row("y", "") + Row("z", "", "B") +
                           EdgeLine("x", "z", R"({"w":1})") + EdgeLine("y", "z", R"({"w":2})");

// What asks nothing of the rows.
std::vector<Case> SafeCases() {
  return {
      {"AddType", kA + "}", kA + "}\nnode B { k: String @key }", Row("x", ""), "safe ", "", ""},
      {"AddNullable", kA + "}", kA + "; p: I32? @index }", Row("x", ""), "safe ", "", ""},
      {"AddRequired", kA + "}", kA + "; p: I32 }", Row("x", ""), "refused required-on-populated",
       "A.p", ""},
      {"WidenInteger", kA + "; p: I32 @index }", kA + "; p: I64 @index }", kTwo, "safe ", "", ""},
      {"WidenFloat", kA + "; p: F32 @index }", kA + "; p: F64 @index }", Row("x", R"("p":0.1)"),
       "safe ", "", ""},
      {"WidenEnum", kA + "; p: enum(red, blue) @index }",
       kA + "; p: enum(green, blue, red) @index }", kText, "safe ", "", ""},
      {"EnumToString", kA + "; p: enum(red, blue) @unique }", kA + "; p: String @unique }", kText,
       "safe ", "", ""},
      {"ToNullable", kA + "; p: I32 }", kA + "; p: I32? }", kTwo, "safe ", "", ""},
      {"AddIndex", kA + "; p: I32 }", kA + "; p: I32 @index }", kTwo, "safe ", "", ""},
      {"DropIndex", kA + "; p: I32 @index }", kA + "; p: I32 }", kTwo, "safe ", "", ""},
      {"DropUnique", kA + "; p: I32 @unique }", kA + "; p: I32 }", kTwo, "safe ", "", ""},
      {"LoosenRange", kA + "; p: I32 @range(0..5) }", kA + "; p: I32 @range(0..9) }", kTwo, "safe ",
       "", ""},
      {"DropCheck", kA + "; p: String @check(/e/) }", kA + "; p: String }", kText, "safe ", "", ""},
      {"Describe", kA + "; p: I32 }", kA + "; p: I32 @description(\"d\") }", kTwo, "safe ", "", ""},
      {"OnDelete", kAb + "{ w: I32? }", kAb + "@ondelete(restrict) { w: I32? }", kGraph, "safe ",
       "", ""},
      {"LoosenCard", kAb + "@card(1..1) { w: I32? }", kAb + "@card(0..9) { w: I32? }", kGraph,
       "safe ", "", ""},
      {"RenameType", kA + "; p: I32 }", "node Z @rename_from(A) { k: String @key; p: I32 }", kOne,
       "safe ", "",
       R"({"type":"Z","data":{"k":"x","p":1}})"
       "\n"},
      {"OpenType", kA + "; p: I32 }", "open node A { k: String @key; p: I32 }", kTwo, "safe ", "",
       ""},
  };
}

// What is asked of every row.
std::vector<Case> CheckedCases() {
  return {
      {"AddIndexOnText", kA + "; p: String }", kA + "; p: String @index }", kText,
       "checked constraint-on-populated", "", ""},
      {"AddIndexOnLongText", kA + "; p: String }", kA + "; p: String @index }",
       Row("x", R"("p":")" + std::string(5000, 'a') + "\""), "refused constraint-on-populated",
       "A/x does not fit", ""},
      {"AddUnique", kA + "; p: I32? }", kA + "; p: I32? @unique }",
       kTwo + Row("z", "") + Row("zz", ""), "checked constraint-on-populated", "", ""},
      {"AddUniqueOnSame", kA + "; p: I32? }", kA + "; p: I32? @unique }", kSame,
       "refused constraint-on-populated", "A/x and A/y have the same value", ""},
      {"AddUniqueToIndex", kA + "; p: I32? @index }", kA + "; p: I32? @index @unique }", kSame,
       "refused constraint-on-populated", "A/x and A/y", ""},
      {"AddRange", kA + "; p: I32 }", kA + "; p: I32 @range(0..5) }", kTwo,
       "checked constraint-on-populated", "", ""},
      {"AddRangeOnOthers", kA + "; p: I32 }", kA + "; p: I32 @range(..1) }", kTwo,
       "refused constraint-on-populated", "A/y does not fit: property \"p\": 2", ""},
      {"AddCheck", kA + "; p: String }", kA + "; p: String @check(/e/) }", kText,
       "checked constraint-on-populated", "", ""},
      {"AddCheckOnOthers", kA + "; p: String }", kA + "; p: String @check(/^r/) }", kText,
       "refused constraint-on-populated", "A/y", ""},
      {"ToRequired", kA + "; p: I32? }", kA + "; p: I32 }", kTwo, "checked required-on-populated",
       "", ""},
      {"ToRequiredOnNull", kA + "; p: I32? }", kA + "; p: I32 }", kSome,
       "refused required-on-populated", "A/y", ""},
      {"TightenCard", kAb + "{ w: I32? }", kAb + "@card(1..1) { w: I32? }", kGraph,
       "checked constraint-on-populated", "", ""},
      {"TightenCardOnMore", kAb + "{ w: I32? }", kAb + "@card(0..1) { w: I32? }",
       kGraph + Row("zz", "", "B") + EdgeLine("x", "zz", "{}"), "refused constraint-on-populated",
       "A/x has 2", ""},
      {"TightenCardOnLess", kAb + "{ w: I32? }", kAb + "@card(1..9) { w: I32? }",
       kGraph + Row("zz", ""), "refused constraint-on-populated", "A/zz has 0", ""},
      {"EdgeRange", kAb + "{ w: I32? }", kAb + "{ w: I32? @range(0..1) }", kGraph,
       "refused constraint-on-populated", "edges/E/y~z.json does not fit", ""},
      {"Close", "open node A { k: String @key }", kA + "; p: I32? }", kTwo,
       "checked constraint-on-populated,checked closed-on-populated", "", ""},
      {"CloseOnOthers", "open node A { k: String @key }", kA + "}", kTwo,
       "refused closed-on-populated", "A/x", ""},
      {"DeclareInOpen", "open node A { k: String @key }", "open node A { k: String @key; p: I32 }",
       kTwo, "checked required-on-populated", "", ""},
      {"KeyChange", kA + "; p: I32 }", "node A { k: String; p: I32 @key }", kTwo,
       "refused key-change", "key of A", ""},
      {"NarrowKey", "node A { k: I64 @key }", "node A { k: I32 @key }",
       R"({"type":"A","data":{"k":1}})"
       "\n",
       "refused key-change", "A.k", ""},
      {"EndsChange", kAb + "{ w: I32? }",
       kA + "}\nnode B { k: String @key }\nedge E: B -> A { w: I32? }", kGraph,
       "refused endpoints-change", "ends of E", ""},
  };
}

// What takes something away.
std::vector<Case> LossyCases() {
  return {
      {"DropProperty", kA + "; p: I32; q: String? @index }", kA + "; q: String? @index }",
       R"({"type":"A","data":{"p":1,"k":"x","q":"s"}})"
       "\n" +
           Row("y", R"("p":2)"),
       "destructive drop-property", "",
       R"({"type":"A","data":{"k":"x","q":"s"}})"
       "\n" +
           Row("y", "")},
      {"DropIndexed", kA + "; p: I32 @unique; q: I32? }", kA + "; q: I32? }",
       Row("x", R"("p":1,"q":3)"), "destructive drop-property", "", Row("x", R"("q":3)")},
      {"DropWhatNobodyHas", kA + "; p: I32? }", kA + "}", Row("x", ""), "destructive drop-property",
       "", ""},
      {"DropEdgeProperty", kAb + "{ w: I32? }", kAb, kGraph, "destructive drop-property", "",
       Row("x", "") + Row("y", "") + Row("z", "", "B") + EdgeLine("x", "z", "{}") +
           EdgeLine("y", "z", "{}")},
      {"DropEdgeType", kAb + "{ w: I32? }", kA + "}\nnode B { k: String @key }", kGraph,
       "destructive drop-type", "", Row("x", "") + Row("y", "") + Row("z", "", "B")},
      {"DropType", kAb + "{ w: I32? }", kA + "}", kGraph,
       "destructive drop-type,destructive drop-type", "", Row("x", "") + Row("y", "")},
      {"NarrowWithoutLoss", kA + "; p: I64 @index }", kA + "; p: I32 @index }", kTwo,
       "destructive narrowed-type", "", ""},
      {"NarrowWithLoss", kA + "; p: I64? @index }", kA + "; p: I32? @index }",
       Row("x", R"("p":1)") + Row("y", R"("p":5000000000)"), "destructive narrowed-type", "",
       kSome},
      {"NarrowRequired", kA + "; p: I64 }", kA + "; p: I32 }",
       Row("x", R"("p":1)") + Row("y", R"("p":5000000000)"), "refused narrowed-type", "A/y", ""},
      {"NarrowEnum", kA + "; p: enum(red, blue)? @index }", kA + "; p: enum(red)? @index }", kText,
       "destructive narrowed-type", "", Row("x", R"("p":"red")") + Row("y", "")},
      {"OtherType", kA + "; p: I32? @index }", kA + "; p: F64? @index }", kTwo,
       "destructive narrowed-type", "", ""},
      {"OtherTypeOfUnique", kA + "; p: I64? @unique }", kA + "; p: F64? @unique }", kTwo,
       "destructive narrowed-type,checked constraint-on-populated", "", ""},
      {"OtherTypeOfUniqueOnSame", kA + "; p: I64? @unique }", kA + "; p: F64? @unique }",
       Row("x", R"("p":9007199254740992)") + Row("y", R"("p":9007199254740993)"),
       "destructive narrowed-type,refused constraint-on-populated", "A/x and A/y", ""},
      {"ListToScalar", kA + "; p: [I32]? }", kA + "; p: I32? }", Row("x", R"("p":[1])"),
       "destructive narrowed-type", "", Row("x", "")},
      {"Expire", kA + "; p: Date? }", "node A @ttl(p) { k: String @key; p: Date? }",
       Row("x", R"("p":"9000-01-01")"), "destructive ttl-on-populated", "", ""},
      {"DropAndIndex", kA + "; p: I32; q: String? }", kA + "; q: String? @index }",
       Row("x", R"("p":1,"q":"s")"), "checked constraint-on-populated,destructive drop-property",
       "", Row("x", R"("q":"s")")},

  };
}

std::vector<Case> Cases() {
  std::vector<Case> cases = SafeCases();
  for (const auto& more : {CheckedCases(), LossyCases()}) {
    cases.insert(cases.end(), more.begin(), more.end());
  }
  return cases;
}

class SchemaChangeTest : public LoadTest {
 protected:
  void SetUp() override { piece_ = size_t{1} << 20; }

  SchemaPlan Plan(const std::string& text) {
    auto plan = PlanSchemaChange(*store_, kMainBranch, text);
    EXPECT_TRUE(plan.ok()) << plan.status().ToString();
    return plan.ok() ? *std::move(plan) : SchemaPlan();
  }
  static std::string Steps(const SchemaPlan& plan) {
    std::string text;
    for (const SchemaStep& step : plan.change.steps) {
      if (!text.empty()) text += ",";
      text += std::string(StepClassName(step.step_class)) + " " + step.code;
    }
    return text;
  }
  Result<SchemaChanged> Apply(const std::string& text, const SchemaChangeOptions& options = {}) {
    return ApplySchemaChange(*store_, text, options);
  }
  Status MustApply(const std::string& text) {
    const auto changed = Apply(text, {.allow_data_loss = true, .act = true});
    EXPECT_TRUE(changed.ok()) << changed.status().ToString();
    return changed.status();
  }
  // All that a refusal must not touch.
  std::string State() {
    const auto schema = TableReader(store_->reader()).GetSchema({});
    std::string text = std::to_string(store_->LastSeq().value) + "\n" + Export();
    if (schema.ok()) text += FormatSchemaOf(**schema);
    for (const char* place : {"/staging", "/sidecars", "/objects/segment"}) {
      for (const std::string& name : Residue(place)) text += name + "\n";
    }
    return text;
  }
  static std::string FormatSchemaOf(const Schema& schema) {
    std::string text;
    for (const NodeType& type : schema.nodes) {
      text += type.name + std::to_string(type.id.value) + "\n";
    }
    return text;
  }
  std::string ExportAt(Seq seq) {
    const auto moment = store_->Pin(kMainBranch, seq);
    EXPECT_TRUE(moment.ok()) << moment.status().ToString();
    std::string text;
    if (!moment.ok()) return text;
    const Status status =
        mendfs::Export(store_->reader(), (*moment)->view(), {}, [&](std::string_view part) {
          text.append(part);
          return Status::Ok();
        });
    EXPECT_TRUE(status.ok()) << status.ToString();
    return text;
  }
  // The indexes that the schema names hold just what the rows say.
  void ExpectIndexesFit() {
    const auto schema = *TableReader(store_->reader()).GetSchema({});
    const auto rules = *RowRules::Make(*schema);
    RowChecker checker(rules);
    CheckedRow checked;
    std::set<std::string> want;
    std::set<std::string> have;
    const auto each = [&](const std::string& prefix, const auto& take) {
      const auto cursor = store_->reader().Scan({}, PrefixRange(prefix));
      for (; cursor->Valid(); cursor->Next()) take(cursor->key(), cursor->value());
    };
    for (const NodeType& type : schema->nodes) {
      each(RowPrefix(type.id), [&](std::string_view key, std::string_view value) {
        const RowHead head = *DecodeRowHead(value);
        const Status fits =
            checker.CheckNode(type, value.substr(head.body_offset), *ParseRowKey(key), checked);
        EXPECT_TRUE(fits.ok()) << fits.ToString();
        for (std::string& entry : IndexKeysOf(type.id, head.row, checked)) want.insert(entry);
      });
      for (const Property& property : type.properties) {
        each(IndexPrefix(type.id, property.id),
             [&](std::string_view key, std::string_view) { have.emplace(key); });
      }
    }
    EXPECT_EQ(have, want);
  }
  void MustLoad(const std::string& text, LoadOptions options = {}) {
    const Status loaded = Load(text, options);
    ASSERT_TRUE(loaded.ok()) << loaded.ToString();
  }

  void OnEmpty(const Case& one) {
    Create(one.from);
    EXPECT_EQ(Steps(Plan(one.to)).find("checked"), std::string::npos);
    MustApply(one.to).IgnoreError();
    EXPECT_EQ(Export(), "");
    EXPECT_EQ(Check(), "");
  }
  void Refused(const Case& one) {
    const std::string before = State();
    const auto refused = Apply(one.to, {.allow_data_loss = true, .act = true});
    EXPECT_EQ(refused.status().code(), Code::kInvalid);
    EXPECT_THAT(refused.status().message(), HasSubstr(one.refusal));
    EXPECT_THAT(refused.status().message(), HasSubstr("("));
    EXPECT_EQ(TableWriter(store_->door(), kMainBranch).ApplySchema(one.to).status().message(),
              refused.status().message());
    EXPECT_EQ(State(), before);
  }
  void RefusedWithoutLeave(const Case& one, const SchemaPlan& plan) {
    const std::string before = State();
    for (const Status& refused :
         {Apply(one.to).status(), Apply(one.to, {.act = true}).status(),
          Apply(one.to, {.plan = plan.id}).status(),
          TableWriter(store_->door(), kMainBranch).ApplySchema(one.to).status()}) {
      EXPECT_EQ(refused.code(), Code::kInvalid);
      EXPECT_THAT(refused.message(), HasSubstr("--allow-data-loss"));
    }
    const auto shown = Apply(one.to, {.allow_data_loss = true});
    ASSERT_TRUE(shown.ok()) << shown.status().ToString();
    EXPECT_FALSE(shown->applied);
    EXPECT_EQ(shown->plan.id, plan.id);
    EXPECT_EQ(Apply(one.to, {.allow_data_loss = true, .plan = "0123456789abcdef"}).status().code(),
              Code::kConditionLost);
    EXPECT_EQ(State(), before);
  }
  void Accepted(const Case& one, const SchemaPlan& plan) {
    const std::string before = Export();
    const Seq then = (*store_->Log(kMainBranch, kHeadSeq, 1)).at(0).seq;
    const bool lossy = plan.change.Has(StepClass::kDestructive);
    if (lossy) RefusedWithoutLeave(one, plan);
    const auto changed = lossy ? Apply(one.to, {.allow_data_loss = true, .plan = plan.id})
                               : Apply(one.to, {.plan = plan.id});
    ASSERT_TRUE(changed.ok()) << changed.status().ToString();
    EXPECT_TRUE(changed->applied);
    EXPECT_TRUE(changed->commit.has_value());
    const std::string after = one.after.empty() ? before : one.after;
    EXPECT_EQ(Export(), after);
    ExpectIndexesFit();
    EXPECT_EQ(ExportAt(then), before) << "the past";
    EXPECT_EQ(Residue("/sidecars"), std::vector<std::string>{});
    EXPECT_EQ(Check(), "");
    EXPECT_EQ(Export(), after) << "opened again";
    EXPECT_EQ(ExportAt(then), before) << "the past, opened again";
    EXPECT_EQ(Steps(Plan(one.to)), "");
    EXPECT_FALSE((*Apply(one.to)).applied);
    // Every row may be written as it stands.
    if (!after.empty()) MustLoad(after, {.mode = LoadMode::kReplace});
    EXPECT_EQ(Export(), after);
  }
};

class SchemaStepTest : public SchemaChangeTest, public testing::WithParamInterface<Case> {};

TEST_P(SchemaStepTest, IsWhatItIs) {
  const Case& one = GetParam();
  OnEmpty(one);
  for (const uint64_t plain : {10'000, 0}) {  // as entries, and as segments
    Create(one.from);
    MustLoad(one.rows, {.plain_entries_max = plain});
    const SchemaPlan plan = Plan(one.to);
    EXPECT_EQ(Steps(plan), one.steps);
    if (one.refusal.empty()) {
      Accepted(one, plan);
    } else {
      Refused(one);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Each, SchemaStepTest, testing::ValuesIn(Cases()),
                         [](const auto& each) { return each.param.name; });

TEST_F(SchemaChangeTest, AllOtherBytesOfABodyStay) {
  Create(kA + "; p: I32?; q: String?; r: I64? }");
  TableWriter writer(store_->door(), kMainBranch);
  const TypeId a = (*TableReader(store_->reader()).GetSchema({}))->FindNode("A")->id;
  const std::vector<std::pair<std::string, std::string>> bodies = {
      {R"({ "p" : 1 , "k":"a",  "q":"s" })", R"({ "k":"a",  "q":"s" })"},
      {"{\n  \"q\": \"}\",\n  \"p\": 1,\n  \"r\": 2\n}\n", "{\n  \"q\": \"}\",\n  \"r\": 2\n}\n"},
      {R"({"q":"s" , "p":1})", R"({"q":"s"})"},
      {R"( {"p":null} )", " {} "},
      {R"({"\u0070":3})", "{}"},
      {R"({"q":"\"p\":1"})", R"({"q":"\"p\":1"})"},
      {R"({"r":5000000000,"p":1,"q":"s"})", R"({"q":"s"})"},
      {"{}", "{}"}};
  for (size_t i = 0; i < bodies.size(); ++i) {
    const std::string key(1, static_cast<char>('a' + i));
    const auto put = writer.PutNode(a, key, bodies[i].first, {});
    ASSERT_TRUE(put.ok()) << bodies[i].first << put.status().ToString();
  }
  MustApply(kA + "; q: String?; r: I32? }").IgnoreError();
  for (size_t i = 0; i < bodies.size(); ++i) {
    const auto row =
        TableReader(store_->reader()).GetNode({}, a, std::string(1, static_cast<char>('a' + i)));
    ASSERT_TRUE(row.ok()) << row.status().ToString();
    EXPECT_EQ(row->body, bodies[i].second);
  }
}

TEST_F(SchemaChangeTest, InterfacesAreCheckedAndKept) {
  const std::string named = "interface Named { name: String }\n";
  Create(named + "node City implements Named { name: String @key }");
  const auto text = [&] { return FormatSchema(**TableReader(store_->reader()).GetSchema({})); };
  EXPECT_THAT(text(), HasSubstr("interface Named {\n  name: String\n}"));
  EXPECT_THAT(text(), HasSubstr("node City implements Named {"));
  EXPECT_FALSE((*Apply(text())).applied) << "what is shown is what is there";
  const std::string before = State();
  EXPECT_THAT(Apply(named + "node City implements Named { k: String @key }").status().message(),
              HasSubstr("line 2, column 6: City: "));
  EXPECT_THAT(Apply(named + "node City implements Named { name: I32 @key }").status().message(),
              HasSubstr("line 2, column 6: City: "));
  EXPECT_EQ(State(), before);
  MustApply(named +
            "node City { name: String @key }\nnode Town implements Named { name: String @key }")
      .IgnoreError();
  EXPECT_THAT(text(), HasSubstr("node Town implements Named {"));
  EXPECT_EQ(Check(), "");
}

TEST_F(SchemaChangeTest, DropAndAddAgainIsANewLife) {
  const std::string full = kA + "; p: I32? @index }\nnode B { k: String @key }\nedge E: A -> B {}";
  Create(full);
  MustLoad(Row("x", R"("p":1)") + Row("z", "", "B") + EdgeLine("x", "z", "{}"));
  MustApply(kA + "}").IgnoreError();
  MustApply(full).IgnoreError();
  EXPECT_EQ(Export(), Row("x", ""));
  MustLoad(Row("z", "", "B"), {.mode = LoadMode::kMerge});
  EXPECT_EQ(Export(), Row("x", "") + Row("z", "", "B")) << "the edge does not come back";
  EXPECT_EQ(Check(), "");
}

// What the plan saw is not what there is any more: it is made again with writers waiting.
TEST_F(SchemaChangeTest, AWriteBetweenTheLookAndTheGateCounts) {
  const std::string b = "\nnode B { k: String @key }\nedge E: A -> B";
  const std::string tight = kA + "; p: I32? @range(0..5) }" + b;
  Create(kA + "; p: I32? }" + b);
  MustLoad(kTwo + Row("z", "", "B") + EdgeLine("x", "z", "{}") + EdgeLine("y", "z", "{}"));
  TableWriter writer(store_->door(), kMainBranch);
  const auto schema = *TableReader(store_->reader()).GetSchema({});
  const TypeId a = schema->FindNode("A")->id;
  const auto apply = [&](const std::string& text, const std::function<void()>& looked) {
    return Apply(text, {.allow_data_loss = true, .act = true, .looked = looked}).status();
  };
  const auto put = [&](const std::string& key, const std::string& body) {
    EXPECT_TRUE(writer.PutNode(a, key, body, {}).ok());
  };
  EXPECT_THAT(apply(tight, [&] { put("x", R"({"k":"x","p":9})"); }).message(), HasSubstr("A/x"));
  // Once it is there, a load is such a write, too.
  put("x", R"({"k":"x","p":1})");
  EXPECT_THAT(apply(tight, [&] { MustLoad(Row("w", R"("p":8)")); }).message(), HasSubstr("A/w"));
  // The end of an edge counts for the edges.
  const std::string more = kA + "; p: I32? }" + b + " @card(1..9)";
  ASSERT_TRUE(writer.DeleteNode(a, "w").ok());
  EXPECT_THAT(
      apply(more, [&] { EXPECT_TRUE(writer.DeleteNode(schema->FindNode("B")->id, "z").ok()); })
          .message(),
      HasSubstr("A/x has 0"));
  // Another schema: what is dropped meanwhile is added anew.
  EXPECT_TRUE(apply(kA + "; p: I64? }" + b, [&] { MustApply(kA + "}" + b).IgnoreError(); }).ok());
  EXPECT_THAT(Export(), HasSubstr(Row("x", "") + Row("y", "")));
  // Nothing that it asks about.
  EXPECT_TRUE(apply(kA + "; p: I64?; q: I32? }" + b, [] {}).ok());
  EXPECT_EQ(Check(), "");
}

// More rows than plain entries: whiteouts and new bodies are segments.
TEST_F(SchemaChangeTest, ManyRowsAreDroppedAsSegments) {
  const std::string full =
      kA +
      "; p: I32? @index; q: String? }\nnode B { k: String @key; s: I32? @index }\n"
      "edge E: A -> B { w: I32? }";
  Create(full);
  std::string rows;
  std::string left;
  constexpr int kRows = 6'000;
  for (int i = 0; i < kRows; ++i) {
    char key[16];
    snprintf(key, sizeof key, "r%06d", i);
    rows += Row(key, R"("p":)" + std::to_string(i) + R"(,"q":"s")") +
            Row(key, R"("s":)" + std::to_string(i), "B") + EdgeLine(key, key, R"({"w":1})");
    left += Row(key, R"("q":"s")");
  }
  MustLoad(rows);
  const size_t segments = Segments();
  const std::string before = Export();
  const Seq then = (*store_->Log(kMainBranch, kHeadSeq, 1)).at(0).seq;
  const SchemaPlan plan = Plan(kA + "; q: String? }");
  ASSERT_EQ(plan.change.steps.size(), 3U);
  for (const SchemaStep& step : plan.change.steps) EXPECT_EQ(step.rows, uint64_t{kRows});
  MustApply(kA + "; q: String? }").IgnoreError();
  EXPECT_GT(Segments(), segments);
  EXPECT_EQ(Export(), left);
  EXPECT_EQ(store_->Describe().health, Health::kOk);
  EXPECT_EQ(Check(), "");
  EXPECT_EQ(Export(), left);
  EXPECT_EQ(ExportAt(then), before);
  const auto status = store_->Describe();
  EXPECT_EQ(status.counts.nodes, uint64_t{kRows});
  EXPECT_EQ(status.counts.edges, 0U);
}

TEST_F(SchemaChangeTest, APlanThatLosesMoreByNowIsNotTheOneThatWasConfirmed) {
  Create(kA + "; p: I32? }");
  MustLoad(Row("x", R"("p":1)"));
  const std::string id = Plan(kA + "}").id;
  EXPECT_EQ(Plan(kA + "}").id, id);
  MustLoad(Row("y", R"("p":2)"));
  EXPECT_EQ(Apply(kA + "}", {.allow_data_loss = true, .plan = id}).status().code(),
            Code::kConditionLost);
}

TEST_F(SchemaChangeTest, UniqueIsCheckedInPartsOfAnySize) {
  Create(kA + "; p: I32? }");
  std::string rows;
  for (int i = 0; i < 500; ++i) rows += Row("r" + std::to_string(i), R"("p":)" + std::to_string(i));
  MustLoad(rows);
  const std::string unique = kA + "; p: I32? @unique }";
  const auto look = [&](size_t hashes_max) {
    const SchemaPlan plan = Plan(unique);
    SchemaChange change =
        PlanSchema(plan.accepted->schema(), plan.wanted->schema(), [](TypeId) { return true; });
    EXPECT_TRUE(LookAtRows(store_->reader(), {.view = {}, .hashes_max = hashes_max}, *plan.accepted,
                           plan.wanted, change)
                    .ok());
    return std::string(StepClassName(change.steps.at(0).step_class)) + change.steps.at(0).sentence;
  };
  for (const size_t hashes_max : {1, 7, 100, 1000}) {
    EXPECT_THAT(look(hashes_max), HasSubstr("checked"));
  }
  MustLoad(Row("twin", R"("p":77)"));
  for (const size_t hashes_max : {1, 7, 100, 1000}) {
    EXPECT_THAT(look(hashes_max), HasSubstr("A/r77 and A/twin have the same value"));
  }
}

TEST_F(SchemaChangeTest, EdgesThatWaitToBeSweptAreInNobodysWay) {
  Create(kA + "}\nnode B { k: String @key }\nedge E: A -> B { w: I32? }");
  MustLoad(Row("x", "") + Row("z", "", "B") + EdgeLine("x", "z", R"({"w":9})"));
  TableWriter writer(store_->door(), kMainBranch);
  const TypeId b = (*TableReader(store_->reader()).GetSchema({}))->FindNode("B")->id;
  ASSERT_TRUE(writer.DeleteNode(b, "z").ok());
  MustApply(kA +
            "}\nnode B { k: String @key }\nedge E: A -> B @card(0..1) { w: I32? @range(0..1) }")
      .IgnoreError();
  MustApply(kA + "}\nnode B { k: String @key }\nedge E: A -> B").IgnoreError();
  MustApply(kA + "}").IgnoreError();
  Open();
  TableWriter later(store_->door(), kMainBranch);
  while (true) {
    const auto swept = later.SweepEdges(10);
    ASSERT_TRUE(swept.ok()) << swept.status().ToString();
    if (*swept == 0) break;
  }
  EXPECT_EQ(Export(), Row("x", ""));
  EXPECT_EQ(Check(), "");
}

}  // namespace
}  // namespace mendfs
