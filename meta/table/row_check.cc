#include "meta/table/row_check.h"

#include <algorithm>
#include <utility>

#include "meta/table/json_cursor.h"
#include "meta/table/row_check_walk.h"
#include "meta/table/schema/row_value.h"

namespace mendfs {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// What holds for every body, whatever its type.
Status CheckBytes(std::string_view body) {
  if (body.size() > kRowBodyBytesMax) {
    return {Code::kTooBig, "a row of " + std::to_string(body.size()) + " bytes is larger than " +
                               std::to_string(kRowBodyBytesMax)};
  }
  if (body.starts_with(kByteOrderMark)) {
    return {Code::kInvalid, "the row begins with a byte order mark; remove these three bytes"};
  }
  if (IsUtf8(body)) return Status::Ok();
  size_t start = 0;
  while (start < body.size()) {
    const size_t end = std::min(body.find('\n', start), body.size());
    if (!IsUtf8(body.substr(start, end - start))) break;
    start = end + 1;
  }
  return {Code::kInvalid, "the row is not UTF-8" + PlaceInBody(body, std::min(start, body.size()))};
}

std::string Disagree(std::string_view name, std::string_view in_body, std::string_view in_name) {
  return "property \"" + std::string(name) + "\" is \"" + std::string(in_body.substr(0, 80)) +
         "\" in the row and \"" + std::string(in_name.substr(0, 80)) + "\" in its name";
}

Status CheckKeySize(std::string_view key) {
  if (key.size() <= kKeyTextBytesMax) return Status::Ok();
  return {Code::kInvalid, "a key of " + std::to_string(key.size()) + " bytes is longer than " +
                              std::to_string(kKeyTextBytesMax)};
}

// The key when every part of it stands in the body.
Status KeyFromBody(const NodeType& type, std::optional<std::string_view> name_key,
                   const RowScratch& scratch, CheckedRow& row) {
  for (size_t part = 0; part < type.key.size(); ++part) {
    const std::string& text = scratch.key_parts[part];
    if (text.empty()) {
      return {Code::kInvalid,
              "property \"" + type.properties[type.key[part]].name + "\": a key must not be empty"};
    }
    if (part > 0) row.key.push_back('~');
    AppendKeyPart(row.key, text, type.key.size() > 1);
  }
  if (!name_key || *name_key == row.key) return CheckKeySize(row.key);
  return {Code::kInvalid, Disagree(type.properties[type.key[0]].name, row.key, *name_key)};
}

// The key from the name, with which the parts that stand in the body must agree.
Status KeyFromName(const NodeType& type, std::string_view name_key, const RowScratch& scratch,
                   RowWalk& walk, CheckedRow& row) {
  MENDFS_RETURN_IF_ERROR(CheckKeyText(type, name_key));
  row.key.assign(name_key);
  if (type.key.empty()) return Status::Ok();
  if (type.key.size() == 1) return walk.TakeKeyPart(type.key[0], name_key);
  MENDFS_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                          SplitKeyText(name_key, type.key.size()));
  for (size_t part = 0; part < parts.size(); ++part) {
    if (!scratch.HasValue(type.key[part])) {
      MENDFS_RETURN_IF_ERROR(walk.TakeKeyPart(type.key[part], parts[part]));
    } else if (scratch.key_parts[part] != parts[part]) {
      return {Code::kInvalid,
              Disagree(type.properties[type.key[part]].name, scratch.key_parts[part], parts[part])};
    }
  }
  return Status::Ok();
}

Status PutKey(const NodeType& type, std::optional<std::string_view> name_key,
              const RowScratch& scratch, RowWalk& walk, CheckedRow& row) {
  const auto missing = std::find_if(type.key.begin(), type.key.end(),
                                    [&](uint32_t index) { return !scratch.HasValue(index); });
  if (missing == type.key.end() && !type.key.empty()) {
    return KeyFromBody(type, name_key, scratch, row);
  }
  if (name_key) return KeyFromName(type, *name_key, scratch, walk, row);
  if (type.key.empty()) {
    return {Code::kInvalid, "a row of the open type " + type.name +
                                " has its key in its name only; a load line gives it as \"key\""};
  }
  return {Code::kInvalid,
          "property \"" + type.properties[*missing].name + "\" is the key and missing"};
}

