// What a verb is asked to do, as one value: the command line makes it, the control socket carries
// it, RunVerb obeys it. One shape for a store that the CLI opens and one that a daemon has open.
//
// Threads:  values
// Errors:   kInvalid for bytes that no encoder here makes; kUnsupported for another protocol
// version Source:   docs/formats/control.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/status.h"
#include "meta/bulk.h"

namespace mendfs {

inline constexpr uint32_t kControlVersion = 1;
inline constexpr size_t kRequestInputsMax = 4096;
inline constexpr size_t kRequestTypesMax = 4096;

enum class Verb {
  kStatus,
  kLoad,
  kExport,
  kLog,
  kWhy,
  kSchemaShow,
  kSchemaPlan,
  kSchemaApply,
  kFlush,
  kQuotaList,
  kSnapshotCreate,
  kSnapshotList,
  kSnapshotDelete,
  kDiff,
  kShow
};

// As typed: "status", "schema apply".
std::string_view VerbName(Verb verb);
// Changes the store, or what is durable of it.
bool VerbWrites(Verb verb);
// May take long or move much; the daemon runs these apart from the others.
bool VerbIsBulk(Verb verb);

struct InputSource {
  std::string name;         // as errors name it
  uint64_t size_bytes = 0;  // for the progress bar; 0: unknown
};

struct VerbRequest {
  Verb verb = Verb::kStatus;
  bool json = false;
  bool progress = false;            // somebody looks at progress
  std::vector<InputSource> inputs;  // load, schema plan, schema apply
  LoadMode mode = LoadMode::kAppend;
  std::string type;                           // load: bare rows of this type
  TableFormat format = TableFormat::kByName;  // load, export
  std::string if_commit;                      // load, as LoadOptions has them
  std::string from;
  std::string actor;  // empty: the caller's uid
  std::string message;
  std::vector<std::string> types;  // export; empty: all
  bool bare = false;
  std::optional<uint64_t> limit;  // log
  bool allow_data_loss = false;   // schema plan, schema apply
  bool act = false;               // schema apply: takes destructive steps without a preview
  std::string confirm;            // schema apply: takes them if this is the plan
  std::string name;               // snapshot create, delete
  std::string ref;                // snapshot create, show: empty is HEAD; diff: "A..B"
  std::string since;              // log: those behind this ref
  bool stat = false;              // diff, show: counts
};

std::string EncodeRequest(const VerbRequest& request);
Result<VerbRequest> DecodeRequest(std::string_view bytes);

std::string_view LoadModeName(LoadMode mode);
std::optional<LoadMode> ParseLoadMode(std::string_view name);
// "jsonl", "csv", "tsv"; nothing said is kByName, "".
std::string_view TableFormatName(TableFormat format);
std::optional<TableFormat> ParseTableFormat(std::string_view name);

}  // namespace mendfs
