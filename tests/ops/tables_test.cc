#include <gmock/gmock.h>

#include <map>
#include <random>
#include <set>

#include "fs/ops/tables/appended_text.h"
#include "meta/bulk.h"
#include "tests/ops/mount_fixture.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

class TablesTest : public MountTest {
 protected:
  void SetUp() override {
    MountTest::SetUp();
    for (const char* key : {"alice", "bob"}) AddPerson(key);
    AddKnows("alice", "bob");
    ASSERT_TRUE(store_->CloseCommit(kMainBranch, {}).ok());
  }
  std::string Exported(const std::string& type, TableFormat format = TableFormat::kJsonLines) {
    std::string text;
    const Status status =
        Export(store_->reader(), {}, {.types = {type}, .format = format}, [&](auto bytes) {
          text += bytes;
          return Status::Ok();
        });
    EXPECT_TRUE(status.ok()) << status.ToString();
    return text;
  }
  Result<uint64_t> Append(std::string_view path) { return OpenFile(path, O_WRONLY | O_APPEND); }
  // echo … >> path, as a shell does it.
  Status Echo(std::string_view path, std::string_view bytes) {
    Result<uint64_t> handle = Append(path);
    if (!handle.ok()) return handle.status();
    EXPECT_TRUE(file_system_->handles().Flush(caller_, *handle).ok());
    const Status written = Write(*handle, 0, bytes);
    const Status closed = Close(*handle);
    return written.ok() ? closed : written;
  }
  size_t Commits() { return store_->Log(kMainBranch, kHeadSeq, 1000)->size(); }
  std::string LastSentence() { return file_system_->errors().Recent().front().sentence; }
  std::string LastRejected() { return file_system_->errors().Recent().front().rejected; }
};

TEST_F(TablesTest, EachTypeIsAFileWithTheBytesOfAnExport) {
  ASSERT_TRUE(Make("nodes/Open", S_IFDIR | 0755).ok());
  EXPECT_THAT(List(".mend/tables"),
              ElementsAre("Person.jsonl", "Person.csv", "Flight.jsonl", "Flight.csv", "Open.jsonl",
                          "Knows.jsonl", "Knows.csv", "Takes.jsonl", "Takes.csv"));
  EXPECT_EQ(*Get(".mend/tables/Person.jsonl"),
            "{\"type\":\"Person\",\"key\":\"alice\",\"data\":{\"age\":1}}\n"
            "{\"type\":\"Person\",\"key\":\"bob\",\"data\":{\"age\":1}}\n");
  for (const char* type : {"Person", "Flight", "Knows", "Takes"}) {
    const std::string path = std::string(".mend/tables/") + type;
    EXPECT_EQ(*Get(path + ".jsonl"), Exported(type));
    EXPECT_EQ(*Get(path + ".csv"), Exported(type, TableFormat::kCsv));
  }
  EXPECT_EQ(Look(".mend/tables/Open.csv").status().code(), Code::kUnsupported);
  EXPECT_EQ(Look(".mend/tables/Nobody.jsonl").status().code(), Code::kNotFound);
  EXPECT_EQ(Look(".mend/tables/Person").status().code(), Code::kNotFound);
}

TEST_F(TablesTest, EverythingListedCanBeLookedUp) {
  for (const std::string& name : List(".mend/tables", 1, true)) {
    EXPECT_EQ(Inode(".mend/tables/" + name), Inode(".mend/tables/" + name)) << name;
  }
}

TEST_F(TablesTest, AnOpenFileReadsOneMomentInAnyOrder) {
  for (int i = 0; i < 300; ++i) AddPerson("p" + std::to_string(i));
  const std::string before = Exported("Person");
  Result<uint64_t> open = OpenFile(".mend/tables/Person.jsonl", O_RDONLY);
  ASSERT_TRUE(open.ok());
  auto read = [&](uint64_t offset, size_t size) {
    std::string bytes(size, '\0');
    Result<size_t> count = file_system_->handles().Read(*open, offset, bytes.size(), bytes.data());
    EXPECT_TRUE(count.ok()) << count.status().ToString();
    bytes.resize(count.ok() ? *count : 0);
    return bytes;
  };
  AddPerson("late");
  ASSERT_TRUE(Remove("nodes/Person/p7.json").ok());
  EXPECT_EQ(read(0, 100), before.substr(0, 100));
  EXPECT_EQ(read(5000, 1 << 20), before.substr(5000));
  EXPECT_EQ(read(20, 50), before.substr(20, 50));
  EXPECT_EQ(read(before.size(), 10), "");
  // Its size is of that moment, too.
  Result<Found> held =
      file_system_->nodes().GetAttributes(caller_, Inode(".mend/tables/Person.jsonl"), *open);
  EXPECT_EQ(held->attributes.size_bytes, before.size());
  file_system_->handles().Release(*open);
  EXPECT_EQ(*Get(".mend/tables/Person.jsonl"), Exported("Person"));
}

