#include "fs/ops/planes/schema_file.h"

#include <sys/stat.h>

#include <utility>

#include "fs/ops/plane/draft.h"
#include "fs/ops/plane/text_handle.h"
#include "meta/describe.h"
#include "meta/schema_change.h"

namespace mendfs {

class SchemaFile::Target final : public DraftTarget {
 public:
  explicit Target(SchemaFile& file) : file_(file) {}

  Result<std::string> Committed() override {
    MENDFS_ASSIGN_OR_RETURN(auto text, file_.Text());
    return *text;
  }
  // Where a text ends only its writer knows: it is judged at close.
  DraftShape ShapeOf(std::string_view body) const override {
    return body.empty() ? DraftShape::kEmpty : DraftShape::kComplete;
  }
  Status Check(std::string_view) override { return {}; }
  Status Commit(std::string_view body) override { return file_.Apply(body); }
  // No types at all: then it says what is so.
  bool AcceptsEmpty() const override {
    const auto text = file_.Text();
    return text.ok() && (*text)->empty();
  }
  Status RefuseEmpty() const override { return SchemaFile::RefuseEmpty(); }
  void Finished(bool) override {}
  uint64_t size_max() const override { return kSchemaTextBytesMax; }
  std::string Show() const override { return "schema.graph"; }
  std::string RejectedDirectory() const override { return "schema"; }
  std::string RejectedName() const override { return "schema.graph"; }

 private:
  SchemaFile& file_;
};

Result<std::shared_ptr<const std::string>> SchemaFile::Text() {
  MENDFS_ASSIGN_OR_RETURN(auto schema, context_.tables.GetSchema(context_.head()));
  MutexLock lock(mutex_);
  if (!text_ || schema_ != schema) {
    text_ = std::make_shared<const std::string>(schema ? SchemaText(*schema) : std::string());
    schema_ = std::move(schema);
  }
  return text_;
}

Status SchemaFile::RefuseEmpty() {
  return {Code::kInvalid,
          "close schema.graph: an empty text would drop every type, and no text drops one; the "
          "schema stays. `mendfs schema apply MOUNT FILE --allow-data-loss` drops types"};
}

Result<Found> SchemaFile::Truncate(FileHandle* handle, uint64_t size_bytes) {
  if (handle == nullptr) {
    if (size_bytes == 0) {
      MENDFS_ASSIGN_OR_RETURN(const auto text, Text());
      if (!text->empty()) return RefuseEmpty();
    }
    return Status(Code::kInvalid, "truncate schema.graph: write the whole text to it instead");
  }
  MENDFS_RETURN_IF_ERROR(handle->Truncate(size_bytes));
  return GetAttributes();
}

Status SchemaFile::Apply(std::string_view text) {
  MENDFS_RETURN_IF_ERROR(
      ApplySchemaChange(context_.store, text, {.branch = context_.branch, .close_commit = false})
          .status());
  int64_t now_ns = context_.store.door().NowNs();
  MutexLock lock(mutex_);
  changed_ns_ = now_ns;
  return {};
}

Result<Found> SchemaFile::GetAttributes() {
  MENDFS_ASSIGN_OR_RETURN(auto text, Text());
  Found found = MakeFound(context_, {.kind = PlaceKind::kSchemaFile, .key = {}, .other_key = {}},
                          S_IFREG | 0644, text->size());
  found.freshness = Freshness::kNone;
  MutexLock lock(mutex_);
  if (changed_ns_ != 0) found.attributes.mtime_ns = found.attributes.ctime_ns = changed_ns_;
  return found;
}

Result<Opened> SchemaFile::Open(const Caller& caller, const OpenRequest& request) {
  if (!request.writes()) {
    MENDFS_ASSIGN_OR_RETURN(auto text, Text());
    return OpenText(std::move(text));
  }
  return Opened{.handle = std::make_unique<DraftHandle>(
                    context_, caller, std::make_unique<Target>(*this), request, false),
                .direct_io = true};
}

}  // namespace mendfs
