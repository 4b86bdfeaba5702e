#include "tests/crash/steps.h"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "meta/bulk.h"
#include "meta/snapshots.h"

namespace mendfs {
namespace {

constexpr uint64_t kNames = 4;
constexpr uint64_t kDirectories = 2;
constexpr uint64_t kKeys = 6;
constexpr uint64_t kBodyBytesMax = 400'000;
constexpr uint64_t kPropertiesMax = 6;

std::string RandomBytes(size_t size, uint64_t seed) {
  std::string bytes(size, '\0');
  uint64_t word = seed | 1;
  for (char& byte : bytes) {
    word = word * 6364136223846793005ULL + 1442695040888963407ULL;
    byte = static_cast<char>(word >> 56);
  }
  return bytes;
}

// Draws one step over a model; each method answers a step of kind kNothing where there is nothing
// of the kind to do.
class Drawer {
 public:
  Drawer(const Model& model, std::mt19937_64& random, const Mix& mix)
      : model_(model), random_(random), mix_(mix) {
    step_.after = model;
  }

  Step Draw() {
    const unsigned all = mix_.names + mix_.bytes + mix_.rows + mix_.durable + mix_.bulk +
                         mix_.upkeep + mix_.snapshots;
    uint64_t dice = Pick(all);
    const auto is = [&](unsigned weight) {
      const bool hit = dice < weight;
      if (!hit) dice -= weight;
      return hit;
    };
    if (is(mix_.names)) {
      DrawName();
    } else if (is(mix_.bytes)) {
      DrawBytes();
    } else if (is(mix_.rows)) {
      DrawRow();
    } else if (is(mix_.durable)) {
      DrawDurable();
    } else if (is(mix_.bulk)) {
      Pick(3) == 0 ? Schema() : Load();
    } else if (is(mix_.snapshots)) {
      DrawSnapshot();
    } else {
      std::vector<Step> steps = UpkeepSteps(model_);
      return std::move(steps[Pick(steps.size())]);
    }
    return std::move(step_);
  }

 private:
  uint64_t Pick(uint64_t below) { return random_() % below; }

  template <typename Run>
  void Does(std::string name, Run run) {
    step_.name = std::move(name);
    step_.kind = StepKind::kChange;
    step_.run = std::move(run);
  }

  // ---------------------------------------------------------------- picking what is there
  std::string AnyPath() {
    std::vector<std::string> prefixes = {""};
    for (const auto& [path, id] : model_.names) {
      if (model_.files.at(id).kind == ModelKind::kDirectory) prefixes.push_back(path + "/");
    }
    return prefixes[Pick(prefixes.size())] + "f" + std::to_string(Pick(kNames));
  }
  std::optional<std::string> Existing(ModelKind kind) {
    std::vector<std::string> paths;
    for (const auto& [path, id] : model_.names) {
      if (model_.files.at(id).kind == kind) paths.push_back(path);
    }
    if (paths.empty()) return std::nullopt;
    return paths[Pick(paths.size())];
  }
  std::optional<std::string> AnyFile() { return Existing(ModelKind::kFile); }
  std::optional<std::string> AnyEntry() {
    if (model_.names.empty()) return std::nullopt;
    return std::next(model_.names.begin(), static_cast<long>(Pick(model_.names.size())))->first;
  }
  ModelKind KindOf(const std::string& path) const {
    return model_.files.at(model_.names.at(path)).kind;
  }
  bool Has(const std::string& path) const { return model_.names.contains(path); }
  ModelFile& FileOf(const std::string& path) {
    return step_.after.files.at(step_.after.names.at(path));
  }

  // ------------------------------------------------------------------------------- names
  void DrawName() {
    switch (Pick(12)) {
      case 0:
      case 1:
      case 2:
      case 3: return Create(AnyPath());
      case 4: return MakeDirectory("d" + std::to_string(Pick(kDirectories)));
      case 5:
      case 6: return Rename();
      case 7: return Link();
      case 8:
      case 9: return Unlink();
      case 10: return Xattr();
      default: return Chmod();
    }
  }

