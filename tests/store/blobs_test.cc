// Large files in an open store: what their blobs hold, and that every reader finds it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <random>
#include <thread>

#include "meta/disk/posix_disk.h"
#include "meta/disk/sim_disk.h"
#include "meta/files.h"
#include "meta/manifest/keys.h"
#include "meta/object/object_store.h"
#include "meta/store.h"
#include "meta/tree/extent_format.h"

namespace mendfs {
namespace {

using ::testing::HasSubstr;

constexpr size_t kMiB = 1 << 20;

std::string Pattern(size_t size, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  return bytes;
}

class BlobsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(Store::Create(disk_, "/store", {}).ok());
    Open();
    file_ = Make("file");
  }

  void Open() {
    Close();
    auto store = Store::Open(disk_, "/store", options_);
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
    writer_ = std::make_unique<FileWriter>(store_->door(), kMainBranch);
  }
  void Close() {
    writer_.reset();
    store_.reset();
  }
  void Commit() {
    const auto commit = store_->CloseCommit(kMainBranch, {"test", "", Origin::kUser});
    ASSERT_TRUE(commit.ok()) << commit.status().ToString();
  }
  InodeNumber Make(const std::string& name) {
    const auto made = writer_->Make(kFilesRoot, name, {.mode = S_IFREG | 0644});
    EXPECT_TRUE(made.ok()) << made.status().ToString();
    return made.ok() ? made->inode : InodeNumber();
  }
  void Write(uint64_t offset, std::string_view bytes) {
    const auto written = writer_->Write(file_, offset, bytes);
    ASSERT_TRUE(written.ok()) << written.status().ToString();
  }
  // As a program does: opened, written from `offset` on in pieces, closed.
  void WriteInPieces(std::string_view bytes, size_t piece, uint64_t offset = 0) {
    writer_->Hold(file_);
    for (size_t at = 0; at < bytes.size(); at += piece) {
      Write(offset + at, bytes.substr(at, piece));
    }
    writer_->Unhold(file_);
  }
  std::string Read(View view = {}) const { return ReadOf(file_, view); }
  std::string ReadOf(InodeNumber file, View view = {}) const {
    const FileReader reader(store_->door());
    const auto attributes = reader.Get(view, file);
    if (!attributes.ok()) return attributes.status().ToString();
    std::string bytes(attributes->size_bytes, '?');
    const auto read = reader.Read(view, file, 0, bytes.size(), bytes.data());
    return read.ok() ? bytes : read.status().ToString();
  }
  struct Pieces {
    size_t inlined = 0;
    size_t in_packs = 0;
    size_t in_blobs = 0;
  };
  Pieces Count() const {
    Pieces pieces;
    auto cursor = store_->reader().Scan({}, PrefixRange(ExtentPrefix(file_)));
    for (; cursor->Valid(); cursor->Next()) {
      const auto extent = DecodeExtent(cursor->value());
      EXPECT_TRUE(extent.ok());
      if (!extent.ok()) continue;
      const bool blob = extent->run.kind == ObjectKind::kBlob;
      ++(extent->is_inline() ? pieces.inlined : blob ? pieces.in_blobs : pieces.in_packs);
    }
    return pieces;
  }
  std::vector<std::string> SealedBlobs() {
    std::vector<std::string> paths;
    ObjectStore objects(disk_, "/store");
    EXPECT_TRUE(objects
                    .Walk(ObjectKind::kBlob,
                          [&](const ObjectStore::Found& found) {
                            EXPECT_TRUE(found.id) << found.path;
                            if (!found.path.ends_with(".meta")) paths.push_back(found.path);
                            return Status::Ok();
                          })
                    .ok());
    return paths;
  }
  std::string BytesAt(const std::string& path) {
    return *ReadWholeFile(disk_, path, uint64_t{1} << 30);
  }
  size_t Staged() { return disk_.List("/store/staging")->size(); }

  SimDisk disk_;
  OpenOptions options_{.commit_interval_ms = 0};
  std::unique_ptr<Store> store_;
  std::unique_ptr<FileWriter> writer_;
  InodeNumber file_;
};

