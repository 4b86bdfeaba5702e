#include "reconcile/check/fsck.h"

#include <sys/stat.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "meta/audit.h"
#include "meta/files.h"
#include "meta/inspect.h"
#include "meta/snapshots.h"
#include "meta/store.h"
#include "meta/tables.h"
#include "reconcile/check/data_check.h"

namespace mendfs {
namespace {

// Link counts are told for this many inode numbers at a time, so that memory stays flat.
constexpr uint64_t kInodeWindow = 1 << 20;

class Check {
 public:
  Check(Store& store, const CheckOptions& options, CheckReport& report,
        const std::function<void(const CheckProgress&)>& progress)
      : store_(store),
        inspector_(store, {}),
        tables_(store.reader()),
        reader_(store.reader()),
        options_(options),
        report_(report),
        progress_(progress) {}

  void Run() {
    const StoreStatus status = store_.Describe();
    Sidecars();
    Snapshots();
    const bool told = status.reason == status.journal_damage ||
                      status.reason == status.sidecars_reason ||
                      status.reason == status.snapshots_reason;
    if (status.health != Health::kOk && !told) Found("manifest", store_.path(), status.reason);
    if (!status.journal_damage.empty()) Found("journal", store_.path(), status.journal_damage);
    Objects();
    Tables();
    Files();
    if (options_.data) Data();
    Totals(status);
  }

 private:
  void Found(std::string kind, std::string subject, std::string sentence) {
    if (report_.findings.size() < options_.findings_max) {
      report_.findings.push_back({std::move(kind), std::move(subject), std::move(sentence)});
    }
    ++report_.finding_count;
  }

  Inspector::Damaged Damage(std::string what) {
    return [this, what = std::move(what)](const std::string& key, const Status& why) {
      Found("damaged", what + " " + key, why.ToString());
    };
  }

  // A walk that ended early: what lies behind was not seen.
  void Note(std::string_view what, const Status& status) {
    if (status.ok()) return;
    report_.complete = false;
    Found("unreadable", std::string(what), status.ToString() + "; what lies behind was not seen");
  }

  void Step(std::string_view stage, uint64_t done) {
    if (progress_ && done % 4096 == 0) progress_({stage, done, 0});
  }

  void Sidecars() {
    const auto found = LookAtSidecars(store_.disk(), store_.path());
    if (!found.ok()) return Note("sidecars", found.status());
    report_.sidecars = found->pending;
    report_.foreign = found->foreign;
    for (const SidecarReport::Damaged& one : found->damaged) {
      Found("sidecar", one.path,
            one.why +
                "; the store does not open for writing while it is there. Nothing depends on "
                "it that the store shows: without it, what its write made stays unused");
    }
  }

  void Snapshots() {
    const Status seen =
        EachSnapshot(store_, [&](std::string_view name, const Result<SnapshotRow>& row) -> Status {
          const Status shown = row.ok() ? CommitOfSnapshot(store_, *row).status() : row.status();
          if (!shown.ok()) Found("snapshot", std::string(name), shown.message());
          return Status::Ok();
        });
    Note("snapshots", seen);
  }

  void Objects() {
    Note("segments", inspector_.EachSegment([](const std::string&) {}, Damage("segment")));
    Note("blobs", inspector_.EachBlob([](const std::string&) {}, Damage("blob")));
  }

  // ------------------------------------------------------------------------------------ totals
  static std::string Text(const ContentCounts& counts) {
    return std::to_string(counts.nodes) + " nodes, " + std::to_string(counts.edges) + " edges, " +
           std::to_string(counts.files) + " files";
  }

  // Two scans at most: the second where the stored counts are not the commit's.
  void Totals(const StoreStatus& status) {
    const std::string text = Text(status.counts);
    if (status.head) {
      const std::string subject = "commit " + ShortHex(status.head->id);
      AddUp(subject, status.head->seq, status.head->counts, &status.head->content_root);
      if (text == Text(status.head->counts)) return;
    }
    if (status.counts_as_of < status.last_seq) {
      return Note("totals",
                  Status(Code::kCorruption, "the store counts up to change " +
                                                std::to_string(status.counts_as_of.value) +
                                                ", what was changed since could not be counted"));
    }
    AddUp("the store's counts", status.counts_as_of, status.counts, nullptr);
  }

