#include "meta/manifest/kv/leveldb_log.h"

#include <algorithm>
#include <optional>
#include <string>

#include "meta/base/log.h"
#include "meta/codec/bytes.h"
#include "meta/codec/hash.h"

namespace mendfs {
namespace {

constexpr uint64_t kBlockBytes = 32 << 10;
constexpr uint64_t kHeaderBytes = 7;
constexpr uint8_t kFull = 1;
constexpr uint8_t kFirst = 2;
constexpr uint8_t kMiddle = 3;
constexpr uint8_t kLast = 4;

// LevelDB stores checksums turned and shifted, so that one over bytes that hold one stays strong.
uint32_t Masked(uint32_t crc) {
  return ((crc >> 15) | (crc << 17)) + 0xA282EAD8;
}

struct LogRecord {
  uint8_t type = 0;
  uint64_t size_bytes = 0;  // with its header
};

class LogWalk {
 public:
  LogWalk(const File& file, uint64_t size_bytes) : file_(file), size_(size_bytes) {}

  // The record at `offset`, if one stands there whole.
  Result<std::optional<LogRecord>> At(uint64_t offset) {
    MENDFS_RETURN_IF_ERROR(Load(offset / kBlockBytes * kBlockBytes));
    const size_t begin = offset - block_start_;
    if (begin + kHeaderBytes > block_.size()) return std::optional<LogRecord>();
    const std::string_view bytes = std::string_view(block_).substr(begin);
    ByteReader in(bytes);
    const uint32_t crc = in.GetU32();
    const uint64_t size_bytes = kHeaderBytes + in.GetU16();
    const uint8_t type = in.GetU8();
    if (type < kFull || type > kLast || size_bytes > bytes.size()) {
      return std::optional<LogRecord>();
    }
    // The type and what stands behind it.
    if (crc != Masked(HashCrc32c(bytes.substr(kHeaderBytes - 1, size_bytes - kHeaderBytes + 1)))) {
      return std::optional<LogRecord>();
    }
    return std::optional<LogRecord>({type, size_bytes});
  }

  // Records begin at `offset` or, when too little of its block is left, at the next block.
  static uint64_t Start(uint64_t offset) {
    const uint64_t left = kBlockBytes - offset % kBlockBytes;
    return left < kHeaderBytes ? offset + left : offset;
  }

  // Does a batch begin at `offset` or behind it? The rest of its block is searched byte by byte:
  // the length that leads to the next record may be what is damaged.
  Result<bool> BatchBehind(uint64_t offset) {
    const uint64_t block_end = std::min(size_, (offset / kBlockBytes + 1) * kBlockBytes);
    for (; offset < block_end; ++offset) {
      MENDFS_ASSIGN_OR_RETURN(const auto record, At(offset));
      if (record && Begins(*record)) return true;
    }
    for (; offset < size_; offset = (offset / kBlockBytes + 1) * kBlockBytes) {
      for (uint64_t at = offset; at / kBlockBytes == offset / kBlockBytes;) {
        MENDFS_ASSIGN_OR_RETURN(const auto record, At(at));
        if (!record) break;
        if (Begins(*record)) return true;
        at += record->size_bytes;
      }
    }
    return false;
  }

 private:
  static bool Begins(const LogRecord& record) {
    return record.type == kFull || record.type == kFirst;
  }

  Status Load(uint64_t block_start) {
    if (loaded_ && block_start == block_start_) return Status::Ok();
    block_.resize(block_start < size_ ? std::min(kBlockBytes, size_ - block_start) : 0);
    MENDFS_ASSIGN_OR_RETURN(const size_t got,
                            file_.ReadAt(block_start, block_.size(), block_.data()));
    block_.resize(got);
    block_start_ = block_start;
    loaded_ = true;
    return Status::Ok();
  }

  const File& file_;
  const uint64_t size_;
  std::string block_;
  uint64_t block_start_ = 0;
  bool loaded_ = false;
};

}  // namespace

Result<LogEnd> FindLogEnd(const File& file) {
  LogEnd end;
  MENDFS_ASSIGN_OR_RETURN(end.size_bytes, file.Size());
  LogWalk walk(file, end.size_bytes);
  bool inside = false;  // a batch of several records
  uint64_t offset = 0;
  while (offset < end.size_bytes) {
    MENDFS_ASSIGN_OR_RETURN(const auto record, walk.At(offset));
    // A record of a kind that cannot stand here is as bad as none.
    const bool continues = record && (record->type == kMiddle || record->type == kLast);
    if (!record || continues != inside) break;
    offset += record->size_bytes;
    inside = record->type == kFirst || record->type == kMiddle;
    if (!inside) end.whole_bytes = offset;
    offset = LogWalk::Start(offset);
  }
  if (offset < end.size_bytes) {
    MENDFS_ASSIGN_OR_RETURN(end.damaged, walk.BatchBehind(offset));
  }
  return end;
}

Status CutTornLog(Disk& disk, const std::string& directory) {
  MENDFS_ASSIGN_OR_RETURN(const auto entries, disk.List(directory));
  std::string newest;  // that holds anything; numbers have six digits or more
  for (const DirEntry& entry : entries) {
    if (!entry.name.ends_with(".log")) continue;
    MENDFS_ASSIGN_OR_RETURN(const FileInfo info, disk.Stat(directory + "/" + entry.name));
    if (info.size_bytes == 0) continue;
    const std::pair<size_t, std::string_view> place(entry.name.size(), entry.name);
    if (place > std::pair<size_t, std::string_view>(newest.size(), newest)) newest = entry.name;
  }
  if (newest.empty()) return Status::Ok();
  const std::string path = directory + "/" + newest;
  LogEnd end;
  {
    MENDFS_ASSIGN_OR_RETURN(const auto file, disk.Open(path, OpenMode::kRead));
    MENDFS_ASSIGN_OR_RETURN(end, FindLogEnd(*file));
  }
  if (end.damaged || end.whole_bytes == end.size_bytes) return Status::Ok();
  LogLine(LogLevel::kInfo, "manifest", "the torn end of LevelDB's log is cut off",
          {{"log", path},
           {"used_bytes", std::to_string(end.whole_bytes)},
           {"size_bytes", std::to_string(end.size_bytes)}});
  MENDFS_ASSIGN_OR_RETURN(const auto file, disk.Open(path, OpenMode::kReadWrite));
  MENDFS_RETURN_IF_ERROR(file->Truncate(end.whole_bytes));
  return file->Sync();
}

bool IsWholeBlock(std::string_view bytes) {
  constexpr size_t kChecksumBytes = 4;
  if (bytes.size() <= kChecksumBytes) return false;
  const size_t size_bytes = bytes.size() - kChecksumBytes;
  return ByteReader(bytes.substr(size_bytes)).GetU32() ==
         Masked(HashCrc32c(bytes.substr(0, size_bytes)));
}

}  // namespace mendfs
