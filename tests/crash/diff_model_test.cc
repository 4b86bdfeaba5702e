// What a comparison tells turns one state into the other, and tells nothing that is the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "meta/diff.h"
#include "tests/crash/history.h"
#include "tests/crash/steps.h"
#include "tests/support/seed.h"

namespace mendfs {
namespace {

using Facts = std::map<std::string, std::string>;  // path: what is there

std::string FactOf(const ModelFile& file) {
  const std::string size =
      file.kind == ModelKind::kDirectory
          ? ""
          : std::to_string(file.bytes.get().size()) + "/" + std::to_string(file.bytes.hash().low);
  const uint32_t mode = file.kind == ModelKind::kSymlink ? 0 : file.permissions;
  std::string xattrs;
  for (const auto& [name, value] : file.xattrs) {
    xattrs += " " + name + "=" + std::to_string(HashXxh3(value));
  }
  return std::string(1, static_cast<char>(file.kind)) + std::to_string(mode) + " " + size + xattrs;
}

Facts FilesOf(const Model& model) {
  Facts facts;
  for (const auto& [path, id] : model.names) facts["files/" + path] = FactOf(model.files.at(id));
  return facts;
}

Facts RowsOf(const Model& model) {
  Facts facts;
  std::map<uint64_t, std::string> keys;
  for (const auto& [key, row] : model.rows) {
    facts["nodes/P/" + key + ".json"] = row.body;
    keys[row.id] = key;
  }
  for (const auto& [ends, body] : model.edges) {
    const auto& [source, target, number] = ends;
    std::string name = keys.at(source) + "~" + keys.at(target);
    if (number != 1) name += "~" + std::to_string(number);
    facts["edges/E/" + name + ".json"] = body;
  }
  return facts;
}

class Recorder final : public DiffSink {
 public:
  Status OnSchema(const std::string& before, const std::string& after) override {
    EXPECT_NE(before, after);
    schema = true;
    return Status::Ok();
  }
  Status OnRow(const RowDiff& row) override {
    EXPECT_EQ(row.before.has_value(), row.op != DiffOp::kAdded) << row.path;
    EXPECT_EQ(row.after.has_value(), row.op != DiffOp::kRemoved) << row.path;
    const std::optional<std::string> before(row.before);
    const std::optional<std::string> after(row.after);
    rows.emplace_back(row.path, std::make_pair(before, after));
    const auto cells = DiffCells(row.before, row.after);
    EXPECT_TRUE(cells.ok()) << cells.status().ToString();
    EXPECT_TRUE(DiffJson(row).ok());
    return Status::Ok();
  }
  Status OnFile(const FileDiff& file) override {
    files.push_back(file);
    return Status::Ok();
  }

