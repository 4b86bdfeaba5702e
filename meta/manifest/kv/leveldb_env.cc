#include "meta/manifest/kv/leveldb_env.h"

#include <algorithm>
#include <cstdarg>
#include <memory>

#include "meta/base/log.h"
#include "meta/manifest/kv/leveldb_log.h"

namespace mendfs {
namespace {

constexpr size_t kBufferBytes = 64 << 10;

bool EndsWith(const std::string& path, std::string_view end) {
  return path.size() > end.size() && path.compare(path.size() - end.size(), end.size(), end) == 0;
}
bool IsLog(const std::string& path) {
  return EndsWith(path, ".log");
}
bool IsTable(const std::string& path) {
  return EndsWith(path, ".ldb");
}

// The list of tables and logs that are in use, which LevelDB calls a descriptor.
bool IsList(const std::string& path) {
  return path.find("/MANIFEST-") != std::string::npos;
}

class EnvSequentialFile : public leveldb::SequentialFile {
 public:
  // Shows the first `limit_bytes` only.
  EnvSequentialFile(LevelDbEnv& env, std::unique_ptr<File> file, uint64_t limit_bytes)
      : env_(env), file_(std::move(file)), limit_(limit_bytes) {}

  leveldb::Status Read(size_t n, leveldb::Slice* result, char* scratch) override {
    const uint64_t left = limit_ - std::min(limit_, offset_);
    auto got = file_->ReadAt(offset_, std::min<uint64_t>(n, left), scratch);
    if (!got.ok()) return env_.Fail(got.status());
    offset_ += *got;
    *result = leveldb::Slice(scratch, *got);
    return leveldb::Status::OK();
  }

  leveldb::Status Skip(uint64_t n) override {
    offset_ += n;
    return leveldb::Status::OK();
  }

 private:
  LevelDbEnv& env_;
  const std::unique_ptr<File> file_;
  const uint64_t limit_;
  uint64_t offset_ = 0;
};

// A table. LevelDB reads its end, which says where its index is, and blocks: bytes, their kind and
// the checksum of both.
class EnvTable : public leveldb::RandomAccessFile {
 public:
  EnvTable(LevelDbEnv& env, std::string name, std::unique_ptr<File> file, uint64_t size_bytes)
      : env_(env), name_(std::move(name)), file_(std::move(file)), size_bytes_(size_bytes) {}

  leveldb::Status Read(uint64_t offset, size_t n, leveldb::Slice* result,
                       char* scratch) const override {
    auto got = file_->ReadAt(offset, n, scratch);
    if (!got.ok()) return env_.FailRead(name_, got.status());
    *result = leveldb::Slice(scratch, *got);
    const std::string_view bytes(scratch, *got);
    const bool is_end = n == kTableEndBytes && offset + n == size_bytes_;
    if (*got == n && (is_end ? bytes.ends_with(kTableMagic) : IsWholeBlock(bytes))) {
      return leveldb::Status::OK();
    }
    return env_.Damaged(name_, is_end ? "its end is not that of a table"
                                      : "the block at byte " + std::to_string(offset) +
                                            " does not fit its checksum");
  }

 private:
  static constexpr size_t kTableEndBytes = 48;
  static constexpr std::string_view kTableMagic = "\x57\xfb\x80\x8b\x24\x75\x47\xdb";

  LevelDbEnv& env_;
  const std::string name_;
  const std::unique_ptr<File> file_;
  const uint64_t size_bytes_;
};

class EnvWritableFile : public leveldb::WritableFile {
 public:
  EnvWritableFile(LevelDbEnv& env, Disk& disk, std::string path, std::unique_ptr<File> file,
                  uint64_t offset)
      : env_(env),
        disk_(disk),
        path_(std::move(path)),
        is_log_(IsLog(path_)),
        is_list_(IsList(path_)),
        file_(std::move(file)),
        offset_(offset) {}

  // LevelDB switches logs by destroying the old one.
  ~EnvWritableFile() override {
    if (file_ != nullptr) Close();
  }

  leveldb::Status Append(const leveldb::Slice& data) override {
    buffer_.append(data.data(), data.size());
    return buffer_.size() < kBufferBytes ? leveldb::Status::OK() : Flush();
  }