TEST_F(TablesTest, SizesAreExactWhereTheyAreCheapOrMeant) {
  const InodeNumber table = Inode(".mend/tables/Person.csv");
  auto size = [&](int32_t pid) {
    Caller caller = caller_;
    caller.pid = pid;
    return file_system_->nodes().GetAttributes(caller, table, kNoHandle)->attributes.size_bytes;
  };
  auto exported = [&] { return Exported("Person", TableFormat::kCsv).size(); };
  EXPECT_EQ(size(1), exported());
  AddPerson("carol");
  EXPECT_EQ(size(1), exported());

  std::string many = "name,age\n";
  const std::string long_name(230, 'n');
  for (int i = 0; i < 10'000; ++i) many += long_name + std::to_string(10'000 + i) + ",7\n";
  Result<uint64_t> append = Append(".mend/tables/Person.csv");
  ASSERT_TRUE(Write(*append, 0, many).ok());
  ASSERT_TRUE(Close(*append).ok());
  // The kernel asks once before an open, and stdio once behind it: nothing is counted for these.
  EXPECT_EQ(size(2), 0u);
  caller_.pid = 2;
  Result<uint64_t> open = OpenFile(".mend/tables/Person.csv", O_RDONLY);
  ASSERT_TRUE(open.ok());
  EXPECT_EQ(size(2), 0u);
  file_system_->handles().Release(*open);
  // rsync(1) looks first: it is told the size of what it opened, whatever comes then.
  EXPECT_EQ(size(3), 0u);
  EXPECT_EQ(size(3), exported());
  caller_.pid = 3;
  open = OpenFile(".mend/tables/Person.csv", O_RDONLY);
  const size_t opened = exported();
  AddPerson("eve");
  EXPECT_EQ(size(3), opened);
  EXPECT_EQ(size(4), 0u);
  file_system_->handles().Release(*open);
  EXPECT_EQ(size(3), exported());
  EXPECT_EQ(size(4), exported()) << "it is known now";
  // python(1) looks at what it has open for appending, each time.
  caller_.pid = 5;
  for (int i = 0; i < 3; ++i) {
    AddPerson("added" + std::to_string(i));
    EXPECT_EQ(size(5), 0u);
    append = Append(".mend/tables/Person.csv");
    EXPECT_EQ(size(5), 0u);
    ASSERT_TRUE(Write(*append, 0, "name\nk" + std::to_string(i) + "\n").ok());
    ASSERT_TRUE(Close(*append).ok());
  }
}

TEST_F(TablesTest, WhatIsAppendedIsUpsertedAsOneCommit) {
  const size_t commits = Commits();
  const InodeNumber alice = Inode("nodes/Person/alice.json");
  ASSERT_TRUE(Echo(".mend/tables/Person.jsonl",
                   "{\"name\":\"alice\",\"age\":30}\n"
                   "{\"type\":\"Person\",\"data\":{\"name\":\"carol\"}}\n")
                  .ok());
  EXPECT_EQ(Commits(), commits + 1);
  EXPECT_EQ(*Get("nodes/Person/alice.json"), "{\"name\":\"alice\",\"age\":30}");
  EXPECT_EQ(Inode("nodes/Person/alice.json"), alice);
  EXPECT_TRUE(Look("nodes/Person/carol.json").ok());
  EXPECT_TRUE(Look("edges/Knows/alice~bob.json").ok());
  // A line without its end is whole when its object is.
  ASSERT_TRUE(Echo(".mend/tables/Person.jsonl", "{\"name\":\"dora\"}").ok());
  EXPECT_TRUE(Look("nodes/Person/dora.json").ok());
  ASSERT_TRUE(Echo(".mend/tables/Person.csv", "name,age\ndora,7\n").ok());
  EXPECT_EQ(*Get("nodes/Person/dora.json"), "{\"name\":\"dora\",\"age\":7}");
  ASSERT_TRUE(Echo(".mend/tables/Knows.jsonl", "{\"$from\":\"dora\",\"$to\":\"carol\"}\n").ok());
  ASSERT_TRUE(
      Echo(".mend/tables/Knows.jsonl", "{\"edge\":\"Knows\",\"from\":\"dora\",\"to\":\"bob\"}\n")
          .ok());
  EXPECT_TRUE(Look("edges/Knows/dora~carol.json").ok());
  EXPECT_TRUE(Look("edges/Knows/dora~bob.json").ok());
  EXPECT_EQ(Commits(), commits + 5);
  EXPECT_EQ(store_->Log(kMainBranch, kHeadSeq, 1)->front().note.message,
            "append to tables/Knows.jsonl");
}

