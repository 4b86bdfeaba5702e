#include "meta/commit/load/external_sort.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace mendfs {
namespace {

constexpr size_t kRecordHeadBytes = 8;
constexpr size_t kPrefixBytes = 16;
constexpr size_t kSlotAlign = 8;

uint64_t BigEndianWord(const unsigned char* bytes) {
  uint64_t value = 0;
  for (size_t index = 0; index < 8; ++index) value = value << 8 | bytes[index];
  return value;
}

struct Prefix {
  uint64_t high;
  uint64_t low;
};

// Missing bytes count as zeros: a tie is decided by the whole keys.
Prefix PrefixOf(std::string_view key, size_t skip) {
  unsigned char bytes[kPrefixBytes] = {};
  if (key.size() > skip) {
    std::memcpy(bytes, key.data() + skip, std::min(kPrefixBytes, key.size() - skip));
  }
  return {BigEndianWord(bytes), BigEndianWord(bytes + 8)};
}

}  // namespace

// ------------------------------------------------------------------------------------- in memory
class ExternalSorter::MemoryStream : public RecordStream {
 public:
  explicit MemoryStream(const ExternalSorter& sorter)
      : sorter_(sorter), slot_(sorter.SlotsBegin()), left_(sorter.slot_count_) {}
  bool Valid() const override { return left_ > 0; }
  std::string_view key() const override { return sorter_.KeyAt(slot_->offset); }
  std::string_view payload() const override { return sorter_.PayloadAt(slot_->offset); }
  Status Next() override {
    ++slot_;
    --left_;
    return Status::Ok();
  }

 private:
  const ExternalSorter& sorter_;
  const Slot* slot_;
  size_t left_;
};

// A binary heap of readers; equal keys come from the earlier run first. Runs are removed as soon as
// they are read to their end.
class ExternalSorter::MergeStream : public RecordStream {
 public:
  MergeStream(Disk& disk, std::vector<RunInfo> runs) : disk_(disk), runs_(std::move(runs)) {}

  Status Open() {
    for (size_t index = 0; index < runs_.size(); ++index) {
      MENDFS_ASSIGN_OR_RETURN(auto reader, RunReader::Open(disk_, runs_[index]));
      if (reader->Valid()) heap_.push_back({std::move(reader), index});
    }
    for (size_t parent = heap_.size() / 2; parent-- > 0;) SiftDown(parent);
    return Status::Ok();
  }
  bool Valid() const override { return !heap_.empty(); }
  std::string_view key() const override { return heap_.front().reader->key(); }
  std::string_view payload() const override { return heap_.front().reader->payload(); }
  Status Next() override {
    MENDFS_RETURN_IF_ERROR(heap_.front().reader->Next());
    if (!heap_.front().reader->Valid()) {
      const size_t ended = heap_.front().run;
      std::swap(heap_.front(), heap_.back());
      heap_.pop_back();
      MENDFS_RETURN_IF_ERROR(disk_.Remove(runs_[ended].path));
    }
    if (!heap_.empty()) SiftDown(0);
    return Status::Ok();
  }

 private:
  struct Head {
    std::unique_ptr<RunReader> reader;
    size_t run;
  };

  bool Before(const Head& one, const Head& other) const {
    const int order = one.reader->key().compare(other.reader->key());
    return order != 0 ? order < 0 : one.run < other.run;
  }
  void SiftDown(size_t parent) {
    while (true) {
      size_t first = parent;
      for (const size_t child : {2 * parent + 1, 2 * parent + 2}) {
        if (child < heap_.size() && Before(heap_[child], heap_[first])) first = child;
      }
      if (first == parent) return;
      std::swap(heap_[parent], heap_[first]);
      parent = first;
    }
  }

  Disk& disk_;
  const std::vector<RunInfo> runs_;
  std::vector<Head> heap_;
};

// ---------------------------------------------------------------------------------------- sorter
ExternalSorter::ExternalSorter(Disk& disk, Place place, uint64_t memory_bytes)
    : disk_(disk),
      place_(std::move(place)),
      capacity_(static_cast<size_t>(
                    std::clamp<uint64_t>(memory_bytes, kMemoryBytesMin, kMemoryBytesMax)) /
                kSlotAlign * kSlotAlign) {}

