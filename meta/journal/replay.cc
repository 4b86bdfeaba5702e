// Reading the journal back. See journal.h.
#include <algorithm>
#include <optional>
#include <utility>

#include "meta/base/log.h"
#include "meta/codec/bytes.h"
#include "meta/journal/journal.h"
#include "meta/journal/replay_defects.h"

namespace mendfs {
namespace {

ReplayDefects planted_defects;

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

  // The header of the record at offset(), or kCorruption when none verifies there.
  Result<RecordHeader> Peek() const {
    MENDFS_ASSIGN_OR_RETURN(const std::string head, ReadRange(file_, offset_, kRecordHeaderBytes));
    MENDFS_ASSIGN_OR_RETURN(const RecordHeader header, DecodeRecordHeader(head, salt_));
    if (header.payload_bytes > size_ - offset_ - kRecordHeaderBytes) {
      return Status(Code::kCorruption, "payload cut short");
    }
    return header;
  }

  Result<std::string> PayloadOf(const RecordHeader& header) const {
    return ReadPayload(header, offset_);
  }

  void Skip(const RecordHeader& header) { offset_ += kRecordHeaderBytes + header.payload_bytes; }
  void GoTo(uint64_t offset) { offset_ = offset; }
  bool AtEnd() const { return offset_ >= size_; }
  uint64_t offset() const { return offset_; }
  uint64_t size() const { return size_; }

  // The last sync mark, by headers alone; each verifies for itself. What marks say is visited when
  // it verifies too: a mark that is older says less, and is as true.
  Result<Seq> VisitMarks(const MarkVisitor& visit) const {
    Seq last;
    for (uint64_t at = kJournalHeaderBytes; at < size_;) {
      MENDFS_ASSIGN_OR_RETURN(const std::string head, ReadRange(file_, at, kRecordHeaderBytes));
      const auto header = DecodeRecordHeader(head, salt_);
      if (!header.ok()) break;
      if (header->kind == RecordKind::kSyncMark) {
        last = std::max(last, header->seq);
        const auto said = ReadPayload(*header, at);
        if (visit && said.ok()) MENDFS_RETURN_IF_ERROR(visit(*said));
      }
      at += kRecordHeaderBytes + header->payload_bytes;
    }
    return last;
  }

  // Changes and commits from here on, by headers alone, up to the first that does not verify.
  uint64_t CountFromHere() const {
    uint64_t count = 0;
    for (uint64_t at = offset_; at < size_;) {
      const auto head = ReadRange(file_, at, kRecordHeaderBytes);
      if (!head.ok()) break;
      const auto header = DecodeRecordHeader(*head, salt_);
      if (!header.ok()) break;
      if (header->kind != RecordKind::kSyncMark) ++count;
      at += kRecordHeaderBytes + header->payload_bytes;
    }
    return count;
  }

  // Is there, behind the bad record here, a mark that proves it had been durable?
  Result<bool> DurableBehind(Seq bad) const {
    MENDFS_ASSIGN_OR_RETURN(const auto found, Search([bad](const RecordHeader& header) {
                              return header.kind == RecordKind::kSyncMark && header.seq >= bad;
                            }));
    return found.has_value();
  }

  using Found = std::pair<uint64_t, RecordHeader>;  // where a record begins
  // The first change or commit behind the bad record here.
  Result<std::optional<Found>> FindNext() const {
    return Search([](const RecordHeader& header) { return header.kind != RecordKind::kSyncMark; });
  }

  // The newest change that any header here speaks of, found where they do not follow each other
  // too.
  Seq NewestOf() const {
    Seq newest;
    static_cast<void>(Search([&newest](const RecordHeader& header) {
      newest = std::max(newest, header.seq);
      return false;
    }));
    return newest;
  }

 private:
  // The first header behind offset() that verifies and is wanted. The salt keeps bytes
  // of users from passing for one.
  template <typename Wanted>
  Result<std::optional<Found>> Search(const Wanted& wanted) const {
    constexpr size_t kStep = 1 << 20;
    for (uint64_t at = offset_ + 1; at < size_; at += kStep) {
      MENDFS_ASSIGN_OR_RETURN(const std::string bytes,
                              ReadRange(file_, at, kStep + kRecordHeaderBytes - 1));
      for (size_t i = 0; i + kRecordHeaderBytes <= bytes.size(); ++i) {
        if (bytes[i] != 'M' || bytes[i + 1] != 'J') continue;
        const auto header = DecodeRecordHeader(std::string_view(bytes).substr(i), salt_);
        if (header.ok() && wanted(*header)) return std::optional<Found>({at + i, *header});
      }
    }
    return std::optional<Found>();
  }

