// nodes/: rows as files.
#include <gmock/gmock.h>

#include "fs/ops/plane/error_log.h"
#include "meta/manifest/change.h"
#include "meta/table/rows.h"
#include "tests/ops/mount_fixture.h"

namespace mendfs {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::UnorderedElementsAre;

class RowsTest : public MountTest {
 protected:
  std::string Why() {
    std::vector<Refusal> recent = file_system_->errors().Recent();
    return recent.empty() ? "" : recent[0].sentence;
  }
  Attributes Stat(std::string_view path) {
    Result<Found> found = Look(path);
    EXPECT_TRUE(found.ok()) << path << ": " << found.status().ToString();
    return found.ok() ? found->attributes : Attributes{};
  }
  Status Set(std::string_view path, const AttributeChange& change, uint64_t handle = kNoHandle) {
    return file_system_->nodes().SetAttributes(caller_, Inode(path), change, handle).status();
  }
  // open(2) with O_CREAT of a Person that the kernel has not seen.
  Result<CreatedFile> Create(std::string_view name, int flags, uint32_t mode = 0644) {
    return file_system_->names().Create(caller_, Inode("nodes/Person"), name, mode,
                                        {.flags = flags});
  }
  Status SetOpen(const CreatedFile& created, const AttributeChange& change) {
    return file_system_->nodes()
        .SetAttributes(caller_, created.found.attributes.inode, change, created.handle)
        .status();
  }
  std::string ReadHandle(uint64_t handle) {
    std::string bytes(1 << 16, '\0');
    Result<size_t> count = file_system_->handles().Read(handle, 0, bytes.size(), bytes.data());
    EXPECT_TRUE(count.ok()) << count.status().ToString();
    bytes.resize(count.ok() ? *count : 0);
    return bytes;
  }
};

TEST_F(RowsTest, BytesInAreBytesOut) {
  std::string body = "{ \"age\" : 7,\n\"name\":\"bob\" }\n\n";
  ASSERT_TRUE(Put("nodes/Person/bob.json", body).ok()) << Why();
  EXPECT_EQ(*Get("nodes/Person/bob.json"), body);
  EXPECT_EQ(Stat("nodes/Person/bob.json").size_bytes, body.size());
  EXPECT_EQ(file_system_->errors().count(), 0u) << Why();
}

TEST_F(RowsTest, ARowIsAFileWithItsNumber) {
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{}").ok());
  Attributes bob = Stat("nodes/Person/bob.json");
  EXPECT_EQ(bob.mode, S_IFREG | 0644u);
  EXPECT_EQ(bob.uid, caller_.uid);  // who made it, as anywhere
  EXPECT_EQ(bob.links, 1u);
  Result<NodeRow> row = TableReader(store_->reader()).GetNode({}, NodeTypeId("Person"), "bob");
  ASSERT_TRUE(row.ok());
  EXPECT_EQ(row->row, bob.inode);
  AddPerson("ann");  // by another door: the store's owner
  EXPECT_EQ(Stat("nodes/Person/ann.json").uid, 0u);
  EXPECT_NE(Stat("nodes/Person/ann.json").mtime_ns, 0);
}

TEST_F(RowsTest, ListingsShowEachRowOnceUnderTheNameThatOpensIt) {
  for (const char* name : {"bob", "ann", "eve", "with space", "a%2Fb"}) {
    ASSERT_TRUE(Put("nodes/Person/" + std::string(name) + ".json", "{}").ok()) << Why();
  }
  ASSERT_TRUE(Put("nodes/Person/.swap", "x").ok());
  for (size_t room : {1u, 2u, 100u}) {
    EXPECT_THAT(List("nodes/Person", room),
                UnorderedElementsAre("bob.json", "ann.json", "eve.json", "with space.json",
                                     "a%2Fb.json", ".swap"));
  }
  EXPECT_THAT(List("nodes"), ElementsAre("Person", "Flight"));
  EXPECT_EQ(List("nodes/Person", 2, true).size(), 6u);
}

TEST_F(RowsTest, AListingIsOneMoment) {
  for (int i = 0; i < 10; ++i) AddPerson("p" + std::to_string(i));
  uint64_t handle = *file_system_->handles().OpenDirectory(caller_, Inode("nodes/Person"));
  NameList first(5);
  ASSERT_TRUE(file_system_->handles().ReadDirectory(caller_, {.handle = handle}, first).ok());
  ASSERT_TRUE(Remove("nodes/Person/p9.json").ok());
  ASSERT_TRUE(Put("nodes/Person/new.json", "{}").ok());
  NameList rest(100);
  ASSERT_TRUE(file_system_->handles()
                  .ReadDirectory(caller_, {.handle = handle, .after = first.last}, rest)
                  .ok());
  EXPECT_EQ(first.names.size() + rest.names.size(), 12u);
  EXPECT_THAT(rest.names, Contains("p9.json"));
  EXPECT_THAT(rest.names, Not(Contains("new.json")));
  file_system_->handles().ReleaseDirectory(handle);
}

TEST_F(RowsTest, CompositeKeysAreJoined) {
  ASSERT_TRUE(Put("nodes/Flight/2026-11-20~7.json", "{}").ok()) << Why();
  EXPECT_THAT(List("nodes/Flight"), ElementsAre("2026-11-20~7.json"));
  EXPECT_EQ(*file_system_->nodes().GetXattr(caller_, Inode("nodes/Flight/2026-11-20~7.json"),
                                            "user.mend.key"),
            "2026-11-20~7");
  EXPECT_EQ(Put("nodes/Flight/2026-11-20.json", "{}").code(), Code::kInvalid);
  EXPECT_EQ(Look("nodes/Flight/2026-11-20.json").status().code(), Code::kNotFound);
}

TEST_F(RowsTest, ReadersKeepTheCommittedBytesWhileADraftIsOpen) {
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{\"age\":1}").ok());
  uint64_t reader = *OpenFile("nodes/Person/bob.json", O_RDONLY);
  uint64_t writer = *OpenFile("nodes/Person/bob.json", O_WRONLY | O_TRUNC);
  ASSERT_TRUE(Write(writer, 0, "{\"age\":").ok());
  EXPECT_EQ(*Get("nodes/Person/bob.json"), "{\"age\":1}");
  EXPECT_EQ(Stat("nodes/Person/bob.json").size_bytes, 9u);
  EXPECT_EQ(Look("nodes/Person/bob.json")->freshness, Freshness::kNone);
  ASSERT_TRUE(Write(writer, 7, "222222}").ok());
  EXPECT_EQ(Close(writer).code(), Code::kInvalid);  // 222222 is no age
  EXPECT_EQ(*Get("nodes/Person/bob.json"), "{\"age\":1}");
  EXPECT_EQ(*Get(".mend/rejected/Person/bob.json.1"), "{\"age\":222222}");
  EXPECT_THAT(Why(), HasSubstr("age"));

