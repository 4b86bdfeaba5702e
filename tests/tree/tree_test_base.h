// A fresh tree in memory, and short names for what its tests do.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "meta/files.h"
#include "meta/tree/names.h"
#include "tests/support/memory_door.h"

namespace mendfs {

#define EXPECT_CODE(expression, wanted) EXPECT_EQ((expression), (wanted))

inline Code CodeOf(const Status& status) {
  return status.code();
}
template <typename T>
Code CodeOf(const Result<T>& result) {
  return result.status().code();
}

class TreeTest : public ::testing::Test {
 protected:
  TreeTest() {
    Change change;
    EXPECT_TRUE(MakeFilesRoot(change, 1, 2, door_.NowNs()).ok());
    EXPECT_TRUE(door_.Apply(change).ok());
    Reopen();
  }

  // As after a crash: what was held is forgotten.
  void Reopen() { writer_ = std::make_unique<FileWriter>(door_, kMainBranch); }

  InodeNumber Make(InodeNumber parent, std::string_view name, uint32_t mode) {
    const Result<Attributes> made = writer_->Make(parent, name, {.mode = mode});
    EXPECT_TRUE(made.ok()) << made.status().ToString();
    return made.ok() ? made->inode : InodeNumber(0);
  }
  InodeNumber MakeFile(std::string_view name, InodeNumber parent = kFilesRoot) {
    return Make(parent, name, S_IFREG | 0644);
  }
  InodeNumber MakeDirectory(std::string_view name, InodeNumber parent = kFilesRoot) {
    return Make(parent, name, S_IFDIR | 0755);
  }
  Attributes Get(InodeNumber inode) const {
    const Result<Attributes> attributes = reader_.Get(kHead, inode);
    EXPECT_TRUE(attributes.ok()) << attributes.status().ToString();
    return attributes.ok() ? *attributes : Attributes{};
  }
  InodeNumber Find(InodeNumber parent, std::string_view name) const {
    const Result<Attributes> found = reader_.Lookup(kHead, parent, name);
    return found.ok() ? found->inode : InodeNumber(0);
  }
  bool Exists(InodeNumber inode) const { return reader_.Get(kHead, inode).ok(); }
  Status Rename(InodeNumber from, std::string_view name, InodeNumber to, std::string_view new_name,
                RenameMode mode = RenameMode::kReplace) {
    return writer_->Rename(from, name, to, new_name, mode);
  }
  std::string Read(InodeNumber inode, uint64_t offset, size_t size_bytes) const {
    std::string bytes(size_bytes, '?');
    const Result<size_t> count = reader_.Read(kHead, inode, offset, size_bytes, bytes.data());
    EXPECT_TRUE(count.ok()) << count.status().ToString();
    bytes.resize(count.ok() ? *count : 0);
    return bytes;
  }
  std::string ReadAll(InodeNumber inode) const {
    return Read(inode, 0, Get(inode).size_bytes + 10);
  }
  void Write(InodeNumber inode, uint64_t offset, std::string_view bytes) {
    const Result<Attributes> written = writer_->Write(inode, offset, bytes);
    ASSERT_TRUE(written.ok()) << written.status().ToString();
  }
  void Truncate(InodeNumber inode, uint64_t size_bytes) {
    AttributeChange change;
    change.size_bytes = size_bytes;
    const Result<Attributes> set = writer_->Set(inode, change);
    ASSERT_TRUE(set.ok()) << set.status().ToString();
    EXPECT_EQ(set->size_bytes, size_bytes);
  }
  std::map<std::string, InodeNumber> List(InodeNumber directory) const {
    std::map<std::string, InodeNumber> names;
    auto cursor = reader_.List(kHead, directory, 0);
    EXPECT_TRUE(cursor.ok()) << cursor.status().ToString();
    while (cursor.ok()) {
      const auto entry = (*cursor)->Next();
      EXPECT_TRUE(entry.ok()) << entry.status().ToString();
      if (!entry.ok() || !*entry) break;
      EXPECT_TRUE(names.emplace((*entry)->name, (*entry)->inode).second);
    }
    return names;
  }
  size_t CountEntries(const std::string& prefix) const {
    size_t count = 0;
    for (auto cursor = door_.Scan(kHead, PrefixRange(prefix)); cursor->Valid(); cursor->Next()) {
      ++count;
    }
    return count;
  }
  // Everything of the inode that a store could still hold.
  size_t CountTraces(InodeNumber inode) const {
    return CountEntries(InodeKey(inode)) + CountEntries(ExtentPrefix(inode)) +
           CountEntries(XattrPrefix(inode));
  }

  static constexpr View kHead{};

  MemoryDoor door_;
  std::unique_ptr<FileWriter> writer_;
  FileReader reader_{door_, door_.bodies()};
};

// The seed of a random test: replays from MENDFS_SEED.
inline uint64_t TestSeed(uint64_t standard) {
  const char* text = std::getenv("MENDFS_SEED");
  return text == nullptr ? standard : std::strtoull(text, nullptr, 10);
}

}  // namespace mendfs