TEST_F(TablesTest, ASmallTextIsRefusedAtItsWrite) {
  const std::string before = Exported("Person");
  const size_t commits = Commits();
  for (const char* text :
       {"{\"name\":\"eve\",\"age\":1000}\n", "{\"name\":\"eve\"\n", "name\n", "{}\n",
        "{\"name\":\"eve\"}\n{\"name\":\"eve\"}\n", "{\"type\":\"City\",\"data\":{}}\n",
        "{\"edge\":\"Knows\",\"from\":\"alice\",\"to\":\"bob\"}\n"}) {
    Result<uint64_t> handle = Append(".mend/tables/Person.jsonl");
    ASSERT_TRUE(handle.ok());
    EXPECT_EQ(Write(*handle, 0, text).code(), Code::kInvalid) << text;
    EXPECT_EQ(Write(*handle, 0, "{\"name\":\"frank\"}\n").code(), Code::kInvalid) << text;
    Close(*handle).IgnoreError();
    EXPECT_THAT(LastRejected(), HasSubstr(".mend/rejected/Person/Person.jsonl.")) << text;
    EXPECT_EQ(*Get(LastRejected()), text);
    EXPECT_THAT(*Get(LastRejected() + ".why"), HasSubstr("line ")) << text;
  }
  EXPECT_EQ(Echo(".mend/tables/Knows.jsonl", "{\"$from\":\"alice\",\"$to\":\"zoe\"}\n").code(),
            Code::kInvalid);
  EXPECT_EQ(Exported("Person"), before);
  EXPECT_EQ(Commits(), commits);
}

TEST_F(TablesTest, WhatComesInPiecesIsRefusedAtClose) {
  const std::string before = Exported("Person");
  Result<uint64_t> handle = Append(".mend/tables/Person.jsonl");
  ASSERT_TRUE(handle.ok());
  ASSERT_TRUE(Write(*handle, 0, "{\"name\":\"eve\"}\n{\"na").ok());
  ASSERT_TRUE(Write(*handle, 0, "me\":\"bad\",\"age\":-1}\n{\"name\":\"eve\"}\n").ok());
  EXPECT_EQ(file_system_->handles().Flush(caller_, *handle).code(), Code::kInvalid);
  EXPECT_THAT(LastSentence(), AllOf(HasSubstr("line 2"), HasSubstr("nothing of what")));
  file_system_->handles().Release(*handle);
  EXPECT_THAT(*Get(LastRejected() + ".why"), HasSubstr("line 2"));
  EXPECT_EQ(Exported("Person"), before);
}

TEST_F(TablesTest, ALineThatIsNotWholeIsNotTaken) {
  const std::string before = Exported("Person");
  for (const auto& [name, text] :
       std::map<std::string, std::string>{{"Person.jsonl", "{\"name\":\"eve\"}\n{\"name\":\"fr"},
                                          {"Person.csv", "name,age\neve,1\nfrank,12"},
                                          {"Takes.csv", "$from"}}) {
    Result<uint64_t> handle = Append(".mend/tables/" + name);
    ASSERT_TRUE(handle.ok());
    ASSERT_TRUE(Write(*handle, 0, text).ok());
    EXPECT_TRUE(file_system_->handles().Flush(caller_, *handle).ok()) << "more may come";
    EXPECT_EQ(file_system_->handles().Sync(caller_, *handle).code(),
              name == "Takes.csv" ? Code::kOk : Code::kInvalid);
    const uint64_t refusals = file_system_->errors().count();
    file_system_->handles().Release(*handle);
    EXPECT_EQ(file_system_->errors().count() - refusals, name == "Takes.csv" ? 0u : 1u) << name;
    EXPECT_EQ(Exported("Person"), before) << name;
  }
}