TEST_F(BlobsTest, AFileWrittenInOneGoIsItsBlobHoweverItWasWritten) {
  const std::string bytes = Pattern(3 * kMiB + 12'345, 1);
  int files = 0;
  for (const size_t piece : {kMiB, size_t{131'072}, size_t{65'536}, size_t{4096}, size_t{100'003},
                             size_t{1000}, size_t{16'384}}) {
    SCOPED_TRACE("pieces of " + std::to_string(piece));
    const std::vector<std::string> before = SealedBlobs();
    file_ = Make("file" + std::to_string(++files));
    WriteInPieces(bytes, piece);
    EXPECT_TRUE(Read() == bytes);
    const Pieces pieces = Count();
    EXPECT_EQ(pieces.inlined + pieces.in_packs, 0U);
    // Of small ones, those after the first mebibyte lie together block by block.
    EXPECT_LE(pieces.in_blobs, piece > 65'536 ? 2 * bytes.size() / piece + 3 : 2 + 33);
    Commit();
    EXPECT_TRUE(Read() == bytes);
    Open();
    EXPECT_TRUE(Read() == bytes);
    EXPECT_EQ(Staged(), 0U);
    const std::vector<std::string> after = SealedBlobs();
    ASSERT_EQ(after.size(), before.size() + 1);
    for (const std::string& path : after) {
      if (std::find(before.begin(), before.end(), path) != before.end()) continue;
      EXPECT_TRUE(BytesAt(path) == bytes);
    }
  }
}

TEST_F(BlobsTest, FoldsBetweenTheWritesChangeNothing) {
  const std::string bytes = Pattern(2 * kMiB, 2);
  writer_->Hold(file_);
  for (size_t at = 0; at < bytes.size(); at += 5000) {
    Write(at, bytes.substr(at, 5000));
    if (at % 75'000 == 0) Commit();
  }
  writer_->Unhold(file_);
  EXPECT_TRUE(Read() == bytes);
  EXPECT_EQ(Count().inlined + Count().in_packs, 0U);
  Open();
  EXPECT_TRUE(Read() == bytes);
  ASSERT_EQ(SealedBlobs().size(), 1U);
  EXPECT_TRUE(BytesAt(SealedBlobs()[0]) == bytes);
}

TEST_F(BlobsTest, ASmallFileGetsNone) {
  WriteInPieces(Pattern(kMiB - 1, 3), 65'536);
  EXPECT_EQ(Count().in_blobs, 0U);
  Open();
  EXPECT_TRUE(SealedBlobs().empty());
}

TEST_F(BlobsTest, ASmallFileThatGrowsLongIsInTheBlobFromItsFirstByteOn) {
  const std::string bytes = Pattern(3 * kMiB, 4);
  WriteInPieces(bytes.substr(0, 500'000), 4096);
  Commit();
  Open();
  WriteInPieces(bytes.substr(500'000), 100'000, 500'000);
  EXPECT_TRUE(Read() == bytes);
  EXPECT_EQ(Count().inlined + Count().in_packs, 0U);
  Open();
  ASSERT_EQ(SealedBlobs().size(), 1U);
  EXPECT_TRUE(BytesAt(SealedBlobs()[0]) == bytes);
}

TEST_F(BlobsTest, GrowthAfterSealingGoesToAnotherBlobOnceThereIsMuchOfIt) {
  const std::string bytes = Pattern(6 * kMiB, 5);
  WriteInPieces(bytes.substr(0, 2 * kMiB), kMiB);
  Open();
  WriteInPieces(bytes.substr(2 * kMiB, 600'000), 65'536, 2 * kMiB);
  Open();
  EXPECT_EQ(SealedBlobs().size(), 1U);
  WriteInPieces(bytes.substr(2 * kMiB + 600'000), 65'536, 2 * kMiB + 600'000);
  EXPECT_TRUE(Read() == bytes);
  Open();
  EXPECT_TRUE(Read() == bytes);
  ASSERT_EQ(SealedBlobs().size(), 2U);
  std::set<std::string> held;
  for (const std::string& path : SealedBlobs()) held.insert(BytesAt(path));
  EXPECT_EQ(held.count(bytes.substr(0, 2 * kMiB)), 1U);
  EXPECT_EQ(held.count(bytes.substr(2 * kMiB + 600'000)), 1U);
}

TEST_F(BlobsTest, EarlierMomentsReadWhatTheyHeld) {
  const std::string first = Pattern(2 * kMiB, 6);
  WriteInPieces(first, 50'000);
  Commit();
  auto pin = store_->Pin(kMainBranch);
  ASSERT_TRUE(pin.ok());
  ASSERT_TRUE(writer_->Set(file_, {.size_bytes = 700'000}).ok());
  std::string now = first.substr(0, 700'000);
  const std::string more = Pattern(2 * kMiB, 7);
  WriteInPieces(more, 90'000, now.size());
  now += more;
  const std::string middle = Pattern(300'000, 8);
  Write(1'000'001, middle);
  now.replace(1'000'001, middle.size(), middle);
  Commit();
  EXPECT_TRUE(Read() == now);
  EXPECT_TRUE(Read((*pin)->view()) == first);
  pin->reset();
  Open();
  EXPECT_TRUE(Read() == now);
}

TEST_F(BlobsTest, ACopySharesTheBlobAndOutlivesTheOriginal) {
  const std::string bytes = Pattern(4 * kMiB, 9);
  WriteInPieces(bytes, kMiB);
  const InodeNumber source = file_;
  file_ = Make("copy");
  const auto cloned = writer_->Clone(
      {.source = source, .source_offset = 0, .target = file_, .size_bytes = bytes.size()});
  ASSERT_TRUE(cloned.ok());
  EXPECT_EQ(Count().in_blobs, 4U);
  ASSERT_TRUE(writer_->Remove(kFilesRoot, "file", false).ok());
  const std::string more = Pattern(2 * kMiB, 10);
  WriteInPieces(more, 65'536, bytes.size());
  EXPECT_TRUE(Read() == bytes + more);
  Open();
  EXPECT_TRUE(Read() == bytes + more);
  EXPECT_EQ(SealedBlobs().size(), 2U);
}

TEST_F(BlobsTest, AHoleStaysAHole) {
  const std::string bytes = Pattern(3 * kMiB, 11);
  ASSERT_TRUE(writer_->Set(file_, {.size_bytes = 300'000}).ok());
  WriteInPieces(bytes, 30'000, 300'000);
  EXPECT_TRUE(Read() == std::string(300'000, '\0') + bytes);
  const FileReader reader(store_->door());
  EXPECT_EQ(*reader.Find({}, file_, 0, BodySought::kData), 300'000U);
  EXPECT_GT(Count().in_blobs, 0U);
  ASSERT_TRUE(writer_->Set(file_, {.size_bytes = 9 * kMiB}).ok());
  WriteInPieces(bytes, kMiB, 9 * kMiB);
  EXPECT_EQ(*reader.Find({}, file_, 4 * kMiB, BodySought::kData), 9 * kMiB);
  Open();
  EXPECT_EQ(Read().size(), 12 * kMiB);
  EXPECT_TRUE(Read().substr(9 * kMiB) == bytes);
}

TEST_F(BlobsTest, DamageBeforeTheBlobStaysWhereItIsAndGrowthGoesOn) {
  WriteInPieces(Pattern(900'000, 12), 300'000);
  Close();
  std::string pack;
  ObjectStore objects(disk_, "/store");
  ASSERT_TRUE(objects
                  .Walk(ObjectKind::kPack,
                        [&](const ObjectStore::Found& found) {
                          pack = found.path;
                          return Status::Ok();
                        })
                  .ok());
  ASSERT_TRUE(disk_.FlipBit(pack, 400'000, 1).ok());
  Open();
  const std::string more = Pattern(3 * kMiB, 13);
  WriteInPieces(more, 65'536, 900'000);
  std::string tail(more.size(), '?');
  const FileReader reader(store_->door());
  ASSERT_TRUE(reader.Read({}, file_, 900'000, tail.size(), tail.data()).ok());
  EXPECT_TRUE(tail == more);
  EXPECT_THAT(Read(), HasSubstr("fails its hash"));
  EXPECT_GT(Count().in_blobs, 0U);
}

TEST_F(BlobsTest, AMissingOrForeignBlobCostsItsBytesAndNotTheStore) {
  WriteInPieces(Pattern(2 * kMiB, 14), kMiB);
  Close();
  const auto blobs = SealedBlobs();
  ASSERT_EQ(blobs.size(), 1U);
  ASSERT_TRUE(disk_.Rename(blobs[0], "/store/away").ok());
  Open();
  EXPECT_THAT(Read(), HasSubstr("missing"));
  Close();
  ASSERT_TRUE(disk_.MakeDir(blobs[0]).ok());
  Open();
  EXPECT_THAT(Read(), HasSubstr("no regular file"));
  ASSERT_TRUE(writer_->Set(file_, {.size_bytes = 0}).ok());
  WriteInPieces(Pattern(2 * kMiB, 15), kMiB);
  EXPECT_TRUE(Read() == Pattern(2 * kMiB, 15));
}

TEST_F(BlobsTest, AReadOnlyOpenReadsOpenBlobsAndWritesNothing) {
  const std::string bytes = Pattern(2 * kMiB + 5, 16);
  WriteInPieces(bytes, 65'536);
  ASSERT_TRUE(store_->Flush().ok());
  disk_.PowerCutDropAll();
  Close();
  EXPECT_GT(Staged(), 0U);
  const uint64_t calls = disk_.mutating_calls();
  options_.access = OpenAccess::kReadOnly;
  Open();
  EXPECT_TRUE(Read() == bytes);
  EXPECT_FALSE(writer_->Write(file_, bytes.size(), Pattern(kMiB, 17)).ok());
  Close();
  EXPECT_EQ(disk_.mutating_calls(), calls);
  options_.access = OpenAccess::kReadWrite;
  Open();
  EXPECT_TRUE(Read() == bytes);
  EXPECT_EQ(Staged(), 0U);
  ASSERT_EQ(SealedBlobs().size(), 1U);
  EXPECT_TRUE(BytesAt(SealedBlobs()[0]) == bytes);
}

TEST_F(BlobsTest, AFullDiskRefusesAndTheFileGoesOn) {
  const std::string bytes = Pattern(8 * kMiB, 18);
  ASSERT_TRUE(disk_.Remove("/store/reserve").ok());  // which would have room for all
  const auto space = disk_.Space("/store");
  disk_.SetCapacity(space->total_bytes - space->free_bytes + 5 * kMiB);
  uint64_t size = 0;
  Status refused;
  while (refused.ok() && size < bytes.size()) {
    refused = writer_->Write(file_, size, bytes.substr(size, 100'000)).status();
    if (refused.ok()) size += 100'000;
  }
  EXPECT_EQ(refused.code(), Code::kNoSpace);
  EXPECT_TRUE(Read() == bytes.substr(0, size));
  disk_.SetCapacity(uint64_t{1} << 40);
  WriteInPieces(bytes.substr(size), 100'000, size);
  EXPECT_TRUE(Read() == bytes);
  Open();
  EXPECT_TRUE(Read() == bytes);
  EXPECT_EQ(Staged(), 0U);
}

TEST_F(BlobsTest, TheKeeperSealsAFileSoonAfterItIsClosed) {
  options_.commit_interval_ms = 5;
  Open();
  const std::string bytes = Pattern(2 * kMiB + 5, 19);
  WriteInPieces(bytes, 4096);
  for (int i = 0; i < 3000 && SealedBlobs().empty(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  ASSERT_EQ(SealedBlobs().size(), 1U);
  EXPECT_TRUE(BytesAt(SealedBlobs()[0]) == bytes);
  EXPECT_TRUE(Read() == bytes);
}

TEST_F(BlobsTest, AppendersAtOnceLoseNothing) {
  options_.commit_interval_ms = 5;
  Open();
  constexpr size_t kPiece = 70'000;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < 20; ++i) {
        const std::string bytes(i % 2 == 0 ? kPiece : kPiece / 10, static_cast<char>('a' + thread));
        ASSERT_TRUE(writer_->Append(file_, bytes).ok());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::string bytes = Read();
  ASSERT_EQ(bytes.size(), 4 * 10 * (kPiece + kPiece / 10));
  for (char letter = 'a'; letter < 'e'; ++letter) {
    EXPECT_EQ(std::count(bytes.begin(), bytes.end(), letter), 10 * (kPiece + kPiece / 10));
  }
  Open();
  EXPECT_TRUE(Read() == bytes);
}

TEST(BlobsPosixTest, ALinkInABlobsPlaceIsNotFollowed) {
  std::string root = testing::TempDir() + "mendfs_blobs_XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  const std::string path = root + "/store";
  const auto disk = MakePosixDisk();
  ASSERT_TRUE(Store::Create(*disk, path, {}).ok());
  InodeNumber file;
  {
    auto store = Store::Open(*disk, path, {});
    FileWriter writer((*store)->door(), kMainBranch);
    file = writer.Make(kFilesRoot, "file", {.mode = S_IFREG | 0644})->inode;
    ASSERT_TRUE(writer.Write(file, 0, Pattern(2 * kMiB, 1)).ok());
  }
  std::string blob;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path + "/objects/blob")) {
    if (entry.is_regular_file() && entry.path().extension() != ".meta") blob = entry.path();
  }
  ASSERT_FALSE(blob.empty());
  std::filesystem::rename(blob, root + "/away");
  std::filesystem::create_symlink(root + "/away", blob);
  auto store = Store::Open(*disk, path, {});
  ASSERT_TRUE(store.ok());
  std::string bytes(kMiB, '?');
  const Status read =
      FileReader((*store)->door()).Read({}, file, 0, bytes.size(), bytes.data()).status();
  EXPECT_EQ(read.code(), Code::kCorruption);
  EXPECT_THAT(read.message(), HasSubstr("no regular file"));
  store->reset();
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace mendfs
