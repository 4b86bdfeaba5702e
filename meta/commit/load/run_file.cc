#include "meta/commit/load/run_file.h"

#include <algorithm>
#include <utility>

#include "meta/codec/bytes.h"
#include "meta/codec/hash.h"

namespace mendfs {
namespace {

constexpr size_t kBlockHeadBytes = 12;  // size, XXH3
constexpr size_t kRecordHeadBytes = 8;  // key size, payload size

Status Corrupt(const RunInfo& info, std::string_view what) {
  return {Code::kCorruption, "sort run " + info.path + ": " + std::string(what)};
}

}  // namespace

RunWriter::RunWriter(std::unique_ptr<File> file, const std::string& path) : file_(std::move(file)) {
  info_.path = path;
  block_.assign(kBlockHeadBytes, '\0');
}

Result<std::unique_ptr<RunWriter>> RunWriter::Begin(Disk& disk, const std::string& path) {
  MENDFS_ASSIGN_OR_RETURN(auto file, disk.Open(path, OpenMode::kCreate));
  return std::unique_ptr<RunWriter>(new RunWriter(std::move(file), path));
}

Status RunWriter::FlushBlock() {
  if (block_.size() == kBlockHeadBytes) return Status::Ok();
  std::string head;
  PutU32(head, static_cast<uint32_t>(block_.size() - kBlockHeadBytes));
  PutU64(head, HashXxh3(std::string_view(block_).substr(kBlockHeadBytes)));
  std::copy(head.begin(), head.end(), block_.begin());
  MENDFS_RETURN_IF_ERROR(file_->WriteAt(info_.file_bytes, block_));
  info_.file_bytes += block_.size();
  info_.block_bytes_max = std::max(info_.block_bytes_max, block_.size());
  block_.resize(kBlockHeadBytes);
  return Status::Ok();
}

Status RunWriter::Add(std::string_view key, std::string_view payload) {
  const size_t record_bytes = kRecordHeadBytes + key.size() + payload.size();
  if (record_bytes > kRunRecordBytesMax) return {Code::kTooBig, "sort run: a record is too big"};
  if (block_.size() + record_bytes > kRunBlockBytes) MENDFS_RETURN_IF_ERROR(FlushBlock());
  PutU32(block_, static_cast<uint32_t>(key.size()));
  PutU32(block_, static_cast<uint32_t>(payload.size()));
  block_.append(key);
  block_.append(payload);
  ++info_.records;
  return Status::Ok();
}

Result<RunInfo> RunWriter::Finish() {
  MENDFS_RETURN_IF_ERROR(FlushBlock());
  file_.reset();
  return info_;
}

RunReader::RunReader(std::unique_ptr<File> file, const RunInfo& info)
    : file_(std::move(file)), info_(info) {}

Result<std::unique_ptr<RunReader>> RunReader::Open(Disk& disk, const RunInfo& info) {
  MENDFS_ASSIGN_OR_RETURN(auto file, disk.Open(info.path, OpenMode::kRead));
  std::unique_ptr<RunReader> reader(new RunReader(std::move(file), info));
  MENDFS_RETURN_IF_ERROR(reader->Next());
  return reader;
}

Status RunReader::ReadBlock() {
  char head_bytes[kBlockHeadBytes];
  MENDFS_ASSIGN_OR_RETURN(const size_t head_got,
                          file_->ReadAt(offset_, kBlockHeadBytes, head_bytes));
  if (head_got != kBlockHeadBytes) return Corrupt(info_, "ends early");
  ByteReader head(std::string_view(head_bytes, kBlockHeadBytes));
  const size_t size = head.GetU32();
  const uint64_t checksum = head.GetU64();
  if (size == 0 || size + kBlockHeadBytes > info_.block_bytes_max) {
    return Corrupt(info_, "impossible block size");
  }
  block_.resize(size);
  MENDFS_ASSIGN_OR_RETURN(const size_t got,
                          file_->ReadAt(offset_ + kBlockHeadBytes, size, block_.data()));
  if (got != size || HashXxh3(block_) != checksum) return Corrupt(info_, "a block fails its hash");
  offset_ += kBlockHeadBytes + size;
  rest_ = block_;
  return Status::Ok();
}

Status RunReader::Next() {
  valid_ = false;
  if (rest_.empty()) {
    if (offset_ == info_.file_bytes) return Status::Ok();
    MENDFS_RETURN_IF_ERROR(ReadBlock());
  }
  ByteReader in(rest_);
  const size_t key_size = in.GetU32();
  const size_t payload_size = in.GetU32();
  key_ = in.GetRaw(key_size);
  payload_ = in.GetRaw(payload_size);
  if (!in.ok()) return Corrupt(info_, "a record is cut");
  rest_ = in.rest();
  valid_ = true;
  return Status::Ok();
}

}  // namespace mendfs
