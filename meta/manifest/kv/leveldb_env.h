// LevelDB's Env over our Disk, with rules that LevelDB itself does not keep:
//
// 1 A log is synced when it is closed, the directory at the first sync of a new file and at every
//   rename: at a memtable switch LevelDB closes the old log unsynced.
// 2 A failed write fences the Env: nothing is written through it any more. LevelDB would go on
//   behind a torn record and acknowledge what a later open cannot read.
// 3 Read-only opens run over an OverlayDisk: LevelDB writes whenever it is opened.
// 4 A log is shown up to its last whole batch, and no later log behind one that ends early: what
//   damage or a power cut takes is always the end (leveldb_log.h). Its list of tables, a log as
//   well, is shown without an end that a power cut tore: LevelDB would call it damage.
// 5 A block of a table is verified here when it is read, so that damage names its file wherever it
//   comes up, in a compaction too. A table that is gone is damage; LevelDB would call its keys
//   absent.
// 6 What LevelDB wants done in the background waits while the disk is full (Hold): a compaction
//   that finds no room would end all writing, and leave its tables where they are.
//
// Threads:  safe from any thread
// Lifetime: outlives the DB that uses it
#pragma once

#include <leveldb/env.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "meta/base/mutex.h"
#include "meta/base/status.h"
#include "meta/disk/disk.h"
#include "meta/manifest/kv/kv.h"

namespace mendfs {

class LevelDbEnv : public leveldb::EnvWrapper {
 public:
  LevelDbEnv(Disk& disk, const KvDefects& defects, std::shared_ptr<DamageNote> damage);
  // Waits for the end of what runs in the background.
  ~LevelDbEnv() override;

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
  void Schedule(void (*function)(void*), void* argument) override;

  // Background work waits from now on.
  void Hold();
  // What waits is done now, and what comes later at once.
  void Release();
  // No table is begun while less of the disk is free.
  void SetTableFloor(uint64_t free_bytes) { table_floor_bytes_.store(free_bytes); }
  // Nothing is written any more, and nothing runs in the background when this returns. Tables that
  // no list of LevelDB's can name are removed: a later open would do it only at its end.
  void Stop();

  // After Stop: it was stopped because of `why`, which writes answer from now on.
  void Explain(const Status& why);

  // The first failure of a write; from then on every write answers it.
  Status fence() const;
  // The last failure of any call, for its code.
  Status last_failure() const;
  // Notes a failure of a write and answers it as LevelDB's kind.
  leveldb::Status FailWrite(const Status& status);
  leveldb::Status Fail(const Status& status);
  // Notes what a read of a table met.
  leveldb::Status Damaged(const std::string& name, const std::string& what);
  leveldb::Status FailRead(const std::string& name, const Status& status);
  const KvDefects& defects() const { return defects_; }
  void NoteListWritten();
  // Which log was damaged, where; empty: none.
  std::string log_damage() const;

 private:
  leveldb::Status OpenForWriting(const std::string& name, OpenMode mode, bool append,
                                 leveldb::WritableFile** result);
  struct Work {
    LevelDbEnv* env;
    void (*function)(void*);
    void* argument;
  };
  static void RunWork(void* work);
  Status BeginTable(const std::string& name);

  // How much of a log, or of the list of tables, LevelDB may see. Logs are opened in the order in
  // which they were written.
  Result<uint64_t> BelievedBytes(const std::string& name, const File& file);
  static Result<uint64_t> BelievedListBytes(const std::string& name, const File& file);

  Disk& disk_;
  const KvDefects defects_;
  const std::shared_ptr<DamageNote> damage_;
  mutable Mutex mutex_{LockRank::kLeaf};
  Status fence_ GUARDED_BY(mutex_);
  Status last_failure_ GUARDED_BY(mutex_);
  bool log_ended_early_ GUARDED_BY(mutex_) = false;
  std::string log_damage_ GUARDED_BY(mutex_);
  std::vector<std::string> unnamed_tables_ GUARDED_BY(mutex_);  // begun since a list was written

  Mutex work_mutex_{LockRank::kLeaf};
  CondVar idle_;
  bool held_ GUARDED_BY(work_mutex_) = false;
  std::unique_ptr<Work> waiting_ GUARDED_BY(work_mutex_);
  unsigned running_ GUARDED_BY(work_mutex_) = 0;
  std::atomic<uint64_t> table_floor_bytes_{0};
};

}  // namespace mendfs
