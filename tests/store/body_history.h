// A random history of changes to a few files on the simulated disk, with what every moment of it
// looked like: for tests that cut it off anywhere and look at what is left.
#pragma once

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "meta/disk/sim_disk.h"
#include "meta/files.h"
#include "meta/manifest/keys.h"
#include "meta/object/object_store.h"
#include "meta/store.h"

namespace mendfs {

class BodyHistory {
 public:
  static constexpr size_t kFiles = 3;
  using State = std::array<std::string, kFiles>;

  static OpenOptions Options() {
    OpenOptions options;
    options.commit_interval_ms = 0;
    options.journal_segment_bytes = 300'000;
    options.pack_bytes = 700'000;
    options.blob_begin_bytes = 150'000;
    options.working_set_bytes = 200'000;
    return options;
  }

  // `reclaims`: of 100 steps, about how many give space back.
  explicit BodyHistory(uint64_t seed, const OpenOptions& options = Options(), unsigned reclaims = 0)
      : options_(options), reclaims_(reclaims), random_(seed) {
    EXPECT_TRUE(Store::Create(disk_, "/store", {}).ok());
    auto store = Store::Open(disk_, "/store", options_);
    EXPECT_TRUE(store.ok());
    FileWriter writer((*store)->door(), kMainBranch);
    for (size_t i = 0; i < kFiles; ++i) {
      const auto made = writer.Make(kFilesRoot, "f" + std::to_string(i), {.mode = S_IFREG | 0644});
      EXPECT_TRUE(made.ok());
      files_[i] = made->inode;
    }
    EXPECT_TRUE((*store)->Flush().ok());
  }

  // Opens, and wants the state to be one since the last flush, and every object to have a row.
  void Open() {
    const std::string trouble = TryOpen();
    ASSERT_TRUE(trouble.empty()) << trouble;
  }
  // What is wrong; empty: nothing.
  std::string TryOpen() {
    auto store = Store::Open(disk_, "/store", options_);
    if (!store.ok()) return store.status().ToString();
    store_ = *std::move(store);
    writer_ = std::make_unique<FileWriter>(store_->door(), kMainBranch);
    const std::string trouble = CompareWithHistory();
    return trouble.empty() ? FindResidue() : trouble;
  }

  bool Work(int steps) {
    for (int i = 0; i < steps; ++i) {
      if (random_() % 100 < reclaims_) {
        const auto how = random_() % 2 == 0 ? ReclaimHow::kNormal : ReclaimHow::kPressing;
        if (!store_->Reclaim(how).ok()) return false;
        continue;
      }
      const uint64_t dice = random_() % 20;
      Status done;
      if (dice < 2) {
        done = store_->CloseCommit(kMainBranch, {"test", "", Origin::kUser}).status();
        if (done.ok()) durable_ = states_.size() - 1;
      } else if (dice < 5) {
        const size_t before = states_.size() - 1;
        done = store_->Flush();
        if (done.ok()) durable_ = before;
      } else if (dice < 12) {
        done = GrowSome();
      } else if (dice < 13) {
        done = GrowUnlinked();
      } else {
        done = ChangeSome();
      }
      if (!done.ok()) return false;
    }
    return true;
  }

  void Die() {
    writer_.reset();
    store_.reset();
  }
  SimDisk& disk() { return disk_; }
  Store& store() { return *store_; }
  std::mt19937_64& random() { return random_; }

 private:
  static std::string Pattern(size_t size, uint64_t seed) {
    std::mt19937_64 random(seed);
    std::string bytes(size, '\0');
    for (size_t at = 0; at + 8 <= size; at += 8) {
      const uint64_t word = random();
      bytes.replace(at, 8, reinterpret_cast<const char*>(&word), 8);
    }
    return bytes;
  }

  // At its end, in pieces of a size, as a program does that writes a file; open meanwhile, or not.
  Status GrowSome() {
    const size_t at = random_() % kFiles;
    const bool open = random_() % 2 == 0;
    const uint64_t piece = random_() % 2 == 0 ? 1 + random_() % 9000 : 1 + random_() % 200'000;
    if (open) writer_->Hold(files_[at]);
    Status done;
    for (uint64_t i = 1 + random_() % 12; i > 0 && done.ok(); --i) {
      State next = states_.back();
      const std::string bytes = Pattern(piece, random_());
      const uint64_t offset = next[at].size();
      next[at] += bytes;
      attempted_ = next;
      done = (i % 2 == 0 ? writer_->Write(files_[at], offset, bytes)
                         : writer_->Append(files_[at], bytes))
                 .status();
      if (!done.ok()) break;
      states_.push_back(std::move(next));
      attempted_.reset();
    }
    if (open) writer_->Unhold(files_[at]);
    return done;
  }

