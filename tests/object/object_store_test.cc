#include "meta/object/object_store.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "meta/base/failpoint.h"
#include "meta/disk/sim_disk.h"

namespace mendfs {
namespace {

constexpr char kStore[] = "/store";

std::string Bytes(size_t size) {
  std::string bytes(size, '\0');
  for (size_t index = 0; index < size; ++index) bytes[index] = static_cast<char>(index * 131 >> 3);
  return bytes;
}

class ObjectStoreTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(disk_.MakeDir(kStore).ok());
    ASSERT_TRUE(disk_.SyncDir("/").ok());
  }
  void TearDown() override { DisarmFailpoints(); }

  Result<ObjectInfo> Write(std::string_view bytes, ObjectKind kind = ObjectKind::kSegment) {
    MENDFS_ASSIGN_OR_RETURN(auto writer, objects_.Begin(kind));
    for (size_t place = 0; place < bytes.size(); place += 1000) {
      MENDFS_RETURN_IF_ERROR(writer->Append(bytes.substr(place, 1000)));
    }
    return writer->Seal();
  }
  static Result<std::string> ReadAll(const ObjectReader& reader) {
    std::string bytes(static_cast<size_t>(reader.info().size_bytes), '\0');
    MENDFS_ASSIGN_OR_RETURN(const size_t got, reader.ReadAt(0, bytes.size() + 1, bytes.data()));
    EXPECT_EQ(got, bytes.size());
    return bytes;
  }
  // What the reader says about an object: its bytes, or the code.
  Code TryRead(ObjectKind kind, const Id128& id, std::string& bytes) {
    const auto reader = objects_.Open(kind, id);
    if (!reader.ok()) return reader.status().code();
    auto read = ReadAll(**reader);
    if (!read.ok()) return read.status().code();
    bytes = *std::move(read);
    return Code::kOk;
  }
  size_t CountFiles(const std::string& path) {
    const auto entries = disk_.List(path);
    if (!entries.ok()) return 0;
    size_t count = 0;
    for (const DirEntry& entry : *entries) {
      count += entry.kind == FileKind::kDirectory ? CountFiles(path + "/" + entry.name) : 1;
    }
    return count;
  }

  SimDisk disk_;
  ObjectStore objects_{disk_, kStore};
};

TEST_F(ObjectStoreTest, WhatIsSealedReadsBackWhole) {
  for (const ObjectKind kind : kObjectKinds) {
    for (const size_t size : {0, 1, 65'535, 65'536, 65'537, 200'000}) {
      const std::string bytes = Bytes(size);
      const auto info = Write(bytes, kind);
      ASSERT_TRUE(info.ok()) << info.status().ToString();
      EXPECT_EQ(info->size_bytes, size);
      EXPECT_EQ(info->sha256, Sha256::Of(bytes));
      EXPECT_EQ(disk_.Stat(objects_.PathOf(kind, info->id))->size_bytes, info->file_size_bytes);
      const auto reader = objects_.Open(*info);
      ASSERT_TRUE(reader.ok()) << reader.status().ToString();
      EXPECT_EQ(*ReadAll(**reader), bytes);
      EXPECT_TRUE((*reader)->VerifyAll().ok());
      const auto decoded = DecodeObjectInfo(info->id, EncodeObjectInfo(*info));
      ASSERT_TRUE(decoded.ok());
      EXPECT_EQ(*decoded, *info);
    }
  }
  EXPECT_EQ(CountFiles("/store/staging"), 0u);
}

