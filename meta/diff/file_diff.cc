#include "meta/diff/file_diff.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <string>
#include <unordered_set>
#include <utility>

#include "meta/codec/hash.h"
#include "meta/files.h"
#include "meta/manifest/keys.h"
#include "meta/tree/inode_format.h"
#include "meta/tree/tree_read.h"

namespace mendfs {
namespace {

constexpr size_t kReadBytes = size_t{1} << 20;

// 1 inodes whose entries differ are gathered · 2 directories are walked from the top, those that
// stand at the same place at both moments side by side: names that came or went are gathered,
// inodes of 1 are looked at · 3 a name that went and one that came of the same inode are a move; a
// moved directory is walked as in 2 · 4 a name that went and one that came at the same path are a
// file that was replaced, as editors save · 5 what is left came or went, with everything below it.
class FileComparison {
 public:
  FileComparison(const Moments& moments, Door& door, const DiffOptions& options, DiffSink& sink)
      : moments_(moments), files_(door), options_(options), sink_(sink) {}

  Status Run() {
    MENDFS_RETURN_IF_ERROR(GatherInodes());
    directories_.push_back({kFilesRoot, "files", "files"});
    MENDFS_RETURN_IF_ERROR(CompareSame(kFilesRoot, "files"));
    while (!directories_.empty()) {
      while (!directories_.empty()) {
        const DirectoryPair pair = std::move(directories_.back());
        directories_.pop_back();
        MENDFS_RETURN_IF_ERROR(Walk(pair));
      }
      MENDFS_RETURN_IF_ERROR(OpenWhatIsNowhereElse());
      MENDFS_RETURN_IF_ERROR(PairMoves());
    }
    MENDFS_RETURN_IF_ERROR(PairReplaced());
    for (const Name& name : gone_) MENDFS_RETURN_IF_ERROR(NoteOne(name, DiffOp::kRemoved));
    for (const Name& name : come_) MENDFS_RETURN_IF_ERROR(NoteOne(name, DiffOp::kAdded));
    std::stable_sort(found_.begin(), found_.end(), [](const FileDiff& one, const FileDiff& other) {
      return one.path < other.path;
    });
    for (const FileDiff& file : found_) MENDFS_RETURN_IF_ERROR(sink_.OnFile(file));
    return Status::Ok();
  }

 private:
  struct DirectoryPair {
    InodeNumber inode;
    std::string before;  // its paths
    std::string after;
  };
  struct Name {
    InodeNumber inode;
    std::string path;
    bool is_directory = false;
  };

  Status GatherInodes();
  Status Walk(const DirectoryPair& directory);
  Status OpenWhatIsNowhereElse();
  Status OpenEach(std::vector<Name>& names, const View& here, const View& other);
  Status PairMoves();
  Status PairReplaced();
  // At one place at both moments.
  Status CompareSame(InodeNumber inode, const std::string& path) {
    if (!changed_.contains(inode.value)) return Status::Ok();
    return Compare({inode, path}, {inode, path}, DiffOp::kChanged);
  }
  Status Compare(const Name& before, const Name& after, DiffOp op);
  Status NoteOne(const Name& name, DiffOp op);
  Result<FileState> StateOf(const View& view, const Attributes& inode, bool hash) const;
  Result<bool> SamePieces(InodeNumber before, InodeNumber after) const;
  Result<std::map<std::string, std::string>> XattrsOf(const View& view, InodeNumber inode) const;
  Result<std::string> HashOf(const View& view, const Attributes& inode) const;

  const Moments& moments_;
  const FileReader files_;
  const DiffOptions& options_;
  DiffSink& sink_;