ExternalSorter::~ExternalSorter() {
  // Those that were read to their end are gone already; the rest is residue by its directory.
  for (const RunInfo& run : runs_) disk_.Remove(run.path).IgnoreError();
}

std::string_view ExternalSorter::KeyAt(uint32_t offset) const {
  uint32_t size;
  std::memcpy(&size, buffer_.get() + offset, sizeof(size));
  return {buffer_.get() + offset + kRecordHeadBytes, size};
}

std::string_view ExternalSorter::PayloadAt(uint32_t offset) const {
  uint32_t sizes[2];
  std::memcpy(sizes, buffer_.get() + offset, sizeof(sizes));
  return {buffer_.get() + offset + kRecordHeadBytes + sizes[0], sizes[1]};
}

ExternalSorter::Slot* ExternalSorter::SlotsBegin() const {
  return reinterpret_cast<Slot*>(buffer_.get() + capacity_) - slot_count_;
}

size_t ExternalSorter::FreeBytes() const {
  return capacity_ - used_ - slot_count_ * sizeof(Slot);
}

std::string ExternalSorter::NextRunPath() {
  return place_.directory + "/" + place_.name + "-" + std::to_string(next_run_++);
}

Status ExternalSorter::EnsureRoom(size_t record_bytes) {
  const size_t needed = record_bytes + sizeof(Slot);
  if (buffer_ && needed <= FreeBytes()) return Status::Ok();
  if (slot_count_ > 0) MENDFS_RETURN_IF_ERROR(Spill());
  if (needed > capacity_) {
    capacity_ = (needed + kSlotAlign - 1) / kSlotAlign * kSlotAlign;
    buffer_.reset();
  }
  // Not filled with zeros: pages that are never used are never made.
  if (!buffer_) buffer_.reset(new char[capacity_]);
  memory_bytes_peak_ = std::max<uint64_t>(memory_bytes_peak_, capacity_);
  return Status::Ok();
}

void ExternalSorter::NotePrefix(std::string_view key) {
  if (slot_count_ == 0) {
    first_key_.assign(key);
    common_prefix_ = key.size();
    return;
  }
  const size_t limit = std::min(common_prefix_, key.size());
  if (std::memcmp(first_key_.data(), key.data(), limit) == 0) {
    common_prefix_ = limit;
    return;
  }
  common_prefix_ = static_cast<size_t>(
      std::mismatch(key.begin(), key.begin() + static_cast<std::ptrdiff_t>(limit),
                    first_key_.begin())
          .first -
      key.begin());
}

Status ExternalSorter::Add(std::string_view key, std::string_view payload) {
  const size_t record_bytes = kRecordHeadBytes + key.size() + payload.size();
  if (record_bytes > kRunRecordBytesMax) return {Code::kTooBig, "sort: a record is too big"};
  MENDFS_RETURN_IF_ERROR(EnsureRoom(record_bytes));
  NotePrefix(key);
  const uint32_t sizes[2] = {static_cast<uint32_t>(key.size()),
                             static_cast<uint32_t>(payload.size())};
  char* const place = buffer_.get() + used_;
  std::memcpy(place, sizes, sizeof(sizes));
  key.copy(place + kRecordHeadBytes, key.size());
  payload.copy(place + kRecordHeadBytes + key.size(), payload.size());
  ++slot_count_;
  SlotsBegin()->offset = static_cast<uint32_t>(used_);
  used_ += record_bytes;
  ++records_;
  return Status::Ok();
}

void ExternalSorter::SortSlots() {
  Slot* const begin = SlotsBegin();
  Slot* const end = begin + slot_count_;
  for (Slot* slot = begin; slot != end; ++slot) {
    const Prefix prefix = PrefixOf(KeyAt(slot->offset), common_prefix_);
    slot->prefix_high = prefix.high;
    slot->prefix_low = prefix.low;
  }
  std::sort(begin, end, [this](const Slot& one, const Slot& other) {
    if (one.prefix_high != other.prefix_high) return one.prefix_high < other.prefix_high;
    if (one.prefix_low != other.prefix_low) return one.prefix_low < other.prefix_low;
    const int order = KeyAt(one.offset).compare(KeyAt(other.offset));
    // Offsets rise in the order of Add.
    return order != 0 ? order < 0 : one.offset < other.offset;
  });
}

