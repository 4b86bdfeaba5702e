#include "meta/disk/sim_tree.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <set>
#include <unordered_map>
#include <utility>

namespace mendfs {

namespace {

constexpr uint64_t kAllChanges = std::numeric_limits<uint64_t>::max();

int64_t NowNs() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

void Apply(const SimChange& change, std::map<std::string, SimNodePtr>& names) {
  if (!change.cleared.empty()) names.erase(change.cleared);
  if (!change.set.empty()) names[change.set] = change.node;
}

}  // namespace

SimTree::SimTree() : root_(std::make_shared<SimNode>()) {
  root_->id = next_id_++;
  root_->is_directory = true;
}

// Each node is copied once, whatever leads to it; references are set when all that is reached is
// copied.
class SimTree::Copier {
 public:
  SimNodePtr CopyOf(const SimNodePtr& node) {
    if (!node) return nullptr;
    SimNodePtr& copy = copies_[node.get()];
    if (!copy) {
      copy = std::make_shared<SimNode>();
      waiting_.push_back(node);
    }
    return copy;
  }

  void Finish() {
    while (!waiting_.empty()) {
      const SimNodePtr node = std::move(waiting_.back());
      waiting_.pop_back();
      Fill(*node, *copies_[node.get()]);
    }
  }

 private:
  void CopyNames(const std::map<std::string, SimNodePtr>& source,
                 std::map<std::string, SimNodePtr>& target) {
    for (const auto& [name, node] : source) {
      target.emplace_hint(target.end(), name, CopyOf(node));
    }
  }

  void Fill(const SimNode& source, SimNode& target) {
    target.id = source.id;
    target.is_directory = source.is_directory;
    target.mtime_ns = source.mtime_ns;
    target.name_count = source.name_count;
    target.bytes = source.bytes;
    target.reserved_bytes = source.reserved_bytes;
    CopyNames(source.names, target.names);
    CopyNames(source.durable_names, target.durable_names);
    for (const SimChange& change : source.unsynced) {
      target.unsynced.push_back({.number = change.number,
                                 .cleared = change.cleared,
                                 .set = change.set,
                                 .node = CopyOf(change.node),
                                 .replaced = CopyOf(change.replaced),
                                 .moved_to = CopyOf(change.moved_to.lock()),
                                 .between_directories = change.between_directories});
    }
    target.parent = CopyOf(source.parent.lock());
    target.named_by = source.named_by;
  }