  std::unordered_set<uint64_t> changed_;
  std::vector<DirectoryPair> directories_;  // to be walked
  std::vector<Name> gone_;
  std::vector<Name> come_;
  std::vector<FileDiff> found_;
};

Status FileComparison::GatherInodes() {
  const KeyRange inodes = PrefixRange(std::string(1, static_cast<char>(KeyKind::kInode)));
  return EachEntryPair(moments_, inodes, [&](const EntryPair& pair) -> Status {
    const auto inode = ParseInodeKey(pair.key());
    if (!inode) return {Code::kCorruption, "an inode's key does not decode"};
    if (!pair.is_same()) changed_.insert(inode->value);
    return Status::Ok();
  });
}

Status FileComparison::Walk(const DirectoryPair& directory) {
  const KeyRange names = PrefixRange(DentryPrefix(directory.inode));
  return EachEntryPair(moments_, names, [&](const EntryPair& pair) -> Status {
    const auto name = ParseDentryKey(pair.key());
    if (!name) return {Code::kCorruption, "a name's key does not decode"};
    Dentry then;
    Dentry now;
    if (pair.before != nullptr) {
      MENDFS_ASSIGN_OR_RETURN(then, DecodeDentry(pair.before->value()));
    }
    if (pair.after != nullptr) {
      MENDFS_ASSIGN_OR_RETURN(now, DecodeDentry(pair.after->value()));
    }
    const std::string before = directory.before + "/" + std::string(name->name);
    const std::string after = directory.after + "/" + std::string(name->name);
    if (then.inode == now.inode) {
      if (S_ISDIR(now.mode_type)) directories_.push_back({now.inode, before, after});
      return CompareSame(now.inode, after);
    }
    if (pair.before != nullptr) {
      gone_.push_back({then.inode, before, S_ISDIR(then.mode_type)});
    }
    if (pair.after != nullptr) come_.push_back({now.inode, after, S_ISDIR(now.mode_type)});
    return Status::Ok();
  });
}

// A directory that is at one moment only: what is below it may have been moved out or in.
Status FileComparison::OpenEach(std::vector<Name>& names, const View& here, const View& other) {
  for (size_t next = 0; next < names.size(); ++next) {
    if (!names[next].is_directory) continue;
    const auto elsewhere = ReadInode(moments_.reader, other, names[next].inode);
    if (elsewhere.ok() && elsewhere->links > 0) continue;
    if (!elsewhere.ok() && elsewhere.status().code() != Code::kNotFound) return elsewhere.status();
    names[next].is_directory = false;  // it is opened once
    const std::string path = names[next].path;
    MENDFS_ASSIGN_OR_RETURN(const auto cursor, files_.List(here, names[next].inode, 0));
    while (true) {
      MENDFS_ASSIGN_OR_RETURN(const auto entry, cursor->Next());
      if (!entry) break;
      names.push_back({entry->inode, path + "/" + entry->name, S_ISDIR(entry->mode_type)});
    }
  }
  return Status::Ok();
}

Status FileComparison::OpenWhatIsNowhereElse() {
  MENDFS_RETURN_IF_ERROR(OpenEach(gone_, moments_.before, moments_.after));
  return OpenEach(come_, moments_.after, moments_.before);
}

Status FileComparison::PairMoves() {
  std::multimap<InodeNumber, size_t> came;
  for (size_t i = 0; i < come_.size(); ++i) came.emplace(come_[i].inode, i);
  std::vector<bool> moved(come_.size());
  std::vector<Name> gone;
  for (Name& name : gone_) {
    const auto target = came.find(name.inode);
    if (target == came.end()) {
      gone.push_back(std::move(name));
      continue;
    }
    const Name& now = come_[target->second];
    moved[target->second] = true;
    came.erase(target);
    MENDFS_RETURN_IF_ERROR(Compare(name, now, DiffOp::kRenamed));
    if (now.is_directory) directories_.push_back({now.inode, name.path, now.path});
  }
  gone_ = std::move(gone);
  std::vector<Name> come;
  for (size_t i = 0; i < come_.size(); ++i) {
    if (!moved[i]) come.push_back(std::move(come_[i]));
  }
  come_ = std::move(come);
  return Status::Ok();
}

Status FileComparison::PairReplaced() {
  std::map<std::string_view, const Name*> came;
  for (const Name& name : come_) came.emplace(name.path, &name);
  std::unordered_set<std::string> replaced;
  for (const Name& name : gone_) {
    const auto found = came.find(name.path);
    if (found == came.end()) continue;
    MENDFS_ASSIGN_OR_RETURN(const Attributes then,
                            ReadInode(moments_.reader, moments_.before, name.inode));
    MENDFS_ASSIGN_OR_RETURN(const Attributes now,
                            ReadInode(moments_.reader, moments_.after, found->second->inode));
    if (S_ISDIR(then.mode) || S_ISDIR(now.mode)) continue;
    MENDFS_RETURN_IF_ERROR(Compare(name, *found->second, DiffOp::kChanged));
    replaced.insert(name.path);
  }
  const auto is_replaced = [&](const Name& name) { return replaced.contains(name.path); };
  std::erase_if(gone_, is_replaced);
  std::erase_if(come_, is_replaced);
  return Status::Ok();
}

Result<bool> FileComparison::SamePieces(InodeNumber before, InodeNumber after) const {
  bool same = before == after;
  if (!same) return false;
  MENDFS_RETURN_IF_ERROR(EachEntryPair(moments_, PrefixRange(ExtentPrefix(before)),
                                       [&](const EntryPair& pair) -> Status {
                                         same = same && pair.is_same();
                                         return Status::Ok();
                                       }));
  return same;
}

Result<std::map<std::string, std::string>> FileComparison::XattrsOf(const View& view,
                                                                    InodeNumber inode) const {
  std::map<std::string, std::string> xattrs;
  const auto cursor = moments_.reader.Scan(view, PrefixRange(XattrPrefix(inode)));
  for (; cursor->Valid(); cursor->Next()) {
    xattrs.emplace(ParseXattrKey(cursor->key()).value_or(""), cursor->value());
  }
  MENDFS_RETURN_IF_ERROR(cursor->status());
  return xattrs;
}

Result<std::string> FileComparison::HashOf(const View& view, const Attributes& inode) const {
  Sha256 sha;
  std::string bytes;
  for (uint64_t at = 0; at < inode.size_bytes;) {
    bytes.resize(static_cast<size_t>(std::min<uint64_t>(kReadBytes, inode.size_bytes - at)));
    MENDFS_ASSIGN_OR_RETURN(const size_t got,
                            files_.Read(view, inode.inode, at, bytes.size(), bytes.data()));
    if (got == 0) return Status(Code::kCorruption, "the file is shorter than its size");
    sha.Update(std::string_view(bytes).substr(0, got));
    at += got;
  }
  const Sha256Digest digest = sha.Finish();
  return ToHex(std::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

Result<FileState> FileComparison::StateOf(const View& view, const Attributes& inode,
                                          bool hash) const {
  FileState state{.mode = inode.mode,
                  .uid = inode.uid,
                  .gid = inode.gid,
                  .size_bytes = S_ISDIR(inode.mode) ? 0 : inode.size_bytes,
                  .sha256 = {},
                  .target = {}};
  if (S_ISLNK(inode.mode)) {
    MENDFS_ASSIGN_OR_RETURN(state.target, files_.ReadLink(view, inode.inode));
  }
  if (hash && S_ISREG(inode.mode)) {
    MENDFS_ASSIGN_OR_RETURN(state.sha256, HashOf(view, inode));
  }
  return state;
}

Status FileComparison::Compare(const Name& before, const Name& after, DiffOp op) {
  MENDFS_ASSIGN_OR_RETURN(const Attributes then,
                          ReadInode(moments_.reader, moments_.before, before.inode));
  MENDFS_ASSIGN_OR_RETURN(const Attributes now,
                          ReadInode(moments_.reader, moments_.after, after.inode));
  FileDiff file;
  file.op = op;
  file.path = after.path;
  if (op == DiffOp::kRenamed) file.old_path = before.path;
  file.attributes = then.mode != now.mode || then.uid != now.uid || then.gid != now.gid;
  MENDFS_ASSIGN_OR_RETURN(const auto old_xattrs, XattrsOf(moments_.before, before.inode));
  MENDFS_ASSIGN_OR_RETURN(const auto new_xattrs, XattrsOf(moments_.after, after.inode));
  file.xattrs = old_xattrs != new_xattrs;
  const bool same_size = then.size_bytes == now.size_bytes;
  MENDFS_ASSIGN_OR_RETURN(const bool same_pieces, SamePieces(before.inode, after.inode));
  const bool perhaps = !S_ISDIR(now.mode) && !(same_pieces && same_size);
  const bool hash = options_.hashes || (perhaps && same_size);
  MENDFS_ASSIGN_OR_RETURN(file.before, StateOf(moments_.before, then, hash));
  MENDFS_ASSIGN_OR_RETURN(file.after, StateOf(moments_.after, now, hash));
  file.body = perhaps && (!same_size || file.before->sha256 != file.after->sha256 ||
                          file.before->target != file.after->target);
  const bool differs = file.body || file.attributes || file.xattrs;
  if (op == DiffOp::kRenamed || differs) found_.push_back(std::move(file));
  return Status::Ok();
}

Status FileComparison::NoteOne(const Name& name, DiffOp op) {
  const View& view = op == DiffOp::kAdded ? moments_.after : moments_.before;
  MENDFS_ASSIGN_OR_RETURN(const Attributes inode, ReadInode(moments_.reader, view, name.inode));
  MENDFS_ASSIGN_OR_RETURN(FileState state, StateOf(view, inode, options_.hashes));
  FileDiff file;
  file.op = op;
  file.path = name.path;
  (op == DiffOp::kAdded ? file.after : file.before) = std::move(state);
  found_.push_back(std::move(file));
  return Status::Ok();
}

}  // namespace

Status DiffFiles(const Moments& moments, Door& door, const DiffOptions& options, DiffSink& sink) {
  return FileComparison(moments, door, options, sink).Run().Annotate("compare files");
}

}  // namespace mendfs
