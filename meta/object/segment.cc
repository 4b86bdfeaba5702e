#include "meta/object/segment.h"

#include <leveldb/cache.h>
#include <leveldb/env.h>
#include <leveldb/iterator.h>
#include <leveldb/options.h>
#include <leveldb/table.h>
#include <leveldb/table_builder.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "meta/base/mutex.h"
#include "meta/codec/fingerprint.h"
#include "meta/object/bloom.h"
#include "meta/object/segment_format.h"

namespace mendfs {
namespace {

constexpr size_t kTableBlockBytes = size_t{16} << 10;
constexpr size_t kFilterCacheKeyBytes = 16;

leveldb::Slice ToSlice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
std::string_view ToView(const leveldb::Slice& slice) {
  return {slice.data(), slice.size()};
}

leveldb::Options TableOptions(leveldb::Cache* cache) {
  leveldb::Options options;
  options.block_size = kTableBlockBytes;
  options.compression = leveldb::kSnappyCompression;
  options.block_cache = cache;
  return options;
}

// LevelDB's statuses carry no Code of ours: the adapters keep the Status that caused one.
leveldb::Status ToLevelDb(const Status& status) {
  return status.ok() ? leveldb::Status::OK() : leveldb::Status::IOError(status.message());
}

// -------------------------------------------------------------------------------------- adapters
class WriterAdapter : public leveldb::WritableFile {
 public:
  explicit WriterAdapter(ObjectWriter& writer) : writer_(writer) {}
  leveldb::Status Append(const leveldb::Slice& data) override {
    status_ = writer_.Append(ToView(data));
    return ToLevelDb(status_);
  }
  leveldb::Status Close() override { return leveldb::Status::OK(); }
  leveldb::Status Flush() override { return leveldb::Status::OK(); }
  leveldb::Status Sync() override { return leveldb::Status::OK(); }  // sealing does

  Status FromLevelDb(const leveldb::Status& status) const {
    if (status.ok()) return Status::Ok();
    if (!status_.ok()) return status_;
    return {Code::kInternal, "table builder: " + status.ToString()};
  }

 private:
  ObjectWriter& writer_;
  Status status_;
};

class ReaderAdapter : public leveldb::RandomAccessFile {
 public:
  ReaderAdapter(const ObjectReader& reader, uint64_t size_bytes)
      : reader_(reader), size_bytes_(size_bytes) {}

  leveldb::Status Read(uint64_t offset, size_t size, leveldb::Slice* result,
                       char* scratch) const override {
    *result = leveldb::Slice();
    if (offset > size_bytes_ || size > size_bytes_ - offset) {
      return leveldb::Status::Corruption("a block lies outside of the table");
    }
    const auto got = reader_.ReadAt(offset, size, scratch);
    if (!got.ok()) {
      MutexLock lock(mutex_);
      failed_ = got.status();
      return ToLevelDb(failed_);
    }
    *result = leveldb::Slice(scratch, *got);
    return leveldb::Status::OK();
  }

  Status FromLevelDb(const leveldb::Status& status) const {
    if (status.ok()) return Status::Ok();
    if (status.IsIOError()) {
      MutexLock lock(mutex_);
      if (!failed_.ok()) return failed_;
    }
    return {Code::kCorruption, "segment " + reader_.path() + ": " + status.ToString()};
  }

 private:
  const ObjectReader& reader_;
  const uint64_t size_bytes_;
  mutable Mutex mutex_{LockRank::kLeaf};
  mutable Status failed_ GUARDED_BY(mutex_);
};

}  // namespace

// -------------------------------------------------------------------------------------- building
struct SegmentBuilder::State {
  State(std::unique_ptr<ObjectWriter> object_writer, const SegmentOptions& segment_options)
      : options(segment_options),
        writer(std::move(object_writer)),
        adapter(*writer),
        table(std::make_unique<leveldb::TableBuilder>(TableOptions(nullptr), &adapter)) {}
  ~State() {
    if (table) table->Abandon();
  }

  void CloseFilter() {
    if (hashes.empty()) return;
    const std::string bloom = BuildBloom(hashes);
    filters.push_back({ref.last_key, blooms.size(), static_cast<uint32_t>(bloom.size())});
    blooms.append(bloom);
    hashes.clear();
  }

