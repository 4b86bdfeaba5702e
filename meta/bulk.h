// Bulk work on tables: load and export, out of core.
//
// A load is one commit or nothing. Lines stream in, in any order; they are sorted on disk, checked
// (keys, duplicates, endpoints, every constraint, all over the state that it leaves) and written as
// segments, which one journal record publishes. Memory is bounded by LoadOptions, whatever the size
// of the input and of the tables.
//
//   append   keys that are there are refused
//   merge    a row that is there gets the new body and keeps its number, attributes and edges
//   replace  as merge, and of each type that the input names the rows that it does not have go,
//            with their edges; an edge with @ondelete(restrict) refuses that. Other types stay
//
// Threads:  a Loader belongs to one thread
// Errors:   kInvalid when lines were refused (LoadSummary tells which; nothing changed), else as
//           meta/tables.h
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/store.h"
#include "meta/table/text/line_stream.h"

namespace mendfs {

enum class LoadMode { kAppend, kMerge, kReplace };

// How rows are written: docs/user/cli.md. CSV and TSV hold one type each: LoadOptions::type, or the
// file's name, <Type>.csv.
enum class TableFormat { kByName, kJsonLines, kCsv, kTsv };

struct LoadOptions {
  LoadMode mode = LoadMode::kAppend;
  BranchId branch = kMainBranch;
  TableFormat format = TableFormat::kByName;  // of every source; else *.csv, *.tsv, the rest lines
  bool check_only = false;  // of a small input: Finish tells what it would refuse, changes nothing
  std::string type;         // bare rows of this type; empty: every line names its own
  // With a type: a line may also be as export writes it. Those of another type are refused.
  bool named_lines = false;
  CommitNote note;
  // Conditions, as commit ids or the first 8 digits or more of one; empty: none. Where they are
  // lost Finish answers kConditionLost and nothing is changed.
  std::string if_commit;  // the branch's newest commit, with nothing changed since
  std::string from;       // what the input was made of: no row of its types was changed since
  uint64_t memory_bytes = 128 << 20;    // sort buffers together
  size_t errors_max = 20;               // refused lines that are reported; all are counted
  uint64_t plain_entries_max = 10'000;  // a load with no more entries makes no segments
};

struct LoadError {
  std::string source;   // file name
  uint64_t line = 0;    // 1 = the first; 0: no line is at fault, and `source` is empty
  uint64_t column = 0;  // in bytes, 1 = the first; 0: the whole line
  Status status;
};

struct LoadProgress {
  std::string_view stage;  // "read", "sort", "check", "write"
  uint64_t done = 0;       // in the stage's unit
  uint64_t total = 0;      // 0: unknown
  uint64_t rows = 0;       // nodes and edges so far
};

struct LoadSummary {
  uint64_t nodes = 0;  // in the input
  uint64_t edges = 0;
  uint64_t nodes_changed = 0;  // that were there and got another body
  uint64_t edges_changed = 0;
  uint64_t nodes_gone = 0;
  uint64_t edges_gone = 0;
  uint64_t refused = 0;
  std::vector<LoadError> errors;
  CommitRow commit;
};

class Loader {
 public:
  virtual ~Loader() = default;  // an unfinished load leaves nothing behind

  static Result<std::unique_ptr<Loader>> Begin(Store& store, const LoadOptions& options);

  // The next bytes of `source`; lines may be cut anywhere between two calls.
  virtual Status Add(std::string_view source, std::string_view bytes) = 0;
  // The current source is at its end; a last line without a newline counts.
  virtual Status EndSource() = 0;
  // Sorts, checks, writes, publishes, closes the commit. On kInvalid `summary` holds the errors.
  virtual Status Finish(const std::function<void(const LoadProgress&)>& progress,
                        LoadSummary& summary) = 0;
};

// When the load was made that change `seq` published; nothing when that was no load. Unlike its
// commit this stays for as long as its rows do. Cost: one step a segment.
Result<std::optional<int64_t>> LoadTimeOf(const Reader& reader, BranchId branch, Seq seq);

struct ExportOptions {
  std::vector<std::string> types;             // empty: all, nodes before edges
  bool bare = false;                          // only the rows' bodies; one type
  TableFormat format = TableFormat::kByName;  // CSV and TSV: one type; else JSON lines
};

// What Loader accepts, byte-stable: the same content gives the same bytes whatever way it came into
// the store. The reader outlives the lines; the view stays readable as long (Store::Pin).
Result<std::unique_ptr<LineStream>> OpenExport(const Reader& reader, const View& view,
                                               const ExportOptions& options);

// The same, complete or an error. `sink` may refuse to go on.
Status Export(const Reader& reader, const View& view, const ExportOptions& options,
              const std::function<Status(std::string_view)>& sink);

}  // namespace mendfs