  void Create(const std::string& path) {
    if (Has(path)) return Unlink();
    const bool symlink = Pick(6) == 0;
    ModelFile file;
    if (symlink) {
      file = {ModelKind::kSymlink, 0, ModelBytes("to/" + std::to_string(random_())), {}};
    } else {
      file = {ModelKind::kFile, 0640, ModelBytes(), {}};
    }
    step_.after.Add(path, file);
    Does("create " + path, [path, symlink, target = file.bytes.get()](Session& session) -> Status {
      MENDFS_ASSIGN_OR_RETURN(const auto place, session.PlaceOf(path));
      NewInode inode{.mode = S_IFREG | 0640u};
      if (symlink) inode = {.mode = S_IFLNK | 0777u, .link_target = target};
      return session.files().Make(place.directory, place.name, inode).status();
    });
  }

  void MakeDirectory(const std::string& path) {
    if (Has(path)) return RemoveDirectory(path);
    step_.after.Add(path, {ModelKind::kDirectory, 0750, ModelBytes(), {}});
    Does("mkdir " + path, [path](Session& session) {
      return session.files().Make(kFilesRoot, path, {.mode = S_IFDIR | 0750u}).status();
    });
  }

  void RemoveDirectory(const std::string& path) {
    if (model_.HasBelow(path)) return;
    step_.after.Drop(path);
    Does("rmdir " + path, [path](Session& session) {
      return session.files().Remove(kFilesRoot, path, true).status();
    });
  }

  void Rename() {
    const auto source = AnyEntry();
    if (!source) return;
    const bool directory = KindOf(*source) == ModelKind::kDirectory;
    const std::string target = directory ? "d" + std::to_string(Pick(kDirectories)) : AnyPath();
    if (target == *source || (directory && model_.HasBelow(target))) return;
    const bool exchange = !directory && Has(target) && Pick(3) == 0;
    step_.after.Move(*source, target, exchange);
    Does("rename " + *source + (exchange ? " <-> " : " -> ") + target,
         [from = *source, target, exchange](Session& session) -> Status {
           MENDFS_ASSIGN_OR_RETURN(const auto old_place, session.PlaceOf(from));
           MENDFS_ASSIGN_OR_RETURN(const auto new_place, session.PlaceOf(target));
           return session.files().Rename(old_place.directory, old_place.name, new_place.directory,
                                         new_place.name,
                                         exchange ? RenameMode::kExchange : RenameMode::kReplace);
         });
  }

  void Link() {
    const auto source = AnyFile();
    const std::string target = AnyPath();
    if (!source || Has(target)) return;
    step_.after.names[target] = model_.names.at(*source);
    Does("link " + *source + " " + target, [from = *source, target](Session& session) -> Status {
      MENDFS_ASSIGN_OR_RETURN(const InodeNumber inode, session.Find(from));
      MENDFS_ASSIGN_OR_RETURN(const auto place, session.PlaceOf(target));
      return session.files().Link(inode, place.directory, place.name).status();
    });
  }

  void Unlink() {
    const auto path = AnyEntry();
    if (!path) return;
    if (KindOf(*path) == ModelKind::kDirectory) return RemoveDirectory(*path);
    const bool held = Pick(4) == 0;  // open until the store goes: the next open frees it
    step_.after.Drop(*path);
    Does((held ? "unlink open " : "unlink ") + *path,
         [path = *path, held](Session& session) -> Status {
           MENDFS_ASSIGN_OR_RETURN(const auto place, session.PlaceOf(path));
           MENDFS_ASSIGN_OR_RETURN(const InodeNumber inode, session.Find(path));
           if (held) session.files().Hold(inode);
           return session.files().Remove(place.directory, place.name, false).status();
         });
  }

  void Xattr() {
    const auto path = AnyFile();
    if (!path) return;
    const std::string name = "user.x" + std::to_string(Pick(2));
    auto& xattrs = FileOf(*path).xattrs;
    if (xattrs.contains(name) && Pick(2) == 0) {
      xattrs.erase(name);
      Does("removexattr " + *path, [path = *path, name](Session& session) -> Status {
        MENDFS_ASSIGN_OR_RETURN(const InodeNumber inode, session.Find(path));
        return session.files().RemoveXattr(inode, name);
      });
      return;
    }
    const std::string value = RandomBytes(Pick(300), random_());
    xattrs[name] = value;
    Does("setxattr " + *path, [path = *path, name, value](Session& session) -> Status {
      MENDFS_ASSIGN_OR_RETURN(const InodeNumber inode, session.Find(path));
      return session.files().SetXattr(inode, name, value, XattrMode::kSet);
    });
  }