  Status AppendFilters(uint64_t table_bytes);
  void Count(std::string_view key, std::string_view payload, const std::optional<Hash128>& hidden);

  const SegmentOptions options;
  const std::unique_ptr<ObjectWriter> writer;
  WriterAdapter adapter;
  std::unique_ptr<leveldb::TableBuilder> table;
  SegmentRef ref;
  uint64_t counted = 0;          // entries that make, or take away, a node or an edge
  std::string value;             // scratch
  std::vector<uint64_t> hashes;  // of the keys under the filter that is being built
  std::string blooms;            // finished filters; they stand behind the table, so they wait
  std::vector<SegmentFilter> filters;
};

SegmentBuilder::SegmentBuilder(std::unique_ptr<State> state) : state_(std::move(state)) {}
SegmentBuilder::~SegmentBuilder() = default;

Result<std::unique_ptr<SegmentBuilder>> SegmentBuilder::Begin(ObjectStore& objects,
                                                              const SegmentOptions& options) {
  MENDFS_ASSIGN_OR_RETURN(auto writer, options.id
                                           ? objects.BeginAs(ObjectKind::kSegment, *options.id)
                                           : objects.Begin(ObjectKind::kSegment));
  auto state = std::make_unique<State>(std::move(writer), options);
  return std::unique_ptr<SegmentBuilder>(new SegmentBuilder(std::move(state)));
}

const Id128& SegmentBuilder::id() const {
  return state_->writer->id();
}
uint64_t SegmentBuilder::entries() const {
  return state_->ref.entries;
}
uint64_t SegmentBuilder::size_bytes() const {
  return state_->writer->size_bytes() + state_->blooms.size();
}

Status SegmentBuilder::Add(std::string_view key, Seq start, std::string_view payload,
                           const std::optional<Hash128>& hidden) {
  State& state = *state_;
  SegmentRef& ref = state.ref;
  if (ref.entries > 0 && key <= ref.last_key) {
    return {Code::kInvalid, "segment: keys must ascend"};
  }
  if (!state.table) return {Code::kInvalid, "segment: finished already"};
  if (state.options.clears && !payload.empty()) {
    return {Code::kInvalid, "segment: what is cleared has no value"};
  }
  if (ref.entries == kSegmentEntriesMax) return {Code::kTooBig, "segment: too many entries"};

  state.value.clear();
  AppendSegmentValue(state.value, start, payload);
  state.table->Add(ToSlice(key), ToSlice(state.value));
  MENDFS_RETURN_IF_ERROR(state.adapter.FromLevelDb(state.table->status()));

  if (ref.entries == 0) ref.first_key = key;
  ref.last_key.assign(key);
  ++ref.entries;
  state.Count(key, payload, hidden);
  if (state.options.filter) {
    state.hashes.push_back(HashXxh3(key));
    if (state.hashes.size() == kSegmentFilterKeys) state.CloseFilter();
  }
  return Status::Ok();
}

void SegmentBuilder::State::Count(std::string_view key, std::string_view payload,
                                  const std::optional<Hash128>& hidden) {
  if (options.content == SegmentContent::kDerived) return;
  if (options.clears) {
    if (!hidden) return;
    ref.content_sum += *hidden;
    ++counted;
    return;
  }
  ref.content_sum += ContentLeaf(key, payload);
  if (hidden) {
    ref.content_sum -= *hidden;
  } else {
    ++counted;
  }
}

Status SegmentBuilder::State::AppendFilters(uint64_t table_bytes) {
  CloseFilter();
  SegmentEnd end;
  end.table_bytes = table_bytes;
  for (SegmentFilter& filter : filters) filter.offset += end.table_bytes;
  const std::string index = EncodeFilterIndex(filters);
  end.index_offset = end.table_bytes + blooms.size();
  end.index_bytes = index.size();
  end.index_checksum = HashXxh3(index);
  MENDFS_RETURN_IF_ERROR(writer->Append(blooms));
  MENDFS_RETURN_IF_ERROR(writer->Append(index));
  return writer->Append(EncodeSegmentEnd(end));
}

Result<SealedSegment> SegmentBuilder::Finish() {
  State& state = *state_;
  if (state.ref.entries == 0 || !state.table) {
    return Status(Code::kInvalid, "segment: nothing to finish");
  }
  const leveldb::Status finished = state.table->Finish();
  const uint64_t table_bytes = state.table->FileSize();
  state.table.reset();  // closed, so that nothing abandons it again
  MENDFS_RETURN_IF_ERROR(state.adapter.FromLevelDb(finished));
  MENDFS_RETURN_IF_ERROR(state.AppendFilters(table_bytes));
  SealedSegment sealed;
  MENDFS_ASSIGN_OR_RETURN(sealed.object, state.writer->Seal());
  if (state.options.content == SegmentContent::kNodes) state.ref.nodes = state.counted;
  if (state.options.content == SegmentContent::kEdges) state.ref.edges = state.counted;
  state.ref.object = sealed.object.id;
  state.ref.file_size_bytes = sealed.object.file_size_bytes;
  state.ref.fingerprint = sealed.object.fingerprint;
  state.ref.time_ns = state.options.time_ns;
  state.ref.clears = state.options.clears;
  sealed.ref = state.ref;
  return sealed;
}

// --------------------------------------------------------------------------------------- reading
struct SegmentReader::State {
  SegmentRef ref;
  std::unique_ptr<ObjectReader> object;
  std::unique_ptr<ReaderAdapter> adapter;
  std::unique_ptr<leveldb::Table> table;
  std::vector<SegmentFilter> filters;
  leveldb::Cache* cache = nullptr;
  uint64_t cache_id = 0;

