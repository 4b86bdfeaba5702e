// Reading the journal back. See journal.h.
#include <algorithm>

#include "meta/codec/bytes.h"
#include "meta/journal/journal.h"

namespace mendfs {
namespace {

struct FoundSegment {
  Seq first;
  std::string path;
};

Result<std::vector<FoundSegment>> FindSegments(Disk& disk, const std::string& directory) {
  MENDFS_ASSIGN_OR_RETURN(auto entries, disk.List(directory));
  std::vector<FoundSegment> found;
  for (const DirEntry& entry : entries) {
    Seq first;
    if (entry.kind != FileKind::kRegular || !ParseSegmentFileName(entry.name, first)) continue;
    found.push_back({first, directory + "/" + entry.name});
  }
  std::sort(found.begin(), found.end(),
            [](const FoundSegment& a, const FoundSegment& b) { return a.first < b.first; });
  return found;
}

Result<std::string> ReadRange(const File& file, uint64_t offset, size_t size) {
  std::string bytes(size, '\0');
  MENDFS_ASSIGN_OR_RETURN(const size_t got, file.ReadAt(offset, size, bytes.data()));
  bytes.resize(got);
  return bytes;
}

// One segment's records, from the front.
class SegmentWalk {
 public:
  SegmentWalk(const File& file, uint64_t size_bytes, uint64_t salt)
      : file_(file), size_(size_bytes), salt_(salt) {}

  // The record at offset(), or kCorruption when none verifies there.
  Result<RecordHeader> Peek(std::string& payload) const {
    MENDFS_ASSIGN_OR_RETURN(const std::string head, ReadRange(file_, offset_, kRecordHeaderBytes));
    MENDFS_ASSIGN_OR_RETURN(const RecordHeader header, DecodeRecordHeader(head, salt_));
    if (header.payload_bytes > size_ - offset_ - kRecordHeaderBytes) {
      return Status(Code::kCorruption, "payload cut short");
    }
    MENDFS_ASSIGN_OR_RETURN(payload,
                            ReadRange(file_, offset_ + kRecordHeaderBytes, header.payload_bytes));
    if (payload.size() != header.payload_bytes || HashXxh3Wide(payload) != header.payload_hash) {
      return Status(Code::kCorruption, "payload fails its checksum");
    }
    return header;
  }

  void Skip(const RecordHeader& header) { offset_ += kRecordHeaderBytes + header.payload_bytes; }
  bool AtEnd() const { return offset_ >= size_; }
  uint64_t offset() const { return offset_; }

  // The last sync mark, by headers alone; each verifies for itself.
  Result<Seq> LastMark() const {
    Seq last;
    for (uint64_t at = kJournalHeaderBytes; at < size_;) {
      MENDFS_ASSIGN_OR_RETURN(const std::string head, ReadRange(file_, at, kRecordHeaderBytes));
      const auto header = DecodeRecordHeader(head, salt_);
      if (!header.ok()) break;
      if (header->kind == RecordKind::kSyncMark) last = std::max(last, header->seq);
      at += kRecordHeaderBytes + header->payload_bytes;
    }
    return last;
  }

  // Is there, behind the bad record here, a mark that proves it had been durable?
  Result<bool> DurableBehind(Seq bad) const {
    constexpr size_t kStep = 1 << 20;
    for (uint64_t at = offset_ + 1; at < size_; at += kStep) {
      MENDFS_ASSIGN_OR_RETURN(const std::string bytes,
                              ReadRange(file_, at, kStep + kRecordHeaderBytes - 1));
      for (size_t i = 0; i + kRecordHeaderBytes <= bytes.size(); ++i) {
        if (bytes[i] != 'M' || bytes[i + 1] != 'J') continue;
        auto header = DecodeRecordHeader(std::string_view(bytes).substr(i), salt_);
        if (header.ok() && header->kind == RecordKind::kSyncMark && header->seq >= bad) return true;
      }
    }
    return false;
  }