  void Chmod() {
    const auto path = AnyFile();
    if (!path) return;
    const auto permissions = static_cast<uint32_t>(0400 + Pick(0400));
    FileOf(*path).permissions = permissions;
    Does("chmod " + *path, [path = *path, permissions](Session& session) -> Status {
      MENDFS_ASSIGN_OR_RETURN(const InodeNumber inode, session.Find(path));
      return session.files().Set(inode, {.permissions = permissions}).status();
    });
  }

  // ------------------------------------------------------------------------------- bytes
  uint64_t SomeSize() {
    if (Pick(mix_.large_one_in) == 0) return 65'537 + Pick(60'000);
    return Pick(4) == 0 ? 1 + Pick(9'000) : 1 + Pick(600);
  }

  void DrawBytes() {
    const auto path = AnyFile();
    if (!path) return Create(AnyPath());
    switch (Pick(8)) {
      case 0: return Truncate(*path);
      case 1: return Punch(*path);
      case 2: return Clone(*path);
      case 3:
      case 4: return Write(*path, true);
      default: return Write(*path, false);
    }
  }

  void Write(const std::string& path, bool append) {
    std::string body = FileOf(path).bytes.get();
    const uint64_t offset = append ? body.size() : Pick(body.size() + 1);
    const std::string bytes = RandomBytes(SomeSize(), random_());
    if (offset + bytes.size() > kBodyBytesMax) return Truncate(path);
    if (body.size() < offset + bytes.size()) body.resize(offset + bytes.size());
    body.replace(offset, bytes.size(), bytes);
    FileOf(path).bytes = ModelBytes(std::move(body));
    Does((append ? "append " : "write ") + path + " " + std::to_string(offset) + "+" +
             std::to_string(bytes.size()),
         [path, append, offset, bytes](Session& session) -> Status {
           MENDFS_ASSIGN_OR_RETURN(const InodeNumber inode, session.Find(path));
           if (append) return session.files().Append(inode, bytes).status();
           return session.files().Write(inode, offset, bytes).status();
         });
  }

  void Truncate(const std::string& path) {
    std::string body = FileOf(path).bytes.get();
    const uint64_t size = Pick(3) == 0 ? body.size() + Pick(5000) : Pick(body.size() + 1);
    body.resize(size);
    FileOf(path).bytes = ModelBytes(std::move(body));
    Does("truncate " + path + " " + std::to_string(size), [path, size](Session& session) -> Status {
      MENDFS_ASSIGN_OR_RETURN(const InodeNumber inode, session.Find(path));
      return session.files().Set(inode, {.size_bytes = size}).status();
    });
  }

  void Punch(const std::string& path) {
    std::string body = FileOf(path).bytes.get();
    if (body.empty()) return Truncate(path);
    const uint64_t offset = Pick(body.size());
    const uint64_t size = 1 + Pick(body.size() - offset);
    body.replace(offset, size, std::string(size, '\0'));
    FileOf(path).bytes = ModelBytes(std::move(body));
    Does("punch " + path, [path, offset, size](Session& session) -> Status {
      MENDFS_ASSIGN_OR_RETURN(const InodeNumber inode, session.Find(path));
      return session.files()
          .ChangeSpace(
              inode,
              {.mode = SpaceMode::kPunch, .keep_size = true, .offset = offset, .size_bytes = size})
          .status();
    });
  }

  void Clone(const std::string& target) {
    const auto source = AnyFile();
    if (!source || model_.names.at(*source) == model_.names.at(target)) return Truncate(target);
    const std::string& from = model_.files.at(model_.names.at(*source)).bytes.get();
    if (from.empty()) return Truncate(target);
    const uint64_t offset = Pick(from.size());
    const uint64_t size = 1 + Pick(from.size() - offset);
    std::string body = FileOf(target).bytes.get();
    const uint64_t at = Pick(body.size() + 1);
    if (body.size() < at + size) body.resize(at + size);
    body.replace(at, size, from, offset, size);
    FileOf(target).bytes = ModelBytes(std::move(body));
    Does("reflink " + *source + " " + target,
         [source = *source, target, offset, at, size](Session& session) -> Status {
           MENDFS_ASSIGN_OR_RETURN(const InodeNumber source_inode, session.Find(source));
           MENDFS_ASSIGN_OR_RETURN(const InodeNumber target_inode, session.Find(target));
           MENDFS_ASSIGN_OR_RETURN(const uint64_t done,
                                   session.files().Clone({.source = source_inode,
                                                          .source_offset = offset,
                                                          .target = target_inode,
                                                          .target_offset = at,
                                                          .size_bytes = size}));
           if (done == size) return Status::Ok();
           return {Code::kIo, "reflink: only " + std::to_string(done) + " bytes"};
         });
  }

