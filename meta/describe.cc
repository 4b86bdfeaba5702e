#include "meta/describe.h"

#include <cstdio>
#include <ctime>
#include <nlohmann/json.hpp>

#include "meta/base/printable.h"
#include "meta/codec/hash.h"
#include "meta/table/schema/schema_parser.h"

namespace mendfs {
namespace {

using Json = nlohmann::ordered_json;

// Actors and messages are bytes from outside; JSON is UTF-8.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json Counts(const ContentCounts& counts) {
  return {{"nodes", counts.nodes}, {"edges", counts.edges}, {"files", counts.files}};
}

Json History(const HistoryStatus& history) {
  Json json = {{"commits_as_of", nullptr}, {"commits", nullptr},        {"oldest", nullptr},
               {"values_as_of", nullptr},  {"values", nullptr},         {"value_bytes", nullptr},
               {"owed", history.owed},     {"dropped", history.dropped}};
  if (history.judged_ns != 0) {
    json["commits_as_of"] = TimeText(history.judged_ns);
    json["commits"] = history.commits;
    json["oldest"] = {{"seq", history.oldest.value}, {"time", TimeText(history.oldest_ns)}};
  }
  if (history.looked_ns != 0) {
    json["values_as_of"] = TimeText(history.looked_ns);
    json["values"] = history.values;
    json["value_bytes"] = history.value_bytes;
  }
  return json;
}

Json Commit(const CommitRow& commit) {
  Json parents = Json::array();
  for (const CommitId& parent : commit.parents) parents.push_back(ShortHex(parent));
  return {{"id", ShortHex(commit.id)},         {"parents", std::move(parents)},
          {"seq", commit.seq.value},           {"time", TimeText(commit.time_ns)},
          {"actor", commit.note.actor},        {"origin", OriginName(commit.note.origin)},
          {"message", commit.note.message},    {"counts", Counts(commit.counts)},
          {"changed", commit.changed_entries}, {"content_root", ToHex(commit.content_root)}};
}

}  // namespace

std::string VersionJson() {
  return Dump({{"version", kVersion}, {"store_format", kStoreFormatVersion}});
}

std::string StatusJson(const StoreStatus& status) {
  const StoreIdentity& identity = status.identity;
  return Dump({{"health", HealthName(status.health)},
               {"reason", Printable(status.reason)},
               {"store",
                {{"uuid", identity.uuid},
                 {"format", identity.format_version},
                 {"created", TimeText(identity.created_ns)},
                 {"owner_uid", identity.owner_uid},
                 {"owner_gid", identity.owner_gid}}},
               {"counts", Counts(status.counts)},
               {"counts_as_of", status.counts_as_of.value},
               {"head", status.head ? Commit(*status.head) : Json(nullptr)},
               {"seq",
                {{"last", status.last_seq.value},
                 {"durable", status.durable_seq.value},
                 {"folded", status.folded_seq.value}}},
               {"working_set_bytes", status.working_set_bytes},
               {"journal_bytes", status.journal_bytes},
               {"segments", status.segments},
               {"replayed_records", status.replayed_records},
               {"history", History(status.history)},
               {"snapshots", status.snapshots},
               {"packs",
                {{"counted_as_of", status.packs.as_of.value},
                 {"held_bytes", status.packs.held_bytes},
                 {"live_bytes", status.packs.live_bytes},
                 {"garbage_bytes", status.packs.garbage_bytes},
                 {"older_bytes", status.packs.older_bytes},
                 {"on_demand_bytes", status.packs.on_demand_bytes},
                 {"garbage_since_bytes", status.packs.garbage_since_bytes}}},
               {"sidecars", {{"live", status.sidecars_live}, {"left", status.sidecars_left}}},
               {"space",
                {{"total_bytes", status.space.total_bytes},
                 {"free_bytes", status.space.free_bytes},
                 {"available_bytes", status.space.available_bytes}}}});
}

std::string CommitJson(const CommitRow& commit) {
  return Dump(Commit(commit));
}

std::string_view OriginName(Origin origin) {
  switch (origin) {
    case Origin::kUser: return "user";
    case Origin::kReconcile: return "reconcile";
    case Origin::kRetention: return "retention";
    case Origin::kTtl: return "ttl";
    case Origin::kReplica: return "replica";
  }
  return "unknown";
}

std::string TimeText(int64_t time_ns) {
  constexpr int64_t kSecond = 1'000'000'000;
  int64_t nanoseconds = time_ns % kSecond;
  std::time_t seconds = time_ns / kSecond;
  if (nanoseconds < 0) {
    nanoseconds += kSecond;
    --seconds;
  }
  std::tm parts{};
  gmtime_r(&seconds, &parts);  // 64-bit nanoseconds end in 2262, long before gmtime_r fails
  char text[64];
  const size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &parts);
  std::snprintf(text + size, sizeof text - size, ".%09dZ", static_cast<int>(nanoseconds));
  return text;
}

std::string SchemaText(const Schema& schema) {
  return FormatSchema(schema);
}

}  // namespace mendfs
