#include "meta/snapshots.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "meta/base/failpoint.h"
#include "meta/codec/hash.h"
#include "meta/commit/commit_format.h"
#include "meta/commit/history/commit_pins.h"
#include "meta/describe.h"
#include "meta/manifest/keys.h"
#include "meta/refs.h"
#include "meta/table/schema/row_value.h"

namespace mendfs {
namespace {

constexpr std::string_view kHeadRef = "HEAD";
// What git refuses in a ref, beside control bytes.
constexpr std::string_view kBarred = " ~^:?*[\\";
constexpr std::string_view kEscapedHex = "0123456789ABCDEF";

Status BadName(std::string_view name, std::string_view why) {
  return {Code::kInvalid, "snapshot name \"" + std::string(name.substr(0, kSnapshotNameBytesMax)) +
                              "\": " + std::string(why)};
}

// Between two `/`.
std::string_view WrongInPart(std::string_view part) {
  if (part.empty()) return "it has a / at an end, or two in a row";
  if (part.front() == '.' || part.back() == '.') return "a part of it begins or ends with a dot";
  if (part.ends_with(".lock")) return "a part of it ends with .lock";
  return "";
}

// What stands before names: one look and one change at a time.
EntityLocks::Held LockNames(Store& store) {
  const uint64_t names[] = {HashXxh3("snapshot names")};
  return {store.door().locks(), names};
}

Result<bool> HasRow(const Store& store, std::string_view name) {
  const Status found = store.reader().GetGlobal(SnapshotKey(name)).status();
  if (found.ok()) return true;
  if (found.code() == Code::kNotFound) return false;
  return found;
}

// `leaving`: a name that goes in the same change.
Status CheckFree(const Store& store, std::string_view name, std::string_view leaving = {}) {
  const auto taken = [&](std::string_view other) {
    std::string why = other == name ? "it is there already" : "";
    if (why.empty()) {
      why = "there is \"" + std::string(other) +
            "\", and no name may be the beginning of another up to a /";
    }
    return Status(Code::kExists, "snapshot \"" + std::string(name) + "\": " + why);
  };
  for (size_t end = name.find('/'); true; end = name.find('/', end + 1)) {
    const std::string_view other = name.substr(0, end);
    MENDFS_ASSIGN_OR_RETURN(const bool there, HasRow(store, other));
    if (there && other != leaving) return taken(other);
    if (end == name.npos) break;
  }
  const auto below = store.reader().ScanGlobal(PrefixRange(SnapshotKey(name) + "/"));
  for (; below->Valid(); below->Next()) {
    const std::string_view other = ParseSnapshotKey(below->key()).value_or("");
    if (other != leaving) return taken(other);
  }
  MENDFS_RETURN_IF_ERROR(below->status());
  // Branches will be refs too.
  const Status branch = store.reader().GetGlobal(BranchKey(name)).status();
  if (branch.ok()) return {Code::kExists, "there is a branch \"" + std::string(name) + "\""};
  return branch.code() == Code::kNotFound ? Status::Ok() : branch;
}

// Pins a commit until it is kept or destroyed.
class PinHolder {
 public:
  PinHolder(CommitPins& pins, BranchId branch, Seq seq)
      : pins_(pins), branch_(branch), seq_(seq), holds_(pins.Pin(branch, seq)) {}
  ~PinHolder() {
    if (holds_) pins_.Unpin(branch_, seq_);
  }
  PinHolder(const PinHolder&) = delete;
  PinHolder& operator=(const PinHolder&) = delete;
  bool holds() const { return holds_; }
  void Keep() { holds_ = false; }