  // -------------------------------------------------------------------------------- rows
  std::optional<std::string> AnyRow(std::string_view prefix = "") {
    std::vector<std::string> keys;
    for (const auto& [key, row] : model_.rows) {
      if (key.starts_with(prefix)) keys.push_back(key);
    }
    if (keys.empty()) return std::nullopt;
    return keys[Pick(keys.size())];
  }

  void DrawRow() {
    switch (Pick(9)) {
      case 0:
      case 1:
      case 2:
      case 3: return PutRow("r" + std::to_string(Pick(kKeys)));
      case 4: return DeleteRow();
      case 5: return Rekey();
      case 6:
      case 7: return PutEdge();
      default: return DeleteEdge();
    }
  }

  void PutRow(const std::string& key) {
    const uint64_t size = Pick(12) == 0 ? Pick(20'000) : Pick(200);
    const std::string body =
        R"({"v":")" + std::to_string(random_()) + std::string(size, 'v') + R"("})";
    const auto found = step_.after.rows.find(key);
    if (found == step_.after.rows.end()) {
      step_.after.rows[key] = {step_.after.next_id++, body};
    } else {
      found->second.body = body;
    }
    Does("put row " + key, [key, body](Session& session) -> Status {
      MENDFS_ASSIGN_OR_RETURN(const TypeId type, session.Node());
      return session.tables().PutNode(type, key, body, {}).status();
    });
  }

  void DeleteRow() {
    const auto key = AnyRow();
    if (!key) return;
    step_.after.DropRow(*key);
    Does("delete row " + *key, [key = *key](Session& session) -> Status {
      MENDFS_ASSIGN_OR_RETURN(const TypeId type, session.Node());
      return session.tables().DeleteNode(type, key).status();
    });
  }

  void Rekey() {
    const auto key = AnyRow("r");
    const std::string new_key = "r" + std::to_string(Pick(kKeys));
    if (!key || *key == new_key) return;
    step_.after.Rekey(*key, new_key);
    Does("rekey " + *key + " " + new_key, [key = *key, new_key](Session& session) -> Status {
      MENDFS_ASSIGN_OR_RETURN(const TypeId type, session.Node());
      return session.tables().RenameNode(type, key, new_key, std::nullopt).status();
    });
  }

  void PutEdge() {
    const auto source = AnyRow();
    const auto target = AnyRow();
    if (!source || !target) return PutRow("r0");
    const auto number = static_cast<uint32_t>(1 + Pick(2));
    const std::string body = R"({"w":)" + std::to_string(Pick(1'000'000)) + "}";
    step_.after.edges[{model_.rows.at(*source).id, model_.rows.at(*target).id, number}] = body;
    Does("put edge " + *source + "~" + *target,
         [source = *source, target = *target, number, body](Session& session) -> Status {
           MENDFS_ASSIGN_OR_RETURN(const TypeId type, session.Edge());
           return session.tables().PutEdge(type, source, target, number, body, {}).status();
         });
  }

  std::string KeyOf(uint64_t id) const {
    for (const auto& [key, row] : model_.rows) {
      if (row.id == id) return key;
    }
    return "";
  }

  void DeleteEdge() {
    if (model_.edges.empty()) return PutEdge();
    const auto edge =
        std::next(model_.edges.begin(), static_cast<long>(Pick(model_.edges.size())))->first;
    step_.after.edges.erase(edge);
    const std::string source = KeyOf(std::get<0>(edge));
    const std::string target = KeyOf(std::get<1>(edge));
    Does("delete edge " + source + "~" + target,
         [source, target, number = std::get<2>(edge)](Session& session) -> Status {
           MENDFS_ASSIGN_OR_RETURN(const TypeId type, session.Edge());
           return session.tables().DeleteEdge(type, source, target, number);
         });
  }

  // ----------------------------------------------------------------------- bulk, durable
  void Load() {
    std::string lines;
    const uint64_t first = step_.after.next_id;
    // Small loads become plain entries, one of more than a mebibyte a segment; one of these a time.
    const bool large = Pick(3) == 0 && !AnyRow("L");
    std::string before;
    for (uint64_t i = 0, count = large ? 18 : 2 + Pick(5); i < count; ++i) {
      const uint64_t id = step_.after.next_id++;
      const std::string key = (large ? "L" : "l") + std::to_string(id);
      const std::string body =
          R"({"k":")" + key + R"(","v":")" + std::string(large ? 62'000 : Pick(100), 'l') + R"("})";
      step_.after.rows[key] = {id, body};
      lines += R"({"type":"P","data":)" + body + "}\n";
      if (!before.empty()) {
        lines += R"({"edge":"E","from":")" + before + R"(","to":")" + key + "\"}\n";
        step_.after.edges[{step_.after.rows.at(before).id, id, 1}] = "";
      }
      before = key;
    }
    Does((large ? "load from L" : "load from l") + std::to_string(first),
         [lines](Session& session) -> Status {
           LoadOptions options;
           options.memory_bytes = 1 << 20;
           MENDFS_ASSIGN_OR_RETURN(const auto loader, Loader::Begin(session.store(), options));
           MENDFS_RETURN_IF_ERROR(loader->Add("rows", lines));
           LoadSummary summary;
           return loader->Finish({}, summary);
         });
  }

