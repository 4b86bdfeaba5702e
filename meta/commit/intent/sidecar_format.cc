#include "meta/commit/intent/sidecar_format.h"

#include <charconv>
#include <nlohmann/json.hpp>
#include <utility>

#include "meta/codec/hash.h"
#include "meta/commit/change_format.h"

namespace mendfs {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kHead = "{\"mendfs\":\"sidecar\",\"format_version\":";
constexpr std::string_view kSum = ",\"checksum\":\"";
constexpr std::string_view kHeadEnd = "\",\n";
constexpr size_t kSumDigits = 32;

Status Damaged(std::string_view what) {
  return {Code::kCorruption, "the sidecar is damaged: " + std::string(what)};
}

std::optional<std::string> FromHex(std::string_view hex) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
  };
  if (hex.size() % 2 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(hex.size() / 2);
  for (size_t i = 0; i < hex.size(); i += 2) {
    const int high = digit(hex[i]);
    const int low = digit(hex[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes.push_back(static_cast<char>(high * 16 + low));
  }
  return bytes;
}

std::string ObjectText(const OwnedObject& object) {
  return std::string(ObjectKindName(object.kind)) + "-" + ToHex(object.id);
}

std::optional<OwnedObject> ParseObjectText(std::string_view text) {
  const size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto kind = ParseObjectKind(text.substr(0, dash));
  const auto id = ParseId(text.substr(dash + 1));
  if (!kind || !id) return std::nullopt;
  return OwnedObject{*kind, *id};
}

Json PlanJson(const IntentPlan& plan) {
  Json bounded = Json::array();
  for (const TypeId type : plan.bounded) bounded.push_back(type.value);
  Json unique = Json::array();
  for (const IntentPlan::Column& column : plan.unique) {
    unique.push_back(Json::array({column.type.value, column.property.value}));
  }
  Json json = {{"bounded", std::move(bounded)},
               {"unique", std::move(unique)},
               {"change", ToHex(std::string_view(EncodeChange(plan.change)))}};
  if (plan.whole.empty()) return json;
  Json& whole = json["whole"] = Json::array();
  for (const TypeId type : plan.whole) whole.push_back(type.value);
  return json;
}

// Formats 2 and 3 have what format 1 does not know: whole types, and another kind.
uint64_t FormatOf(const Sidecar& sidecar) {
  if (sidecar.kind != IntentKind::kLoad) return 3;
  return sidecar.plan && !sidecar.plan->whole.empty() ? 2 : 1;
}

// Takes members out of an object; the first that is missing or of another kind fails it.
class Members {
 public:
  explicit Members(const Json& object) : object_(object), ok_(object.is_object()) {}

  uint64_t Number(const char* name) {
    const Json* value = Find(name);
    if (value == nullptr || !value->is_number_unsigned()) return Fail(), uint64_t{0};
    return value->get<uint64_t>();
  }
  int64_t Time(const char* name) {
    const Json* value = Find(name);
    if (value == nullptr || !value->is_number_integer()) return Fail(), int64_t{0};
    return value->get<int64_t>();
  }
  std::string Text(const char* name) {
    const Json* value = Find(name);
    if (value == nullptr || !value->is_string()) return Fail(), std::string();
    return value->get<std::string>();
  }
  Id128 Id(const char* name) {
    const auto id = ParseId(Text(name));
    if (!id) return Fail(), Id128{};
    return *id;
  }
  const Json& List(const char* name) {
    static const Json kNone = Json::array();
    const Json* value = Find(name);
    if (value == nullptr || !value->is_array()) return Fail(), kNone;
    return *value;
  }
  const Json& Object(const char* name) {
    static const Json kNone = Json::object();
    const Json* value = Find(name);
    if (value == nullptr || !value->is_object()) return Fail(), kNone;
    return *value;
  }
  bool Has(const char* name) const { return ok_ && object_.contains(name); }
  void Fail() { ok_ = false; }
  bool ok() const { return ok_; }

 private:
  const Json* Find(const char* name) const {
    if (!ok_) return nullptr;
    const auto found = object_.find(name);
    return found == object_.end() ? nullptr : &*found;
  }

  const Json& object_;
  bool ok_;
};

bool TakeTypes(const Json& list, std::vector<TypeId>& types) {
  for (const Json& type : list) {
    if (!type.is_number_unsigned() || type.get<uint64_t>() > UINT32_MAX) return false;
    types.push_back(TypeId(type.get<uint32_t>()));
  }
  return true;
}

bool TakeColumns(const Json& list, std::vector<IntentPlan::Column>& columns) {
  for (const Json& pair : list) {
    std::vector<TypeId> numbers;
    if (!pair.is_array() || pair.size() != 2 || !TakeTypes(pair, numbers)) return false;
    columns.push_back({numbers[0], PropertyId(numbers[1].value)});
  }
  return true;
}

Result<IntentPlan> DecodePlan(BranchId branch, const Json& json) {
  Members members(json);
  IntentPlan plan;
  bool ok = TakeTypes(members.List("bounded"), plan.bounded);
  ok = TakeColumns(members.List("unique"), plan.unique) && ok;
  if (members.Has("whole")) ok = TakeTypes(members.List("whole"), plan.whole) && ok;
  const auto bytes = FromHex(members.Text("change"));
  if (!ok || !members.ok() || !bytes) return Damaged("its plan does not decode");
  MENDFS_ASSIGN_OR_RETURN(plan.change, DecodeChange(branch, *bytes));
  return plan;
}

bool TakeNote(const Json& json, CommitNote& note) {
  Members members(json);
  note.actor = members.Text("actor");
  note.message = members.Text("message");
  note.time_ns = members.Time("time_ns");
  const uint64_t origin = members.Number("origin");
  note.origin = static_cast<Origin>(origin);
  return members.ok() && origin <= static_cast<uint64_t>(Origin::kReplica);
}

Result<Sidecar> DecodeBody(const Json& json) {
  Members members(json);
  Sidecar sidecar;
  sidecar.operation = members.Id("operation");
  const auto kind = ParseIntentKind(members.Text("kind"));
  const std::string phase = members.Text("phase");
  const uint64_t branch = members.Number("branch");
  sidecar.incarnation = members.Id("incarnation");
  sidecar.base = Seq(members.Number("base"));
  sidecar.begun_ns = members.Time("begun_ns");
  bool ok = kind.has_value() && branch <= UINT32_MAX;
  ok = TakeNote(members.Object("commit"), sidecar.note) && ok;
  for (const Json& text : members.List("objects")) {
    const auto object = text.is_string() ? ParseObjectText(text.get<std::string>()) : std::nullopt;
    ok = ok && object.has_value() && sidecar.objects.size() < kSidecarObjectsMax;
    if (ok) sidecar.objects.push_back(*object);
  }
  if (!ok || !members.ok()) return Damaged("a member is missing or malformed");
  sidecar.kind = *kind;
  sidecar.branch = BranchId(static_cast<uint32_t>(branch));
  if (phase == "confirmed") {
    MENDFS_ASSIGN_OR_RETURN(sidecar.plan, DecodePlan(sidecar.branch, members.Object("plan")));
  }
  return sidecar;
}

// The version in the first line, and what follows it.
std::optional<uint64_t> TakeVersion(std::string_view& bytes) {
  if (!bytes.starts_with(kHead)) return std::nullopt;
  bytes.remove_prefix(kHead.size());
  uint64_t version = 0;
  const auto [end, error] = std::from_chars(bytes.data(), bytes.data() + bytes.size(), version);
  if (error != std::errc()) return std::nullopt;
  bytes.remove_prefix(static_cast<size_t>(end - bytes.data()));
  return version;
}

}  // namespace

std::string_view IntentKindName(IntentKind kind) {
  switch (kind) {
    case IntentKind::kLoad: return "load";
    case IntentKind::kSchema: return "schema apply";
  }
  return "unknown";
}

std::optional<IntentKind> ParseIntentKind(std::string_view name) {
  if (name == "load") return IntentKind::kLoad;
  if (name == "schema apply") return IntentKind::kSchema;
  return std::nullopt;
}

Result<std::string> EncodeSidecar(const Sidecar& sidecar) {
  Json objects = Json::array();
  for (const OwnedObject& object : sidecar.objects) objects.push_back(ObjectText(object));
  Json json = {{"operation", ToHex(sidecar.operation)},
               {"kind", IntentKindName(sidecar.kind)},
               {"phase", sidecar.confirmed() ? "confirmed" : "intent"},
               {"branch", sidecar.branch.value},
               {"incarnation", ToHex(sidecar.incarnation)},
               {"base", sidecar.base.value},
               {"begun_ns", sidecar.begun_ns},
               {"commit",
                {{"actor", sidecar.note.actor},
                 {"message", sidecar.note.message},
                 {"origin", static_cast<unsigned>(sidecar.note.origin)},
                 {"time_ns", sidecar.note.time_ns}}},
               {"objects", std::move(objects)}};
  if (sidecar.confirmed()) json["plan"] = PlanJson(*sidecar.plan);
  std::string rest =
      json.dump(-1, ' ', false, Json::error_handler_t::replace).substr(1).append("\n");
  std::string bytes(kHead);
  bytes.append(std::to_string(FormatOf(sidecar))).append(kSum);
  bytes.append(ToHex(HashXxh3Wide(rest))).append(kHeadEnd).append(rest);
  if (bytes.size() > kSidecarBytesMax || sidecar.objects.size() > kSidecarObjectsMax) {
    return Status(Code::kTooBig, "a sidecar of " + std::to_string(bytes.size()) + " bytes and " +
                                     std::to_string(sidecar.objects.size()) +
                                     " objects is more than one multi-step write may have (" +
                                     std::to_string(kSidecarBytesMax) + " bytes, " +
                                     std::to_string(kSidecarObjectsMax) +
                                     " objects); nothing was changed, do it in parts");
  }
  return bytes;
}

Result<Sidecar> DecodeSidecar(std::string_view bytes) {
  if (bytes.size() > kSidecarBytesMax) return Damaged("it is too long");
  std::string_view rest = bytes;
  const auto version = TakeVersion(rest);
  if (!version || *version == 0) return Damaged("its first line is none of a sidecar");
  if (*version > kSidecarVersion) {
    return Status(Code::kUnsupported, "the sidecar has format " + std::to_string(*version) +
                                          ", this program knows up to " +
                                          std::to_string(kSidecarVersion));
  }
  const size_t head = kSum.size() + kSumDigits + kHeadEnd.size();
  if (rest.size() < head || !rest.starts_with(kSum) ||
      rest.substr(kSum.size() + kSumDigits, kHeadEnd.size()) != kHeadEnd) {
    return Damaged("its first line is none of a sidecar");
  }
  const std::string_view want = rest.substr(kSum.size(), kSumDigits);
  rest.remove_prefix(head);
  const std::string sum = ToHex(HashXxh3Wide(rest));
  if (sum != want) return Damaged("checksum " + sum + ", want " + std::string(want));
  const Json json = Json::parse("{" + std::string(rest), nullptr, /*allow_exceptions=*/false);
  MENDFS_ASSIGN_OR_RETURN(Sidecar sidecar, DecodeBody(json));
  const auto again = EncodeSidecar(sidecar);
  if (!again.ok() || *again != bytes) return Damaged("it holds what no sidecar holds");
  return sidecar;
}

}  // namespace mendfs
