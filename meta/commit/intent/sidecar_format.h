// A sidecar: the durable intent of a multi-step write, as STORE/sidecars/<operation>.json.
//
// Shape:    one JSON object in two or more lines; the first holds version and checksum of all that
//           follows. Bytes that Encode would not make are refused, so that nothing is half known
// Threads:  pure functions
// Errors:   kCorruption; kUnsupported for a newer version, whatever else it holds; Encode: kTooBig
// Source:   docs/formats/sidecar.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "meta/base/ids.h"
#include "meta/base/status.h"
#include "meta/manifest/change.h"
#include "meta/object/object_format.h"
#include "meta/store.h"

namespace mendfs {

inline constexpr uint64_t kSidecarVersion = 3;
inline constexpr uint64_t kSidecarBytesMax = 32 << 20;
inline constexpr size_t kSidecarObjectsMax = 16384;

// Written by name in sidecars, by number in audit rows; never renumbered.
enum class IntentKind : uint8_t { kLoad = 1, kSchema = 2 };
std::string_view IntentKindName(IntentKind kind);
std::optional<IntentKind> ParseIntentKind(std::string_view name);

struct OwnedObject {
  ObjectKind kind = ObjectKind::kSegment;
  Id128 id;
  friend bool operator==(const OwnedObject&, const OwnedObject&) = default;
};

// What will be published, and what else it depends on beyond the keys that it writes.
struct IntentPlan {
  struct Column {
    TypeId type;
    PropertyId property;
    friend bool operator==(const Column&, const Column&) = default;
  };
  Change change;
  std::vector<TypeId> bounded;  // edge types whose edges of one source were counted
  std::vector<Column> unique;   // whose values were found to be free
  std::vector<TypeId> whole;    // of which the plan leaves nothing but what it knows
};

struct Sidecar {
  Id128 operation;
  IntentKind kind = IntentKind::kLoad;
  BranchId branch = kMainBranch;
  Id128 incarnation;  // of the branch
  Seq base;           // the store as the plan saw it
  int64_t begun_ns = 0;
  CommitNote note;  // of the commit that it becomes; its time is that of the confirmation
  std::vector<OwnedObject> objects;  // made, or perhaps not yet
  std::optional<IntentPlan> plan;    // there once it is confirmed

  bool confirmed() const { return plan.has_value(); }
};

// Bytes of actor and message that are no UTF-8 become U+FFFD.
Result<std::string> EncodeSidecar(const Sidecar& sidecar);
Result<Sidecar> DecodeSidecar(std::string_view bytes);

}  // namespace mendfs