  Result<std::string> ReadPayload(const RecordHeader& header, uint64_t at) const {
    MENDFS_ASSIGN_OR_RETURN(std::string payload,
                            ReadRange(file_, at + kRecordHeaderBytes, header.payload_bytes));
    const bool fits =
        planted_defects.ignore_payload_checksums || HashXxh3Wide(payload) == header.payload_hash;
    if (payload.size() != header.payload_bytes || !fits) {
      return Status(Code::kCorruption, "payload fails its checksum");
    }
    return payload;
  }

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

struct Request {
  Disk& disk;
  const Id128& store;
  const Seq after;
  const RecordVisitor& visit;
  const RecordCheck& is_whole;
  const MarkVisitor& on_mark;
};

// One segment, record by record; fills the tail of `end`.
class SegmentReplay {
 public:
  SegmentReplay(const Request& request, const FoundSegment& segment, bool is_last, SegmentWalk walk,
                ReplayEnd& end)
      : request_(request), segment_(segment), is_last_(is_last), walk_(walk), end_(end) {}

  Status Run() {
    end_.torn = false;
    // Other segments were flushed, with what they refer to, before the next one was begun.
    if (is_last_ && request_.is_whole) {
      MENDFS_ASSIGN_OR_RETURN(proven_, walk_.VisitMarks(request_.on_mark));
    }
    while (!end_.torn && !walk_.AtEnd()) MENDFS_RETURN_IF_ERROR(Step());
    end_.tail_bytes = walk_.offset();
    return Status::Ok();
  }

 private:
  Status Step() {
    const auto header = walk_.Peek();
    if (!header.ok()) return PassBy(header.status());
    auto payload = walk_.PayloadOf(*header);
    if (!payload.ok()) {
      // What a mark proves its header says, and what is folded is needed no more.
      const bool is_mark = header->kind == RecordKind::kSyncMark;
      if (!is_mark && header->seq > request_.after) return EndAt(payload.status());
      if (!is_mark) NoteUnneeded(header->seq, walk_.offset(), payload.status());
      payload = std::string();
    }
    if (header->kind == RecordKind::kSyncMark) {
      end_.durable = std::max(end_.durable, header->seq);
      walk_.Skip(*header);
      return Status::Ok();
    }
    if (header->seq != expected_) {
      return Damaged(segment_.path, walk_.offset(), "records out of order");
    }
    if (expected_ > request_.after) {
      const JournalRecord record{*header, *payload};
      MENDFS_ASSIGN_OR_RETURN(const bool whole, IsWhole(record));
      if (!whole) return CutHere("it refers to bytes that were not flushed and do not verify");
      MENDFS_RETURN_IF_ERROR(request_.visit(record));
      ++end_.records;
    }
    end_.last = std::max(end_.last, expected_);
    expected_ = Seq(expected_.value + 1);
    walk_.Skip(*header);
    return Status::Ok();
  }

  Result<bool> IsWhole(const JournalRecord& record) const {
    if (expected_ <= proven_) return true;
    MENDFS_ASSIGN_OR_RETURN(const bool whole, request_.is_whole(record));
    if (whole) return true;
    // Bytes that were durable and are damaged now are told to whoever reads them.
    return walk_.DurableBehind(expected_);
  }

  // No header verifies here. Records that are folded are not needed, nor is a mark: the one behind
  // them is found by its header. Where there is none, the journal goes on in a new segment.
  Status PassBy(const Status& why) {
    if (why.code() != Code::kCorruption) return why;
    const uint64_t bad = walk_.offset();
    const Seq needed(std::max(expected_.value, request_.after.value + 1));
    MENDFS_ASSIGN_OR_RETURN(const auto next, walk_.FindNext());
    if (next && next->second.seq >= expected_ && next->second.seq <= needed) {
      // Marks are never flushed by themselves: a power cut may take one and leave what is behind
      // it.
      if (next->second.seq > expected_) NoteUnneeded(expected_, bad, why);
      expected_ = next->second.seq;
      end_.last = std::max(end_.last, Seq(expected_.value - 1));
      walk_.GoTo(next->first);
      return Status::Ok();
    }
    if (next || expected_ > request_.after) return EndAt(why);
    MENDFS_ASSIGN_OR_RETURN(const bool lost, walk_.DurableBehind(needed));
    if (lost) return Damaged(segment_.path, bad, why.message());
    NoteUnneeded(expected_, bad, why);
    end_.last = std::max(end_.last, request_.after);
    end_.tail_path.clear();
    walk_.GoTo(walk_.size());
    return Status::Ok();
  }

  // Nothing verifies here: damage, or the end.
  Status EndAt(const Status& why) {
    if (why.code() != Code::kCorruption) return why;
    MENDFS_ASSIGN_OR_RETURN(const bool was_durable, walk_.DurableBehind(expected_));
    if (!is_last_ || was_durable) return Damaged(segment_.path, walk_.offset(), why.message());
    return CutHere(why.message());
  }

  Status CutHere(const std::string& why) {
    end_.torn = true;
    LogLine(LogLevel::kWarning, "journal",
            "replay ends before the journal does; no mark says that what stands behind was flushed",
            {{"segment", segment_.path},
             {"byte", std::to_string(walk_.offset())},
             {"dropped_bytes", std::to_string(walk_.size() - walk_.offset())},
             {"last_change", std::to_string(expected_.value - 1)},
             {"dropped_changes_seen", std::to_string(walk_.CountFromHere())},
             {"reason", why}});
    return Status::Ok();
  }