 private:
  CommitPins& pins_;
  const BranchId branch_;
  const Seq seq_;
  bool holds_;
};

Status PublishSnapshot(Store& store, const SnapshotRow& snapshot) {
  const EntityLocks::Held names = LockNames(store);
  MENDFS_RETURN_IF_ERROR(CheckFree(store, snapshot.name));
  PinHolder pin(store.commit_pins(), snapshot.branch, snapshot.seq);
  Status kept = CommitOfSnapshot(store, snapshot).status();
  if (!pin.holds() || kept.code() == Code::kCorruption) {
    return {Code::kStale, "commit " + ShortHex(snapshot.commit).substr(0, 16) +
                              " is just being thinned away; take the snapshot of another one"};
  }
  MENDFS_RETURN_IF_ERROR(kept);
  MENDFS_FAILPOINT(kSnapshotAfterPin);
  Change change;
  change.branch = snapshot.branch;
  change.PutGlobal(SnapshotKey(snapshot.name), EncodeSnapshotRow(snapshot));
  MENDFS_RETURN_IF_ERROR(store.door().Apply(change).status());
  pin.Keep();
  MENDFS_FAILPOINT(kSnapshotAfterRow);
  return Status::Ok();
}

Result<CommitRow> CommitToName(Store& store, BranchId branch, const NewSnapshot& wanted) {
  if (wanted.ref != kHeadRef) return FindCommit(store, branch, wanted.ref);
  const CommitNote note{.actor = wanted.actor, .message = "snapshot " + wanted.name};
  MENDFS_ASSIGN_OR_RETURN(const auto closed, store.CloseCommit(branch, note));
  if (closed) return *closed;
  return FindCommit(store, branch, kHeadRef);
}

}  // namespace

// ----------------------------------------------------------------------------------------- names
Status CheckSnapshotName(std::string_view name) {
  if (name.empty()) return BadName(name, "it is empty");
  if (SnapshotFileName(name).size() > kSnapshotNameBytesMax) {
    return {Code::kNameTooLong, BadName(name, "it is longer than 255 bytes").message()};
  }
  if (!IsUtf8(name)) return BadName(name, "it is no UTF-8");
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f || kBarred.find(c) != kBarred.npos) {
      return BadName(name, "it has a control byte, a space, or one of ~ ^ : ? * [ \\");
    }
  }
  if (name.front() == '-' || name == "@" || name.find("@{") != name.npos ||
      name.find("..") != name.npos) {
    return BadName(name, "it begins with -, is @, or has .. or @{");
  }
  for (size_t at = 0; at <= name.size();) {
    const size_t end = std::min(name.find('/', at), name.size());
    const std::string_view wrong = WrongInPart(name.substr(at, end - at));
    if (!wrong.empty()) return BadName(name, wrong);
    at = end + 1;
  }
  if (ReadsAsRef(name)) {
    return BadName(name, "it reads as the id of a commit, as HEAD or as a time");
  }
  return Status::Ok();
}

