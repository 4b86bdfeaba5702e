#include "reconcile/check/data_check.h"

#include <algorithm>
#include <utility>

#include "meta/files.h"

namespace mendfs {
namespace {

// Deeper directories are named by their inode: a damaged tree may hold circles.
constexpr size_t kDepthMax = 256;

}  // namespace

DataCheck::DataCheck(Door& door, const Inspector& inspector, size_t kept_max)
    : door_(door), inspector_(inspector), kept_max_(kept_max) {}

Status DataCheck::Run(const std::function<void(uint64_t bytes)>& progress) {
  std::string scratch;
  progress(0);
  return inspector_.EachPiece(
      [&](const Inspector::Piece& piece) {
        if (piece.run == nullptr || !inspector_.CheckRun(*piece.run).ok()) return;
        inspector_.ReadRun(door_, *piece.run, scratch,
                           [&](uint64_t offset, uint64_t size_bytes, const Status& why) {
                             ++lost_count_;
                             if (kept_.size() >= kept_max_) return;
                             kept_.push_back({.inode = piece.inode,
                                              .offset = piece.offset + offset,
                                              .size_bytes = size_bytes,
                                              .path = "",
                                              .why = why});
                           });
        bytes_ += piece.size_bytes;
        progress(bytes_);
      },
      [](const std::string&, const Status&) {});  // told by the check of references
}

const std::vector<DataCheck::Lost>& DataCheck::Name() {
  if (kept_.empty()) return kept_;
  std::map<InodeNumber, std::pair<InodeNumber, std::string>> names;
  for (const Lost& lost : kept_) names[lost.inode];
  // What names cannot be read is told by the check of names.
  inspector_
      .EachName(
          [&](const Inspector::Name& name) {
            const auto found = names.find(name.inode);
            if (found == names.end() || name.parent == kOrphanRoot) return;
            if (found->second.second.empty()) found->second = {name.parent, std::string(name.name)};
          },
          [](const std::string&, const Status&) {})
      .IgnoreError();
  for (auto& [inode, name] : names) {
    const std::string path =
        name.second.empty() ? "without a name" : PathOf(name.first, name.second);
    for (Lost& lost : kept_) {
      if (lost.inode == inode) lost.path = path;
    }
  }
  return kept_;
}

std::string DataCheck::PathOf(InodeNumber parent, const std::string& name) const {
  const FileReader files(door_);
  std::string path = name;
  for (size_t depth = 0; parent != kFilesRoot; ++depth) {
    const std::string unknown = "(inode " + std::to_string(parent.value) + ")/" + path;
    const auto directory = files.Get({}, parent);
    if (depth >= kDepthMax || !directory.ok()) return unknown;
    const auto list = files.List({}, directory->parent, 0);
    if (!list.ok()) return unknown;
    std::string found;
    while (found.empty()) {
      auto entry = (*list)->Next();
      if (!entry.ok() || !*entry) return unknown;
      if ((*entry)->inode == parent) found = (*entry)->name;
    }
    path = found + "/" + path;
    parent = directory->parent;
  }
  return "files/" + path;
}

}  // namespace mendfs
