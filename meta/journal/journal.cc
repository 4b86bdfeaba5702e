#include "meta/journal/journal.h"

#include <algorithm>

#include "meta/base/failpoint.h"
#include "meta/base/log.h"
#include "meta/codec/bytes.h"

namespace mendfs {

std::string SegmentFileName(Seq first) {
  std::string digits = std::to_string(first.value);
  return std::string(20 - digits.size(), '0') + digits + ".log";
}

bool ParseSegmentFileName(std::string_view name, Seq& first) {
  if (name.size() != 24 || name.substr(20) != ".log") return false;
  uint64_t value = 0;
  for (char c : name.substr(0, 20)) {
    if (c < '0' || c > '9') return false;
    const uint64_t digit = static_cast<uint64_t>(c - '0');
    if (value > (UINT64_MAX - digit) / 10) return false;
    value = value * 10 + digit;
  }
  first = Seq(value);
  return true;
}

Result<std::unique_ptr<Journal>> Journal::Open(Disk& disk, const std::string& directory,
                                               const Id128& store, const ReplayEnd& end,
                                               const JournalOptions& options) {
  std::unique_ptr<Journal> journal(new Journal(disk, directory, store, options));
  MutexLock lock(journal->mutex_);
  journal->last_ = end.last;
  journal->durable_ = end.durable;

  MENDFS_ASSIGN_OR_RETURN(auto names, disk.List(directory));
  std::vector<Segment> segments;
  for (const DirEntry& entry : names) {
    Segment segment;
    if (entry.kind != FileKind::kRegular || !ParseSegmentFileName(entry.name, segment.first)) {
      continue;
    }
    segment.path = directory + "/" + entry.name;
    MENDFS_ASSIGN_OR_RETURN(const FileInfo info, disk.Stat(segment.path));
    segment.size_bytes = info.size_bytes;
    segments.push_back(std::move(segment));
  }
  std::sort(segments.begin(), segments.end(),
            [](const Segment& a, const Segment& b) { return a.first < b.first; });
  const bool fresh_tail = end.tail_path.empty();
  const Seq tail_first = fresh_tail ? Seq(end.last.value + 1) : end.tail_header.first;
  std::erase_if(segments, [&](const Segment& segment) { return segment.first >= tail_first; });
  for (size_t i = 0; i < segments.size(); ++i) {
    const Seq next = i + 1 < segments.size() ? segments[i + 1].first : tail_first;
    segments[i].last = Seq(next.value - 1);
  }
  journal->finished_ = std::move(segments);
  if (fresh_tail) {
    MENDFS_RETURN_IF_ERROR(journal->StartSegment(tail_first));
    return journal;
  }
  // 1 what is torn is cut off · 2 the cut is durable before anything is written behind it, so that
  // old bytes can never come back behind new records.
  MENDFS_ASSIGN_OR_RETURN(auto file, disk.Open(end.tail_path, OpenMode::kReadWrite));
  if (end.torn) {
    MENDFS_RETURN_IF_ERROR(file->Truncate(end.tail_bytes));
    MENDFS_RETURN_IF_ERROR(file->Sync());
  }
  journal->file_ = std::move(file);
  journal->salt_ = end.tail_header.salt;
  journal->tail_ = {end.tail_header.first, end.last, end.tail_path, end.tail_bytes};
  journal->tail_bytes_max_ = options.segment_bytes();
  return journal;
}

Status Journal::StartSegment(Seq first) {
  const std::string path = directory_ + "/" + SegmentFileName(first);
  // A crash may have left the name with an unfinished header: nothing in it was ever acknowledged.
  MENDFS_ASSIGN_OR_RETURN(auto file, disk_.Open(path, OpenMode::kCreateOrOpen));
  JournalHeader header{store_, first, 0};
  const Id128 random = RandomId();
  header.salt =
      ByteReader(std::string_view(reinterpret_cast<const char*>(random.bytes.data()), 8)).GetU64();
  MENDFS_RETURN_IF_ERROR(file->Truncate(0));
  MENDFS_RETURN_IF_ERROR(file->WriteAt(0, EncodeJournalHeader(header)));
  MENDFS_RETURN_IF_ERROR(file->Sync());
  MENDFS_RETURN_IF_ERROR(disk_.SyncDir(directory_));
  file_ = std::move(file);
  salt_ = header.salt;
  tail_ = {first, Seq(first.value - 1), path, kJournalHeaderBytes};
  tail_bytes_max_ = options_.segment_bytes();
  return Status::Ok();
}

void Journal::Fence(const Status& why) {
  if (!fence_.ok()) return;
  fence_ = Status(Code::kReadOnly, "the journal was fenced after a failure (" + why.ToString() +
                                       "); unmount and mount again to go on");
  LogLine(LogLevel::kError, "journal", fence_.message());
}

// What is referred to first: a durable record never refers to bytes that a power cut could take.
Result<std::string> Journal::FlushFile(File& file) const {
  std::string synced;
  if (options_.before_flush) {
    MENDFS_ASSIGN_OR_RETURN(synced, options_.before_flush());
  }
  MENDFS_RETURN_IF_ERROR(file.Sync());
  return synced;
}

// A mark only proves; losing it loses nothing.
void Journal::WriteMark(std::string_view payload) {
  WriteRecord(RecordKind::kSyncMark, BranchId(), durable_, 0, payload).IgnoreError();
}

Status Journal::Rotate() {
  // A flush that runs for the old segment holds its own reference; this one covers all of it.
  const Result<std::string> synced = FlushFile(*file_);
  if (!synced.ok()) {
    Fence(synced.status());
    return fence_;
  }
  durable_ = last_;
  const Segment old = tail_;
  MENDFS_RETURN_IF_ERROR(StartSegment(Seq(last_.value + 1)));
  finished_.push_back(old);
  // What the marks of the old segment say is not looked for there.
  WriteMark(*synced);
  return fence_;
}

Status Journal::WriteRecord(RecordKind kind, BranchId branch, Seq seq, int64_t time_ns,
                            std::string_view payload) {
  RecordHeader header;
  header.kind = kind;
  header.branch = branch;
  header.seq = seq;
  header.time_ns = time_ns;
  header.payload_bytes = static_cast<uint32_t>(payload.size());
  header.payload_hash = HashXxh3Wide(payload);
  std::string record = EncodeRecordHeader(header, salt_);
  record.append(payload);
  Status written = file_->WriteAt(tail_.size_bytes, record);
  if (written.ok()) written = HitFailpoint(Failpoint::kJournalAfterAppend);
  if (!written.ok()) {
    // Half a record must not stay: a later, shorter one would end in its middle.
    Status cut = file_->Truncate(tail_.size_bytes);
    if (!cut.ok()) Fence(cut);
    return written;
  }
  tail_.size_bytes += record.size();
  return Status::Ok();
}

Result<Seq> Journal::Append(RecordKind kind, BranchId branch, int64_t time_ns,
                            std::string_view payload) {
  if (payload.size() > kRecordPayloadBytesMax) {
    return Status(Code::kTooBig, "a change of " + std::to_string(payload.size()) +
                                     " bytes is more than one record holds");
  }
  MENDFS_FAILPOINT(kJournalBeforeAppend);
  MutexLock lock(mutex_);
  MENDFS_RETURN_IF_ERROR(fence_);
  if (tail_.size_bytes >= tail_bytes_max_ && tail_.last >= tail_.first) {
    MENDFS_RETURN_IF_ERROR(Rotate());
  }
  const Seq seq(last_.value + 1);
  MENDFS_RETURN_IF_ERROR(WriteRecord(kind, branch, seq, time_ns, payload));
  last_ = seq;
  tail_.last = seq;
  return seq;
}

Status Journal::Sync() {
  MENDFS_FAILPOINT(kJournalBeforeSync);
  mutex_.Lock();
  const Seq wanted = last_;
  while (fence_.ok() && durable_ < wanted && flushing_) flushed_.Wait(mutex_);
  if (!fence_.ok() || durable_ >= wanted) {
    Status result = durable_ >= wanted ? Status::Ok() : fence_;
    mutex_.Unlock();
    return result;
  }
  // This thread flushes for all that wait.
  flushing_ = true;
  const Seq reach = last_;
  const std::shared_ptr<File> file = file_;
  mutex_.Unlock();
  const Result<std::string> flushed = FlushFile(*file);
  Status synced = flushed.status();
  if (synced.ok()) synced = HitFailpoint(Failpoint::kJournalAfterSync);
  mutex_.Lock();
  flushing_ = false;
  if (synced.ok()) {
    durable_ = std::max(durable_, reach);
    WriteMark(*flushed);
  } else {
    // A failed flush may have dropped pages: what is durable is no longer known.
    Fence(synced);
  }
  Status result = synced.ok() ? Status::Ok() : fence_;
  flushed_.NotifyAll();
  mutex_.Unlock();
  return result;
}

Status Journal::EndSegment(uint64_t size_bytes) {
  MutexLock lock(mutex_);
  MENDFS_RETURN_IF_ERROR(fence_);
  if (tail_.size_bytes < size_bytes || tail_.last < tail_.first) return Status::Ok();
  Status rotated = Rotate();
  // The next one's name may be there: no record may follow in this one, or replay would not look
  // for it. The next append tries again.
  if (!rotated.ok()) tail_bytes_max_ = 0;
  return rotated.Annotate("end a segment of the journal");
}

Seq Journal::last() const {
  MutexLock lock(mutex_);
  return last_;
}

Seq Journal::durable() const {
  MutexLock lock(mutex_);
  return durable_;
}

uint64_t Journal::bytes() const {
  MutexLock lock(mutex_);
  uint64_t total = tail_.size_bytes;
  for (const Segment& segment : finished_) total += segment.size_bytes;
  return total;
}

Status Journal::fence() const {
  MutexLock lock(mutex_);
  return fence_;
}

std::vector<Journal::Segment> Journal::FinishedSegments(Seq folded) const {
  MutexLock lock(mutex_);
  std::vector<Segment> done;
  for (const Segment& segment : finished_) {
    if (segment.last <= folded) done.push_back(segment);
  }
  return done;
}

void Journal::ForgetSegment(Seq first) {
  MutexLock lock(mutex_);
  std::erase_if(finished_, [&](const Segment& segment) { return segment.first == first; });
}

}  // namespace mendfs