  // A file that has no name any more while it grows long; nobody misses it afterwards.
  Status GrowUnlinked() {
    const std::string name = "u" + std::to_string(random_());
    const auto made = writer_->Make(kFilesRoot, name, {.mode = S_IFREG | 0644});
    if (!made.ok()) return made.status();
    writer_->Hold(made->inode);
    Status done;
    for (uint64_t i = 0; i < 6 && done.ok(); ++i) {
      if (i == 3) done = writer_->Remove(kFilesRoot, name, false).status();
      if (done.ok()) done = writer_->Append(made->inode, Pattern(70'000, random_())).status();
    }
    writer_->Unhold(made->inode);
    return done;
  }

  Status ChangeSome() {
    const size_t at = random_() % kFiles;
    State next = states_.back();
    std::string& model = next[at];
    const uint64_t offset = random_() % (model.size() + 1);
    const uint64_t size = random_() % 3 == 0 ? 1 + random_() % 5000
                                             : (random_() % 2 == 0 ? 1 + random_() % 60'000
                                                                   : 65'537 + random_() % 90'000);
    Status done;
    switch (random_() % 8) {
      case 0: {
        model.resize(offset);
        attempted_ = next;
        done = writer_->Set(files_[at], {.size_bytes = offset}).status();
        break;
      }
      case 1: {
        const uint64_t cleared = std::min<uint64_t>(size, model.size() - offset);
        model.replace(offset, cleared, std::string(cleared, '\0'));
        attempted_ = next;
        done = writer_
                   ->ChangeSpace(files_[at], {.mode = SpaceMode::kPunch,
                                              .keep_size = true,
                                              .offset = offset,
                                              .size_bytes = size})
                   .status();
        break;
      }
      case 2: {
        const size_t from = (at + 1) % kFiles;
        model = next[from].substr(0, size) + (model.size() > next[from].substr(0, size).size()
                                                  ? model.substr(next[from].substr(0, size).size())
                                                  : "");
        attempted_ = next;
        done = writer_
                   ->Clone({.source = files_[from],
                            .source_offset = 0,
                            .target = files_[at],
                            .target_offset = 0,
                            .size_bytes = size})
                   .status();
        break;
      }
      default: {
        const std::string bytes = Pattern(size, random_());
        if (model.size() < offset + size) model.resize(offset + size);
        model.replace(offset, size, bytes);
        attempted_ = next;
        done = writer_->Write(files_[at], offset, bytes).status();
      }
    }
    if (!done.ok()) return done;
    states_.push_back(next);
    attempted_.reset();
    return done;
  }

  std::string CompareWithHistory() {
    State found;
    const FileReader reader(store_->door());
    for (size_t i = 0; i < kFiles; ++i) {
      const auto attributes = reader.Get({}, files_[i]);
      if (!attributes.ok()) return attributes.status().ToString();
      found[i].resize(attributes->size_bytes);
      const auto read = reader.Read({}, files_[i], 0, found[i].size(), found[i].data());
      if (!read.ok()) return read.status().ToString();
    }
    if (attempted_ && found == *attempted_) states_.push_back(*attempted_);
    attempted_.reset();
    for (size_t i = states_.size(); i-- > durable_;) {
      if (states_[i] != found) continue;
      states_.resize(i + 1);
      durable_ = i;
      return "";
    }
    return "the state is none that was reached since the last flush";
  }

  // What nothing names is gone, and nothing that is named is missing.
  std::string FindResidue() {
    const Reader& reader = store_->reader();
    const auto staged = disk_.List("/store/staging");
    if (!staged.ok()) return staged.status().ToString();
    for (const DirEntry& entry : *staged) {
      const auto id = ParseObjectStagingName(entry.name);
      if (!id || !reader.GetGlobal(OpenPackKey(*id)).ok()) return "nobody's: " + entry.name;
    }
    if (reader.ScanGlobal(PrefixRange(DoomedPrefix()))->Valid()) return "an object is still doomed";
    std::set<Id128> named;
    const auto rows = reader.ScanGlobal(PrefixRange(ObjectPrefix()));
    for (; rows->Valid(); rows->Next()) named.insert(*ParseObjectKey(rows->key()));
    ObjectStore objects(disk_, "/store");
    for (const ObjectKind kind : {ObjectKind::kPack, ObjectKind::kBlob, ObjectKind::kJournal}) {
      const Status walked = objects.Walk(kind, [&](const ObjectStore::Found& found) {
        // A blob's .meta comes before the blob is sealed.
        if (found.id && found.path.ends_with(".meta") &&
            (reader.GetGlobal(ObjectKey(*found.id)).ok() ||
             reader.GetGlobal(OpenPackKey(*found.id)).ok())) {
          return Status::Ok();
        }
        if (found.id && named.erase(*found.id) == 1) return Status::Ok();
        return Status(Code::kInternal, "nobody's: " + found.path);
      });
      if (!walked.ok()) return walked.ToString();
    }
    return named.empty() ? "" : "missing: " + ToHex(*named.begin());
  }

  SimDisk disk_;
  const OpenOptions options_;
  const unsigned reclaims_;
  std::mt19937_64 random_;
  std::array<InodeNumber, kFiles> files_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<FileWriter> writer_;
  std::vector<State> states_{State{}};
  size_t durable_ = 0;
  std::optional<State> attempted_;
};

}  // namespace mendfs
