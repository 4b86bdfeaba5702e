#include "fs/ops/rows/row_listing.h"

#include <utility>

namespace mendfs {
namespace {

class TableSource;

class TableNames final : public NameStream {
 public:
  TableNames(const TableSource& source, std::unique_ptr<NameStream> rows)
      : source_(source), rows_(std::move(rows)) {}
  TableNames(const TableSource& source, std::unique_ptr<FileCursor> scratch, uint64_t after)
      : source_(source), scratch_(std::move(scratch)), after_(after) {}

  Result<std::optional<ListedName>> Next() override;

 private:
  Result<std::optional<ListedName>> NextScratch();

  const TableSource& source_;
  std::unique_ptr<NameStream> rows_;     // none: all rows were listed
  std::unique_ptr<FileCursor> scratch_;  // opened when the rows are done
  uint64_t after_ = 0;                   // cookie of the last scratch file that was listed
};

class TableSource final : public NameSource {
 public:
  TableSource(PlaneContext& context, const RowKind& kind, TypeId table,
              std::optional<InodeNumber> scratch)
      : context_(context), kind_(kind), table_(table), scratch_(scratch) {}

  Status Pin() {
    MENDFS_ASSIGN_OR_RETURN(snapshot_, context_.Pin());
    MENDFS_ASSIGN_OR_RETURN(schema_, context_.tables.GetSchema(snapshot_->view()));
    if (!schema_) schema_ = std::make_shared<const Schema>();
    return {};
  }
  Result<std::unique_ptr<NameStream>> OpenAt(uint64_t after) override {
    if ((after & kScratchCookieBit) != 0) {
      MENDFS_ASSIGN_OR_RETURN(auto scratch, OpenScratch(after));
      return std::unique_ptr<NameStream>(
          std::make_unique<TableNames>(*this, std::move(scratch), after));
    }
    MENDFS_ASSIGN_OR_RETURN(auto rows, kind_.List(snapshot_->view(), *schema_, table_, after));
    return std::unique_ptr<NameStream>(std::make_unique<TableNames>(*this, std::move(rows)));
  }
  // Nothing where the table has no scratch files.
  Result<std::unique_ptr<FileCursor>> OpenScratch(uint64_t after) const {
    if (!scratch_) return std::unique_ptr<FileCursor>();
    return context_.files.List(context_.head(), *scratch_, TreeCookie(after));
  }
  // 62 bits of a tree's 63: enough to tell files apart, and to go on behind one of them.
  static uint64_t CookieOf(uint64_t tree_cookie) { return tree_cookie >> 1 | kScratchCookieBit; }
  static uint64_t TreeCookie(uint64_t cookie) { return (cookie & ~kScratchCookieBit) << 1; }

 private:
  PlaneContext& context_;
  const RowKind& kind_;
  const TypeId table_;
  const std::optional<InodeNumber> scratch_;
  std::unique_ptr<Snapshot> snapshot_;
  std::shared_ptr<const Schema> schema_;  // as of the snapshot
};

Result<std::optional<ListedName>> TableNames::Next() {
  if (rows_) {
    MENDFS_ASSIGN_OR_RETURN(std::optional<ListedName> row, rows_->Next());
    if (row) return row;
    rows_.reset();
    MENDFS_ASSIGN_OR_RETURN(scratch_, source_.OpenScratch(0));
  }
  return NextScratch();
}

Result<std::optional<ListedName>> TableNames::NextScratch() {
  while (scratch_) {
    MENDFS_ASSIGN_OR_RETURN(std::optional<FileEntry> entry, scratch_->Next());
    if (!entry) break;
    uint64_t cookie = TableSource::CookieOf(entry->cookie);
    // Half a step before the place where the stream was opened.
    if (cookie == after_) continue;
    return std::optional(ListedName{.name = std::move(entry->name),
                                    .inode = entry->inode,
                                    .mode_type = entry->mode_type,
                                    .cookie = cookie});
  }
  return std::optional<ListedName>();
}

}  // namespace

Result<std::unique_ptr<NameSource>> MakeTableSource(PlaneContext& context, const RowKind& kind,
                                                    TypeId table,
                                                    std::optional<InodeNumber> scratch) {
  auto source = std::make_unique<TableSource>(context, kind, table, scratch);
  MENDFS_RETURN_IF_ERROR(source->Pin());
  return std::unique_ptr<NameSource>(std::move(source));
}

}  // namespace mendfs
