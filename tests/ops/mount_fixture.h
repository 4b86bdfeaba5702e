// A FileSystem over a real store on the simulated disk, driven as the kernel would: by node ids
// that were looked up. For tests of operations; helpers take paths from the mount point.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fs/ops/file_system.h"
#include "meta/disk/sim_disk.h"
#include "meta/store.h"
#include "meta/tables.h"

namespace mendfs {

inline constexpr std::string_view kTestSchema =
    "node Person { name: String @key, age: I32? @range(0..150) }\n"
    "node Flight @key(day, number) { day: Date, number: I32 }\n"
    "edge Knows: Person -> Person { since: Date? }\n"
    "edge Takes: Person -> Flight\n";

class MountTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(Code::kOk,
              Store::Create(disk_, "/store", {.schema_text = std::string(kTestSchema)}).code());
    Open({});
  }
  void TearDown() override {
    file_system_.reset();
    store_.reset();
  }

  void Open(const FileSystemOptions& options) {
    file_system_.reset();
    store_.reset();
    Result<std::unique_ptr<Store>> store = Store::Open(disk_, "/store", {.commit_interval_ms = 0});
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
    file_system_ = std::make_unique<FileSystem>(*store_, options);
  }

  // The rows that graph and row tests start with.
  void AddPerson(const std::string& key) {
    TableWriter writer(store_->door(), kMainBranch);
    Result<NodeRow> row = writer.PutNode(NodeTypeId("Person"), key, "{\"age\": 1}\n", {});
    ASSERT_TRUE(row.ok()) << row.status().ToString();
  }
  void AddKnows(const std::string& source, const std::string& target, uint32_t n = 1) {
    TableWriter writer(store_->door(), kMainBranch);
    Result<EdgeRow> row = writer.PutEdge(EdgeTypeId("Knows"), source, target, n, "", {});
    ASSERT_TRUE(row.ok()) << row.status().ToString();
  }
  TypeId NodeTypeId(std::string_view name) const {
    return (*TableReader(store_->reader()).GetSchema({}))->FindNode(name)->id;
  }
  TypeId EdgeTypeId(std::string_view name) const {
    return (*TableReader(store_->reader()).GetSchema({}))->FindEdge(name)->id;
  }

  // Walks from the mount point; every component is one lookup, which is never forgotten.
  Result<Found> Look(std::string_view path) {
    Result<Found> found = file_system_->nodes().GetAttributes(caller_, kMountRoot, kNoHandle);
    while (!path.empty()) {
      size_t slash = path.find('/');
      std::string name(path.substr(0, slash));
      path = slash == path.npos ? std::string_view() : path.substr(slash + 1);
      found = file_system_->names().Lookup(caller_, found->attributes.inode, name);
      if (!found.ok()) return found;
      if (found->attributes.inode.value == 0) return Status(Code::kNotFound, name);
    }
    return found;
  }
  InodeNumber Inode(std::string_view path) {
    Result<Found> found = Look(path);
    EXPECT_TRUE(found.ok()) << path << ": " << found.status().ToString();
    return found.ok() ? found->attributes.inode : InodeNumber{0};
  }
  static std::pair<std::string_view, std::string_view> Split(std::string_view path) {
    size_t slash = path.rfind('/');
    if (slash == path.npos) return {"", path};
    return {path.substr(0, slash), path.substr(slash + 1)};
  }
  NewName NameOf(std::string_view path) {
    auto [directory, name] = Split(path);
    return {.parent = Inode(directory), .name = name};
  }

  Result<Found> Make(std::string_view path, uint32_t mode, std::string_view target = {}) {
    NewName name = NameOf(path);
    return file_system_->names().Make(caller_, name.parent, name.name,
                                      {.mode = mode, .device = 0, .link_target = target});
  }
  Status Remove(std::string_view path, bool directory = false) {
    NewName name = NameOf(path);
    return file_system_->names().Remove(caller_, name.parent, name.name, directory);
  }
  Status Rename(std::string_view from, std::string_view to,
                RenameMode mode = RenameMode::kReplace) {
    NewName source = NameOf(from);
    return file_system_->names().Rename(caller_, source.parent, source.name, NameOf(to), mode);
  }

  // open(2): creates where the flags say so and the name is free.
  Result<uint64_t> OpenFile(std::string_view path, int flags, uint32_t mode = 0644) {
    Result<Found> found = Look(path);
    if (found.ok()) {
      if ((flags & O_EXCL) != 0) return Status(Code::kExists, std::string(path));
      Result<OpenedFile> opened = file_system_->handles().Open(
          caller_, found->attributes.inode, {.flags = flags & ~(O_CREAT | O_EXCL)});
      if (!opened.ok()) return opened.status();
      return opened->handle;
    }
    if ((flags & O_CREAT) == 0) return found.status();
    NewName name = NameOf(path);
    Result<CreatedFile> created =
        file_system_->names().Create(caller_, name.parent, name.name, mode, {.flags = flags});
    if (!created.ok()) return created.status();
    return created->handle;
  }
  Status Write(uint64_t handle, uint64_t offset, std::string_view bytes) {
    return file_system_->handles().Write(caller_, handle, offset, bytes);
  }
  // close(2) of the last descriptor: FLUSH, then RELEASE whatever FLUSH said.
  Status Close(uint64_t handle) {
    Status status = file_system_->handles().Flush(caller_, handle);
    file_system_->handles().Release(handle);
    return status;
  }
  // printf … > path, as a shell does it: FLUSH comes before the first write, too.
  Status Put(std::string_view path, std::string_view bytes) {
    Result<uint64_t> handle = OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (!handle.ok()) return handle.status();
    Status early = file_system_->handles().Flush(caller_, *handle);
    Status written = Write(*handle, 0, bytes);
    Status closed = Close(*handle);
    if (!early.ok()) return early;
    return written.ok() ? closed : written;
  }
  Result<std::string> Get(std::string_view path) {
    Result<uint64_t> handle = OpenFile(path, O_RDONLY);
    if (!handle.ok()) return handle.status();
    std::string bytes(1 << 20, '\0');
    Result<size_t> count = file_system_->handles().Read(*handle, 0, bytes.size(), bytes.data());
    file_system_->handles().Release(*handle);
    if (!count.ok()) return count.status();
    bytes.resize(*count);
    return bytes;
  }

  class NameList final : public ListingSink {
   public:
    explicit NameList(size_t room) : room_(room) {}
    bool Add(const ListedName& listed, const Found*) override {
      if (names.size() >= room_) return false;
      names.push_back(listed.name);
      last = listed.cookie;
      return true;
    }
    std::vector<std::string> names;
    uint64_t last = 0;

   private:
    const size_t room_;
  };
  // readdir in replies of at most `room` names, without "." and "..".
  std::vector<std::string> List(std::string_view path, size_t room = 100, bool lookups = false) {
    std::vector<std::string> all;
    Result<uint64_t> handle = file_system_->handles().OpenDirectory(caller_, Inode(path));
    EXPECT_TRUE(handle.ok()) << path << ": " << handle.status().ToString();
    if (!handle.ok()) return all;
    uint64_t after = 0;
    for (;;) {
      NameList reply(room);
      Status status = file_system_->handles().ReadDirectory(
          caller_, {.handle = *handle, .after = after, .lookups = lookups}, reply);
      EXPECT_TRUE(status.ok()) << status.ToString();
      if (!status.ok() || reply.names.empty()) break;
      after = reply.last;
      for (std::string& name : reply.names) {
        if (name != "." && name != "..") all.push_back(std::move(name));
      }
    }
    file_system_->handles().ReleaseDirectory(*handle);
    return all;
  }

  SimDisk disk_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<FileSystem> file_system_;
  Caller caller_{.uid = 1000, .gid = 1000, .pid = 42};
};

}  // namespace mendfs