  ASSERT_TRUE(Put("nodes/Person/bob.json", "{\"age\":2}").ok());
  EXPECT_EQ(ReadHandle(reader), "{\"age\":1}");  // one commit from open to release
  file_system_->handles().Release(reader);
  EXPECT_EQ(*Get("nodes/Person/bob.json"), "{\"age\":2}");
  EXPECT_NE(Look("nodes/Person/bob.json")->freshness, Freshness::kNone);
}

TEST_F(RowsTest, AnInvalidSmallBodyIsRefusedAtItsWrite) {
  EXPECT_EQ(Put("nodes/Person/bob.json", "{bad}\n").code(), Code::kInvalid);
  EXPECT_EQ(Look("nodes/Person/bob.json").status().code(), Code::kNotFound);
  EXPECT_EQ(*Get(".mend/rejected/Person/bob.json.1"), "{bad}\n");
  EXPECT_EQ(Put("nodes/Person/bob.json", "{\"agee\":1}\n").code(), Code::kInvalid);
  EXPECT_THAT(Why(), HasSubstr("agee"));
  EXPECT_EQ(Put("nodes/Person/bob.json", "{\"name\":\"eve\"}\n").code(), Code::kInvalid);
  EXPECT_THAT(List("nodes/Person"), IsEmpty());
}

