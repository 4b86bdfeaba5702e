#include "mount-tools/verbs/diff_verbs.h"

#include <sys/stat.h>

#include <array>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "meta/codec/hash.h"
#include "meta/describe.h"
#include "meta/diff.h"
#include "meta/refs.h"
#include "mount-tools/verbs/text.h"

namespace mendfs {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kRange = "..";
constexpr size_t kShownCellBytesMax = 200;

std::string DiffLine(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

// The letters of `git diff --name-status`.
char LetterOf(DiffOp op) {
  switch (op) {
    case DiffOp::kAdded: return 'A';
    case DiffOp::kRemoved: return 'D';
    case DiffOp::kChanged: return 'M';
    case DiffOp::kRenamed: return 'R';
  }
  return '?';
}

std::string Shortened(std::string_view value) {
  if (value.empty()) return "null";
  std::string text = Printable(value.substr(0, kShownCellBytesMax));
  if (value.size() > kShownCellBytesMax) text += "…";
  return text;
}

// ------------------------------------------------------------------------------------------- text
class TextSink final : public DiffSink {
 public:
  explicit TextSink(VerbIo& io) : io_(io) {}

  Status OnSchema(const std::string&, const std::string&) override {
    return io_.Out("M  schema.graph\n");
  }
  Status OnRow(const RowDiff& row) override {
    std::string text = LetterOf(row.op) + std::string("  ") + Printable(row.path) + "\n";
    if (row.op == DiffOp::kChanged) {
      MENDFS_ASSIGN_OR_RETURN(const auto cells, DiffCells(row.before, row.after));
      for (const CellDiff& cell : cells) {
        text += "     " + Printable(cell.name) + ": " + Shortened(cell.before) + " -> " +
                Shortened(cell.after) + "\n";
      }
      if (cells.empty() && !row.attributes) text += "     only its spacing\n";
      if (row.attributes) text += "     owner or permissions\n";
    }
    return io_.Out(text);
  }
  Status OnFile(const FileDiff& file) override {
    std::string text = LetterOf(file.op) + std::string("  ");
    if (file.op == DiffOp::kRenamed) text += Printable(file.old_path) + " -> ";
    text += Printable(file.path);
    if (file.body && S_ISREG(file.after->mode)) {
      text += "  " + std::to_string(file.before->size_bytes) + " -> " +
              Counted(file.after->size_bytes, "byte", "bytes");
    }
    if (file.attributes) {
      text += "  " + ModeText(file.before->mode) + " -> " + ModeText(file.after->mode);
    }
    if (file.xattrs) text += "  xattrs";
    return io_.Out(text + "\n");
  }

 private:
  VerbIo& io_;
};

// ------------------------------------------------------------------------------------------- JSON
class JsonSink final : public DiffSink {
 public:
  explicit JsonSink(VerbIo& io) : io_(io) {}

  Status OnSchema(const std::string& before, const std::string& after) override {
    return io_.Out(DiffLine(
        {{"op", "changed"}, {"path", "schema.graph"}, {"before", before}, {"after", after}}));
  }
  Status OnRow(const RowDiff& row) override {
    MENDFS_ASSIGN_OR_RETURN(const std::string line, DiffJson(row));
    return io_.Out(line + "\n");
  }
  Status OnFile(const FileDiff& file) override { return io_.Out(DiffJson(file) + "\n"); }

 private:
  VerbIo& io_;
};

// ----------------------------------------------------------------------------------------- counts
class CountSink final : public DiffSink {
 public:
  Status OnSchema(const std::string&, const std::string&) override {
    schema_ = true;
    return Status::Ok();
  }
  Status OnRow(const RowDiff& row) override {
    const size_t end = row.path.rfind('/');
    return Count(row.path.substr(0, end), row.op);
  }
  Status OnFile(const FileDiff& file) override { return Count("files", file.op); }

  std::string Text() const {
    std::string text = schema_ ? "schema.graph: changed\n" : "";
    for (const auto& [name, counts] : counts_) {
      std::string words;
      for (size_t op = 0; op < counts.size(); ++op) {
        if (counts[op] == 0) continue;
        if (!words.empty()) words += ", ";
        words +=
            std::to_string(counts[op]) + " " + std::string(DiffOpName(static_cast<DiffOp>(op)));
      }
      text += Printable(name) + ": " + words + "\n";
    }
    return text.empty() ? "nothing differs\n" : text;
  }
  Json ToJson() const {
    Json json = {{"schema_changed", schema_}, {"counts", Json::object()}};
    for (const auto& [name, counts] : counts_) {
      Json& entry = json["counts"][name];
      for (size_t op = 0; op < counts.size(); ++op) {
        entry[std::string(DiffOpName(static_cast<DiffOp>(op)))] = counts[op];
      }
    }
    return json;
  }

 private:
  Status Count(const std::string& name, DiffOp op) {
    ++counts_[name][static_cast<size_t>(op)];
    return Status::Ok();
  }

  bool schema_ = false;
  std::map<std::string, std::array<uint64_t, 4>> counts_;  // by table
};

// A pinned moment: a ref's, or what is there now, committed or not.
Result<std::unique_ptr<Snapshot>> PinRef(const VerbHost& host, std::string_view ref) {
  if (ref.empty()) return host.store.Pin(kMainBranch);
  MENDFS_ASSIGN_OR_RETURN(const CommitRow commit, FindCommit(host.store, kMainBranch, ref));
  return host.store.Pin(kMainBranch, commit.seq);
}

Status Tell(const VerbHost& host, const View& before, const View& after, bool json, bool stat,
            VerbIo& io) {
  Door& door = host.store.door();
  if (stat) {
    CountSink counts;
    MENDFS_RETURN_IF_ERROR(DiffMoments(door, before, after, {}, counts));
    return io.Out(json ? DiffLine(counts.ToJson()) : counts.Text());
  }
  if (json) {
    JsonSink lines(io);
    return DiffMoments(door, before, after, {.hashes = true}, lines);
  }
  TextSink text(io);
  return DiffMoments(door, before, after, {}, text);
}

std::string CommitText(const CommitRow& commit) {
  std::string text = "commit   " + ShortHex(commit.id) + "\n";
  for (const CommitId& parent : commit.parents) text += "parent   " + ShortHex(parent) + "\n";
  text += "time     " + TimeText(commit.time_ns) + "\n";
  text += "actor    " + Printable(commit.note.actor) + "\n";
  if (commit.note.origin != Origin::kUser) {
    text += "origin   " + std::string(OriginName(commit.note.origin)) + "\n";
  }
  if (!commit.note.message.empty()) text += "message  " + Printable(commit.note.message) + "\n";
  text += "holds    " + Counted(commit.counts.nodes, "node", "nodes") + ", " +
          Counted(commit.counts.edges, "edge", "edges") + ", " +
          Counted(commit.counts.files, "file", "files") + "\n";
  return text + "changed  " + Counted(commit.changed_entries, "entry", "entries") + "\n";
}

}  // namespace

Status RunDiff(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  const std::string_view range = request.ref;
  const size_t dots = range.find(kRange);
  const std::string_view left = range.substr(0, dots);
  const std::string_view right =
      dots == range.npos ? std::string_view() : range.substr(dots + kRange.size());
  MENDFS_ASSIGN_OR_RETURN(const auto before, PinRef(host, left.empty() ? "HEAD" : left));
  MENDFS_ASSIGN_OR_RETURN(const auto after, PinRef(host, right));
  return Tell(host, before->view(), after->view(), request.json, request.stat, io);
}

Status RunShow(const VerbRequest& request, const VerbHost& host, VerbIo& io) {
  MENDFS_ASSIGN_OR_RETURN(
      const CommitRow commit,
      FindCommit(host.store, kMainBranch, request.ref.empty() ? "HEAD" : request.ref));
  if (!request.stat) return io.Out(request.json ? CommitJson(commit) + "\n" : CommitText(commit));
  MENDFS_ASSIGN_OR_RETURN(const auto after, host.store.Pin(kMainBranch, commit.seq));
  auto before = host.store.Pin(kMainBranch, commit.parent_seq);
  if (!before.ok()) {
    return before.status().Annotate(
        "the commit before it is not kept, so what it changed cannot "
        "be told; `mendfs diff` compares it with one that is");
  }
  CountSink counts;
  MENDFS_RETURN_IF_ERROR(
      DiffMoments(host.store.door(), (*before)->view(), after->view(), {}, counts));
  if (!request.json) return io.Out(CommitText(commit) + "\n" + counts.Text());
  Json json = Json::parse(CommitJson(commit), nullptr, false);
  const Json changed = counts.ToJson();
  json["schema_changed"] = changed["schema_changed"];
  json["changes"] = changed["counts"];
  return io.Out(DiffLine(json));
}

}  // namespace mendfs
