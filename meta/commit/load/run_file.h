// Runs: files of records on the way through a load, written once and read once, front to back.
//
// Shape:    a record is a key and a payload; blocks of whole records, each with its checksum
// Lifetime: the Disk outlives both; views are valid until the next Next
// Threads:  each belongs to one thread
// Errors:   kNoSpace, kIo; kCorruption when a block fails its checksum or is cut
// Cost:     memory: one block, whose size is bounded by kRunBlockBytes or one record
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "meta/base/status.h"
#include "meta/disk/disk.h"

namespace mendfs {

inline constexpr size_t kRunBlockBytes = size_t{64} << 10;
inline constexpr size_t kRunRecordBytesMax = size_t{64} << 20;

struct RunInfo {
  std::string path;
  uint64_t records = 0;
  uint64_t file_bytes = 0;
  size_t block_bytes_max = 0;  // what a reader holds at most
};

class RunWriter {
 public:
  static Result<std::unique_ptr<RunWriter>> Begin(Disk& disk, const std::string& path);

  Status Add(std::string_view key, std::string_view payload);
  Result<RunInfo> Finish();

 private:
  RunWriter(std::unique_ptr<File> file, const std::string& path);
  Status FlushBlock();

  std::unique_ptr<File> file_;
  RunInfo info_;
  std::string block_;
};

// Where sorted or stored records come from.
class RecordStream {
 public:
  virtual ~RecordStream() = default;
  virtual bool Valid() const = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view payload() const = 0;
  virtual Status Next() = 0;
};

class RunReader final : public RecordStream {
 public:
  // Stands at the first record.
  static Result<std::unique_ptr<RunReader>> Open(Disk& disk, const RunInfo& info);

  bool Valid() const override { return valid_; }
  std::string_view key() const override { return key_; }
  std::string_view payload() const override { return payload_; }
  Status Next() override;

 private:
  RunReader(std::unique_ptr<File> file, const RunInfo& info);
  Status ReadBlock();

  const std::unique_ptr<File> file_;
  const RunInfo info_;
  std::string block_;
  std::string_view rest_;  // of block_
  uint64_t offset_ = 0;
  bool valid_ = false;
  std::string_view key_;  // into block_, as payload_
  std::string_view payload_;
};

}  // namespace mendfs
