// Row files: opening rows, their attributes, and what a draft of one is put into.
//
// Lifetime: the context and the kind outlive it; it outlives its handles
// Threads:  safe from any thread
// Errors:   kStale for a row that is gone; else as RowKind
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "fs/ops/plane/commit_times.h"
#include "fs/ops/plane/plane.h"
#include "fs/ops/rows/detached_rows.h"
#include "fs/ops/rows/open_rows.h"
#include "fs/ops/rows/row_kind.h"

namespace mendfs {

inline constexpr uint32_t kRowPermissions = 0644;  // of rows that have none of their own

class RowFiles {
 public:
  RowFiles(PlaneContext& context, RowKind& kind)
      : context_(context), kind_(kind), times_(context.store, context.branch) {}

  PlaneContext& context() { return context_; }
  RowKind& kind() { return kind_; }
  OpenRows& open_rows() { return open_rows_; }
  DetachedRows& detached() { return detached_; }

  // As the kernel is answered; `row` is live.
  Found Answer(const RowFile& row);
  // A row that was created and has no accepted body, or was removed while it is open.
  Found Answer(const OpenRows::Ref& row);
  // `handle`: what the caller asked through, or nullptr.
  Result<Found> GetAttributes(const Node& node, const FileHandle* handle);
  Result<Found> SetAttributes(const Node& node, const AttributeChange& change, FileHandle* handle);

  Result<Opened> Open(const Caller& caller, const Node& node, const OpenRequest& request);
  Result<Opened> OpenLive(const Caller& caller, const RowFile& row, const OpenRequest& request);
  // A name that is no row yet; `place` as RowKind::Look answered it. Until a body is accepted the
  // name is there for nobody but those who create it, too. kBusy: try once more.
  Result<Created> Create(const Caller& caller, const Place& place, std::string_view name,
                         uint32_t mode, const OpenRequest& request);

  // Takes the row out of its table; drafts that are open on it go nowhere from now on. The row is
  // whole, for the case that it is put back.
  Status Remove(const RowFile& row);
  // What was to take the place of a row that was removed a moment ago is refused. If the row cannot
  // come back, `why` has the reason.
  void PutBack(const Caller& caller, const DetachedRow& detached);
  // Keeps a body that the row `place` may not have, with the reason.
  void Refuse(const Caller& caller, std::string_view operation, const Place& place,
              std::string_view body, const Status& reason);
  // Drafts that are open on the row go nowhere: its file was replaced.
  void Unlink(InodeNumber node);
  // Drafts that are open on the row belong to another one: it was renamed onto that.
  void Move(InodeNumber node, const Place& target);

  // The same, for a file that becomes a row: what differs from the defaults, or all when the row is
  // there and would keep its own.
  RowAttributes AttributesOf(const Attributes& file, bool replaces) const;

  // "nodes/Person/bob.json"
  std::string Show(const Place& place) const;
  // "Person"
  std::string TableName(TypeId table) const;

 private:
  class Target;
  struct DraftKind {
    bool is_new = false;                                 // begins empty
    bool exclusive = false;                              // refused when the row is there by then
    std::optional<DetachedRow> replaced = std::nullopt;  // to be put back if it is refused
  };
  Result<Opened> OpenDraft(const Caller& caller, OpenRows::Ref row, const OpenRequest& request,
                           DraftKind kind);
  Attributes Shown(const Place& place, const RowAttributes& own, uint64_t size_bytes) const;
  Status Truncate(const Node& node, uint64_t size_bytes);
  Status SetRowAttributes(const Node& node, const RowAttributes& given);

  PlaneContext& context_;
  RowKind& kind_;
  OpenRows open_rows_;
  DetachedRows detached_;
  CommitTimes times_;
};

}  // namespace mendfs