  void NoteUnneeded(Seq seq, uint64_t byte, const Status& why) {
    if (end_.unneeded_damaged++ == 0) {
      end_.damage = "journal segment " + segment_.path + " at byte " + std::to_string(byte) + ": " +
                    why.message() + " (change " + std::to_string(seq.value) + ")";
    }
    LogLine(LogLevel::kWarning, "journal",
            "a record that is not needed any more is damaged; nothing is lost, the disk may fail",
            {{"segment", segment_.path},
             {"byte", std::to_string(byte)},
             {"seq", std::to_string(seq.value)},
             {"reason", why.ToString()}});
  }

  const Request& request_;
  const FoundSegment& segment_;
  const bool is_last_;
  SegmentWalk walk_;
  ReplayEnd& end_;
  Seq expected_ = segment_.first;
  Seq proven_{UINT64_MAX};
};

Status ReplaySegment(const Request& request, const FoundSegment& segment, bool is_last,
                     ReplayEnd& end) {
  MENDFS_ASSIGN_OR_RETURN(auto file, request.disk.Open(segment.path, OpenMode::kRead));
  MENDFS_ASSIGN_OR_RETURN(const uint64_t size, file->Size());
  MENDFS_ASSIGN_OR_RETURN(const std::string head, ReadRange(*file, 0, kJournalHeaderBytes));
  auto header = DecodeJournalHeader(head);
  if (!header.ok()) {
    if (header.status().code() == Code::kUnsupported) return header.status();
    // Born just before a crash: it is synced with its header before it takes a record.
    if (is_last && size <= kJournalHeaderBytes) {
      end.tail_path.clear();
      return Status::Ok();
    }
    return Damaged(segment.path, 0, header.status().message());
  }
  if (header->store != request.store) {
    return Damaged(segment.path, 0, "it belongs to another store");
  }
  if (header->first != segment.first) return Damaged(segment.path, 0, "its name and header differ");
  end.tail_path = segment.path;
  end.tail_header = *header;
  return SegmentReplay(request, segment, is_last, SegmentWalk(*file, size, header->salt), end)
      .Run();
}

Status ReplaySegments(const Request& request, const std::string& directory,
                      const std::vector<FoundSegment>& segments, ReplayEnd& end) {
  const Seq after = request.after;
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
    MENDFS_RETURN_IF_ERROR(ReplaySegment(request, segments[i], i + 1 == segments.size(), end));
  }
  // A fold never runs ahead of the flushed journal, so a journal that ends earlier has lost
  // records.
  if (end.last < after || (segments.empty() && after > Seq(0))) {
    return Status(Code::kCorruption, "journal " + directory + " ends at change " +
                                         std::to_string(end.last.value) + ", the manifest holds " +
                                         std::to_string(after.value) +
                                         "; nothing was changed, run fsck.mendfs on the store");
  }
  return Status::Ok();
}

// The newest change whose header verifies anywhere behind `last`: how much may be missing, at
// least.
Seq NewestSeen(const Request& request, const std::vector<FoundSegment>& segments, Seq last) {
  Seq newest = last;
  for (size_t i = 0; i < segments.size(); ++i) {
    if (i + 1 < segments.size() && segments[i + 1].first <= last) continue;
    newest = std::max(newest, Seq(segments[i].first.value - 1));
    auto file = request.disk.Open(segments[i].path, OpenMode::kRead);
    if (!file.ok()) continue;
    const auto size = (*file)->Size();
    const auto head = ReadRange(**file, 0, kJournalHeaderBytes);
    if (!size.ok() || !head.ok()) continue;
    const auto header = DecodeJournalHeader(*head);
    if (!header.ok() || header->store != request.store) continue;
    newest = std::max(newest, SegmentWalk(**file, *size, header->salt).NewestOf());
  }
  return newest;
}

}  // namespace

void PlantReplayDefects(const ReplayDefects& defects) {
  planted_defects = defects;
}

Result<Seq> FirstOfJournal(Disk& disk, const std::string& directory) {
  MENDFS_ASSIGN_OR_RETURN(const auto segments, FindSegments(disk, directory));
  return segments.empty() ? kHeadSeq : segments.front().first;
}

Result<ReplayEnd> ReplayJournal(Disk& disk, const std::string& directory, const Id128& store,
                                Seq after, const RecordVisitor& visit, const RecordCheck& is_whole,
                                const MarkVisitor& on_mark, ReplayReach reach) {
  MENDFS_ASSIGN_OR_RETURN(const auto segments, FindSegments(disk, directory));
  const Request request{disk, store, after, visit, is_whole, on_mark};
  ReplayEnd end;
  const Status replayed = ReplaySegments(request, directory, segments, end);
  if (replayed.ok()) return end;
  if (reach == ReplayReach::kAll || replayed.code() != Code::kCorruption) return replayed;
  end.lost = replayed.message();
  end.last = std::max(end.last, after);
  end.lost_to = NewestSeen(request, segments, end.last);
  return end;
}

}  // namespace mendfs
