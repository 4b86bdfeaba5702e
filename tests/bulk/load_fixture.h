// What the tests of load share.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "meta/base/failpoint.h"
#include "meta/bulk.h"
#include "meta/disk/sim_disk.h"
#include "meta/tables.h"
#include "reconcile/check/fsck.h"

namespace mendfs {

inline constexpr char kSchema[] = R"(
node Person {
  name:  String @key
  age:   I32?            @range(0..150)
  email: String?         @unique
  city:  String?         @index
}
node Place @key(country, town) { country: String, town: String, size: I64? }
edge Knows: Person -> Person { since: Date? }
edge LivesIn: Person -> Place @card(0..1)
)";

// A store with a few types, loads into it, and what it holds afterwards.
class LoadTest : public testing::Test {
 protected:
  void SetUp() override { Create(kSchema); }
  void TearDown() override { DisarmFailpoints(); }

  void Create(const std::string& schema) {
    const Status made =
        Store::Create(disk_, "/store" + std::to_string(++stores_), {.schema_text = schema});
    ASSERT_TRUE(made.ok()) << made.ToString();
    Open();
  }
  void Open() {
    store_.reset();
    auto store = Store::Open(disk_, "/store" + std::to_string(stores_), {.commit_interval_ms = 0});
    ASSERT_TRUE(store.ok()) << store.status().ToString();
    store_ = *std::move(store);
  }

  // What the check of the whole store finds; it is closed for that and opened again.
  std::string Check() {
    store_.reset();
    const auto report = CheckStore(disk_, "/store" + std::to_string(stores_), {}, {});
    std::string found = report.ok() ? "" : report.status().ToString();
    if (report.ok()) {
      if (!report->complete) found += "not complete\n";
      for (const Finding& finding : report->findings) {
        found += finding.kind + " " + finding.subject + ": " + finding.sentence + "\n";
      }
    }
    Open();
    return found;
  }
  Status Load(const std::string& text, LoadOptions options = {}) {
    auto loader = Loader::Begin(*store_, options);
    if (!loader.ok()) return loader.status();
    for (size_t place = 0; place < text.size(); place += piece_) {
      const Status added =
          (*loader)->Add("rows.jsonl", std::string_view(text).substr(place, piece_));
      if (!added.ok()) return added;
    }
    return (*loader)->Finish({}, summary_);
  }
  std::string Export(const ExportOptions& options = {}) {
    std::string text;
    const Status status = mendfs::Export(store_->reader(), {}, options, [&](std::string_view part) {
      text.append(part);
      return Status::Ok();
    });
    EXPECT_TRUE(status.ok()) << status.ToString();
    return text;
  }
  // Everything below staging/ and objects/segment/.
  std::vector<std::string> Residue(const std::string& directory) {
    std::vector<std::string> found;
    const auto entries = disk_.List(store_->path() + directory);
    if (!entries.ok()) return found;
    for (const DirEntry& entry : *entries) {
      const std::string path = directory + "/" + entry.name;
      if (entry.kind != FileKind::kDirectory) {
        found.push_back(path);
        continue;
      }
      for (const std::string& below : Residue(path)) found.push_back(below);
      if (directory == "/staging") found.push_back(path);
    }
    return found;
  }
  size_t Segments() { return Residue("/objects/segment").size(); }

  SimDisk disk_;
  int stores_ = 0;
  size_t piece_ = 7;  // lines are cut anywhere
  std::unique_ptr<Store> store_;
  LoadSummary summary_;
};

}  // namespace mendfs
