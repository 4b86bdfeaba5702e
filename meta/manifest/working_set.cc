#include "meta/manifest/working_set.h"

#include <cstring>
#include <new>

namespace mendfs {
namespace {

constexpr size_t kBlockBytes = 64 << 10;

}  // namespace

// Placed in the arena with `height` links and its key and value behind them.
struct WorkingSet::Node {
  Seq seq;
  uint32_t key_bytes;
  uint32_t value_bytes;
  bool whiteout;
  bool fresh;
  uint8_t height;
  std::atomic<Node*> next[1];

  const char* data() const { return reinterpret_cast<const char*>(&next[height]); }
  std::string_view key() const { return {data(), key_bytes}; }
  std::string_view value() const { return {data() + key_bytes, value_bytes}; }

  // <0: before (key, seq)
  int Compare(std::string_view other_key, Seq other_seq) const {
    const int order = key().compare(other_key);
    if (order != 0) return order;
    return seq > other_seq ? -1 : (seq < other_seq ? 1 : 0);
  }
};

WorkingSet::WorkingSet() : head_(nullptr) {
  head_ = NewNode({}, kHeightMax);
  bytes_ = 0;
}

char* WorkingSet::Allocate(size_t size_bytes) {
  size_bytes = (size_bytes + 7) & ~size_t{7};
  bytes_.fetch_add(size_bytes, std::memory_order_relaxed);
  if (size_bytes > kBlockBytes / 4) {
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(size_bytes));
    return blocks_.back().get();
  }
  if (size_bytes > block_left_) {
    blocks_.push_back(std::make_unique_for_overwrite<char[]>(kBlockBytes));
    block_next_ = blocks_.back().get();
    block_left_ = kBlockBytes;
  }
  char* result = block_next_;
  block_next_ += size_bytes;
  block_left_ -= size_bytes;
  return result;
}

WorkingSet::Node* WorkingSet::NewNode(const Version& version, int height) {
  const size_t links = sizeof(std::atomic<Node*>) * static_cast<size_t>(height - 1);
  char* memory = Allocate(sizeof(Node) + links + version.key.size() + version.value.size());
  Node* node = new (memory) Node;
  node->seq = version.seq;
  node->key_bytes = static_cast<uint32_t>(version.key.size());
  node->value_bytes = static_cast<uint32_t>(version.value.size());
  node->whiteout = version.whiteout;
  node->fresh = version.fresh;
  node->height = static_cast<uint8_t>(height);
  for (int i = 0; i < height; ++i) {
    new (&node->next[i]) std::atomic<Node*>(nullptr);
  }
  char* data = memory + sizeof(Node) + links;
  if (!version.key.empty()) std::memcpy(data, version.key.data(), version.key.size());
  if (!version.value.empty()) {
    std::memcpy(data + version.key.size(), version.value.data(), version.value.size());
  }
  return node;
}

int WorkingSet::RandomHeight() {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  int height = 1;
  for (uint64_t bits = random_; height < kHeightMax && (bits & 3) == 0; bits >>= 2) ++height;
  return height;
}

WorkingSet::Node* WorkingSet::FindAtOrBehind(std::string_view key, Seq seq, Node** before) const {
  Node* node = head_;
  int level = height_.load(std::memory_order_relaxed) - 1;
  while (true) {
    Node* next = node->next[level].load(std::memory_order_acquire);
    if (next != nullptr && next->Compare(key, seq) < 0) {
      node = next;
      continue;
    }
    if (before != nullptr) before[level] = node;
    if (level == 0) return next;
    --level;
  }
}

void WorkingSet::Add(const Version& version) {
  Node* before[kHeightMax];
  FindAtOrBehind(version.key, version.seq, before);
  const int height = RandomHeight();
  const int old_height = height_.load(std::memory_order_relaxed);
  for (int i = old_height; i < height; ++i) before[i] = head_;
  // A reader that sees the new height early finds null links at the head: harmless.
  if (height > old_height) height_.store(height, std::memory_order_relaxed);
  Node* node = NewNode(version, height);
  for (int i = 0; i < height; ++i) {
    node->next[i].store(before[i]->next[i].load(std::memory_order_relaxed),
                        std::memory_order_relaxed);
    before[i]->next[i].store(node, std::memory_order_release);
  }
}

bool WorkingSet::Find(std::string_view key, Seq seq, Version& found) const {
  const Node* node = FindAtOrBehind(key, seq, nullptr);
  if (node == nullptr || node->key() != key) return false;
  found = {node->key(), node->value(), node->seq, node->whiteout, node->fresh};
  return true;
}

WorkingSet::Version WorkingSet::Iterator::version() const {
  return {node_->key(), node_->value(), node_->seq, node_->whiteout, node_->fresh};
}

void WorkingSet::Iterator::Next() {
  node_ = node_->next[0].load(std::memory_order_acquire);
}

void WorkingSet::Iterator::SeekToFirst() {
  node_ = set_->head_->next[0].load(std::memory_order_acquire);
}

void WorkingSet::Iterator::Seek(std::string_view key, Seq seq) {
  node_ = set_->FindAtOrBehind(key, seq, nullptr);
}

}  // namespace mendfs