  void AddUp(const std::string& subject, Seq seq, const ContentCounts& counts,
             const Hash128* content_root) {
    Step("totals", 0);
    const auto found = Inspector(store_, {kMainBranch, seq}).AddUp();
    if (!found.ok()) return Note("totals", found.status());
    if (Text(found->counts) != Text(counts)) {
      Found("totals", subject,
            "it says " + Text(counts) + ", the entries add up to " + Text(found->counts) +
                ": entries are lost or were never counted");
    } else if (content_root != nullptr && found->content_root != *content_root) {
      Found("totals", subject,
            "its content sum is " + ToHex(*content_root) + ", the entries add up to " +
                ToHex(found->content_root) + ": they are not those that were committed");
    }
  }

  // ------------------------------------------------------------------------------------ tables
  void Tables() {
    auto schema = tables_.GetSchema({});
    if (!schema.ok()) {
      report_.complete = false;
      Found("unreadable", "schema", schema.status().ToString());
      return;
    }
    auto rules = RowRules::Make(**schema);
    if (!rules.ok()) {
      report_.complete = false;
      Found("damaged", "schema", rules.status().ToString());
      return;
    }
    RowChecker checker(*rules);
    for (const NodeType& type : (*schema)->nodes) Nodes(checker, type);
    for (const EdgeType& type : (*schema)->edges) Edges(checker, type);
  }

  void Nodes(RowChecker& checker, const NodeType& type) {
    const std::string what = "row of " + type.name;
    CheckedRow checked;
    Note(what, inspector_.EachRow(
                   type.id,
                   [&](const Inspector::Row& row) {
                     Step("rows", ++report_.nodes);
                     const std::string subject = type.name + "/" + std::string(row.key);
                     const Status fits = checker.CheckNode(type, row.body, row.key, checked);
                     if (!fits.ok()) Found("does-not-fit", subject, fits.message());
                     const auto name = reader_.Get({}, RowNameKey(type.id, row.row));
                     if (!name.ok() || name->value != row.key) {
                       Found("row-name", subject,
                             "its number " + std::to_string(row.row.value) +
                                 " does not lead back to its key");
                     }
                   },
                   Damage(what)));
    Note(what, inspector_.EachRowName(
                   type.id,
                   [&](const Inspector::Row& row) {
                     if (!inspector_.Has(RowKey(type.id, row.key))) {
                       Found("row-name", type.name + " number " + std::to_string(row.row.value),
                             "there is no row under its key " + std::string(row.key));
                     }
                   },
                   Damage(what)));
  }

  bool Live(const EdgeType& type, const EdgeEnds& ends) const {
    return inspector_.Has(RowNameKey(type.source, ends.source)) &&
           inspector_.Has(RowNameKey(type.target, ends.target));
  }

  // Edges of rows that are gone are invisible and wait to be swept.
  bool IsOwed(const EdgeType& type, const EdgeEnds& ends) const {
    return inspector_.Has(DeadRowKey(type.source, ends.source)) ||
           inspector_.Has(DeadRowKey(type.target, ends.target));
  }

