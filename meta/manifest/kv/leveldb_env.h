// LevelDB's Env over our Disk, with the four rules that LevelDB itself does not keep:
//
// 1 A log is synced when it is closed, the directory at the first sync of a new file and at every
//   rename: at a memtable switch LevelDB closes the old log unsynced.
// 2 A failed write fences the Env: nothing is written through it any more. LevelDB would go on
//   behind a torn record and acknowledge what a later open cannot read.
// 3 Read-only opens run over an OverlayDisk: LevelDB writes whenever it is opened.
// 4 A log is shown up to its last whole batch, and no later log behind one that ends early: what
//   damage or a power cut takes is always the end (leveldb_log.h). Its list of tables, a log as
//   well, is shown without an end that a power cut tore: LevelDB would call it damage.
//
// Threads:  safe from any thread
// Lifetime: outlives the DB that uses it
#pragma once

#include <leveldb/env.h>

#include <set>
#include <string>

#include "meta/base/mutex.h"
#include "meta/base/status.h"
#include "meta/disk/disk.h"
#include "meta/manifest/kv/kv.h"

namespace mendfs {

class LevelDbEnv : public leveldb::EnvWrapper {
 public:
  LevelDbEnv(Disk& disk, const KvDefects& defects);

  leveldb::Status NewSequentialFile(const std::string& name,
                                    leveldb::SequentialFile** result) override;
  leveldb::Status NewRandomAccessFile(const std::string& name,
                                      leveldb::RandomAccessFile** result) override;
  leveldb::Status NewWritableFile(const std::string& name, leveldb::WritableFile** result) override;
  leveldb::Status NewAppendableFile(const std::string& name,
                                    leveldb::WritableFile** result) override;
  bool FileExists(const std::string& name) override;
  leveldb::Status GetChildren(const std::string& directory,
                              std::vector<std::string>* result) override;
  leveldb::Status RemoveFile(const std::string& name) override;
  leveldb::Status CreateDir(const std::string& name) override;
  leveldb::Status RemoveDir(const std::string& name) override;
  leveldb::Status GetFileSize(const std::string& name, uint64_t* size_bytes) override;
  leveldb::Status RenameFile(const std::string& source, const std::string& target) override;
  leveldb::Status LockFile(const std::string& name, leveldb::FileLock** lock) override;
  leveldb::Status UnlockFile(leveldb::FileLock* lock) override;
  leveldb::Status NewLogger(const std::string& name, leveldb::Logger** result) override;

  // The first failure of a write; from then on every write answers it.
  Status fence() const;
  // The last failure of any call, for its code.
  Status last_failure() const;
  // Notes a failure of a write and answers it as LevelDB's kind.
  leveldb::Status FailWrite(const Status& status);
  leveldb::Status Fail(const Status& status);
  const KvDefects& defects() const { return defects_; }
  // Which log was damaged, where; empty: none.
  std::string log_damage() const;

 private:
  leveldb::Status OpenForWriting(const std::string& name, OpenMode mode, bool append,
                                 leveldb::WritableFile** result);
  // How much of a log, or of the list of tables, LevelDB may see. Logs are opened in the order in
  // which they were written.
  Result<uint64_t> BelievedBytes(const std::string& name, const File& file);
  static Result<uint64_t> BelievedListBytes(const std::string& name, const File& file);

  Disk& disk_;
  const KvDefects defects_;
  mutable Mutex mutex_{LockRank::kLeaf};
  Status fence_ GUARDED_BY(mutex_);
  Status last_failure_ GUARDED_BY(mutex_);
  bool log_ended_early_ GUARDED_BY(mutex_) = false;
  std::string log_damage_ GUARDED_BY(mutex_);
};

}  // namespace mendfs