TEST_F(TablesTest, CopiesThatOthersCloseDoNotPublish) {
  const size_t commits = Commits();
  Result<uint64_t> handle = Append(".mend/tables/Person.jsonl");
  ASSERT_TRUE(handle.ok());
  ASSERT_TRUE(file_system_->handles().Flush(caller_, *handle).ok());
  Caller child = caller_;
  child.pid = 2'000'000'000;
  ASSERT_TRUE(Write(*handle, 0, "{\"name\":\"eve\"}\n").ok());
  ASSERT_TRUE(file_system_->handles().Flush(child, *handle).ok());
  EXPECT_EQ(Commits(), commits);
  ASSERT_TRUE(Write(*handle, 0, "{\"name\":\"frank\"}\n").ok());
  ASSERT_TRUE(Close(*handle).ok());
  EXPECT_EQ(Commits(), commits + 1);
  EXPECT_TRUE(Look("nodes/Person/frank.json").ok());
  // Nobody is left that could be told: the last close decides.
  handle = Append(".mend/tables/Person.jsonl");
  ASSERT_TRUE(Write(*handle, 0, "{\"name\":\"gina\"}\n").ok());
  file_system_->handles().Release(*handle);
  EXPECT_TRUE(Look("nodes/Person/gina.json").ok());
}

TEST_F(TablesTest, FsyncPublishesAndLinesAreCountedOn) {
  const size_t commits = Commits();
  Result<uint64_t> handle = Append(".mend/tables/Person.csv");
  ASSERT_TRUE(handle.ok());
  ASSERT_TRUE(Write(*handle, 0, "age,name\n1,eve\n").ok());
  ASSERT_TRUE(file_system_->handles().Sync(caller_, *handle).ok());
  EXPECT_EQ(Commits(), commits + 1);
  ASSERT_TRUE(Write(*handle, 0, "2,frank\n").ok());
  ASSERT_TRUE(file_system_->handles().Sync(caller_, *handle).ok());
  EXPECT_EQ(*Get("nodes/Person/frank.json"), "{\"age\":2,\"name\":\"frank\"}");
  ASSERT_TRUE(Write(*handle, 0, "3,gina\nx,hugo\n").ok());
  EXPECT_EQ(Close(*handle).code(), Code::kInvalid);
  EXPECT_THAT(LastSentence(), HasSubstr("line 5"));
  EXPECT_EQ(Look("nodes/Person/gina.json").status().code(), Code::kNotFound);
  EXPECT_EQ(Commits(), commits + 2);
}

TEST_F(TablesTest, ATableIsNotReplaced) {
  const std::string before = Exported("Person");
  for (const int flags : {O_WRONLY | O_TRUNC, O_WRONLY, O_RDWR | O_APPEND, O_RDWR,
                          O_WRONLY | O_APPEND | O_TRUNC, O_RDONLY | O_TRUNC}) {
    EXPECT_EQ(OpenFile(".mend/tables/Person.jsonl", flags).status().code(), Code::kNotPermitted);
    EXPECT_THAT(LastSentence(), HasSubstr("--mode replace"));
  }
  EXPECT_EQ(
      file_system_->nodes()
          .SetAttributes(caller_, Inode(".mend/tables/Person.jsonl"), {.size_bytes = 0}, kNoHandle)
          .status()
          .code(),
      Code::kNotPermitted);
  EXPECT_EQ(OpenFile(".mend/tables/new", O_WRONLY | O_CREAT).status().code(), Code::kNotPermitted);
  EXPECT_EQ(Remove(".mend/tables/Person.jsonl").code(), Code::kNotPermitted);
  EXPECT_EQ(Rename(".mend/tables/Person.jsonl", ".mend/tables/x").code(), Code::kNotPermitted);
  EXPECT_EQ(Exported("Person"), before);
}

TEST_F(TablesTest, AReadOnlyMountIsReadOnly) {
  Open({.read_only = true});
  EXPECT_EQ(*Get(".mend/tables/Person.jsonl"), Exported("Person"));
  EXPECT_EQ(Append(".mend/tables/Person.jsonl").status().code(), Code::kReadOnly);
}

