// The journal: the ordered record of every acknowledged change, in segments that are files named by
// the first seq they hold.
//
//   append:  1 write the record behind the last one · 2 the caller applies it and answers
//   sync:    1 what records refer to is synced (before_flush) · 2 fdatasync the segment · 3 append
//   a
//            sync mark that says how far the journal reached before 1, with what 1 answered
//   rotate:  1 and 2 for the old segment · 3 make the new one · 4 sync it and its directory · 5
//            append the mark to it
//
// A sync mark is written after the flush it speaks of, so finding one proves that everything up to
// its seq was durable: damage before it is corruption, a bad record behind it is a torn tail. So is
// a record behind it that refers to bytes which are not there and which no mark says were synced: a
// power cut took them before they were flushed.
//
// Threads:  safe from any thread; Sync is shared by all that wait for it
// Errors:   Append: kNoSpace, kIo: the record was taken back. After a failed flush, or when a torn
//           record could not be taken back, everything answers kReadOnly with the reason
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/mutex.h"
#include "meta/base/status.h"
#include "meta/disk/disk.h"
#include "meta/journal/record_format.h"

namespace mendfs {

struct JournalRecord {
  RecordHeader header;
  std::string_view payload;  // valid during the visit
};

// Called for each change and commit in order, not for sync marks.
using RecordVisitor = std::function<Status(const JournalRecord&)>;
// Is everything there that the record refers to outside of the journal? Asked before the visit, for
// records that no sync mark proves durable.
using RecordCheck = std::function<Result<bool>(const JournalRecord&)>;
// Called with what each mark of the last segment says (JournalOptions::before_flush), before any of
// that segment's records is checked.
using MarkVisitor = std::function<Status(std::string_view)>;

struct ReplayEnd {
  Seq last;               // of the last whole record
  Seq durable;            // proven by a sync mark
  std::string tail_path;  // segment to go on in; empty: none yet
  JournalHeader tail_header;
  uint64_t tail_bytes = 0;        // whole records end here
  bool torn = false;              // something was behind them
  uint64_t records = 0;           // visited
  uint64_t unneeded_damaged = 0;  // places where records up to `after` do not verify
  std::string damage;             // the first of them
  // With ReplayReach::kVerified only: where replay stopped for damage, and the newest change whose
  // header was still seen behind it (no later than `last`: none). Empty: it reached the end.
  std::string lost;
  Seq lost_to;
};

// What replay does when it meets what was durable and does not verify.
enum class ReplayReach {
  kAll,       // refuses
  kVerified,  // stops before it; for opens that write nothing
};

// Visits every whole record with a seq above `after`. Writes nothing. Records up to `after` are not
// needed: where one does not verify, that is logged and counted, and those behind it are searched
// for by their headers. An end before the journal's is logged. Errors: kCorruption when a record
// that was durable does not verify, a segment is missing, or
//         records are out of order; kUnsupported for a newer version; what `visit` returns.
// Cost:   segments that end before `after` are not read.
Result<ReplayEnd> ReplayJournal(Disk& disk, const std::string& directory, const Id128& store,
                                Seq after, const RecordVisitor& visit,
                                const RecordCheck& is_whole = {}, const MarkVisitor& on_mark = {},
                                ReplayReach reach = ReplayReach::kAll);
// The first seq that the segments in `directory` can hold; kHeadSeq where there is no segment.
Result<Seq> FirstOfJournal(Disk& disk, const std::string& directory);

struct JournalOptions {
  // A segment that has as much is not appended to; asked when one is begun or opened.
  std::function<uint64_t()> segment_bytes = [] { return uint64_t{64} << 20; };
  // Makes durable what records refer to outside of the journal; takes no lock below the journal's.
  // Answers what is durable there now, in bytes that the flush's mark carries and replay hands
  // back.
  std::function<Result<std::string>()> before_flush;
};

class Journal {
 public:
  // Goes on where a replay ended: takes a torn tail back, opens or makes the segment.
  static Result<std::unique_ptr<Journal>> Open(Disk& disk, const std::string& directory,
                                               const Id128& store, const ReplayEnd& end,
                                               const JournalOptions& options);

  // Answers the record's seq, one above the one before.
  Result<Seq> Append(RecordKind kind, BranchId branch, int64_t time_ns, std::string_view payload);
  // Everything appended before the call is durable when this returns ok.
  Status Sync();
  // What comes goes to a new segment if the open one has `size_bytes` or more: then it is finished,
  // and what it takes can be given back once it is folded.
  Status EndSegment(uint64_t size_bytes);

  Seq last() const;
  Seq durable() const;
  uint64_t bytes() const;  // in the directory's segments
  // Why nothing can be appended any more; ok while things are well.
  Status fence() const;

  struct Segment {
    Seq first;
    Seq last;
    std::string path;
    uint64_t size_bytes = 0;
  };
  // Segments that are complete and end at or before `folded`, oldest first.
  std::vector<Segment> FinishedSegments(Seq folded) const;
  // The segment's file is gone from the directory (it became an object).
  void ForgetSegment(Seq first);

 private:
  Journal(Disk& disk, std::string directory, const Id128& store, JournalOptions options)
      : disk_(disk), directory_(std::move(directory)), store_(store), options_(options) {}

  // Answers what the mark has to carry.
  Result<std::string> FlushFile(File& file) const;
  Status StartSegment(Seq first) REQUIRES(mutex_);
  Status Rotate() REQUIRES(mutex_);
  Status WriteRecord(RecordKind kind, BranchId branch, Seq seq, int64_t time_ns,
                     std::string_view payload) REQUIRES(mutex_);
  void WriteMark(std::string_view payload) REQUIRES(mutex_);
  void Fence(const Status& why) REQUIRES(mutex_);

  Disk& disk_;
  const std::string directory_;
  const Id128 store_;
  const JournalOptions options_;

  mutable Mutex mutex_{LockRank::kJournal};
  CondVar flushed_;
  // Shared with the flush that runs outside the lock while a rotation may replace it.
  std::shared_ptr<File> file_ GUARDED_BY(mutex_);
  Segment tail_ GUARDED_BY(mutex_);
  uint64_t tail_bytes_max_ GUARDED_BY(mutex_) = 0;
  uint64_t salt_ GUARDED_BY(mutex_) = 0;
  std::vector<Segment> finished_ GUARDED_BY(mutex_);
  Seq last_ GUARDED_BY(mutex_);
  Seq durable_ GUARDED_BY(mutex_);
  bool flushing_ GUARDED_BY(mutex_) = false;
  Status fence_ GUARDED_BY(mutex_);
};

// "<20 digits>.log" and back.
std::string SegmentFileName(Seq first);
bool ParseSegmentFileName(std::string_view name, Seq& first);

}  // namespace mendfs