TEST_F(ObjectStoreTest, ReadsAnywhereAndAcrossBlocks) {
  const std::string bytes = Bytes(300'000);
  const auto info = Write(bytes);
  ASSERT_TRUE(info.ok());
  const auto reader = objects_.Open(*info);
  for (const uint64_t offset :
       {0u, 10u, 65'530u, 65'536u, 131'000u, 299'999u, 300'000u, 400'000u}) {
    for (const size_t size : {0u, 1u, 20u, 70'000u, 200'000u}) {
      std::string target(size, '\0');
      const auto got = (*reader)->ReadAt(offset, size, target.data());
      ASSERT_TRUE(got.ok());
      const std::string expected =
          offset < bytes.size() ? bytes.substr(static_cast<size_t>(offset), size) : "";
      EXPECT_EQ(target.substr(0, *got), expected);
    }
  }
}

TEST_F(ObjectStoreTest, EveryFlippedBitIsFound) {
  const std::string bytes = Bytes(700);
  const auto info = Write(bytes);
  ASSERT_TRUE(info.ok());
  const std::string path = objects_.PathOf(info->kind, info->id);
  for (uint64_t offset = 0; offset < info->file_size_bytes; ++offset) {
    ASSERT_TRUE(disk_.FlipBit(path, offset, offset % 8).ok());
    std::string read;
    const Code code = TryRead(info->kind, info->id, read);
    EXPECT_TRUE(code == Code::kCorruption || code == Code::kUnsupported) << offset;
    ASSERT_TRUE(disk_.FlipBit(path, offset, offset % 8).ok());
  }
  std::string read;
  EXPECT_EQ(TryRead(info->kind, info->id, read), Code::kOk);
}

TEST_F(ObjectStoreTest, EveryTruncationIsFound) {
  const auto info = Write(Bytes(300));
  ASSERT_TRUE(info.ok());
  const std::string path = objects_.PathOf(info->kind, info->id);
  for (uint64_t size = info->file_size_bytes; size-- > 0;) {
    auto file = disk_.Open(path, OpenMode::kReadWrite);
    ASSERT_TRUE((*file)->Truncate(size).ok());
    std::string read;
    EXPECT_EQ(TryRead(info->kind, info->id, read), Code::kCorruption) << size;
  }
}

TEST_F(ObjectStoreTest, OtherThingsInTheObjectsPlaceAreCorruption) {
  const auto one = Write("one");
  const auto two = Write("two");
  ASSERT_TRUE(one.ok() && two.ok());
  const std::string path = objects_.PathOf(one->kind, one->id);
  ASSERT_TRUE(disk_.Rename(objects_.PathOf(two->kind, two->id), path).ok());
  std::string read;
  EXPECT_EQ(TryRead(one->kind, one->id, read), Code::kCorruption);
  EXPECT_EQ(TryRead(two->kind, two->id, read), Code::kNotFound);
  ASSERT_TRUE(disk_.Remove(path).ok());
  ASSERT_TRUE(disk_.MakeDir(path).ok());
  EXPECT_EQ(TryRead(one->kind, one->id, read), Code::kCorruption);
  ObjectInfo other = *two;
  other.size_bytes = 4;
  EXPECT_FALSE(objects_.Open(other).ok());
}

TEST_F(ObjectStoreTest, ABlobIsItsBytesAndItsMetaVouchesForThem) {
  const std::string bytes = Bytes(70'000);
  const auto info = Write(bytes, ObjectKind::kBlob);
  ASSERT_TRUE(info.ok());
  const std::string path = objects_.PathOf(info->kind, info->id);
  const std::string meta = BlobMetaPath(path);
  EXPECT_TRUE(*ReadWholeFile(disk_, path, 1 << 20) == bytes);
  const uint64_t meta_bytes = disk_.Stat(meta)->size_bytes;
  EXPECT_EQ(meta_bytes, 2 * kObjectHashBytes + kObjectTailBytes);
  const auto code = [&] {
    std::string read;
    return TryRead(info->kind, info->id, read);
  };
  for (uint64_t offset = 0; offset < meta_bytes; ++offset) {
    ASSERT_TRUE(disk_.FlipBit(meta, offset, offset % 8).ok());
    EXPECT_TRUE(code() == Code::kCorruption || code() == Code::kUnsupported) << offset;
    ASSERT_TRUE(disk_.FlipBit(meta, offset, offset % 8).ok());
  }
  for (uint64_t offset = 0; offset < bytes.size(); offset += 977) {
    ASSERT_TRUE(disk_.FlipBit(path, offset, offset % 8).ok());
    EXPECT_EQ(code(), Code::kCorruption) << offset;
    ASSERT_TRUE(disk_.FlipBit(path, offset, offset % 8).ok());
  }
  EXPECT_EQ(code(), Code::kOk);
  ASSERT_TRUE(disk_.Open(path, OpenMode::kReadWrite).value()->Truncate(69'999).ok());
  EXPECT_EQ(code(), Code::kCorruption);
  ASSERT_TRUE(disk_.Open(path, OpenMode::kReadWrite).value()->WriteAt(0, bytes + "x").ok());
  EXPECT_EQ(code(), Code::kCorruption);
  ASSERT_TRUE(disk_.Open(path, OpenMode::kReadWrite).value()->Truncate(70'000).ok());
  EXPECT_EQ(code(), Code::kOk);
}

TEST_F(ObjectStoreTest, ABlobWithoutAWholeMetaIsCorruption) {
  const auto info = Write(Bytes(70'000), ObjectKind::kBlob);
  const auto other = Write(Bytes(70'000), ObjectKind::kBlob);
  ASSERT_TRUE(info.ok() && other.ok());
  const std::string meta = BlobMetaPath(objects_.PathOf(info->kind, info->id));
  const std::string whole = *ReadWholeFile(disk_, meta, 1 << 20);
  const auto code = [&] { return objects_.Open(info->kind, info->id).status().code(); };
  for (uint64_t size = whole.size(); size-- > 0;) {
    ASSERT_TRUE(disk_.Open(meta, OpenMode::kReadWrite).value()->Truncate(size).ok());
    EXPECT_EQ(code(), Code::kCorruption) << size;
  }
  ASSERT_TRUE(disk_.Remove(meta).ok());
  EXPECT_EQ(code(), Code::kCorruption);
  ASSERT_TRUE(disk_.MakeDir(meta).ok());
  EXPECT_EQ(code(), Code::kCorruption);
  ASSERT_TRUE(disk_.RemoveDir(meta).ok());
  // Another's says other names, though of the same bytes.
  const std::string others = BlobMetaPath(objects_.PathOf(other->kind, other->id));
  ASSERT_TRUE(ReplaceFile(disk_, meta, *ReadWholeFile(disk_, others, 1 << 20)).ok());
  EXPECT_EQ(code(), Code::kCorruption);
  ASSERT_TRUE(ReplaceFile(disk_, meta, whole).ok());
  EXPECT_EQ(code(), Code::kOk);
}

TEST_F(ObjectStoreTest, RemovingABlobTakesItsMetaLast) {
  const auto info = Write(Bytes(1000), ObjectKind::kBlob);
  ASSERT_TRUE(info.ok());
  const std::string path = objects_.PathOf(info->kind, info->id);
  disk_.FailCall(2, Code::kIo);
  EXPECT_FALSE(objects_.Remove(info->kind, info->id).ok());
  EXPECT_FALSE(disk_.Stat(path).ok());
  EXPECT_TRUE(disk_.Stat(BlobMetaPath(path)).ok());
  EXPECT_TRUE(objects_.Remove(info->kind, info->id).ok());
  EXPECT_FALSE(disk_.Stat(BlobMetaPath(path)).ok());
  EXPECT_TRUE(objects_.Remove(info->kind, info->id).ok());
}

// Where the blob is, its .meta is: also of a cut that kept only some of the names.
TEST_F(ObjectStoreTest, APowerCutLeavesNoBlobWithoutItsMeta) {
  bool cut = true;
  for (uint64_t call = 1; cut; ++call) {
    for (uint64_t seed = 1; seed < 20; ++seed) {
      disk_.StopAt(call);
      Write(Bytes(1000), ObjectKind::kBlob).status().IgnoreError();
      cut = !disk_.FaultWaits();
      disk_.PowerCut(seed);
      ASSERT_TRUE(objects_
                      .Walk(ObjectKind::kBlob,
                            [&](const ObjectStore::Found& found) {
                              if (found.path.ends_with(".meta")) return Status::Ok();
                              EXPECT_TRUE(disk_.Stat(BlobMetaPath(found.path)).ok()) << call;
                              return Status::Ok();
                            })
                      .ok());
    }
  }
}

TEST_F(ObjectStoreTest, AnAbandonedWriterLeavesNothing) {
  {
    auto writer = objects_.Begin(ObjectKind::kPack);
    ASSERT_TRUE((*writer)->Append(Bytes(100'000)).ok());
    EXPECT_EQ(CountFiles("/store/staging"), 1u);
  }
  EXPECT_EQ(CountFiles("/store"), 0u);
}

TEST_F(ObjectStoreTest, AFailureLeavesNothingAndTheFirstOneStays) {
  for (const Failpoint point : {Failpoint::kObjectBeforeSync, Failpoint::kObjectBeforeRename,
                                Failpoint::kObjectAfterRename}) {
    for (const ObjectKind kind : {ObjectKind::kSegment, ObjectKind::kBlob}) {
      ArmFailpoint(point, FailAction::kNoSpace);
      EXPECT_EQ(Write(Bytes(100'000), kind).status().code(), Code::kNoSpace);
      DisarmFailpoints();
      EXPECT_EQ(CountFiles("/store"), 0u);
    }
  }
}

TEST_F(ObjectStoreTest, AfterAPowerCutAnObjectIsWholeOrAbsent) {
  const std::string bytes = Bytes(150'000);
  for (const ObjectKind kind : {ObjectKind::kSegment, ObjectKind::kBlob}) {
    bool cut = true;
    for (uint64_t call = 1; cut; ++call) {
      SCOPED_TRACE("call " + std::to_string(call));
      disk_.StopAt(call);
      const auto info = Write(bytes, kind);
      cut = !disk_.FaultWaits();
      disk_.PowerCut(call);
      std::set<Id128> found;  // with some that were removed before, which the cut brought back
      ASSERT_TRUE(objects_
                      .Walk(kind,
                            [&](const ObjectStore::Found& file) {
                              if (!file.id || file.path.ends_with(".meta")) return Status::Ok();
                              std::string read;
                              EXPECT_EQ(TryRead(kind, *file.id, read), Code::kOk);
                              EXPECT_EQ(read, bytes);
                              found.insert(*file.id);
                              return objects_.Remove(kind, *file.id);
                            })
                      .ok());
      EXPECT_TRUE(!info.ok() || found.contains(info->id));
    }
  }
}

// Who died between making a directory and syncing its name left one that a power cut can take.
TEST_F(ObjectStoreTest, ADirectoryThatSomebodyLeftUnsyncedIsSyncedBeforeItIsUsed) {
  const Id128 id = RandomId();
  const std::string staged = objects_.StagingPathOf(ObjectKind::kPack, id);
  ASSERT_TRUE(disk_.MakeDir(ParentPath(staged)).ok());
  ASSERT_TRUE(disk_.SyncDir(kStore).ok());
  const std::string object = objects_.PathOf(ObjectKind::kPack, id);
  for (const std::string& path : {ParentPath(ParentPath(ParentPath(object))),
                                  ParentPath(ParentPath(object)), ParentPath(object)}) {
    ASSERT_TRUE(disk_.MakeDir(path).ok()) << path;
  }
  const std::string bytes = Bytes(1000);
  ASSERT_TRUE((*disk_.Open(staged, OpenMode::kCreate))->WriteAt(0, bytes).ok());
  PayloadHash hash;
  uint64_t budget_bytes = UINT64_MAX;
  ASSERT_TRUE(
      hash.Step(**disk_.Open(staged, OpenMode::kRead), staged, bytes.size(), budget_bytes).ok());
  ASSERT_TRUE(objects_.SealStaged(ObjectKind::kPack, id, hash).ok());
  disk_.PowerCutDropAll();
  std::string read;
  EXPECT_EQ(TryRead(ObjectKind::kPack, id, read), Code::kOk);
  EXPECT_EQ(read, bytes);
}

TEST_F(ObjectStoreTest, AdoptSealsAFileThatExistsAndMayBeRepeated) {
  const std::string bytes = Bytes(100'000);
  ASSERT_TRUE(disk_.MakeDir("/store/journal").ok());
  auto file = disk_.Open("/store/journal/1.log", OpenMode::kCreate);
  ASSERT_TRUE((*file)->WriteAt(0, bytes + "reserved space").ok());
  for (const Failpoint point : {Failpoint::kObjectBeforeSync, Failpoint::kObjectBeforeRename}) {
    ArmFailpoint(point, FailAction::kError);
    EXPECT_EQ(objects_.Adopt(ObjectKind::kJournal, Id128{{1}}, "/store/journal/1.log", bytes.size())
                  .status()
                  .code(),
              Code::kIo);
    DisarmFailpoints();
  }
  const auto info =
      objects_.Adopt(ObjectKind::kJournal, Id128{{1}}, "/store/journal/1.log", bytes.size());
  ASSERT_TRUE(info.ok()) << info.status().ToString();
  std::string read;
  EXPECT_EQ(TryRead(ObjectKind::kJournal, info->id, read), Code::kOk);
  EXPECT_EQ(read, bytes);
  EXPECT_EQ(CountFiles("/store/journal"), 0u);
}

TEST_F(ObjectStoreTest, AWalkTellsOursFromOthers) {
  const auto info = Write("bytes");
  ASSERT_TRUE(info.ok());
  const std::string directory = ParentPath(objects_.PathOf(info->kind, info->id));
  ASSERT_TRUE(disk_.Open(directory + "/notes.txt", OpenMode::kCreate).ok());
  ASSERT_TRUE(disk_.Open(directory + "/" + std::string(32, 'z'), OpenMode::kCreate).ok());
  ASSERT_TRUE(disk_.Open("/store/objects/segment/stray", OpenMode::kCreate).ok());
  size_t ours = 0;
  size_t others = 0;
  ASSERT_TRUE(objects_
                  .Walk(ObjectKind::kSegment,
                        [&](const ObjectStore::Found& found) {
                          ++(found.id ? ours : others);
                          return Status::Ok();
                        })
                  .ok());
  EXPECT_EQ(ours, 1u);
  EXPECT_EQ(others, 3u);
}

TEST(ObjectFormatTest, StagingNamesAreKnown) {
  EXPECT_TRUE(ParseObjectStagingName("segment-0123456789abcdef0123456789abcdef"));
  EXPECT_TRUE(ParseObjectStagingName("blob-0123456789abcdef0123456789abcdef.meta"));
  EXPECT_FALSE(ParseObjectStagingName("load-0123456789abcdef0123456789abcdef"));
  EXPECT_FALSE(ParseObjectStagingName("segment-0123"));
  EXPECT_FALSE(ParseObjectStagingName("notes"));
}

// Golden: an empty segment object with a fixed id, as version 1 writes it.
TEST(ObjectFormatTest, TheTailIsWhatVersion1Wrote) {
  ObjectInfo info;
  info.kind = ObjectKind::kSegment;
  for (size_t index = 0; index < info.id.bytes.size(); ++index) {
    info.id.bytes[index] = static_cast<uint8_t>(index);
  }
  info.fingerprint = HashXxh3Wide("");
  info.sha256 = Sha256::Of("");
  info.file_size_bytes = kObjectTailBytes;
  EXPECT_EQ(ToHex(EncodeObjectTail(info)),
            "a666d180214fc00aaeb4f3bce9f15b7d010000000400000000000100000000000000000000000000"
            "000102030405060708090a0b0c0d0e0f7f498d4624c30160d8984701d306aa99e3b0c44298fc1c14"
            "9afbf4c8996fb92427ae41e4649b934ca495991b7852b8554d454e444f424a0a");
  const auto decoded = DecodeObjectTail(EncodeObjectTail(info));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, info);
}

// Golden: the .meta of a blob of three bytes with a fixed id, as version 1 writes it.
TEST(ObjectFormatTest, TheMetaOfABlobIsWhatVersion1Wrote) {
  ObjectInfo info;
  info.kind = ObjectKind::kBlob;
  info.id.bytes.fill(0xB1);
  info.size_bytes = info.file_size_bytes = 3;
  const std::string hashes = EncodeBlockHashes({HashXxh3Wide("abc")});
  info.fingerprint = HashXxh3Wide(hashes);
  info.sha256 = Sha256::Of("abc");
  EXPECT_EQ(
      ToHex(hashes + EncodeObjectTail(info)),
      "50392f89945faf7885613a73b65ab006bdd0a2a581f83e674312af3125ef4465010000000300000000000100"
      "000000000300000000000000b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1feb969b295734a53d32a5ad25031c21b"
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad4d454e444f424a0a");
  const auto decoded = DecodeObjectTail(EncodeObjectTail(info));
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(*decoded, info);
}

TEST(ObjectFormatTest, ADoomedObjectsEntryIsFourBytes) {
  EXPECT_EQ(ToHex(EncodeDoomedObject(ObjectKind::kPack)), "01020000");
  EXPECT_EQ(DecodeDoomedObject({}, EncodeDoomedObject(ObjectKind::kJournal)).value(),
            ObjectKind::kJournal);
  for (const std::string_view bad :
       {std::string_view(), std::string_view("\1\2\0", 3), std::string_view("\1\x9\0\0", 4),
        std::string_view("\1\2\1\0", 4)}) {
    EXPECT_EQ(DecodeDoomedObject({}, bad).status().code(), Code::kCorruption);
  }
  EXPECT_EQ(DecodeDoomedObject({}, std::string_view("\2\2\0\0", 4)).status().code(),
            Code::kUnsupported);
}

}  // namespace
}  // namespace mendfs