  leveldb::Status Flush() override {
    if (buffer_.empty()) return leveldb::Status::OK();
    if (!env_.fence().ok()) return env_.FailWrite(env_.fence());
    if (is_list_) env_.NoteListWritten();
    Status written = file_->WriteAt(offset_, buffer_);
    if (!written.ok()) {
      if (!env_.defects().ignore_append_failure) return env_.FailWrite(written);
      // The planted defect: LevelDB believes that the record stands there.
    }
    offset_ += buffer_.size();
    synced_ = false;
    buffer_.clear();
    return leveldb::Status::OK();
  }

  leveldb::Status Sync() override {
    leveldb::Status flushed = Flush();
    if (!flushed.ok()) return flushed;
    if (synced_) return leveldb::Status::OK();
    if (!env_.fence().ok()) return env_.FailWrite(env_.fence());
    Status synced = file_->Sync();
    if (synced.ok() && !named_) synced = disk_.SyncDir(ParentPath(path_));
    if (!synced.ok()) return env_.FailWrite(synced);
    named_ = true;
    synced_ = true;
    return leveldb::Status::OK();
  }

  leveldb::Status Close() override {
    leveldb::Status done = is_log_ && !env_.defects().close_log_unsynced ? Sync() : Flush();
    file_.reset();
    return done;
  }

