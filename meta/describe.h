// Status, commits and the schema as text: one rendering for the command line, the files below .mend
// and whatever else shows them.
//
// Shape:    JSON values are one line without a newline; members keep their order. Names of members
//           are a promise to scripts: they are added to, not changed.
// Threads:  pure functions
#pragma once

#include <string>
#include <string_view>

#include "meta/store.h"
#include "meta/table/schema/schema.h"

namespace mendfs {

inline constexpr std::string_view kVersion = "0.1.0";

// {"version":…,"store_format":…}
std::string VersionJson();
// {"health":…,"reason":…,"store":{…},"counts":{…},"head":{…}|null,"seq":{…},…}
std::string StatusJson(const StoreStatus& status);
// {"id":…,"parents":[…],"seq":…,"time":…,"actor":…,"origin":…,"message":…,"counts":{…},"changed":…}
std::string CommitJson(const CommitRow& commit);
// "user", "reconcile", …
std::string_view OriginName(Origin origin);
// "2026-11-20T12:30:05.123456789Z"
std::string TimeText(int64_t time_ns);

// The text of schema.graph.
std::string SchemaText(const Schema& schema);

}  // namespace mendfs