TEST_F(RowsTest, AnAppendThatBreaksTheBodyIsRefusedAtItsWrite) {
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{}\n").ok());
  uint64_t handle = *OpenFile("nodes/Person/bob.json", O_WRONLY | O_APPEND);
  EXPECT_EQ(Write(handle, 0, "{\"age\":1}\n").code(), Code::kInvalid);
  EXPECT_EQ(Close(handle).code(), Code::kInvalid);
  EXPECT_EQ(*Get("nodes/Person/bob.json"), "{}\n");
  handle = *OpenFile("nodes/Person/bob.json", O_WRONLY | O_APPEND);
  EXPECT_TRUE(Write(handle, 0, "\n").ok());
  EXPECT_TRUE(Close(handle).ok());
  EXPECT_EQ(*Get("nodes/Person/bob.json"), "{}\n\n");
}

TEST_F(RowsTest, ANewNameIsThereOnceABodyIsAccepted) {
  CreatedFile created = *Create("bob.json", O_WRONLY | O_CREAT | O_EXCL, 0600);
  const InodeNumber node = created.found.attributes.inode;
  EXPECT_EQ(created.found.freshness, Freshness::kNone);
  const auto unseen = [&] {
    EXPECT_EQ(Look("nodes/Person/bob.json").status().code(), Code::kNotFound);
    EXPECT_EQ(Get("nodes/Person/bob.json").status().code(), Code::kNotFound);
    EXPECT_EQ(Remove("nodes/Person/bob.json").code(), Code::kNotFound);
    EXPECT_THAT(List("nodes/Person"), IsEmpty());
    // As a name that the kernel still holds would ask: then it looks the name up again.
    EXPECT_EQ(file_system_->handles().Open(caller_, node, {.flags = O_RDONLY}).status().code(),
              Code::kStale);
    // fstat and fchmod of who writes it.
    Result<Found> own = file_system_->nodes().GetAttributes(caller_, node, created.handle);
    ASSERT_TRUE(own.ok()) << own.status().ToString();
    EXPECT_EQ(own->attributes.size_bytes, 0u);
    EXPECT_EQ(own->attributes.mode, S_IFREG | 0600u);
  };
  unseen();
  EXPECT_TRUE(file_system_->handles().Flush(caller_, created.handle).ok());
  unseen();
  ASSERT_TRUE(Write(created.handle, 0, "{\"age\"").ok());
  unseen();
  ASSERT_TRUE(Write(created.handle, 6, ":3}").ok());
  ASSERT_TRUE(Close(created.handle).ok());
  Attributes row = Stat("nodes/Person/bob.json");
  EXPECT_EQ(row.inode, node);
  EXPECT_EQ(row.mode, S_IFREG | 0600u);
  EXPECT_EQ(row.size_bytes, 9u);
}

TEST_F(RowsTest, OneOfThoseWhoMakeANewNameForThemselvesDoesSo) {
  std::vector<uint64_t> handles;
  for (int i = 0; i < 3; ++i) {
    handles.push_back(Create("bob.json", O_WRONLY | O_CREAT | O_EXCL)->handle);
  }
  ASSERT_TRUE(Write(handles[1], 0, "{\"age\":1}").ok());
  EXPECT_TRUE(Close(handles[1]).ok());
  EXPECT_EQ(Write(handles[0], 0, "{\"age\":0}").code(), Code::kExists) << "a shell hears it";
  EXPECT_EQ(Close(handles[0]).code(), Code::kExists);
  ASSERT_TRUE(Write(handles[2], 0, "{\"age\"").ok());
  ASSERT_TRUE(Write(handles[2], 6, ":2}").ok());
  EXPECT_EQ(Close(handles[2]).code(), Code::kExists);
  EXPECT_THAT(Why(), HasSubstr("O_EXCL"));
  EXPECT_EQ(*Get("nodes/Person/bob.json"), "{\"age\":1}");
  EXPECT_EQ(*Get(".mend/rejected/Person/bob.json.2"), "{\"age\":2}");
  EXPECT_EQ(Create("bob.json", O_WRONLY | O_CREAT | O_EXCL).status().code(), Code::kExists);
  // By another door meanwhile.
  uint64_t handle = Create("eve.json", O_WRONLY | O_CREAT | O_EXCL)->handle;
  AddPerson("eve");
  ASSERT_TRUE(Write(handle, 0, "{").ok());
  ASSERT_TRUE(Write(handle, 1, "}").ok());
  EXPECT_EQ(Close(handle).code(), Code::kExists);
}