 private:
  LevelDbEnv& env_;
  Disk& disk_;
  const std::string path_;
  const bool is_log_;
  const bool is_list_;
  std::unique_ptr<File> file_;
  uint64_t offset_;
  std::string buffer_;
  bool named_ = false;
  bool synced_ = false;
};

// The store's own lock keeps others out.
class NoLock : public leveldb::FileLock {};

class EnvLogger : public leveldb::Logger {
 public:
  void Logv(const char* format, va_list arguments) override {
    char line[512];
    std::vsnprintf(line, sizeof(line), format, arguments);
    LogLine(LogLevel::kDebug, "leveldb", line);
  }
};

}  // namespace

LevelDbEnv::LevelDbEnv(Disk& disk, const KvDefects& defects, std::shared_ptr<DamageNote> damage)
    : leveldb::EnvWrapper(leveldb::Env::Default()),
      disk_(disk),
      defects_(defects),
      damage_(std::move(damage)) {}

LevelDbEnv::~LevelDbEnv() {
  MutexLock lock(work_mutex_);
  while (running_ > 0) idle_.Wait(work_mutex_);
}

// ------------------------------------------------------------------------------- background work
void LevelDbEnv::Schedule(void (*function)(void*), void* argument) {
  auto work = std::make_unique<Work>(Work{this, function, argument});
  {
    MutexLock lock(work_mutex_);
    if (held_) {
      waiting_ = std::move(work);  // LevelDB asks for one at a time
      return;
    }
    ++running_;
  }
  EnvWrapper::Schedule(&RunWork, work.release());
}

void LevelDbEnv::RunWork(void* work) {
  const std::unique_ptr<Work> own(static_cast<Work*>(work));
  own->function(own->argument);
  LevelDbEnv& env = *own->env;
  MutexLock lock(env.work_mutex_);
  --env.running_;
  env.idle_.NotifyAll();
}

void LevelDbEnv::Hold() {
  MutexLock lock(work_mutex_);
  held_ = true;
}

void LevelDbEnv::Release() {
  std::unique_ptr<Work> work;
  {
    MutexLock lock(work_mutex_);
    held_ = false;
    work = std::move(waiting_);
    if (work != nullptr) ++running_;
  }
  if (work != nullptr) EnvWrapper::Schedule(&RunWork, work.release());
}

void LevelDbEnv::Stop() {
  {
    MutexLock lock(mutex_);
    if (fence_.ok()) fence_ = Status(Code::kIo, "LevelDB is being closed");
  }
  {
    MutexLock lock(work_mutex_);
    while (running_ > 0) idle_.Wait(work_mutex_);
  }
  std::vector<std::string> unnamed;
  {
    MutexLock lock(mutex_);
    unnamed.swap(unnamed_tables_);
  }
  for (const std::string& table : unnamed) disk_.Remove(table).IgnoreError();
}

void LevelDbEnv::Explain(const Status& why) {
  MutexLock lock(mutex_);
  fence_ = why;
  last_failure_ = why;
}

// A list may name every table that was begun before it was written to, also when that failed.
void LevelDbEnv::NoteListWritten() {
  MutexLock lock(mutex_);
  unnamed_tables_.clear();
}

Status LevelDbEnv::BeginTable(const std::string& name) {
  if (const uint64_t floor = table_floor_bytes_.load(); floor > 0) {
    MENDFS_ASSIGN_OR_RETURN(const SpaceInfo space, disk_.Space(ParentPath(name)));
    if (space.available_bytes < floor) {
      return Status(Code::kNoSpace, name + ": a table is not begun, only " +
                                        std::to_string(space.available_bytes) +
                                        " bytes are free on the disk");
    }
  }
  MutexLock lock(mutex_);
  unnamed_tables_.push_back(name);
  return Status::Ok();
}

// ---------------------------------------------------------------------------------------- failing
leveldb::Status LevelDbEnv::Fail(const Status& status) {
  if (status.code() == Code::kNotFound) return leveldb::Status::NotFound(status.message());
  MutexLock lock(mutex_);
  last_failure_ = status;
  return leveldb::Status::IOError(status.ToString());
}

leveldb::Status LevelDbEnv::FailWrite(const Status& status) {
  {
    MutexLock lock(mutex_);
    if (fence_.ok()) fence_ = status;
  }
  return Fail(status);
}

leveldb::Status LevelDbEnv::Damaged(const std::string& name, const std::string& what) {
  damage_->Note(name + ": " + what);
  return leveldb::Status::Corruption(name, what);
}

leveldb::Status LevelDbEnv::FailRead(const std::string& name, const Status& status) {
  // After Stop another instance may have merged what an old iterator still asks for.
  const bool stopped = !fence().ok();
  if (status.code() == Code::kNotFound && !stopped) return Damaged(name, "the table is missing");
  if (!stopped) damage_->Note(status.message());
  const leveldb::Status failed = Fail(status);
  return failed.IsNotFound() ? leveldb::Status::IOError(name, "the table is gone") : failed;
}

Status LevelDbEnv::fence() const {
  MutexLock lock(mutex_);
  return fence_;
}

Status LevelDbEnv::last_failure() const {
  MutexLock lock(mutex_);
  return last_failure_;
}

leveldb::Status LevelDbEnv::NewSequentialFile(const std::string& name,
                                              leveldb::SequentialFile** result) {
  auto file = disk_.Open(name, OpenMode::kRead);
  if (!file.ok()) return Fail(file.status());
  uint64_t limit = UINT64_MAX;
  if (IsLog(name) || IsList(name)) {
    auto believed = IsLog(name) ? BelievedBytes(name, **file) : BelievedListBytes(name, **file);
    if (!believed.ok()) return Fail(believed.status());
    limit = *believed;
  }
  *result = new EnvSequentialFile(*this, *std::move(file), limit);
  return leveldb::Status::OK();
}

Result<uint64_t> LevelDbEnv::BelievedBytes(const std::string& name, const File& file) {
  MENDFS_ASSIGN_OR_RETURN(const LogEnd end, FindLogEnd(file));
  MutexLock lock(mutex_);
  // A log is whole and synced before the next one takes a batch.
  const bool hidden = log_ended_early_ && end.whole_bytes > 0;
  if ((end.damaged || hidden) && log_damage_.empty()) {
    log_damage_ = name + (hidden ? " continues a log that ends early"
                                 : " is damaged behind byte " + std::to_string(end.whole_bytes) +
                                       " of " + std::to_string(end.size_bytes));
  }
  if (log_ended_early_) return 0;
  log_ended_early_ = end.whole_bytes < end.size_bytes;
  if (log_ended_early_) {
    LogLine(end.damaged ? LogLevel::kWarning : LogLevel::kInfo, "manifest",
            "LevelDB's log is used up to its last whole batch",
            {{"log", name},
             {"used_bytes", std::to_string(end.whole_bytes)},
             {"size_bytes", std::to_string(end.size_bytes)}});
  }
  return end.whole_bytes;
}

// Each entry is synced before anything follows from it, so the list without one that is not whole
// is the list before it. Should that entry have been durable, then tables or folds are missing, and
// the open is refused for that. Damage before the end is LevelDB's to refuse.
Result<uint64_t> LevelDbEnv::BelievedListBytes(const std::string& name, const File& file) {
  MENDFS_ASSIGN_OR_RETURN(const LogEnd end, FindLogEnd(file));
  if (end.damaged) return UINT64_MAX;
  if (end.whole_bytes < end.size_bytes) {
    LogLine(LogLevel::kInfo, "manifest", "LevelDB's list is used up to its last whole entry",
            {{"list", name},
             {"used_bytes", std::to_string(end.whole_bytes)},
             {"size_bytes", std::to_string(end.size_bytes)}});
  }
  return end.whole_bytes;
}

std::string LevelDbEnv::log_damage() const {
  MutexLock lock(mutex_);
  return log_damage_;
}

leveldb::Status LevelDbEnv::NewRandomAccessFile(const std::string& name,
                                                leveldb::RandomAccessFile** result) {
  auto file = disk_.Open(name, OpenMode::kRead);
  // LevelDB asks for the name that tables had once when there is none under that of today.
  if (!IsTable(name) && !file.ok()) return Fail(file.status());
  if (!file.ok()) return FailRead(name, file.status());
  auto size = (*file)->Size();
  if (!size.ok()) return FailRead(name, size.status());
  *result = new EnvTable(*this, name, *std::move(file), *size);
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::OpenForWriting(const std::string& name, OpenMode mode, bool append,
                                           leveldb::WritableFile** result) {
  if (!fence().ok()) return FailWrite(fence());
  if (IsTable(name)) {
    if (Status begun = BeginTable(name); !begun.ok()) return FailWrite(begun);
  }
  auto file = disk_.Open(name, mode);
  if (!file.ok()) return FailWrite(file.status());
  uint64_t offset = 0;
  if (append) {
    auto size = (*file)->Size();
    if (!size.ok()) return FailWrite(size.status());
    offset = *size;
  } else if (Status cut = (*file)->Truncate(0); !cut.ok()) {
    return FailWrite(cut);
  }
  *result = new EnvWritableFile(*this, disk_, name, *std::move(file), offset);
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::NewWritableFile(const std::string& name,
                                            leveldb::WritableFile** result) {
  return OpenForWriting(name, OpenMode::kCreateOrOpen, false, result);
}

leveldb::Status LevelDbEnv::NewAppendableFile(const std::string& name,
                                              leveldb::WritableFile** result) {
  return OpenForWriting(name, OpenMode::kCreateOrOpen, true, result);
}

bool LevelDbEnv::FileExists(const std::string& name) {
  return disk_.Stat(name).ok();
}

leveldb::Status LevelDbEnv::GetChildren(const std::string& directory,
                                        std::vector<std::string>* result) {
  result->clear();
  auto entries = disk_.List(directory);
  if (!entries.ok()) return Fail(entries.status());
  for (DirEntry& entry : *entries) result->push_back(std::move(entry.name));
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::RemoveFile(const std::string& name) {
  if (!fence().ok()) return FailWrite(fence());
  Status removed = disk_.Remove(name);
  return removed.ok() ? leveldb::Status::OK() : Fail(removed);
}

leveldb::Status LevelDbEnv::CreateDir(const std::string& name) {
  Status made = disk_.MakeDir(name);
  if (made.ok() || made.code() == Code::kExists) return leveldb::Status::OK();
  return Fail(made);
}

leveldb::Status LevelDbEnv::RemoveDir(const std::string& name) {
  Status removed = disk_.RemoveDir(name);
  return removed.ok() ? leveldb::Status::OK() : Fail(removed);
}

leveldb::Status LevelDbEnv::GetFileSize(const std::string& name, uint64_t* size_bytes) {
  auto info = disk_.Stat(name);
  if (!info.ok()) return Fail(info.status());
  *size_bytes = info->size_bytes;
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::RenameFile(const std::string& source, const std::string& target) {
  if (!fence().ok()) return FailWrite(fence());
  Status renamed = disk_.Rename(source, target);
  // LevelDB moves a log of its own aside that our logger never makes; nothing was to be written.
  if (renamed.code() == Code::kNotFound) return Fail(renamed);
  if (renamed.ok()) renamed = disk_.SyncDir(ParentPath(target));
  return renamed.ok() ? leveldb::Status::OK() : FailWrite(renamed);
}

leveldb::Status LevelDbEnv::LockFile(const std::string&, leveldb::FileLock** lock) {
  *lock = new NoLock;
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::UnlockFile(leveldb::FileLock* lock) {
  delete lock;
  return leveldb::Status::OK();
}

leveldb::Status LevelDbEnv::NewLogger(const std::string&, leveldb::Logger** result) {
  *result = new EnvLogger;
  return leveldb::Status::OK();
}

}  // namespace mendfs