  std::unordered_map<const SimNode*, SimNodePtr> copies_;
  std::vector<SimNodePtr> waiting_;
};

SimTree::SimTree(const SimTree& other)
    : next_id_(other.next_id_), next_change_(other.next_change_), used_bytes_(other.used_bytes_) {
  Copier copier;
  root_ = copier.CopyOf(other.root_);
  for (const auto& [id, changed] : other.changed_) {
    if (const SimNodePtr node = changed.lock()) changed_[id] = copier.CopyOf(node);
  }
  copier.Finish();
}

// Unsynced changes may hold each other's directories in a ring.
SimTree::~SimTree() {
  for (const SimNodePtr& node : TakeChanged()) {
    node->unsynced.clear();
    node->durable_names.clear();
    node->names.clear();
  }
}

uint64_t SimTree::SpaceOf(const SimNode& node) {
  if (node.is_directory || node.name_count == 0) return 0;
  return std::max(node.bytes.size(), node.reserved_bytes);
}

void SimTree::NoteChanged(const SimNodePtr& node) {
  node->mtime_ns = NowNs();
  changed_[node->id] = node;
}

void SimTree::AddName(SimNode& node) {
  used_bytes_ -= SpaceOf(node);
  ++node.name_count;
  used_bytes_ += SpaceOf(node);
}

void SimTree::DropName(SimNode& node) {
  used_bytes_ -= SpaceOf(node);
  --node.name_count;
  used_bytes_ += SpaceOf(node);
}

SimNodePtr SimTree::Create(const SimNodePtr& directory, const std::string& name,
                           bool is_directory) {
  auto node = std::make_shared<SimNode>();
  node->id = next_id_++;
  node->is_directory = is_directory;
  node->mtime_ns = NowNs();
  node->parent = directory;
  node->named_by = next_change_++;
  AddName(*node);
  directory->names[name] = node;
  directory->unsynced.push_back({.number = node->named_by, .set = name, .node = node});
  NoteChanged(directory);
  return node;
}

void SimTree::Remove(const SimNodePtr& directory, const std::string& name) {
  const auto found = directory->names.find(name);
  const SimNodePtr node = found->second;
  directory->names.erase(found);
  DropName(*node);
  directory->unsynced.push_back({.number = next_change_++, .cleared = name, .replaced = node});
  NoteChanged(directory);
}

void SimTree::Rename(const SimNodePtr& source_directory, const std::string& source,
                     const SimNodePtr& target_directory, const std::string& target) {
  const SimNodePtr node = source_directory->names[source];
  SimNodePtr& place = target_directory->names[target];
  if (place == node) return;
  SimChange set{.number = next_change_++, .set = target, .node = node, .replaced = place};
  if (place) DropName(*place);
  place = node;
  source_directory->names.erase(source);
  node->named_by = set.number;
  node->parent = target_directory;
  if (source_directory == target_directory) {
    set.cleared = source;
  } else {
    set.between_directories = true;
    source_directory->unsynced.push_back({.number = set.number,
                                          .cleared = source,
                                          .moved_to = target_directory,
                                          .between_directories = true});
  }
  target_directory->unsynced.push_back(std::move(set));
  NoteChanged(source_directory);
  NoteChanged(target_directory);
}

// Rules 2 and 4: the new name is durable before the old one goes, and the contents of a directory
// before the directory goes. Each step takes a change off its list first, so this ends.
void SimTree::CommitUpTo(const SimNodePtr& directory, uint64_t number) {
  while (!directory->unsynced.empty() && directory->unsynced.front().number <= number) {
    const SimChange change = std::move(directory->unsynced.front());
    directory->unsynced.pop_front();
    if (const SimNodePtr other = change.moved_to.lock()) CommitUpTo(other, change.number);
    if (change.replaced && change.replaced->is_directory) {
      CommitUpTo(change.replaced, kAllChanges);
    }
    Apply(change, directory->durable_names);
  }
}

void SimTree::SyncNames(const SimNodePtr& directory) {
  CommitUpTo(directory, kAllChanges);
}

std::vector<SimNodePtr> SimTree::TakeChanged() {
  std::vector<SimNodePtr> nodes;
  for (const auto& [id, changed] : changed_) {
    if (SimNodePtr node = changed.lock()) nodes.push_back(std::move(node));
  }
  changed_.clear();
  return nodes;
}

// One cut: goes through the changes in the order in which they were made and decides each.
struct SimTree::Cut {
  struct Half {
    SimNodePtr directory;
    SimChange change;
  };
  enum class Style { kNothing, kEverything, kPrefix, kAnyPart };

  std::mt19937_64* random;
  Style style = Style::kNothing;
  uint64_t prefix_end = 0;
  std::map<uint64_t, std::vector<Half>> halves;  // by number of the change
  std::set<uint64_t> lost;
  std::set<std::pair<uint64_t, std::string>> lost_names;  // directory id, name
  std::set<uint64_t> directories_with_losses;
  bool lost_directory_move = false;

  Cut(const std::vector<SimNodePtr>& nodes, std::mt19937_64* generator) : random(generator) {
    for (const SimNodePtr& node : nodes) {
      for (SimChange& change : node->unsynced) {
        const uint64_t number = change.number;
        halves[number].push_back({node, std::move(change)});
      }
      node->unsynced.clear();
    }
    if (random == nullptr || halves.empty()) return;
    style = static_cast<Style>((*random)() % 4);
    prefix_end =
        halves.begin()->first + (*random)() % (halves.rbegin()->first - halves.begin()->first + 1);
  }