  void Edges(RowChecker& checker, const EdgeType& type) {
    const std::string what = "edge of " + type.name;
    CheckedRow checked;
    const auto subject = [&](const EdgeEnds& ends) {
      return type.name + " " + std::to_string(ends.source.value) + "~" +
             std::to_string(ends.target.value) + "~" + std::to_string(ends.number);
    };
    Note(what, inspector_.EachEdge(
                   type.id, EdgeSide::kOut,
                   [&](const Inspector::Edge& edge) {
                     Step("edges", report_.edges + report_.unswept_edges);
                     if (!Live(type, edge.ends)) {
                       ++report_.unswept_edges;
                       if (IsOwed(type, edge.ends)) return;
                       Found("edge-left", subject(edge.ends),
                             "an end of it is gone, and nothing says that it is to be cleared");
                       return;
                     }
                     ++report_.edges;
                     if (!inspector_.Has(EdgeReverseKey(type.id, edge.ends))) {
                       Found("edge-order", subject(edge.ends), "it is missing in reverse order");
                     }
                     if (edge.body.empty()) return;
                     CheckEdgeBody(checker, type, edge, checked, subject(edge.ends));
                   },
                   Damage(what)));
    Note(what, inspector_.EachEdge(
                   type.id, EdgeSide::kIn,
                   [&](const Inspector::Edge& edge) {
                     if (!Live(type, edge.ends)) return;
                     if (!inspector_.Has(EdgeKey(type.id, edge.ends))) {
                       Found("edge-order", subject(edge.ends), "only its reverse order is there");
                     }
                   },
                   Damage(what)));
  }

  void CheckEdgeBody(RowChecker& checker, const EdgeType& type, const Inspector::Edge& edge,
                     CheckedRow& checked, const std::string& subject) {
    const auto source = tables_.KeyOf({}, type.source, edge.ends.source);
    const auto target = tables_.KeyOf({}, type.target, edge.ends.target);
    if (!source.ok() || !target.ok()) return;  // told as row-name
    const Status fits = checker.CheckEdge(type, edge.body, *source, *target, checked);
    if (!fits.ok()) Found("does-not-fit", subject, fits.message());
  }

  // ------------------------------------------------------------------------------------- files
  struct Counted {
    uint32_t names = 0;
    uint32_t subdirectories = 0;
    uint32_t links = 0;
    bool seen = false;
    bool directory = false;
  };

  void Files() {
    uint64_t last_inode = 0;
    std::map<InodeNumber, uint64_t> taken;
    Note("inodes", inspector_.EachInode(
                       [&](const Attributes& inode) {
                         last_inode = std::max(last_inode, inode.inode.value);
                         if (inode.quota.value != 0) taken[inode.quota] += TakenBytes(inode);
                         if (inode.inode.value >= kFirstFreeInode) Step("files", ++report_.files);
                       },
                       Damage("inode")));
    for (uint64_t first = 0; first <= last_inode; first += kInodeWindow) Window(first);
    Pieces();
    Quotas(taken);
  }

  void Quotas(std::map<InodeNumber, uint64_t>& taken) {
    const auto quotas = inspector_.Quotas();
    Note("quotas", quotas.status());
    if (!quotas.ok()) return;
    for (const Quota& quota : *quotas) {
      if (taken[quota.id] == quota.used_bytes) continue;
      Found("quota-use", "quota at inode " + std::to_string(quota.directory.value),
            "it says that " + std::to_string(quota.used_bytes) + " bytes are in use, its inodes " +
                "take " + std::to_string(taken[quota.id]));
    }
  }

  // All names of the inodes [first, first + kInodeWindow), and what these say of themselves.
  void Window(uint64_t first) {
    std::unordered_map<uint64_t, Counted> inodes;
    const auto inside = [&](InodeNumber inode) {
      return inode.value >= first && inode.value - first < kInodeWindow;
    };
    Note("inodes", inspector_.EachInode(
                       [&](const Attributes& inode) {
                         if (!inside(inode.inode)) return;
                         Counted& counted = inodes[inode.inode.value];
                         counted.seen = true;
                         counted.links = inode.links;
                         counted.directory = S_ISDIR(inode.mode);
                       },
                       [](const std::string&, const Status&) {}));
    Note("names", inspector_.EachName(
                      [&](const Inspector::Name& name) {
                        // Markers of what waits to be freed are no names.
                        if (name.parent == kOrphanRoot) return;
                        if (inside(name.inode)) ++inodes[name.inode.value].names;
                        if (inside(name.parent) && S_ISDIR(name.mode_type)) {
                          ++inodes[name.parent.value].subdirectories;
                        }
                        if (inside(name.inode) && !inodes[name.inode.value].seen) {
                          Found("dangling-name", "name " + std::string(name.name),
                                "inode " + std::to_string(name.inode.value) + " is not there");
                        }
                      },
                      first == 0 ? Damage("name") : [](const std::string&, const Status&) {}));
    for (const auto& [inode, counted] : inodes) JudgeLinks(InodeNumber(inode), counted);
  }

