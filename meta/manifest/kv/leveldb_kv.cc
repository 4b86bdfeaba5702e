#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include <algorithm>
#include <atomic>

#include "meta/base/mutex.h"
#include "meta/base/printable.h"
#include "meta/manifest/kv/kv.h"
#include "meta/manifest/kv/leveldb_env.h"
#include "meta/manifest/kv/leveldb_log.h"

namespace mendfs {
namespace {

// While tight: what the log may hold before it is put into a table, and a buffer that it can never
// fill: one batch more fits too.
constexpr uint64_t kTightLogBytesMax = 2 << 20;
constexpr uint64_t kTightBufferBytes = 256 << 20;

leveldb::Slice ToSlice(std::string_view bytes) {
  return {bytes.data(), bytes.size()};
}
std::string_view ToView(const leveldb::Slice& slice) {
  return {slice.data(), slice.size()};
}

// One open database. Iterators keep it alive across a Reopen; its fenced Env keeps it from writing.
struct Instance {
  Instance(Disk& disk, const KvOptions& options, const KvDefects& defects)
      : env(disk, defects, options.damage),
        cache(leveldb::NewLRUCache(options.cache_bytes)),
        filter(leveldb::NewBloomFilterPolicy(10)) {}

  // Background work that waits must be done before LevelDB can be closed; here it finds the Env
  // stopped. An open that failed leaves no tables behind.
  ~Instance() {
    if (db != nullptr && !held.load()) return;
    env.Stop();
    env.Release();
  }

  Status ToStatus(const leveldb::Status& status) const {
    if (status.ok()) return Status::Ok();
    if (status.IsNotFound()) return Status(Code::kNotFound, status.ToString());
    const std::string text = "manifest: " + Printable(status.ToString());
    if (status.IsCorruption()) return Status(Code::kCorruption, text);
    const Status cause = env.last_failure();
    return Status(cause.ok() ? Code::kIo : cause.code(), text);
  }

  LevelDbEnv env;
  std::atomic<bool> held{false};  // background work waits
  std::atomic<uint64_t> log_bytes{0};
  uint64_t log_bytes_max = UINT64_MAX;  // of a buffer that is larger than is wanted
  std::unique_ptr<leveldb::Cache> cache;
  std::unique_ptr<const leveldb::FilterPolicy> filter;
  std::unique_ptr<leveldb::DB> db;  // last: closed before what it uses
};

class LevelDbBatch : public KvBatch {
 public:
  void Put(std::string_view key, std::string_view value) override {
    batch.Put(ToSlice(key), ToSlice(value));
  }
  void Delete(std::string_view key) override { batch.Delete(ToSlice(key)); }

  leveldb::WriteBatch batch;
};

class LevelDbIterator : public KvIterator {
 public:
  explicit LevelDbIterator(std::shared_ptr<Instance> instance) : instance_(std::move(instance)) {
    // Blocks are verified by our Env.
    iterator_.reset(instance_->db->NewIterator(leveldb::ReadOptions()));
  }

  bool Valid() const override { return valid_; }
  void Seek(std::string_view key) override {
    iterator_->Seek(ToSlice(key));
    Moved();
  }
  void SeekBefore(std::string_view key) override {
    iterator_->Seek(ToSlice(key));
    if (iterator_->Valid()) {
      iterator_->Prev();
    } else {
      iterator_->SeekToLast();
    }
    Moved();
  }
  void Next() override {
    iterator_->Next();
    Moved();
  }
  void Prev() override {
    iterator_->Prev();
    Moved();
  }
  std::string_view key() const override { return ToView(iterator_->key()); }
  std::string_view value() const override { return ToView(iterator_->value()); }
  Status status() const override { return instance_->ToStatus(iterator_->status()); }

 private:
  // LevelDB steps over a block that it cannot read and goes on behind it.
  void Moved() { valid_ = iterator_->Valid() && iterator_->status().ok(); }

  std::shared_ptr<Instance> instance_;
  std::unique_ptr<leveldb::Iterator> iterator_;
  bool valid_ = false;
};

class LevelDbKv : public Kv {
 public:
  LevelDbKv(Disk& disk, std::string path, const KvOptions& options, const KvDefects& defects)
      : disk_(disk),
        path_(std::move(path)),
        options_(options),
        defects_(defects),
        tight_(options.tight) {}

  Status Open(bool create) {
    if (!create) {
      const Status cut = CutTornLog(disk_, path_);
      if (!cut.ok() && cut.code() != Code::kNotFound) return cut.Annotate("open " + path_);
    }
    auto instance = std::make_shared<Instance>(disk_, options_, defects_);
    leveldb::Options options;
    options.env = &instance->env;
    options.create_if_missing = create;
    // Without it LevelDB believes index and filter blocks unread, so that a flipped bit is an
    // absent row, and a compaction gives damaged blocks new checksums. It also refuses a log that
    // a power cut tore, which rule 4 of our Env never shows it.
    options.paranoid_checks = true;
    options.write_buffer_size = options_.write_buffer_bytes;
    if (tight_.load()) {
      // LevelDB would wait for ever for work that waits: its buffer must never be full.
      instance->env.Hold();
      instance->held.store(true);
      options.write_buffer_size = kTightBufferBytes;
      instance->log_bytes_max = options_.write_buffer_bytes;
    }
    options.block_cache = instance->cache.get();
    options.filter_policy = instance->filter.get();
    options.max_open_files = 500;
    leveldb::DB* db = nullptr;
    const leveldb::Status opened = leveldb::DB::Open(options, path_, &db);
    if (!opened.ok()) {
      // What LevelDB calls an invalid argument is a CURRENT that is gone or a database of another
      // order of keys; neither is ours to make.
      const bool damaged = opened.IsCorruption() || (opened.IsInvalidArgument() && !create);
      if (!damaged) return instance->ToStatus(opened).Annotate("open " + path_);
      return Status(Code::kCorruption, "open the manifest in " + path_ + ": " +
                                           Printable(opened.ToString()) +
                                           "; nothing was changed: keep the store as it is and " +
                                           "go on with a copy or an export of it");
    }
    instance->db.reset(db);
    MutexLock lock(mutex_);
    instance_ = std::move(instance);
    return Status::Ok();
  }