TEST_F(RowsTest, OfThoseWhoJustMakeANewNameTheLastCloseWins) {
  uint64_t one = Create("bob.json", O_WRONLY | O_CREAT | O_TRUNC)->handle;
  uint64_t two = Create("bob.json", O_WRONLY | O_CREAT | O_TRUNC)->handle;
  uint64_t touch = Create("bob.json", O_WRONLY | O_CREAT)->handle;
  ASSERT_TRUE(Write(one, 0, "{\"age\":1}").ok());
  ASSERT_TRUE(Write(two, 0, "{\"age\":2}").ok());
  ASSERT_TRUE(Close(two).ok());
  InodeNumber bob = Inode("nodes/Person/bob.json");
  ASSERT_TRUE(Close(one).ok());
  ASSERT_TRUE(Close(touch).ok());
  EXPECT_EQ(*Get("nodes/Person/bob.json"), "{\"age\":1}");
  EXPECT_EQ(Inode("nodes/Person/bob.json"), bob);
  EXPECT_EQ(file_system_->errors().count(), 0u) << Why();
}

TEST_F(RowsTest, AHandleShowsTheSizeOfWhatItReads) {
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{\"age\":1}").ok());
  InodeNumber bob = Inode("nodes/Person/bob.json");
  uint64_t reader = *OpenFile("nodes/Person/bob.json", O_RDONLY);
  Attributes before = file_system_->nodes().GetAttributes(caller_, bob, reader)->attributes;
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{\"age\":  100}").ok());
  Result<Found> own = file_system_->nodes().GetAttributes(caller_, bob, reader);
  EXPECT_EQ(own->attributes.size_bytes, ReadHandle(reader).size());
  EXPECT_EQ(own->attributes.mtime_ns, before.mtime_ns);
  EXPECT_EQ(own->freshness, Freshness::kNone);
  EXPECT_EQ(Stat("nodes/Person/bob.json").size_bytes, 13u);
  EXPECT_EQ(Look("nodes/Person/bob.json")->freshness, Freshness::kNone) << "two sizes are about";
  file_system_->handles().Release(reader);
  EXPECT_NE(Look("nodes/Person/bob.json")->freshness, Freshness::kNone);
}

