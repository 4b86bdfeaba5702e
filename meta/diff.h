// What differs between two moments of a branch: the schema, rows cell by cell, files by path.
//
// Rows are told in the order of their types' names and then of their keys, nodes before edges; then
// files in the order of their paths. A file or directory that was moved is told as renamed, and
// what lies below a moved directory only where it changed. A row that got another key is one
// removed and one added; its edges, which hang on the row, are not told.
//
// Not told: times, and what has no content of its own (indexes, reverse edges, quotas in use).
//
// Threads:  as Reader
// Errors:   kStale for a moment that is not kept; else as Reader. What was told until then is right
// Cost:     a scan of all rows, edges, inodes and names at both moments, side by side: two entries
//           that one change wrote are equal, and nothing is read but their keys. Memory follows
//           what differs in files/, and the rows that came and went
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/commit/door.h"
#include "meta/manifest/reader.h"

namespace mendfs {

enum class DiffOp : unsigned char { kAdded, kRemoved, kChanged, kRenamed };
// "added", …
std::string_view DiffOpName(DiffOp op);

// Lifetime: views are valid while the sink is told
struct RowDiff {
  DiffOp op = DiffOp::kChanged;
  bool is_edge = false;
  std::string_view type;
  std::string path;       // "nodes/Person/bob.json"
  std::string_view key;   // of a node, as text
  std::string_view from;  // of an edge: the keys of its ends
  std::string_view to;
  uint32_t number = 1;
  std::optional<std::string_view> before;  // the bodies; an edge's may be empty
  std::optional<std::string_view> after;
  bool attributes = false;  // owner or permissions differ
};

// One member of a row's object that differs; JSON text on one line, empty where it is null or
// absent.
struct CellDiff {
  std::string name;
  std::string before;
  std::string after;
  friend bool operator==(const CellDiff&, const CellDiff&) = default;
};
// In the order of their names. An absent body has no members. kCorruption for what is no object.
Result<std::vector<CellDiff>> DiffCells(std::optional<std::string_view> before,
                                        std::optional<std::string_view> after);

struct FileState {
  uint32_t mode = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size_bytes = 0;
  std::string sha256;  // of a regular file, in hexadecimal, where DiffOptions ask for it
  std::string target;  // of a symlink
};

struct FileDiff {
  DiffOp op = DiffOp::kChanged;
  std::string path;      // "files/docs/note"; where it is gone, the one that it had
  std::string old_path;  // renamed
  std::optional<FileState> before;
  std::optional<FileState> after;
  bool body = false;        // bytes, or a symlink's target, differ
  bool attributes = false;  // mode or owner differ
  bool xattrs = false;
};

class DiffSink {
 public:
  virtual ~DiffSink() = default;
  // What is not ok ends the comparison with that answer.
  virtual Status OnSchema(const std::string& before, const std::string& after) = 0;
  virtual Status OnRow(const RowDiff& row) = 0;
  virtual Status OnFile(const FileDiff& file) = 0;
};

// One line each, without its end.
// {"op":…,"path":…,"type":…,"key":…,"before":{…},"after":{…},"cells":{"age":{"before":…,"after":…}}}
Result<std::string> DiffJson(const RowDiff& row);
// {"op":…,"path":…,"before":{"mode":…,"uid":…,"gid":…,"size":…,"sha256":…},"after":…,"differs":[…]}
std::string DiffJson(const FileDiff& file);
// As git shows it: "100644".
std::string ModeText(uint32_t mode);

struct DiffOptions {
  bool hashes = false;  // of files that differ: reads them
};
Status DiffMoments(Door& door, const View& before, const View& after, const DiffOptions& options,
                   DiffSink& sink);

}  // namespace mendfs
