#include "meta/base/failpoint.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "meta/base/mutex.h"

namespace mendfs {

namespace {

constexpr size_t kFailpointCount = static_cast<size_t>(Failpoint::kCount);
constexpr int kCrashExitCode = 85;
constexpr auto kDelay = std::chrono::milliseconds(50);

constexpr std::array<std::string_view, kFailpointCount> kNames = {
#define MENDFS_FAILPOINT_NAME(enumerator, name, durable) std::string_view(name),
    MENDFS_FAILPOINTS(MENDFS_FAILPOINT_NAME)
#undef MENDFS_FAILPOINT_NAME
};

constexpr std::array<std::string_view, kFailpointCount> kDurable = {
#define MENDFS_FAILPOINT_DURABLE(enumerator, name, durable) std::string_view(durable),
    MENDFS_FAILPOINTS(MENDFS_FAILPOINT_DURABLE)
#undef MENDFS_FAILPOINT_DURABLE
};

struct Slot {
  FailAction action = FailAction::kNone;
  unsigned hits_left = 0;
  uint64_t hits = 0;
  std::function<void()> call;  // of kCall
};

struct Table {
  Mutex mutex{LockRank::kLeaf};
  std::array<Slot, kFailpointCount> slots GUARDED_BY(mutex);
  bool counting GUARDED_BY(mutex) = false;
};

// True while a hit has anything to do: something is armed, or hits are counted.
std::atomic<bool> table_in_use{false};

// Never destroyed: threads may pass failpoints while the process ends.
Table& GetTable() {
  static Table* const table = new Table;
  return *table;
}

void UpdateInUse(Table& table) REQUIRES(table.mutex) {
  bool in_use = table.counting;
  for (const Slot& slot : table.slots) in_use = in_use || slot.action != FailAction::kNone;
  table_in_use.store(in_use, std::memory_order_relaxed);
}

// Counts the hit; the action if this is the hit that acts, with what it calls.
FailAction TakeHit(Failpoint point, std::function<void()>& call) {
  Table& table = GetTable();
  MutexLock lock(table.mutex);
  Slot& slot = table.slots[static_cast<size_t>(point)];
  ++slot.hits;
  if (slot.action == FailAction::kNone || --slot.hits_left > 0) return FailAction::kNone;
  const FailAction action = slot.action;
  slot.action = FailAction::kNone;
  call = std::move(slot.call);
  slot.call = nullptr;
  UpdateInUse(table);
  return action;
}

Status Act(Failpoint point) {
  std::function<void()> call;
  switch (TakeHit(point, call)) {
    case FailAction::kNone: return Status::Ok();
    case FailAction::kError:
      return {Code::kIo, "failpoint " + std::string(FailpointName(point)) + " answers an error"};
    case FailAction::kNoSpace:
      return {Code::kNoSpace, "failpoint " + std::string(FailpointName(point)) + " answers full"};
    case FailAction::kCrash: ::_exit(kCrashExitCode);
    case FailAction::kDelay: std::this_thread::sleep_for(kDelay); return Status::Ok();
    case FailAction::kCall: call(); return Status::Ok();
  }
  return Status::Ok();
}

struct Arming {
  Failpoint point = Failpoint::kCount;
  FailAction action = FailAction::kNone;
  unsigned hit = 1;
};

std::optional<Failpoint> ParsePoint(std::string_view name) {
  for (size_t index = 0; index < kFailpointCount; ++index) {
    if (kNames[index] == name) return static_cast<Failpoint>(index);
  }
  return std::nullopt;
}

std::optional<FailAction> ParseAction(std::string_view name) {
  if (name == "error") return FailAction::kError;
  if (name == "no-space") return FailAction::kNoSpace;
  if (name == "crash") return FailAction::kCrash;
  if (name == "delay") return FailAction::kDelay;
  return std::nullopt;
}

std::optional<unsigned> ParseHit(std::string_view digits) {
  unsigned hit = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), hit);
  if (error != std::errc() || end != digits.data() + digits.size() || hit == 0) return std::nullopt;
  return hit;
}

Status WrongWord(std::string_view what, std::string_view word) {
  return {Code::kInvalid, "arm failpoints: " + std::string(what) + " \"" + std::string(word) +
                              "\"; want name=error|no-space|crash|delay[:hit],…"};
}

// "name=action" or "name=action:hit".
Result<Arming> ParseArming(std::string_view word) {
  const size_t equals = word.find('=');
  if (equals == std::string_view::npos) return WrongWord("no action in", word);
  const std::string_view name = word.substr(0, equals);
  std::string_view action_name = word.substr(equals + 1);
  Arming arming;
  if (const size_t colon = action_name.find(':'); colon != std::string_view::npos) {
    const std::string_view digits = action_name.substr(colon + 1);
    const auto hit = ParseHit(digits);
    if (!hit) return WrongWord("not a hit from 1 on:", digits);
    arming.hit = *hit;
    action_name = action_name.substr(0, colon);
  }
  const auto point = ParsePoint(name);
  if (!point) return WrongWord("unknown failpoint", name);
  const auto action = ParseAction(action_name);
  if (!action) return WrongWord("unknown action", action_name);
  arming.point = *point;
  arming.action = *action;
  return arming;
}

}  // namespace

std::string_view FailpointName(Failpoint point) {
  return kNames[static_cast<size_t>(point)];
}

std::string_view FailpointDurable(Failpoint point) {
  return kDurable[static_cast<size_t>(point)];
}

void ArmFailpoint(Failpoint point, FailAction action, unsigned hit) {
  assert(hit >= 1 && "the next hit is number 1");
  Table& table = GetTable();
  MutexLock lock(table.mutex);
  Slot& slot = table.slots[static_cast<size_t>(point)];
  slot.action = action;
  slot.hits_left = hit;
  UpdateInUse(table);
}

void CallAtFailpoint(Failpoint point, std::function<void()> call, unsigned hit) {
  {
    Table& table = GetTable();
    MutexLock lock(table.mutex);
    table.slots[static_cast<size_t>(point)].call = std::move(call);
  }
  ArmFailpoint(point, FailAction::kCall, hit);
}

void DisarmFailpoints() {
  Table& table = GetTable();
  MutexLock lock(table.mutex);
  for (Slot& slot : table.slots) {
    slot.action = FailAction::kNone;
    slot.call = nullptr;
  }
  UpdateInUse(table);
}

Status ArmFailpointsFromText(std::string_view text) {
  std::vector<Arming> armings;
  while (!text.empty()) {
    const size_t comma = text.find(',');
    MENDFS_ASSIGN_OR_RETURN(const Arming arming, ParseArming(text.substr(0, comma)));
    armings.push_back(arming);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
  }
  for (const Arming& arming : armings) ArmFailpoint(arming.point, arming.action, arming.hit);
  return Status::Ok();
}

void CountFailpointHits() {
  Table& table = GetTable();
  MutexLock lock(table.mutex);
  table.counting = true;
  UpdateInUse(table);
}

std::vector<uint64_t> FailpointHits() {
  Table& table = GetTable();
  MutexLock lock(table.mutex);
  std::vector<uint64_t> hits;
  hits.reserve(kFailpointCount);
  for (const Slot& slot : table.slots) hits.push_back(slot.hits);
  return hits;
}

Status HitFailpoint(Failpoint point) {
  if (!table_in_use.load(std::memory_order_relaxed)) return Status::Ok();
  return Act(point);
}

}  // namespace mendfs
