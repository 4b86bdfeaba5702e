#include "meta/commit/load/load_indexes.h"

#include <algorithm>
#include <utility>

#include "meta/codec/bytes.h"
#include "meta/manifest/keys.h"
#include "meta/table/rows.h"

namespace mendfs {
namespace {

// What a sorted record says of its entry.
enum class Mark : uint8_t { kFreed = 0, kClaimed = 1, kClaimedUnique = 2 };

// Rows that had one value which only one may have: one, and what strays left.
constexpr size_t kFreedMax = 1000;
constexpr int kStepsBeforeSeek = 8;

Status BadRecord() {
  return {Code::kInternal, "load: a sorted index record does not decode"};
}

}  // namespace

IndexPass::IndexPass(LoadContext& context, LoadOutput& output)
    : context_(context),
      output_(output),
      sort_(context.MakeSorter("index", context.sort_bytes / 2)) {}

Status IndexPass::Claim(std::string_view index_key, bool unique, const LineRef& where) {
  payload_.clear();
  PutU8(payload_, static_cast<uint8_t>(unique ? Mark::kClaimedUnique : Mark::kClaimed));
  PutLineRef(payload_, where);
  return sort_->Add(index_key, payload_);
}

Status IndexPass::Free(std::string_view index_key) {
  payload_.clear();
  PutU8(payload_, static_cast<uint8_t>(Mark::kFreed));
  PutLineRef(payload_, {});
  return sort_->Add(index_key, payload_);
}

// A live row of the store, none of `except`, that has the value. Values come in rising order.
Result<std::optional<std::string>> IndexPass::FindHolder(std::string_view prefix, TypeId type,
                                                         PropertyId property,
                                                         const std::vector<InodeNumber>& except) {
  std::string index = IndexPrefix(type, property);
  if (!holders_ || index != holders_index_) {
    holders_ = context_.reader.Scan(context_.view, PrefixRange(index));
    holders_index_ = std::move(index);
  }
  for (int step = 0; holders_->Valid() && holders_->key() < prefix; ++step) {
    if (step < kStepsBeforeSeek) {
      holders_->Next();
    } else {
      holders_->Seek(prefix);
    }
  }
  for (; holders_->Valid() && holders_->key().starts_with(prefix); holders_->Next()) {
    const auto row = ParseIndexKey(holders_->key());
    if (!row) return Status(Code::kCorruption, "read an index: malformed key");
    if (std::find(except.begin(), except.end(), *row) != except.end()) continue;
    // An entry without its row is a stray: it names nobody and must not refuse anything.
    MENDFS_ASSIGN_OR_RETURN(auto key, FindRowKey(context_.reader, context_.view, type, *row));
    if (key) return key;
  }
  MENDFS_RETURN_IF_ERROR(holders_->status());
  return std::optional<std::string>();
}

void IndexPass::Refuse(const LineRef& where, const std::string& holder) const {
  ByteReader in(std::string_view(group_.prefix).substr(1));
  const NodeType* node = context_.rules->schema().FindNode(TypeId(in.GetU32BigEndian()));
  const PropertyId property(in.GetU32BigEndian());
  std::string name = std::to_string(property.value);
  if (node != nullptr) {
    for (const Property& one : node->properties) {
      if (one.id == property) name = one.name;
    }
  }
  context_.report.Refuse(where, {Code::kExists, "property \"" + name + "\" is unique: " + holder +
                                                    " has the same value"});
}

// Nobody else may hold the value that one row of the load has claimed.
Status IndexPass::CheckGroup() {
  Group group = std::exchange(group_, {});
  if (!group.claimed) return Status::Ok();
  ByteReader in(std::string_view(group.prefix).substr(1));
  const TypeId type(in.GetU32BigEndian());
  const PropertyId property(in.GetU32BigEndian());
  const NodeType* node = context_.rules->schema().FindNode(type);
  if (node == nullptr) return BadRecord();
  group.freed.push_back(group.claimant);
  MENDFS_ASSIGN_OR_RETURN(const auto holder, FindHolder(group.prefix, type, property, group.freed));
  if (!holder) return Status::Ok();
  group_.prefix = std::move(group.prefix);
  Refuse(group.where, node->name + " \"" + *holder + "\"");
  group_ = {};
  return Status::Ok();
}

Status IndexPass::Take(std::string_view index_key, std::string_view payload,
                       LoadOutput::Stream& entries) {
  ByteReader in(payload);
  const auto entry = static_cast<Mark>(in.GetU8());
  const LineRef where = GetLineRef(in);
  const auto row = ParseIndexKey(index_key);
  if (!in.AtEnd() || !row) return BadRecord();
  const std::string_view prefix = index_key.substr(0, index_key.size() - sizeof(uint64_t));
  if (prefix != group_.prefix) {
    MENDFS_RETURN_IF_ERROR(CheckGroup());
    group_.prefix.assign(prefix);
  }
  if (entry == Mark::kFreed) {
    if (group_.freed.size() < kFreedMax) group_.freed.push_back(*row);
    return context_.report.clean() ? entries.Clear(index_key) : Status::Ok();
  }
  if (entry == Mark::kClaimedUnique && group_.claimed) {
    Refuse(where, context_.report.Where(group_.where, where));
  } else if (entry == Mark::kClaimedUnique) {
    group_.claimed = true;
    group_.where = where;
    group_.claimant = *row;
  }
  return context_.report.clean() ? entries.Add(index_key, {}) : Status::Ok();
}

Status IndexPass::Finish() {
  LoadOutput::Stream entries(output_, {.content = SegmentContent::kDerived, .filter = false});
  const uint64_t total = sort_->records();
  MENDFS_ASSIGN_OR_RETURN(auto stream, sort_->Finish());
  for (uint64_t done = 0; stream->Valid(); ++done) {
    if (done % kLoadProgressStep == 0) context_.progress("check", done, total);
    MENDFS_RETURN_IF_ERROR(Take(stream->key(), stream->payload(), entries));
    MENDFS_RETURN_IF_ERROR(stream->Next());
  }
  MENDFS_RETURN_IF_ERROR(CheckGroup());
  sort_.reset();
  return context_.report.clean() ? entries.Finish() : Status::Ok();
}

}  // namespace mendfs
