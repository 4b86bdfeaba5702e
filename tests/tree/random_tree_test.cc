// Random operations on a small name space against a model in memory, and every operation refused
// once by the door.
#include <functional>
#include <random>

#include "tests/tree/tree_test_base.h"

namespace mendfs {
namespace {

struct ModelNode {
  bool directory = false;
  std::string body;
  std::map<std::string, int> names;  // of a directory
  int parent = 0;
};

// What POSIX says, in the plainest way: nodes by number, 0 is the root.
class Model {
 public:
  Model() { nodes_[0] = {.directory = true, .body = {}, .names = {}}; }

  Code Make(int parent, const std::string& name, bool directory) {
    if (nodes_[parent].names.count(name) > 0) return Code::kExists;
    nodes_[parent].names[name] = next_;
    nodes_[next_++] = {.directory = directory, .body = {}, .names = {}, .parent = parent};
    return Code::kOk;
  }
  Code Link(int node, int parent, const std::string& name) {
    if (nodes_[node].directory) return Code::kNotPermitted;
    if (nodes_[parent].names.count(name) > 0) return Code::kExists;
    nodes_[parent].names[name] = node;
    return Code::kOk;
  }
  Code Remove(int parent, const std::string& name, bool directory) {
    const auto found = nodes_[parent].names.find(name);
    if (found == nodes_[parent].names.end()) return Code::kNotFound;
    const ModelNode& node = nodes_[found->second];
    if (directory && !node.directory) return Code::kNotDirectory;
    if (!directory && node.directory) return Code::kIsDirectory;
    if (!node.names.empty()) return Code::kNotEmpty;
    const int number = found->second;
    nodes_[parent].names.erase(found);
    DropIfUnnamed(number);
    return Code::kOk;
  }
  Code Rename(int from, const std::string& name, int to, const std::string& new_name,
              RenameMode mode) {
    const auto source = nodes_[from].names.find(name);
    if (source == nodes_[from].names.end()) return Code::kNotFound;
    const auto target = nodes_[to].names.find(new_name);
    const bool present = target != nodes_[to].names.end();
    if (mode == RenameMode::kExchange && !present) return Code::kNotFound;
    if (mode == RenameMode::kNoReplace && present) return Code::kExists;
    const int moved = source->second;
    const int other = present ? target->second : -1;
    if (moved == other) return Code::kOk;
    if (nodes_[moved].directory && IsWithin(to, moved)) return Code::kInvalid;
    if (mode == RenameMode::kExchange) {
      if (nodes_[other].directory && IsWithin(from, other)) return Code::kInvalid;
      std::swap(source->second, target->second);
      SetParent(moved, to);
      SetParent(other, from);
      return Code::kOk;
    }
    if (present) {
      if (nodes_[moved].directory && !nodes_[other].directory) return Code::kNotDirectory;
      if (!nodes_[moved].directory && nodes_[other].directory) return Code::kIsDirectory;
      if (!nodes_[other].names.empty()) return Code::kNotEmpty;
    }
    nodes_[from].names.erase(source);
    nodes_[to].names[new_name] = moved;
    SetParent(moved, to);
    if (present) DropIfUnnamed(other);
    return Code::kOk;
  }

  std::map<int, ModelNode>& nodes() { return nodes_; }
  size_t CountNames(int number) const {
    size_t count = 0;
    for (const auto& [parent, node] : nodes_) {
      for (const auto& [name, child] : node.names) count += child == number ? 1 : 0;
    }
    return count;
  }

 private:
  bool IsWithin(int directory, int top) {
    while (directory != top && directory != 0) directory = nodes_[directory].parent;
    return directory == top;
  }
  void SetParent(int number, int parent) {
    if (nodes_[number].directory) nodes_[number].parent = parent;
  }
  void DropIfUnnamed(int number) {
    if (CountNames(number) == 0) nodes_.erase(number);
  }

  std::map<int, ModelNode> nodes_;
  int next_ = 1;
};

class RandomTreeTest : public TreeTest {
 protected:
  using Random = std::mt19937_64;