TEST_F(RowsTest, TouchingANewNameMakesNothing) {
  CreatedFile created = *Create("bob.json", O_WRONLY | O_CREAT);
  EXPECT_TRUE(SetOpen(created, {.mtime_ns = 5'000'000'000}).ok());
  EXPECT_TRUE(Close(created.handle).ok());
  EXPECT_EQ(Look("nodes/Person/bob.json").status().code(), Code::kNotFound);
  EXPECT_THAT(Why(), HasSubstr("nothing was written"));
}

TEST_F(RowsTest, TouchingARowChangesItsTimeAlone) {
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{}").ok());
  uint64_t handle = *OpenFile("nodes/Person/bob.json", O_WRONLY | O_CREAT);
  EXPECT_TRUE(Set("nodes/Person/bob.json", {.mtime_ns = 5'000'000'000}, handle).ok());
  EXPECT_TRUE(Close(handle).ok());
  EXPECT_EQ(Stat("nodes/Person/bob.json").mtime_ns, 5'000'000'000);
  EXPECT_EQ(*Get("nodes/Person/bob.json"), "{}");
  EXPECT_EQ(file_system_->errors().count(), 0u) << Why();
}

TEST_F(RowsTest, TimesSetBeforeTheCloseOutliveTheCommit) {
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{}").ok());
  for (std::string name : {"bob.json", "new.json"}) {
    std::string path = "nodes/Person/" + name;
    CreatedFile created = *Create(name, O_WRONLY | O_CREAT | O_TRUNC);
    ASSERT_TRUE(Write(created.handle, 0, "{\"age\":9}").ok());
    ASSERT_TRUE(SetOpen(created, {.permissions = 0640, .mtime_ns = 7'000'000'000}).ok());
    ASSERT_TRUE(Close(created.handle).ok());
    EXPECT_EQ(Stat(path).mtime_ns, 7'000'000'000) << path;
    EXPECT_EQ(Stat(path).mode, S_IFREG | 0640u) << path;
    EXPECT_EQ(*Get(path), "{\"age\":9}");
  }
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{}").ok());
  EXPECT_GT(Stat("nodes/Person/bob.json").mtime_ns, 7'000'000'000);
  EXPECT_EQ(Stat("nodes/Person/bob.json").mode, S_IFREG | 0640u);
}

TEST_F(RowsTest, AnEmptyFileIsNoRow) {
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{}").ok());
  uint64_t handle = *OpenFile("nodes/Person/bob.json", O_WRONLY | O_TRUNC);
  EXPECT_TRUE(Close(handle).ok());
  EXPECT_EQ(*Get("nodes/Person/bob.json"), "{}");
  EXPECT_EQ(Set("nodes/Person/bob.json", {.size_bytes = 0}).code(), Code::kInvalid);
  handle = *OpenFile("nodes/Person/bob.json", O_WRONLY);
  EXPECT_TRUE(Set("nodes/Person/bob.json", {.size_bytes = 0}, handle).ok());
  EXPECT_EQ(Close(handle).code(), Code::kInvalid) << "ftruncate, close";
  EXPECT_EQ(*Get("nodes/Person/bob.json"), "{}");
}

TEST_F(RowsTest, TruncatingAPathIsAChangeInItself) {
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{}\n\n\n").ok());
  EXPECT_TRUE(Set("nodes/Person/bob.json", {.size_bytes = 3}).ok());
  EXPECT_EQ(*Get("nodes/Person/bob.json"), "{}\n");
  EXPECT_EQ(Set("nodes/Person/bob.json", {.size_bytes = 1}).code(), Code::kInvalid);
  EXPECT_EQ(Set("nodes/Person/bob.json", {.size_bytes = 17 << 20}).code(), Code::kTooBig);
  EXPECT_EQ(*Get("nodes/Person/bob.json"), "{}\n");
}

TEST_F(RowsTest, ABodyPastTheLimitIsTooBig) {
  CreatedFile created = *Create("bob.json", O_WRONLY | O_CREAT);
  EXPECT_EQ(Write(created.handle, 16 << 20, "x").code(), Code::kTooBig);
  EXPECT_EQ(SetOpen(created, {.size_bytes = (16 << 20) + 1}).code(), Code::kTooBig);
  Close(created.handle).IgnoreError();
}

TEST_F(RowsTest, AllDraftsTogetherAreBounded) {
  std::vector<CreatedFile> drafts;
  Status status;
  for (int i = 0; status.ok() && i < 20; ++i) {
    drafts.push_back(*Create("p" + std::to_string(i) + ".json", O_WRONLY | O_CREAT));
    status = Write(drafts.back().handle, (16 << 20) - 1, "x");
  }
  EXPECT_EQ(status.code(), Code::kNoSpace);
  EXPECT_EQ(drafts.size(), 17u);
  for (const CreatedFile& draft : drafts) {
    ASSERT_TRUE(SetOpen(draft, {.size_bytes = 0}).ok());
    file_system_->handles().Release(draft.handle);
  }
  EXPECT_TRUE(Put("nodes/Person/bob.json", "{}").ok());
}

TEST_F(RowsTest, SyncCommitsWhatIsCompleteAndRefusesTheRest) {
  uint64_t handle = *OpenFile("nodes/Person/bob.json", O_WRONLY | O_CREAT);
  ASSERT_TRUE(Write(handle, 0, "{\"age\"").ok());
  EXPECT_EQ(file_system_->handles().Sync(caller_, handle).code(), Code::kInvalid);
  ASSERT_TRUE(Write(handle, 6, ":1}").ok());
  EXPECT_TRUE(file_system_->handles().Sync(caller_, handle).ok());
  EXPECT_EQ(store_->Describe().durable_seq, store_->LastSeq());
  EXPECT_EQ(*Get("nodes/Person/bob.json"), "{\"age\":1}");
  EXPECT_TRUE(Close(handle).ok());
}

TEST_F(RowsTest, WhatIsWrittenToARemovedRowGoesNowhere) {
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{}").ok());
  InodeNumber bob = Inode("nodes/Person/bob.json");
  uint64_t row = *OpenFile("nodes/Person/bob.json", O_WRONLY | O_TRUNC);
  uint64_t reader = *OpenFile("nodes/Person/bob.json", O_RDONLY);
  ASSERT_TRUE(Remove("nodes/Person/bob.json").ok());
  Result<Found> open = file_system_->nodes().GetAttributes(caller_, bob, kNoHandle);
  ASSERT_TRUE(open.ok()) << open.status().ToString();  // fstat
  EXPECT_EQ(open->attributes.links, 0u);
  EXPECT_EQ(ReadHandle(reader), "{}");
  EXPECT_TRUE(Write(row, 0, "{\"age\":1}").ok());
  EXPECT_TRUE(Close(row).ok());
  file_system_->handles().Release(reader);
  EXPECT_THAT(List("nodes/Person"), IsEmpty());
  EXPECT_EQ(file_system_->nodes().GetAttributes(caller_, bob, kNoHandle).status().code(),
            Code::kStale);
}

TEST_F(RowsTest, ADraftFollowsItsRowToAnotherName) {
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{}").ok());
  uint64_t handle = *OpenFile("nodes/Person/bob.json", O_WRONLY | O_TRUNC);
  ASSERT_TRUE(Rename("nodes/Person/bob.json", "nodes/Person/rob.json").ok()) << Why();
  ASSERT_TRUE(Write(handle, 0, "{\"age\":5}").ok());
  ASSERT_TRUE(Close(handle).ok());
  EXPECT_THAT(List("nodes/Person"), ElementsAre("rob.json"));
  EXPECT_EQ(*Get("nodes/Person/rob.json"), "{\"age\":5}");
}

TEST_F(RowsTest, WhatATableIsNotForIsRefused) {
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{}").ok());
  EXPECT_EQ(Make("nodes/Person/dir", S_IFDIR | 0755).status().code(), Code::kNotPermitted);
  EXPECT_EQ(Make("nodes/Person/x.json", S_IFLNK | 0777, "bob.json").status().code(),
            Code::kNotPermitted);
  EXPECT_EQ(Make("nodes/Person/pipe", S_IFIFO | 0600).status().code(), Code::kNotPermitted);
  EXPECT_EQ(file_system_->names()
                .Link(caller_, Inode("nodes/Person/bob.json"), NameOf("nodes/Person/rob.json"))
                .status()
                .code(),
            Code::kNotPermitted);
  EXPECT_EQ(Remove("nodes/Person", true).code(), Code::kNotEmpty);
  EXPECT_EQ(Remove("nodes/Flight", true).code(), Code::kNotPermitted);
  EXPECT_EQ(Remove("nodes/Flight").code(), Code::kIsDirectory);
  EXPECT_EQ(Remove("nodes/Person/bob.json", true).code(), Code::kNotDirectory);
  EXPECT_EQ(Rename("nodes/Person", "nodes/People").code(), Code::kNotPermitted);
  EXPECT_EQ(Rename("nodes/Person/bob.json", "nodes/Flight/bob.json").code(), Code::kCrossDevice);
  EXPECT_EQ(OpenFile("nodes/x.json", O_WRONLY | O_CREAT).status().code(), Code::kNotPermitted);
  EXPECT_EQ(Set("nodes/Person", {.permissions = 0700}).code(), Code::kNotPermitted);
  EXPECT_TRUE(Set("nodes/Person", {.mtime_ns = 1}).ok());  // tar and rsync do
  EXPECT_EQ(*Get("nodes/Person/bob.json"), "{}");
}

TEST_F(RowsTest, NamesThatNoKeyHasAreRefused) {
  for (const char* name : {"%zz.json", "a~b.json", "%2e%41.json", "\xff.json"}) {
    std::string path = "nodes/Person/" + std::string(name);
    EXPECT_EQ(Put(path, "{}").code(), Code::kInvalid) << name;
    EXPECT_EQ(Look(path).status().code(), Code::kNotFound) << name;
    EXPECT_EQ(Remove(path).code(), Code::kNotFound) << name;
  }
  EXPECT_THAT(List("nodes/Person"), IsEmpty());
}

TEST_F(RowsTest, ALongKeyHasAHashedNameThatOpensIt) {
  std::string key(400, 'k');
  AddPerson(key);
  std::vector<std::string> names = List("nodes/Person");
  ASSERT_EQ(names.size(), 1u);
  EXPECT_THAT(names[0], HasSubstr("%h"));
  std::string path = "nodes/Person/" + names[0];
  EXPECT_EQ(*file_system_->nodes().GetXattr(caller_, Inode(path), "user.mend.key"), key);
  EXPECT_THAT(*file_system_->nodes().ListXattrs(caller_, Inode(path)), IsEmpty());
  ASSERT_TRUE(Put(path, "{\"age\":2}").ok()) << Why();
  EXPECT_EQ(*Get(path), "{\"age\":2}");
  EXPECT_EQ(Put("nodes/Person/%h00000000000000000000000000000000.json", "{}").code(),
            Code::kInvalid);
  ASSERT_TRUE(Remove(path).ok());
  EXPECT_THAT(List("nodes/Person"), IsEmpty());
}

TEST_F(RowsTest, MkdirMakesAnOpenType) {
  ASSERT_TRUE(Make("nodes/City", S_IFDIR | 0755).ok()) << Why();
  ASSERT_TRUE(Put("nodes/City/rome.json", "{\"any\":[1,2,{}]}").ok()) << Why();
  EXPECT_THAT(List("nodes"), Contains("City"));
  EXPECT_EQ(Make("nodes/City", S_IFDIR | 0755).status().code(), Code::kExists);
  EXPECT_EQ(Make("nodes/no-name", S_IFDIR | 0755).status().code(), Code::kInvalid);
  EXPECT_EQ(Make("edges/Near", S_IFDIR | 0755).status().code(), Code::kNotPermitted);
}

TEST_F(RowsTest, ARowWithoutATimeShowsThatOfItsCommit) {
  auto close = [&] {
    auto commit = store_->CloseCommit(kMainBranch, {.actor = "test", .message = {}});
    EXPECT_TRUE(commit.ok() && *commit) << commit.status().ToString();
    return (*commit)->time_ns;
  };
  AddPerson("before");
  close();
  Change change;  // as a load writes it
  RowWrite write{.key = "old", .row = *store_->door().TakeInodes(1), .body = "{}"};
  write.fresh_key = write.fresh_number = true;
  PutRowEntries(NodeTypeId("Person"), write, change);
  ASSERT_TRUE(store_->door().Apply(change).ok());
  int64_t time_ns = close();
  for (int i = 0; i < 100; ++i) {  // more than one page of the log
    AddPerson("after" + std::to_string(i));
    close();
  }
  EXPECT_EQ(Stat("nodes/Person/old.json").mtime_ns, time_ns);
  Open({});
  EXPECT_EQ(Stat("nodes/Person/old.json").mtime_ns, time_ns);
}

TEST_F(RowsTest, AReadOnlyMountReads) {
  ASSERT_TRUE(Put("nodes/Person/bob.json", "{}").ok());
  Open({.read_only = true});
  EXPECT_EQ(*Get("nodes/Person/bob.json"), "{}");
  EXPECT_THAT(List("nodes/Person"), ElementsAre("bob.json"));
  EXPECT_EQ(Put("nodes/Person/bob.json", "{}").code(), Code::kReadOnly);
  EXPECT_EQ(Remove("nodes/Person/bob.json").code(), Code::kReadOnly);
}

}  // namespace
}  // namespace mendfs