  void Schema() {
    if (model_.properties >= kPropertiesMax) return Load();
    const uint64_t properties = ++step_.after.properties;
    Does("schema " + std::to_string(properties), [properties](Session& session) {
      return session.tables().ApplySchema(CrashSchema(properties)).status();
    });
  }

  // Done again when they failed behind their record, they find it.
  void DrawSnapshot() {
    const std::string name = "s" + std::to_string(Pick(2));
    const std::string other = name == "s0" ? "s1" : "s0";
    auto& snapshots = step_.after.snapshots;
    if (!snapshots.contains(name)) {
      snapshots[name] = HashXxh3Wide(model_.DescribeContent());
      Does("snapshot " + name, [name](Session& session) {
        const NewSnapshot wanted{.name = name, .actor = "test", .message = {}};
        return CreateSnapshot(session.store(), kMainBranch, wanted).status();
      });
    } else if (!snapshots.contains(other) && Pick(2) == 0) {
      snapshots[other] = snapshots.at(name);
      snapshots.erase(name);
      Does("rename snapshot " + name, [name, other](Session& session) {
        return RenameSnapshot(session.store(), name, other);
      });
    } else {
      snapshots.erase(name);
      Does("delete snapshot " + name,
           [name](Session& session) { return DeleteSnapshot(session.store(), name); });
    }
  }

  void DrawDurable() {
    if (Pick(3) == 0) {
      step_.name = "commit";
      step_.kind = StepKind::kCommit;
      step_.run = [](Session& session) {
        return session.store().CloseCommit(kMainBranch, {"test", "", Origin::kUser}).status();
      };
      return;
    }
    step_.name = "flush";
    step_.kind = StepKind::kFlush;
    step_.run = [](Session& session) { return session.store().Flush(); };
  }

  const Model& model_;
  std::mt19937_64& random_;
  const Mix& mix_;
  Step step_;
};

}  // namespace

std::vector<Step> UpkeepSteps(const Model& model) {
  const auto step = [&](const char* name, std::function<Status(Session&)> run) {
    return Step{name, StepKind::kNothing, model, std::move(run)};
  };
  return {
      step("sweep", [](Session& session) { return session.tables().SweepEdges(100).status(); }),
      step("thin history",
           [](Session& session) { return session.store().Thin(ThinHow::kPressing); }),
      step(
          "give space back",
          [](Session& session) { return session.store().Reclaim(ReclaimHow::kPressing).status(); }),
  };
}

Step ReopenStep(const Model& model) {
  return {"reopen", StepKind::kReopen, model, {}};
}

Step DrawStep(const Model& model, std::mt19937_64& random, const Mix& mix) {
  for (;;) {
    Step step = Drawer(model, random, mix).Draw();
    if (step.run) return step;
  }
}

}  // namespace mendfs
