// The offline check: opens a store without writing a byte, walks everything that the manifest holds
// and tells what does not fit.
//
//   0 opens      identity, manifest, replay of the journal into memory; what is lost of the
//   manifest
//                or was damaged in it
//   1 rows       every row is readable and every body decodes
//   2 files      names lead to inodes, inodes are reached, link counts and sizes agree; what bodies
//                refer to is there and long enough
//   3 edges      both ends live, both orders agree
//   4 data       only with CheckOptions::data: every byte of bodies, verified block by block
//   5 totals     counts and content sum of the newest commit, and the stored counts, are what the
//                entries add up to
//
// Threads:  one
// Errors:   kNotFound (no store), kBusy (somebody writes to it), kUnsupported (newer format),
//           kDenied; what is wrong inside a store is a finding, not an error
// Cost:     reads every entry two or three times, with `data` every byte of bodies once; memory
//           stays flat
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/store.h"

namespace mendfs {

struct Finding {
  std::string kind;     // stable: "does-not-open", "manifest", "totals", "dangling-name", …
  std::string subject;  // what it is about: "inode 17", "edge Knows"
  std::string sentence;
};

struct CheckReport {
  bool complete = true;           // false: something could not be looked at
  std::vector<Finding> findings;  // the first CheckOptions::findings_max
  uint64_t finding_count = 0;     // all of them
  uint64_t nodes = 0;             // looked at
  uint64_t edges = 0;
  uint64_t unswept_edges = 0;  // not among `edges`: of rows that are gone, still to be cleared
  uint64_t files = 0;
  uint64_t runs = 0;  // pieces of bodies that lie in packs
  bool data_read = false;
  uint64_t data_bytes = 0;           // of these pieces, read
  uint64_t sidecars = 0;             // multi-step writes that wait for the next mount; no finding
  std::vector<std::string> foreign;  // in sidecars/, and not the store's; no finding
};

struct CheckOptions {
  size_t findings_max = 100;
  bool data = false;  // read the bytes of bodies too
};

struct CheckProgress {
  std::string_view stage;  // "open", "rows", "files", "edges", "data", "totals"
  uint64_t done = 0;
  uint64_t total = 0;  // 0: unknown
};

Result<CheckReport> CheckStore(Disk& disk, const std::string& store_path,
                               const CheckOptions& options,
                               const std::function<void(const CheckProgress&)>& progress);

}  // namespace mendfs