  Status ReadEnd(SegmentEnd& end);
  Result<bool> MayHold(std::string_view key) const;
  Result<std::string> ReadFilter(const SegmentFilter& filter) const;
};

namespace {

Result<std::string> ReadExactly(const ObjectReader& object, uint64_t offset, uint64_t size) {
  std::string bytes(static_cast<size_t>(size), '\0');
  MENDFS_ASSIGN_OR_RETURN(const size_t got, object.ReadAt(offset, bytes.size(), bytes.data()));
  if (got != bytes.size()) {
    return Status(Code::kCorruption, "segment " + object.path() + ": too short");
  }
  return bytes;
}

void DeleteFilter(const leveldb::Slice&, void* value) {
  delete static_cast<std::string*>(value);
}

}  // namespace

Status SegmentReader::State::ReadEnd(SegmentEnd& end) {
  const uint64_t payload_bytes = object->info().size_bytes;
  if (payload_bytes < kSegmentEndBytes) return {Code::kCorruption, "too short for a segment"};
  MENDFS_ASSIGN_OR_RETURN(const std::string end_bytes,
                          ReadExactly(*object, payload_bytes - kSegmentEndBytes, kSegmentEndBytes));
  MENDFS_ASSIGN_OR_RETURN(end, DecodeSegmentEnd(end_bytes, payload_bytes));
  MENDFS_ASSIGN_OR_RETURN(const std::string index,
                          ReadExactly(*object, end.index_offset, end.index_bytes));
  if (HashXxh3(index) != end.index_checksum) {
    return {Code::kCorruption, "filter index fails its checksum"};
  }
  MENDFS_ASSIGN_OR_RETURN(filters, DecodeFilterIndex(index, end.table_bytes, end.index_offset));
  return Status::Ok();
}

Result<std::string> SegmentReader::State::ReadFilter(const SegmentFilter& filter) const {
  return ReadExactly(*object, filter.offset, filter.size_bytes);
}

Result<bool> SegmentReader::State::MayHold(std::string_view key) const {
  if (key < ref.first_key || key > ref.last_key) return false;
  if (filters.empty()) return true;
  const auto filter = std::lower_bound(
      filters.begin(), filters.end(), key,
      [](const SegmentFilter& one, std::string_view wanted) { return one.last_key < wanted; });
  if (filter == filters.end()) return false;
  const uint64_t hash = HashXxh3(key);
  if (cache == nullptr) {
    MENDFS_ASSIGN_OR_RETURN(const std::string bloom, ReadFilter(*filter));
    return BloomMayHold(bloom, hash);
  }
  // As LevelDB names its blocks: an id of this reader, then an offset; a filter's is no block's.
  std::string cache_key;
  cache_key.reserve(kFilterCacheKeyBytes);
  cache_key.append(reinterpret_cast<const char*>(&cache_id), sizeof(cache_id));
  cache_key.append(reinterpret_cast<const char*>(&filter->offset), sizeof(filter->offset));
  leveldb::Cache::Handle* handle = cache->Lookup(ToSlice(cache_key));
  if (handle == nullptr) {
    MENDFS_ASSIGN_OR_RETURN(std::string bloom, ReadFilter(*filter));
    auto held = std::make_unique<std::string>(std::move(bloom));
    const size_t charge = held->size();
    handle = cache->Insert(ToSlice(cache_key), held.release(), charge, &DeleteFilter);
  }
  const bool may_hold = BloomMayHold(*static_cast<std::string*>(cache->Value(handle)), hash);
  cache->Release(handle);
  return may_hold;
}

SegmentReader::SegmentReader(std::unique_ptr<State> state) : state_(std::move(state)) {}
SegmentReader::~SegmentReader() = default;

Result<std::unique_ptr<SegmentReader>> SegmentReader::Open(const ObjectStore& objects,
                                                           const SegmentRef& ref,
                                                           leveldb::Cache* cache) {
  auto state = std::make_unique<State>();
  state->ref = ref;
  state->cache = cache;
  if (cache != nullptr) state->cache_id = cache->NewId();
  MENDFS_ASSIGN_OR_RETURN(state->object, objects.Open(ObjectKind::kSegment, ref.object));
  const std::string where = "segment " + state->object->path();
  const ObjectInfo& info = state->object->info();
  if (info.file_size_bytes != ref.file_size_bytes || info.fingerprint != ref.fingerprint) {
    return Status(Code::kCorruption, where + ": is not the one that the manifest names");
  }
  SegmentEnd end;
  const Status status = state->ReadEnd(end);
  if (!status.ok()) return status.Annotate(where);
  state->adapter = std::make_unique<ReaderAdapter>(*state->object, end.table_bytes);
  leveldb::Table* table = nullptr;
  const leveldb::Status opened =
      leveldb::Table::Open(TableOptions(cache), state->adapter.get(), end.table_bytes, &table);
  MENDFS_RETURN_IF_ERROR(state->adapter->FromLevelDb(opened));
  state->table.reset(table);
  return std::unique_ptr<SegmentReader>(new SegmentReader(std::move(state)));
}

const SegmentRef& SegmentReader::ref() const {
  return state_->ref;
}

Result<std::optional<std::string>> SegmentReader::Get(std::string_view key) const {
  MENDFS_ASSIGN_OR_RETURN(const bool may_hold, state_->MayHold(key));
  if (!may_hold) return std::optional<std::string>();
  const std::unique_ptr<leveldb::Iterator> found(
      state_->table->NewIterator(leveldb::ReadOptions()));
  found->Seek(ToSlice(key));
  if (found->Valid() && ToView(found->key()) == key) {
    return std::optional<std::string>(found->value().ToString());
  }
  MENDFS_RETURN_IF_ERROR(state_->adapter->FromLevelDb(found->status()));
  return std::optional<std::string>();
}

namespace {

class TableCursor : public SegmentCursor {
 public:
  TableCursor(std::unique_ptr<leveldb::Iterator> found, const ReaderAdapter& adapter)
      : found_(std::move(found)), adapter_(adapter) {}

  // LevelDB skips a block that it cannot read and goes on: that would be an incomplete walk.
  bool Valid() const override { return found_->Valid() && found_->status().ok(); }
  std::string_view key() const override { return ToView(found_->key()); }
  std::string_view value() const override { return ToView(found_->value()); }
  void Next() override { found_->Next(); }
  void Seek(std::string_view key) override { found_->Seek(ToSlice(key)); }
  Status status() const override { return adapter_.FromLevelDb(found_->status()); }

 private:
  const std::unique_ptr<leveldb::Iterator> found_;
  const ReaderAdapter& adapter_;
};

}  // namespace

std::unique_ptr<SegmentCursor> SegmentReader::NewCursor() const {
  leveldb::ReadOptions options;
  std::unique_ptr<leveldb::Iterator> found(state_->table->NewIterator(options));
  return std::make_unique<TableCursor>(std::move(found), *state_->adapter);
}

}  // namespace mendfs
