// Failpoints: named instants in the write paths where a test can make the world go wrong.
//
// The catalogue below is complete: a failpoint that is not in it does not compile, and the matrix
// test fails for one that no workload reaches. The comment says what is durable at that instant.
//
// Threads:  armed and hit from any thread
// Cost:     one relaxed load while nothing is armed or counted
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "meta/base/status.h"

namespace mendfs {

// X(enumerator, dotted name, what is durable at this instant)
#define MENDFS_FAILPOINTS(X)                                                                      \
  X(kJournalBeforeAppend, "journal.before_append", "nothing of this record")                      \
  X(kJournalAfterAppend, "journal.after_append", "the record may be, unsynced; not yet applied")  \
  X(kJournalBeforeSync, "journal.before_sync", "records since the last sync point may be")        \
  X(kJournalAfterSync, "journal.after_sync", "all records up to the sync mark")                   \
  X(kFoldBeforeWrite, "fold.before_write", "the journal; LevelDB at the older position")          \
  X(kFoldBetweenParts, "fold.between_parts", "the journal; parts of the set, the older position") \
  X(kFoldAfterWrite, "fold.after_write", "the journal and LevelDB, at the new position")          \
  X(kRewriteBeforeWrite, "rewrite.before_write", "LevelDB with the entries as they were")         \
  X(kRewriteAfterWrite, "rewrite.after_write", "LevelDB with all of the edits")                   \
  X(kCommitBeforeClose, "commit.before_close", "the changes; no commit row")                      \
  X(kCommitAfterClose, "commit.after_close", "the commit row, unsynced")                          \
  X(kObjectBeforeSync, "object.before_sync", "a staging file, unsynced")                          \
  X(kObjectBeforeRename, "object.before_rename", "the staging file's bytes, not its final name")  \
  X(kObjectAfterRename, "object.after_rename", "bytes; the final name may be")                    \
  X(kPackAfterCreate, "pack.after_create", "an empty staging file that nothing names")            \
  X(kPackAfterName, "pack.after_name", "the staging file; its naming record may be")              \
  X(kPackAfterAppend, "pack.after_append", "bytes of a run may be; no record refers to them")     \
  X(kPackAfterSync, "pack.after_sync", "the bytes of all packs; their records may be")            \
  X(kPackAfterSeal, "pack.after_seal", "the sealed pack; its row still says that it is open")     \
  X(kBlobAfterCreate, "blob.after_create", "an empty staging file that nothing names")            \
  X(kBlobAfterName, "blob.after_name", "the staging file; its naming record may be")              \
  X(kBlobAfterAppend, "blob.after_append", "bytes of a run may be; no record refers to them")     \
  X(kBlobAfterSync, "blob.after_sync", "the bytes of all blobs; their records may be")            \
  X(kBlobAfterMeta, "blob.after_meta", "its .meta under its final name, the blob in staging")     \
  X(kBlobAfterSeal, "blob.after_seal", "the sealed blob; its row still says that it is open")     \
  X(kJournalBeforeSeal, "journal.before_seal",                                                    \
    "a doomed row for the object; the segment as it was")                                         \
  X(kJournalAfterSeal, "journal.after_seal", "the sealed journal, doomed: no row of its own")     \
  X(kMoveAfterCopy, "move.after_copy", "copies of what is live in packs; nothing refers to them") \
  X(kMoveAfterRewrite, "move.after_rewrite", "entries that refer to the copies, or as they were") \
  X(kRemoveAfterRecord, "remove.after_record", "the objects; the record that dooms them may be")  \
  X(kRemoveAfterFlush, "remove.after_flush", "the objects and the record that dooms them")        \
  X(kRemoveAfterFiles, "remove.after_files", "the doomed rows; the files are gone")               \
  X(kLoadAfterInput, "load.after_input", "sort runs of the input; nothing refers to them")        \
  X(kIntentBeforeSidecar, "intent.before_sidecar", "nothing of this multi-step write")            \
  X(kIntentAfterSidecar, "intent.after_sidecar", "the sidecar, unconfirmed; none of its objects") \
  X(kIntentBeforeConfirm, "intent.before_confirm", "its objects; the sidecar, unconfirmed")       \
  X(kIntentAfterConfirm, "intent.after_confirm", "its objects; the sidecar, with the plan")       \
  X(kIntentAfterPublish, "intent.after_publish", "as before; the record and its audit row")       \
  X(kIntentAfterFlush, "intent.after_flush", "all of it, with its commit; the sidecar")           \
  X(kIntentAfterClear, "intent.after_clear", "all of it; the sidecar is gone")                    \
  X(kRecoverBeforeDecide, "recover.before_decide", "the sidecar as it was found")                 \
  X(kRecoverAfterAudit, "recover.after_audit", "the audit row of a discard; objects, sidecar")    \
  X(kRecoverAfterObjects, "recover.after_objects", "as before; its objects are gone or may be")   \
  X(kSweepBeforeChunk, "sweep.before_chunk", "the delete and what it owes; earlier chunks")       \
  X(kSweepAfterChunk, "sweep.after_chunk", "as before; this chunk may be, unsynced")              \
  X(kHistoryAfterDrop, "history.after_drop", "that commits are gone may be; all their values")    \
  X(kHistoryAfterFold, "history.after_fold", "that commits are gone, folded; all their values")   \
  X(kHistoryAfterChunk, "history.after_chunk", "as before; some values are gone")                 \
  X(kHistoryAfterLast, "history.after_last", "all is gone; that it was owed is still said")       \
  X(kSnapshotAfterPin, "snapshot.after_pin", "the commit; nothing of the snapshot")               \
  X(kSnapshotAfterRow, "snapshot.after_row", "the commit; the snapshot's row may be")             \
  X(kSnapshotAfterClear, "snapshot.after_clear", "the commit; that the row is gone may be")

enum class Failpoint : unsigned char {
#define MENDFS_FAILPOINT_ENUM(enumerator, name, durable) enumerator,
  MENDFS_FAILPOINTS(MENDFS_FAILPOINT_ENUM)
#undef MENDFS_FAILPOINT_ENUM
      kCount
};

enum class FailAction : unsigned char {
  kNone,
  kError,    // the instant answers kIo
  kNoSpace,  // the instant answers kNoSpace
  kCrash,    // _exit(85)
  kDelay,    // 50 ms, then goes on
  kPark,     // waits until the failpoints are disarmed, 5 s at most, then goes on
  kCall,     // calls what CallAtFailpoint was given, then goes on
};

std::string_view FailpointName(Failpoint point);
std::string_view FailpointDurable(Failpoint point);

// The k-th hit from now (1 = the next) acts; later hits do not.
void ArmFailpoint(Failpoint point, FailAction action, unsigned hit = 1);
// The k-th hit calls `call`, which must not pass a failpoint or take a lock that stands at the hit.
void CallAtFailpoint(Failpoint point, std::function<void()> call, unsigned hit = 1);
void DisarmFailpoints();
// "journal.after_append=crash:3,fold.before_write=error", with the actions error, no-space, crash,
// delay and park; kInvalid names the word that is wrong, and then nothing of the text is armed.
Status ArmFailpointsFromText(std::string_view text);
// Counts every hit from now on; without it, hits count only while something is armed.
void CountFailpointHits();
// How often each was passed while hits were counted, in the order of the catalogue.
std::vector<uint64_t> FailpointHits();

// Ok, or what the armed action says.
Status HitFailpoint(Failpoint point);

}  // namespace mendfs

#define MENDFS_FAILPOINT(point) \
  MENDFS_RETURN_IF_ERROR(::mendfs::HitFailpoint(::mendfs::Failpoint::point))
