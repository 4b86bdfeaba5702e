#include "meta/disk/memory_file.h"

#include <algorithm>
#include <cstring>
#include <iterator>

namespace mendfs {
namespace {

constexpr size_t kNameBytesMax = 255;
constexpr size_t kUsualDepth = 6;  // of the names of a path

// One of `count` ways, by the same number on every machine.
uint64_t Pick(std::mt19937_64& random, uint64_t count) {
  return random() % count;
}

}  // namespace

Status MemoryBytes::FillPage(const File* base, uint64_t page, char* target) const {
  std::memset(target, 0, kMemoryPageBytes);
  const uint64_t offset = page * kMemoryPageBytes;
  if (base == nullptr || offset >= base_bytes_) return Status::Ok();
  const auto size = static_cast<size_t>(std::min(kMemoryPageBytes, base_bytes_ - offset));
  return base->ReadAt(offset, size, target).status();
}

Result<std::string*> MemoryBytes::WritablePage(const File* base, uint64_t page) {
  const auto found = pages_.find(page);
  if (found != pages_.end()) return &found->second.Own();
  std::string bytes(kMemoryPageBytes, '\0');
  MENDFS_RETURN_IF_ERROR(FillPage(base, page, bytes.data()));
  return &pages_.emplace(page, SharedCopy(std::move(bytes))).first->second.Own();
}

Result<size_t> MemoryBytes::ReadAt(const File* base, uint64_t offset, size_t size,
                                   char* target) const {
  if (offset >= size_) return size_t{0};
  const auto wanted = static_cast<size_t>(std::min<uint64_t>(size, size_ - offset));
  size_t done = 0;
  while (done < wanted) {
    const uint64_t page = (offset + done) / kMemoryPageBytes;
    const uint64_t start = (offset + done) % kMemoryPageBytes;
    const auto part =
        static_cast<size_t>(std::min(kMemoryPageBytes - start, uint64_t{wanted - done}));
    const auto found = pages_.find(page);
    if (found != pages_.end()) {
      std::memcpy(target + done, found->second->data() + start, part);
    } else {
      char bytes[kMemoryPageBytes];
      MENDFS_RETURN_IF_ERROR(FillPage(base, page, bytes));
      std::memcpy(target + done, bytes + start, part);
    }
    done += part;
  }
  return done;
}

uint64_t MemoryBytes::NewPageBytes(uint64_t offset, uint64_t size) const {
  if (size == 0 || offset > kFileBytesMax || size > kFileBytesMax - offset) return 0;
  const uint64_t first = offset / kMemoryPageBytes;
  const uint64_t end = (offset + size - 1) / kMemoryPageBytes + 1;
  const auto held = std::distance(pages_.lower_bound(first), pages_.lower_bound(end));
  return (end - first - static_cast<uint64_t>(held)) * kMemoryPageBytes;
}

Status MemoryBytes::WriteAt(const File* base, uint64_t offset, std::string_view bytes) {
  if (offset > kFileBytesMax || bytes.size() > kFileBytesMax - offset) {
    return {Code::kTooBig, "write: beyond the largest file"};
  }
  if (bytes.empty()) return Status::Ok();
  const uint64_t end = offset + bytes.size();
  while (!bytes.empty()) {
    const uint64_t start = offset % kMemoryPageBytes;
    const size_t part = std::min<size_t>(kMemoryPageBytes - start, bytes.size());
    MENDFS_ASSIGN_OR_RETURN(std::string * page, WritablePage(base, offset / kMemoryPageBytes));
    std::memcpy(page->data() + start, bytes.data(), part);
    offset += part;
    bytes.remove_prefix(part);
  }
  size_ = std::max(size_, end);
  return Status::Ok();
}

Status MemoryBytes::Truncate(const File* base, uint64_t size_bytes) {
  if (size_bytes > kFileBytesMax) return {Code::kTooBig, "truncate: beyond the largest file"};
  if (size_bytes < size_) {
    const uint64_t kept = size_bytes % kMemoryPageBytes;
    const uint64_t last = size_bytes / kMemoryPageBytes;
    // What is cut off must read as zeros when the file grows again.
    if (kept != 0) {
      MENDFS_ASSIGN_OR_RETURN(std::string * page, WritablePage(base, last));
      std::memset(page->data() + kept, 0, kMemoryPageBytes - kept);
    }
    pages_.erase(pages_.lower_bound(kept == 0 ? last : last + 1), pages_.end());
    base_bytes_ = std::min(base_bytes_, size_bytes);
  }
  size_ = size_bytes;
  return Status::Ok();
}

// Reads and writes without a base cannot fail but for the size, which the first of the two checks.
size_t CrashableBytes::ReadAt(uint64_t offset, size_t size, char* target) const {
  return current_->ReadAt(nullptr, offset, size, target).value();
}

Status CrashableBytes::WriteAt(uint64_t offset, std::string_view bytes) {
  MENDFS_RETURN_IF_ERROR(current_.Own().WriteAt(nullptr, offset, bytes));
  unsynced_.push_back(
      {.truncates = false, .offset = offset, .bytes = std::make_shared<const std::string>(bytes)});
  return Status::Ok();
}

Status CrashableBytes::Truncate(uint64_t size_bytes) {
  MENDFS_RETURN_IF_ERROR(current_.Own().Truncate(nullptr, size_bytes));
  unsynced_.push_back({.truncates = true, .offset = size_bytes, .bytes = {}});
  return Status::Ok();
}

void CrashableBytes::FlipBit(uint64_t offset, unsigned bit) {
  for (MemoryBytes* bytes : {&current_.Own(), &durable_.Own()}) {
    char byte = 0;
    if (bytes->ReadAt(nullptr, offset, 1, &byte).value() == 0) continue;
    byte = static_cast<char>(byte ^ (1 << (bit % 8)));
    bytes->WriteAt(nullptr, offset, {&byte, 1}).IgnoreError();
  }
}

void CrashableBytes::MakeDurable(const Change& change) {
  if (change.truncates) {
    durable_.Own().Truncate(nullptr, change.offset).IgnoreError();
  } else {
    durable_.Own().WriteAt(nullptr, change.offset, *change.bytes).IgnoreError();
  }
}

// Where no failed sync has come between, what is durable then is what readers see.
void CrashableBytes::Sync() {
  if (lost_sync_) {
    for (const Change& change : unsynced_) MakeDurable(change);
  } else {
    durable_ = current_;
  }
  unsynced_.clear();
}

// Everything up to some write, which is torn at some byte.
void CrashableBytes::KeepPrefix(std::mt19937_64& random) {
  const uint64_t whole = Pick(random, unsynced_.size() + 1);
  for (uint64_t index = 0; index < whole; ++index) MakeDurable(unsynced_[index]);
  if (whole == unsynced_.size()) return;
  const Change& torn = unsynced_[whole];
  if (torn.truncates || torn.bytes->empty()) return;
  const size_t kept = Pick(random, torn.bytes->size());
  durable_.Own()
      .WriteAt(nullptr, torn.offset, std::string_view(*torn.bytes).substr(0, kept))
      .IgnoreError();
}

// Each sector of each write by itself; the last one of a write may be torn.
void CrashableBytes::KeepSectors(std::mt19937_64& random) {
  for (const Change& change : unsynced_) {
    if (change.truncates) {
      if (Pick(random, 2) == 0) MakeDurable(change);
      continue;
    }
    const std::string_view bytes = *change.bytes;
    size_t start = 0;
    while (start < bytes.size()) {
      const uint64_t offset = change.offset + start;
      const size_t part =
          std::min<size_t>(kSectorBytes - offset % kSectorBytes, bytes.size() - start);
      const bool is_last = start + part == bytes.size();
      if (Pick(random, 2) == 0) {
        const size_t kept = is_last && Pick(random, 2) == 0 ? Pick(random, part) : part;
        durable_.Own().WriteAt(nullptr, offset, bytes.substr(start, kept)).IgnoreError();
      }
      start += part;
    }
  }
}

void CrashableBytes::PowerCut(std::mt19937_64* random) {
  if (random != nullptr && !unsynced_.empty()) {
    switch (Pick(*random, 4)) {
      case 0: break;  // nothing
      case 1: Sync(); break;
      case 2: KeepPrefix(*random); break;
      default:
        KeepSectors(*random);
        // The size reached the disk, the bytes behind it did not.
        if (durable_->size() < current_->size() && Pick(*random, 4) == 0) {
          durable_.Own().Truncate(nullptr, current_->size()).IgnoreError();
        }
    }
  }
  unsynced_.clear();
  lost_sync_ = false;
  current_ = durable_;
}

Result<std::vector<std::string_view>> SplitPath(std::string_view path) {
  std::vector<std::string_view> names;
  names.reserve(kUsualDepth);
  if (path.empty()) return Status(Code::kNotFound, "an empty path");
  size_t start = 0;
  while (start < path.size()) {
    const size_t slash = std::min(path.find('/', start), path.size());
    const std::string_view name = path.substr(start, slash - start);
    start = slash + 1;
    if (name.empty() || name == ".") continue;
    if (name == ".." || name.find('\0') != std::string_view::npos) {
      return Status(Code::kInvalid, "path " + std::string(path) + ": holds \"..\" or a NUL byte");
    }
    if (name.size() > kNameBytesMax) {
      return Status(Code::kNameTooLong, "path " + std::string(path) + ": a name over 255 bytes");
    }
    names.push_back(name);
  }
  return names;
}

}  // namespace mendfs