std::string SnapshotFileName(std::string_view name) {
  std::string text;
  for (const char c : name) {
    if (c != '/' && c != '%') {
      text.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    text.push_back('%');
    text.push_back(kEscapedHex[byte >> 4]);
    text.push_back(kEscapedHex[byte & 15]);
  }
  return text;
}

std::optional<std::string> ParseSnapshotFileName(std::string_view file_name) {
  std::string name;
  for (size_t at = 0; at < file_name.size(); ++at) {
    if (file_name[at] != '%') {
      name.push_back(file_name[at]);
      continue;
    }
    const std::string_view code = file_name.substr(at, 3);
    if (code != "%2F" && code != "%25") return std::nullopt;
    name.push_back(code == "%2F" ? '/' : '%');
    at += 2;
  }
  if (SnapshotFileName(name) != file_name) return std::nullopt;
  return name;
}

// --------------------------------------------------------------------------------------- changes
Result<SnapshotRow> CreateSnapshot(Store& store, BranchId branch, const NewSnapshot& wanted) {
  MENDFS_RETURN_IF_ERROR(CheckSnapshotName(wanted.name));
  if (wanted.message.size() > kSnapshotMessageBytesMax) {
    return Status(Code::kTooBig, "the message of a snapshot has at most 4096 bytes");
  }
  if (store.commit_pins().count() >= kSnapshotsMax) {
    return Status(Code::kQuota, "there are " + std::to_string(kSnapshotsMax) +
                                    " snapshots; delete some that nobody needs");
  }
  MENDFS_RETURN_IF_ERROR(CheckFree(store, wanted.name));  // before a commit is closed for nothing
  MENDFS_ASSIGN_OR_RETURN(const CommitRow commit, CommitToName(store, branch, wanted));
  const SnapshotRow snapshot{.name = wanted.name,
                             .branch = branch,
                             .seq = commit.seq,
                             .commit = commit.id,
                             .time_ns = store.door().NowNs(),
                             .actor = wanted.actor,
                             .message = wanted.message};
  MENDFS_RETURN_IF_ERROR(
      AddWithRoom(store.door(), [&] { return PublishSnapshot(store, snapshot); }));
  MENDFS_RETURN_IF_ERROR(store.Flush());
  return snapshot;
}

Status DeleteSnapshot(Store& store, std::string_view name) {
  {
    const EntityLocks::Held names = LockNames(store);
    const Result<SnapshotRow> snapshot = FindSnapshot(store, name);
    const Code code = snapshot.status().code();
    if (!snapshot.ok() && code != Code::kCorruption && code != Code::kUnsupported) {
      return snapshot.status();
    }
    MENDFS_RETURN_IF_ERROR(HasRow(store, name).status());  // else it could not be read at all
    Change change;
    change.room = Room::kFrees;
    change.ClearGlobal(SnapshotKey(name));
    MENDFS_RETURN_IF_ERROR(store.door().Apply(change).status());
    if (snapshot.ok()) store.commit_pins().Unpin(snapshot->branch, snapshot->seq);
    store.commit_pins().Trust(name);
  }
  MENDFS_FAILPOINT(kSnapshotAfterClear);
  return store.Flush();
}

Status RenameSnapshot(Store& store, std::string_view name, std::string_view new_name) {
  if (name == new_name) return FindSnapshot(store, name).status();
  MENDFS_RETURN_IF_ERROR(CheckSnapshotName(new_name));
  {
    const EntityLocks::Held names = LockNames(store);
    MENDFS_ASSIGN_OR_RETURN(const SnapshotRow snapshot, FindSnapshot(store, name));
    MENDFS_RETURN_IF_ERROR(CheckFree(store, new_name, name));
    Change change;
    change.room = Room::kKeeps;
    change.ClearGlobal(SnapshotKey(name));
    change.PutGlobal(SnapshotKey(new_name), EncodeSnapshotRow(snapshot));
    MENDFS_RETURN_IF_ERROR(store.door().Apply(change).status());
  }
  return store.Flush();
}

// --------------------------------------------------------------------------------------- reading
Result<SnapshotRow> FindSnapshot(const Store& store, std::string_view name) {
  const auto bytes = store.reader().GetGlobal(SnapshotKey(name));
  if (bytes.status().code() == Code::kNotFound) {
    return Status(Code::kNotFound, "there is no snapshot \"" + std::string(name) + "\"");
  }
  MENDFS_RETURN_IF_ERROR(bytes.status());
  return DecodeSnapshotRow(name, *bytes);
}

Status EachSnapshot(const Store& store, const SnapshotVisitor& visit) {
  return EachSnapshotRow(store.reader(), visit);
}

Result<CommitRow> CommitOfSnapshot(const Store& store, const SnapshotRow& snapshot) {
  const auto bytes = store.reader().GetGlobal(CommitKey(snapshot.branch, snapshot.seq));
  if (!bytes.ok() && bytes.status().code() != Code::kNotFound) return bytes.status();
  if (bytes.ok()) {
    MENDFS_ASSIGN_OR_RETURN(CommitRow commit, DecodeCommitRow(*bytes));
    if (commit.id == snapshot.commit) return commit;
  }
  return Status(Code::kCorruption, "snapshot \"" + snapshot.name + "\" is of commit " +
                                       ShortHex(snapshot.commit).substr(0, 16) + " at change " +
                                       std::to_string(snapshot.seq.value) +
                                       ", which is not there any more");
}

std::string SnapshotJson(const SnapshotRow& snapshot) {
  const nlohmann::ordered_json json = {
      {"name", snapshot.name},     {"commit", ShortHex(snapshot.commit)},
      {"seq", snapshot.seq.value}, {"time", TimeText(snapshot.time_ns)},
      {"actor", snapshot.actor},   {"message", snapshot.message}};
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace mendfs
