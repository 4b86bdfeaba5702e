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

namespace mendfs {

enum class LoadMode { kAppend, kMerge, kReplace };

struct LoadOptions {
  LoadMode mode = LoadMode::kAppend;
  BranchId branch = kMainBranch;
  std::string type;  // bare rows of this type; empty: every line names its own
  CommitNote note;
  uint64_t memory_bytes = 128 << 20;    // sort buffers together
  size_t errors_max = 20;               // refused lines that are reported; all are counted
  uint64_t plain_entries_max = 10'000;  // a load with no more entries makes no segments
};

struct LoadError {
  std::string source;  // file name
  uint64_t line = 0;   // 1 = the first; 0: no line is at fault, and `source` is empty
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
  std::vector<std::string> types;  // empty: all, nodes before edges
  bool bare = false;               // only the rows' bodies; one type
};

// JSON lines that Loader accepts, byte-stable, complete or an error. `sink` may refuse to go on.
Status Export(const Reader& reader, const View& view, const ExportOptions& options,
              const std::function<Status(std::string_view)>& sink);

}  // namespace mendfs