  void JudgeLinks(InodeNumber inode, const Counted& counted) {
    if (!counted.seen || inode.value < kFirstFreeInode) return;
    const uint32_t expected = counted.directory ? 2 + counted.subdirectories : counted.names;
    if (counted.names == 0 && counted.links == 0) return;  // unlinked and held at a crash
    const std::string subject = "inode " + std::to_string(inode.value);
    if (counted.names == 0) {
      Found("unreachable", subject, "no name leads to it");
    } else if (counted.links != expected || (counted.directory && counted.names != 1)) {
      Found("link-count", subject,
            "it says " + std::to_string(counted.links) + ", its names say " +
                std::to_string(expected));
    }
  }

  void Pieces() {
    Inspector::Piece last;
    Note("bodies", inspector_.EachPiece(
                       [&](const Inspector::Piece& piece) {
                         const bool same = piece.inode == last.inode;
                         const std::string subject = "inode " + std::to_string(piece.inode.value) +
                                                     " at " + std::to_string(piece.offset);
                         if (same && last.offset + last.size_bytes > piece.offset) {
                           Found("overlap", subject, "two pieces of the body overlap");
                         }
                         if (piece.run != nullptr) {
                           ++report_.runs;
                           const Status there = inspector_.CheckRun(*piece.run);
                           if (!there.ok()) {
                             Found("missing-bytes", subject,
                                   std::to_string(piece.size_bytes) +
                                       " bytes cannot be read: " + there.ToString());
                           }
                         }
                         last = piece;
                       },
                       Damage("piece of a body")));
  }

  // -------------------------------------------------------------------------------------- data
  void Data() {
    DataCheck check(store_.door(), inspector_, options_.findings_max);
    const Status seen = check.Run([&](uint64_t bytes) {
      if (progress_) progress_({"data", bytes, 0});
    });
    Note("bytes of bodies", seen);
    report_.data_read = seen.ok();
    report_.data_bytes = check.bytes();
    for (const DataCheck::Lost& lost : check.Name()) {
      Found("damaged-bytes",
            "inode " + std::to_string(lost.inode.value) + ", " + lost.path + ", bytes [" +
                std::to_string(lost.offset) + ", " + std::to_string(lost.offset + lost.size_bytes) +
                ")",
            std::to_string(lost.size_bytes) + " bytes cannot be read: " + lost.why.ToString());
    }
    report_.finding_count += check.lost_count() - check.kept_count();
  }

  Store& store_;
  const Inspector inspector_;
  const TableReader tables_;
  const Reader& reader_;
  const CheckOptions& options_;
  CheckReport& report_;
  const std::function<void(const CheckProgress&)>& progress_;
};

}  // namespace

Result<CheckReport> CheckStore(Disk& disk, const std::string& store_path,
                               const CheckOptions& options,
                               const std::function<void(const CheckProgress&)>& progress) {
  CheckReport report;
  OpenOptions open;
  open.access = OpenAccess::kReadOnly;
  if (progress) progress({"open", 0, 0});
  auto store = Store::Open(disk, store_path, open);
  if (!store.ok()) {
    // What makes the answer an error is not the store's condition.
    const Code code = store.status().code();
    if (code != Code::kCorruption && code != Code::kIo && code != Code::kInvalid) {
      return store.status();
    }
    report.complete = false;
    report.findings.push_back({"does-not-open", store_path, store.status().ToString()});
    report.finding_count = 1;
    return report;
  }
  Check(**store, options, report, progress).Run();
  return report;
}

}  // namespace mendfs
