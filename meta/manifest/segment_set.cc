#include "meta/manifest/segment_set.h"

namespace mendfs {
namespace {

// What a segment's entry says of its writer; 0 stands for the segment's own change.
Seq StartOf(const SegmentValue& value, Seq segment) {
  return value.start == Seq() ? segment : value.start;
}

Status Noted(DamageNote& damage, const SegmentRef& ref, const Status& status) {
  if (status.code() != Code::kCorruption && status.code() != Code::kIo) return status;
  damage.Note("segment " + ToHex(ref.object) + ": " + status.message());
  return status;
}

class SegmentLayer : public Layer {
 public:
  SegmentLayer(std::shared_ptr<SegmentReader> reader, Seq segment,
               std::shared_ptr<DamageNote> damage)
      : reader_(std::move(reader)),
        damage_(std::move(damage)),
        segment_(segment),
        whiteout_(reader_->ref().clears),
        cursor_(reader_->NewCursor()) {}

  void Seek(std::string_view key) override {
    cursor_->Seek(key);
    Parse();
  }
  void Next() override {
    cursor_->Next();
    Parse();
  }
  bool Valid() const override { return status_.ok() && cursor_->Valid(); }
  std::string_view key() const override { return cursor_->key(); }
  std::string_view value() const override { return value_.payload; }
  Seq start() const override { return StartOf(value_, segment_); }
  bool whiteout() const override { return whiteout_; }
  Status status() const override { return status_; }

 private:
  void Parse() {
    if (!cursor_->Valid()) {
      status_ = Noted(*damage_, reader_->ref(), cursor_->status());
      return;
    }
    const auto value = ParseSegmentValue(cursor_->value());
    if (!value) {
      status_ = Noted(*damage_, reader_->ref(),
                      Status(Code::kCorruption, "segment entry does not decode"));
      return;
    }
    value_ = *value;
  }

  const std::shared_ptr<SegmentReader> reader_;
  const std::shared_ptr<DamageNote> damage_;
  const Seq segment_;
  const bool whiteout_;
  const std::unique_ptr<SegmentCursor> cursor_;
  SegmentValue value_;
  Status status_;
};

// Stands for a segment that cannot be opened: a scan across it must not pass for complete.
class BrokenLayer : public Layer {
 public:
  explicit BrokenLayer(Status status) : status_(std::move(status)) {}
  void Seek(std::string_view) override {}
  void Next() override {}
  bool Valid() const override { return false; }
  std::string_view key() const override { return {}; }
  std::string_view value() const override { return {}; }
  Seq start() const override { return {}; }
  bool whiteout() const override { return false; }
  Status status() const override { return status_; }

 private:
  const Status status_;
};

}  // namespace

void SegmentSet::Add(BranchId branch, Seq start, const SegmentRef& ref) {
  auto placed = std::make_shared<Placed>();
  placed->start = start;
  placed->ref = ref;
  MutexLock lock(mutex_);
  auto& list = lists_[branch];
  // A fold that was cut short had brought the entry, and replay brings it again.
  for (size_t i = 0; list != nullptr && i < list->size() && (*list)[i]->start >= start; ++i) {
    if ((*list)[i]->start == start && (*list)[i]->ref.object == ref.object) return;
  }
  auto longer = std::make_shared<List>();
  longer->push_back(std::move(placed));
  if (list != nullptr) longer->insert(longer->end(), list->begin(), list->end());
  list = std::move(longer);
}

size_t SegmentSet::count() const {
  MutexLock lock(mutex_);
  size_t total = 0;
  for (const auto& [branch, list] : lists_) total += list->size();
  return total;
}

std::shared_ptr<const SegmentSet::List> SegmentSet::ListOf(BranchId branch) const {
  MutexLock lock(mutex_);
  const auto found = lists_.find(branch);
  return found == lists_.end() ? nullptr : found->second;
}

Result<std::shared_ptr<SegmentReader>> SegmentSet::Open(const Placed& placed) const {
  MutexLock lock(placed.mutex);
  if (placed.reader == nullptr) {
    auto reader = SegmentReader::Open(objects_, placed.ref, cache_);
    if (!reader.ok()) return Noted(*damage_, placed.ref, reader.status());
    placed.reader = *std::move(reader);
  }
  return placed.reader;
}

Result<std::optional<std::string>> SegmentSet::GetFrom(const Placed& placed,
                                                       std::string_view key) const {
  MENDFS_ASSIGN_OR_RETURN(const auto reader, Open(placed));
  auto bytes = reader->Get(key);
  if (!bytes.ok()) return Noted(*damage_, placed.ref, bytes.status());
  return bytes;
}

Result<std::optional<SegmentSet::Held>> SegmentSet::Get(BranchId branch, Seq above, Seq seq,
                                                        std::string_view key) const {
  const auto list = ListOf(branch);
  if (list == nullptr) return std::optional<Held>();
  for (const auto& placed : *list) {
    if (placed->start <= above) break;  // newest first
    if (placed->start > seq || key < placed->ref.first_key || key > placed->ref.last_key) continue;
    MENDFS_ASSIGN_OR_RETURN(auto bytes, GetFrom(*placed, key));
    if (!bytes) continue;
    const auto value = ParseSegmentValue(*bytes);
    if (!value) {
      return Status(Code::kCorruption,
                    "entry of segment " + ToHex(placed->ref.object) + " does not decode");
    }
    return std::optional<Held>(
        Held{StartOf(*value, placed->start), placed->ref.clears, std::string(value->payload)});
  }
  return std::optional<Held>();
}

bool SegmentSet::MayHold(BranchId branch, std::string_view key) const {
  const auto list = ListOf(branch);
  if (list == nullptr) return false;
  for (const auto& placed : *list) {
    if (key < placed->ref.first_key || key > placed->ref.last_key) continue;
    const auto value = GetFrom(*placed, key);
    if (!value.ok() || value->has_value()) return true;
  }
  return false;
}

void SegmentSet::AppendLayers(BranchId branch, Seq seq, const KeyRange& range,
                              std::vector<std::unique_ptr<Layer>>& layers) const {
  const auto list = ListOf(branch);
  if (list == nullptr) return;
  for (const auto& placed : *list) {
    if (placed->start > seq || placed->ref.last_key < range.first) continue;
    if (!range.last.empty() && placed->ref.first_key >= range.last) continue;
    auto reader = Open(*placed);
    if (!reader.ok()) {
      layers.push_back(std::make_unique<BrokenLayer>(reader.status()));
    } else {
      layers.push_back(std::make_unique<SegmentLayer>(*std::move(reader), placed->start, damage_));
    }
  }
}

}  // namespace mendfs