  // Walks both and finds the inode of each model node on the way.
  void Compare() {
    inodes_ = {{0, kFilesRoot}};
    size_t names = 0;
    CompareDirectory(0, names);
    const size_t inodes = CountEntries(std::string(1, static_cast<char>(KeyKind::kInode)));
    EXPECT_EQ(inodes, model_.nodes().size() + 2) << "scratch and orphan roots beside the model's";
    EXPECT_EQ(CountEntries(std::string(1, static_cast<char>(KeyKind::kDentry))), names);
  }

  void CompareDirectory(int number, size_t& names) {
    const ModelNode& node = model_.nodes()[number];
    const auto listed = List(inodes_[number]);
    ASSERT_EQ(listed.size(), node.names.size());
    size_t directories = 0;
    for (const auto& [name, child] : node.names) {
      ++names;
      const auto found = listed.find(name);
      ASSERT_NE(found, listed.end()) << name;
      const auto known = inodes_.emplace(child, found->second);
      ASSERT_EQ(known.first->second, found->second) << "two names of one inode";
      if (model_.nodes()[child].directory) {
        ++directories;
        ASSERT_EQ(Get(found->second).parent, inodes_[number]);
        CompareDirectory(child, names);
      } else {
        ASSERT_EQ(Get(found->second).links, model_.CountNames(child));
        ASSERT_EQ(ReadAll(found->second), model_.nodes()[child].body);
      }
    }
    ASSERT_EQ(Get(inodes_[number]).links, 2 + directories);
  }

  int Pick(Random& random, bool directory) {
    std::vector<int> all;
    for (const auto& [number, node] : model_.nodes()) {
      if (node.directory == directory) all.push_back(number);
    }
    return all.empty() ? 0 : all[random() % all.size()];
  }

  void Step(Random& random) {
    const int parent = Pick(random, true);
    const int other = Pick(random, true);
    const int file = Pick(random, false);
    const std::string name(1, static_cast<char>('a' + random() % 4));
    const std::string new_name(1, static_cast<char>('a' + random() % 4));
    const bool directory = random() % 2 == 0;
    const uint32_t type = directory ? S_IFDIR : S_IFREG;
    const auto mode = static_cast<RenameMode>(random() % 3);
    const InodeNumber in = inodes_[parent];
    switch (random() % 8) {
      case 0:
      case 1:
        return Both([&] { return model_.Make(parent, name, directory); },
                    [&] { return writer_->Make(in, name, {.mode = type}).status(); });
      case 2:
        return Both([&] { return model_.Link(file, parent, name); },
                    [&] { return writer_->Link(inodes_[file], in, name).status(); });
      case 3:
        return Both([&] { return model_.Remove(parent, name, directory); },
                    [&] { return writer_->Remove(in, name, directory).status(); });
      case 4:
        if (file == 0) return;
        return Both([&] { return (model_.nodes()[file].body += name, Code::kOk); },
                    [&] { return writer_->Append(inodes_[file], name).status(); });
      default:
        return Both([&] { return model_.Rename(parent, name, other, new_name, mode); },
                    [&] { return writer_->Rename(in, name, inodes_[other], new_name, mode); });
    }
  }

  // The same answer from both. A successful change is first tried with a door that refuses it.
  void Both(const std::function<Code()>& model, const std::function<Status()>& tree) {
    const auto before = door_.Dump(kHead);
    door_.FailApply(Code::kNoSpace);
    const Status refused = tree();
    door_.FailApply(Code::kOk, 0);
    ASSERT_EQ(door_.Dump(kHead), before) << "a refused change left something";
    const Status done = tree();
    const Code wanted = model();
    ASSERT_EQ(done.code(), wanted) << done.ToString();
    if (wanted == Code::kOk && door_.Dump(kHead) != before) {
      ASSERT_EQ(refused.code(), Code::kNoSpace);
    }
  }

  void Play(uint64_t seed);

  Model model_;
  std::map<int, InodeNumber> inodes_;
};

void RandomTreeTest::Play(uint64_t seed) {
  SCOPED_TRACE("MENDFS_SEED=" + std::to_string(seed));
  Random random(seed);
  for (int step = 0; step < 1200; ++step) {
    Compare();
    if (!HasFailure()) Step(random);
    ASSERT_FALSE(HasFailure()) << "step " << step;
  }
}

TEST_F(RandomTreeTest, RandomOperationsAnswerAndEndAsTheModel) {
  Play(TestSeed(20));
}

}  // namespace
}  // namespace mendfs