  bool Wants(uint64_t number) {
    switch (style) {
      case Style::kNothing: return false;
      case Style::kEverything: return true;
      case Style::kPrefix: return number <= prefix_end;
      case Style::kAnyPart: return (*random)() % 2 == 0;
    }
    return false;
  }

  bool TouchesLostName(const Half& half) const {
    const uint64_t id = half.directory->id;
    return lost_names.contains({id, half.change.cleared}) ||
           lost_names.contains({id, half.change.set});
  }

  bool IsBelowLostName(const SimNodePtr& directory) const {
    for (SimNodePtr at = directory; at; at = at->parent.lock()) {
      if (lost.contains(at->named_by)) return true;
    }
    return false;
  }

  static bool MovesDirectory(const Half& half) {
    return half.change.between_directories && half.change.node && half.change.node->is_directory;
  }

  // What rules 1, 3 and 4 forbid. Moves of directories are kept in order, else two of them could
  // put each directory into the other.
  bool MayKeep(const Half& half) const {
    if (TouchesLostName(half)) return false;
    const SimChange& change = half.change;
    const SimNodePtr target = change.node ? half.directory : change.moved_to.lock();
    if (change.between_directories && IsBelowLostName(target)) return false;
    if (MovesDirectory(half) && lost_directory_move) return false;
    return !change.replaced || !directories_with_losses.contains(change.replaced->id);
  }

  void Lose(const Half& half) {
    const uint64_t id = half.directory->id;
    if (!half.change.cleared.empty()) lost_names.insert({id, half.change.cleared});
    if (!half.change.set.empty()) lost_names.insert({id, half.change.set});
    directories_with_losses.insert(id);
    lost_directory_move = lost_directory_move || MovesDirectory(half);
  }

  // The old name of a file may outlive its move to another directory.
  bool KeepsOldName(const std::vector<Half>& pair) {
    if (style != Style::kAnyPart || pair.size() != 2) return false;
    const bool moves_directory = MovesDirectory(pair[0]) || MovesDirectory(pair[1]);
    return !moves_directory && (*random)() % 4 == 0;
  }

  void Decide(uint64_t number, const std::vector<Half>& parts) {
    bool keep = Wants(number);
    for (const Half& half : parts) keep = keep && MayKeep(half);
    if (!keep) {
      lost.insert(number);
      for (const Half& half : parts) Lose(half);
      return;
    }
    const bool keeps_old_name = KeepsOldName(parts);
    for (const Half& half : parts) {
      if (keeps_old_name && half.change.set.empty()) {
        Lose(half);
      } else {
        Apply(half.change, half.directory->durable_names);
      }
    }
  }
};

void SimTree::PowerCut(std::mt19937_64* random) {
  const std::vector<SimNodePtr> nodes = TakeChanged();
  Cut cut(nodes, random);
  for (const auto& [number, parts] : cut.halves) cut.Decide(number, parts);
  for (const SimNodePtr& node : nodes) {
    if (node->is_directory) {
      node->names = node->durable_names;
    } else {
      node->bytes.PowerCut(random);
    }
  }
  used_bytes_ = 0;
  CountNames(root_);
}

// Sets right what follows from the names. A directory that is named in two places keeps the first.
void SimTree::CountNames(const SimNodePtr& root) {
  std::set<uint64_t> seen = {root->id};
  std::vector<SimNodePtr> waiting = {root};
  while (!waiting.empty()) {
    const SimNodePtr directory = waiting.back();
    waiting.pop_back();
    for (auto name = directory->names.begin(); name != directory->names.end();) {
      const SimNodePtr node = name->second;
      const bool is_new = seen.insert(node->id).second;
      if (node->is_directory && !is_new) {
        directory->durable_names.erase(name->first);
        name = directory->names.erase(name);
        continue;
      }
      if (is_new) node->name_count = 0;
      AddName(*node);
      if (node->is_directory) {
        node->parent = directory;
        node->named_by = 0;
        waiting.push_back(node);
      }
      ++name;
    }
  }
}

}  // namespace mendfs