TEST_F(TablesTest, NoMoreAppendsAreOpenThanFit) {
  std::vector<uint64_t> open;
  while (true) {
    Result<uint64_t> handle = Append(".mend/tables/Person.jsonl");
    if (!handle.ok()) {
      EXPECT_EQ(handle.status().code(), Code::kBusy);
      break;
    }
    open.push_back(*handle);
    ASSERT_LE(open.size(), 1000u);
  }
  EXPECT_EQ(open.size(), 64u);
  ASSERT_TRUE(Close(open.back()).ok());
  EXPECT_TRUE(Append(".mend/tables/Person.jsonl").ok());
}

// Random appends of rows and edges, in pieces, with faults: what the tables show is what a map
// holds.
TEST_F(TablesTest, RandomAppendsGiveWhatAMapHolds) {
  std::mt19937_64 random(TestSeed());
  auto draw = [&](uint64_t count) { return random() % count; };
  std::map<std::string, int> people{{"alice", 1}, {"bob", 1}};
  for (int step = 0; step < 150; ++step) {
    std::map<std::string, int> next = people;
    std::set<std::string> seen;
    const bool csv = draw(2) == 0;
    std::string text = csv ? "name,age\n" : "";
    bool good = true;
    const uint64_t rows = draw(6);
    for (uint64_t row = 0; row < rows; ++row) {
      const std::string key = "k" + std::to_string(draw(12));
      const int age = static_cast<int>(draw(160));
      good = good && age <= 150 && seen.insert(key).second;
      next[key] = age;
      text += csv ? key + "," + std::to_string(age) + "\n"
                  : "{\"name\":\"" + key + "\",\"age\":" + std::to_string(age) + "}\n";
    }
    if (rows > 0 && draw(10) == 0) {
      text.resize(text.size() - 2);
      good = false;
    }
    Result<uint64_t> handle = Append(csv ? ".mend/tables/Person.csv" : ".mend/tables/Person.jsonl");
    ASSERT_TRUE(handle.ok());
    for (size_t place = 0; place < text.size();) {
      const size_t count = std::min<size_t>(1 + draw(60), text.size() - place);
      Write(*handle, 0, std::string_view(text).substr(place, count)).IgnoreError();
      if (draw(4) == 0) {
        Caller other = caller_;
        other.pid = 2'000'000'000;
        file_system_->handles().Flush(other, *handle).IgnoreError();
      }
      place += count;
    }
    Close(*handle).IgnoreError();
    if (good) people = next;
    std::string wanted = "name,age\n";
    for (const auto& [key, age] : people) wanted += key + "," + std::to_string(age) + "\n";
    ASSERT_EQ(*Get(".mend/tables/Person.csv"), wanted) << "step " << step << ":\n" << text;
  }
}

TEST(AppendedTextTest, TellsWhereALineEnds) {
  AppendedText json(false);
  EXPECT_TRUE(json.is_untouched());
  json.Take("{\"a\":");
  EXPECT_FALSE(json.IsWhole());
  json.Take("1}");
  EXPECT_TRUE(json.IsWhole());
  json.Take("\n\n  ");
  EXPECT_FALSE(json.IsWhole());
  json.Take("\n");
  EXPECT_TRUE(json.IsWhole());
  EXPECT_EQ(json.lines(), 3u);
  json.Take(std::string(AppendedText::kProbedBytesMax, '['));
  json.Take("]]");
  EXPECT_FALSE(json.IsWhole());
  json.Take("\n");
  EXPECT_TRUE(json.IsWhole());

  AppendedText csv(true);
  csv.Take("\n\"a\nb\",c");
  EXPECT_FALSE(csv.IsWhole());
  EXPECT_EQ(csv.header(), "");
  csv.Take("\r\n");
  EXPECT_TRUE(csv.IsWhole());
  EXPECT_EQ(csv.header(), "\"a\nb\",c\r\n");
  EXPECT_FALSE(csv.has_rows());
  csv.Take("\"x\n");
  EXPECT_FALSE(csv.IsWhole());
  EXPECT_TRUE(csv.has_rows());
  csv.Take("\"\"y\",1\n");
  EXPECT_TRUE(csv.IsWhole());
  csv.BeginBatch();
  EXPECT_FALSE(csv.has_rows());
  EXPECT_EQ(csv.lines(), 0u);
  csv.Take(std::string(AppendedText::kKeptBytesMax + 5, 'x'));
  EXPECT_EQ(csv.kept().size(), AppendedText::kKeptBytesMax);
  EXPECT_EQ(csv.bytes(), AppendedText::kKeptBytesMax + 5);
}

}  // namespace
}  // namespace mendfs