  bool schema = false;
  std::vector<
      std::pair<std::string, std::pair<std::optional<std::string>, std::optional<std::string>>>>
      rows;
  std::vector<FileDiff> files;
};

// An edge whose end got another key goes by another name and is not told: such rows are compared by
// what is told of all others.
void CheckRows(const Recorder& told, Facts before, const Facts& after) {
  for (const auto& [path, bodies] : told.rows) {
    const auto& [then, now] = bodies;
    const auto at = before.find(path);
    const bool is_edge = path.starts_with("edges/");
    if (then && !is_edge) {
      ASSERT_NE(at, before.end()) << path;
      EXPECT_EQ(at->second, *then) << path;
    }
    if (at != before.end()) before.erase(at);
    if (now) before[path] = *now;
    if (then && now && !is_edge) {
      EXPECT_NE(*then, *now) << path;
    }
  }
  Facts nodes_told;
  Facts nodes_after;
  for (const auto& [path, body] : before) {
    if (path.starts_with("nodes/")) nodes_told[path] = body;
  }
  for (const auto& [path, body] : after) {
    if (path.starts_with("nodes/")) nodes_after[path] = body;
  }
  EXPECT_EQ(nodes_told, nodes_after);
}

// Moves apply to everything below; what is told of a path speaks of it behind the moves.
void CheckFiles(const Recorder& told, const Facts& before, const Facts& after) {
  Facts state = before;
  std::set<std::string> speaks;
  // Out first, then in: moves may swap.
  Facts moved;
  for (const FileDiff& file : told.files) {
    EXPECT_TRUE(speaks.insert(file.path + (file.op == DiffOp::kRemoved ? "-" : "+")).second)
        << file.path << " is told twice";
    if (file.op == DiffOp::kRemoved) {
      EXPECT_EQ(state.erase(file.path), 1u) << file.path;
    }
  }
  std::vector<const FileDiff*> deepest_first;
  for (const FileDiff& file : told.files) {
    if (file.op == DiffOp::kRenamed) deepest_first.push_back(&file);
  }
  std::sort(deepest_first.begin(), deepest_first.end(),
            [](const FileDiff* one, const FileDiff* other) {
              return one->old_path.size() > other->old_path.size();
            });
  for (const FileDiff* file : deepest_first) {
    const std::string below = file->old_path + "/";
    Facts rest;
    for (const auto& [path, fact] : state) {
      if (path == file->old_path) {
        moved[file->path] = fact;
      } else if (path.starts_with(below)) {
        moved[file->path + "/" + path.substr(below.size())] = fact;
      } else {
        rest[path] = fact;
      }
    }
    state = std::move(rest);
  }
  state.merge(moved);
  EXPECT_TRUE(moved.empty()) << moved.begin()->first << " is moved onto something";
  for (const FileDiff& file : told.files) {
    if (file.op == DiffOp::kRemoved) continue;
    const auto wanted = after.find(file.path);
    if (file.path == "files") continue;  // the model has no attributes of it
    ASSERT_NE(wanted, after.end()) << file.path;
    const auto at = state.find(file.path);
    if (file.op == DiffOp::kAdded) {
      EXPECT_EQ(at, state.end()) << file.path;
      EXPECT_FALSE(file.before.has_value());
    } else {
      ASSERT_NE(at, state.end()) << file.path;
      const bool differs = file.body || file.attributes || file.xattrs;
      EXPECT_EQ(differs, at->second != wanted->second) << file.path;
      EXPECT_TRUE(differs || file.op == DiffOp::kRenamed) << file.path;
    }
    state[file.path] = wanted->second;
  }
  EXPECT_EQ(state, after);
}

TEST(DiffModelTest, WhatIsToldTurnsOneStateIntoTheOther) {
  const uint64_t seed = TestSeed();
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  for (uint64_t round = 0; round < 6; ++round) {
    std::mt19937_64 random(seed + round);
    const auto disk = FreshStore();
    OpenOptions open = CrashOpenOptions();
    auto session = Session::Open(*disk, open);
    ASSERT_TRUE(session.ok()) << session.status().ToString();
    const Mix mix{.names = 8, .bytes = 5, .rows = 8, .durable = 0, .bulk = 1, .upkeep = 0};
    Model model;
    std::vector<std::pair<Seq, Model>> commits;
    for (int step = 0; step < 90; ++step) {
      Step drawn = DrawStep(model, random, mix);
      const Status done = drawn.run(**session);
      ASSERT_TRUE(done.ok()) << drawn.name << ": " << done.ToString();
      model = drawn.after;
      if (random() % 6 != 0) continue;
      const auto commit = (*session)->store().CloseCommit(kMainBranch, {"test", "", Origin::kUser});
      ASSERT_TRUE(commit.ok());
      if (*commit) commits.emplace_back((*commit)->seq, model);
    }
    for (int pair = 0; pair < 30 && commits.size() > 1; ++pair) {
      const auto& [before_seq, before] = commits[random() % commits.size()];
      const auto& [after_seq, after] = commits[random() % commits.size()];
      SCOPED_TRACE("round " + std::to_string(round) + ": " + std::to_string(before_seq.value) +
                   ".." + std::to_string(after_seq.value));
      Recorder told;
      const Status status = DiffMoments((*session)->store().door(), {kMainBranch, before_seq},
                                        {kMainBranch, after_seq}, {}, told);
      ASSERT_TRUE(status.ok()) << status.ToString();
      EXPECT_EQ(told.schema, before.properties != after.properties);
      CheckRows(told, RowsOf(before), RowsOf(after));
      CheckFiles(told, FilesOf(before), FilesOf(after));
      if (testing::Test::HasFailure()) return;
    }
  }
}

}  // namespace
}  // namespace mendfs