struct EdgeEnd {
  const NodeType* type;
  std::string_view member;  // "$from" or "$to"
  std::optional<std::string_view> given;
  const std::string* in_body;  // null where the body does not have it
};

Status PutEnd(const EdgeEnd& end, std::string& key) {
  if (!end.given && end.in_body == nullptr) {
    return {Code::kInvalid, "\"" + std::string(end.member) + "\" is missing"};
  }
  if (end.given && end.in_body != nullptr && *end.given != *end.in_body) {
    return {Code::kInvalid, Disagree(end.member, *end.in_body, *end.given)};
  }
  key.assign(end.given ? *end.given : std::string_view(*end.in_body));
  const Status status = CheckKeyText(*end.type, key);
  if (status.ok()) return status;
  return status.Annotate("\"" + std::string(end.member) + "\"");
}

// Is `text`, which is no UTF-8, UTF-8 that was cut within its last character?
bool EndsInsideCharacter(std::string_view text) {
  for (size_t tail = 1; tail <= 3 && tail <= text.size(); ++tail) {
    if (!IsUtf8(text.substr(0, text.size() - tail))) continue;
    // The lowest or the highest continuation completes whatever can be completed.
    for (const char continuation : {'\x80', '\xbf'}) {
      std::string whole(text.substr(text.size() - tail));
      while (whole.size() < 4) {
        whole.push_back(continuation);
        if (IsUtf8(whole)) return true;
      }
    }
  }
  return false;
}

}  // namespace

struct RowChecker::Scratch : RowScratch {};

void CheckedRow::Clear() {
  key.clear();
  source_key.clear();
  target_key.clear();
  ordered.clear();
  values.clear();
}

RowChecker::RowChecker(std::shared_ptr<const RowRules> rules)
    : rules_(std::move(rules)), scratch_(std::make_unique<Scratch>()) {}
RowChecker::~RowChecker() = default;
RowChecker::RowChecker(RowChecker&&) noexcept = default;

Status RowChecker::CheckNode(const NodeType& type, std::string_view body,
                             std::optional<std::string_view> name_key, CheckedRow& row) {
  const RowRules::TypeRules* const rules = rules_->FindRules(type.id);
  if (rules == nullptr || rules->node == nullptr) {
    return {Code::kInternal, "check row: " + type.name + " is not of this schema"};
  }
  row.Clear();
  MENDFS_RETURN_IF_ERROR(CheckBytes(body));
  scratch_->Begin(*rules);
  RowWalk walk(body, *rules, *scratch_, row);
  MENDFS_RETURN_IF_ERROR(walk.Run());
  MENDFS_RETURN_IF_ERROR(PutKey(*rules->node, name_key, *scratch_, walk, row));
  walk.Collect();
  return Status::Ok();
}

Status RowChecker::CheckEdge(const EdgeType& type, std::string_view body,
                             std::optional<std::string_view> source_key,
                             std::optional<std::string_view> target_key, CheckedRow& row) {
  const RowRules::TypeRules* const rules = rules_->FindRules(type.id);
  if (rules == nullptr || rules->edge == nullptr) {
    return {Code::kInternal, "check row: " + type.name + " is not of this schema"};
  }
  row.Clear();
  MENDFS_RETURN_IF_ERROR(CheckBytes(body));
  scratch_->Begin(*rules);
  const std::string_view members = body.empty() ? std::string_view("{}") : body;
  RowWalk walk(members, *rules, *scratch_, row);
  MENDFS_RETURN_IF_ERROR(walk.Run());
  walk.Collect();
  MENDFS_RETURN_IF_ERROR(PutEnd({.type = rules->source,
                                 .member = "$from",
                                 .given = source_key,
                                 .in_body = scratch_->has_source ? &scratch_->source : nullptr},
                                row.source_key));
  return PutEnd({.type = rules->target,
                 .member = "$to",
                 .given = target_key,
                 .in_body = scratch_->has_target ? &scratch_->target : nullptr},
                row.target_key);
}

BodyState ProbeBody(std::string_view body) {
  if (!IsUtf8(body) && !EndsInsideCharacter(body)) return BodyState::kBroken;
  JsonNames names;
  JsonCursor cursor(body, names);
  if (cursor.SkipValue() && cursor.ExpectEnd()) return BodyState::kComplete;
  return cursor.error().truncated ? BodyState::kIncomplete : BodyState::kBroken;
}

}  // namespace mendfs