 private:
  const File& file_;
  const uint64_t size_;
  const uint64_t salt_;
  uint64_t offset_ = kJournalHeaderBytes;
};

Status Damaged(const std::string& path, uint64_t offset, std::string_view what) {
  return Status(Code::kCorruption, "journal segment " + path + " at byte " +
                                       std::to_string(offset) + ": " + std::string(what) +
                                       "; nothing was changed, run fsck.mendfs on the store");
}

// Visits one segment; fills the tail of `end`.
Status ReplaySegment(Disk& disk, const FoundSegment& segment, const Id128& store, bool last_segment,
                     Seq after, const RecordVisitor& visit, const RecordCheck& is_whole,
                     ReplayEnd& end) {
  MENDFS_ASSIGN_OR_RETURN(auto file, disk.Open(segment.path, OpenMode::kRead));
  MENDFS_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  MENDFS_ASSIGN_OR_RETURN(const std::string head, ReadRange(*file, 0, kJournalHeaderBytes));
  auto header = DecodeJournalHeader(head);
  if (!header.ok()) {
    if (header.status().code() == Code::kUnsupported) return header.status();
    // Born just before a crash: it is synced with its header before it takes a record.
    if (last_segment && size <= kJournalHeaderBytes) {
      end.tail_path.clear();
      return Status::Ok();
    }
    return Damaged(segment.path, 0, header.status().message());
  }
  if (header->store != store) return Damaged(segment.path, 0, "it belongs to another store");
  if (header->first != segment.first) return Damaged(segment.path, 0, "its name and header differ");

  Seq expected = segment.first;
  SegmentWalk walk(*file, size, header->salt);
  std::string payload;
  end.torn = false;
  // Other segments were flushed, with what they refer to, before the next one was begun.
  Seq proven(UINT64_MAX);
  if (last_segment && is_whole) {
    MENDFS_ASSIGN_OR_RETURN(proven, walk.LastMark());
  }
  while (!walk.AtEnd()) {
    auto record = walk.Peek(payload);
    if (!record.ok()) {
      if (record.status().code() != Code::kCorruption) return record.status();
      MENDFS_ASSIGN_OR_RETURN(const bool was_durable, walk.DurableBehind(expected));
      if (!last_segment || was_durable) {
        return Damaged(segment.path, walk.offset(), record.status().message());
      }
      end.torn = true;
      break;
    }
    if (record->kind == RecordKind::kSyncMark) {
      end.durable = std::max(end.durable, record->seq);
    } else {
      if (record->seq != expected)
        return Damaged(segment.path, walk.offset(), "records out of order");
      if (expected > after && expected > proven) {
        MENDFS_ASSIGN_OR_RETURN(bool whole, is_whole({*record, payload}));
        // Bytes that were durable and are damaged now are told to whoever reads them.
        if (!whole) {
          MENDFS_ASSIGN_OR_RETURN(whole, walk.DurableBehind(expected));
        }
        if (!whole) {
          end.torn = true;
          break;
        }
      }
      if (expected > after) {
        MENDFS_RETURN_IF_ERROR(visit({*record, payload}));
        ++end.records;
      }
      end.last = std::max(end.last, expected);
      expected = Seq(expected.value + 1);
    }
    walk.Skip(*record);
  }
  end.tail_path = segment.path;
  end.tail_header = *header;
  end.tail_bytes = walk.offset();
  return Status::Ok();
}

}  // namespace

Result<ReplayEnd> ReplayJournal(Disk& disk, const std::string& directory, const Id128& store,
                                Seq after, const RecordVisitor& visit,
                                const RecordCheck& is_whole) {
  MENDFS_ASSIGN_OR_RETURN(auto segments, FindSegments(disk, directory));
  ReplayEnd end;
  // Skip what ends before `after`: a segment ends where the next one begins.
  size_t begin = 0;
  while (begin + 1 < segments.size() && segments[begin + 1].first.value <= after.value + 1) ++begin;
  if (!segments.empty()) {
    end.last = Seq(segments[begin].first.value - 1);
    if (end.last > after) end.last = after;  // a gap, reported below
  }
  end.durable = std::min(end.last, after);
  for (size_t i = begin; i < segments.size(); ++i) {
    if (segments[i].first.value > end.last.value + 1) {
      return Status(Code::kCorruption, "journal: changes " + std::to_string(end.last.value + 1) +
                                           " to " + std::to_string(segments[i].first.value - 1) +
                                           " are missing before " + segments[i].path +
                                           "; nothing was changed, run fsck.mendfs on the store");
    }
    MENDFS_RETURN_IF_ERROR(ReplaySegment(disk, segments[i], store, i + 1 == segments.size(), after,
                                         visit, is_whole, end));
  }
  // A fold never runs ahead of the flushed journal, so a journal that ends earlier has lost
  // records.
  if (end.last < after || (segments.empty() && after > Seq(0))) {
    return Status(Code::kCorruption, "journal " + directory + " ends at change " +
                                         std::to_string(end.last.value) + ", the manifest holds " +
                                         std::to_string(after.value) +
                                         "; nothing was changed, run fsck.mendfs on the store");
  }
  return end;
}

}  // namespace mendfs