Status ExternalSorter::Spill() {
  SortSlots();
  const std::string path = NextRunPath();
  MENDFS_ASSIGN_OR_RETURN(auto writer, RunWriter::Begin(disk_, path));
  runs_.push_back({.path = path});  // from here on the destructor removes it
  for (MemoryStream stream(*this); stream.Valid(); stream.Next().IgnoreError()) {
    MENDFS_RETURN_IF_ERROR(writer->Add(stream.key(), stream.payload()));
  }
  MENDFS_ASSIGN_OR_RETURN(runs_.back(), writer->Finish());
  used_ = 0;
  slot_count_ = 0;
  return Status::Ok();
}

// Each run of a merge holds one block.
size_t ExternalSorter::FanIn() const {
  size_t block_bytes = kRunBlockBytes;
  for (const RunInfo& run : runs_) block_bytes = std::max(block_bytes, run.block_bytes_max);
  return std::clamp<size_t>(capacity_ / block_bytes, 2, kFanInMax);
}

Result<std::unique_ptr<ExternalSorter::MergeStream>> ExternalSorter::OpenMerge(
    std::vector<RunInfo> runs) {
  uint64_t memory_bytes = 0;
  for (const RunInfo& run : runs) memory_bytes += run.block_bytes_max;
  memory_bytes_peak_ = std::max(memory_bytes_peak_, memory_bytes);
  auto stream = std::make_unique<MergeStream>(disk_, std::move(runs));
  MENDFS_RETURN_IF_ERROR(stream->Open());
  return stream;
}

// Neighbouring runs are merged into one, so that the order of equal keys is kept.
Result<std::vector<RunInfo>> ExternalSorter::MergeLevel(const std::vector<RunInfo>& runs,
                                                        size_t fan_in) {
  std::vector<RunInfo> merged;
  for (size_t first = 0; first < runs.size(); first += fan_in) {
    const size_t last = std::min(first + fan_in, runs.size());
    if (last - first == 1) {
      merged.push_back(runs[first]);
      continue;
    }
    const auto begin = runs.begin() + static_cast<std::ptrdiff_t>(first);
    const auto end = runs.begin() + static_cast<std::ptrdiff_t>(last);
    MENDFS_ASSIGN_OR_RETURN(auto stream, OpenMerge(std::vector<RunInfo>(begin, end)));
    const std::string path = NextRunPath();
    MENDFS_ASSIGN_OR_RETURN(auto writer, RunWriter::Begin(disk_, path));
    runs_.push_back({.path = path});
    while (stream->Valid()) {
      MENDFS_RETURN_IF_ERROR(writer->Add(stream->key(), stream->payload()));
      MENDFS_RETURN_IF_ERROR(stream->Next());
    }
    MENDFS_ASSIGN_OR_RETURN(RunInfo info, writer->Finish());
    merged.push_back(std::move(info));
  }
  return merged;
}

Result<std::unique_ptr<RecordStream>> ExternalSorter::Finish() {
  if (runs_.empty()) {
    if (slot_count_ > 0) SortSlots();
    return std::unique_ptr<RecordStream>(std::make_unique<MemoryStream>(*this));
  }
  if (slot_count_ > 0) MENDFS_RETURN_IF_ERROR(Spill());
  buffer_.reset();
  const size_t fan_in = FanIn();
  std::vector<RunInfo> runs = runs_;
  while (runs.size() > fan_in) {
    MENDFS_ASSIGN_OR_RETURN(runs, MergeLevel(runs, fan_in));
  }
  MENDFS_ASSIGN_OR_RETURN(auto stream, OpenMerge(std::move(runs)));
  return std::unique_ptr<RecordStream>(std::move(stream));
}

}  // namespace mendfs