  Result<std::string> Get(std::string_view key) const override {
    const auto instance = Current();
    std::string value;
    const leveldb::Status got = instance->db->Get(leveldb::ReadOptions(), ToSlice(key), &value);
    if (!got.ok()) return instance->ToStatus(got);
    return value;
  }

  std::unique_ptr<KvIterator> Scan() const override {
    return std::make_unique<LevelDbIterator>(Current());
  }

  std::unique_ptr<KvBatch> NewBatch() const override { return std::make_unique<LevelDbBatch>(); }

  Status Write(KvBatch& batch, bool sync) override {
    const auto instance = Current();
    if (Status fenced = instance->env.fence(); !fenced.ok()) return fenced;
    leveldb::WriteBatch& entries = static_cast<LevelDbBatch&>(batch).batch;
    const uint64_t size = entries.ApproximateSize();
    const uint64_t log_bytes = instance->log_bytes.load();
    const uint64_t log_bytes_max =
        instance->held.load() ? std::min(kTightLogBytesMax, options_.write_buffer_bytes / 2)
                              : instance->log_bytes_max;
    if (log_bytes > 0 && log_bytes + size > log_bytes_max) {
      MENDFS_RETURN_IF_ERROR(Settle());
      return Write(batch, sync);
    }
    instance->log_bytes.fetch_add(size);
    leveldb::WriteOptions options;
    options.sync = sync;
    const leveldb::Status written = instance->db->Write(options, &entries);
    if (!written.ok()) return instance->ToStatus(written);
    // A background failure has no caller of its own.
    return instance->env.fence();
  }

  // Nothing of the old instance may write any more: the new one gives its numbers to other files.
  Status Reopen() override {
    const auto old = Current();
    old->env.Stop();
    Status opened = Open(false);
    // The old one stays for reading, and says why it is not written to.
    if (!opened.ok()) old->env.Explain(opened);
    return opened;
  }

  // The only way to have LevelDB write its memtable: compact what holds nothing, behind all keys.
  Status Settle() override {
    if (Current()->held.load()) {
      MENDFS_RETURN_IF_ERROR(Current()->env.fence());
      return Reopen();
    }
    return Compact("\xff\xff", "\xff\xff");
  }

  Status Compact(std::string_view first, std::string_view last) override {
    const auto instance = Current();
    if (Status fenced = instance->env.fence(); !fenced.ok()) return fenced;
    if (instance->held.load()) return Status::Ok();  // it would wait for ever
    const leveldb::Slice from = ToSlice(first);
    const leveldb::Slice to = ToSlice(last);
    instance->db->CompactRange(&from, &to);
    // That answers nothing; a write answers what failed in the background.
    leveldb::WriteBatch none;
    const leveldb::Status written = instance->db->Write(leveldb::WriteOptions(), &none);
    if (written.ok()) instance->log_bytes.store(0);
    return written.ok() ? instance->env.fence() : instance->ToStatus(written);
  }

  bool SetTight(bool tight) override {
    tight_.store(tight);
    const auto instance = Current();
    if (tight) return !instance->held.load();
    instance->env.SetTableFloor(0);
    if (instance->held.exchange(false)) instance->env.Release();
    return false;
  }

  Status CompactAll(uint64_t floor_bytes) override {
    const auto instance = Current();
    if (Status fenced = instance->env.fence(); !fenced.ok()) return fenced;
    instance->env.SetTableFloor(floor_bytes);
    instance->env.Release();
    instance->db->CompactRange(nullptr, nullptr);
    leveldb::WriteBatch none;
    const leveldb::Status written = instance->db->Write(leveldb::WriteOptions(), &none);
    Status compacted = written.ok() ? instance->env.fence() : instance->ToStatus(written);
    if (!compacted.ok()) {
      instance->env.Stop();
      return compacted;
    }
    if (instance->held.load()) instance->env.Hold();  // what runs on by then keeps its floor
    instance->log_bytes.store(0);
    return Status::Ok();
  }

  std::string log_damage() const override { return Current()->env.log_damage(); }

 private:
  std::shared_ptr<Instance> Current() const {
    MutexLock lock(mutex_);
    return instance_;
  }

  Disk& disk_;
  const std::string path_;
  const KvOptions options_;
  const KvDefects defects_;
  std::atomic<bool> tight_;
  mutable Mutex mutex_{LockRank::kCache};
  std::shared_ptr<Instance> instance_ GUARDED_BY(mutex_);
};

}  // namespace

Result<std::unique_ptr<Kv>> OpenLevelDb(Disk& disk, const std::string& path,
                                        const KvOptions& options, const KvDefects& defects) {
  auto kv = std::make_unique<LevelDbKv>(disk, path, options, defects);
  MENDFS_RETURN_IF_ERROR(kv->Open(options.create));
  return std::unique_ptr<Kv>(std::move(kv));
}

}  // namespace mendfs
